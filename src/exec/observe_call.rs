//! What is noted of a call beyond its count: slow log, latency monitor, and the sessions that listen by MONITOR.

use super::command::CommandTable;
use super::dispatch::Context;
use crate::base::shared_bytes::SharedBytes;
use crate::base::words::write_quoted;
use crate::config::set::sensitive_positions;
use crate::keyspace::SessionKey;
use crate::protocol::args::Args;
use crate::server::session::flag as session_flag;
use crate::server::{Server, standing};
use crate::spec::{find_keys, flag};

/// What stands in place of a word that nobody may read.
const REDACTED: &[u8] = b"(redacted)";

/// Notes one call of `ns` nanoseconds. Called only when somebody wants it (see `Observe::wants_call`).
#[cold]
pub fn note(context: &Context, server: &mut Server, key: SessionKey, id: usize, args: Args, ns: u64) {
    let row = context.commands.row(id);
    let spec = &row.command.spec;
    let event = if spec.has(flag::FAST) { "fast-command" } else { "command" };
    server.observe.note_latency(event, ns, server.now);
    // A command that waited was told to the monitors when it came.
    let has_waited = server.sessions.get(key).is_some_and(|session| session.has(session_flag::BLOCKED));
    if server.standing & standing::MONITORED != 0 && !has_waited {
        tell_monitors_of(context.commands, server, key, id, args);
    }
    if server.observe.is_slow(ns) && !spec.has(flag::SKIP_SLOWLOG) {
        let Some(session) = server.sessions.get(key) else { return };
        let (peer, name) = (session.peer.as_bytes().to_vec(), session.name.to_vec());
        let words = readable_words(&row.full_name, args);
        let words = words.iter().map(|word| &**word);
        let len_max = server.settings.slowlog_len_max;
        server.observe.slow_log.add(len_max, server.now / 1000, ns / 1000, words, peer, name);
    }
}

/// Notes a request of `bytes` bytes that was executed.
#[cold]
pub fn note_large_request(context: &Context, server: &mut Server, key: SessionKey, id: usize, args: Args, bytes: u64) {
    let commands = context.commands;
    let id = (args.len() > 1).then(|| commands.find_subcommand(id, args.get(1))).flatten().unwrap_or(id);
    let row = commands.row(id);
    let Some(session) = server.sessions.get(key) else { return };
    // What was only queued, or refused, was not executed.
    if session.last_command != id
        || session.has(session_flag::IN_TRANSACTION)
        || row.command.spec.has(flag::SKIP_SLOWLOG)
    {
        return;
    }
    let (peer, name) = (session.peer.as_bytes().to_vec(), session.name.to_vec());
    let words = readable_words(&row.full_name, args);
    let words = words.iter().map(|word| &**word);
    let len_max = server.settings.large_request_len_max;
    server.observe.large_requests.add(len_max, server.now / 1000, bytes, words, peer, name);
}

/// Notes a reply of `bytes` bytes.
#[cold]
pub fn note_large_reply(
    commands: &CommandTable,
    server: &mut Server,
    key: SessionKey,
    id: usize,
    args: Args,
    bytes: u64,
) {
    let row = commands.row(id);
    let Some(session) = server.sessions.get(key) else { return };
    if row.command.spec.has(flag::SKIP_SLOWLOG) {
        return;
    }
    let (peer, name) = (session.peer.as_bytes().to_vec(), session.name.to_vec());
    let words = readable_words(&row.full_name, args);
    let words = words.iter().map(|word| &**word);
    let len_max = server.settings.large_reply_len_max;
    server.observe.large_replies.add(len_max, server.now / 1000, bytes, words, peer, name);
}

/// HOTKEYS counts: what a call with keys took, in time and in bytes of its request and its reply.
#[cold]
pub fn note_hot_keys(commands: &CommandTable, server: &mut Server, id: usize, args: Args, ns: u64, reply_bytes: u64) {
    let now = server.now;
    // Of a script's cost its caller's keys bear all.
    if server.scripts.running.is_some() {
        return;
    }
    let Some(hot_keys) = &mut server.observe.hot_keys else { return };
    if !hot_keys.goes_on(now) {
        server.set_standing(standing::HOTKEYS, false);
        return;
    }
    let mut found = Vec::new();
    find_keys(&commands.row(id).command.spec, args.len(), |at| args.get(at), &mut found);
    let keys: Vec<&[u8]> = found.iter().map(|found| args.get(found.word)).collect();
    let header = |number: usize| number.checked_ilog10().unwrap_or(0) as usize + 4;
    let words: usize = args.iter().map(|word| header(word.len()) + word.len() + 2).sum();
    let bytes = (header(args.len()) + words) as u64 + reply_bytes;
    hot_keys.note(&keys, ns, bytes, &mut server.random);
}

