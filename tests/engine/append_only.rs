//! The append-only file through the engine, in virtual time, on a disk in memory that fails when it is told to.

use gyre::base::random::Random;
use gyre::config::Settings;
use gyre::config::choices::{Allowed, AppendFsync};
use gyre::exec::{append_only, readers, shutdown};
use gyre::keyspace::SessionKey;
use gyre::keyspace::digest::Digest;
use gyre::persist::simulated::{SimulatedDisk, Trouble};
use gyre::persist::{LoadFailure, Purpose};
use gyre::server::ShutdownRequest;

use crate::harness::Engine;

const FOLDER: &str = "appendonlydir/";
const MANIFEST: &str = "appendonlydir/appendonly.aof.manifest";
const FIRST: &str = "appendonlydir/appendonly.aof.1.incr.aof";
const MARK: &str = "appendonlydir/appendonly.aof.open";

fn settings(policy: AppendFsync) -> Settings {
    let debug_command = Allowed::Yes;
    Settings { append_only: true, append_fsync: policy, save_points: Vec::new(), debug_command, ..Settings::default() }
}

/// A server that was started on this disk.
fn started(settings: Settings, disk: &SimulatedDisk) -> (Engine, SessionKey) {
    let (mut engine, started) = try_start(settings, disk);
    started.expect("the files are sound");
    let session = engine.connect();
    (engine, session)
}

fn try_start(settings: Settings, disk: &SimulatedDisk) -> (Engine, Result<(), LoadFailure>) {
    let mut engine = Engine::with(settings);
    engine.world.disk = disk.clone();
    let started = engine.start();
    (engine, started)
}

/// One command and the end of its turn.
fn ask(engine: &mut Engine, session: SessionKey, line: &str) -> String {
    let reply = engine.ask(session, line);
    engine.end_turn().expect("the disk is well enough");
    reply
}

fn text(disk: &SimulatedDisk, path: &str) -> String {
    String::from_utf8(disk.file(path).unwrap_or_else(|| panic!("no {path} in {:?}", disk.paths()))).expect("text")
}

/// The words of a file, the protocol's marks left out.
fn words(disk: &SimulatedDisk, path: &str) -> String {
    let text = text(disk, path);
    text.split("\r\n").filter(|word| !word.is_empty() && !word.starts_with(['*', '$'])).collect::<Vec<_>>().join(" ")
}

fn digest(engine: &Engine) -> String {
    Digest::of_all(&engine.server.keyspace).to_hex()
}

/// Every type and encoding, deadlines of keys and fields, groups with consumers, a library.
const ALL_KINDS: &[&str] = &[
    "SET int 12345",
    "SET text hello EX 1000",
    "APPEND text world",
    "RPUSH list a 1 2 3",
    "SADD ints 1 2 3",
    "SADD pack a b 3",
    "ZADD zset 1.5 a -inf b 3 c",
    "HSET hash f v g 7",
    "HPEXPIRE hash 1000000 FIELDS 1 f",
    "XADD stream 1-1 f v g w",
    "XADD stream 2-1 f v",
    "XDEL stream 2-1",
    "XGROUP CREATE stream group 0",
    "XREADGROUP GROUP group alice STREAMS stream >",
    "XGROUP CREATECONSUMER stream group bob",
    "XGROUP CREATE empty group $ MKSTREAM",
    "SELECT 9",
    "SET other 1",
    "FUNCTION LOAD \"#!lua name=lib\\nredis.register_function('f', function() return 42 end)\"",
];

fn fill(engine: &mut Engine, session: SessionKey) {
    for line in ALL_KINDS {
        let reply = ask(engine, session, line);
        assert!(!reply.starts_with('-'), "{line}: {reply}");
    }
    for n in 0..1000 {
        for line in [
            format!("RPUSH big:list element:{n}"),
            format!("SADD big:set member:{n}"),
            format!("ZADD big:zset {n}.25 member:{n}"),
            format!("HSET big:hash field:{n} value:{n}"),
        ] {
            ask(engine, session, &line);
        }
    }
    ask(engine, session, "HPEXPIRE big:hash 500000 FIELDS 2 field:1 field:2");
}

