//! Streams: a log of entries with what outlives them (the last id, the greatest removed one, how many there ever were), and
//! the groups that read it.
//!
//! A stream without entries is kept: its last id and its groups still matter.

mod facts;
mod group;
mod once;

use std::collections::BTreeMap;

use super::{Kind, Object};
use crate::base::memory::usable_size;
use crate::structures::stream_log::{Append, BlockLimits, StreamId, StreamLog, Trim};
pub use facts::StreamFacts;
pub use group::{Consumer, ConsumerId, Delivery, Group};
pub use once::{Once, Producer};

/// What becomes of an entry that is to be removed while groups know of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum References {
    /// It goes, and stays pending where it is.
    #[default]
    Keep,
    /// It goes, and is pending nowhere any longer.
    Drop,
    /// It goes only when every group was given it and has it acknowledged.
    Acknowledged,
}

/// What became of an entry that was to be removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Removal {
    Absent,
    Removed,
    /// It is still referred to.
    Kept,
}

/// A stream, behind one pointer.
#[derive(Clone, Default)]
pub struct Stream {
    body: Box<Body>,
}

#[derive(Clone, Default)]
struct Body {
    log: StreamLog,
    /// The first entry's id, zero without entries.
    first_id: StreamId,
    /// The last entry's id, zero without entries.
    last_entry_id: StreamId,
    last_id: StreamId,
    max_removed_id: StreamId,
    entries_added: u64,
    groups: BTreeMap<Box<[u8]>, Box<Group>>,
    /// What is known of entries that are added once only, if anybody ever asked for that.
    once: Option<Box<Once>>,
}

impl Stream {
    /// A stream of a dump; of the facts those count that the log cannot tell.
    pub fn from_parts(
        log: StreamLog,
        facts: StreamFacts,
        groups: BTreeMap<Box<[u8]>, Box<Group>>,
        once: Option<Box<Once>>,
    ) -> Stream {
        let StreamFacts { last_id, max_removed_id, entries_added, .. } = facts;
        let (first_id, last_entry_id) = (log.first_id().unwrap_or_default(), log.last_id().unwrap_or_default());
        let body = Body { log, first_id, last_entry_id, last_id, max_removed_id, entries_added, groups, once };
        Stream { body: Box::new(body) }
    }

    /// What is left of a group that is freed in slices: a stream with nothing else.
    pub fn of_group(group: Box<Group>) -> Stream {
        let mut stream = Stream::default();
        stream.body.groups.insert(Box::default(), group);
        stream
    }

    pub fn log(&self) -> &StreamLog {
        &self.body.log
    }

    pub fn facts(&self) -> StreamFacts {
        self.body.facts()
    }

    /// The greatest id that was ever given.
    pub fn last_id(&self) -> StreamId {
        self.body.last_id
    }

    /// Appends an entry; `id` must be greater than `last_id`. False when it is too large.
    pub fn append(&mut self, id: StreamId, pairs: Append<'_>, limits: BlockLimits) -> bool {
        let body = &mut *self.body;
        debug_assert!(id > body.last_id, "ids rise");
        if !body.log.append(id, pairs, limits) {
            return false;
        }
        if body.log.len() == 1 {
            body.first_id = id;
        }
        body.last_entry_id = id;
        body.last_id = id;
        body.entries_added += 1;
        true
    }

    /// Removes an entry; false when there is none of this id.
    pub fn remove(&mut self, id: StreamId) -> bool {
        let is_removed = self.body.log.remove(id);
        if is_removed {
            self.body.max_removed_id = self.body.max_removed_id.max(id);
            if id == self.body.first_id {
                self.body.find_first();
            }
            if id == self.body.last_entry_id {
                self.body.find_last();
            }
        }
        is_removed
    }

    /// Removes an entry as far as references to it allow.
    pub fn remove_by(&mut self, id: StreamId, references: References) -> Removal {
        match references {
            References::Keep => {}
            // References are dropped even where the entry is gone already.
            References::Drop => self.body.drop_references(id),
            References::Acknowledged if self.body.is_referenced(id) => return Removal::Kept,
            References::Acknowledged => {}
        }
        if self.remove(id) { Removal::Removed } else { Removal::Absent }
    }

    /// Trims as far as references allow; one by one unless they are kept.
    pub fn trim_by(&mut self, until: Trim, is_rough: bool, limit: u64, references: References) -> u64 {
        if references == References::Keep {
            return self.trim(until, is_rough, limit);
        }
        let Body { log, groups, .. } = &mut *self.body;
        let removed = log.trim_chosen(until, limit, &mut |id| match references {
            References::Acknowledged => !groups.values().any(|group| group.refers_to(id)),
            _ => {
                groups.values_mut().for_each(|group| group.forget(id));
                true
            }
        });
        if removed > 0 {
            self.body.find_first();
            self.body.find_last();
        }
        removed
    }

