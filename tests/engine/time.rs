//! Watching and transactions over time that is moved by hand.

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
