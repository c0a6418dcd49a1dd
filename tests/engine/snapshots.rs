//! Snapshots and single values through the engine, on a disk in memory that fails when it is told to.

use gyre::exec::snapshot;
use gyre::keyspace::SessionKey;
use gyre::persist::Step;
use gyre::persist::simulated::Trouble;

use crate::harness::{Engine, NOON};

/// Sends words as they are, whatever bytes they hold.
fn send(engine: &mut Engine, session: SessionKey, words: &[&[u8]]) -> Vec<u8> {
    let mut request = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        request.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
        request.extend_from_slice(word);
        request.extend_from_slice(b"\r\n");
    }
    engine.feed(session, &request);
    engine.settle();
    engine.replies(session)
}

fn dump(engine: &mut Engine, session: SessionKey, key: &str) -> Vec<u8> {
    let reply = send(engine, session, &[b"DUMP", key.as_bytes()]);
    let start = reply.windows(2).position(|pair| pair == b"\r\n").expect("a bulk string") + 2;
    reply[start..reply.len() - 2].to_vec()
}

/// What the journal holds, one word after the other, payloads as `*`.
fn journal(engine: &mut Engine, payload: &[u8]) -> String {
    let bytes = engine.server.journal.take().bytes;
    let bytes = bytes.as_slice();
    let Some(at) = bytes.windows(payload.len()).position(|part| part == payload) else {
        return words(bytes);
    };
    format!("{} * {}", words(&bytes[..at]), words(&bytes[at + payload.len()..])).trim().to_owned()
}

fn words(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes).into_owned();
    text.split("\r\n").filter(|word| !word.is_empty() && !word.starts_with(['*', '$'])).collect::<Vec<_>>().join(" ")
}

#[test]
fn a_restored_value_is_journalled_with_its_point_in_time() {
    for (options, journalled) in [
        (&[][..], "SELECT 0 RESTORE b 1700000005000 * ABSTTL"),
        (&[&b"REPLACE"[..]], "SELECT 0 RESTORE b 1700000005000 * REPLACE ABSTTL"),
        (&[b"absttl"], ""),
    ] {
        let mut engine = Engine::new();
        let session = engine.connect();
        engine.ask(session, "RPUSH a 1 2 3");
        let payload = dump(&mut engine, session, "a");
        engine.server.journal.attach(gyre::server::journal::Readers::ALL);
        let words = [&[&b"RESTORE"[..], b"b", b"5000", &payload], options].concat();
        assert_eq!(send(&mut engine, session, &words), b"+OK\r\n");
        // With ABSTTL, 5000 is long ago: nothing is there, so nothing goes.
        assert_eq!(journal(&mut engine, &payload), journalled);
    }
}

#[test]
fn a_value_whose_time_is_over_only_makes_place() {
    for (lazy, verb) in [("no", "DEL"), ("yes", "UNLINK")] {
        let mut engine = Engine::new();
        let session = engine.connect();
        engine.ask(session, "SET a 1");
        let payload = dump(&mut engine, session, "a");
        engine.ask(session, &format!("CONFIG SET lazyfree-lazy-server-del {lazy}"));
        engine.server.journal.attach(gyre::server::journal::Readers::ALL);
        let reply = send(&mut engine, session, &[b"RESTORE", b"a", b"5000", &payload, b"ABSTTL", b"REPLACE"]);
        assert_eq!(reply, b"+OK\r\n");
        assert_eq!(engine.ask(session, "EXISTS a"), ":0\r\n");
        assert_eq!(journal(&mut engine, b"no payload"), format!("SELECT 0 {verb} a"));
    }
}

#[test]
fn what_was_saved_is_loaded_while_nobody_may_look() {
    let mut first = Engine::new();
    let session = first.connect();
    for line in ["SET a 1", "HSET h f v", "SELECT 9", "SET b 2 PX 100000"] {
        first.ask(session, line);
    }
    for number in 0..3000 {
        assert_eq!(first.ask(session, &format!("SET key:{number} value:{number}")), "+OK\r\n");
    }
    assert_eq!(first.ask(session, "SAVE"), "+OK\r\n");
    assert_eq!((first.server.keyspace.dirty, first.server.persist.last_save), (0, NOON));

    let mut second = Engine::new();
    second.world.disk = first.world.disk.clone();
    let session = second.connect();
    let loading = snapshot::begin_loading(&mut second.server, &mut second.world).expect("a sound dump");
    let mut loading = loading.expect("there is one");
    assert_eq!(second.ask(session, "GET a"), "-LOADING Redis is loading the dataset in memory\r\n");
    assert_eq!(second.ask(session, "LASTSAVE"), format!(":{}\r\n", NOON / 1000));
    let server = &mut second.server;
    let (keyspace, persist, settings) = (&mut server.keyspace, &mut server.persist, &server.settings);
    while loading.step(keyspace, persist, settings, &mut second.world.disk, &server.clock) == Ok(Step::GoesOn) {}
    snapshot::end_loading(server).expect("there are no libraries");
    assert_eq!(second.ask(session, "GET a"), "$1\r\n1\r\n");
    for (line, expected) in [("HGET h f", "$1\r\nv\r\n"), ("SELECT 9", "+OK\r\n"), ("PTTL b", ":100000\r\n")] {
        assert_eq!(second.ask(session, line), expected);
    }
    assert_eq!(second.ask(session, "DBSIZE"), ":3001\r\n");
    assert_eq!(second.server.keyspace.dirty, 0);
}

