//! Hands on what a command did: to watchers, waiters, subscribers of events, the journal, and the freeing of what is large.

use crate::base::number::IntegerText;
use crate::base::shared_bytes::SharedBytes;
use crate::keyspace::effects::{Gone, Removal};
use crate::keyspace::event::class;
use crate::keyspace::{Changed, Effects, Notice, SessionKey};
use crate::protocol::args::OwnedRequest;
use crate::protocol::output::SHARED_MIN;
use crate::server::outbox::{Form, Message};
use crate::server::session::flag;
use crate::server::{Server, Session};

/// Hands on the effects of database `index`, which the command of a session caused (`by`), or nobody's; gives back the number of
/// changes.
pub fn hand_on(server: &mut Server, index: usize, by: Option<SessionKey>) -> u64 {
    let effects = &mut server.keyspace.db_mut(index).effects;
    let dirty = std::mem::take(&mut effects.dirty);
    server.keyspace.dirty += dirty;
    if !server.keyspace.db(index).effects.is_quiet() {
        hand_on_list(server, index, by);
    }
    dirty
}

/// Hands on the effects of every database that was lent to be changed.
pub fn hand_on_all(server: &mut Server, by: Option<SessionKey>) -> u64 {
    let visited = server.keyspace.take_visited();
    if server.tracking.is_active() {
        tell_once_of_emptying(server, by);
    }
    visited.map(|index| hand_on(server, index, by)).sum()
}

/// However many databases a command emptied, those who track keys are told once.
#[cold]
fn tell_once_of_emptying(server: &mut Server, by: Option<SessionKey>) {
    let mut is_emptied = false;
    for index in 0..server.keyspace.databases() {
        if server.keyspace.db(index).effects.changed.iter().any(|changed| matches!(changed, Changed::All)) {
            let changed = &mut server.keyspace.db_mut(index).effects.changed;
            changed.retain(|changed| !matches!(changed, Changed::All));
            is_emptied = true;
        }
    }
    if is_emptied {
        super::tracking::invalidate_all(server, by);
    }
}

#[cold]
fn hand_on_list(server: &mut Server, index: usize, by: Option<SessionKey>) {
    let effects: Effects = std::mem::take(&mut server.keyspace.db_mut(index).effects);
    // 1. Keys that went by themselves stand in the journal before the command that met them.
    for removal in &effects.removals {
        journal_removal(server, index, removal);
    }
    // 2. Watchers.
    for session in effects.touched {
        if let Some(session) = server.sessions.get_mut(session) {
            session.set(flag::WATCH_BROKEN);
        }
    }
    // 3. Those who track keys, and subscribers of events, in the order in which things happened.
    let mut notices = effects.notices.into_iter();
    let mut told = 0;
    for changed in effects.changed {
        match changed {
            Changed::All => super::tracking::invalidate_all(server, by),
            Changed::Key { key, notices_before, by_itself } => {
                for notice in notices.by_ref().take(notices_before.saturating_sub(told)) {
                    publish_event(server, &notice);
                }
                told = told.max(notices_before);
                super::tracking::invalidate(server, &key, by, by_itself);
            }
        }
    }
    for notice in notices {
        publish_event(server, &notice);
    }
    // 4. Waiters are served after the command, by `blocking::serve`.
    server.ready.extend(effects.ready.into_iter().map(|key| (index, key)));
    // 5. What is large goes in slices.
    for garbage in effects.garbage {
        server.keyspace.garbage.push(garbage);
    }
}

/// A key that went by itself as DEL or UNLINK, fields as an HDEL each.
fn journal_removal(server: &mut Server, index: usize, removal: &Removal) {
    let key = &*removal.key;
    let is_lazy = match &removal.what {
        Gone::Expired => server.settings.lazyfree_expire,
        Gone::Evicted => server.settings.lazyfree_eviction,
        Gone::Fields(fields) => {
            for field in fields.args().iter() {
                server.journal.record(index, [&b"HDEL"[..], key, field].into_iter());
            }
            return;
        }
    };
    let verb: &[u8] = if is_lazy { b"UNLINK" } else { b"DEL" };
    server.journal.record(index, [verb, key].into_iter());
}

/// Tells subscribers of `__keyspace@<db>__:<key>` and `__keyevent@<db>__:<event>`, and of the channels that name fields.
fn publish_event(server: &mut Server, notice: &Notice) {
    let Notice { db, event, key, fields } = notice;
    let db = *db;
    let classes = server.keyspace.db(db).rules.notify;
    if classes & class::KEYSPACE != 0 {
        let channel = [format!("__keyspace@{db}__:").as_bytes(), key].concat();
        publish(server, &channel, event.name.as_bytes());
    }
    if classes & class::KEYEVENT != 0 {
        let channel = format!("__keyevent@{db}__:{}", event.name);
        publish(server, channel.as_bytes(), key);
    }
    if let Some(fields) = fields {
        publish_fields(server, classes, (db, event.name, key), fields);
    }
}

