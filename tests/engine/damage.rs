//! Damaged files: every byte of a manifest, a base, an increment and a dump is changed, in one bit, in case, in all, and every file is cut
//! at every length.
//!
//! ```text
//!                 a byte is changed                             the file is cut
//! manifest        refused, or it says the same                  refused
//! base, dump      refused: they have a checksum                 refused
//! increment       refused, or another word: it has none         the whole commands before count, or refused if so set
//! ```
//!
//! Whoever refuses names the file, and the place if there is one. The checker says of a file what the server does.

use std::path::Path;

use gyre::config::Settings;
use gyre::config::choices::AppendFsync;
use gyre::keyspace::digest::Digest;
use gyre::persist::aof::check::{Task, check};
use gyre::persist::simulated::SimulatedDisk;
use gyre::persist::{Files, LoadFailure};

use crate::harness::{Engine, NOON};

const MANIFEST: &str = "appendonlydir/appendonly.aof.manifest";
const BASE: &str = "appendonlydir/appendonly.aof.2.base.rdb";
const INCREMENT: &str = "appendonlydir/appendonly.aof.2.incr.aof";
const DUMP: &str = "dump.rdb";

/// Where the digit of the tens of a dump's version stands.
const VERSION_AT: usize = 7;

/// What the base has: some of each type.
const FIRST: &[&str] =
    &["SET text hello", "RPUSH list a 2 3", "SADD set 1 2", "HSET hash f v", "ZADD zset 1.5 m", "XADD x 1-1 f v"];

/// What the increment has, each as it is recorded: a transaction is one.
const SECOND: &[&[&str]] = &[
    &["SET text world"],
    &["APPEND text !"],
    &["MULTI", "INCR n", "RPUSH list 4", "EXEC"],
    &["SELECT 1", "SET other 1"],
];

/// Sound files, and the digests that the data had: behind the base, then behind each item of `SECOND`.
struct Sound {
    files: Vec<(String, Vec<u8>)>,
    digests: Vec<String>,
}

fn settings(is_append_only: bool) -> Settings {
    let append_fsync = AppendFsync::Always;
    Settings { append_only: is_append_only, append_fsync, save_points: Vec::new(), ..Settings::default() }
}

fn digest(engine: &Engine) -> String {
    Digest::of_all(&engine.server.keyspace).to_hex()
}

fn make_sound() -> Sound {
    let mut engine = Engine::with(settings(true));
    engine.start().expect("there is nothing yet");
    let session = engine.connect();
    let ask = |engine: &mut Engine, line: &str| {
        let reply = engine.ask(session, line);
        assert!(!reply.starts_with('-'), "{line}: {reply}");
        engine.end_turn().expect("the disk is well");
    };
    FIRST.iter().for_each(|line| ask(&mut engine, line));
    ask(&mut engine, "BGREWRITEAOF");
    engine.end_child();
    let mut digests = vec![digest(&engine)];
    for lines in SECOND {
        lines.iter().for_each(|line| ask(&mut engine, line));
        digests.push(digest(&engine));
    }
    ask(&mut engine, "SAVE");
    let disk = &engine.world.disk;
    let files =
        [MANIFEST, BASE, INCREMENT, DUMP].map(|path| (path.to_owned(), disk.file(path).expect("it was written")));
    Sound { files: files.to_vec(), digests }
}

impl Sound {
    fn bytes(&self, path: &str) -> &[u8] {
        &self.files.iter().find(|(name, _)| name == path).expect("one of the four").1
    }

    /// A disk with all files, one of them with these bytes.
    fn disk_with(&self, path: &str, bytes: &[u8]) -> SimulatedDisk {
        let mut disk = SimulatedDisk::default();
        disk.make_folder(Path::new("appendonlydir")).expect("memory takes all");
        for (name, sound) in &self.files {
            disk.put(name, if name == path { bytes.to_vec() } else { sound.clone() });
        }
        disk
    }

    /// Starts a server with one file changed: the digest of its data, or what it says.
    fn start(&self, path: &str, bytes: &[u8], settings: Settings) -> Result<String, String> {
        let mut engine = Engine::with(settings);
        engine.world.disk = self.disk_with(path, bytes);
        match engine.start() {
            Ok(()) => Ok(digest(&engine)),
            Err(LoadFailure(lines)) => Err(lines.join("\n")),
        }
    }

    /// Whether the checker takes it for sound.
    fn is_sound(&self, path: &str, bytes: &[u8]) -> bool {
        let mut disk = self.disk_with(path, bytes);
        check(Path::new(MANIFEST), Task::Look, &mut disk, NOON, &mut Vec::new(), &mut || false)
            .expect("memory takes all")
    }

    /// Calls with every variant of a file that has one byte changed, and where that is.
    fn each_changed_byte(&self, path: &str, mut with: impl FnMut(&[u8], usize)) {
        let mut bytes = self.bytes(path).to_vec();
        for place in 0..bytes.len() {
            // Another bit each time; the bit that makes letters small; all bits.
            for mask in [1 << (place % 8), 0x20, 0xff] {
                bytes[place] ^= mask;
                with(&bytes, place);
                bytes[place] ^= mask;
            }
        }
    }
}

