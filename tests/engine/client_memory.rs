//! `maxmemory-clients`: what a client owns is counted as it grows, and the largest has to go first.

use crate::harness::Engine;
use gyre::keyspace::SessionKey;
use gyre::server::session::flag;

const LIMIT: &str = "CONFIG SET maxmemory-clients 300000";

fn is_going(engine: &Engine, session: SessionKey) -> bool {
    engine.server.sessions.get(session).is_some_and(|session| session.has(flag::CLOSE_NOW))
}

/// Queues so many commands of 45,000 bytes.
fn queue(engine: &mut Engine, session: SessionKey, commands: usize) {
    for _ in 0..commands {
        assert_eq!(engine.ask(session, &format!("SET k {}", "x".repeat(45_000))), "+QUEUED\r\n");
    }
}

#[test]
fn the_largest_goes_and_the_others_stay() {
    let mut engine = Engine::new();
    let (small, large, observer) = (engine.connect(), engine.connect(), engine.connect());
    assert_eq!(engine.ask(observer, LIMIT), "+OK\r\n");
    for session in [small, large] {
        engine.ask(session, "MULTI");
    }
    queue(&mut engine, small, 1);
    queue(&mut engine, large, 5);
    assert_eq!(engine.ask(observer, "PING"), "+PONG\r\n", "below the limit nobody goes");
    assert!(!is_going(&engine, large));
    queue(&mut engine, small, 1);
    assert_eq!(engine.ask(observer, "PING"), "+PONG\r\n");
    assert!(is_going(&engine, large) && !is_going(&engine, small));
    assert_eq!(engine.server.observe.totals.evicted_clients, 1);
    assert!(!engine.ask(observer, "CLIENT LIST").contains("multi-mem=22"), "it is listed no more");
    assert!(!engine.server.client_memory.is_above());
}

#[test]
fn who_may_not_be_evicted_is_not_and_counts_all_the_same() {
    let mut engine = Engine::new();
    let (kept, observer) = (engine.connect(), engine.connect());
    engine.ask(observer, "CLIENT NO-EVICT on");
    engine.ask(kept, "CLIENT NO-EVICT on");
    engine.ask(observer, LIMIT);
    engine.ask(kept, "MULTI");
    queue(&mut engine, kept, 8);
    engine.ask(observer, "PING");
    assert!(engine.server.client_memory.is_above() && !is_going(&engine, kept));
    engine.ask(kept, "DISCARD");
    assert!(!engine.server.client_memory.is_above());
}

#[test]
fn who_is_evicted_by_its_own_command_gets_no_answer() {
    let mut engine = Engine::new();
    let one = engine.connect();
    engine.ask(one, LIMIT);
    engine.ask(one, "MULTI");
    queue(&mut engine, one, 7);
    assert_eq!(engine.ask(one, "EXEC"), "");
    assert!(is_going(&engine, one));
}

#[test]
fn without_a_limit_nothing_is_counted_and_a_new_limit_counts_what_is_there() {
    let mut engine = Engine::new();
    let (one, observer) = (engine.connect(), engine.connect());
    engine.ask(one, "MULTI");
    queue(&mut engine, one, 8);
    engine.ask(observer, "PING");
    assert!(!engine.server.client_memory.is_limited());
    engine.ask(observer, LIMIT);
    engine.ask(observer, "PING");
    assert!(is_going(&engine, one));
    assert_eq!(engine.ask(observer, "CONFIG SET maxmemory-clients 0"), "+OK\r\n");
    assert!(!engine.server.client_memory.is_above());
}
