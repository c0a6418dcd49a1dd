//! Who hears what, and in which order: messages stand behind the reply of whoever caused them.

use crate::harness::Engine;

const NEWS: &str = "$7\r\nmessage\r\n$4\r\nnews\r\n$2\r\nhi\r\n";

#[test]
fn a_message_reaches_names_then_patterns_once_each() {
    let mut engine = Engine::new();
    let (listener, speaker) = (engine.connect(), engine.connect());
    assert_eq!(
        engine.ask(listener, "SUBSCRIBE news news"),
        "*3\r\n$9\r\nsubscribe\r\n$4\r\nnews\r\n:1\r\n".repeat(2),
        "a second time counts for nothing"
    );
    engine.ask(listener, "PSUBSCRIBE n*s other*");
    assert_eq!(engine.ask(speaker, "PUBLISH news hi"), ":2\r\n");
    let heard = String::from_utf8(engine.replies(listener)).expect("text");
    assert_eq!(heard, format!("*3\r\n{NEWS}*4\r\n$8\r\npmessage\r\n$3\r\nn*s\r\n$4\r\nnews\r\n$2\r\nhi\r\n"));
    assert_eq!(engine.ask(speaker, "SPUBLISH news hi"), ":0\r\n", "shard channels are another world");
}

#[test]
fn who_publishes_to_himself_reads_his_reply_first() {
    let mut engine = Engine::new();
    let session = engine.connect();
    engine.ask(session, "HELLO 3");
    engine.ask(session, "SUBSCRIBE news");
    assert_eq!(engine.ask(session, "PUBLISH news hi"), format!(":1\r\n>3\r\n{NEWS}"));
    engine.ask(session, "MULTI");
    engine.ask(session, "PUBLISH news hi");
    engine.ask(session, "PING");
    let expected = format!("*2\r\n:1\r\n+PONG\r\n>3\r\n{NEWS}");
    assert_eq!(engine.ask(session, "EXEC"), expected, "a transaction is not torn apart");
}

#[test]
fn confirmations_and_messages_pass_a_client_that_wants_no_replies() {
    let mut engine = Engine::new();
    let (listener, speaker) = (engine.connect(), engine.connect());
    engine.ask(listener, "HELLO 3");
    assert_eq!(engine.ask(listener, "CLIENT REPLY OFF"), "");
    assert_eq!(engine.ask(listener, "SUBSCRIBE news"), ">3\r\n$9\r\nsubscribe\r\n$4\r\nnews\r\n:1\r\n");
    assert_eq!(engine.ask(listener, "PING"), "");
    engine.ask(speaker, "PUBLISH news hi");
    assert_eq!(engine.replies(listener), format!(">3\r\n{NEWS}").as_bytes());
    assert_eq!(engine.ask(listener, "UNSUBSCRIBE"), ">3\r\n$11\r\nunsubscribe\r\n$4\r\nnews\r\n:0\r\n");
    assert_eq!(engine.ask(listener, "UNSUBSCRIBE"), ">3\r\n$11\r\nunsubscribe\r\n_\r\n:0\r\n");
}

#[test]
fn what_is_queued_is_no_more_answered_than_the_rest_by_who_wants_no_replies() {
    let mut engine = Engine::new();
    let one = engine.connect();
    for line in ["CLIENT REPLY OFF", "MULTI", "PING", "EXEC"] {
        assert_eq!(engine.ask(one, line), "");
    }
    assert_eq!(engine.ask(one, "CLIENT REPLY ON"), "+OK\r\n");
}

#[test]
fn reset_and_departure_end_all_subscriptions() {
    let mut engine = Engine::new();
    let (first, second, speaker) = (engine.connect(), engine.connect(), engine.connect());
    for session in [first, second] {
        engine.ask(session, "SUBSCRIBE news");
        engine.ask(session, "PSUBSCRIBE n*");
        engine.ask(session, "SSUBSCRIBE news");
    }
    assert_eq!(engine.ask(speaker, "PUBLISH news hi"), ":4\r\n");
    engine.ask(first, "RESET");
    assert_eq!(engine.ask(speaker, "PUBLISH news hi"), ":2\r\n");
    engine.server.unsubscribe_all(second);
    assert_eq!(engine.ask(speaker, "PUBLISH news hi"), ":0\r\n");
    assert_eq!(engine.ask(speaker, "PUBSUB NUMPAT"), ":0\r\n");
    assert!(engine.ask(first, "GET a").starts_with("$-1"), "out of subscribed mode");
}
