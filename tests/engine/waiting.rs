//! Waiting for an element of a list: who is served, in which order, and what the journal says of it.

use crate::harness::Engine;
use gyre::keyspace::SessionKey;

/// Sessions that have sent one command each and wait.
fn waiters<const N: usize>(engine: &mut Engine, lines: [&str; N]) -> [SessionKey; N] {
    lines.map(|line| {
        let session = engine.connect();
        assert_eq!(engine.ask(session, line), "", "{line} waits");
        session
    })
}

#[track_caller]
fn check_reply(engine: &mut Engine, session: SessionKey, expected: &str) {
    assert_eq!(String::from_utf8_lossy(&engine.replies(session)), expected);
}

/// What was journalled since the last look, as text with one word after the other.
fn journalled(engine: &mut Engine) -> String {
    let bytes = engine.server.journal.take().bytes;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    text.split("\r\n").filter(|l| !l.starts_with(['*', '$'])).collect::<Vec<_>>().join(" ").trim().to_string()
}

#[test]
fn who_came_first_is_served_first() {
    let mut engine = Engine::new();
    let [a, b, c] = waiters(&mut engine, ["BLPOP l 0", "BRPOP other l 0", "BLMPOP 0 1 l RIGHT COUNT 5"]);
    let writer = engine.connect();
    engine.ask(writer, "RPUSH l 1 2 3 4");
    check_reply(&mut engine, a, "*2\r\n$1\r\nl\r\n$1\r\n1\r\n");
    check_reply(&mut engine, b, "*2\r\n$1\r\nl\r\n$1\r\n4\r\n");
    check_reply(&mut engine, c, "*2\r\n$1\r\nl\r\n*2\r\n$1\r\n3\r\n$1\r\n2\r\n");
    assert_eq!(engine.ask(writer, "EXISTS l"), ":0\r\n");
}

#[test]
fn what_is_not_left_after_the_command_serves_nobody() {
    let mut engine = Engine::new();
    let [a] = waiters(&mut engine, ["BLPOP l 0"]);
    let writer = engine.connect();
    for line in ["MULTI", "RPUSH l x", "DEL l", "EXEC", "MULTI", "RPUSH l x", "DEL l", "SET l text", "EXEC"] {
        engine.ask(writer, line);
    }
    check_reply(&mut engine, a, "");
    // Another type does not serve; a list in its place does.
    for line in ["DEL l", "SADD l member", "DEL l"] {
        engine.ask(writer, line);
    }
    check_reply(&mut engine, a, "");
    engine.ask(writer, "LPUSH l y");
    check_reply(&mut engine, a, "*2\r\n$1\r\nl\r\n$1\r\ny\r\n");
}

#[test]
fn a_list_may_come_by_any_road() {
    for road in ["RENAME from l", "COPY from l", "LMOVE from l LEFT LEFT"] {
        let mut engine = Engine::new();
        let writer = engine.connect();
        engine.ask(writer, "RPUSH from x");
        let [a] = waiters(&mut engine, ["BLPOP l 0"]);
        engine.ask(writer, road);
        check_reply(&mut engine, a, "*2\r\n$1\r\nl\r\n$1\r\nx\r\n");
    }
}

#[test]
fn one_who_is_served_may_serve_another() {
    let mut engine = Engine::new();
    engine.server.journal.attach(gyre::server::journal::Readers::ALL);
    let [a, b] = waiters(&mut engine, ["BLMOVE src dst LEFT RIGHT 0", "BLMOVE dst src RIGHT LEFT 0"]);
    let writer = engine.connect();
    engine.feed(writer, b"SET key1 1\r\nLPUSH src dummy\r\nSET key2 2\r\n");
    engine.settle();
    check_reply(&mut engine, a, "$5\r\ndummy\r\n");
    check_reply(&mut engine, b, "$5\r\ndummy\r\n");
    assert_eq!(
        journalled(&mut engine),
        "SELECT 0 SET key1 1 LPUSH src dummy LMOVE src dst LEFT RIGHT LMOVE dst src RIGHT LEFT SET key2 2"
    );
}