/// What is said names the file, and a place in it.
fn assert_names(said: &str, path: &str, place: usize) {
    let name = path.rsplit('/').next().expect("a path has a name");
    assert!(said.contains(name) && said.contains("offset"), "changed at {place} of {path}:\n{said}");
}

#[test]
fn a_manifest_with_a_changed_byte_is_refused_or_says_the_same() {
    let sound = make_sound();
    let last = sound.digests.last().expect("some");
    sound.each_changed_byte(MANIFEST, |bytes, place| match sound.start(MANIFEST, bytes, settings(true)) {
        Ok(loaded) => assert_eq!(loaded, *last, "changed at {place}: {}", String::from_utf8_lossy(bytes)),
        Err(said) => assert!(said.contains(MANIFEST), "changed at {place}:\n{said}"),
    });
}

#[test]
fn a_manifest_that_is_cut_or_gone_is_refused() {
    let sound = make_sound();
    let whole = sound.bytes(MANIFEST);
    for length in 0..whole.len() {
        let said = sound.start(MANIFEST, &whole[..length], settings(true)).expect_err("not all is named");
        assert!(said.contains(MANIFEST), "cut at {length}:\n{said}");
    }
    let mut engine = Engine::with(settings(true));
    engine.world.disk = sound.disk_with(MANIFEST, whole);
    engine.world.disk.remove(Path::new(MANIFEST)).expect("it was there");
    let LoadFailure(lines) = engine.start().expect_err("all the data is there, and unnamed");
    assert!(lines.concat().contains(MANIFEST), "{lines:?}");
    assert!(engine.world.disk.file(BASE).is_some(), "nothing was written over");
}

#[test]
fn a_base_that_is_damaged_is_refused() {
    let sound = make_sound();
    let check = |bytes: &[u8], place: usize| {
        let said = sound.start(BASE, bytes, settings(true)).expect_err("a checksum tells");
        assert_names(&said.replace("is empty", "offset 0"), BASE, place);
        assert!(!sound.is_sound(BASE, bytes) || bytes.is_empty(), "the checker says so, too: {place}");
    };
    sound.each_changed_byte(BASE, check);
    (0..sound.bytes(BASE).len()).for_each(|length| check(&sound.bytes(BASE)[..length], length));
}

#[test]
fn a_dump_that_is_damaged_is_refused() {
    let sound = make_sound();
    let (whole, last) = (sound.bytes(DUMP).to_vec(), sound.digests.last().expect("some").clone());
    let check = |bytes: &[u8], place: usize| {
        match sound.start(DUMP, bytes, settings(false)) {
            Err(said) => assert_names(&said, DUMP, place),
            // Its version became one of before the checksum; what follows was as it should be.
            Ok(loaded) => assert!(loaded == last && bytes.len() == whole.len() && place == VERSION_AT, "{place}"),
        }
    };
    sound.each_changed_byte(DUMP, check);
    (0..sound.bytes(DUMP).len()).for_each(|length| check(&sound.bytes(DUMP)[..length], length));
}

#[test]
fn an_increment_with_a_changed_byte_is_refused_or_has_another_word() {
    let sound = make_sound();
    let strict = || Settings { aof_load_truncated: false, ..settings(true) };
    sound.each_changed_byte(INCREMENT, |bytes, place| {
        let is_sound = sound.is_sound(INCREMENT, bytes);
        match sound.start(INCREMENT, bytes, strict()) {
            Ok(_) => assert!(is_sound, "changed at {place}: what the checker refuses is not loaded"),
            Err(said) => {
                assert_names(&said, INCREMENT, place);
                // Which commands there are is the server's to know.
                let is_known = !said.contains("Unknown command") && !said.contains("Wrong number of words");
                assert!(!(is_sound && is_known), "changed at {place}: the checker has not seen it:\n{said}");
            }
        }
    });
}

#[test]
fn an_increment_that_is_cut_counts_up_to_its_last_whole_command() {
    let sound = make_sound();
    let whole = sound.bytes(INCREMENT);
    let mut reached = 0;
    for length in 0..whole.len() {
        let cut = &whole[..length];
        let loaded = sound.start(INCREMENT, cut, settings(true)).expect("a torn tail is cut off");
        let found = sound.digests.iter().position(|digest| *digest == loaded);
        let found = found.unwrap_or_else(|| panic!("cut at {length}: nothing in between was ever there"));
        assert!(found >= reached, "cut at {length}: what was there a byte ago");
        reached = found;
        let strict = Settings { aof_load_truncated: false, ..settings(true) };
        if let Err(said) = sound.start(INCREMENT, cut, strict) {
            assert_names(&said, INCREMENT, length);
            assert!(!sound.is_sound(INCREMENT, cut), "cut at {length}");
        }
    }
    assert_eq!(reached, sound.digests.len() - 2, "all but the last");
}
