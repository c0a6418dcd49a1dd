//! Building segments anew from old ones: another size, two from one, one from two.
//!
//! ```text
//! old segments ──loosen──▶ words and tags on the stack ──place──▶ new segments
//!        └───────────── parts of a size that fits are used again ─────┘
//! ```
//! A full-grown segment gives its two parts to its two halves, and one that grows keeps its main part, so that little memory goes
//! through the allocator. The words hold all that a place is computed from; only every fifth split reads the keys.

use super::Element;
use super::bucket::{Bucket, SLOTS, element_of, word_of};
use super::segment::{STALE_MAX, Segment};
use super::size::{BUCKETS_MAX, ELEMENTS_MAX, main_part, round_up, size_for};
use crate::base::hash::hash;
use crate::structures::prefetch::prefetch;
use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::mem::MaybeUninit;
use std::ptr::{self, NonNull};

impl Segment {
    /// The same elements in so many buckets. The old segment is used up.
    pub(super) fn rebuild(self, buckets: usize) -> Segment {
        let (mut loose, mut spare) = (Loose::new(), Spare::default());
        loose.take_from(&self);
        spare.take_from(self);
        let new = Segment::build(buckets, self.depth(), self.origin(), &mut spare);
        new.filled_with(&loose)
    }

    /// Two segments one deeper, the lower half first. The old one, which begins at `start`, is used up.
    pub(super) fn split<E: Element>(self, start: u64) -> [Segment; 2] {
        let depth = self.depth() + 1;
        let (mut loose, mut halves) = (Loose::new(), [Loose::new(), Loose::new()]);
        loose.take_from(&self);
        for (tag, word) in loose.iter() {
            halves[(self.known_hash(start, word) >> (64 - depth) & 1) as usize].push(tag, word);
        }
        let origin = if depth - self.origin() <= STALE_MAX { self.origin() } else { depth };
        if origin != self.origin() {
            halves.iter_mut().for_each(|half| half.hash_anew::<E>(origin));
        }
        let mut spare = Spare::default();
        spare.take_from(self);
        halves.map(|half| match half.len {
            0 => Segment::empty_at(depth),
            len => {
                let buckets = size_for(len).min(BUCKETS_MAX);
                Segment::build(buckets, depth, origin, &mut spare).filled_with(&half)
            }
        })
    }

    /// One segment of two neighbours that differ in the last bit of their depth, in so many buckets. Both are used up.
    pub(super) fn merge<E>(lower: (Segment, u64), upper: (Segment, u64), buckets: usize) -> Segment {
        let depth = lower.0.depth() - 1;
        let origin = lower.0.origin().min(upper.0.origin()).min(depth);
        let (mut loose, mut spare) = (Loose::new(), Spare::default());
        for (segment, start) in [lower, upper] {
            let mut part = Loose::new();
            part.take_from(&segment);
            spare.take_from(segment);
            for (tag, word) in part.iter() {
                let known = segment.known_hash(start, word);
                loose.push(tag, word_of(known >> (48 - origin) & 0xffff, element_of::<E>(word)));
            }
        }
        match loose.len {
            0 => Segment::empty_at(depth),
            _ => Segment::build(buckets, depth, origin, &mut spare).filled_with(&loose),
        }
    }

    /// An empty segment, its parts taken from what is spare or allocated.
    pub(super) fn build(buckets: usize, depth: u32, origin: u32, spare: &mut Spare) -> Segment {
        debug_assert!(buckets == round_up(buckets), "a size that segments have");
        let main = main_part(buckets);
        Segment::of_parts(spare.part(main), main, spare.part(buckets - main), buckets, depth, origin)
    }

    /// Gives the buckets back; the descriptor and its copies must not be used after.
    pub(super) fn free(self) {
        Spare::default().take_from(self);
    }

    /// Places all words. Four streams take turns: neighbours go to the same bucket, whose header each of them reads and writes, and
    /// four such chains run side by side in the processor where one would wait for itself.
    fn filled_with(mut self, loose: &Loose) -> Segment {
        let quarter = loose.len.div_ceil(4);
        for index in 0..quarter {
            for (tag, word) in (0..4).filter_map(|stream| loose.get(stream * quarter + index)) {
                self.place_word(tag, word);
            }
        }
        self.set_count(loose.len);
        self
    }
}

/// Room for all words of a segment, and for a bucket's worth that is written beyond the last and not counted.
const LOOSE_MAX: usize = ELEMENTS_MAX + SLOTS;

