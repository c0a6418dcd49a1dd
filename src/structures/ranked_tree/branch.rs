//! A branch: up to 36 children in one allocation, each with its least element and the number of elements below it.
//!
//! ```text
//!   len u16 | class u8 | – | keys u64 × capacity | firsts 8 × capacity | children 8 × capacity | counts u32 × capacity
//! ```

use super::order::{Ranked, Target};
use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::cmp::Ordering;
use std::marker::PhantomData;
use std::ptr::{self, NonNull};

/// Sizes of branches: size classes of the allocator.
const SIZES: [u16; 4] = [128, 256, 512, 1024];
/// Children that a branch of each size holds.
const CAPACITIES: [u8; 4] = [4, 8, 18, 36];
/// Children of a full branch of the largest size.
pub(super) const BRANCH_MAX: usize = CAPACITIES[3] as usize;
/// Below this length a branch looks for a sibling to merge with.
pub(super) const BRANCH_LOW: usize = BRANCH_MAX / 4;
/// Two branches are merged if they have no more children than this.
pub(super) const BRANCH_MERGED_MAX: usize = BRANCH_MAX * 4 / 5;

const _: () = assert!(size_of::<Header>() == 8);
const _: () = assert!(size_of::<Header>() + 28 * BRANCH_MAX <= SIZES[3] as usize);

/// The least class that holds `len` children.
pub(super) fn branch_class_for(len: usize) -> usize {
    CAPACITIES
        .iter()
        .position(|&capacity| capacity as usize >= len)
        .expect("no branch is asked to hold more than the max")
}

/// One child as its branch describes it.
pub(super) struct Entry<E> {
    /// Order key of the least element below.
    pub key: u64,
    /// The least element below.
    pub first: NonNull<E>,
    pub child: NonNull<u8>,
    /// Elements below.
    pub count: u32,
}

#[repr(C, align(8))]
struct Header {
    len: u16,
    class: u8,
}

/// A handle on a branch, with the same rules as that on a leaf: one owner, valid between `allocate` and `free`, the
/// first `len` entries initialised, `len` never above the capacity of the class, positions checked in debug builds.
pub(super) struct Branch<E>(NonNull<Header>, PhantomData<E>);

impl<E> Clone for Branch<E> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<E> Copy for Branch<E> {}

impl<E: Ranked> Branch<E> {
    pub fn allocate(class: usize) -> Self {
        let layout = Self::layout(class);
        // Safety: the size is not zero.
        let Some(node) = NonNull::new(unsafe { alloc(layout) }) else { handle_alloc_error(layout) };
        // Safety: just allocated with the alignment and more than the size of a header.
        unsafe { node.cast::<Header>().write(Header { len: 0, class: class as u8 }) };
        Branch(node.cast(), PhantomData)
    }

    pub fn free(self) {
        let layout = Self::layout(self.class());
        // Safety: allocated with this layout; the class of a branch never changes.
        unsafe { dealloc(self.0.as_ptr().cast(), layout) }
    }

    fn layout(class: usize) -> Layout {
        Layout::from_size_align(SIZES[class] as usize, 8).expect("sizes of branches are small")
    }

    /// The branch behind a child pointer above the lowest branches.
    #[inline]
    pub fn at(node: NonNull<u8>) -> Self {
        Branch(node.cast(), PhantomData)
    }

    #[inline]
    pub fn node(self) -> NonNull<u8> {
        self.0.cast()
    }

    #[inline]
    pub fn len(self) -> usize {
        unsafe { self.0.as_ref().len as usize }
    }

    #[inline]
    fn set_len(mut self, len: usize) {
        debug_assert!(len <= self.capacity());
        unsafe { self.0.as_mut().len = len as u16 };
    }

