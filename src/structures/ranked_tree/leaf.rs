//! A leaf: up to 84 elements in one allocation, and 4 bytes of each score to search by.
//!
//! ```text
//!   base u64 | len u16 | class u8 | shift u8 | – u32 | prefixes i32 × capacity | elements 8 × capacity
//! ```
//!
//! The prefix of an order key is `(key - base) >> shift`. Base and shift are the leaf's own: scores that differ only
//! in low bits (times in milliseconds) would all share the leading bytes of a double. The window is made 64 times as
//! wide as what is in the leaf, so that few insertions fall outside it and cost an encoding of all prefixes anew.

use super::order::{Ranked, Target, key_of};
use crate::structures::prefetch::prefetch;
use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::cmp::Ordering;
use std::marker::PhantomData;
use std::ptr::{self, NonNull};

/// Sizes of leaves: size classes of the allocator, so that nothing is lost to rounding.
const SIZES: [u16; 13] = [64, 96, 128, 192, 256, 320, 384, 448, 512, 640, 768, 896, 1024];
const CLASS_COUNT: usize = SIZES.len();
/// Elements that a leaf of each size holds.
const CAPACITIES: [u8; CLASS_COUNT] = capacities();
/// Elements of a full leaf of the largest size.
pub(super) const LEAF_MAX: usize = CAPACITIES[CLASS_COUNT - 1] as usize;
/// Below this length a leaf looks for a sibling to merge with.
pub(super) const LEAF_LOW: usize = LEAF_MAX / 4;
/// Two leaves are merged if they have no more elements than this: room stays for some insertions.
pub(super) const LEAF_MERGED_MAX: usize = LEAF_MAX * 4 / 5;

/// Prefixes run from 0 to one less than this, which itself stands for any key above the window.
const PREFIX_ABOVE: i32 = i32::MAX;
/// Stands for any key below the window.
const PREFIX_BELOW: i32 = -1;
/// Bits of a prefix that tell apart what a leaf holds when it is encoded; the other six are room to both sides.
const SPAN_BITS: u32 = 25;
/// A half of a split leaf is encoded anew when its prefixes differ by less than this.
const SPAN_POOR: i32 = 1 << 12;

const _: () = assert!(LEAF_MAX == 84, "sixteen bytes of header and twelve an element fill 1024");
const _: () = assert!(size_of::<Header>() == 16);

const fn capacities() -> [u8; CLASS_COUNT] {
    let mut capacities = [0; CLASS_COUNT];
    let mut class = 0;
    while class < CLASS_COUNT {
        capacities[class] = ((SIZES[class] as usize - size_of::<Header>()) / 12) as u8;
        class += 1;
    }
    capacities
}

/// The least class that holds `len` elements.
#[inline]
pub(super) fn leaf_class_for(len: usize) -> usize {
    CAPACITIES
        .iter()
        .position(|&capacity| capacity as usize >= len)
        .expect("no leaf is asked to hold more than the max")
}

#[repr(C)]
struct Header {
    base: u64,
    len: u16,
    class: u8,
    shift: u8,
    _reserved: u32,
}

/// A handle on a leaf. It is a plain copyable pointer: the tree keeps exactly one, and frees the leaf by `free`.
///
/// Safety of all that follows: a handle exists only between `allocate` and `free`, the `len` first prefixes and
/// elements are initialised, `len` never exceeds the capacity of the class, and positions are checked in debug builds.
pub(super) struct Leaf<E>(NonNull<Header>, PhantomData<E>);

impl<E> Clone for Leaf<E> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<E> Copy for Leaf<E> {}

impl<E: Ranked> Leaf<E> {
    pub fn allocate(class: usize) -> Self {
        let layout = Self::layout(class);
        // Safety: the size is not zero.
        let Some(node) = NonNull::new(unsafe { alloc(layout) }) else { handle_alloc_error(layout) };
        let header = Header { base: 0, len: 0, class: class as u8, shift: 0, _reserved: 0 };
        // Safety: just allocated with the alignment and more than the size of a header.
        unsafe { node.cast::<Header>().write(header) };
        Leaf(node.cast(), PhantomData)
    }

    pub fn free(self) {
        let layout = Self::layout(self.class());
        // Safety: allocated with this layout; the class of a leaf never changes.
        unsafe { dealloc(self.0.as_ptr().cast(), layout) }
    }

    fn layout(class: usize) -> Layout {
        Layout::from_size_align(SIZES[class] as usize, 8).expect("sizes of leaves are small")
    }

