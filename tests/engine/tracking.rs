//! Client-side caching: who is told of which change, in which form, and before or behind which reply.

use crate::harness::{Engine, NOON};
use gyre::keyspace::SessionKey;

/// A push that takes `key` out of a cache.
fn invalid(key: &str) -> String {
    format!(">2\r\n$10\r\ninvalidate\r\n*1\r\n${}\r\n{key}\r\n", key.len())
}

const ALL_INVALID: &str = ">2\r\n$10\r\ninvalidate\r\n_\r\n";

fn heard(engine: &mut Engine, session: SessionKey) -> String {
    String::from_utf8_lossy(&engine.replies(session)).into_owned()
}

/// A reader that speaks RESP3 and tracks with `options`, and a writer.
fn pair(engine: &mut Engine, options: &str) -> (SessionKey, SessionKey) {
    let (reader, writer) = (engine.connect(), engine.connect());
    engine.ask(reader, "HELLO 3");
    assert_eq!(engine.ask(reader, &format!("CLIENT TRACKING on {options}")), "+OK\r\n");
    (reader, writer)
}

#[test]
fn a_read_is_told_of_once() {
    let mut engine = Engine::new();
    let (reader, writer) = pair(&mut engine, "");
    engine.ask(reader, "GET k");
    engine.ask(reader, "GET k");
    engine.ask(writer, "SET k 1");
    engine.ask(writer, "SET k 2");
    engine.ask(writer, "SET other 2");
    assert_eq!(heard(&mut engine, reader), invalid("k"));
    assert_eq!(engine.server.tracking.remembered.len(), 0);
}

#[test]
fn the_own_changes_are_told_behind_the_reply_and_behind_everything_else() {
    let mut engine = Engine::new();
    let (one, _) = pair(&mut engine, "");
    engine.ask(one, "SUBSCRIBE news");
    engine.ask(one, "GET k");
    engine.ask(one, "MULTI");
    for line in ["SET k 1", "PUBLISH news hi", "GET k"] {
        engine.ask(one, line);
    }
    let message = ">3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$2\r\nhi\r\n";
    assert_eq!(engine.ask(one, "EXEC"), format!("*3\r\n+OK\r\n:1\r\n$1\r\n1\r\n{message}{}", invalid("k")));
    assert_eq!(engine.ask(one, "SET k 2"), format!("+OK\r\n{}", invalid("k")), "what a transaction reads counts");
    let script = "EVAL \"redis.call('get','x'); redis.call('set','x','1'); return 1\" 0";
    assert_eq!(engine.ask(one, script), format!(":1\r\n{}", invalid("x")), "a script speaks another protocol");
}

#[test]
fn an_emptied_database_is_told_once_and_before_the_reply_where_redis_waits() {
    let mut engine = Engine::new();
    let (reader, writer) = pair(&mut engine, "");
    engine.ask(reader, "GET k");
    assert_eq!(engine.ask(reader, "FLUSHALL"), format!("{ALL_INVALID}+OK\r\n"));
    assert_eq!(engine.ask(reader, "FLUSHALL ASYNC"), format!("+OK\r\n{ALL_INVALID}"));
    assert_eq!(engine.ask(reader, "FLUSHDB"), format!("{ALL_INVALID}+OK\r\n"));
    engine.ask(reader, "CLIENT REPLY OFF");
    assert_eq!(engine.ask(reader, "FLUSHDB"), ALL_INVALID, "a message is no reply");
    engine.ask(reader, "CLIENT REPLY ON");
    engine.ask(reader, "MULTI");
    engine.ask(reader, "FLUSHDB");
    assert_eq!(engine.ask(reader, "EXEC"), format!("*1\r\n+OK\r\n{ALL_INVALID}"));
    engine.ask(writer, "FLUSHALL");
    assert_eq!(heard(&mut engine, reader), ALL_INVALID);
}

#[test]
fn a_redirection_serves_resp2_while_it_subscribes_and_tells_when_it_breaks() {
    let mut engine = Engine::new();
    let (reader, writer) = pair(&mut engine, "");
    let other = engine.connect();
    let id = engine.server.sessions.get(other).expect("it is there").id;
    assert_eq!(engine.ask(reader, &format!("CLIENT TRACKING on REDIRECT {id}")), "+OK\r\n");
    assert_eq!(engine.ask(reader, "CLIENT GETREDIR"), format!(":{id}\r\n"));
    engine.ask(reader, "GET k");
    engine.ask(writer, "SET k 1");
    assert_eq!(heard(&mut engine, other), "", "RESP2 without a subscription has no place for it");
    engine.ask(other, "SUBSCRIBE __redis__:invalidate");
    engine.ask(reader, "GET k");
    engine.ask(writer, "SET k 1");
    let message = "*3\r\n$7\r\nmessage\r\n$20\r\n__redis__:invalidate\r\n*1\r\n$1\r\nk\r\n";
    assert_eq!((heard(&mut engine, other), heard(&mut engine, reader)), (message.to_owned(), String::new()));
    engine.server.sessions.queue_close(other);
    engine.ask(reader, "GET k");
    engine.ask(writer, "SET k 1");
    assert_eq!(heard(&mut engine, reader), format!(">2\r\n$21\r\ntracking-redir-broken\r\n:{id}\r\n"));
    assert!(engine.ask(reader, "CLIENT TRACKINGINFO").contains("broken_redirect"));
}