/// Tells subscribers which fields of a key an event was about. Names of any bytes stand behind their lengths.
fn publish_fields(server: &mut Server, classes: u32, (db, event, key): (usize, &str, &[u8]), fields: &OwnedRequest) {
    let measured = |bytes: &[u8]| [bytes.len().to_string().as_bytes(), b":", bytes].concat();
    let list = fields.args().iter().map(measured).collect::<Vec<_>>().join(&b',');
    if classes & class::SUBKEYSPACE != 0 {
        let channel = [format!("__subkeyspace@{db}__:").as_bytes(), key].concat();
        publish(server, &channel, &[event.as_bytes(), b"|", &list].concat());
    }
    if classes & class::SUBKEYEVENT != 0 {
        let channel = format!("__subkeyevent@{db}__:{event}");
        publish(server, channel.as_bytes(), &[&measured(key)[..], b"|", &list].concat());
    }
    // A line's end parts key and field in the channel's name.
    if classes & class::SUBKEYSPACE_ITEM != 0 && !key.contains(&b'\n') {
        for field in fields.args().iter() {
            let channel = [format!("__subkeyspaceitem@{db}__:").as_bytes(), key, b"\n", field].concat();
            publish(server, &channel, event.as_bytes());
        }
    }
    if classes & class::SUBKEYSPACE_EVENT != 0 {
        let channel = [format!("__subkeyspaceevent@{db}__:{event}|").as_bytes(), key].concat();
        publish(server, &channel, &list);
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
        server.outbox.push_all(listeners, encode_push(&[b"message", channel, message]));
        receivers += listeners.len();
    }
    for (pattern, listeners) in server.pubsub.matching_patterns(channel) {
        server.outbox.push_all(listeners, encode_push(&[b"pmessage", pattern, channel, message]));
        receivers += listeners.len();
    }
    receivers
}

/// A push message as RESP2 encodes it, without its first byte, which for RESP3 receivers differs.
pub fn encode_push(parts: &[&[u8]]) -> SharedBytes {
    let room = parts.iter().map(|part| part.len() + PART_OVERHEAD_BYTES_MAX).sum::<usize>() + PART_OVERHEAD_BYTES_MAX;
    let mut bytes = SharedBytes::with_capacity(room);
    let mut number = IntegerText::new();
    bytes.extend_from_slice(number.of(parts.len() as i64));
    for part in parts {
        bytes.extend_from_slice(b"\r\n$");
        bytes.extend_from_slice(number.of(part.len() as i64));
        bytes.extend_from_slice(b"\r\n");
        bytes.extend_from_slice(part);
    }
    bytes.extend_from_slice(b"\r\n");
    bytes
}

/// What stands around a string, at most: mark, up to 20 digits, two line ends.
const PART_OVERHEAD_BYTES_MAX: usize = 25;

/// Receivers of one command's messages whose list keeps its room; after more, memory is given back.
const RECEIVERS_KEPT_MAX: usize = 16 * 1024;

/// Puts every message into its receivers' reply queues.
#[inline]
pub fn drain_outbox(server: &mut Server) {
    if !server.outbox.is_empty() {
        drain(server);
    }
}

fn drain(server: &mut Server) {
    let mut outbox = std::mem::take(&mut server.outbox);
    for message in outbox.messages.iter().filter(|message| !message.is_last) {
        deliver(server, message, &outbox.receivers);
    }
    if outbox.has_last {
        for message in outbox.messages.iter().filter(|message| message.is_last) {
            deliver(server, message, &outbox.receivers);
        }
        outbox.has_last = false;
    }
    // The emptied lists keep their room for the next messages.
    outbox.messages.clear();
    outbox.receivers.clear();
    outbox.messages.shrink_to(RECEIVERS_KEPT_MAX);
    outbox.receivers.shrink_to(RECEIVERS_KEPT_MAX);
    server.outbox = outbox;
}

/// A message of this many bytes for more than one receiver is referred to by each, not copied: they may be many, and slow.
const MESSAGE_SHARED_MIN: usize = 512;

fn deliver(server: &mut Server, message: &Message, receivers: &[SessionKey]) {
    let bytes: &[u8] = &message.bytes;
    let is_shared = bytes.len() >= if message.receivers.len() > 1 { MESSAGE_SHARED_MIN } else { SHARED_MIN };
    for &receiver in &receivers[message.receivers.start as usize..message.receivers.end as usize] {
        let Some(session) = server.sessions.get_mut(receiver) else { continue };
        let Some(head) = head_of(message.form, session) else { continue };
        let out = &mut session.out;
        if out.bytes.capacity() == 0 {
            out.bytes = server.spare_buffers.pop().unwrap_or_default();
        }
        out.bytes.extend_from_slice(head);
        if is_shared {
            out.push_shared(message.bytes.clone());
        } else if !bytes.is_empty() {
            out.bytes.extend_from_slice(bytes);
        } else {
            out.bytes.extend_from_slice(if session.is_resp3 { b"_\r\n" } else { b"$-1\r\n" });
        }
        let unsent = out.len();
        if !session.has(flag::WRITE_QUEUED) {
            session.set(flag::WRITE_QUEUED);
            server.sessions.to_tell.push(receiver);
        }
        if unsent >= server.output_check_bytes {
            super::output_limits::check(server, receiver);
        }
    }
}

/// What stands before a message's bytes in the receiver's protocol; `None` where that has no place for the message.
#[inline]
fn head_of(form: Form, session: &Session) -> Option<&'static [u8]> {
    match form {
        Form::Plain => Some(b""),
        Form::Push => Some(if session.is_resp3 { b">" } else { b"*" }),
        Form::PushOrNothing if session.is_resp3 => Some(b">"),
        Form::Invalidation { .. } if session.is_resp3 => Some(b">2\r\n$10\r\ninvalidate\r\n"),
        // Whoever listens to anything is taken to be listening to the channel of invalidations.
        Form::Invalidation { is_redirected: true } if session.has(flag::SUBSCRIBED) => {
            Some(b"*3\r\n$7\r\nmessage\r\n$20\r\n__redis__:invalidate\r\n")
        }
        Form::PushOrNothing | Form::Invalidation { .. } => None,
    }
}
