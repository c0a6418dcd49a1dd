//! The base of an append-only file in the version that `rdb-version` asks for: whatever it is, this server begins with it again, and
//! nothing is left out.

use gyre::config::Settings;
use gyre::config::choices::{AppendFsync, RdbVersion};
use gyre::keyspace::digest::Digest;
use gyre::persist::simulated::SimulatedDisk;

use crate::harness::Engine;

const BASE: &str = "appendonlydir/appendonly.aof.2.base.rdb";

const PLAIN: &[&str] = &["SET text hello", "RPUSH list a b 3", "HSET hash f v", "ZADD zset 1.5 a", "SADD set a 1"];
const STREAM: &str = "XADD stream 1-1 f v";
const TIMED: &str = "HPEXPIRE hash 1000000 FIELDS 1 f";
const LIBRARY: &str = "FUNCTION LOAD \"#!lua name=lib\\nredis.register_function('f', function() return 42 end)\"";

fn started(version: RdbVersion, disk: &SimulatedDisk) -> Engine {
    let mut engine = Engine::with(Settings {
        append_only: true,
        append_fsync: AppendFsync::Always,
        save_points: Vec::new(),
        rdb_version: version,
        ..Settings::default()
    });
    engine.world.disk = disk.clone();
    engine.start().expect("the files are sound");
    engine
}

/// The first bytes of the base of these commands' data; it has been started from.
fn header(version: RdbVersion, lines: &[&str]) -> String {
    let disk = SimulatedDisk::default();
    let mut engine = started(version, &disk);
    let session = engine.connect();
    for line in lines.iter().chain(&["BGREWRITEAOF"]) {
        let reply = engine.ask(session, line);
        assert!(!reply.starts_with('-'), "{line}: {reply}");
        engine.end_turn().expect("the disk is well");
    }
    engine.end_child();
    let mut again = started(version, &disk);
    let digests = [&engine, &again].map(|engine| Digest::of_all(&engine.server.keyspace).to_hex());
    assert_eq!(digests[0], digests[1], "{version:?}, {lines:?}");
    if lines.contains(&LIBRARY) {
        let session = again.connect();
        assert_eq!(again.ask(session, "FCALL f 0"), ":42\r\n", "{version:?}");
    }
    String::from_utf8_lossy(&disk.file(BASE).expect("it was written")[..9]).into_owned()
}

#[test]
fn a_base_is_of_the_version_that_was_asked_for_if_that_can_say_all() {
    use RdbVersion::{Redis5, Redis8, Redis70, Redis72, Valkey9};
    let headers = [Redis5, Redis70, Redis72, Redis8, Valkey9].map(|version| {
        let with = |more: &str| header(version, &[PLAIN, &[more]].concat());
        [header(version, PLAIN), with(STREAM), with(TIMED), with(LIBRARY)]
    });
    let expected = [
        ["REDIS0009", "REDIS0012", "REDIS0012", "REDIS0012"],
        ["REDIS0010", "REDIS0010", "REDIS0012", "REDIS0010"],
        ["REDIS0011", "REDIS0011", "REDIS0012", "REDIS0011"],
        ["REDIS0012", "REDIS0012", "REDIS0012", "REDIS0012"],
        ["VALKEY080", "VALKEY080", "VALKEY080", "VALKEY080"],
    ];
    assert_eq!(headers, expected);
}