/// The words of a segment while it is rebuilt; 16 KiB on the stack.
struct Loose {
    words: [MaybeUninit<u64>; LOOSE_MAX],
    tags: [MaybeUninit<u8>; LOOSE_MAX],
    len: usize,
}

impl Loose {
    #[inline]
    fn new() -> Loose {
        Loose { words: [MaybeUninit::uninit(); LOOSE_MAX], tags: [MaybeUninit::uninit(); LOOSE_MAX], len: 0 }
    }

    #[inline]
    fn push(&mut self, tag: u8, word: u64) {
        self.words[self.len].write(word);
        self.tags[self.len].write(tag);
        self.len += 1;
    }

    /// Takes all words of a segment, in the order of the buckets. Every slot is copied and the taken ones are counted: how many of a
    /// bucket's are taken is not for the processor to guess.
    fn take_from(&mut self, segment: &Segment) {
        for index in 0..segment.buckets() {
            let bucket = segment.bucket(index);
            for slot in 0..SLOTS {
                self.words[self.len] = bucket.raw_word(slot);
                self.tags[self.len].write(bucket.tag(slot));
                self.len += usize::from(bucket.tag(slot) >> 7);
            }
        }
    }

    fn iter(&self) -> impl Iterator<Item = (u8, u64)> {
        (0..self.len).filter_map(|index| self.get(index))
    }

    #[inline]
    fn get(&self, index: usize) -> Option<(u8, u64)> {
        // Safety: what lies below `len` was written by `push`.
        (index < self.len).then(|| unsafe { (self.tags[index].assume_init(), self.words[index].assume_init()) })
    }

    /// Computes the stored bits from the keys, which are brought near in time.
    fn hash_anew<E: Element>(&mut self, origin: u32) {
        const AHEAD: usize = 12;
        let element = |loose: &Loose, index: usize| loose.get(index).map(|(_, word)| element_of::<E>(word));
        (0..AHEAD).filter_map(|index| element(self, index)).for_each(|element| prefetch(element.as_ptr()));
        for index in 0..self.len {
            if let Some(ahead) = element(self, index + AHEAD) {
                prefetch(ahead.as_ptr());
            }
            let element: NonNull<E> = element(self, index).expect("the index is below the length");
            // Safety: the table holds elements that live; their keys do not change.
            let stored = hash(unsafe { E::key(element) }) >> (48 - origin) & 0xffff;
            self.words[index].write(word_of(stored, element));
        }
    }
}

/// One allocation of a segment.
#[derive(Clone, Copy)]
struct Part {
    address: *mut Bucket,
    buckets: usize,
}

/// Parts of old segments that new ones may use; what nobody uses is freed in the end.
#[derive(Default)]
pub(super) struct Spare {
    /// Two segments at most are rebuilt at once.
    parts: [Option<Part>; 4],
}

impl Spare {
    fn take_from(&mut self, segment: Segment) {
        for (address, buckets) in segment.parts().into_iter().filter(|&(_, buckets)| buckets > 0) {
            let free = self.parts.iter_mut().find(|part| part.is_none());
            *free.expect("two segments have four parts") = Some(Part { address, buckets });
        }
    }

    /// So many empty buckets, in a part of this size if there is one; null for none.
    fn part(&mut self, buckets: usize) -> *mut Bucket {
        if buckets == 0 {
            return ptr::null_mut();
        }
        let fitting = self.parts.iter_mut().find(|part| part.is_some_and(|part| part.buckets == buckets));
        let address = fitting.and_then(Option::take).map_or_else(|| allocate(buckets), |part| part.address);
        for index in 0..buckets {
            // Safety: within the allocation.
            unsafe { Bucket::make_empty(address.add(index)) };
        }
        address
    }
}

impl Drop for Spare {
    fn drop(&mut self) {
        for part in self.parts.iter().flatten() {
            // Safety: it was allocated with this layout, and belongs to no segment any more.
            unsafe { dealloc(part.address.cast(), layout_of(part.buckets)) };
        }
    }
}

fn layout_of(buckets: usize) -> Layout {
    Layout::array::<Bucket>(buckets).expect("at most 256 buckets of 64 bytes")
}

fn allocate(buckets: usize) -> *mut Bucket {
    let layout = layout_of(buckets);
    // Safety: the layout is not empty.
    let address = unsafe { alloc(layout) };
    if address.is_null() {
        handle_alloc_error(layout);
    }
    address.cast()
}
