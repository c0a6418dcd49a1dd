//! Growing and shrinking: one segment at a time, and the directory by doubling and halving.
//!
//! ```text
//! insert into a full segment:   grow by a step | at 256 buckets: split, and double the directory if it is not deep enough
//! remove below a load of 0.6:   merge with the buddy while both fit in one | else shrink; halve the directory when nobody needs it
//! ```
//! Invariant: `deepest` counts the segments as deep as the directory, which stays no deeper than one of them.

use super::segment::{DEPTH_MAX, Segment};
use super::size::{BUCKETS_MAX, relaxed_size, round_up, size_for};
use super::{Element, Table};
use crate::base::memory::usable_size;
use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};

fn layout_of(entries: usize) -> Layout {
    let layout = Layout::array::<Segment>(entries).and_then(|layout| layout.align_to(64));
    layout.expect("a directory has at most 2^32 entries of 16 bytes").pad_to_align()
}

impl<E: Element> Table<E> {
    /// Makes room so that `additional` more elements find segments of their final size.
    pub fn reserve(&mut self, additional: usize) {
        let total = self.len + additional;
        let mut index = 0;
        while index < self.entry_count() {
            let first = self.first_index(index);
            let segment = self.entry(first);
            let wanted = size_for((total >> segment.depth()).max(segment.count()));
            if wanted > BUCKETS_MAX && segment.depth() < DEPTH_MAX {
                let deep_enough = segment.depth() < u32::from(self.depth);
                self.split(first);
                // A doubled directory shows this segment at twice the index.
                index = if deep_enough { first } else { first * 2 };
                continue;
            }
            if segment.is_unallocated() || wanted.min(BUCKETS_MAX) > segment.buckets() {
                self.rebuild(first, wanted.min(BUCKETS_MAX));
            }
            index = first + self.entries_showing(&segment);
        }
    }

    /// The segment of this hash is full.
    #[cold]
    pub(super) fn grow(&mut self, hash: u64) {
        let first = self.first_index(self.entry_of(hash));
        let segment = self.entry(first);
        if segment.is_unallocated() {
            self.rebuild(first, 1);
        } else if segment.buckets() < BUCKETS_MAX {
            self.rebuild(first, round_up(segment.buckets() + 1));
        } else {
            self.split(first);
        }
    }

    /// The segment of this hash has become rather empty.
    #[cold]
    pub(super) fn shrink(&mut self, hash: u64) {
        if self.len == 0 {
            return self.release();
        }
        if self.hold {
            return;
        }
        let mut first = self.first_index(self.entry_of(hash));
        let mut merged = false;
        while let Some(into) = self.merge_with_buddy(first) {
            (first, merged) = (into, true);
        }
        let segment = self.entry(first);
        if merged || segment.is_unallocated() {
            return;
        }
        if segment.count() == 0 {
            self.show(first, Segment::empty_at(segment.depth()));
            self.bytes -= segment.bytes();
            segment.free();
        } else if relaxed_size(segment.count()) < segment.buckets() {
            self.rebuild(first, relaxed_size(segment.count()));
        }
    }

    /// Back to a new table (but for `hold`); the elements, if any, are forgotten.
    pub(super) fn release(&mut self) {
        self.segments().for_each(|(_, segment)| segment.free());
        if self.depth > 0 {
            // Safety: the directory was allocated with this layout, and nothing points to it any more.
            unsafe { dealloc(self.head.directory().cast(), layout_of(self.entry_count())) };
        }
        (self.head, self.depth) = (Segment::empty(), 0);
        (self.len, self.bytes, self.deepest, self.drained) = (0, 0, 0, 0);
    }

    /// Puts a segment into all its entries from the first on.
    pub(super) fn show(&mut self, first: usize, segment: Segment) {
        let entries = self.entries_showing(&segment);
        debug_assert!(first % entries == 0 && first + entries <= self.entry_count());
        for index in first..first + entries {
            // Safety: within the directory.
            unsafe { self.entries_mut().add(index).write(segment) };
        }
    }

