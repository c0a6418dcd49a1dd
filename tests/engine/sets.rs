//! Sets from the outside: what SPOP leaves in the journal, and what a transaction that watches sees.

use crate::harness::Engine;

/// The journal of what follows `before`, as words with one space between, SELECT left out.
fn journal(before: &[&str], line: &str) -> (String, String) {
    let mut engine = Engine::new();
    let session = engine.connect();
    before.iter().for_each(|line| drop(engine.ask(session, line)));
    engine.server.journal.attach(gyre::server::journal::Readers::ALL);
    let reply = engine.ask(session, line);
    let bytes = String::from_utf8_lossy(&engine.server.journal.take().bytes).into_owned();
    let words: Vec<&str> = bytes.split("\r\n").filter(|l| !l.starts_with(['*', '$'])).collect();
    (reply, words.join(" ").trim().trim_start_matches("SELECT 0").trim().to_string())
}

/// The members in a reply of bulk strings.
fn members(reply: &str) -> Vec<&str> {
    reply.split("\r\n").filter(|line| !line.is_empty() && !line.starts_with(['*', '$'])).collect()
}

#[test]
fn spop_stands_in_the_journal_as_what_it_removed() {
    let (reply, written) = journal(&["SADD s a b c d e"], "SPOP s");
    assert_eq!(written, format!("SREM s {}", members(&reply)[0]));
    let (reply, written) = journal(&["SADD s a b c d e"], "SPOP s 3");
    assert_eq!(written, format!("SREM s {}", members(&reply).join(" ")));
    assert_eq!(journal(&["SADD s a b"], "SPOP s 2").1, "DEL s");
    assert_eq!(journal(&["SADD s a b"], "SPOP s 9").1, "DEL s");
    assert_eq!(journal(&["CONFIG SET lazyfree-lazy-server-del yes", "SADD s a"], "SPOP s 9").1, "UNLINK s");
    assert_eq!(journal(&["SADD s a"], "SPOP s 0").1, "");
    assert_eq!(journal(&[], "SPOP s").1, "");
}

#[test]
fn many_members_are_popped_in_batches_of_one_transaction() {
    let numbers: Vec<String> = (0..3000).map(|number| number.to_string()).collect();
    let (reply, written) = journal(&[&format!("SADD s {}", numbers.join(" "))], "SPOP s 2500");
    let popped = members(&reply);
    assert_eq!(popped.len(), 2500);
    let commands: Vec<&str> = written.split("SREM s ").map(str::trim).collect();
    assert_eq!(commands[0], "MULTI SELECT 0");
    assert_eq!(commands[1].split(' ').count(), 1024);
    assert_eq!(commands[3].trim_end_matches(" EXEC").split(' ').count(), 2500 - 2 * 1024);
}

#[test]
fn what_changes_nothing_stands_nowhere() {
    assert_eq!(journal(&["SADD s a"], "SADD s a").1, "");
    assert_eq!(journal(&["SADD s a"], "SREM s b").1, "");
    assert_eq!(journal(&["SADD s a"], "SMOVE s s a").1, "");
    assert_eq!(journal(&["SADD s a"], "SMOVE s d a").1, "SMOVE s d a");
    assert_eq!(journal(&["SADD s a"], "SINTERSTORE d s none").1, "");
    assert_eq!(journal(&["SADD s a", "SET d x"], "SINTERSTORE d s none").1, "SINTERSTORE d s none");
}

#[test]
fn a_move_that_the_destination_does_not_notice_breaks_no_watch_on_it() {
    let mut engine = Engine::new();
    let (watcher, other) = (engine.connect(), engine.connect());
    engine.ask(other, "SADD from a b");
    engine.ask(other, "SADD to a");
    engine.ask(watcher, "WATCH to");
    engine.ask(other, "SMOVE from to a");
    engine.ask(watcher, "MULTI");
    engine.ask(watcher, "SCARD to");
    assert_eq!(engine.ask(watcher, "EXEC"), "*1\r\n:1\r\n");
    engine.ask(watcher, "WATCH to");
    engine.ask(other, "SMOVE from to b");
    engine.ask(watcher, "MULTI");
    assert_eq!(engine.ask(watcher, "EXEC"), "*-1\r\n");
}