/// Notes that a call waits: the monitors are told when it comes, not again when it goes on.
#[cold]
pub fn note_wait(context: &Context, server: &mut Server, key: SessionKey, id: usize, args: Args) {
    let waits_on = server.sessions.get(key).is_some_and(|session| session.has(session_flag::BLOCKED));
    if !waits_on {
        tell_monitors_of(context.commands, server, key, id, args);
    }
}

/// Tells a command to every session that listens; commands of administrators are not told, nor those that tell themselves.
fn tell_monitors_of(commands: &CommandTable, server: &mut Server, key: SessionKey, id: usize, args: Args) {
    if commands.row(id).command.spec.flags & (flag::ADMIN | flag::SKIP_MONITOR) == 0 {
        tell_monitors(commands, server, key, id, args);
    }
}

/// Tells a command to every session that listens.
#[cold]
pub fn tell_monitors(commands: &CommandTable, server: &mut Server, key: SessionKey, id: usize, args: Args) {
    let row = commands.row(id);
    let Some(session) = server.sessions.get(key) else { return };
    let us = server.clock.wall_us();
    let peer = match session.peer.strip_suffix(":0").filter(|_| session.has(session_flag::UNIX_SOCKET)) {
        Some(path) => format!("unix:{path}"),
        None => session.peer.to_string(),
    };
    let peer = if server.scripts.is_called_by(key) { "lua".to_owned() } else { peer };
    let mut line = format!("+{}.{:06} [{} {peer}]", us / 1_000_000, us % 1_000_000, session.db).into_bytes();
    for word in readable_words(&row.full_name, args) {
        line.push(b' ');
        write_quoted(&mut line, word);
    }
    line.extend_from_slice(b"\r\n");
    let line = SharedBytes::from_slice(&line);
    for &monitor in &server.monitors {
        server.outbox.send(monitor, line.clone());
    }
}

/// The words of a call, those that nobody may read replaced.
pub fn readable_words<'a>(full_name: &str, args: Args<'a>) -> Vec<&'a [u8]> {
    let mut words: Vec<&[u8]> = args.iter().collect();
    for at in secret_positions(full_name, &words) {
        words[at] = REDACTED;
    }
    words
}

/// Where a call has words that nobody may read: passwords, and all of what says who may do what.
fn secret_positions(full_name: &str, words: &[&[u8]]) -> Vec<usize> {
    // Behind the token, wherever it stands.
    let behind = |token: &'static str, count: usize| {
        let found = (0..words.len()).filter(move |at| words[*at].eq_ignore_ascii_case(token.as_bytes()));
        found.flat_map(move |at| at + 1..(at + 1 + count).min(words.len()))
    };
    match full_name {
        "auth" => (1..words.len()).collect(),
        "hello" => behind("AUTH", 2).collect(),
        "config|set" => sensitive_positions(&words[2..]).map(|at| at + 2).collect(),
        "acl|setuser" | "acl|getuser" | "acl|deluser" => (2..words.len()).collect(),
        "migrate" => behind("AUTH", 1).chain(behind("AUTH2", 2)).collect(),
        _ => Vec::new(),
    }
}

/// A command that cannot fail where it comes from was answered with an error: what it was to do there is not done here. `name`: of
/// the command.
#[cold]
pub fn note_unexpected_error(server: &mut Server, from: &str, to: &str, text: &str, name: &str, may_go_on: bool) {
    log::warn!(
        "== CRITICAL == This {from} is sending an error to its {to}: '{text}' after processing the command '{name}'"
    );
    server.observe.totals.unexpected_error_replies += 1;
    if !may_go_on {
        panic!("This {from} panicked sending an error to its {to} after processing the command '{name}'");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(full_name: &str, line: &str, secret: &[usize]) {
        let words: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
        assert_eq!(secret_positions(full_name, &words), secret, "{line}");
    }

    #[test]
    fn passwords_are_hidden() {
        check("auth", "auth user pass", &[1, 2]);
        check("hello", "hello 3 auth user pass setname x", &[3, 4]);
        check("hello", "hello 3 auth user pass auth other word", &[3, 4, 6, 7]);
        check("hello", "hello 3", &[]);
        check("acl|setuser", "acl setuser u >x", &[2, 3]);
        check("config|set", "config set requirepass x maxmemory 0 masterauth y", &[3, 7]);
        check("migrate", "migrate h 1 k 9 5000 AUTH2 user", &[7]);
        check("get", "get auth", &[]);
    }
}