#[test]
fn what_was_written_is_there_at_the_next_start() {
    for is_dump in [true, false] {
        let disk = SimulatedDisk::default();
        let settings = || Settings { aof_use_rdb_preamble: is_dump, ..settings(AppendFsync::Always) };
        let (mut engine, session) = started(settings(), &disk);
        fill(&mut engine, session);
        let written = digest(&engine);
        let (again, _) = started(settings(), &disk);
        assert_eq!(digest(&again), written, "from the increment, {is_dump}");
        // The same out of a base.
        assert_eq!(ask(&mut engine, session, "BGREWRITEAOF"), "+Background append only file rewriting started\r\n");
        ask(&mut engine, session, "SET behind the");
        engine.end_child();
        ask(&mut engine, session, "SET behind all");
        let written = digest(&engine);
        let (mut again, session) = started(settings(), &disk);
        assert_eq!(digest(&again), written, "from the base, {is_dump}");
        for (line, expected) in [
            ("FCALL f 0", ":42\r\n"),
            ("XPENDING stream group", "*4\r\n:1\r\n$3\r\n1-1\r\n$3\r\n1-1\r\n*1\r\n*2\r\n$5\r\nalice\r\n$1\r\n1\r\n"),
            ("HPEXPIRETIME hash FIELDS 1 f", "*1\r\n:1700001000000\r\n"),
            ("PEXPIRETIME text", ":1700001000000\r\n"),
        ] {
            assert_eq!(again.ask(session, line), expected, "{line}");
        }
        let format = if is_dump { "rdb" } else { "aof" };
        let expected = format!(
            "file appendonly.aof.2.base.{format} seq 2 type b\nfile appendonly.aof.2.incr.aof seq 2 type i startoffset "
        );
        let manifest = text(&disk, MANIFEST);
        assert!(manifest.starts_with(&expected) && manifest.lines().count() == 2, "{manifest}");
        assert_eq!(disk.file(FIRST), None, "history is removed");
    }
}

#[test]
fn under_always_nobody_is_answered_for_what_is_not_on_the_disk() {
    for trouble in [Trouble::Write(0), Trouble::Sync] {
        let disk = SimulatedDisk::default();
        let (mut engine, session) = started(settings(AppendFsync::Always), &disk);
        engine.world.disk.trouble.set(Some(trouble));
        engine.feed(session, b"SET a 1\r\n");
        engine.settle();
        assert_eq!(engine.end_turn(), Err(readers::MustLeave), "{trouble:?}: no reply of this turn leaves");
    }
}

#[test]
fn a_disk_that_refuses_stops_writes_until_it_takes_them() {
    let disk = SimulatedDisk::default();
    let (mut engine, session) = started(settings(AppendFsync::EverySecond), &disk);
    assert_eq!(ask(&mut engine, session, "SET a 1"), "+OK\r\n");
    let whole = disk.file(FIRST).expect("written").len() as u64;
    // The disk takes half of the next command.
    engine.world.disk.trouble.set(Some(Trouble::Write(whole + 7)));
    assert_eq!(ask(&mut engine, session, "SET a 2"), "+OK\r\n");
    assert_eq!(disk.file(FIRST).expect("written").len() as u64, whole, "the torn tail is cut off");
    for line in ["SET a 3", "PING"] {
        let reply = ask(&mut engine, session, line);
        assert!(reply.starts_with("-MISCONF Errors writing to the AOF file: "), "{reply}");
    }
    assert_eq!(ask(&mut engine, session, "GET a"), "$1\r\n2\r\n");
    assert_eq!(engine.ask(session, "EVAL \"return redis.call('SET','a','3')\" 0").get(..8), Some("-MISCONF"));
    engine.world.disk.trouble.set(None);
    ask(&mut engine, session, "GET a");
    assert_eq!(ask(&mut engine, session, "SET a 4"), "+OK\r\n");
    assert_eq!(words(&disk, FIRST), "SELECT 0 SET a 1 SET a 2 SET a 4");
}

