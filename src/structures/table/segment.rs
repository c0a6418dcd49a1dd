//! A segment: 1 to 256 buckets that hold the elements of one interval of hashes, and its descriptor in the directory.
//!
//! ```text
//! hash:  [ depth bits: which segment ][ position inside, in hash order: home bucket ] ... [ 7 bits: tag ]
//!           [ origin bits ][ the 16 bits stored with an element ]          origin <= depth <= origin + 4
//! ```
//! Home = position * buckets, its whole part, so that home order is hash order at any number of buckets. All that a rebuild
//! at another size needs is stored beside the address: the elements are not touched. A split makes the depth one larger than the
//! origin at which the bits were stored; only when too few of them are left are the keys hashed again.

use super::bucket::{Bucket, element_of, word_of};
use super::size::{BUCKETS_MAX, room_of};
use crate::structures::prefetch::prefetch;
use std::ptr::{self, NonNull};

/// How many splits the stored bits serve: 12 bits still spread evenly over 256 buckets.
pub(super) const STALE_MAX: u32 = 4;
/// The deepest segment: its 16 stored bits lie in the upper 48, which are all that a scan cursor holds.
pub(super) const DEPTH_MAX: u32 = 32;

const PART_MAIN_SHIFT: u32 = 48;
const PART_ALL_SHIFT: u32 = 56;
const COUNT_SHIFT: u32 = 48;
const LOW_BITS: usize = 63;
const ADDRESS: usize = 0x0000_ffff_ffff_ffc0;

/// What lookups read in place of buckets where there are none. Never written.
static EMPTY: Bucket = Bucket::EMPTY;

/// A descriptor: 16 bytes in the directory, so that a lookup goes from it straight to the bucket.
///
/// `main`: address | depth in bits 0..6 | buckets of main - 1 in 48..56 | all buckets - 1 in 56..64.
/// `tail`: address | origin in bits 0..6 | elements in 48..64, good only in the first of the entries that show this segment.
#[derive(Clone, Copy)]
#[repr(C)]
pub(super) struct Segment {
    main: *mut Bucket,
    tail: *mut Bucket,
}

/// Where an element is.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub(super) bucket: usize,
    pub(super) slot: usize,
}

impl Segment {
    /// No buckets and nothing allocated; lookups see one empty bucket.
    pub(super) const fn empty() -> Segment {
        Segment { main: (&raw const EMPTY).cast_mut(), tail: ptr::null_mut() }
    }

    /// The same for the segment at a depth.
    pub(super) fn empty_at(depth: u32) -> Segment {
        let empty = Segment::empty();
        empty.with_depth(depth).with_origin(depth)
    }

    /// Of `main_buckets` at `main` and the rest of `buckets` at `tail`, all of them empty.
    pub(super) fn of_parts(
        main: *mut Bucket,
        main_buckets: usize,
        tail: *mut Bucket,
        buckets: usize,
        depth: u32,
        origin: u32,
    ) -> Segment {
        debug_assert!(main_buckets > 0 && main_buckets <= buckets && buckets <= BUCKETS_MAX);
        let parts = (main_buckets - 1) << PART_MAIN_SHIFT | (buckets - 1) << PART_ALL_SHIFT;
        Segment { main: main.map_addr(|address| address | parts), tail }.with_depth(depth).with_origin(origin)
    }

    /// Its allocations, each with the number of its buckets; 0: there is none.
    pub(super) fn parts(&self) -> [(*mut Bucket, usize); 2] {
        let address_of = |part: *mut Bucket| part.map_addr(|address| address & ADDRESS);
        let main = if self.is_unallocated() { 0 } else { self.main_buckets() };
        let tail = self.buckets() - self.main_buckets();
        [(address_of(self.main), main), (address_of(self.tail), tail)]
    }

    /// Not a segment: what a table of several keeps in place of its only one.
    pub(super) fn of_directory(directory: *mut Segment) -> Segment {
        Segment { main: directory.cast(), tail: ptr::null_mut() }
    }

    /// What `of_directory` was given.
    #[inline]
    pub(super) fn directory(&self) -> *mut Segment {
        self.main.cast()
    }

    /// Bytes of its allocations, which are size classes of the allocator.
    pub(super) fn bytes(&self) -> usize {
        if self.is_unallocated() { 0 } else { self.buckets() * size_of::<Bucket>() }
    }