#[test]
fn prefixes_are_told_together_at_the_end_of_the_turn() {
    let mut engine = Engine::new();
    let (reader, writer) = pair(&mut engine, "BCAST PREFIX a: PREFIX b: NOLOOP");
    engine.ask(reader, "SET a:own 1");
    engine.ask(writer, "MSET a:2 1 a:1 1 b:1 1 c:1 1");
    assert_eq!(heard(&mut engine, reader), "");
    engine.end_turn().expect("nothing is read");
    let expected =
        ">2\r\n$10\r\ninvalidate\r\n*2\r\n$3\r\na:1\r\n$3\r\na:2\r\n>2\r\n$10\r\ninvalidate\r\n*1\r\n$3\r\nb:1\r\n";
    assert_eq!(heard(&mut engine, reader), expected);
    let fault = engine.ask(reader, "CLIENT TRACKING on BCAST PREFIX a");
    assert_eq!(
        fault,
        "-ERR Prefix 'a' overlaps with an existing prefix 'a:'. Prefixes for a single client must not overlap.\r\n"
    );
}

#[test]
fn caching_counts_for_one_command_or_one_transaction() {
    let mut engine = Engine::new();
    let (reader, writer) = pair(&mut engine, "OPTIN");
    let mut told = |lines: &[&str]| {
        lines.iter().for_each(|line| drop(engine.ask(reader, line)));
        engine.ask(writer, "MSET a 1 b 1");
        heard(&mut engine, reader)
    };
    assert_eq!(told(&["GET a"]), "");
    assert_eq!(told(&["CLIENT CACHING yes", "GET a", "GET b"]), invalid("a"));
    assert_eq!(told(&["CLIENT CACHING yes", "CLIENT GETREDIR", "GET a"]), invalid("a"));
    assert_eq!(told(&["CLIENT CACHING yes", "NOSUCH", "GET a"]), "");
    let both = invalid("a") + &invalid("b");
    assert_eq!(told(&["CLIENT CACHING yes", "MULTI", "GET a", "GET b", "EXEC", "GET c"]), both);
    assert_eq!(told(&["MULTI", "CLIENT CACHING yes", "GET a", "EXEC", "GET b"]), invalid("a"));
}

#[test]
fn keys_that_go_by_themselves_are_told() {
    let mut engine = Engine::new();
    let (reader, writer) = pair(&mut engine, "NOLOOP");
    engine.ask(writer, "SET k 1 PX 100");
    engine.ask(reader, "GET k");
    engine.server.now = NOON + 100;
    assert_eq!(engine.ask(writer, "GET k"), "$-1\r\n");
    assert_eq!(heard(&mut engine, reader), invalid("k"));
}

#[test]
fn more_keys_than_may_be_are_forgotten_before_the_next_command() {
    let mut engine = Engine::new();
    let (reader, writer) = pair(&mut engine, "");
    engine.ask(writer, "CONFIG SET tracking-table-max-keys 1");
    assert_eq!(engine.ask(reader, "MGET a b"), "*2\r\n_\r\n_\r\n");
    let next = engine.ask(reader, "PING");
    assert!(next.starts_with(">2\r\n$10\r\ninvalidate\r\n") && next.ends_with("+PONG\r\n"), "{next}");
    assert_eq!(engine.server.tracking.remembered.len(), 1);
    assert_eq!(engine.ask(reader, "PING"), "+PONG\r\n");
}

#[test]
fn a_session_that_is_gone_costs_nothing() {
    let mut engine = Engine::new();
    let (reader, writer) = pair(&mut engine, "");
    engine.ask(reader, "GET k");
    engine.ask(reader, "RESET");
    assert!(engine.server.keyspace.db(0).rules.tracks_changes, "what was read outlives a pause");
    engine.server.tracking.forget(reader);
    engine.server.update_tracking();
    assert!(!engine.server.keyspace.db(0).rules.tracks_changes);
    engine.ask(writer, "SET k 1");
    assert_eq!(heard(&mut engine, reader), "");
}
