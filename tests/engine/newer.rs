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

/// What is told on channels that name fields while these lines run: channels with their messages.
fn told_of_fields(engine: &mut Engine, letters: &str, lines: &[&str]) -> Vec<String> {
    let (listener, one) = (engine.connect(), engine.connect());
    engine.ask(one, &format!("CONFIG SET notify-keyspace-events {letters}"));
    engine.ask(listener, "PSUBSCRIBE __subkey*");
    engine.replies(listener);
    lines.iter().for_each(|line| _ = engine.ask(one, line));
    let heard = String::from_utf8(engine.replies(listener)).expect("text");
    engine.ask(listener, "PUNSUBSCRIBE");
    let words: Vec<&str> = heard.split("\r\n").filter(|word| !word.starts_with(['*', '$'])).collect();
    // Of each: its kind, the pattern, the channel, the message.
    words.chunks_exact(4).map(|parts| format!("{} {}", parts[2], parts[3])).collect()
}

#[test]
fn an_event_of_fields_is_told_on_four_channels() {
    let mut engine = Engine::new();
    assert_eq!(
        told_of_fields(&mut engine, "hSTIV", &["HSET h a 1 bb 2"]),
        [
            "__subkeyspace@0__:h hset|1:a,2:bb",
            "__subkeyevent@0__:hset 1:h|1:a,2:bb",
            "__subkeyspaceitem@0__:h\na hset",
            "__subkeyspaceitem@0__:h\nbb hset",
            "__subkeyspaceevent@0__:hset|h 1:a,2:bb",
        ]
    );
    // The class is asked for like that of any event, and the older channels are no part of these.
    for letters in ["STIV", "AKE", "zSTIV"] {
        assert!(told_of_fields(&mut engine, letters, &["HSET h a 1"]).is_empty(), "{letters}");
    }
}

#[test]
fn events_name_the_fields_that_changed() {
    let mut engine = Engine::new();
    let mut told = |lines: &[&str]| {
        let told = told_of_fields(&mut engine, "hS", lines);
        let messages = told.iter().filter_map(|line| line.strip_prefix("__subkeyspace@0__:h "));
        messages.collect::<Vec<_>>().join(" ")
    };
    assert_eq!(told(&["HSET h a 1 b 2 c 3", "HDEL h a none", "HDEL h none"]), "hset|1:a,1:b,1:c hdel|1:a");
    assert_eq!(told(&["HSETNX h b 1", "HSETNX h d 1", "HINCRBY h n 1"]), "hset|1:d hincrby|1:n");
    assert_eq!(told(&["HINCRBYFLOAT h n 1.5", "HGETDEL h FIELDS 2 c none"]), "hincrbyfloat|1:n hdel|1:c");
    assert_eq!(told(&["HEXPIRE h 9 FIELDS 2 b none", "HPERSIST h FIELDS 2 b d"]), "hexpire|1:b hpersist|1:b");
    assert_eq!(told(&["HGETEX h EX 9 FIELDS 1 b", "HGETEX h PERSIST FIELDS 2 b d"]), "hexpire|1:b hpersist|1:b");
    assert_eq!(told(&["HSETEX h EX 9 FIELDS 1 b 5"]), "hset|1:b hexpire|1:b");
    assert_eq!(told(&["HSETEX h PXAT 1 FIELDS 2 b 5 x 6"]), "hset|1:b,1:x hdel|1:b,1:x");
    assert_eq!(told(&["HPEXPIREAT h 1 FIELDS 1 d"]), "hdel|1:d");
    assert_eq!(told(&["HSET h e 1 f 2", "HPEXPIRE h 5 FIELDS 2 e f"]), "hset|1:e,1:f hexpire|1:e,1:f");
    engine.server.now += 10;
    assert_eq!(told_of_fields(&mut engine, "hS", &["HMGET h e f"]), ["__subkeyspace@0__:h hexpired|1:e,1:f"]);
}

#[test]
fn the_source_of_an_import_meets_no_deadline() {
    let mut engine = Engine::new();
    let (source, other) = (engine.connect(), engine.connect());
    assert_eq!(engine.ask(source, "CLIENT IMPORT-SOURCE ON"), "-ERR Server is not in import mode\r\n");
    engine.ask(other, "CONFIG SET import-mode yes");
    assert_eq!(engine.ask(source, "CLIENT IMPORT-SOURCE ON"), "+OK\r\n");
    for line in ["SET k 1 PX 10", "SET past 1 PXAT 1", "SET l 1 PX 10"] {
        assert_eq!(engine.ask(source, line), "+OK\r\n", "{line}");
    }
    engine.server.now += 100;
    // 1. Others do not find what is due, and do not remove it by reading.
    assert_eq!(engine.ask(other, "MGET k past"), "*2\r\n$-1\r\n$-1\r\n");
    assert_eq!(engine.ask(source, "MGET k past"), "*2\r\n$1\r\n1\r\n$1\r\n1\r\n");
    assert_eq!(engine.ask(source, "INCR k"), ":2\r\n");
    assert_eq!(engine.ask(source, "PTTL k"), ":0\r\n");
    // 2. By writing they do.
    assert_eq!(engine.ask(other, "INCR k"), ":1\r\n");
    assert_eq!(engine.ask(source, "PTTL k"), ":-1\r\n");
    // 3. Fields of a hash are no different for who writes.
    engine.ask(source, "HSETEX h PX 10 FIELDS 1 f 1");
    engine.server.now += 100;
    assert_eq!(engine.ask(source, "HINCRBY h f 1"), ":2\r\n");
    assert_eq!(engine.ask(other, "HINCRBY h f 1"), ":1\r\n");
    // 4. What is due goes when the import is over.
    engine.ask(other, "CONFIG SET import-mode no");
    assert_eq!(engine.ask(source, "MGET k l"), "*2\r\n$1\r\n1\r\n$-1\r\n");
}
