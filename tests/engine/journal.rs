//! What the journal says of a command: the form that the append-only file and replicas will read.

use crate::harness::Engine;

/// The journal of `lines`, as text with one word after the other.
#[track_caller]
fn check(lines: &[&str], expected: &str) {
    let mut engine = Engine::new();
    let session = engine.connect();
    engine.server.journal.attach();
    for line in lines {
        engine.ask(session, line);
    }
    let bytes = String::from_utf8_lossy(&engine.server.journal.bytes).into_owned();
    let words: Vec<&str> = bytes.split("\r\n").filter(|l| !l.starts_with(['*', '$'])).collect();
    assert_eq!(words.join(" ").trim(), expected, "{lines:?}");
}

#[test]
fn a_write_stands_as_received_and_a_read_not_at_all() {
    check(&["SET a 1", "GET a", "SADD s x", "SADD s x"], "SELECT 0 SET a 1 SADD s x");
}

#[test]
fn a_transaction_is_framed_once_it_changes_something() {
    check(&["MULTI", "GET a", "EXEC"], "");
    check(&["MULTI", "SET a 1", "SET b 2", "EXEC"], "SELECT 0 MULTI SET a 1 SET b 2 EXEC");
}