    /// The leaf behind a child pointer of the lowest branches.
    #[inline]
    pub fn at(node: NonNull<u8>) -> Self {
        Leaf(node.cast(), PhantomData)
    }

    #[inline]
    pub fn node(self) -> NonNull<u8> {
        self.0.cast()
    }

    #[inline]
    fn header(&self) -> &Header {
        unsafe { self.0.as_ref() }
    }

    #[inline]
    fn header_mut(&mut self) -> &mut Header {
        unsafe { self.0.as_mut() }
    }

    #[inline]
    pub fn len(self) -> usize {
        self.header().len as usize
    }

    #[inline]
    pub fn class(self) -> usize {
        self.header().class as usize
    }

    #[inline]
    pub fn capacity(self) -> usize {
        CAPACITIES[self.class()] as usize
    }

    /// Bytes of the allocation.
    #[inline]
    pub fn size(self) -> usize {
        SIZES[self.class()] as usize
    }

    #[inline]
    fn prefixes(self) -> *mut i32 {
        unsafe { self.0.as_ptr().add(1).cast() }
    }

    #[inline]
    fn elements(self) -> *mut NonNull<E> {
        // The prefixes are rounded up to eight bytes where the capacity is odd.
        let offset = size_of::<Header>() + (self.capacity() * 4).next_multiple_of(8);
        unsafe { self.0.as_ptr().byte_add(offset).cast() }
    }

    #[inline]
    pub fn prefix_slice(&self) -> &[i32] {
        unsafe { std::slice::from_raw_parts(self.prefixes(), self.len()) }
    }

    #[inline]
    pub fn element_slice(&self) -> &[NonNull<E>] {
        unsafe { std::slice::from_raw_parts(self.elements(), self.len()) }
    }

    #[inline]
    pub fn element(self, position: usize) -> NonNull<E> {
        debug_assert!(position < self.len());
        unsafe { *self.elements().add(position) }
    }

    /// Puts a moved element in the place of its former address.
    #[inline]
    pub fn set_element(self, position: usize, element: NonNull<E>) {
        debug_assert!(position < self.len());
        unsafe { *self.elements().add(position) = element };
    }

    /// Starts loading header and prefixes, whatever the size of the leaf.
    #[inline]
    pub fn prefetch(self) {
        const LINES: usize = (size_of::<Header>() + LEAF_MAX * 4).div_ceil(64);
        (0..LINES).for_each(|line| prefetch(self.0.as_ptr().wrapping_byte_add(line * 64)));
    }

    #[inline]
    fn prefix_of(self, key: u64) -> i32 {
        let header = self.header();
        match key.checked_sub(header.base) {
            None => PREFIX_BELOW,
            Some(distance) => (distance >> header.shift).min(PREFIX_ABOVE as u64) as i32,
        }
    }

    /// The positions of the elements whose prefix is that of `key`: what is before is less, what is after is greater.
    #[inline]
    fn alike(self, key: u64) -> (usize, usize) {
        let prefix = self.prefix_of(key);
        // Counting instead of a binary search: no branch to guess, and the loads do not wait for each other.
        let (mut less, mut greater) = (0u32, 0u32);
        for &other in self.prefix_slice() {
            less += u32::from(other < prefix);
            greater += u32::from(other > prefix);
        }
        (less as usize, self.len() - greater as usize)
    }

    /// Where the target belongs: how many elements are less.
    #[inline]
    pub fn position_for(self, target: &Target<E>) -> usize {
        let (from, to) = self.alike(target.key);
        from + self.element_slice()[from..to].partition_point(|&other| target.cmp(other) == Ordering::Less)
    }

    /// The position of the target's very element.
    #[inline]
    pub fn find(self, target: &Target<E>) -> Option<usize> {
        let (from, to) = self.alike(target.key);
        self.element_slice()[from..to].iter().position(|&other| other == target.element).map(|offset| from + offset)
    }

    /// How many elements have a key less than `key`, or not greater if `with_equal`.
    #[inline]
    pub fn count_below(self, key: u64, with_equal: bool) -> usize {
        let (from, to) = self.alike(key);
        let is_below = |&other: &NonNull<E>| {
            let other = key_of(other);
            other < key || with_equal && other == key
        };
        from + self.element_slice()[from..to].partition_point(is_below)
    }

