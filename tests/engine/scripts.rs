//! Scripts through the engine: what is journalled, counted, told to monitors, and what waits until a script is done.

use crate::harness::Engine;

/// Arguments as a request, so that scripts may hold blanks.
fn request(words: &[&str]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        bytes.extend_from_slice(format!("${}\r\n{word}\r\n", word.len()).as_bytes());
    }
    bytes
}

fn ask(engine: &mut Engine, session: gyre::keyspace::SessionKey, words: &[&str]) -> String {
    engine.feed(session, &request(words));
    engine.settle();
    String::from_utf8_lossy(&engine.replies(session)).into_owned()
}

/// The journal of these requests, as text with one word after the other.
#[track_caller]
fn check_journal(requests: &[&[&str]], expected: &str) {
    let mut engine = Engine::new();
    let session = engine.connect();
    engine.server.journal.attach(gyre::server::journal::Readers::ALL);
    for words in requests {
        ask(&mut engine, session, words);
    }
    let bytes = String::from_utf8_lossy(&engine.server.journal.take().bytes).into_owned();
    let words: Vec<&str> = bytes.split("\r\n").filter(|l| !l.starts_with(['*', '$'])).collect();
    assert_eq!(words.join(" ").trim(), expected);
}

#[test]
fn the_journal_has_what_a_script_did_and_not_the_script() {
    check_journal(&[&["EVAL", "return redis.call('GET','a')", "0"]], "");
    check_journal(&[&["EVAL", "return redis.call('SET','a',1)", "0"]], "SELECT 0 SET a 1");
    let two = "redis.call('SET','a',1) redis.call('GET','a') redis.call('INCR','a')";
    check_journal(&[&["EVAL", two, "0"]], "MULTI SELECT 0 SET a 1 INCR a EXEC");
    let other = "redis.call('SELECT',3) redis.call('SET','a',1)";
    check_journal(&[&["EVAL", other, "0"], &["SET", "b", "2"]], "SELECT 3 SET a 1 SELECT 0 SET b 2");
    let muted = "redis.set_repl(redis.REPL_NONE) redis.call('SET','a',1) redis.set_repl(redis.REPL_ALL) \
                 redis.call('SET','b',1)";
    check_journal(&[&["EVAL", muted, "0"]], "SELECT 0 SET b 1");
    let failing = "redis.call('SET','a',1) redis.call('LPUSH','a','x')";
    check_journal(&[&["EVAL", failing, "0"]], "SELECT 0 SET a 1");
    check_journal(
        &[&["MULTI"], &["SET", "x", "1"], &["EVAL", two, "0"], &["EXEC"]],
        "MULTI SELECT 0 SET x 1 SET a 1 INCR a EXEC",
    );
}

#[test]
fn libraries_are_journalled_as_they_came() {
    let code = "#!lua name=lib\nredis.register_function('f', function() return redis.call('INCR','n') end)";
    check_journal(
        &[&["FUNCTION", "LOAD", code], &["FCALL", "f", "0"], &["FUNCTION", "DELETE", "lib"], &["FUNCTION", "FLUSH"]],
        &format!("SELECT 0 FUNCTION LOAD {code} INCR n FUNCTION DELETE lib FUNCTION FLUSH"),
    );
    check_journal(&[&["FUNCTION", "LOAD", "bad"], &["FUNCTION", "DELETE", "lib"]], "");
}

#[test]
fn who_waits_is_served_when_the_script_is_done() {
    let mut engine = Engine::new();
    let (waiter, caller) = (engine.connect(), engine.connect());
    engine.ask(waiter, "BLPOP list 0");
    let script = "redis.call('LPUSH','list','a') redis.call('LPUSH','list','b') return redis.call('LLEN','list')";
    assert_eq!(ask(&mut engine, caller, &["EVAL", script, "0"]), ":2\r\n");
    assert_eq!(String::from_utf8_lossy(&engine.replies(waiter)), "*2\r\n$4\r\nlist\r\n$1\r\nb\r\n");
}

#[test]
fn monitors_see_the_script_before_its_commands() {
    let mut engine = Engine::new();
    let (monitor, caller) = (engine.connect(), engine.connect());
    engine.ask(monitor, "MONITOR");
    ask(&mut engine, caller, &["EVAL", "return redis.call('SET','a',1)", "0"]);
    let told = String::from_utf8_lossy(&engine.replies(monitor)).into_owned();
    let lines: Vec<&str> = told.lines().collect();
    assert_eq!(lines.len(), 2, "{told}");
    assert!(lines[0].contains("\"EVAL\""), "{told}");
    assert!(lines[1].ends_with("[0 lua] \"SET\" \"a\" \"1\""), "{told}");
}