    #[inline]
    pub(super) fn is_unallocated(&self) -> bool {
        self.main.addr() & ADDRESS == (&raw const EMPTY).addr()
    }

    /// Whether both describe the same buckets in the same terms (the count aside).
    #[cfg(test)]
    pub(super) fn is_same(&self, other: &Segment) -> bool {
        let without_count = (1 << COUNT_SHIFT) - 1;
        self.main == other.main && self.tail.addr() & without_count == other.tail.addr() & without_count
    }

    #[inline]
    pub(super) fn depth(&self) -> u32 {
        (self.main.addr() & LOW_BITS) as u32
    }

    fn with_depth(self, depth: u32) -> Segment {
        debug_assert!(depth <= DEPTH_MAX);
        Segment { main: self.main.map_addr(|address| address & !LOW_BITS | depth as usize), ..self }
    }

    /// The depth from which on hash bits are stored.
    #[inline]
    pub(super) fn origin(&self) -> u32 {
        (self.tail.addr() & LOW_BITS) as u32
    }

    fn with_origin(self, origin: u32) -> Segment {
        Segment { tail: self.tail.map_addr(|address| address & !LOW_BITS | origin as usize), ..self }
    }

    #[inline]
    pub(super) fn buckets(&self) -> usize {
        (self.main.addr() >> PART_ALL_SHIFT) + 1
    }

    #[inline]
    fn main_buckets(&self) -> usize {
        (self.main.addr() >> PART_MAIN_SHIFT & 0xff) + 1
    }

    /// Elements; good in the first entry of the segment only.
    #[inline]
    pub(super) fn count(&self) -> usize {
        self.tail.addr() >> COUNT_SHIFT
    }

    #[inline]
    pub(super) fn set_count(&mut self, count: usize) {
        self.tail = self.tail.map_addr(|address| address & ((1 << COUNT_SHIFT) - 1) | count << COUNT_SHIFT);
    }

    #[inline]
    pub(super) fn add_one(&mut self) {
        self.tail = self.tail.map_addr(|address| address + (1 << COUNT_SHIFT));
    }

    #[inline]
    pub(super) fn subtract_one(&mut self) {
        debug_assert!(self.count() > 0);
        self.tail = self.tail.map_addr(|address| address - (1 << COUNT_SHIFT));
    }

    /// Elements it takes before it must grow.
    #[inline]
    pub(super) fn room(&self, hold: bool) -> usize {
        if self.is_unallocated() { 0 } else { room_of(self.buckets(), hold) }
    }

    #[inline]
    pub(super) fn bucket_address(&self, index: usize) -> *mut Bucket {
        debug_assert!(index < self.buckets());
        let main = self.main_buckets();
        let (part, index) = if index < main { (self.main, index) } else { (self.tail, index - main) };
        part.map_addr(|address| address & ADDRESS).wrapping_add(index)
    }

    /// The bucket to read. The lifetime is the caller's to keep within the life of the segment.
    #[inline]
    pub(super) fn bucket<'a>(&self, index: usize) -> &'a Bucket {
        // Safety: a descriptor describes live buckets (or the static one), and only the table's `&mut` methods write to them.
        unsafe { &*self.bucket_address(index) }
    }

    /// The bucket to write; for the table's `&mut` methods only, one at a time.
    #[inline]
    pub(super) fn bucket_mut<'a>(&self, index: usize) -> &'a mut Bucket {
        debug_assert!(!self.is_unallocated(), "the shared empty bucket is never written");
        // Safety: as above; the caller holds the table exclusively and keeps no other reference to this bucket.
        unsafe { &mut *self.bucket_address(index) }
    }

    /// The bucket after, round the end.
    #[inline]
    pub(super) fn after(&self, index: usize) -> usize {
        if index + 1 == self.buckets() { 0 } else { index + 1 }
    }

    /// The bits of a hash that are stored beside an element.
    #[inline]
    pub(super) fn stored(&self, hash: u64) -> u64 {
        hash >> (48 - self.origin()) & 0xffff
    }

    /// Position in the segment in units of 1/65536 of its interval, as far as the stored bits tell it.
    #[inline]
    pub(super) fn position(&self, stored: u64) -> u64 {
        stored << (self.depth() - self.origin()) & 0xffff
    }