#[test]
fn after_a_failed_sync_only_new_files_count() {
    let disk = SimulatedDisk::default();
    let (mut engine, session) = started(settings(AppendFsync::EverySecond), &disk);
    engine.pass(1500);
    engine.world.disk.trouble.set(Some(Trouble::Sync));
    ask(&mut engine, session, "SET a 1");
    let position = readers::position(&engine.server);
    // The helper is done with it, and badly.
    ask(&mut engine, session, "GET a");
    engine.world.disk.trouble.set(None);
    assert_eq!(ask(&mut engine, session, "SET a 2").get(..8), Some("-MISCONF"));
    // The system would say that all is well now; but what it lost it has forgotten.
    for _ in 0..5 {
        engine.pass(1500);
        ask(&mut engine, session, "GET a");
    }
    assert!(!engine.server.persist.aof.is_safe(position));
    append_only::rewrite_if_due(&mut engine.server, &mut engine.world);
    assert!(engine.server.persist.has_child_for(Purpose::Rewrite), "a rewrite brings it to the disk");
    engine.end_child();
    assert!(engine.server.persist.aof.is_safe(position));
    assert_eq!(ask(&mut engine, session, "SET a 2"), "+OK\r\n");
    let (mut again, session) = started(settings(AppendFsync::EverySecond), &disk);
    assert_eq!(again.ask(session, "GET a"), "$1\r\n2\r\n");
}

#[test]
fn a_file_whose_last_sync_failed_grows_on_and_the_one_behind_it_stays_empty() {
    let disk = SimulatedDisk::default();
    let (mut engine, session) = started(settings(AppendFsync::No), &disk);
    ask(&mut engine, session, "SET a 1");
    // Its last sync begins here.
    engine.ask(session, "BGREWRITEAOF");
    let manifest = text(&disk, MANIFEST);
    engine.world.disk.trouble.set(Some(Trouble::Sync));
    ask(&mut engine, session, "SET a 2");
    engine.world.disk.trouble.set(None);
    assert_eq!(words(&disk, FIRST), "SELECT 0 SET a 1 SELECT 0 SET a 2");
    assert_eq!(disk.file("appendonlydir/appendonly.aof.2.incr.aof"), Some(Vec::new()));
    assert!(engine.server.persist.child.is_none(), "a base between the two is of no use");
    assert_eq!(ask(&mut engine, session, "SET a 3").get(..8), Some("-MISCONF"));
    // What heals stands beside until it is whole: a crash meanwhile finds the files of before, and nothing behind the doubtful one.
    append_only::rewrite_if_due(&mut engine.server, &mut engine.world);
    assert_eq!(text(&disk, MANIFEST), manifest);
    engine.end_child();
    assert_eq!(ask(&mut engine, session, "SET a 4"), "+OK\r\n");
    let healed =
        "file appendonly.aof.2.base.rdb seq 2 type b\nfile appendonly.aof.3.incr.aof seq 3 type i startoffset ";
    assert!(text(&disk, MANIFEST).starts_with(healed));
    let (mut again, session) = started(settings(AppendFsync::No), &disk);
    assert_eq!(again.ask(session, "GET a"), "$1\r\n4\r\n");
}

#[test]
fn what_a_failed_sync_left_in_memory_the_next_server_writes_again() {
    for seed in 0..40 {
        let mut disk = SimulatedDisk::default();
        let (mut engine, session) = started(settings(AppendFsync::Always), &disk);
        engine.world.disk.trouble.set(Some(Trouble::Sync));
        engine.feed(session, b"SET a 1\r\n");
        engine.settle();
        assert!(engine.end_turn().is_err());
        disk.kill();
        // It is still seen, so it is built upon: then it must not go any more.
        let (mut again, its_session) = started(settings(AppendFsync::Always), &disk);
        assert_eq!(ask(&mut again, its_session, "INCR a"), ":2\r\n");
        disk.crash(&mut Random::new(seed));
        let (mut once_more, its_session) = started(settings(AppendFsync::Always), &disk);
        assert_eq!(once_more.ask(its_session, "GET a"), "$1\r\n2\r\n", "{seed}");
    }
}