#[test]
fn commands_called_by_scripts_are_counted() {
    let mut engine = Engine::new();
    let session = engine.connect();
    ask(&mut engine, session, &["EVAL", "redis.call('SET','a','x') return redis.pcall('INCR','a')", "0"]);
    ask(&mut engine, session, &["EVAL", "return redis.call('NOSUCH')", "0"]);
    let stats = engine.ask(session, "INFO commandstats");
    let line = |name: &str| stats.lines().find(|l| l.starts_with(name)).unwrap_or_default().to_owned();
    assert!(line("cmdstat_set:").contains("calls=1"), "{stats}");
    assert!(line("cmdstat_incr:").contains("failed_calls=1"), "{stats}");
    assert!(line("cmdstat_eval:").contains("failed_calls=2"), "{stats}");
    let errors = engine.ask(session, "INFO errorstats");
    assert!(errors.contains("errorstat_ERR:count=2"), "each error is counted once: {errors}");
}

#[test]
fn a_script_sees_one_time_and_leaves_the_database_chosen() {
    let mut engine = Engine::new();
    let session = engine.connect();
    let script = "local a = redis.call('TIME') redis.call('SELECT', 5) redis.call('SET','k','v') local b = redis.call('TIME') \
                  return a[1] == b[1] and a[2] == b[2]";
    assert_eq!(ask(&mut engine, session, &["EVAL", script, "0"]), ":1\r\n");
    assert_eq!(engine.ask(session, "GET k"), "$-1\r\n");
    assert_eq!(engine.ask(session, "SELECT 5"), "+OK\r\n");
    assert_eq!(engine.ask(session, "GET k"), "$1\r\nv\r\n");
}

#[test]
fn replies_come_and_go_in_the_protocol_that_was_chosen() {
    let mut engine = Engine::new();
    let session = engine.connect();
    engine.ask(session, "HSET h f v");
    let asked = |engine: &mut Engine, script: &str| ask(engine, session, &["EVAL", script, "0"]);
    let map = "redis.setresp(3) return redis.call('HGETALL','h')";
    assert_eq!(asked(&mut engine, map), "*2\r\n$1\r\nf\r\n$1\r\nv\r\n");
    engine.ask(session, "HELLO 3");
    assert_eq!(asked(&mut engine, map), "%1\r\n$1\r\nf\r\n$1\r\nv\r\n");
    assert_eq!(asked(&mut engine, "return redis.call('HGETALL','h')"), "*2\r\n$1\r\nf\r\n$1\r\nv\r\n");
    assert_eq!(asked(&mut engine, "return {double=1.5}"), ",1.5\r\n");
    assert_eq!(asked(&mut engine, "return {big_number='123'}"), "(123\r\n");
    assert_eq!(asked(&mut engine, "return {verbatim_string={format='txt', string='x'}}"), "=5\r\ntxt:x\r\n");
    assert_eq!(asked(&mut engine, "return {set={a=true}}"), "~1\r\n$1\r\na\r\n");
    assert_eq!(asked(&mut engine, "redis.setresp(3) return true"), "#t\r\n");
    assert_eq!(asked(&mut engine, "return false"), "_\r\n");
    assert_eq!(asked(&mut engine, "redis.setresp(3) return redis.call('GET','no') == nil"), "#t\r\n");
}

#[test]
fn nested_results_end_with_an_error_and_not_with_the_stack() {
    let mut engine = Engine::new();
    let session = engine.connect();
    let reply = ask(&mut engine, session, &["EVAL", "local a = {} a[1] = a return a", "0"]);
    assert!(reply.starts_with("*1\r\n*1\r\n") && reply.ends_with("-ERR reached lua stack limit\r\n"));
}

#[test]
fn forgotten_scripts_are_those_of_eval() {
    let mut engine = Engine::new();
    let session = engine.connect();
    ask(&mut engine, session, &["SCRIPT", "LOAD", "return 'kept'"]);
    for number in 0..600 {
        ask(&mut engine, session, &["EVAL", &format!("return {number}"), "0"]);
    }
    assert_eq!(engine.server.scripts.cache.len(), 501);
    assert_eq!(engine.server.scripts.evicted(), 100);
    assert_eq!(
        ask(&mut engine, session, &["EVALSHA", "64f0d9d0aaa4e1ef7b8a6d1b3a4f4b4b9b0e5d62", "0"]).get(..9),
        Some("-NOSCRIPT")
    );
}

#[test]
fn the_debugger_is_off() {
    let mut engine = Engine::new();
    let session = engine.connect();
    for how in ["YES", "SYNC"] {
        let refused = "-ERR SCRIPT DEBUG: there is no debugger, it is always off\r\n";
        assert_eq!(ask(&mut engine, session, &["SCRIPT", "DEBUG", how]), refused);
    }
    assert_eq!(ask(&mut engine, session, &["SCRIPT", "DEBUG", "NO"]), "+OK\r\n");
    // The next script runs as any other does, and whoever sends what a debugger would understand is told that it is no command.
    let script = "redis.debug('seen by nobody') return {tostring(redis.breakpoint()), redis.call('SET', KEYS[1], 'v')}";
    assert_eq!(ask(&mut engine, session, &["EVAL", script, "1", "k"]), "*2\r\n$5\r\nfalse\r\n+OK\r\n");
    assert!(engine.ask(session, "redis GET k").starts_with("-ERR unknown command 'redis'"));
}
