//! The way from the root down to a leaf: at each branch, which child was taken.

use super::branch::Branch;
use std::mem::MaybeUninit;

/// Branches on a way down, at most. Merging keeps two neighbours at 14 children on average or more, and leaves at 34
/// elements: eight levels hold 2³² elements.
const HEIGHT_MAX: usize = 12;

pub(super) struct Step<E> {
    pub branch: Branch<E>,
    pub at: usize,
}

impl<E> Clone for Step<E> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<E> Copy for Step<E> {}

/// A stack of steps, root first.
pub(super) struct Path<E> {
    steps: [MaybeUninit<Step<E>>; HEIGHT_MAX],
    len: usize,
}

impl<E> Path<E> {
    #[inline]
    pub fn new() -> Self {
        Path { steps: [const { MaybeUninit::uninit() }; HEIGHT_MAX], len: 0 }
    }

    #[inline]
    pub fn push(&mut self, branch: Branch<E>, at: usize) {
        self.steps[self.len] = MaybeUninit::new(Step { branch, at });
        self.len += 1;
    }

    #[inline]
    pub fn pop(&mut self) -> Option<Step<E>> {
        self.len = self.len.checked_sub(1)?;
        // Safety: steps below the former length were written by `push`.
        Some(unsafe { self.steps[self.len].assume_init() })
    }

    #[inline]
    pub fn steps(&self) -> &[Step<E>] {
        // Safety: as in `pop`; MaybeUninit has the layout of what it wraps.
        unsafe { std::slice::from_raw_parts(self.steps.as_ptr().cast(), self.len) }
    }

    #[inline]
    pub fn last(&self) -> Option<&Step<E>> {
        self.steps().last()
    }
}
