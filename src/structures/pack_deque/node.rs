//! The parts a deque is made of: a pack that can grow at both ends, or one large element by itself.
//!
//! ```text
//! block: |  room in front  | header | entry | … | entry | FF |  room behind  |
//!                          ^ offset                          ^ offset + total      ^ capacity
//! ```
//! What lies between is a valid list pack at all times. Pushing at the front takes bytes from the room there and writes the
//! header anew before them, so that neither end ever moves the elements, except when its room is used up.

use super::PackLimits;
use crate::structures::list_pack::{EMPTY_BYTES, END, Encoded, HEADER, LEN_UNKNOWN, ListPack, PackRef, Position};
use crate::structures::thin;
use std::ptr::NonNull;

/// The first block of a pack that is being filled, in bytes; from there a quarter is added whenever it is full.
const FIRST_CAPACITY: usize = 512;
/// Up to here blocks have room for a quarter more; a pack rarely grows beyond.
const ROOMY_MAX: usize = 8192;

pub(super) enum Node {
    Packed(Packed),
    /// An element too large for a pack.
    Plain(Box<[u8]>),
}

const _: () = assert!(size_of::<Node>() == 24, "a node costs three words of the deque's ring");

impl Node {
    #[inline]
    pub fn len(&self) -> usize {
        match self {
            Node::Packed(pack) => pack.count as usize,
            Node::Plain(_) => 1,
        }
    }

    pub fn allocated_bytes(&self) -> usize {
        match self {
            Node::Packed(pack) => pack.capacity as usize,
            Node::Plain(bytes) => crate::base::memory::usable_size(bytes.len()),
        }
    }

    #[inline]
    pub fn admits(&self, limits: &PackLimits, value: &[u8]) -> bool {
        match self {
            Node::Packed(pack) => limits.admit(pack.byte_size(), pack.count as usize, value),
            Node::Plain(_) => false,
        }
    }
}

impl Clone for Node {
    fn clone(&self) -> Node {
        match self {
            Node::Packed(pack) => Node::Packed(Packed::from(ListPack::from_ref(pack.view()))),
            Node::Plain(bytes) => Node::Plain(bytes.clone()),
        }
    }
}

/// A list pack with room at both ends.
pub(super) struct Packed {
    block: NonNull<u8>,
    /// Size of the block: always a size class.
    capacity: u32,
    offset: u32,
    /// The same as in the pack's header, at hand without touching it: seeking reads counts only.
    total: u32,
    count: u32,
}

// Safety: sole owner of plain bytes.
unsafe impl Send for Packed {}
unsafe impl Sync for Packed {}

impl From<ListPack> for Packed {
    /// Takes the block over as it is.
    fn from(pack: ListPack) -> Packed {
        let (total, count) = (pack.byte_size(), pack.len());
        let block = pack.into_block();
        Packed { block, capacity: thin::size_class(total) as u32, offset: 0, total: total as u32, count: count as u32 }
    }
}

impl Packed {
    /// A pack of one element, with room for more behind it.
    pub fn growing_backwards(entry: Encoded) -> Packed {
        let mut pack = Packed::with_room(entry.size(), |_| 0);
        pack.push_back(entry);
        pack
    }

    /// A pack of one element, with room for more before it.
    pub fn growing_forwards(entry: Encoded) -> Packed {
        let mut pack = Packed::with_room(entry.size(), |capacity| capacity - EMPTY_BYTES);
        pack.push_front(entry);
        pack
    }

    fn with_room(size: usize, offset: impl Fn(usize) -> usize) -> Packed {
        let capacity = thin::size_class((EMPTY_BYTES + size).max(FIRST_CAPACITY));
        let block = thin::allocate(capacity);
        let offset = offset(capacity);
        let mut pack =
            Packed { block, capacity: capacity as u32, offset: offset as u32, total: EMPTY_BYTES as u32, count: 0 };
        // Safety: the offset leaves room for the empty pack.
        unsafe { pack.start().add(HEADER).write(END) };
        pack.write_header();
        pack
    }

    /// The block alone, of the pack's own size class.
    pub fn into_list_pack(mut self) -> ListPack {
        self.trim();
        let pack = std::mem::ManuallyDrop::new(self);
        // Safety: a trimmed block begins with the pack and has the class of its total; it changes hands once.
        unsafe { ListPack::from_block(pack.block) }
    }

    #[inline(always)]
    fn start(&self) -> *mut u8 {
        // Safety: the offset lies within the block.
        unsafe { self.block.as_ptr().add(self.offset as usize) }
    }