    #[inline]
    pub fn class(self) -> usize {
        unsafe { self.0.as_ref().class as usize }
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
    fn keys(self) -> *mut u64 {
        unsafe { self.0.as_ptr().add(1).cast() }
    }

    #[inline]
    fn firsts(self) -> *mut NonNull<E> {
        unsafe { self.keys().add(self.capacity()).cast() }
    }

    #[inline]
    fn children(self) -> *mut NonNull<u8> {
        unsafe { self.keys().add(2 * self.capacity()).cast() }
    }

    #[inline]
    fn counts(self) -> *mut u32 {
        unsafe { self.keys().add(3 * self.capacity()).cast() }
    }

    #[inline]
    fn key_slice(&self) -> &[u64] {
        unsafe { std::slice::from_raw_parts(self.keys(), self.len()) }
    }

    #[inline]
    pub fn first_slice(&self) -> &[NonNull<E>] {
        unsafe { std::slice::from_raw_parts(self.firsts(), self.len()) }
    }

    #[inline]
    fn count_slice(&self) -> &[u32] {
        unsafe { std::slice::from_raw_parts(self.counts(), self.len()) }
    }

    #[inline]
    pub fn child(self, at: usize) -> NonNull<u8> {
        debug_assert!(at < self.len());
        unsafe { *self.children().add(at) }
    }

    #[inline]
    pub fn set_child(self, at: usize, child: NonNull<u8>) {
        debug_assert!(at < self.len());
        unsafe { *self.children().add(at) = child };
    }

    #[inline]
    pub fn count(self, at: usize) -> usize {
        self.count_slice()[at] as usize
    }

    #[inline]
    pub fn set_count(self, at: usize, count: usize) {
        debug_assert!(at < self.len());
        unsafe { *self.counts().add(at) = count as u32 };
    }

    #[inline]
    pub fn set_first(self, at: usize, key: u64, first: NonNull<E>) {
        debug_assert!(at < self.len());
        unsafe {
            *self.keys().add(at) = key;
            *self.firsts().add(at) = first;
        }
    }

    pub fn entry(self, at: usize) -> Entry<E> {
        let (key, first) = (self.key_slice()[at], self.first_slice()[at]);
        Entry { key, first, child: self.child(at), count: self.count_slice()[at] }
    }

    /// Elements below all children.
    pub fn total(self) -> usize {
        self.count_before(self.len())
    }

    /// Elements below the children before `at`.
    #[inline]
    pub fn count_before(self, at: usize) -> usize {
        self.count_slice()[..at].iter().map(|&count| count as usize).sum()
    }

    /// The child that holds the target, or in which it belongs: the last whose first is not greater.
    #[inline]
    pub fn child_for(self, target: &Target<E>) -> usize {
        let keys = self.key_slice();
        let less = keys.partition_point(|&key| key < target.key);
        let alike = keys[less..].iter().take_while(|&&key| key == target.key).count();
        let firsts = &self.first_slice()[less..less + alike];
        let not_greater = less + firsts.partition_point(|&first| target.cmp_bytes(first) != Ordering::Greater);
        not_greater.saturating_sub(1)
    }

    /// The child in which elements stop having a key below `key` (or not above it if `with_equal`).
    #[inline]
    pub fn child_for_key(self, key: u64, with_equal: bool) -> usize {
        self.key_slice().partition_point(|&other| other < key || with_equal && other == key).saturating_sub(1)
    }

    /// The child that holds the element of a rank, and its rank there.
    #[inline]
    pub fn child_for_rank(self, mut rank: usize) -> (usize, usize) {
        for (at, &count) in self.count_slice().iter().enumerate() {
            if rank < count as usize {
                return (at, rank);
            }
            rank -= count as usize;
        }
        unreachable!("a rank below the total lies in some child")
    }

    /// Inserts an entry where there is room.
    pub fn insert(self, at: usize, entry: Entry<E>) {
        let rest = self.len() - at;
        self.set_len(self.len() + 1);
        unsafe {
            shift_up(self.keys().add(at), rest, entry.key);
            shift_up(self.firsts().add(at), rest, entry.first);
            shift_up(self.children().add(at), rest, entry.child);
            shift_up(self.counts().add(at), rest, entry.count);
        }
    }

    /// Takes an entry out.
    pub fn remove(self, at: usize) {
        let rest = self.len() - at - 1;
        unsafe {
            shift_down(self.keys().add(at), rest);
            shift_down(self.firsts().add(at), rest);
            shift_down(self.children().add(at), rest);
            shift_down(self.counts().add(at), rest);
        }
        self.set_len(self.len() - 1);
    }

    /// Moves the entries from `at` on to the end of `into`, which has room.
    pub fn move_tail(self, at: usize, into: Branch<E>) {
        let (count, end) = (self.len() - at, into.len());
        into.set_len(end + count);
        unsafe {
            ptr::copy_nonoverlapping(self.keys().add(at), into.keys().add(end), count);
            ptr::copy_nonoverlapping(self.firsts().add(at), into.firsts().add(end), count);
            ptr::copy_nonoverlapping(self.children().add(at), into.children().add(end), count);
            ptr::copy_nonoverlapping(self.counts().add(at), into.counts().add(end), count);
        }
        self.set_len(at);
    }
}

/// Moves `rest` values one place up and writes `value` in the gap; the caller owns one place more.
#[inline]
unsafe fn shift_up<T>(at: *mut T, rest: usize, value: T) {
    unsafe {
        ptr::copy(at, at.add(1), rest);
        at.write(value);
    }
}

/// Moves the `rest` values behind `at` one place down.
#[inline]
unsafe fn shift_down<T>(at: *mut T, rest: usize) {
    unsafe { ptr::copy(at.add(1), at, rest) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_size_classes_and_hold_their_children() {
        for (&size, &capacity) in SIZES.iter().zip(&CAPACITIES) {
            assert_eq!(crate::base::memory::usable_size(size as usize), size as usize);
            assert!(size_of::<Header>() + 28 * capacity as usize <= size as usize);
        }
    }
}