    /// Inserts an element where there is room.
    pub fn insert(mut self, position: usize, key: u64, element: NonNull<E>) {
        let len = self.len();
        debug_assert!(len < self.capacity() && position <= len);
        let mut prefix = self.prefix_of(key);
        if prefix == PREFIX_BELOW || prefix == PREFIX_ABOVE {
            self.encode_with(Some(key));
            prefix = self.prefix_of(key);
        }
        unsafe {
            let at = self.prefixes().add(position);
            ptr::copy(at, at.add(1), len - position);
            *at = prefix;
            let at = self.elements().add(position);
            ptr::copy(at, at.add(1), len - position);
            *at = element;
        }
        self.header_mut().len += 1;
    }

    /// Takes `count` elements out of the leaf.
    pub fn remove(mut self, position: usize, count: usize) {
        let rest = self.len() - position - count;
        unsafe {
            let at = self.prefixes().add(position);
            ptr::copy(at.add(count), at, rest);
            let at = self.elements().add(position);
            ptr::copy(at.add(count), at, rest);
        }
        self.header_mut().len -= count as u16;
    }

    /// Moves the elements from `position` on to the end of `into`, which has room. If `into` is not empty and has
    /// another window, `encode` must follow.
    pub fn move_tail(mut self, position: usize, mut into: Leaf<E>) {
        let (count, end) = (self.len() - position, into.len());
        debug_assert!(end + count <= into.capacity());
        if end == 0 {
            (into.header_mut().base, into.header_mut().shift) = (self.header().base, self.header().shift);
        }
        unsafe {
            ptr::copy_nonoverlapping(self.prefixes().add(position), into.prefixes().add(end), count);
            ptr::copy_nonoverlapping(self.elements().add(position), into.elements().add(end), count);
        }
        self.header_mut().len -= count as u16;
        into.header_mut().len += count as u16;
    }

    /// Adds an element at the end without a prefix; `encode` must follow.
    pub fn push(mut self, element: NonNull<E>) {
        debug_assert!(self.len() < self.capacity());
        unsafe { self.elements().add(self.len()).write(element) };
        self.header_mut().len += 1;
    }

    /// Encodes all prefixes anew if they have become too coarse to tell the elements apart.
    pub fn refine(self) {
        if let [first, .., last] = self.prefix_slice()
            && last - first < SPAN_POOR
            && self.header().shift > 0
        {
            self.encode();
        }
    }

    /// Encodes all prefixes anew, in a window around the elements.
    pub fn encode(self) {
        self.encode_with(None);
    }

    /// Encodes all prefixes in a window that also holds the key of an element to come.
    fn encode_with(mut self, coming: Option<u64>) {
        let elements = self.element_slice();
        elements.iter().for_each(|element| prefetch(element.as_ptr()));
        let own = [elements.first(), elements.last()].into_iter().flatten().map(|&element| key_of(element));
        let (least, greatest) = own.chain(coming).fold((u64::MAX, 0), |(low, high), key| (low.min(key), high.max(key)));
        let span_bits = 64 - greatest.saturating_sub(least).leading_zeros();
        let shift = span_bits.saturating_sub(SPAN_BITS);
        let slack = 1u64 << (30 + shift).min(63);
        let header = self.header_mut();
        (header.base, header.shift) = (least.saturating_sub(slack), shift as u8);
        for position in 0..self.len() {
            let prefix = self.prefix_of(key_of(self.element(position)));
            debug_assert!(prefix > PREFIX_BELOW && prefix < PREFIX_ABOVE, "the window holds what it was made for");
            unsafe { *self.prefixes().add(position) = prefix };
        }
    }

    /// True if the leaf has two size classes more than it needs.
    #[inline]
    pub fn is_roomy(self) -> bool {
        let class = self.class();
        class >= 2 && self.len() <= CAPACITIES[class - 2] as usize
    }

    /// Holds the leaf to invariant 3.
    #[cfg(test)]
    pub fn check(self) {
        assert!(self.len() > 0 && self.len() <= self.capacity());
        for (&element, &prefix) in self.element_slice().iter().zip(self.prefix_slice()) {
            assert_eq!(self.prefix_of(key_of(element)), prefix);
            assert!(prefix > PREFIX_BELOW && prefix < PREFIX_ABOVE);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_size_classes() {
        assert!(SIZES.iter().all(|&size| crate::base::memory::usable_size(size as usize) == size as usize));
        for (class, &capacity) in CAPACITIES.iter().enumerate() {
            let capacity = capacity as usize;
            let used = size_of::<Header>() + (capacity * 4).next_multiple_of(8) + capacity * 8;
            assert!(used <= SIZES[class] as usize, "class {class} holds {capacity}");
        }
    }
}
