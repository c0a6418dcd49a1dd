//! What is newer than Redis 8.0 and shows only over time or to others: eviction by the last change, events of what was
//! overwritten, lists that wait for enough.

use crate::harness::Engine;

/// The idle time that OBJECT tells of a key.
fn idle(engine: &mut Engine, session: gyre::keyspace::SessionKey, key: &str) -> String {
    let reply = engine.ask(session, &format!("OBJECT IDLETIME {key}"));
    reply.trim_start_matches(':').trim().to_owned()
}

#[test]
fn under_lrm_only_a_change_counts_as_use() {
    let mut engine = Engine::new();
    let one = engine.connect();
    engine.ask(one, "CONFIG SET maxmemory-policy allkeys-lrm");
    engine.ask(one, "SET a 1");
    engine.ask(one, "SADD s x");
    engine.server.now += 30_000;
    for line in ["GET a", "TOUCH a", "SMEMBERS s", "SADD s x", "SREM s none"] {
        engine.ask(one, line);
    }
    assert_eq!((&*idle(&mut engine, one, "a"), &*idle(&mut engine, one, "s")), ("30", "30"));
    for line in ["APPEND a x", "SADD s y"] {
        engine.ask(one, line);
    }
    assert_eq!((&*idle(&mut engine, one, "a"), &*idle(&mut engine, one, "s")), ("0", "0"));
    engine.server.now += 10_000;
    engine.ask(one, "EXPIRE s 100");
    engine.ask(one, "RENAME a b");
    assert_eq!((&*idle(&mut engine, one, "b"), &*idle(&mut engine, one, "s")), ("0", "0"));
}

#[test]
fn what_was_overwritten_is_told_to_those_who_ask_for_it() {
    let mut engine = Engine::new();
    let (listener, one) = (engine.connect(), engine.connect());
    engine.ask(listener, "PSUBSCRIBE __keyevent@0__:*");
    let mut events = |letters: &str, lines: &[&str]| {
        engine.ask(one, "FLUSHALL");
        engine.ask(one, &format!("CONFIG SET notify-keyspace-events E{letters}"));
        lines.iter().for_each(|line| _ = engine.ask(one, line));
        let heard = String::from_utf8(engine.replies(listener)).expect("text");
        let names = heard.split("\r\n").filter_map(|word| word.strip_prefix("__keyevent@0__:"));
        names.filter(|name| *name != "*").map(str::to_owned).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(events("A", &["SET a 1", "SET a 2"]), "set set");
    assert_eq!(events("$oc", &["SET a 1", "SET a 2", "INCR a"]), "set overwritten set incrby");
    assert_eq!(
        events("oc", &["RPUSH l 1", "SET l 1", "SADD s 1", "SUNIONSTORE l s"]),
        "overwritten type_changed overwritten type_changed"
    );
    assert_eq!(events("gc", &["SET a 1", "SADD b 1", "RENAME a b"]), "rename_from rename_to type_changed");
    assert_eq!(events("go", &["SET a 1", "SET b 1", "COPY a b REPLACE"]), "copy_to overwritten");
}

#[test]
fn a_client_waits_for_exactly_as_many_elements() {
    let mut engine = Engine::new();
    let (waiting, one) = (engine.connect(), engine.connect());
    assert_eq!(engine.ask(waiting, "BLMOVEM a b LEFT RIGHT 0 EXACTLY 3 BULK"), "");
    engine.ask(one, "RPUSH a 1 2");
    assert_eq!(engine.replies(waiting), b"");
    engine.ask(one, "RPUSH a 3");
    assert_eq!(engine.replies(waiting), b"*3\r\n$1\r\n1\r\n$1\r\n2\r\n$1\r\n3\r\n");
    assert_eq!(engine.ask(one, "EXISTS a b"), ":1\r\n");
}
