//! The log of a stream: entries in rising order of id, in blocks of delta-encoded list packs, as Redis lays them out.
//!
//! ```text
//! blocks   [ first id | pack ] [ first id | pack ] …         in rising order; only the last one grows
//! pack     count  deleted  n  field₁ … fieldₙ  0             the master entry: the fields of the block's first entry
//!          flags  Δms  Δseq  value₁ … valueₙ  elements       an entry with the master's fields (SAME_FIELDS)
//!          flags  Δms  Δseq  n  field₁ value₁ …  elements    an entry with fields of its own
//! ```
//!
//! `elements` closes an entry: how many elements it has before that, so that it can be walked backwards. A removed entry is
//! only flagged; a block with no entry left goes. Invariants: `count` counts the live entries of its pack, `len` those of all.

mod cursor;
mod edit;
mod entry;
mod id;

use std::collections::VecDeque;

pub use cursor::Cursor;
pub use edit::{Append, Trim};
pub use entry::Entry;
pub use id::{IdText, StreamId};

use crate::structures::list_pack::{Corrupt, Item, ListPack, PackRef, Position};
use entry::Walk;

/// Sizes at which a block is full; 0 is no limit.
#[derive(Clone, Copy, Debug)]
pub struct BlockLimits {
    pub bytes_max: usize,
    pub entries_max: u64,
}

/// The row of blocks grows by one part in so many of itself, and by no fewer blocks than this.
const GROWTH_SHARE: usize = 32;
const BLOCKS_MIN: usize = 1;

/// One block.
#[derive(Clone)]
struct Block {
    /// The id that the deltas are taken from: the first entry's.
    first: StreamId,
    pack: ListPack,
}

/// The log; see the head of the file.
#[derive(Clone, Default)]
pub struct StreamLog {
    blocks: VecDeque<Block>,
    len: u64,
    /// The last block's master entry, once an append has read it.
    tail: Option<Master>,
    /// Grows whenever something else happens than an append behind all others: places in packs may not be what they were.
    edits: u64,
}

/// The master entry of a pack.
#[derive(Clone, Copy)]
struct Master {
    count: u64,
    deleted: u64,
    fields: usize,
    /// Where the first field stands.
    first_field: Position,
    /// Where the first entry stands; `None` in a pack without entries, which no log holds.
    first_entry: Option<Position>,
}

const WELL_FORMED: &str = "packs of a log are well-formed: made here, or checked when they came in";

fn number(pack: PackRef<'_>, position: Position) -> i64 {
    match pack.get(position) {
        Item::Int(number) => number,
        Item::Bytes(_) => unreachable!("{WELL_FORMED}"),
    }
}

/// The master entry without the place of the first entry, for which its fields would have to be walked.
fn head_of(pack: PackRef<'_>) -> Master {
    let count = pack.first().expect(WELL_FORMED);
    let deleted = pack.next(count).expect(WELL_FORMED);
    let fields = pack.next(deleted).expect(WELL_FORMED);
    Master {
        count: number(pack, count) as u64,
        deleted: number(pack, deleted) as u64,
        fields: number(pack, fields) as usize,
        first_field: pack.next(fields).expect(WELL_FORMED),
        first_entry: None,
    }
}

fn master_of(pack: PackRef<'_>) -> Master {
    let head = head_of(pack);
    let mut at = head.first_field;
    for _ in 0..head.fields {
        at = pack.next(at).expect(WELL_FORMED);
    }
    Master { first_entry: pack.next(at), ..head }
}

/// The number of live entries of a pack.
#[inline]
fn count_of(pack: PackRef<'_>) -> u64 {
    number(pack, pack.first().expect(WELL_FORMED)) as u64
}

impl StreamLog {
    /// Number of entries.
    pub fn len(&self) -> u64 {
        self.len
    }

    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Number of blocks.
    pub fn blocks(&self) -> usize {
        self.blocks.len()
    }

    /// The id of the first entry.
    pub fn first_id(&self) -> Option<StreamId> {
        let mut found = None;
        self.visit(StreamId::MIN, StreamId::MAX, &mut |entry| {
            found = Some(entry.id);
            false
        });
        found
    }

