//! A list of small elements in one block of bytes, in exactly the format that Redis calls a list pack, so that snapshots
//! hold what memory holds.
//!
//! ```text
//! | total bytes u32 | count u16 | entry | entry | … | FF |      count 65535: not known, to be counted
//! ```
//! [`ListPack`] owns its block and is one pointer wide; the block's size class follows from the total in the header.
//! [`PackRef`] reads any pack. A [`Position`] is the offset of an entry and good until the pack is changed before or at it.
//! Invariant: a `ListPack` is valid at all times. What an element means, and when a pack is too big, is the owner's matter.

mod entry;
mod view;

use super::thin;
pub use entry::Item;
pub(super) use entry::{END, Encoded};
use std::ptr::NonNull;
pub use view::{Iter, IterRev, PackRef, Run};

pub(super) const HEADER: usize = 6;
/// What the count says when there are as many elements or more.
pub(super) const LEN_UNKNOWN: u16 = u16::MAX;
/// Header and end byte.
pub const EMPTY_BYTES: usize = HEADER + 1;
/// A pack is not made larger than this, as in Redis: sizes stay far from the header's 32 bits. See [`ListPack::would_fit`].
pub const BYTES_MAX: usize = 1 << 30;

/// Foreign bytes that are no valid pack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Corrupt;

/// Offset of an entry from the start of its pack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position(pub(super) u32);

/// An owned list pack, one pointer wide.
pub struct ListPack {
    start: NonNull<u8>,
}

// Safety: sole owner of plain bytes.
unsafe impl Send for ListPack {}
unsafe impl Sync for ListPack {}

impl ListPack {
    pub fn new() -> ListPack {
        ListPack::copy_of(&[EMPTY_BYTES as u8, 0, 0, 0, 0, 0, END])
    }

    /// Takes over foreign bytes after validating them in full.
    pub fn from_bytes(bytes: &[u8]) -> Result<ListPack, Corrupt> {
        PackRef::validated(bytes).map(ListPack::from_ref)
    }

    pub fn from_ref(pack: PackRef<'_>) -> ListPack {
        ListPack::copy_of(pack.as_bytes())
    }

    fn copy_of(valid: &[u8]) -> ListPack {
        let start = thin::allocate(valid.len());
        // Safety: the block is new and has room for the slice.
        unsafe { start.as_ptr().copy_from_nonoverlapping(valid.as_ptr(), valid.len()) };
        ListPack { start }
    }