#[test]
fn who_ends_well_takes_the_mark_away() {
    let leave = |engine: &mut Engine| {
        let request = ShutdownRequest { save: Some(false), force: false, now: false };
        shutdown::prepare(&mut engine.server, &mut engine.world, request)
    };
    let disk = SimulatedDisk::default();
    let (mut engine, session) = started(settings(AppendFsync::EverySecond), &disk);
    ask(&mut engine, session, "SET a 1");
    assert!(disk.file(MARK).is_some());
    assert!(leave(&mut engine));
    assert_eq!(disk.file(MARK), None);
    // Not after a sync that failed, whatever the last one came to.
    let (mut engine, session) = started(settings(AppendFsync::EverySecond), &disk);
    engine.world.disk.trouble.set(Some(Trouble::Sync));
    ask(&mut engine, session, "SET a 2");
    ask(&mut engine, session, "GET a");
    engine.world.disk.trouble.set(None);
    assert!(leave(&mut engine), "all it has is in the file");
    assert!(disk.file(MARK).is_some());
}

#[test]
fn a_server_that_heals_does_not_leave_what_is_nowhere_else() {
    let disk = SimulatedDisk::default();
    let (mut engine, session) = started(settings(AppendFsync::EverySecond), &disk);
    engine.world.disk.trouble.set(Some(Trouble::Sync));
    ask(&mut engine, session, "SET a 2");
    ask(&mut engine, session, "GET a");
    append_only::rewrite_if_due(&mut engine.server, &mut engine.world);
    for (force, may_leave) in [(false, false), (true, true)] {
        let request = ShutdownRequest { save: Some(false), force, now: false };
        assert_eq!(shutdown::prepare(&mut engine.server, &mut engine.world, request), may_leave, "{force}");
    }
}

#[test]
fn what_stood_under_the_name_of_a_new_file_is_gone_for_good() {
    for seed in 0..40 {
        let mut disk = SimulatedDisk::default();
        let (mut engine, session) = started(settings(AppendFsync::Always), &disk);
        assert_eq!(ask(&mut engine, session, "INCR a"), ":1\r\n");
        disk.put("appendonlydir/appendonly.aof.2.incr.aof", b"*2\r\n$4\r\nINCR\r\n$1\r\na\r\n".to_vec());
        engine.ask(session, "BGREWRITEAOF");
        disk.crash(&mut Random::new(seed));
        let (mut again, session) = started(settings(AppendFsync::Always), &disk);
        assert_eq!(again.ask(session, "GET a"), "$1\r\n1\r\n", "{seed}");
    }
}

#[test]
fn everysec_syncs_once_a_second_beside_the_loop() {
    let disk = SimulatedDisk::default();
    let (mut engine, session) = started(settings(AppendFsync::EverySecond), &disk);
    engine.pass(1000);
    ask(&mut engine, session, "SET a 1");
    let first = readers::position(&engine.server);
    assert!(!engine.server.persist.aof.is_safe(first), "it was begun and is not done");
    ask(&mut engine, session, "GET a");
    assert!(engine.server.persist.aof.is_safe(first));
    ask(&mut engine, session, "SET a 2");
    let second = readers::position(&engine.server);
    engine.pass(900);
    ask(&mut engine, session, "GET a");
    ask(&mut engine, session, "GET a");
    assert!(!engine.server.persist.aof.is_safe(second), "the second is not over");
    engine.pass(100);
    ask(&mut engine, session, "GET a");
    ask(&mut engine, session, "GET a");
    assert!(engine.server.persist.aof.is_safe(second));
}

#[test]
fn a_torn_tail_is_cut_back_to_what_is_whole() {
    let disk = SimulatedDisk::default();
    let (mut engine, session) = started(settings(AppendFsync::Always), &disk);
    ask(&mut engine, session, "SET a 1");
    let whole = disk.file(FIRST).expect("written");
    for line in ["MULTI", "SET a 2", "SET b 2", "EXEC"] {
        ask(&mut engine, session, line);
    }
    let all = disk.file(FIRST).expect("written");
    for length in whole.len()..all.len() {
        // Each on a disk of its own.
        let mut torn = SimulatedDisk::default();
        gyre::persist::Files::make_folder(&mut torn, std::path::Path::new("appendonlydir")).expect("a folder");
        disk.paths().iter().for_each(|path| torn.put(path, disk.file(path).expect("it is there")));
        torn.put(FIRST, all[..length].to_vec());
        let strict = Settings { aof_load_truncated: false, ..settings(AppendFsync::Always) };
        if length > whole.len() {
            assert!(try_start(strict, &torn).1.is_err(), "{length}");
        }
        let (mut again, session) = started(settings(AppendFsync::Always), &torn);
        assert_eq!(again.ask(session, "GET a"), "$1\r\n1\r\n", "{length}");
        assert_eq!(ask(&mut again, session, "SET c 3"), "+OK\r\n");
        // What was appended behind the cut is not lost at the start after that.
        let (mut once_more, session) = started(settings(AppendFsync::Always), &torn);
        for (key, value) in [("a", "$1\r\n1\r\n"), ("b", "$-1\r\n"), ("c", "$1\r\n3\r\n")] {
            assert_eq!(once_more.ask(session, &format!("GET {key}")), value, "{length}");
        }
    }
}

