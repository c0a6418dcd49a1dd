//! A segment: 1 to 256 buckets that hold the elements of one interval of hashes, and its descriptor in the directory.
//!
//! ```text
//! hash:  [ depth bits: which segment ][ position inside, in hash order: home bucket ] ... [ 7 bits: tag ]
//!           [ origin bits ][ the 16 bits stored with an element ]          origin <= depth <= origin + 4
//! ```
//! Home = position * buckets, its whole part, so that home order is hash order at any number of buckets. All that a rebuild
//! at another size needs is stored beside the address: the elements are not touched. A split makes the depth one larger than the
//! origin at which the bits were stored; only when too few of them are left are the keys hashed again.
//!
//! Sizes go up in eighths of a power of two. The allocator has size classes in quarters, so every other size is a main part of
//! the size before and a tail of one eighth; nothing is lost to rounding.

use super::Element;
use super::bucket::{Bucket, SLOTS, element_of, pattern_of, tag_of, word_of};
use crate::base::hash::hash;
use crate::structures::prefetch::prefetch;
use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::ptr::{self, NonNull};

/// Buckets of a full-grown segment: rebuilding or splitting one takes some ten microseconds, the longest pause of the table.
pub(super) const BUCKETS_MAX: usize = 256;
/// The main part of a segment of `BUCKETS_MAX`: one allocation of 16 KiB would be a "large" one, for which jemalloc takes a page more.
const MAIN_MAX: usize = 224;
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

/// Elements that fit before the segment grows: 7/8 of the slots, or 15/16 while growing is held back.
#[inline]
pub(super) fn room_of(buckets: usize, hold: bool) -> usize {
    let slots = buckets * SLOTS;
    slots - if hold { slots / 16 } else { slots / 8 }
}

/// The smallest size of a segment that has at least so many buckets; sizes are 1..=8 and then eighths of a power of two.
pub(super) fn round_up(buckets: usize) -> usize {
    if buckets <= 8 { buckets.max(1) } else { buckets.next_multiple_of(eighth(buckets)) }
}

/// The smallest size whose load is below 7/8 with `count` elements and a few more (1/64, lest it grow again at once).
pub(super) fn size_for(count: usize) -> usize {
    let wanted = count + count / 64;
    let mut size = round_up((wanted * 8 / 7).div_ceil(SLOTS));
    while room_of(size, false) < wanted {
        size = round_up(size + 1);
    }
    size
}

/// The step between sizes up to and including `buckets`, which is above 8.
fn eighth(buckets: usize) -> usize {
    1 << ((buckets - 1).ilog2() - 3)
}

/// Buckets of the first allocation; the rest is the tail's.
fn main_part(buckets: usize) -> usize {
    if buckets == BUCKETS_MAX {
        MAIN_MAX
    } else if buckets <= 8 {
        buckets
    } else {
        let step = eighth(buckets);
        buckets - if (buckets / step) % 2 == 0 { 0 } else { step }
    }
}

