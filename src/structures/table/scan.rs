//! Ways through a table: the scan that holds while it changes, iteration, sampling, and emptying in pieces.
//!
//! A scan cursor is a position in hash order, the upper 48 bits of a hash. A step takes the interval of hashes from the cursor to the
//! end of the home bucket that holds it *now*, shows every element whose hash lies in it, wherever probing has put it, and
//! gives back the interval's end. Intervals of successive steps do not overlap and leave nothing out, whatever the table does between
//! the steps; so an element that stays is shown exactly once, and the promise of SCAN (at least once) holds with room to spare.

use super::bucket::{SLOTS, Slots, element_of};
use super::segment::{Place, Segment};
use super::size::ELEMENTS_MAX;
use super::{Element, Table};
use crate::base::hash::hash;
use crate::base::random::Random;
use crate::structures::prefetch::prefetch;
use std::ptr::NonNull;

/// Bits of a hash that a cursor leaves out: all interval ends have zeros there.
const CURSOR_SHIFT: u32 = 16;
/// How many buckets ahead of the one that is read the elements are brought near.
const AHEAD: usize = 2;
/// Draws of a random slot before elements are counted off instead: only a table left nearly empty by `set_hold` gets there.
const DRAWS_MAX: usize = 256;

/// One home bucket's share of a scan.
struct Interval {
    segment: Segment,
    start: u64,
    home: usize,
    from: u64,
    /// The first hash after the interval; 0 when it reaches the end of all hashes.
    end: u64,
}

impl<E: Element> Table<E> {
    /// One step of a scan, which begins at 0 and is done when 0 comes back: shows about a bucket's worth of elements.
    pub fn scan(&self, cursor: u64, visit: &mut dyn FnMut(NonNull<E>)) -> u64 {
        if self.is_empty() || cursor > u64::MAX >> CURSOR_SHIFT {
            return 0;
        }
        let interval = self.interval_at(cursor << CURSOR_SHIFT);
        interval.each(|element: NonNull<E>, _| prefetch(element.as_ptr()));
        interval.each(|element, known| {
            if interval.holds(element, known) {
                visit(element);
            }
        });
        interval.end >> CURSOR_SHIFT
    }

    fn interval_at(&self, from: u64) -> Interval {
        let first = self.first_index(self.entry_of(from));
        let (segment, start) = (self.entry(first), self.start_of(first));
        let home = segment.home(segment.stored(from));
        // The first position that has a later home, as far as positions can be told apart.
        let told_apart = 1 << (segment.depth() - segment.origin());
        let position = ((home + 1) << 16).div_ceil(segment.buckets()).next_multiple_of(told_apart);
        let end = if position >= 1 << 16 {
            // In two steps: at depth 0 the interval is all hashes and its end is 0.
            start.wrapping_add(1 << (63 - segment.depth()) << 1)
        } else {
            start + ((position as u64) << 48 >> segment.depth())
        };
        Interval { segment, start, home, from, end }
    }

    /// All elements, bucket by bucket: in hash order but for those that probing displaced.
    pub fn iter(&self) -> Iter<'_, E> {
        let segment = self.entry(0);
        (0..AHEAD).for_each(|bucket| segment.prefetch_elements(bucket));
        Iter { table: self, segment, index: 0, bucket: usize::MAX, taken: Slots::NONE }
    }

    /// An element drawn with equal chances; `None` if there is none.
    pub fn sample(&self, random: &mut Random) -> Option<NonNull<E>> {
        if self.is_empty() {
            return None;
        }
        for _ in 0..DRAWS_MAX {
            let index = random.below(self.entry_count() as u64) as usize;
            let segment = self.entry(index);
            // An entry stands for its share of the segment's slots; all draw from the same number, and what is too high
            // is drawn anew, so that every slot of the table has the same chance.
            let sharing = self.entries_showing(&segment);
            let slots = (segment.buckets() * SLOTS).div_ceil(sharing);
            let drawn = random.below(if self.depth == 0 { slots } else { ELEMENTS_MAX } as u64) as usize;
            let slot = (index & (sharing - 1)) * slots + drawn;
            if drawn >= slots || slot >= segment.buckets() * SLOTS {
                continue;
            }
            let bucket = segment.bucket(slot / SLOTS);
            if bucket.tag(slot % SLOTS) != 0 {
                return Some(element_of(bucket.word(slot % SLOTS)));
            }
        }
        self.count_off(random.below(self.len as u64) as usize)
    }

    /// The element after `before` others.
    fn count_off(&self, mut before: usize) -> Option<NonNull<E>> {
        for (_, segment) in self.segments() {
            if before >= segment.count() {
                before -= segment.count();
                continue;
            }
            for index in 0..segment.buckets() {
                let bucket = segment.bucket(index);
                for slot in bucket.taken() {
                    if before == 0 {
                        return Some(element_of(bucket.word(slot)));
                    }
                    before -= 1;
                }
            }
        }
        None
    }

    /// Appends up to `count` different elements that are neighbours somewhere, and begins to load them: cheap, but only the place is drawn,
    /// and not quite evenly. It appends at least one unless the table is empty.
    pub fn sample_run(&self, random: &mut Random, count: usize, sample: &mut Vec<NonNull<E>>) {
        let wanted = count.min(self.len);
        let before = sample.len();
        let mut first = self.first_index(random.below(self.entry_count() as u64) as usize);
        let mut segment = self.entry(first);
        let mut bucket = random.below(segment.buckets() as u64) as usize;
        let begin = (first, bucket);
        // What is needed at half the load and eight more: the price is bounded even in a table left nearly empty.
        for _ in 0..8 + count.div_ceil(SLOTS) * 2 {
            let here = segment.bucket(bucket);
            let missing = wanted - (sample.len() - before);
            sample.extend(here.taken().take(missing).map(|slot| element_of::<E>(here.word(slot))));
            bucket = segment.after(bucket);
            if bucket == 0 {
                first = (first + self.entries_showing(&segment)) & (self.entry_count() - 1);
                segment = self.entry(first);
            }
            if sample.len() - before == wanted || (first, bucket) == begin {
                break;
            }
        }
        sample[before..].iter().for_each(|element| prefetch(element.as_ptr()));
        if sample.len() == before && wanted > 0 {
            sample.extend(self.sample(random));
        }
    }

    /// Takes up to `budget` elements out, in any order, and frees what becomes empty; true when the table is. For owners who free
    /// in pieces what is too much for once.
    pub fn pop_some(&mut self, mut budget: usize, take: &mut dyn FnMut(NonNull<E>)) -> bool {
        while budget > 0 && self.len > 0 {
            let first = self.first_index(self.drained as usize);
            let mut segment = self.entry(first);
            let count = segment.count();
            if count <= budget {
                self.show(first, Segment::empty_at(segment.depth()));
                self.drained = (first + self.entries_showing(&segment)) as u32;
                self.bytes -= segment.bytes();
                drain(&segment, take);
                segment.free();
            } else {
                pop_from(&segment, budget, take);
                segment.set_count(count - budget);
                *self.first_entry(first) = segment;
            }
            self.len -= count.min(budget);
            budget -= count.min(budget);
        }
        if self.len == 0 {
            self.release();
        }
        self.len == 0
    }
}

