//! Messages to other sessions than the one at hand: drained into the receivers' reply queues after each command, before the
//! next, so that their order is the order of events. One reference-counted copy serves all receivers.

use crate::base::shared_bytes::SharedBytes;
use crate::keyspace::SessionKey;

/// One message; encoded for RESP2 and RESP3 receivers alike up to the first byte (`*` or `>`).
pub struct Message {
    pub to: SessionKey,
    pub bytes: SharedBytes,
    /// The first byte becomes `>` for RESP3 receivers.
    pub is_push: bool,
}

/// What waits to be put into reply queues.
#[derive(Default)]
pub struct Outbox {
    pub messages: Vec<Message>,
}

impl Outbox {
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    /// A push message: `bytes` as RESP2 encodes it (beginning with `*`).
    pub fn push(&mut self, to: SessionKey, bytes: SharedBytes) {
        self.messages.push(Message { to, bytes, is_push: true });
    }

    /// Bytes that are the same in both protocols (MONITOR lines, replies to waiters).
    pub fn send(&mut self, to: SessionKey, bytes: SharedBytes) {
        self.messages.push(Message { to, bytes, is_push: false });
    }
}
