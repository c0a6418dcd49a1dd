//! Watching, transactions and freeing over time that is moved by hand.

use crate::harness::Engine;

#[test]
fn a_watched_key_that_changes_ends_the_transaction() {
    let mut engine = Engine::new();
    let (one, other) = (engine.connect(), engine.connect());
    engine.ask(one, "WATCH a");
    engine.ask(one, "MULTI");
    engine.ask(one, "SET b 1");
    engine.ask(other, "SET a 2");
    assert_eq!(engine.ask(one, "EXEC"), "*-1\r\n");
    assert_eq!(engine.ask(one, "GET b"), "$-1\r\n");
}

#[test]
fn a_transaction_of_ones_own_changes_runs() {
    let mut engine = Engine::new();
    let one = engine.connect();
    engine.ask(one, "WATCH a");
    engine.ask(one, "MULTI");
    engine.ask(one, "SET a 1");
    engine.ask(one, "GET a");
    assert_eq!(engine.ask(one, "EXEC"), "*2\r\n+OK\r\n$1\r\n1\r\n");
}

#[test]
fn a_large_value_goes_in_slices() {
    const MEMBERS: usize = 20_000;
    let mut engine = Engine::new();
    let one = engine.connect();
    for from in (0..MEMBERS).step_by(100) {
        let members: Vec<String> = (from..from + 100).map(|n| format!("member:{n}")).collect();
        engine.ask(one, &format!("SADD s {}", members.join(" ")));
    }
    assert_eq!(engine.ask(one, "DEL s"), ":1\r\n");
    let garbage = &mut engine.server.keyspace.garbage;
    let slices = std::iter::repeat_with(|| garbage.free_slice()).take_while(|is_empty| !is_empty).count();
    assert!(slices > 20, "{MEMBERS} members went in {slices} slices");
}

#[test]
fn a_key_that_is_due_is_deleted_where_nothing_is_stored() {
    let mut engine = Engine::new();
    let (listener, one) = (engine.connect(), engine.connect());
    engine.ask(one, "CONFIG SET notify-keyspace-events EA");
    engine.ask(one, "SADD s a");
    let mut events = |line: &str| {
        engine.ask(one, "SET k v PX 1");
        engine.server.now += 10;
        engine.ask(listener, "PSUBSCRIBE __keyevent@0__:*");
        engine.replies(listener);
        engine.ask(one, line);
        let heard = String::from_utf8(engine.replies(listener)).expect("text");
        engine.ask(listener, "PUNSUBSCRIBE");
        let names = heard.split("\r\n").filter_map(|word| word.strip_prefix("__keyevent@0__:"));
        names.filter(|name| *name != "*").map(str::to_owned).collect::<Vec<_>>().join(" ")
    };
    for line in [
        "SUNIONSTORE k none",
        "ZUNIONSTORE k 1 none",
        "ZRANGESTORE k none 0 -1",
        "SORT none STORE k",
        "BITOP OR k none",
    ] {
        assert_eq!(events(line), "del", "{line}");
    }
    assert_eq!(events("SUNIONSTORE k s"), "expired sunionstore");
}
