//! Streams: a log of entries with what outlives them: the last id, the greatest removed one, how many there ever were.
//!
//! A stream without entries is kept: its last id still matters. Consumer groups are not served yet.

use super::{Kind, Object};
use crate::base::memory::usable_size;
use crate::structures::stream_log::{Append, BlockLimits, StreamId, StreamLog, Trim};

/// A stream, behind one pointer.
#[derive(Clone, Default)]
pub struct Stream {
    body: Box<Body>,
}

#[derive(Clone, Default)]
struct Body {
    log: StreamLog,
    last_id: StreamId,
    max_removed_id: StreamId,
    entries_added: u64,
}

/// What a dump says of a stream besides its entries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StreamFacts {
    pub last_id: StreamId,
    pub max_removed_id: StreamId,
    pub entries_added: u64,
}

impl Stream {
    /// A stream of a dump.
    pub fn from_parts(log: StreamLog, facts: StreamFacts) -> Stream {
        let StreamFacts { last_id, max_removed_id, entries_added } = facts;
        Stream { body: Box::new(Body { log, last_id, max_removed_id, entries_added }) }
    }

    pub fn log(&self) -> &StreamLog {
        &self.body.log
    }

    pub fn facts(&self) -> StreamFacts {
        let Body { last_id, max_removed_id, entries_added, .. } = *self.body;
        StreamFacts { last_id, max_removed_id, entries_added }
    }

    /// The greatest id that was ever given.
    pub fn last_id(&self) -> StreamId {
        self.body.last_id
    }

    /// Appends an entry; `id` must be greater than `last_id`. False when it is too large.
    pub fn append(&mut self, id: StreamId, pairs: Append<'_>, limits: BlockLimits) -> bool {
        debug_assert!(id > self.body.last_id, "ids rise");
        if !self.body.log.append(id, pairs, limits) {
            return false;
        }
        self.body.last_id = id;
        self.body.entries_added += 1;
        true
    }

    /// Removes an entry; false when there is none of this id.
    pub fn remove(&mut self, id: StreamId) -> bool {
        let is_removed = self.body.log.remove(id);
        if is_removed {
            self.body.max_removed_id = self.body.max_removed_id.max(id);
        }
        is_removed
    }

    /// See `StreamLog::trim`.
    pub fn trim(&mut self, until: Trim, is_rough: bool, limit: u64) -> u64 {
        self.body.log.trim(until, is_rough, limit)
    }
}

impl Object for Stream {
    const KIND: Kind = Kind::Stream;

    fn len(&self) -> usize {
        self.body.log.len() as usize
    }

    /// A stream is never gone for want of entries.
    fn is_empty(&self) -> bool {
        false
    }

    fn encoding(&self) -> &'static str {
        "stream"
    }

    fn bytes(&self, _samples: usize) -> usize {
        usable_size(size_of::<Body>()) + self.body.log.allocated_bytes()
    }

    fn free_effort(&self) -> usize {
        self.body.log.blocks()
    }

    fn free_some(&mut self, budget: usize) -> bool {
        self.body.log.free_some(budget)
    }
}