    fn rebuild(&mut self, first: usize, buckets: usize) {
        let old = self.entry(first);
        self.bytes -= old.bytes();
        let new = old.rebuild(buckets);
        self.drained = self.drained.min(first as u32);
        self.bytes += new.bytes();
        self.show(first, new);
    }

    fn split(&mut self, mut first: usize) {
        let old = self.entry(first);
        assert!(old.depth() < DEPTH_MAX, "a hash of 64 good bits does not fill one segment at depth 32");
        if old.depth() == u32::from(self.depth) {
            self.double();
            first *= 2;
        }
        self.bytes -= old.bytes();
        let [lower, upper] = old.split::<E>(self.start_of(first));
        if lower.depth() == u32::from(self.depth) {
            self.deepest += 2;
        }
        self.drained = self.drained.min(first as u32);
        self.bytes += lower.bytes() + upper.bytes();
        self.show(first, lower);
        self.show(first + self.entries_showing(&lower), upper);
    }

    /// Merges a segment with its buddy if the two fit well into one; gives back the first entry of what they became.
    fn merge_with_buddy(&mut self, first: usize) -> Option<usize> {
        let segment = self.entry(first);
        if segment.depth() == 0 {
            return None;
        }
        let entries = self.entries_showing(&segment);
        let buddy = self.entry(first ^ entries);
        let count = segment.count() + buddy.count();
        if buddy.depth() != segment.depth() || relaxed_size(count) > BUCKETS_MAX {
            return None;
        }
        let (low, high) = (first & !entries, first | entries);
        let (lower, upper) = (self.entry(low), self.entry(high));
        self.bytes -= lower.bytes() + upper.bytes();
        let (lower, upper) = ((lower, self.start_of(low)), (upper, self.start_of(high)));
        let merged = Segment::merge::<E>(lower, upper, relaxed_size(count));
        if segment.depth() == u32::from(self.depth) {
            self.deepest -= 2;
        }
        self.bytes += merged.bytes();
        self.show(low, merged);
        self.drained = self.drained.min(low as u32);
        let mut low = low;
        while self.deepest == 0 && self.depth > 0 {
            self.halve();
            low /= 2;
        }
        Some(low)
    }

    /// Twice the entries, each shown twice.
    fn double(&mut self) {
        self.copy_directory(self.depth + 1);
        self.deepest = 0;
    }

    /// Half the entries: every segment is shown by two at least.
    fn halve(&mut self) {
        self.copy_directory(self.depth - 1);
        let depth = u32::from(self.depth);
        self.deepest = self.segments().filter(|(_, segment)| segment.depth() == depth && depth > 0).count() as u32;
    }

    /// A directory of another depth, in which an entry's number is that many upper bits of the hash. What a segment's first
    /// entry says is copied to its first entry, so that the counts stay right.
    fn copy_directory(&mut self, depth: u8) {
        let (old, old_depth) = (self.entries(), self.depth);
        let old_entry = |index: usize| {
            // Safety: an index below 2^depth becomes one below 2^old_depth, the length of the old directory.
            unsafe { *old.add(index << old_depth >> depth) }
        };
        self.head =
            if depth == 0 { old_entry(0) } else { Segment::of_directory(write_directory(1 << depth, old_entry)) };
        if old_depth > 0 {
            // Safety: it was allocated with this layout, and nothing points to it any more.
            unsafe { dealloc(old.cast_mut().cast(), layout_of(1 << old_depth)) };
        }
        self.bytes = self.bytes + bytes_of(depth) - bytes_of(old_depth);
        (self.depth, self.drained) = (depth, 0);
    }
}

/// A new directory with these entries.
fn write_directory(entries: usize, entry: impl Fn(usize) -> Segment) -> *mut Segment {
    let layout = layout_of(entries);
    // Safety: the layout is not empty, and the block holds `entries` segments.
    unsafe {
        let directory = alloc(layout).cast::<Segment>();
        if directory.is_null() {
            handle_alloc_error(layout);
        }
        (0..entries).for_each(|index| directory.add(index).write(entry(index)));
        directory
    }
}

/// Usable bytes of a directory of this depth; at 0 there is none.
fn bytes_of(depth: u8) -> usize {
    if depth == 0 { 0 } else { usable_size(layout_of(1 << depth).size()) }
}
