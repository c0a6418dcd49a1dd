//! A bucket: one cache line with room for seven elements and all that is needed to pass them by unread.
//!
//! ```text
//! byte 0     6 7        8                                     63
//!      tags .. overflow slot 0 .. slot 6
//! tag:      0 = free, else 0x80 | the 7 lowest bits of the hash
//! overflow: elements whose home is here or before and whose place is beyond; 255 sticks until the segment is rebuilt
//! slot:     16 stored hash bits << 48 | address of the element
//! ```
//! The tags are probed as one integer (SIMD within a register), so the code is the same on every machine.

use std::mem::MaybeUninit;
use std::ptr::{self, NonNull};

/// Elements in a bucket.
pub(super) const SLOTS: usize = 7;

const HIGH: u64 = 0x0080_8080_8080_8080;
const LOW: u64 = 0x007f_7f7f_7f7f_7f7f;
const ONES: u64 = 0x0001_0101_0101_0101;
const OVERFLOW_ONE: u64 = 1 << 56;
const OVERFLOW_MAX: u64 = 255;
const ADDRESS: u64 = (1 << 48) - 1;

#[repr(C, align(64))]
pub(super) struct Bucket {
    meta: u64,
    slots: [MaybeUninit<u64>; SLOTS],
}

const _: () = assert!(size_of::<Bucket>() == 64, "a bucket is one cache line");

/// The tag of a hash.
#[inline]
pub(super) fn tag_of(hash: u64) -> u8 {
    0x80 | hash as u8
}

/// A tag repeated for all slots, to compare with all tags at once.
#[inline]
pub(super) fn pattern_of(tag: u8) -> u64 {
    u64::from(tag) * ONES
}

/// A slot's word: stored hash bits and address.
#[inline]
pub(super) fn word_of<E>(stored: u64, element: NonNull<E>) -> u64 {
    let address = element.as_ptr().expose_provenance() as u64;
    debug_assert!(address & !ADDRESS == 0, "user space addresses have 48 bits");
    stored << 48 | address
}

/// The address in a slot's word.
#[inline]
pub(super) fn element_of<E>(word: u64) -> NonNull<E> {
    let pointer: *mut E = ptr::with_exposed_provenance_mut((word & ADDRESS) as usize);
    debug_assert!(!pointer.is_null(), "a slot that is taken holds an element");
    // Safety: the word was made by `word_of` from a pointer that is not null.
    unsafe { NonNull::new_unchecked(pointer) }
}

impl Bucket {
    pub(super) const EMPTY: Bucket = Bucket { meta: 0, slots: [MaybeUninit::uninit(); SLOTS] };

    /// Makes an empty bucket of memory that may hold anything; its slots stay as they are.
    ///
    /// # Safety
    /// There is room for a bucket, and nobody else looks at it.
    #[inline]
    pub(super) unsafe fn make_empty(at: *mut Bucket) {
        unsafe { (&raw mut (*at).meta).write(0) };
    }

    /// Slots whose tag equals the pattern's.
    #[inline]
    pub(super) fn matching(&self, pattern: u64) -> Slots {
        let difference = self.meta ^ pattern;
        // Per byte: the sum has its high bit set unless the low bits are all 0; no carry can cross a byte.
        Slots(!(((difference & LOW) + LOW) | difference) & HIGH)
    }

    /// The slot and the element that is `wanted` among those with this hash, `stored` being the part of it that slots hold.
    #[inline(always)]
    pub(super) fn locate<E>(
        &self,
        hash: u64,
        stored: u64,
        wanted: &mut impl FnMut(NonNull<E>) -> bool,
    ) -> Option<(usize, NonNull<E>)> {
        for slot in self.matching(pattern_of(tag_of(hash))) {
            let word = self.word(slot);
            if word >> 48 == stored {
                let element = element_of(word);
                if wanted(element) {
                    return Some((slot, element));
                }
            }
        }
        None
    }

    /// Slots that hold an element.
    #[inline]
    pub(super) fn taken(&self) -> Slots {
        Slots(self.meta & HIGH)
    }

    /// The first free slot.
    #[inline]
    pub(super) fn free(&self) -> Option<usize> {
        Slots(!self.meta & HIGH).next()
    }