#[test]
fn a_background_save_that_fails_closes_the_gate_until_one_succeeds() {
    const REFUSED: &str = "-MISCONF";
    let mut engine = Engine::new();
    let session = engine.connect();
    engine.ask(session, "SET a 1");
    engine.world.disk.trouble.set(Some(Trouble::Write(0)));
    assert_eq!(engine.ask(session, "BGSAVE"), "+Background saving started\r\n");
    assert_eq!(engine.ask(session, "BGSAVE"), "-ERR Background save already in progress\r\n");
    assert_eq!(engine.ask(session, "SET a 2"), "+OK\r\n");
    engine.end_child();
    assert!(engine.ask(session, "SET a 3").starts_with(REFUSED));
    assert_eq!(engine.ask(session, "GET a"), "$1\r\n2\r\n");
    engine.ask(session, "CONFIG SET stop-writes-on-bgsave-error no");
    assert_eq!(engine.ask(session, "SET a 3"), "+OK\r\n");
    engine.ask(session, "CONFIG SET stop-writes-on-bgsave-error yes");
    assert!(engine.ask(session, "SET a 4").starts_with(REFUSED));
    engine.world.disk.trouble.set(None);
    engine.ask(session, "BGSAVE");
    engine.ask(session, "CONFIG SET stop-writes-on-bgsave-error no");
    engine.ask(session, "SET a 4");
    engine.end_child();
    assert_eq!(engine.server.keyspace.dirty, 1, "what came after the fork is not saved");
    engine.ask(session, "CONFIG SET stop-writes-on-bgsave-error yes");
    assert_eq!(engine.ask(session, "SET a 5"), "+OK\r\n");
}

#[test]
fn a_transaction_schedules_its_snapshot() {
    let mut engine = Engine::new();
    let session = engine.connect();
    for line in ["MULTI", "BGSAVE", "SET a 1"] {
        engine.ask(session, line);
    }
    assert_eq!(engine.ask(session, "EXEC"), "*2\r\n+Background saving scheduled\r\n+OK\r\n");
    assert!(engine.world.disk.children.is_empty());
    snapshot::begin_if_due(&mut engine.server, &mut engine.world);
    engine.end_child();
    assert_eq!(engine.server.keyspace.dirty, 0, "the snapshot has the whole transaction");
}

#[test]
fn flushall_ends_the_child_and_tells_the_disk() {
    let mut engine = Engine::new();
    let session = engine.connect();
    engine.ask(session, "SET a 1");
    engine.ask(session, "BGSAVE");
    engine.ask(session, "FLUSHALL");
    assert_eq!(engine.world.disk.killed.len(), 1);
    assert_eq!(engine.server.keyspace.dirty, 0);
    let dump = engine.world.disk.file("dump.rdb").expect("saved");
    assert!(dump.len() < 120, "header, facts and trailer, and nothing between: {} bytes", dump.len());
}

#[test]
fn a_payload_for_an_older_server_is_refused_rather_than_less() {
    let mut engine = Engine::new();
    let session = engine.connect();
    engine.ask(session, "HSET plain f v");
    engine.ask(session, "HSET timed f v");
    engine.ask(session, "HEXPIRE timed 100 FIELDS 1 f");
    for (version, footer, is_refused) in
        [("9", 9, true), ("10", 10, true), ("11", 11, true), ("12", 12, false), ("80", 80, false)]
    {
        engine.ask(session, &format!("CONFIG SET rdb-version {version}"));
        let payload = dump(&mut engine, session, "plain");
        assert_eq!(payload[payload.len() - 10..][..2], [footer, 0]);
        assert_eq!(
            send(&mut engine, session, &[b"RESTORE", b"back", b"0", &payload, b"REPLACE"]),
            b"+OK\r\n",
            "{version}"
        );
        assert_eq!(engine.ask(session, "HGETALL back"), "*2\r\n$1\r\nf\r\n$1\r\nv\r\n");
        let reply = engine.ask(session, "DUMP timed");
        let refusal = "-ERR The value cannot be written in the RDB version that rdb-version asks for\r\n";
        assert_eq!(reply == refusal, is_refused, "{version}: {reply}");
    }
    let reply = engine.ask(session, "CONFIG SET rdb-version 8");
    assert!(reply.contains("must be one of the following: 9, 10, 11, 12, 80"), "{reply}");
}