#[test]
fn the_journal_knows_no_waiting() {
    let mut engine = Engine::new();
    engine.server.journal.attach(gyre::server::journal::Readers::ALL);
    let writer = engine.connect();
    for (line, expected) in [
        ("RPUSH l 1 2 3 4 5 6 7 8", "SELECT 0 RPUSH l 1 2 3 4 5 6 7 8"),
        ("BLPOP none l 0", "LPOP l"),
        ("BRPOP l 0", "RPOP l"),
        ("LMPOP 2 none l LEFT COUNT 2", "LPOP l 2"),
        ("BLMPOP 0 1 l RIGHT", "RPOP l 1"),
        ("BRPOPLPUSH l other 0", "RPOPLPUSH l other"),
        ("BLMOVE l other LEFT RIGHT 0", "LMOVE l other LEFT RIGHT"),
        ("BLMPOP 0 1 l RIGHT COUNT 100", "RPOP l 1"),
        ("LMPOP 1 l LEFT", ""),
        ("LTRIM other 0 -1", ""),
        ("LREM other 0 none", ""),
    ] {
        engine.ask(writer, line);
        assert_eq!(journalled(&mut engine), expected, "{line}");
    }
}

#[test]
fn a_destination_of_another_type_is_an_error_when_it_matters() {
    let mut engine = Engine::new();
    let writer = engine.connect();
    engine.ask(writer, "SET dst text");
    let [a] = waiters(&mut engine, ["BRPOPLPUSH src dst 0"]);
    engine.ask(writer, "RPUSH src x");
    check_reply(&mut engine, a, "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n");
    assert_eq!(engine.ask(writer, "LRANGE src 0 -1"), "*1\r\n$1\r\nx\r\n");
}

#[test]
fn nobody_waits_in_a_transaction() {
    let mut engine = Engine::new();
    let session = engine.connect();
    for line in ["MULTI", "BLPOP l 0", "BLMOVE l m LEFT LEFT 0", "BLMPOP 0 1 l LEFT"] {
        engine.ask(session, line);
    }
    assert_eq!(engine.ask(session, "EXEC"), "*3\r\n*-1\r\n$-1\r\n*-1\r\n");
}

#[test]
fn what_follows_a_wait_waits_with_it() {
    let mut engine = Engine::new();
    let (a, writer) = (engine.connect(), engine.connect());
    engine.feed(a, b"BLPOP l 0\r\nSET after 1\r\nBLPOP l 0\r\nSET last 1\r\n");
    engine.settle();
    assert_eq!(engine.ask(writer, "EXISTS after last"), ":0\r\n");
    engine.ask(writer, "RPUSH l x");
    check_reply(&mut engine, a, "*2\r\n$1\r\nl\r\n$1\r\nx\r\n+OK\r\n");
    assert_eq!(engine.ask(writer, "EXISTS after last"), ":1\r\n");
    engine.ask(writer, "RPUSH l y z");
    check_reply(&mut engine, a, "*2\r\n$1\r\nl\r\n$1\r\ny\r\n+OK\r\n");
}

#[test]
fn many_wait_and_each_is_served_once() {
    let mut engine = Engine::new();
    let sessions: Vec<SessionKey> = (0..1000).map(|_| waiters(&mut engine, ["BLPOP l m 0"])[0]).collect();
    let writer = engine.connect();
    for i in 0..500 {
        engine.ask(writer, &format!("RPUSH {} {i} {}", if i % 2 == 0 { "l" } else { "m" }, i + 1000));
    }
    let mut served = 0;
    for session in sessions {
        served += usize::from(!engine.replies(session).is_empty());
    }
    assert_eq!(served, 1000);
    assert_eq!(engine.ask(writer, "EXISTS l m"), ":0\r\n");
}

