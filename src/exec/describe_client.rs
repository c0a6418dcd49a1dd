//! A client in one line, as CLIENT LIST and the log tell it.

use std::fmt::Write;

use super::call::shown;
use super::command::CommandTable;
use crate::pubsub::Topic;
use crate::server::session::flag;
use crate::server::{Server, Session};

/// Letters of the `flags` field, in Redis's order.
const LETTERS: &[(u32, char)] = &[
    (flag::REPLICA, 'S'),
    (flag::MASTER, 'M'),
    (flag::MONITOR, 'O'),
    (flag::SUBSCRIBED, 'P'),
    (flag::IN_TRANSACTION, 'x'),
    (flag::BLOCKED | flag::PAUSED, 'b'),
    (flag::TRACKING, 't'),
    (flag::TRACKING_BROKEN, 'R'),
    (flag::TRACKING_BROADCAST, 'B'),
    (flag::WATCH_BROKEN, 'd'),
    (flag::CLOSE_AFTER_REPLY, 'c'),
    (flag::CLOSE_NOW, 'A'),
    (flag::UNIX_SOCKET, 'U'),
    (flag::NO_EVICT, 'e'),
    (flag::NO_TOUCH, 'T'),
];

/// The letters of what a session is and does, `N` for nothing of it.
pub fn letters(session: &Session) -> String {
    let letters: String = LETTERS.iter().filter(|(bits, _)| session.has(*bits)).map(|(_, letter)| letter).collect();
    if letters.is_empty() { "N".to_owned() } else { letters }
}

/// Appends the line of one session, without its end.
pub fn describe(line: &mut String, session: &Session, server: &Server, commands: &CommandTable) {
    let now = server.now;
    let redirection = server.tracking.redirection_id(session.key);
    let subscriptions = |topic| server.pubsub.count_of(topic, session.key);
    let bytes = server.client_bytes(session);
    // Words of a request whose large argument is still to come stand among the arguments.
    let done = session.progress.done_before_large().min(session.pending.len());
    let queued = session.transaction.as_deref().map_or(0, |transaction| transaction.queue.len() as i64);
    let in_transaction = session.has(flag::IN_TRANSACTION);
    let command = commands.rows().get(session.last_command).map_or("NULL", |row| row.full_name.as_str());
    let text = |bytes: &[u8]| String::from_utf8_lossy(shown(bytes, usize::MAX)).into_owned();
    // Writing to a String cannot fail.
    let _ = write!(
        line,
        "id={} addr={} laddr={} fd={} name={} age={} idle={} flags={} db={} sub={} psub={} ssub={} multi={} watch={} \
         qbuf={} qbuf-free={} argv-mem={} multi-mem={} rbs={} rbp={} obl={} oll={} omem={} tot-mem={} events={} cmd={} \
         user={} redir={} resp={} lib-name={} lib-ver={} io-thread=0",
        session.id,
        session.peer,
        session.local,
        session.descriptor,
        text(&session.name),
        (now - session.created) / 1000,
        (now - session.last_active).max(0) / 1000,
        letters(session),
        session.db,
        subscriptions(Topic::Channel),
        subscriptions(Topic::Pattern),
        subscriptions(Topic::Shard),
        if in_transaction { queued } else { -1 },
        session.watched.len(),
        session.pending.len() - done + session.batch_bytes as usize,
        session.pending.capacity() - session.pending.len(),
        bytes.arguments + done,
        bytes.transaction,
        bytes.replies,
        bytes.replies,
        session.out.len(),
        (bytes.shared_replies > 0) as u32,
        bytes.replies + bytes.shared_replies,
        bytes.total,
        if session.out.is_empty() { "r" } else { "rw" },
        command,
        text(server.acl.name(session.user)),
        redirection,
        if session.is_resp3 { 3 } else { 2 },
        text(&session.lib_name),
        text(&session.lib_version),
    );
}
