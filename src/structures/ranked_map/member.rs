//! A member of a large sorted set, in one allocation.
//!
//! ```text
//!   score f64 | length (`super::length`) | bytes
//! ```
//! Invariants: made by `Member::new` and freed by `Member::free` once; length and bytes never change, the score only
//! while the member is not in a tree.

use crate::structures::length::Length;
use crate::structures::ranked_tree::Ranked;
use crate::structures::table::Element;
use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::ptr::NonNull;

#[repr(C)]
pub(super) struct Member {
    score: f64,
}

impl Member {
    pub fn new(score: f64, bytes: &[u8]) -> NonNull<Member> {
        let layout = Self::layout(bytes.len());
        // Safety: the size is not zero.
        let Some(member) = NonNull::new(unsafe { alloc(layout) }.cast::<Member>()) else { handle_alloc_error(layout) };
        // Safety: the allocation holds score, length and bytes, by the layout.
        unsafe {
            member.write(Member { score });
            let at = member.as_ptr().add(1).cast::<u8>();
            let length = Length::of(bytes.len());
            at.copy_from_nonoverlapping(length.as_bytes().as_ptr(), length.as_bytes().len());
            at.add(length.as_bytes().len()).copy_from_nonoverlapping(bytes.as_ptr(), bytes.len());
        }
        member
    }

    /// # Safety
    /// The member is alive, and nothing reads it afterwards.
    #[inline]
    pub unsafe fn free(member: NonNull<Member>) {
        unsafe {
            let layout = Self::layout(Self::bytes_of(member).len());
            dealloc(member.as_ptr().cast(), layout);
        }
    }

    #[inline]
    fn layout(len: usize) -> Layout {
        let size = size_of::<Member>() + Length::of(len).as_bytes().len() + len;
        Layout::from_size_align(size, 8).expect("a member is no longer than an argument may be")
    }

    /// Bytes of the allocation before it is rounded up to a size class.
    #[inline]
    pub fn size_for(len: usize) -> usize {
        Self::layout(len).size()
    }

    /// # Safety
    /// The member is alive during `'a`.
    #[inline]
    pub unsafe fn bytes_of<'a>(member: NonNull<Member>) -> &'a [u8] {
        unsafe {
            let at = member.as_ptr().add(1).cast::<u8>().cast_const();
            let (len, before) = Length::read(at);
            std::slice::from_raw_parts(at.add(before), len)
        }
    }

    /// # Safety
    /// The member is alive.
    #[inline]
    pub unsafe fn score_of(member: NonNull<Member>) -> f64 {
        unsafe { member.as_ref().score }
    }

    /// # Safety
    /// The member is alive and in no tree.
    #[inline]
    pub unsafe fn set_score(mut member: NonNull<Member>, score: f64) {
        unsafe { member.as_mut().score = score }
    }
}

// Safety: the bytes never change, the score only outside of a tree, and it is not a NaN by the set's invariant.
unsafe impl Ranked for Member {
    #[inline]
    unsafe fn score(member: NonNull<Member>) -> f64 {
        unsafe { Member::score_of(member) }
    }

    #[inline]
    unsafe fn bytes<'a>(member: NonNull<Member>) -> &'a [u8] {
        unsafe { Member::bytes_of(member) }
    }
}

// Safety: allocations are aligned to 8 bytes; the bytes never change.
unsafe impl Element for Member {
    #[inline]
    unsafe fn key<'a>(member: NonNull<Member>) -> &'a [u8] {
        unsafe { Member::bytes_of(member) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_bytes_of_every_length() {
        for len in [0, 1, 10, 127, 128, 129, 16_383, 16_384, 70_000] {
            let bytes = (0..len).map(|i| i as u8).collect::<Vec<_>>();
            let member = Member::new(-1.5, &bytes);
            unsafe {
                assert_eq!((Member::score_of(member), Member::bytes_of(member)), (-1.5, &bytes[..]));
                Member::free(member);
            }
        }
        assert_eq!(Member::size_for(15), 24, "a short name costs one byte more than itself and its score");
    }
}