/// Shows all elements of a segment that is about to be freed.
fn drain<E>(segment: &Segment, take: &mut dyn FnMut(NonNull<E>)) {
    (0..AHEAD).for_each(|bucket| segment.prefetch_elements(bucket));
    for index in 0..segment.buckets() {
        segment.prefetch_elements(index + AHEAD);
        let bucket = segment.bucket(index);
        bucket.taken().for_each(|slot| take(element_of(bucket.word(slot))));
    }
}

/// Takes so many elements out of a segment that has more.
fn pop_from<E>(segment: &Segment, budget: usize, take: &mut dyn FnMut(NonNull<E>)) {
    let mut left = budget;
    for index in 0..segment.buckets() {
        segment.prefetch_elements(index);
        for slot in segment.bucket(index).taken() {
            if left == 0 {
                return;
            }
            left -= 1;
            let element = element_of(segment.bucket(index).word(slot));
            segment.displace(Place { bucket: index, slot });
            take(element);
        }
    }
}

impl Interval {
    /// Shows the elements that have this home, with the known part of their hashes.
    fn each<E>(&self, mut show: impl FnMut(NonNull<E>, u64)) {
        let segment = &self.segment;
        let mut index = self.home;
        for _ in 0..segment.buckets() {
            let bucket = segment.bucket(index);
            for word in bucket.taken().map(|slot| bucket.word(slot)) {
                if segment.home(word >> 48) == self.home {
                    show(element_of(word), segment.known_hash(self.start, word));
                }
            }
            if bucket.overflow() == 0 {
                return;
            }
            index = segment.after(index);
        }
    }

    /// Whether an element of this home is not before the cursor, which may lie inside what is one home's interval now.
    fn holds<E: Element>(&self, element: NonNull<E>, known: u64) -> bool {
        let unknown = u64::MAX >> 16 >> self.segment.origin();
        let from_known = self.from & !unknown;
        if known != from_known || self.from == from_known {
            return known >= from_known;
        }
        // Safety: elements live as long as they are in the table.
        hash(unsafe { E::key(element) }) >= self.from
    }
}

/// See `Table::iter`.
pub struct Iter<'a, E: Element> {
    table: &'a Table<E>,
    segment: Segment,
    /// The segment's first entry.
    index: usize,
    bucket: usize,
    /// Slots of this bucket that were not shown yet.
    taken: Slots,
}

impl<E: Element> Iterator for Iter<'_, E> {
    type Item = NonNull<E>;

    #[inline]
    fn next(&mut self) -> Option<NonNull<E>> {
        loop {
            if let Some(slot) = self.taken.next() {
                return Some(element_of(self.segment.bucket(self.bucket).word(slot)));
            }
            self.bucket = self.bucket.wrapping_add(1);
            if self.bucket == self.segment.buckets() {
                let next = self.index + self.table.entries_showing(&self.segment);
                if next == self.table.entry_count() {
                    self.bucket -= 1;
                    return None;
                }
                (self.segment, self.index, self.bucket) = (self.table.entry(next), next, 0);
                (0..AHEAD).for_each(|bucket| self.segment.prefetch_elements(bucket));
            }
            self.segment.prefetch_elements(self.bucket + AHEAD);
            self.taken = self.segment.bucket(self.bucket).taken();
        }
    }
}