    #[inline(always)]
    pub fn view(&self) -> PackRef<'_> {
        // Safety: a valid pack begins there at all times.
        unsafe { PackRef::at(self.start()) }
    }

    #[inline(always)]
    pub fn byte_size(&self) -> usize {
        self.total as usize
    }

    #[inline(always)]
    pub fn len(&self) -> usize {
        self.count as usize
    }

    #[inline(always)]
    fn write_header(&mut self) {
        let count = self.count.min(u32::from(LEN_UNKNOWN)) as u16;
        // Safety: a header is part of every pack.
        unsafe {
            self.start().cast::<[u8; 4]>().write(self.total.to_le_bytes());
            self.start().add(4).cast::<[u8; 2]>().write(count.to_le_bytes());
        }
    }

    #[inline]
    fn room_behind(&self) -> usize {
        (self.capacity - self.offset - self.total) as usize
    }

    #[inline]
    pub fn push_back(&mut self, entry: Encoded) {
        let size = entry.size();
        if self.room_behind() < size {
            self.make_room_behind(size);
        }
        // Safety: there is room for `size` bytes from the end byte on, and the end byte after them.
        unsafe {
            let end = self.start().add(self.total as usize - 1);
            entry.write(end);
            end.add(size).write(END);
        }
        self.total += size as u32;
        self.count += 1;
        self.write_header();
    }

    #[inline]
    pub fn push_front(&mut self, entry: Encoded) {
        let size = entry.size();
        if (self.offset as usize) < size {
            self.make_room_in_front(size);
        }
        self.offset -= size as u32;
        // Safety: the old header and the room before it are what header and entry now take.
        unsafe { entry.write(self.start().add(HEADER)) };
        self.total += size as u32;
        self.count += 1;
        self.write_header();
    }

    #[inline]
    pub fn pop_back(&mut self) {
        let Some(last) = self.view().last() else { return };
        self.total = last.0 + 1;
        self.count -= 1;
        // Safety: the last entry's first byte becomes the end byte.
        unsafe { self.start().add(last.0 as usize).write(END) };
        self.write_header();
        self.shrink_if_sparse();
    }

    #[inline]
    pub fn pop_front(&mut self) {
        let Some(first) = self.view().first() else { return };
        let size = self.view().after(first).0 - first.0;
        self.offset += size;
        self.total -= size;
        self.count -= 1;
        self.write_header();
        self.shrink_if_sparse();
    }

    /// The capacity that makes `size` bytes fit: the present one if moving the pack within it gives lasting room.
    fn capacity_for(&self, size: usize) -> usize {
        let (total, capacity) = (self.total as usize, self.capacity as usize);
        let spare = capacity - total;
        if spare >= size && (spare >= size + total / 8 || capacity >= ROOMY_MAX) {
            return capacity;
        }
        let needed = total + size;
        let roomy = if needed < ROOMY_MAX { (needed + needed / 4).min(ROOMY_MAX) } else { needed };
        thin::size_class(roomy)
    }

    #[cold]
    #[inline(never)]
    fn make_room_behind(&mut self, size: usize) {
        let capacity = self.capacity_for(size);
        let spare = capacity - self.total as usize;
        // In a block that stays, only half of what is spare comes here: pushing at both ends in turn must not move the pack
        // every time.
        let offset = if capacity > self.capacity as usize { 0 } else { (spare - size) / 2 };
        self.reposition(capacity, offset);
    }

    #[cold]
    #[inline(never)]
    fn make_room_in_front(&mut self, size: usize) {
        let capacity = self.capacity_for(size);
        let spare = capacity - self.total as usize;
        let offset = if capacity > self.capacity as usize { spare } else { spare - (spare - size) / 2 };
        self.reposition(capacity, offset);
    }

    /// Moves the pack to `offset` of a block of `capacity` bytes, which may be another one.
    fn reposition(&mut self, capacity: usize, offset: usize) {
        let total = self.total as usize;
        assert!(offset + total <= capacity && capacity <= u32::MAX as usize, "the pack lies within its block");
        // Safety: both places are within their blocks.
        unsafe {
            if capacity == self.capacity as usize {
                std::ptr::copy(self.start(), self.block.as_ptr().add(offset), total);
            } else {
                let block = thin::allocate(capacity);
                block.as_ptr().add(offset).copy_from_nonoverlapping(self.start(), total);
                thin::free(self.block, self.capacity as usize);
                self.block = block;
            }
        }
        self.capacity = capacity as u32;
        self.offset = offset as u32;
    }

    /// Gives back what is spare: the pack is not at an end of the deque any more.
    pub fn trim(&mut self) {
        let capacity = thin::size_class(self.total as usize);
        if capacity < self.capacity as usize || self.offset > 0 {
            self.reposition(capacity, 0);
        }
    }

    #[inline]
    fn shrink_if_sparse(&mut self) {
        if self.capacity as usize > FIRST_CAPACITY && self.total < self.capacity / 2 {
            self.shrink();
        }
    }

    #[cold]
    #[inline(never)]
    fn shrink(&mut self) {
        let capacity = thin::size_class(self.total as usize + self.total as usize / 4);
        self.reposition(capacity, (capacity - self.total as usize) / 2);
    }

    /// Inserts at `boundary`: where an entry begins, or the end byte.
    pub fn insert(&mut self, boundary: Position, entry: Encoded) {
        self.splice(boundary, 0, entry.size());
        // Safety: the splice made the room.
        unsafe { entry.write(self.start().add(boundary.0 as usize)) };
        self.count += 1;
        self.write_header();
    }

    pub fn replace(&mut self, position: Position, entry: Encoded) {
        let old = self.view().after(position).0 - position.0;
        self.splice(position, old as usize, entry.size());
        // Safety: the splice made the room.
        unsafe { entry.write(self.start().add(position.0 as usize)) };
        self.write_header();
        self.shrink_if_sparse();
    }

    /// Removes `count` elements, those between two boundaries.
    pub fn remove(&mut self, from: Position, to: Position, count: usize) {
        self.splice(from, (to.0 - from.0) as usize, 0);
        self.count -= count as u32;
        self.write_header();
        self.shrink_if_sparse();
    }

    /// Makes `old` bytes at `position` into `new` ones. The shorter side moves if there is room on it, so that `position`
    /// keeps its distance from the start of the pack. Count and header are the caller's to write.
    fn splice(&mut self, position: Position, old: usize, new: usize) {
        let head = position.0 as usize;
        let tail = self.total as usize - head - old;
        if new > old && (self.offset as usize) < new - old && self.room_behind() < new - old {
            self.make_room_behind(new - old);
        }
        let in_front = if new > old {
            let more = new - old;
            self.room_behind() < more || (head < tail && self.offset as usize >= more)
        } else {
            head < tail
        };
        // Safety: growing, the chosen side has the room; shrinking, both moves stay inside the pack.
        unsafe {
            let start = self.start();
            if in_front {
                let target = start.add(old).sub(new);
                std::ptr::copy(start, target, head);
                self.offset = target.offset_from(self.block.as_ptr()) as u32;
            } else {
                let gap = start.add(head);
                std::ptr::copy(gap.add(old), gap.add(new), tail);
            }
        }
        self.total = (self.total as usize - old + new) as u32;
    }

    /// Cuts the pack in two at `boundary`, with `kept` elements before it.
    pub fn split_off(&mut self, boundary: Position, kept: usize) -> Packed {
        let entries = &self.view().as_bytes()[boundary.0 as usize..self.total as usize - 1];
        let mut rest = Packed::with_room(entries.len(), |_| 0);
        // Safety: the new pack has room for the entries and the end byte.
        unsafe {
            let at = rest.start().add(HEADER);
            at.copy_from_nonoverlapping(entries.as_ptr(), entries.len());
            at.add(entries.len()).write(END);
        }
        rest.total = (EMPTY_BYTES + entries.len()) as u32;
        rest.count = self.count - kept as u32;
        rest.write_header();
        // Safety: the boundary lies within the pack.
        unsafe { self.start().add(boundary.0 as usize).write(END) };
        self.total = boundary.0 + 1;
        self.count = kept as u32;
        self.write_header();
        self.shrink_if_sparse();
        rest
    }

    /// Adds the elements of `other` behind.
    pub fn append(&mut self, other: &Packed) {
        let entries = &other.view().as_bytes()[HEADER..];
        if self.room_behind() < entries.len() - 1 {
            self.reposition(thin::size_class(self.total as usize + entries.len() - 1), 0);
        }
        // Safety: the other's end byte replaces ours, and there is room for the rest behind.
        unsafe {
            let end = self.start().add(self.total as usize - 1);
            end.copy_from_nonoverlapping(entries.as_ptr(), entries.len());
        }
        self.total += entries.len() as u32 - 1;
        self.count += other.count;
        self.write_header();
    }
}

impl Drop for Packed {
    fn drop(&mut self) {
        // Safety: the capacity is a size class, and the block is not used again.
        unsafe { thin::free(self.block, self.capacity as usize) };
    }
}