fn allocate_part(buckets: usize) -> *mut Bucket {
    if buckets == 0 {
        return ptr::null_mut();
    }
    let layout = Layout::array::<Bucket>(buckets).expect("at most 256 buckets of 64 bytes");
    // Safety: the layout is not empty; every bucket's header is written before anybody reads it (slots are read only when taken).
    unsafe {
        let part = alloc(layout).cast::<Bucket>();
        if part.is_null() {
            handle_alloc_error(layout);
        }
        for index in 0..buckets {
            part.add(index).write(Bucket::EMPTY);
        }
        part
    }
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

    pub(super) fn allocate(buckets: usize, depth: u32, origin: u32) -> Segment {
        debug_assert!(buckets == round_up(buckets) && buckets <= BUCKETS_MAX);
        let main = main_part(buckets);
        let parts = (main - 1) << PART_MAIN_SHIFT | (buckets - 1) << PART_ALL_SHIFT;
        Segment { main: allocate_part(main).map_addr(|address| address | parts), tail: allocate_part(buckets - main) }
            .with_depth(depth)
            .with_origin(origin)
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

    /// Gives the buckets back; the descriptor and its copies must not be used after.
    pub(super) fn free(self) {
        if self.is_unallocated() {
            return;
        }
        let (main, tail) = (self.main_buckets(), self.buckets() - self.main_buckets());
        for (part, buckets) in [(self.main, main), (self.tail, tail)] {
            if buckets > 0 {
                let layout = Layout::array::<Bucket>(buckets).expect("it was allocated with this layout");
                // Safety: `allocate` made this part with the same layout, and only the owner of the descriptor frees it, once.
                unsafe { dealloc(part.map_addr(|address| address & ADDRESS).cast(), layout) };
            }
        }
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
        let pattern = pattern_of(tag_of(hash));
        let mut index = self.home(stored);
        // A counter that sticks at its maximum must not lead in circles.
        for _ in 0..self.buckets() {
            let bucket = self.bucket(index);
            for slot in bucket.matching(pattern) {
                let word = bucket.word(slot);
                if word >> 48 == stored {
                    let element = element_of(word);
                    if wanted(element) {
                        return Some((Place { bucket: index, slot }, element));
                    }
                }
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
    fn place_word(&self, tag: u8, word: u64) {
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

    /// Shows every tag and word. Four streams take turns: neighbours go to the same new bucket, whose header each of them reads and
    /// writes, and four such chains run side by side in the processor where one would wait for itself.
    #[inline]
    fn each_word(&self, mut show: impl FnMut(u8, u64)) {
        const STREAMS: usize = 4;
        let stride = self.buckets().div_ceil(STREAMS);
        for step in 0..stride {
            for index in (0..STREAMS).map(|stream| stream * stride + step).take_while(|&index| index < self.buckets()) {
                let bucket = self.bucket(index);
                bucket.taken().for_each(|slot| show(bucket.tag(slot), bucket.word(slot)));
            }
        }
    }

    /// Shows every element with its tag and the known part of its hash.
    #[inline]
    fn each<E>(&self, start: u64, mut show: impl FnMut(u64, u8, NonNull<E>)) {
        self.each_word(|tag, word| show(self.known_hash(start, word), tag, element_of(word)));
    }

    /// The same with the whole hash, computed from the keys, which are brought near in time.
    fn each_hashed<E: Element>(&self, mut show: impl FnMut(u64, u8, NonNull<E>)) {
        const AHEAD: usize = 2;
        (0..AHEAD).for_each(|index| self.prefetch_elements(index));
        for index in 0..self.buckets() {
            self.prefetch_elements(index + AHEAD);
            let bucket = self.bucket(index);
            for slot in bucket.taken() {
                let element: NonNull<E> = element_of(bucket.word(slot));
                // Safety: the table holds elements that live; their keys do not change.
                show(hash(unsafe { E::key(element) }), bucket.tag(slot), element);
            }
        }
    }

    /// A copy with another number of buckets; this one remains to be freed.
    pub(super) fn rebuilt(&self, buckets: usize) -> Segment {
        let mut new = Segment::allocate(buckets, self.depth(), self.origin());
        self.each_word(|tag, word| new.place_word(tag, word));
        new.set_count(self.count());
        new
    }

    /// Two segments one deeper, the lower half first; this one remains to be freed.
    pub(super) fn split<E: Element>(&self, start: u64) -> [Segment; 2] {
        let depth = self.depth() + 1;
        if self.count() == 0 {
            return [Segment::empty_at(depth); 2];
        }
        let half = |known: u64| (known >> (64 - depth) & 1) as usize;
        let mut counts = [0; 2];
        self.each::<E>(start, |known, _, _| counts[half(known)] += 1);
        let stored_bits_serve = depth - self.origin() <= STALE_MAX;
        let origin = if stored_bits_serve { self.origin() } else { depth };
        let mut halves = counts.map(|count| {
            let size = size_for(count).min(BUCKETS_MAX);
            if count == 0 { Segment::empty_at(depth) } else { Segment::allocate(size, depth, origin) }
        });
        let place = |hash: u64, tag: u8, element: NonNull<E>| halves[half(hash)].place(hash, tag, element);
        if stored_bits_serve {
            self.each(start, place)
        } else {
            self.each_hashed(place)
        }
        halves[0].set_count(counts[0]);
        halves[1].set_count(counts[1]);
        halves
    }

    /// One segment of two neighbours that differ in the last bit of their depth; both remain to be freed.
    pub(super) fn merged<E>(&self, start: u64, upper: &Segment, upper_start: u64, buckets: usize) -> Segment {
        let depth = self.depth() - 1;
        let origin = self.origin().min(upper.origin()).min(depth);
        let mut new = Segment::allocate(buckets, depth, origin);
        self.each::<E>(start, |known, tag, element| new.place(known, tag, element));
        upper.each::<E>(upper_start, |known, tag, element| new.place(known, tag, element));
        new.set_count(self.count() + upper.count());
        new
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::memory::usable_size;

    fn sizes() -> Vec<usize> {
        (1..=BUCKETS_MAX).filter(|&buckets| round_up(buckets) == buckets).collect()
    }

    #[test]
    fn sizes_step_by_an_eighth_and_are_size_classes() {
        assert_eq!(sizes()[..18], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 18, 20]);
        assert_eq!(sizes()[sizes().len() - 9..], [128, 144, 160, 176, 192, 208, 224, 240, 256]);
        for buckets in sizes() {
            let main = main_part(buckets);
            for part in [main, buckets - main] {
                assert_eq!(usable_size(part * 64), part * 64, "{buckets} buckets");
                assert!(part * 64 < 16 << 10, "no large allocation");
            }
        }
    }

    #[test]
    fn a_size_has_room_for_its_count_and_is_the_smallest() {
        for count in 0..=room_of(BUCKETS_MAX, false) * 63 / 64 {
            let size = size_for(count);
            assert!(room_of(size, false) >= count && size <= BUCKETS_MAX, "{count} in {size}");
            if size > 16 {
                assert!(count * 100 >= size * SLOTS * 76, "{count} in {size}");
            }
        }
        assert_eq!(room_of(1, false), 7);
        assert_eq!(room_of(128, false), 784);
        assert_eq!(room_of(256, true), 1680);
    }

    #[test]
    fn the_descriptor_keeps_its_parts_apart() {
        for buckets in sizes() {
            let mut segment = Segment::allocate(buckets, 13, 11);
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
