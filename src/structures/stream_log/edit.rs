//! Changing a log: entries are appended at the end, flagged as removed anywhere, and trimmed at the front.

use super::entry::{DELETED, SAME_FIELDS, Walk, elements};
use super::{Block, BlockLimits, StreamId, StreamLog, master_of};
use crate::structures::list_pack::ListPack;

/// What an append needs: alternating fields and values, at least one pair.
pub type Append<'a> = &'a [&'a [u8]];

/// Until when the front of a log is removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trim {
    /// Until no more than so many entries are left.
    Length(u64),
    /// Until the first entry is not before this id.
    Before(StreamId),
}

const HAS_MASTER: &str = "a block's pack has a master entry";

impl StreamLog {
    /// Appends an entry; `id` must be greater than that of every entry there ever was. False when it is too large for a
    /// block of its own.
    pub fn append(&mut self, id: StreamId, pairs: Append<'_>, limits: BlockLimits) -> bool {
        let bytes: usize = pairs.iter().map(|word| word.len()).sum();
        // Each element may take a few bytes more than its text.
        const ELEMENT_OVERHEAD_MAX: usize = 12;
        if !ListPack::new().would_fit(2 * bytes + (pairs.len() + 16) * ELEMENT_OVERHEAD_MAX) {
            return false;
        }
        if !self.blocks.back().is_some_and(|block| has_room(block, bytes, limits)) {
            self.blocks.push_back(Block { first: id, pack: new_pack(pairs) });
        }
        let block = self.blocks.back_mut().expect("one was made if there was none");
        let master = master_of(block.pack.view());
        let has_same_fields = has_master_fields(block, pairs, master.fields, master.first_field);
        let pack = &mut block.pack;
        let count_at = pack.first().expect(HAS_MASTER);
        pack.replace_int(count_at, master.count as i64 + 1);
        pack.push_back_int(if has_same_fields { SAME_FIELDS } else { 0 });
        pack.push_back_int(id.ms.wrapping_sub(block.first.ms) as i64);
        pack.push_back_int(id.seq.wrapping_sub(block.first.seq) as i64);
        let fields = pairs.len() / 2;
        if has_same_fields {
            pairs.iter().skip(1).step_by(2).for_each(|value| pack.push_back(value));
        } else {
            pack.push_back_int(fields as i64);
            pairs.iter().for_each(|word| pack.push_back(word));
        }
        pack.push_back_int(elements(fields, has_same_fields));
        self.len += 1;
        true
    }

    /// Removes the entry of this id; false when there is none.
    pub fn remove(&mut self, id: StreamId) -> bool {
        let Some(index) = self.blocks.partition_point(|block| block.first <= id).checked_sub(1) else { return false };
        let block = &mut self.blocks[index];
        let mut walk = Walk::from_front(block.first, block.pack.view());
        let found = std::iter::from_fn(|| walk.next_entry()).find(|entry| entry.id >= id);
        let Some(entry) = found.filter(|entry| entry.id == id && !entry.is_deleted()) else { return false };
        let (flags, flags_at) = (entry.flags, entry.flags_at);
        if flag_deleted(&mut block.pack, flags, flags_at, 1) {
            self.blocks.remove(index);
        }
        self.len -= 1;
        true
    }

    /// Removes entries at the front; gives back how many. Roughly: whole blocks only, and no more than `limit` entries
    /// (0: no limit). Exactly: up to the very entry.
    pub fn trim(&mut self, until: Trim, is_rough: bool, limit: u64) -> u64 {
        let mut removed = 0;
        while let Some(block) = self.blocks.front() {
            let count = master_of(block.pack.view()).count;
            let is_done = match until {
                Trim::Length(length) => self.len <= length,
                Trim::Before(id) => block.first >= id,
            };
            if is_done || limit > 0 && removed + count > limit {
                break;
            }
            let goes_whole = match until {
                Trim::Length(length) => self.len - count >= length,
                Trim::Before(id) => last_of(block).is_none_or(|last| last < id),
            };
            if goes_whole {
                self.blocks.pop_front();
                self.len -= count;
                removed += count;
                continue;
            }
            if !is_rough {
                removed += self.trim_front_block(until);
            }
            break;
        }
        removed
    }

