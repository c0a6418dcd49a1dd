//! The files of an append-only file as a target: manifest, base and increments, whole as a server would find them in its folder.
//!
//! ```text
//! === appendonly.aof.manifest           a case is a text of files; what stands before the first mark, or all of it if there is none, is
//! file appendonly.aof.1.incr.aof …      an increment with a manifest made for it
//! === appendonly.aof.1.incr.aof
//! *2\r\n…
//! ```
//!
//! What is held: a server starts or says why not; what it made of the files is there again at the next start, and after a rewrite; the
//! checker reads what the server reads, and what it has mended is sound.

use gyre::config::Settings;
use gyre::config::choices::AppendFsync;
use gyre::keyspace::digest::Digest;
use gyre::persist::aof::check::{Task, check};
use gyre::persist::simulated::SimulatedDisk;
use gyre::persist::{Files, LoadFailure};
use std::path::Path;

use crate::harness::{Engine, NOON};

const FOLDER: &str = "appendonlydir";
const MANIFEST: &str = "appendonlydir/appendonly.aof.manifest";
const MARK: &[u8] = b"=== ";
const LONE_MANIFEST: &[u8] = b"file appendonly.aof.1.incr.aof seq 1 type i\n";
const LONE_INCREMENT: &str = "appendonly.aof.1.incr.aof";

/// Names and contents.
fn files_of(case: &[u8]) -> Vec<(String, Vec<u8>)> {
    let starts: Vec<usize> =
        memchr::memmem::find_iter(case, MARK).filter(|&at| at == 0 || case[at - 1] == b'\n').collect();
    if starts.is_empty() {
        return vec![
            ("appendonly.aof.manifest".into(), LONE_MANIFEST.to_vec()),
            (LONE_INCREMENT.into(), case.to_vec()),
        ];
    }
    let ends = starts.iter().skip(1).copied().chain([case.len()]);
    starts
        .iter()
        .zip(ends)
        .map(|(&start, end)| {
            let text = &case[start + MARK.len()..end];
            let line = text.iter().position(|&byte| byte == b'\n').unwrap_or(text.len());
            let name = String::from_utf8_lossy(&text[..line]).replace(['/', '\0'], "_");
            let content = text.get(line + 1..).unwrap_or_default();
            // The end of the line before a mark is the mark's.
            let content = if end < case.len() { content.strip_suffix(b"\n").unwrap_or(content) } else { content };
            (if name.is_empty() { "_".to_owned() } else { name }, content.to_vec())
        })
        .collect()
}

fn disk_of(case: &[u8]) -> SimulatedDisk {
    let mut disk = SimulatedDisk::default();
    disk.make_folder(Path::new(FOLDER)).expect("memory takes all");
    files_of(case).into_iter().for_each(|(name, content)| disk.put(format!("{FOLDER}/{name}"), content));
    disk
}

/// Damage is to get through to the data: no checksum stops it, and no tail is too long to be cut.
fn settings() -> Settings {
    Settings {
        append_only: true,
        append_fsync: AppendFsync::Always,
        rdb_checksum: false,
        aof_load_corrupt_tail_bytes_max: 1 << 20,
        save_points: Vec::new(),
        ..Settings::default()
    }
}

fn start(disk: &SimulatedDisk) -> Result<Engine, Vec<String>> {
    let mut engine = Engine::with(settings());
    engine.world.disk = disk.clone();
    match engine.start() {
        Ok(()) => Ok(engine),
        Err(LoadFailure(lines)) => Err(lines),
    }
}

fn digest(engine: &Engine) -> String {
    Digest::of_all(&engine.server.keyspace).to_hex()
}

/// See the head of the file.
pub fn append_only(case: &[u8]) {
    check_and_mend(case);
    let disk = disk_of(case);
    let mut engine = match start(&disk) {
        Ok(engine) => engine,
        Err(lines) => {
            let said = lines.concat();
            let names_a_file = ["appendonlydir/", "append only file ", "AOF file ", "the truncated file "]
                .iter()
                .any(|mark| said.contains(mark));
            return assert!(names_a_file, "whoever refuses names a file: {said}");
        }
    };
    let loaded = digest(&engine);
    let again = start(&disk).unwrap_or_else(|lines| panic!("what was loaded is loaded again: {lines:?}"));
    assert_eq!(digest(&again), loaded, "what was cut off stays off");
    drop(again);
    let session = engine.connect();
    engine.ask(session, "BGREWRITEAOF");
    if engine.world.disk.children.is_empty() {
        return;
    }
    engine.end_child();
    let rewritten = start(&disk).unwrap_or_else(|lines| panic!("what was rewritten is loaded: {lines:?}"));
    assert_eq!(digest(&rewritten), loaded, "a base has all there is");
}

/// The checker ends, and what it has mended it takes for sound.
fn check_and_mend(case: &[u8]) {
    let mut disk = disk_of(case);
    let mut run = |task| {
        check(Path::new(MANIFEST), task, &mut disk, NOON, &mut Vec::new(), &mut || true).expect("memory takes all")
    };
    if run(Task::Fix) {
        assert!(run(Task::Look), "what was mended is sound");
    }
    run(Task::TruncateTo(NOON / 1000));
}
