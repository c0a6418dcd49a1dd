//! Messages to other sessions than the one at hand: drained into the receivers' reply queues after each command, before the
//! next, so that their order is the order of events. One reference-counted copy serves all receivers.
//!
//! ```text
//! messages   [ bytes | form | receivers 0..2 ] [ … | 2..3 ] …        receivers   A B  C …
//! ```
//! What a receiver's protocol decides is decided when the message is drained, not when it is made: a script that speaks another
//! one than its client may be running.

use std::ops::Range;

use crate::base::shared_bytes::SharedBytes;
use crate::keyspace::SessionKey;

/// How the bytes of a message go to a receiver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// As they are, in both protocols.
    Plain,
    /// The rest of an array, or for RESP3 of a push: its first byte (`*` or `>`) is left to the receiver's protocol.
    Push,
    /// A push that RESP2 has no place for, without its first byte.
    PushOrNothing,
    /// The keys that a client may no longer hold, as an array; empty for all keys.
    Invalidation { is_redirected: bool },
}

/// One message.
pub struct Message {
    pub receivers: Range<u32>,
    pub bytes: SharedBytes,
    pub form: Form,
    /// Behind all others that the command at hand causes.
    pub is_last: bool,
}

/// What waits to be put into reply queues.
#[derive(Default)]
pub struct Outbox {
    pub messages: Vec<Message>,
    pub receivers: Vec<SessionKey>,
    /// Some message is to be the last one.
    pub has_last: bool,
}

impl Outbox {
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    /// A push message: `bytes` as RESP2 encodes it, without the first byte.
    pub fn push(&mut self, to: SessionKey, bytes: SharedBytes) {
        self.add(&[to], bytes, Form::Push, false);
    }

    /// The same for many at once.
    #[inline]
    pub fn push_all(&mut self, to: &[SessionKey], bytes: SharedBytes) {
        self.add(to, bytes, Form::Push, false);
    }

    /// Bytes that are the same in both protocols (MONITOR lines, replies to waiters).
    pub fn send(&mut self, to: SessionKey, bytes: SharedBytes) {
        self.add(&[to], bytes, Form::Plain, false);
    }

    pub fn add(&mut self, to: &[SessionKey], bytes: SharedBytes, form: Form, is_last: bool) {
        let from = self.receivers.len() as u32;
        self.receivers.extend_from_slice(to);
        self.has_last |= is_last;
        self.messages.push(Message { receivers: from..self.receivers.len() as u32, bytes, form, is_last });
    }
}