    /// The id of the last entry.
    pub fn last_id(&self) -> Option<StreamId> {
        let mut found = None;
        self.visit_back(StreamId::MIN, StreamId::MAX, &mut |entry| {
            found = Some(entry.id);
            false
        });
        found
    }

    /// The entry of this id.
    pub fn find(&self, id: StreamId) -> Option<Entry<'_>> {
        let index = self.blocks.partition_point(|block| block.first <= id).checked_sub(1)?;
        let block = &self.blocks[index];
        let mut walk = Walk::from_front(block.first, block.pack.view());
        let found = std::iter::from_fn(|| walk.next_entry()).find(|entry| entry.id >= id);
        found.filter(|entry| entry.id == id && !entry.is_deleted())
    }

    /// Shows the entries from `start` to `end` (both included) in rising order, until `show` gives false.
    pub fn visit(&self, start: StreamId, end: StreamId, show: &mut dyn FnMut(Entry<'_>) -> bool) {
        // The block that may hold `start` is the last that begins at or before it.
        let from = self.blocks.partition_point(|block| block.first <= start).saturating_sub(1);
        for block in self.blocks.range(from..) {
            if block.first > end {
                return;
            }
            let mut walk = Walk::from_front(block.first, block.pack.view());
            while let Some(entry) = walk.next_entry() {
                if entry.id > end {
                    return;
                }
                if entry.id >= start && !entry.is_deleted() && !show(entry) {
                    return;
                }
            }
        }
    }

    /// Shows the entries from `end` down to `start` (both included), until `show` gives false.
    pub fn visit_back(&self, start: StreamId, end: StreamId, show: &mut dyn FnMut(Entry<'_>) -> bool) {
        let to = self.blocks.partition_point(|block| block.first <= end);
        for block in self.blocks.range(..to).rev() {
            let mut walk = Walk::from_back(block.first, block.pack.view());
            while let Some(entry) = walk.prev_entry() {
                if entry.id < start {
                    return;
                }
                if entry.id <= end && !entry.is_deleted() && !show(entry) {
                    return;
                }
            }
        }
    }

    /// The blocks as a dump holds them: the id that deltas are taken from, and the pack.
    pub fn packs(&self) -> impl ExactSizeIterator<Item = (StreamId, PackRef<'_>)> {
        self.blocks.iter().map(|block| (block.first, block.pack.view()))
    }

    /// Takes in a block of a dump behind the others, after checking every entry of it. False when it is not a block, or
    /// does not begin behind the last one.
    pub fn push_pack(&mut self, first: StreamId, bytes: &[u8]) -> Result<bool, Corrupt> {
        let pack = PackRef::validated(bytes)?;
        if self.blocks.back().is_some_and(|last| last.first >= first) {
            return Ok(false);
        }
        let Some(count) = entry::count_checked(first, pack) else { return Ok(false) };
        self.forget_places(self.blocks.len());
        if count > 0 {
            self.len += count;
            self.push_block(Block { first, pack: ListPack::from_ref(pack) });
        }
        Ok(true)
    }

    /// Puts a block behind the others. The row of blocks grows by a small part: doubled, it would stand half empty, at several
    /// bytes for each ten entries.
    fn push_block(&mut self, block: Block) {
        if self.blocks.len() == self.blocks.capacity() {
            self.blocks.reserve_exact((self.blocks.len() / GROWTH_SHARE).max(BLOCKS_MIN));
        }
        self.blocks.push_back(block);
    }

    /// Bytes of all allocations, in size classes.
    pub fn allocated_bytes(&self) -> usize {
        let packs: usize = self.blocks.iter().map(|block| block.pack.allocated_bytes()).sum();
        packs + crate::base::memory::usable_size(self.blocks.capacity() * size_of::<Block>())
    }

    /// Something else than an append happens to the block at `index`, or to those behind it: what is known of places is no
    /// longer true.
    fn forget_places(&mut self, index: usize) {
        self.edits += 1;
        if index + 1 >= self.blocks.len() {
            self.tail = None;
        }
    }

    /// Frees up to `budget` blocks; true when none is left.
    pub fn free_some(&mut self, budget: usize) -> bool {
        self.forget_places(self.blocks.len());
        let rest = self.blocks.len().saturating_sub(budget);
        self.blocks.truncate(rest);
        self.blocks.is_empty()
    }
}

#[cfg(test)]
mod tests;