#[test]
fn damage_is_cut_off_as_far_as_the_settings_say() {
    for (bytes_max, is_loaded) in [(0, false), (8, false), (9, true)] {
        let disk = SimulatedDisk::default();
        let (mut engine, session) = started(settings(AppendFsync::Always), &disk);
        ask(&mut engine, session, "SET a 1");
        let mut file = disk.file(FIRST).expect("written");
        file.extend_from_slice(b"!!garbage");
        engine.world.disk.put(FIRST, file);
        let lenient = Settings { aof_load_corrupt_tail_bytes_max: bytes_max, ..settings(AppendFsync::Always) };
        assert_eq!(try_start(lenient, &disk).1.is_ok(), is_loaded, "{bytes_max}");
    }
}

#[test]
fn only_the_last_file_may_be_torn_and_none_may_be_missing() {
    let disk = SimulatedDisk::default();
    let (mut engine, session) = started(settings(AppendFsync::Always), &disk);
    ask(&mut engine, session, "SET a 1");
    ask(&mut engine, session, "BGREWRITEAOF");
    ask(&mut engine, session, "SET a 2");
    // The child is lost: both increments are there.
    let first = disk.file(FIRST).expect("written");
    engine.world.disk.put(FIRST, first[..first.len() - 1].to_vec());
    assert!(try_start(settings(AppendFsync::Always), &disk).1.is_err());
    engine.world.disk.put(FIRST, first);
    let (mut again, session) = started(settings(AppendFsync::Always), &disk);
    assert_eq!(again.ask(session, "GET a"), "$1\r\n2\r\n");
    gyre::persist::Files::remove(&mut engine.world.disk, std::path::Path::new(FIRST)).expect("it was there");
    let (_, failed) = try_start(settings(AppendFsync::Always), &disk);
    let LoadFailure(lines) = failed.expect_err("a file is missing");
    assert!(
        lines[0].contains("appendonly.aof.1.incr.aof") && lines[0].ends_with("No such file or directory"),
        "{lines:?}"
    );
}

#[test]
fn a_deadline_that_was_over_meanwhile_counts_when_all_is_loaded() {
    let mut disk = SimulatedDisk::default();
    let command = |words: &[&str]| {
        let words: String = words.iter().map(|word| format!("${}\r\n{word}\r\n", word.len())).collect();
        words
    };
    let lines = [
        format!("*3\r\n{}", command(&["RPUSH", "list", "foo"])),
        format!("*3\r\n{}", command(&["PEXPIREAT", "list", "1000"])),
        format!("*3\r\n{}", command(&["RPUSH", "list", "bar"])),
    ];
    disk.put("appendonly.aof", lines.concat().into_bytes());
    let (mut engine, session) = started(settings(AppendFsync::Always), &disk);
    assert_eq!(engine.ask(session, "LLEN list"), ":0\r\n");
    assert_eq!(disk.file("appendonly.aof"), None, "the old file was moved");
    let expected = "file appendonly.aof seq 1 type b\nfile appendonly.aof.1.incr.aof seq 1 type i startoffset 0\n";
    assert_eq!(text(&disk, MANIFEST), expected);
    assert!(disk.file(format!("{FOLDER}appendonly.aof")).is_some());
}

