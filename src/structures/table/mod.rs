//! The table behind the keyspace and every big set, hash and sorted set: thin pointers to elements, found by their keys.
//!
//! Open addressing in buckets of one cache line (`bucket`), buckets in segments of up to 256 (`segment`), segments in a directory
//! indexed by the top bits of the hash, in the manner of extendible hashing. A lookup reads the directory, one bucket, the element.
//!
//! ```text
//! directory (2^depth entries of 16 B)      segment: buckets in hash order        bucket (64 B)
//! [ 00 ] ---------------------------------> [ ][ ][ ] ... main [ ] + tail [ ]     7 tags, overflow, 7 x (16 bits | address)
//! [ 01 ] ---> a segment of depth 2
//! [ 10 ] \
//! [ 11 ] --> one segment of depth 1, shown by two entries; the first of them holds its count
//! ```
//! - A segment grows by a sixth or less when 7/8 full and splits in two when it would pass 256 buckets (`size`): load stays above 0.75
//!   at any size, and no insert waits for more than one segment. It shrinks below a load of 0.6, and buddies merge when both fit in one.
//! - Home order is hash order, so a position in hash order is a scan cursor that holds under every change (`scan`).
//! - Removal leaves no tombstones: buckets count the elements that passed them (F14's idea, Bronson and Shi 2019).
//!
//! Invariants: an element lies in the segment that its top hash bits choose, at the first free slot from its home on at the time
//! it came; every bucket from its home to before its place counts it; all entries that show a segment are equal but for the count.
//! The table knows addresses and keys. It does not own the elements: their owner frees them before the table is dropped.

use crate::structures::prefetch::prefetch;
use bucket::{tag_of, word_of};
pub use scan::Iter;
use segment::{Place, Segment};
use std::marker::PhantomData;
use std::ptr::NonNull;

mod bucket;
mod rebuild;
mod resize;
mod scan;
mod segment;
mod size;

#[cfg(test)]
mod model;

/// Something with a key that a table can point to.
///
/// # Safety
/// Elements are aligned to 8 bytes at least and have user-space addresses (48 bits). `key` gives the same bytes as long as the
/// element is in a table.
pub unsafe trait Element {
    /// The key's bytes; they live as long as the element.
    ///
    /// # Safety
    /// The element must be alive and outlive the use of the slice.
    unsafe fn key<'a>(element: NonNull<Self>) -> &'a [u8];
}

/// How far into an element its second cache line is sure to have begun, for elements that are not aligned to lines.
const SECOND_LINE_BYTES: usize = 32;

/// Pointers to elements by key; see the module's page. Empty, it has allocated nothing.
pub struct Table<E: Element> {
    /// The only segment; when `depth` is above 0, its `main` is the directory instead.
    head: Segment,
    len: usize,
    /// Usable bytes of all allocations.
    bytes: usize,
    /// Segments as deep as the directory: at 0 it can be halved.
    deepest: u32,
    /// Entries before this one show segments that `pop_some` has emptied.
    drained: u32,
    depth: u8,
    hold: bool,
    elements: PhantomData<NonNull<E>>,
}

// Safety: the table is plain memory plus pointers that it only follows to read keys; elements that may change threads make it so too.
unsafe impl<E: Element + Send> Send for Table<E> {}

/// Whether two keys are the same: the usual ones, of 8 to 32 bytes, by words that overlap, without a call.
#[inline]
fn is_same(a: &[u8], b: &[u8]) -> bool {
    let n = a.len();
    if n != b.len() {
        return false;
    }
    if !(8..=32).contains(&n) {
        return a == b;
    }
    let differ = |at: usize| {
        let word = |bytes: &[u8]| u64::from_ne_bytes(bytes[at..at + 8].try_into().expect("eight bytes"));
        word(a) ^ word(b)
    };
    let ends = differ(0) | differ(n - 8);
    if n <= 16 { ends == 0 } else { ends | differ(8) | differ(n - 16) == 0 }
}

impl<E: Element> Default for Table<E> {
    fn default() -> Table<E> {
        Table::new()
    }
}

impl<E: Element> Table<E> {
    const SIZE_IS_SMALL: () = assert!(size_of::<Table<E>>() <= 48, "tables are embedded in small values");

    pub const fn new() -> Table<E> {
        let () = Self::SIZE_IS_SMALL;
        Table {
            head: Segment::empty(),
            len: 0,
            bytes: 0,
            deepest: 0,
            drained: 0,
            depth: 0,
            hold: false,
            elements: PhantomData,
        }
    }

    #[inline]
    pub fn len(&self) -> usize {
        self.len
    }

    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Usable bytes of the table's own allocations, elements excluded.
    #[inline]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// While a forked child shares the memory, copying a segment costs twice: grow only when nearly full, do not shrink.
    pub fn set_hold(&mut self, hold: bool) {
        self.hold = hold;
    }

    #[inline]
    pub fn find(&self, hash: u64, key: &[u8]) -> Option<NonNull<E>> {
        self.locate(hash, key).map(|(_, element)| element)
    }

    /// The element that a lookup of this hash compares first: nearly always the one, but its key was not looked at.
    #[inline]
    pub fn find_probable(&self, hash: u64) -> Option<NonNull<E>> {
        self.segment(hash).locate(hash, |_| true).map(|(_, element)| element)
    }

