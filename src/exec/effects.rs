//! Hands on what a command did: to watchers, waiters, subscribers of events, the journal, and the freeing of what is large.

use crate::base::shared_bytes::SharedBytes;
use crate::keyspace::event::class;
use crate::keyspace::{Effects, Event};
use crate::server::Server;
use crate::server::session::flag;

/// Hands on the effects of database `index`; gives back the number of changes.
pub fn hand_on(server: &mut Server, index: usize) -> u64 {
    let effects = &mut server.keyspace.db_mut(index).effects;
    let dirty = std::mem::take(&mut effects.dirty);
    server.keyspace.dirty += dirty;
    if !server.keyspace.db(index).effects.is_quiet() {
        hand_on_list(server, index);
    }
    dirty
}

/// Hands on the effects of every database that was lent to be changed.
pub fn hand_on_all(server: &mut Server) -> u64 {
    let visited = server.keyspace.take_visited();
    visited.map(|index| hand_on(server, index)).sum()
}

#[cold]
fn hand_on_list(server: &mut Server, index: usize) {
    let effects: Effects = std::mem::take(&mut server.keyspace.db_mut(index).effects);
    // 1. Keys that went by themselves stand in the journal before the command that met them.
    let lazily = |evicted: bool| {
        if evicted { server.settings.lazyfree_eviction } else { server.settings.lazyfree_expire }
    };
    let verbs: Vec<&[u8]> =
        effects.removals.iter().map(|r| if lazily(r.evicted) { &b"UNLINK"[..] } else { b"DEL" }).collect();
    for (removal, verb) in effects.removals.iter().zip(verbs) {
        server.journal.record(index, [verb, &*removal.key].into_iter());
    }
    // 2. Watchers.
    for session in effects.touched {
        if let Some(session) = server.sessions.get_mut(session) {
            session.set(flag::WATCH_BROKEN);
        }
    }
    // 3. Subscribers of events.
    for notice in effects.notices {
        publish_event(server, notice.db, notice.event, &notice.key);
    }
    // 4. Waiters are served after the command, by `blocking::serve`.
    server.ready.extend(effects.ready.into_iter().map(|key| (index, key)));
    // 5. What is large goes in slices.
    for garbage in effects.garbage {
        server.keyspace.garbage.push(garbage);
    }
}

/// Tells subscribers of `__keyspace@<db>__:<key>` and `__keyevent@<db>__:<event>`.
fn publish_event(server: &mut Server, db: usize, event: Event, key: &[u8]) {
    let classes = server.keyspace.db(db).rules.notify;
    if classes & class::KEYSPACE != 0 {
        let channel = [format!("__keyspace@{db}__:").as_bytes(), key].concat();
        publish(server, &channel, event.name.as_bytes());
    }
    if classes & class::KEYEVENT != 0 {
        let channel = format!("__keyevent@{db}__:{}", event.name);
        publish(server, channel.as_bytes(), key);
    }
}

/// Sends a message to everybody who listens to `channel` by name or pattern; gives back how many received it.
pub fn publish(server: &mut Server, channel: &[u8], message: &[u8]) -> usize {
    if server.pubsub.is_silent() {
        return 0;
    }
    use crate::pubsub::Topic;
    let mut receivers = 0;
    let listeners = server.pubsub.listeners(Topic::Channel, channel);
    if !listeners.is_empty() {
        let bytes = encode_push(&[b"message", channel, message]);
        for &session in listeners {
            server.outbox.push(session, bytes.clone());
            receivers += 1;
        }
    }
    for (pattern, listeners) in server.pubsub.matching_patterns(channel) {
        let bytes = encode_push(&[b"pmessage", pattern, channel, message]);
        for &session in listeners {
            server.outbox.push(session, bytes.clone());
            receivers += 1;
        }
    }
    receivers
}

/// A push message as RESP2 encodes it; for RESP3 receivers the first byte differs.
pub fn encode_push(parts: &[&[u8]]) -> SharedBytes {
    let mut bytes = Vec::with_capacity(parts.iter().map(|part| part.len() + 16).sum());
    bytes.extend_from_slice(format!("*{}\r\n", parts.len()).as_bytes());
    for part in parts {
        bytes.push(b'$');
        crate::base::number::write_u64(&mut bytes, part.len() as u64);
        bytes.extend_from_slice(b"\r\n");
        bytes.extend_from_slice(part);
        bytes.extend_from_slice(b"\r\n");
    }
    SharedBytes::from_slice(&bytes)
}

/// Puts every message into its receiver's reply queue.
pub fn drain_outbox(server: &mut Server) {
    let mut messages = std::mem::take(&mut server.outbox.messages);
    for message in messages.drain(..) {
        let Some(session) = server.sessions.get_mut(message.to) else { continue };
        let is_push3 = message.is_push && session.is_resp3;
        let bytes: &[u8] = &message.bytes;
        let (first, rest) = bytes.split_first().expect("a message is not empty");
        session.out.bytes.push(if is_push3 { b'>' } else { *first });
        session.out.bytes.extend_from_slice(rest);
        let unsent = session.out.len();
        server.sessions.queue_write(message.to);
        if unsent >= server.output_check_bytes {
            super::output_limits::check(server, message.to);
        }
    }
    // The emptied list keeps its room for the next messages.
    server.outbox.messages = messages;
}