    /// The word of a taken slot.
    #[inline]
    pub(super) fn word(&self, slot: usize) -> u64 {
        debug_assert!(self.tag(slot) != 0, "only taken slots are read");
        // Safety: a slot whose tag is not 0 was written by `set`.
        unsafe { self.slots[slot].assume_init() }
    }

    /// The word of any slot; of a free one it may be nothing.
    #[inline]
    pub(super) fn raw_word(&self, slot: usize) -> MaybeUninit<u64> {
        self.slots[slot]
    }

    #[inline]
    pub(super) fn tag(&self, slot: usize) -> u8 {
        (self.meta >> (8 * slot)) as u8
    }

    /// Puts an element into a free slot.
    #[inline]
    pub(super) fn set(&mut self, slot: usize, tag: u8, word: u64) {
        debug_assert!(self.tag(slot) == 0, "the slot is free");
        self.meta |= u64::from(tag) << (8 * slot);
        self.slots[slot].write(word);
    }

    /// Gives a taken slot another word under the same tag.
    #[inline]
    pub(super) fn rewrite(&mut self, slot: usize, word: u64) {
        self.slots[slot].write(word);
    }

    #[inline]
    pub(super) fn clear(&mut self, slot: usize) {
        self.meta &= !(0xff << (8 * slot));
    }

    /// How many elements were placed beyond this bucket though their home is not; a lookup stops at 0.
    #[inline]
    pub(super) fn overflow(&self) -> u64 {
        self.meta >> 56
    }

    /// An element passes this bucket on the way from home to its place.
    #[inline]
    pub(super) fn pass(&mut self) {
        if self.overflow() != OVERFLOW_MAX {
            self.meta += OVERFLOW_ONE;
        }
    }

    /// An element that had passed is removed.
    #[inline]
    pub(super) fn unpass(&mut self) {
        debug_assert!(self.overflow() > 0, "whoever is removed beyond has passed here");
        if self.overflow() != OVERFLOW_MAX {
            self.meta -= OVERFLOW_ONE;
        }
    }
}

/// A set of slots, lowest first: the high bit of a byte stands for a slot.
#[derive(Clone, Copy)]
pub(super) struct Slots(u64);

impl Slots {
    pub(super) const NONE: Slots = Slots(0);
}

impl Iterator for Slots {
    type Item = usize;

    #[inline]
    fn next(&mut self) -> Option<usize> {
        if self.0 == 0 {
            return None;
        }
        let slot = self.0.trailing_zeros() as usize / 8;
        self.0 &= self.0 - 1;
        Some(slot)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dummy(number: u64) -> u64 {
        word_of(0xabc, NonNull::new(ptr::without_provenance_mut::<u64>(number as usize * 8)).expect("not null"))
    }

    #[test]
    fn tags_are_found_exactly() {
        let mut bucket = Bucket::EMPTY;
        for slot in 0..SLOTS {
            assert_eq!(bucket.free(), Some(slot));
            bucket.set(slot, tag_of(slot as u64 / 2), dummy(slot as u64 + 1));
        }
        assert_eq!(bucket.free(), None);
        for _ in 0..300 {
            bucket.pass();
        }
        assert_eq!(bucket.matching(pattern_of(tag_of(0))).collect::<Vec<_>>(), [0, 1]);
        assert_eq!(bucket.matching(pattern_of(tag_of(1))).collect::<Vec<_>>(), [2, 3]);
        assert_eq!(bucket.matching(pattern_of(tag_of(3))).collect::<Vec<_>>(), [6]);
        assert_eq!(bucket.matching(pattern_of(tag_of(0x7f))).count(), 0);
        bucket.clear(2);
        assert_eq!(bucket.matching(pattern_of(tag_of(1))).collect::<Vec<_>>(), [3]);
        assert_eq!(bucket.taken().collect::<Vec<_>>(), [0, 1, 3, 4, 5, 6]);
        assert_eq!(bucket.overflow(), 255);
        bucket.unpass();
        assert_eq!(bucket.overflow(), 255, "a full counter sticks");
        assert_eq!(element_of::<u64>(bucket.word(6)).as_ptr().addr(), 56);
    }

    #[test]
    fn a_free_slot_never_matches() {
        for tag in 0x80..=0xffu8 {
            assert_eq!(Bucket::EMPTY.matching(pattern_of(tag)).count(), 0);
        }
    }
}