    /// Flags entries of the first block; if none is left of it, the block goes.
    fn trim_front_block(&mut self, until: Trim) -> u64 {
        let mut removed = 0;
        let len = self.len;
        let block = self.blocks.front_mut().expect("the caller looked at it");
        let mut flagged = Vec::new();
        let mut walk = Walk::from_front(block.first, block.pack.view());
        while let Some(entry) = walk.next_entry() {
            let is_done = match until {
                Trim::Length(length) => len - removed <= length,
                Trim::Before(id) => entry.id >= id,
            };
            if is_done {
                break;
            }
            if !entry.is_deleted() {
                flagged.push((entry.flags, entry.flags_at));
                removed += 1;
            }
        }
        // A flag is a small number before and after: no element moves.
        for (flags, flags_at) in flagged {
            flag_deleted(&mut block.pack, flags, flags_at, 0);
        }
        let master = master_of(block.pack.view());
        if master.count == removed {
            self.blocks.pop_front();
        } else {
            set_counts(&mut block.pack, master.count - removed, master.deleted + removed);
        }
        self.len -= removed;
        removed
    }
}

/// Flags an entry, and counts it as removed if `count` is 1; true when no live entry is left.
fn flag_deleted(pack: &mut ListPack, flags: i64, flags_at: crate::structures::list_pack::Position, count: u64) -> bool {
    let master = master_of(pack.view());
    if count == master.count {
        return true;
    }
    pack.replace_int(flags_at, flags | DELETED);
    if count > 0 {
        set_counts(pack, master.count - count, master.deleted + count);
    }
    false
}

fn set_counts(pack: &mut ListPack, count: u64, deleted: u64) {
    let count_at = pack.first().expect(HAS_MASTER);
    pack.replace_int(count_at, count as i64);
    // The number before may have changed its width.
    let count_at = pack.first().expect(HAS_MASTER);
    let deleted_at = pack.next(count_at).expect(HAS_MASTER);
    pack.replace_int(deleted_at, deleted as i64);
}

/// The last id of a block, a removed entry's too: a rough trimming asks no further, as in Redis.
fn last_of(block: &Block) -> Option<StreamId> {
    Walk::from_back(block.first, block.pack.view()).prev_entry().map(|entry| entry.id)
}

fn has_room(block: &Block, more_bytes: usize, limits: BlockLimits) -> bool {
    /// A pack must stay below a gigabyte, whatever the configuration says.
    const PACK_BYTES_MAX: usize = 1 << 30;
    let bytes_max = if limits.bytes_max == 0 { PACK_BYTES_MAX } else { limits.bytes_max.min(PACK_BYTES_MAX) };
    if block.pack.byte_size() + more_bytes >= bytes_max {
        return false;
    }
    let master = master_of(block.pack.view());
    limits.entries_max == 0 || master.count + master.deleted < limits.entries_max
}

fn new_pack(pairs: Append<'_>) -> ListPack {
    let mut pack = ListPack::new();
    pack.push_back_int(0);
    pack.push_back_int(0);
    pack.push_back_int((pairs.len() / 2) as i64);
    pairs.iter().step_by(2).for_each(|field| pack.push_back(field));
    pack.push_back_int(0);
    pack
}

fn has_master_fields(
    block: &Block,
    pairs: Append<'_>,
    fields: usize,
    first_field: crate::structures::list_pack::Position,
) -> bool {
    if pairs.len() / 2 != fields {
        return false;
    }
    let pack = block.pack.view();
    let mut at = first_field;
    pairs.iter().step_by(2).all(|field| {
        let is_same = pack.get(at).eq_bytes(field);
        at = pack.next(at).expect(HAS_MASTER);
        is_same
    })
}
