//! Changing a log: entries are appended at the end, flagged as removed anywhere, and trimmed at the front.

use super::entry::{DELETED, SAME_FIELDS, Walk, elements};
use super::{Block, BlockLimits, Master, StreamId, StreamLog, count_of, master_of};
use crate::structures::list_pack::{BYTES_MAX, Encoded, ListPack};

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
        if 2 * bytes + (pairs.len() + 16) * ELEMENT_OVERHEAD_MAX >= BYTES_MAX {
            return false;
        }
        // 1. The block, and its master entry, which is read once and then kept.
        let last = self.blocks.back();
        let known = last.map(|block| self.tail.unwrap_or_else(|| master_of(block.pack.view())));
        let master = match (last, known) {
            (Some(block), Some(master)) if has_room(block, &master, bytes, limits) => master,
            _ => {
                let pack = new_pack(pairs);
                let master = master_of(pack.view());
                self.push_block(Block { first: id, pack });
                master
            }
        };
        let block = self.blocks.back_mut().expect("one was made if there was none");
        // 2. The entry, all of its elements at once.
        let has_same_fields = has_master_fields(block, pairs, &master);
        push_entry(block, id, pairs, has_same_fields);
        // 3. The count in front, in place while it is as long as before.
        let size = block.pack.byte_size();
        let count_at = block.pack.first().expect(HAS_MASTER);
        block.pack.replace_int(count_at, master.count as i64 + 1);
        self.len += 1;
        if block.pack.byte_size() == size {
            self.tail = Some(Master { count: master.count + 1, ..master });
        } else {
            self.forget_places(self.blocks.len());
        }
        true
    }

    /// Removes the entry of this id; false when there is none.
    pub fn remove(&mut self, id: StreamId) -> bool {
        let Some(index) = self.blocks.partition_point(|block| block.first <= id).checked_sub(1) else { return false };
        let block = &self.blocks[index];
        let mut walk = Walk::from_front(block.first, block.pack.view());
        let found = std::iter::from_fn(|| walk.next_entry()).find(|entry| entry.id >= id);
        let Some(entry) = found.filter(|entry| entry.id == id && !entry.is_deleted()) else { return false };
        let (flags, flags_at) = (entry.flags, entry.flags_at);
        self.forget_places(index);
        let block = &mut self.blocks[index];
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
            let is_done = match until {
                Trim::Length(length) => self.len <= length,
                Trim::Before(id) => block.first >= id,
            };
            if is_done {
                break;
            }
            let count = count_of(block.pack.view());
            if limit > 0 && removed + count > limit {
                break;
            }
            let goes_whole = match until {
                Trim::Length(length) => self.len - count >= length,
                Trim::Before(id) => last_of(block).is_none_or(|last| last < id),
            };
            if goes_whole {
                self.forget_places(0);
                self.blocks.pop_front();
                self.len -= count;
                removed += count;
                continue;
            }
            if !is_rough {
                removed += self.trim_block(0, until, &mut |_| true).0;
            }
            break;
        }
        removed
    }

    /// Removes entries at the front one by one, those that `may_go` lets go; gives back how many. Blocks of which so many
    /// entries in all would be looked at end it (`limit`; 0: none).
    pub fn trim_chosen(&mut self, until: Trim, limit: u64, may_go: &mut dyn FnMut(StreamId) -> bool) -> u64 {
        let mut removed = 0;
        let mut index = 0;
        while let Some(block) = self.blocks.get(index) {
            let is_done = match until {
                Trim::Length(length) => self.len <= length,
                Trim::Before(id) => block.first >= id,
            };
            if is_done || limit > 0 && removed + count_of(block.pack.view()) > limit {
                break;
            }
            let (gone, is_left) = self.trim_block(index, until, may_go);
            removed += gone;
            index += usize::from(is_left);
        }
        removed
    }

    /// Flags entries of a block that `may_go` lets go, up to the end of the trimming; if none is left, the block goes. Gives
    /// back how many went, and whether the block is still there.
    fn trim_block(&mut self, index: usize, until: Trim, may_go: &mut dyn FnMut(StreamId) -> bool) -> (u64, bool) {
        self.forget_places(index);
        let mut removed = 0;
        let len = self.len;
        let block = &mut self.blocks[index];
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
            if !entry.is_deleted() && may_go(entry.id) {
                flagged.push((entry.flags, entry.flags_at));
                removed += 1;
            }
        }
        // A flag is a small number before and after: no element moves.
        for (flags, flags_at) in flagged {
            flag_deleted(&mut block.pack, flags, flags_at, 0);
        }
        let master = master_of(block.pack.view());
        let is_left = master.count > removed;
        if is_left {
            set_counts(&mut block.pack, master.count - removed, master.deleted + removed);
        } else {
            self.blocks.remove(index);
        }
        self.len -= removed;
        (removed, is_left)
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

fn has_room(block: &Block, master: &Master, more_bytes: usize, limits: BlockLimits) -> bool {
    /// A pack must stay below a gigabyte, whatever the configuration says.
    const PACK_BYTES_MAX: usize = 1 << 30;
    let bytes_max = if limits.bytes_max == 0 { PACK_BYTES_MAX } else { limits.bytes_max.min(PACK_BYTES_MAX) };
    let has_bytes = block.pack.byte_size() + more_bytes < bytes_max;
    has_bytes && (limits.entries_max == 0 || master.count + master.deleted < limits.entries_max)
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

fn has_master_fields(block: &Block, pairs: Append<'_>, master: &Master) -> bool {
    let fields = block.pack.view().iter_from(master.first_field);
    pairs.len() / 2 == master.fields && pairs.iter().step_by(2).zip(fields).all(|(field, item)| item.eq_bytes(field))
}

/// Elements of an entry that are gathered without memory of their own.
const FEW_ELEMENTS: usize = 16;

/// Appends the elements of an entry.
fn push_entry(block: &mut Block, id: StreamId, pairs: Append<'_>, has_same_fields: bool) {
    let fields = pairs.len() / 2;
    let flags = if has_same_fields { SAME_FIELDS } else { 0 };
    let close = elements(fields, has_same_fields);
    let mut few = [Encoded::of_int(0); FEW_ELEMENTS];
    let mut many;
    let all: &mut [Encoded<'_>] = if (close as usize) < FEW_ELEMENTS {
        &mut few[..=close as usize]
    } else {
        many = vec![Encoded::of_int(0); close as usize + 1];
        &mut many
    };
    let (head, rest) = all.split_at_mut(3);
    head[0] = Encoded::of_int(flags);
    head[1] = Encoded::of_int(id.ms.wrapping_sub(block.first.ms) as i64);
    head[2] = Encoded::of_int(id.seq.wrapping_sub(block.first.seq) as i64);
    let (rest, last) = rest.split_at_mut(rest.len() - 1);
    last[0] = Encoded::of_int(close);
    if has_same_fields {
        let values = pairs.iter().skip(1).step_by(2);
        rest.iter_mut().zip(values).for_each(|(place, value)| *place = Encoded::of(value));
    } else {
        rest[0] = Encoded::of_int(fields as i64);
        rest[1..].iter_mut().zip(pairs).for_each(|(place, word)| *place = Encoded::of(word));
    }
    block.pack.push_back_all(all);
}