    /// The reading side: everything that does not change the pack.
    #[inline(always)]
    pub fn view(&self) -> PackRef<'_> {
        // Safety: the pack is valid at all times and borrowed for as long.
        unsafe { PackRef::at(self.start.as_ptr()) }
    }

    /// The block, for one who knows that its class is that of the total.
    pub(super) fn into_block(self) -> NonNull<u8> {
        std::mem::ManuallyDrop::new(self).start
    }

    /// # Safety
    /// `block` begins with a valid pack, has the size class of that pack's total, and belongs to nobody else.
    pub(super) unsafe fn from_block(block: NonNull<u8>) -> ListPack {
        ListPack { start: block }
    }

    /// Whether `more` bytes of elements may be added at all; to be asked before adding bytes of unbounded length.
    #[inline]
    pub fn would_fit(&self, more: usize) -> bool {
        self.byte_size().saturating_add(more) < BYTES_MAX
    }

    /// Bytes of heap, by size class.
    #[inline]
    pub fn allocated_bytes(&self) -> usize {
        thin::size_class(self.byte_size())
    }

    #[inline]
    pub fn push_back(&mut self, value: &[u8]) {
        self.insert_encoded(self.view().end(), Encoded::of(value));
    }

    #[inline]
    pub fn push_back_int(&mut self, value: i64) {
        self.insert_encoded(self.view().end(), Encoded::of_int(value));
    }

    #[inline]
    pub fn push_front(&mut self, value: &[u8]) {
        self.insert_encoded(Position(HEADER as u32), Encoded::of(value));
    }

    /// Inserts before the element at `position`; the new one then has that position.
    pub fn insert_before(&mut self, position: Position, value: &[u8]) -> Position {
        self.insert_encoded(position, Encoded::of(value));
        position
    }

    /// Inserts after the element at `position`, and says where.
    pub fn insert_after(&mut self, position: Position, value: &[u8]) -> Position {
        let place = self.view().after(position);
        self.insert_encoded(place, Encoded::of(value));
        place
    }

    pub fn insert_int_before(&mut self, position: Position, value: i64) -> Position {
        self.insert_encoded(position, Encoded::of_int(value));
        position
    }

    pub fn insert_int_after(&mut self, position: Position, value: i64) -> Position {
        let place = self.view().after(position);
        self.insert_encoded(place, Encoded::of_int(value));
        place
    }

    #[inline]
    fn insert_encoded(&mut self, position: Position, entry: Encoded) {
        let count = self.view().header_count();
        self.splice(position, 0, entry.size());
        // Safety: the splice made room for the entry there; the value is borrowed from elsewhere.
        unsafe { entry.write(self.start.as_ptr().add(position.0 as usize)) };
        if count != LEN_UNKNOWN {
            self.set_header_count(count + 1);
        }
    }

    /// Appends several elements at once: room is made once, and the header is written once.
    pub(super) fn push_back_all(&mut self, entries: &[Encoded<'_>]) {
        let count = self.view().header_count();
        let total = self.byte_size();
        let after = total + entries.iter().map(Encoded::size).sum::<usize>();
        // Safety: the block is made large enough first; what is written ends where the new total ends, and the values are
        // borrowed from elsewhere.
        unsafe {
            self.start = thin::resize(self.start, total, after);
            let mut at = self.start.as_ptr().add(total - 1);
            for entry in entries {
                entry.write(at);
                at = at.add(entry.size());
            }
            at.write(END);
            self.start.as_ptr().cast::<[u8; 4]>().write((after as u32).to_le_bytes());
        }
        if count != LEN_UNKNOWN {
            let grown = usize::from(count) + entries.len();
            self.set_header_count(u16::try_from(grown).unwrap_or(LEN_UNKNOWN));
        }
    }

    /// Puts another element in the place of the one at `position`, which stays the position.
    pub fn replace(&mut self, position: Position, value: &[u8]) {
        self.replace_encoded(position, Encoded::of(value));
    }

    pub fn replace_int(&mut self, position: Position, value: i64) {
        self.replace_encoded(position, Encoded::of_int(value));
    }

    fn replace_encoded(&mut self, position: Position, entry: Encoded) {
        let old = (self.view().after(position).0 - position.0) as usize;
        if old != entry.size() {
            self.splice(position, old, entry.size());
        }
        // Safety: as for an insertion.
        unsafe { entry.write(self.start.as_ptr().add(position.0 as usize)) };
    }

    /// Removes the element at `position`; the next one, if any, has that position then.
    pub fn remove(&mut self, position: Position) -> Option<Position> {
        self.remove_up_to(position, self.view().after(position), 1)
    }

    /// Removes up to `count` elements from `position` on.
    pub fn remove_many(&mut self, position: Position, count: usize) -> Option<Position> {
        let pack = self.view();
        let (mut end, mut removed) = (Some(position), 0);
        while removed < count
            && let Some(at) = end
        {
            end = pack.next(at);
            removed += 1;
        }
        self.remove_up_to(position, end.unwrap_or(pack.end()), removed)
    }

    /// Removes up to `count` elements from `index` on (below zero: from the back).
    pub fn remove_range(&mut self, index: i64, count: usize) {
        if let Some(position) = self.view().seek(index) {
            self.remove_many(position, count);
        }
    }

    fn remove_up_to(&mut self, from: Position, to: Position, elements: usize) -> Option<Position> {
        let count = self.view().header_count();
        self.splice(from, (to.0 - from.0) as usize, 0);
        if count != LEN_UNKNOWN {
            self.set_header_count(count - elements as u16);
        }
        if from == self.view().end() { None } else { Some(from) }
    }

    /// Makes `old` bytes at `position` into `new` ones by moving what follows, and keeps the total and the block's class.
    /// The new bytes are for the caller to fill before anything else happens.
    #[inline]
    fn splice(&mut self, position: Position, old: usize, new: usize) {
        let total = self.byte_size();
        let after = total - old + new;
        let at = position.0 as usize;
        let tail = total - at - old;
        // Safety: `at + old` bytes lie within the pack; the block is made larger before and smaller after the move, so that
        // both places of the tail are within it.
        unsafe {
            if after > total {
                self.start = thin::resize(self.start, total, after);
            }
            let gap = self.start.as_ptr().add(at);
            // The commonest tail is the end byte alone.
            if tail == 1 {
                gap.add(new).write(END);
            } else {
                std::ptr::copy(gap.add(old), gap.add(new), tail);
            }
            self.start.as_ptr().cast::<[u8; 4]>().write((after as u32).to_le_bytes());
            if after < total {
                self.start = thin::resize(self.start, total, after);
            }
        }
    }

    #[inline]
    fn set_header_count(&mut self, count: u16) {
        // Safety: every pack has a header.
        unsafe { self.start.as_ptr().add(4).cast::<[u8; 2]>().write(count.to_le_bytes()) };
    }

    #[inline]
    pub fn byte_size(&self) -> usize {
        self.view().byte_size()
    }

    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        self.view().as_bytes()
    }

    #[inline]
    pub fn len(&self) -> usize {
        self.view().len()
    }

    #[inline]
    pub fn is_empty(&self) -> bool {
        self.view().is_empty()
    }

    #[inline]
    pub fn first(&self) -> Option<Position> {
        self.view().first()
    }

    #[inline]
    pub fn last(&self) -> Option<Position> {
        self.view().last()
    }

    #[inline]
    pub fn next(&self, position: Position) -> Option<Position> {
        self.view().next(position)
    }

    #[inline]
    pub fn prev(&self, position: Position) -> Option<Position> {
        self.view().prev(position)
    }

    #[inline]
    pub fn seek(&self, index: i64) -> Option<Position> {
        self.view().seek(index)
    }

    #[inline]
    pub fn get(&self, position: Position) -> Item<'_> {
        self.view().get(position)
    }

    #[inline]
    pub fn find(&self, start: Position, value: &[u8], skip: usize) -> Option<Position> {
        self.view().find(start, value, skip)
    }

    #[inline]
    pub fn iter(&self) -> Iter<'_> {
        self.view().iter()
    }

    #[inline]
    pub fn iter_rev(&self) -> IterRev<'_> {
        self.view().iter_rev()
    }

    #[inline]
    pub fn pairs(&self) -> impl Iterator<Item = (Item<'_>, Item<'_>)> {
        self.view().pairs()
    }
}

impl Default for ListPack {
    fn default() -> ListPack {
        ListPack::new()
    }
}

impl Clone for ListPack {
    fn clone(&self) -> ListPack {
        ListPack::from_ref(self.view())
    }
}

impl Drop for ListPack {
    fn drop(&mut self) {
        // Safety: the block has the class of the total; it is not used again.
        unsafe { thin::free(self.start, self.byte_size()) };
    }
}

impl std::fmt::Debug for ListPack {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests;
