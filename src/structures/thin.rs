//! One heap block behind one word: what list packs and integer sets are made of.
//!
//! The block's size is not stored. It is the size class of the bytes in use, and those are written in the block's own header,
//! so that the owner passes them in. A block moves only when the class changes.

use std::alloc::{self, Layout};
use std::ptr::NonNull;

/// The allocator's size class for `size` > 0 bytes: steps of eight, then four steps to every doubling.
/// It is what `base::memory::usable_size` answers, but inline; a test holds them equal. Memory safety does not rest on that.
#[inline]
pub(super) const fn size_class(size: usize) -> usize {
    let step_log = ((size - 1) | 7).ilog2().saturating_sub(2);
    let step = 1usize << if step_log < 3 { 3 } else { step_log };
    (size + step - 1) & !(step - 1)
}

#[inline]
fn layout(used: usize) -> Layout {
    // Every class is at most twice its size, and sizes here are bounded by a 32-bit header.
    Layout::from_size_align(size_class(used), 1).expect("a class of a 32-bit size is a valid layout")
}

/// A new block with room for `used` > 0 bytes, not initialised.
pub(super) fn allocate(used: usize) -> NonNull<u8> {
    assert!(used > 0, "zero-sized blocks have no class");
    let layout = layout(used);
    // Safety: the layout's size is not zero.
    NonNull::new(unsafe { alloc::alloc(layout) }).unwrap_or_else(|| alloc::handle_alloc_error(layout))
}

/// Gives the block of class `old` the class of `new`, moving it if those differ. What both sizes hold is kept.
///
/// # Safety
/// `block` came from this module for a size of `old`'s class; only the returned pointer may be used afterwards.
#[inline]
pub(super) unsafe fn resize(block: NonNull<u8>, old: usize, new: usize) -> NonNull<u8> {
    if size_class(old) == size_class(new) { block } else { unsafe { move_block(block, old, new) } }
}

#[cold]
#[inline(never)]
unsafe fn move_block(block: NonNull<u8>, old: usize, new: usize) -> NonNull<u8> {
    assert!(new > 0 && new <= u32::MAX as usize, "the header counts bytes in 32 bits");
    let wanted = layout(new);
    let moved = unsafe { alloc::realloc(block.as_ptr(), layout(old), wanted.size()) };
    NonNull::new(moved).unwrap_or_else(|| alloc::handle_alloc_error(wanted))
}

/// # Safety
/// `block` came from this module for a size of `used`'s class, and is not used again.
pub(super) unsafe fn free(block: NonNull<u8>, used: usize) {
    unsafe { alloc::dealloc(block.as_ptr(), layout(used)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_those_of_the_allocator() {
        for size in (1..20_000).chain([65_536, 65_537, 100_000, 1 << 20, (1 << 20) + 1, (1 << 30) + 5]) {
            assert_eq!(size_class(size), crate::base::memory::usable_size(size), "{size}");
        }
    }
}