#[test]
fn the_file_is_switched_on_and_off() {
    let disk = SimulatedDisk::default();
    let off = Settings { append_only: false, ..settings(AppendFsync::Always) };
    let (mut engine, session) = started(off, &disk);
    ask(&mut engine, session, "SET a 1");
    assert_eq!(ask(&mut engine, session, "CONFIG SET appendonly yes"), "+OK\r\n");
    ask(&mut engine, session, "SET a 2");
    assert_eq!(disk.file(MANIFEST), None, "there is no base yet");
    // A child that fails leaves nothing of it.
    engine.world.disk.children[0].1 = 1;
    engine.end_child();
    assert_eq!(disk.paths().len(), 0, "{:?}", disk.paths());
    append_only::rewrite_if_due(&mut engine.server, &mut engine.world);
    ask(&mut engine, session, "SET a 3");
    engine.end_child();
    let (mut again, its_session) = started(settings(AppendFsync::Always), &disk);
    assert_eq!(again.ask(its_session, "GET a"), "$1\r\n3\r\n");
    ask(&mut engine, session, "CONFIG SET appendonly no");
    ask(&mut engine, session, "SET a 4");
    assert!(!engine.server.journal.is_read(), "nobody pays for what nobody reads");
    let (mut again, its_session) = started(settings(AppendFsync::Always), &disk);
    assert_eq!(again.ask(its_session, "GET a"), "$1\r\n3\r\n");
}

#[test]
fn a_transaction_schedules_its_rewrite() {
    let disk = SimulatedDisk::default();
    let (mut engine, session) = started(settings(AppendFsync::Always), &disk);
    for line in ["MULTI", "BGREWRITEAOF", "SET a 1"] {
        ask(&mut engine, session, line);
    }
    let expected = "*2\r\n+Background append only file rewriting scheduled\r\n+OK\r\n";
    assert_eq!(ask(&mut engine, session, "EXEC"), expected);
    assert!(engine.server.persist.child.is_none());
    append_only::rewrite_if_due(&mut engine.server, &mut engine.world);
    let refused = "-ERR Background append only file rewriting already in progress\r\n";
    assert_eq!(ask(&mut engine, session, "BGREWRITEAOF"), refused);
    engine.end_child();
}

#[test]
fn growth_asks_for_a_rewrite() {
    let disk = SimulatedDisk::default();
    let eager = Settings { aof_rewrite_bytes_min: 100, ..settings(AppendFsync::EverySecond) };
    let (mut engine, session) = started(eager, &disk);
    append_only::rewrite_if_due(&mut engine.server, &mut engine.world);
    assert!(engine.server.persist.child.is_none(), "it is small");
    for n in 0..100 {
        ask(&mut engine, session, &format!("SET key {n}"));
    }
    append_only::rewrite_if_due(&mut engine.server, &mut engine.world);
    engine.end_child();
    append_only::rewrite_if_due(&mut engine.server, &mut engine.world);
    assert!(engine.server.persist.child.is_none(), "it has not grown since");
}

#[test]
fn the_time_stands_in_the_file_once_a_second() {
    let disk = SimulatedDisk::default();
    let timed = Settings { aof_timestamps: true, ..settings(AppendFsync::Always) };
    let (mut engine, session) = started(timed, &disk);
    ask(&mut engine, session, "SET a 1");
    ask(&mut engine, session, "SET a 2");
    engine.pass(1000);
    ask(&mut engine, session, "SET a 3");
    let expected = "#TS:1700000000 SELECT 0 SET a 1 SET a 2 #TS:1700000001 SET a 3";
    assert_eq!(words(&disk, FIRST), expected);
}

#[test]
fn loading_again_gives_the_same_data_and_nothing_is_recorded() {
    let disk = SimulatedDisk::default();
    let (mut engine, session) = started(settings(AppendFsync::Always), &disk);
    fill(&mut engine, session);
    let (before, file) = (digest(&engine), disk.file(FIRST));
    assert_eq!(ask(&mut engine, session, "DEBUG LOADAOF"), "+OK\r\n");
    assert_eq!(digest(&engine), before);
    assert_eq!(disk.file(FIRST), file);
    assert_eq!(ask(&mut engine, session, "FCALL f 0"), ":42\r\n");
}