    #[inline]
    pub(super) fn home(&self, stored: u64) -> usize {
        (self.position(stored) as usize * self.buckets()) >> 16
    }

    /// The upper bits of an element's hash as known from its slot and from the start of its segment's interval.
    #[inline]
    pub(super) fn known_hash(&self, start: u64, word: u64) -> u64 {
        let origin = self.origin();
        let above = start & !(u64::MAX >> origin);
        above | (word >> 48) << (48 - origin)
    }

    /// Finds the element that is `wanted` among those with this hash.
    #[inline]
    pub(super) fn locate<E>(
        &self,
        hash: u64,
        mut wanted: impl FnMut(NonNull<E>) -> bool,
    ) -> Option<(Place, NonNull<E>)> {
        let stored = self.stored(hash);
        let home = self.home(stored);
        let bucket = self.bucket(home);
        // Most elements are where their hash says.
        if let Some((slot, element)) = bucket.locate(hash, stored, &mut wanted) {
            return Some((Place { bucket: home, slot }, element));
        }
        if bucket.overflow() == 0 {
            return None;
        }
        self.locate_beyond(hash, home, wanted)
    }

    /// The same in the buckets behind the home.
    #[inline(never)]
    fn locate_beyond<E>(
        &self,
        hash: u64,
        home: usize,
        mut wanted: impl FnMut(NonNull<E>) -> bool,
    ) -> Option<(Place, NonNull<E>)> {
        let stored = self.stored(hash);
        let mut index = self.after(home);
        // A counter that sticks at its maximum must not lead in circles.
        while index != home {
            let bucket = self.bucket(index);
            if let Some((slot, element)) = bucket.locate(hash, stored, &mut wanted) {
                return Some((Place { bucket: index, slot }, element));
            }
            if bucket.overflow() == 0 {
                return None;
            }
            index = self.after(index);
        }
        None
    }

    /// Puts an element into the first free slot from its home on. There must be one.
    #[inline]
    pub(super) fn place<E>(&self, hash: u64, tag: u8, element: NonNull<E>) {
        self.place_word(tag, word_of(self.stored(hash), element));
    }

    /// The same for a word whose stored bits are in this segment's terms.
    #[inline]
    pub(super) fn place_word(&self, tag: u8, word: u64) {
        let mut index = self.home(word >> 48);
        loop {
            let bucket = self.bucket_mut(index);
            if let Some(slot) = bucket.free() {
                return bucket.set(slot, tag, word);
            }
            bucket.pass();
            index = self.after(index);
        }
    }

    /// Takes an element out and the traces it left on the way from its home.
    #[inline]
    pub(super) fn displace(&self, place: Place) {
        let bucket = self.bucket_mut(place.bucket);
        let mut index = self.home(bucket.word(place.slot) >> 48);
        bucket.clear(place.slot);
        while index != place.bucket {
            self.bucket_mut(index).unpass();
            index = self.after(index);
        }
    }

    /// Brings the elements of a bucket near; nothing if there is no such bucket.
    #[inline]
    pub(super) fn prefetch_elements(&self, index: usize) {
        if index < self.buckets() {
            let bucket = self.bucket(index);
            bucket.taken().for_each(|slot| prefetch(element_of::<u8>(bucket.word(slot)).as_ptr()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::structures::table::rebuild::Spare;
    use crate::structures::table::size::round_up;

    #[test]
    fn the_descriptor_keeps_its_parts_apart() {
        for buckets in (1..=BUCKETS_MAX).filter(|&buckets| round_up(buckets) == buckets) {
            let mut segment = Segment::build(buckets, 13, 11, &mut Spare::default());
            segment.set_count(1792);
            segment.subtract_one();
            assert_eq!(
                (segment.buckets(), segment.depth(), segment.origin(), segment.count()),
                (buckets, 13, 11, 1791)
            );
            assert_eq!(segment.bytes(), buckets * 64);
            let mut addresses: Vec<_> = (0..buckets).map(|index| segment.bucket_address(index).addr()).collect();
            addresses.dedup();
            assert_eq!(addresses.len(), buckets);
            assert!(addresses.iter().all(|address| address % 64 == 0));
            segment.free();
        }
    }
}