    /// See `StreamLog::trim`.
    pub fn trim(&mut self, until: Trim, is_rough: bool, limit: u64) -> u64 {
        let removed = self.body.log.trim(until, is_rough, limit);
        if removed > 0 {
            self.body.find_first();
            if self.body.log.is_empty() {
                self.body.find_last();
            }
        }
        removed
    }

    /// Sets what outlives the entries (XSETID).
    pub fn set_facts(&mut self, last_id: StreamId, entries_added: Option<u64>, max_removed_id: Option<StreamId>) {
        self.body.last_id = last_id;
        if let Some(entries_added) = entries_added {
            self.body.entries_added = entries_added;
        }
        if let Some(max_removed_id) = max_removed_id {
            self.body.max_removed_id = max_removed_id;
        }
    }

    /// What is known of entries that are added once only.
    pub fn once(&self) -> Option<&Once> {
        self.body.once.as_deref()
    }

    /// The same to be changed, made if there is nothing yet.
    pub fn once_mut(&mut self) -> &mut Once {
        self.body.once.get_or_insert_default()
    }

    // ---- groups ---------------------------------------------------------------------------------------------------

    pub fn has_groups(&self) -> bool {
        !self.body.groups.is_empty()
    }

    /// Groups in the order of their names.
    pub fn groups(&self) -> impl ExactSizeIterator<Item = (&[u8], &Group)> {
        self.body.groups.iter().map(|(name, group)| (&**name, &**group))
    }

    pub fn groups_mut(&mut self) -> impl Iterator<Item = &mut Group> {
        self.body.groups.values_mut().map(|group| &mut **group)
    }

    pub fn group(&self, name: &[u8]) -> Option<&Group> {
        self.body.groups.get(name).map(|group| &**group)
    }

    pub fn group_mut(&mut self, name: &[u8]) -> Option<&mut Group> {
        self.body.groups.get_mut(name).map(|group| &mut **group)
    }

    /// A group to be changed while the entries are read.
    #[inline]
    pub fn log_and_group(&mut self, name: &[u8]) -> Option<(&StreamLog, StreamFacts, &mut Group)> {
        let facts = self.body.facts();
        let body = &mut *self.body;
        body.groups.get_mut(name).map(|group| (&body.log, facts, &mut **group))
    }

    /// Adds a group; false when there is one of this name.
    pub fn create_group(&mut self, name: &[u8], group: Group) -> bool {
        if self.body.groups.contains_key(name) {
            return false;
        }
        self.body.groups.insert(name.into(), Box::new(group));
        true
    }

    /// Takes a group out.
    pub fn remove_group(&mut self, name: &[u8]) -> Option<Box<Group>> {
        self.body.groups.remove(name)
    }
}

impl Body {
    #[inline]
    fn facts(&self) -> StreamFacts {
        let Body { first_id, last_entry_id, last_id, max_removed_id, entries_added, .. } = *self;
        StreamFacts { len: self.log.len(), first_id, last_entry_id, last_id, max_removed_id, entries_added }
    }

    fn find_first(&mut self) {
        self.first_id = self.log.first_id().unwrap_or_default();
    }

    fn is_referenced(&self, id: StreamId) -> bool {
        self.groups.values().any(|group| group.refers_to(id))
    }

    fn drop_references(&mut self, id: StreamId) {
        self.groups.values_mut().for_each(|group| group.forget(id));
    }

    fn find_last(&mut self) {
        self.last_entry_id = self.log.last_id().unwrap_or_default();
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
        let groups = self.groups().map(|(name, group)| {
            usable_size(name.len().max(1)) + usable_size(size_of::<Group>()) + group.allocated_bytes()
        });
        let once = self.once().map_or(0, Once::allocated_bytes);
        usable_size(size_of::<Body>()) + self.body.log.allocated_bytes() + groups.sum::<usize>() + once
    }

    fn free_effort(&self) -> usize {
        let groups = self.groups().map(|(_, group)| 1 + group.free_effort());
        self.body.log.blocks() + groups.sum::<usize>()
    }

    fn free_some(&mut self, budget: usize) -> bool {
        if !self.body.log.free_some(budget) {
            return false;
        }
        let Some(mut group) = self.body.groups.first_entry() else { return true };
        if group.get_mut().free_some(budget) {
            group.remove();
        }
        self.body.groups.is_empty()
    }
}
