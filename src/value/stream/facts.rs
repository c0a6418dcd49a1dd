//! What is known of a stream besides its entries, and what follows from it: how many entries there ever were up to an id, and
//! how many are still before a group.
//!
//! Counting by walking would cost a walk. So a count is given only where the facts alone tell it: no entry may have been
//! removed from the middle of what is counted.

use super::Group;
use crate::structures::stream_log::StreamId;

/// See the head of the file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StreamFacts {
    /// Entries that are there.
    pub len: u64,
    /// The first of them; zero without entries.
    pub first_id: StreamId,
    /// The last of them; zero without entries.
    pub last_entry_id: StreamId,
    /// The greatest id that was ever given.
    pub last_id: StreamId,
    /// The greatest id that was removed by itself (not by trimming); zero: none.
    pub max_removed_id: StreamId,
    /// Entries that there ever were.
    pub entries_added: u64,
}

impl StreamFacts {
    /// True when an entry at or behind `id` may be missing.
    pub fn has_gap_from(&self, id: StreamId) -> bool {
        self.len > 0 && self.max_removed_id != StreamId::MIN && id <= self.max_removed_id
    }

    /// How many entries there ever were up to `id` and with it, where that can be told.
    pub fn distance_of(&self, id: StreamId) -> Option<i64> {
        let added = self.entries_added as i64;
        if added == 0 {
            return Some(0);
        }
        if self.len == 0 && id <= self.last_id || id == self.last_id {
            return Some(added);
        }
        if id > self.last_id {
            return None;
        }
        let is_whole = self.max_removed_id == StreamId::MIN || self.max_removed_id < self.first_id;
        let before_first = added.wrapping_sub(self.len as i64);
        match id.cmp(&self.first_id) {
            std::cmp::Ordering::Less if is_whole => Some(before_first),
            std::cmp::Ordering::Equal if is_whole => Some(before_first.wrapping_add(1)),
            _ => None,
        }
    }

    /// Entries that a group has not been given yet, where that can be told.
    pub fn lag(&self, group: &Group) -> Option<i64> {
        if self.entries_added == 0 || self.len == 0 {
            return Some(0);
        }
        if group.last_id < self.first_id && self.max_removed_id < self.first_id {
            return Some(self.len as i64);
        }
        let read = match group.entries_read {
            Some(read) if !self.has_gap_from(group.last_id) => Some(read),
            _ => self.distance_of(group.last_id),
        };
        read.map(|read| (self.entries_added as i64).wrapping_sub(read))
    }

    /// A group is given the entry of `id`, which is behind all that it was given before.
    pub fn advance(&self, group: &mut Group, id: StreamId) {
        match group.entries_read {
            Some(read) if group.last_id >= self.first_id && !self.has_gap_from(group.last_id) => {
                group.entries_read = Some(read.wrapping_add(1));
            }
            _ if self.entries_added > 0 => group.entries_read = self.distance_of(id),
            _ => {}
        }
        group.last_id = id;
    }
}