    /// Adds an element whose key is not there yet. To fill a table in hash order (from another's `iter`), `reserve` first.
    #[inline]
    pub fn insert(&mut self, hash: u64, element: NonNull<E>) {
        debug_assert!(element.as_ptr().addr() % 8 == 0, "elements are aligned to 8 bytes");
        // Safety: the caller's element is alive.
        debug_assert!(self.find(hash, unsafe { E::key(element) }).is_none(), "no key twice");
        let hold = self.hold;
        let mut segment = self.first_entry(self.entry_of(hash));
        while segment.count() >= segment.room(hold) {
            self.grow(hash);
            segment = self.first_entry(self.entry_of(hash));
        }
        segment.place(hash, tag_of(hash), element);
        segment.add_one();
        self.len += 1;
    }

    /// The element has moved to another address; its key is the same.
    #[inline]
    pub fn replace(&mut self, hash: u64, old: NonNull<E>, new: NonNull<E>) {
        debug_assert!(new.as_ptr().addr() % 8 == 0, "elements are aligned to 8 bytes");
        let segment = self.segment(hash);
        let (place, _) = segment.locate(hash, |element| element == old).expect("the old address is in the table");
        segment.bucket_mut(place.bucket).rewrite(place.slot, word_of(segment.stored(hash), new));
    }

    /// Takes the element with this key out.
    #[inline]
    pub fn remove(&mut self, hash: u64, key: &[u8]) -> Option<NonNull<E>> {
        let (place, element) = self.locate(hash, key)?;
        self.take_out(hash, place);
        Some(element)
    }

    /// Takes an element out by its address, without a look at any key. It must be there.
    #[inline]
    pub fn remove_element(&mut self, hash: u64, element: NonNull<E>) {
        let found = self.segment(hash).locate(hash, |other: NonNull<E>| other == element);
        let (place, _) = found.expect("the element is in the table");
        self.take_out(hash, place);
    }

    /// Starts loading the bucket where a lookup of this hash begins.
    #[inline]
    pub fn prefetch_bucket(&self, hash: u64) {
        let segment = self.segment(hash);
        prefetch(segment.bucket_address(segment.home(segment.stored(hash))));
    }

    /// Starts loading the element that a lookup of this hash would compare first, if the bucket tells of one.
    #[inline]
    pub fn prefetch_element(&self, hash: u64) {
        if let Some(element) = self.find_probable(hash) {
            prefetch(element.as_ptr());
            // A small element often lies across two lines.
            prefetch(element.as_ptr().wrapping_byte_add(SECOND_LINE_BYTES));
        }
    }

    #[inline]
    fn locate(&self, hash: u64, key: &[u8]) -> Option<(Place, NonNull<E>)> {
        // Safety: elements live as long as they are in the table.
        self.segment(hash).locate(hash, |element| is_same(unsafe { E::key(element) }, key))
    }

    #[inline]
    fn take_out(&mut self, hash: u64, place: Place) {
        let entry = self.first_entry(self.entry_of(hash));
        entry.subtract_one();
        let segment = *entry;
        segment.displace(place);
        self.len -= 1;
        // Load below 0.6; a deep segment may go into its buddy at any size.
        if segment.count() * 5 < segment.buckets() * 21
            && (segment.buckets() > 1 || segment.depth() > 0 || self.len == 0)
        {
            self.shrink(hash);
        }
    }

    /// The directory; for a table of one segment, that segment itself.
    #[inline]
    fn entries(&self) -> *const Segment {
        if self.depth == 0 { &raw const self.head } else { self.head.directory() }
    }

    #[inline]
    fn entries_mut(&mut self) -> *mut Segment {
        if self.depth == 0 { &raw mut self.head } else { self.head.directory() }
    }

    /// Number of directory entries.
    #[inline]
    fn entry_count(&self) -> usize {
        1 << self.depth
    }

    /// The directory entry for a hash.
    #[inline]
    fn entry_of(&self, hash: u64) -> usize {
        // In two steps, because a shift by 64 is none.
        (hash >> 1 >> (63 - self.depth)) as usize
    }

    #[inline]
    fn entry(&self, index: usize) -> Segment {
        debug_assert!(index < self.entry_count());
        // Safety: the directory has 2^depth entries, always written.
        unsafe { *self.entries().add(index) }
    }

    #[inline]
    fn segment(&self, hash: u64) -> Segment {
        self.entry(self.entry_of(hash))
    }

    /// How many entries show a segment.
    #[inline]
    fn entries_showing(&self, segment: &Segment) -> usize {
        1 << (u32::from(self.depth) - segment.depth())
    }

    /// The first of the entries that show the same segment as this one.
    #[inline]
    fn first_index(&self, index: usize) -> usize {
        index & !(self.entries_showing(&self.entry(index)) - 1)
    }

    #[inline]
    fn first_entry(&mut self, index: usize) -> &mut Segment {
        let first = self.first_index(index);
        // Safety: within the directory, as `index` was; borrowed with the table.
        unsafe { &mut *self.entries_mut().add(first) }
    }

    /// The lowest hash of the segment whose first entry this is.
    #[inline]
    fn start_of(&self, first: usize) -> u64 {
        (first as u64) << 1 << (63 - self.depth)
    }

    /// The index of each segment's first entry, and the segment.
    fn segments(&self) -> impl Iterator<Item = (usize, Segment)> {
        let mut next = 0;
        std::iter::from_fn(move || {
            if next == self.entry_count() {
                return None;
            }
            let (index, segment) = (next, self.entry(next));
            next += self.entries_showing(&segment);
            Some((index, segment))
        })
    }
}

impl<E: Element> Drop for Table<E> {
    fn drop(&mut self) {
        self.release();
    }
}