#[test]
fn waitaof_answers_when_it_is_on_the_disk() {
    let disk = SimulatedDisk::default();
    let (mut engine, session) = started(settings(AppendFsync::EverySecond), &disk);
    engine.pass(1000);
    ask(&mut engine, session, "SET a 1");
    assert_eq!(engine.ask(session, "WAITAOF 1 0 0"), "", "the sync goes on");
    engine.end_turn().expect("the disk is well");
    assert_eq!(engine.replies(session), b"*2\r\n:1\r\n:0\r\n");
    assert_eq!(ask(&mut engine, session, "WAITAOF 1 0 0"), "*2\r\n:1\r\n:0\r\n");
    // Who waits when the file is switched off waits in vain.
    ask(&mut engine, session, "SET a 2");
    assert_eq!(engine.ask(session, "WAITAOF 1 0 0"), "");
    let other = engine.connect();
    ask(&mut engine, other, "CONFIG SET appendonly no");
    let refused = "-ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.\r\n";
    assert_eq!(String::from_utf8_lossy(&engine.replies(session)), refused);
}

#[test]
fn nothing_stands_in_the_next_file_before_the_one_before_is_on_the_disk() {
    let disk = SimulatedDisk::default();
    let (mut engine, session) = started(settings(AppendFsync::No), &disk);
    ask(&mut engine, session, "SET a 1");
    engine.ask(session, "BGREWRITEAOF");
    engine.feed(session, b"SET a 2\r\n");
    engine.settle();
    // The sync of the first file was begun at the change and is done when it is asked after: only then the second has anything.
    let second = "appendonlydir/appendonly.aof.2.incr.aof";
    assert_eq!(disk.file(second), Some(Vec::new()));
    engine.end_turn().expect("the disk is well");
    assert_eq!(words(&disk, second), "SELECT 0 SET a 2");
    // One that fails is met as any other: what the first file holds is doubtful until the base is there.
    engine.end_child();
    ask(&mut engine, session, "SET a 3");
    engine.world.disk.trouble.set(Some(Trouble::Sync));
    engine.ask(session, "GET a");
    let begun = append_only::begin_rewrite(&mut engine.server, &mut engine.world);
    assert!(!begun, "the manifest cannot be synced either");
}

#[test]
fn the_manifest_tells_where_files_begin_and_end_in_the_history() {
    let (mut engine, session) = started(settings(AppendFsync::Always), &SimulatedDisk::default());
    let last_line = |engine: &Engine| text(&engine.world.disk, MANIFEST).lines().last().expect("a line").to_owned();
    assert_eq!(last_line(&engine), "file appendonly.aof.1.incr.aof seq 1 type i startoffset 0");
    for line in ["SET a 1", "PUBLISH c m", "EVAL \"redis.call('SET','a',2) redis.call('SET','a',3)\" 0"] {
        ask(&mut engine, session, line);
    }
    // 1. Without replicas each command counts, MULTI and EXEC too; what is for replicas only does not.
    assert_eq!(engine.server.replication_offset(), 5);
    ask(&mut engine, session, "CONFIG SET appendonly no");
    assert_eq!(last_line(&engine), "file appendonly.aof.1.incr.aof seq 1 type i startoffset 0 endoffset 5");
    ask(&mut engine, session, "SET a 4");
    assert_eq!(engine.server.replication_offset(), 5, "nobody reads");
    ask(&mut engine, session, "CONFIG SET appendonly yes");
    ask(&mut engine, session, "SET a 5");
    engine.end_child();
    assert_eq!(last_line(&engine), "file appendonly.aof.2.incr.aof seq 2 type i startoffset 5");
    // 2. Of a file that was not closed its length is taken, so that what comes next never begins before it.
    let length = engine.world.disk.file("appendonlydir/appendonly.aof.2.incr.aof").expect("there").len() as i64;
    let (mut engine, session) = started(settings(AppendFsync::Always), &engine.world.disk);
    assert_eq!(engine.server.replication_offset(), 5 + length);
    ask(&mut engine, session, "SET a 6");
    // 3. Closed in order, it tells its end; that is taken, and not told any more while it grows.
    assert!(append_only::prepare_to_leave(&mut engine.server, &mut engine.world, false));
    let end = 5 + length + 1;
    assert!(last_line(&engine).ends_with(&format!("startoffset 5 endoffset {end}")));
    let (engine, _) = started(settings(AppendFsync::Always), &engine.world.disk);
    assert_eq!(engine.server.replication_offset(), end);
    assert!(last_line(&engine).ends_with("startoffset 5"));
}