#[test]
fn who_waits_behind_the_end_of_a_stream_gets_what_comes() {
    let mut engine = Engine::new();
    let writer = engine.connect();
    engine.ask(writer, "XADD s 1-1 f v");
    let [a, b, c] = waiters(
        &mut engine,
        ["XREAD BLOCK 0 STREAMS s $", "XREAD BLOCK 0 STREAMS s t 1-1 $", "XREAD BLOCK 0 STREAMS t 0"],
    );
    // Nothing new is there behind a change of another kind, nor behind an entry that went again.
    for line in ["XDEL s 1-1", "MULTI", "XADD s 2-1 f v", "XDEL s 2-1", "EXEC", "XGROUP CREATE t g 0 MKSTREAM"] {
        engine.ask(writer, line);
    }
    [a, b, c].into_iter().for_each(|waiter| check_reply(&mut engine, waiter, ""));
    engine.ask(writer, "XADD s 3-1 f v");
    let got = "*1\r\n*2\r\n$1\r\ns\r\n*1\r\n*2\r\n$3\r\n3-1\r\n*2\r\n$1\r\nf\r\n$1\r\nv\r\n";
    check_reply(&mut engine, a, got);
    check_reply(&mut engine, b, got);
    check_reply(&mut engine, c, "");
}

#[test]
fn consumers_share_what_comes() {
    let mut engine = Engine::new();
    let writer = engine.connect();
    engine.ask(writer, "XGROUP CREATE s g 0 MKSTREAM");
    let read = "XREADGROUP GROUP g consumer COUNT 1 BLOCK 0 STREAMS s >";
    let [a, b] = waiters(&mut engine, [read, read]);
    engine.ask(writer, "XADD s 1-1 f v");
    assert!(!engine.replies(a).is_empty());
    check_reply(&mut engine, b, "");
    engine.ask(writer, "XADD s 2-1 f v");
    assert!(!engine.replies(b).is_empty());
    assert_eq!(engine.ask(writer, "XACK s g 1-1 2-1"), ":2\r\n");
}

#[test]
fn who_waits_for_a_group_hears_of_its_end() {
    const NO_GROUP: &str = "-NOGROUP No such key 's' or consumer group 'g' in XREADGROUP with GROUP option\r\n";
    const WRONG_TYPE: &str = "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n";
    let ends: [(&[&str], &str); 11] = [
        (&["XGROUP DESTROY s g"], NO_GROUP),
        (&["DEL s"], NO_GROUP),
        (&["UNLINK s"], NO_GROUP),
        (&["RENAME s t"], NO_GROUP),
        (&["MOVE s 1"], NO_GROUP),
        (&["FLUSHALL"], NO_GROUP),
        (&["FLUSHDB"], NO_GROUP),
        (&["SWAPDB 0 1"], NO_GROUP),
        (&["PEXPIRE s -1"], NO_GROUP),
        (&["SET s text"], WRONG_TYPE),
        (&["MULTI", "DEL s", "SADD s member", "EXEC"], WRONG_TYPE),
    ];
    for (lines, expected) in ends {
        let mut engine = Engine::new();
        let writer = engine.connect();
        engine.ask(writer, "XGROUP CREATE s g 0 MKSTREAM");
        let [a, b] = waiters(&mut engine, ["XREADGROUP GROUP g a BLOCK 0 STREAMS s >", "XREAD BLOCK 0 STREAMS s 0"]);
        lines.iter().for_each(|line| drop(engine.ask(writer, line)));
        assert_eq!(String::from_utf8_lossy(&engine.replies(a)), expected, "{lines:?}");
        // Who needs no group waits on.
        assert_eq!(engine.replies(b), b"", "{lines:?}");
        let info = engine.ask(writer, "INFO clients");
        assert!(info.contains("total_blocking_keys:1\r\ntotal_blocking_keys_on_nokey:0\r\n"), "{info}");
    }
}
