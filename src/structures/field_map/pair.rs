//! One field with its value in one thin allocation, with or without a place in the order of deadlines.
//!
//! ```text
//! pair           [ length of the field ][ length of the value ][ field ][ value ]       lengths of one byte below 128
//! timed pair     [ 80 00 ][ place, 4 ][ the same ]                 a zero in two bytes, as no length is written, marks it
//! ```
//! 10 bytes of field and 10 of value take 22, a size class of 24; with a deadline 28, a class of 32.

use crate::structures::length::Length;
use crate::structures::table::Element;
use crate::structures::thin::size_class;
use std::alloc::{self, Layout};
use std::ptr::NonNull;
use std::slice;

/// What a timed pair begins with: no length that `Length` writes has a last byte of zero, unless it is its only one.
const TIMED: [u8; 2] = [0x80, 0];
/// Mark and place.
const TIMED_BYTES: usize = TIMED.len() + size_of::<u32>();

/// The first byte of a pair's allocation; never moved or copied by itself.
pub(super) struct Pair(#[expect(dead_code, reason = "read through pointers only")] u8);

// Safety: `layout` asks for an alignment of 8; the field is written once, before the pair enters a table.
unsafe impl Element for Pair {
    #[inline]
    unsafe fn key<'a>(pair: NonNull<Pair>) -> &'a [u8] {
        unsafe { Pair::parts(pair) }.0
    }
}

impl Pair {
    fn layout(size: usize) -> Layout {
        // The class and not the size: a value may be overwritten in place by another of the same class.
        Layout::from_size_align(size_class(size), 8).expect("a pair is hardly larger than the slices it was made of")
    }

    #[inline]
    unsafe fn is_timed(pair: NonNull<Pair>) -> bool {
        // Safety: whatever begins with the first byte of the mark has a second byte.
        unsafe {
            let at = pair.as_ptr().cast::<u8>();
            *at == TIMED[0] && *at.add(1) == TIMED[1]
        }
    }

    /// The place in the order of deadlines, of a pair that has a deadline.
    #[inline]
    pub(super) unsafe fn place(pair: NonNull<Pair>) -> Option<u32> {
        // Safety: the place stands behind the mark.
        unsafe {
            let at = pair.as_ptr().cast::<u8>();
            Pair::is_timed(pair).then(|| at.add(TIMED.len()).cast::<u32>().read_unaligned())
        }
    }

    /// Notes another place, of a pair that has a deadline.
    #[inline]
    pub(super) unsafe fn set_place(pair: NonNull<Pair>, place: u32) {
        // Safety: as for `place`; the caller holds the pair exclusively.
        unsafe {
            debug_assert!(Pair::is_timed(pair), "only a timed pair has room for a place");
            pair.as_ptr().cast::<u8>().add(TIMED.len()).cast::<u32>().write_unaligned(place);
        }
    }

    /// Field and value.
    #[inline]
    pub(super) unsafe fn parts<'a>(pair: NonNull<Pair>) -> (&'a [u8], &'a [u8]) {
        // Safety: two lengths stand first, or behind mark and place, and tell how many bytes follow.
        unsafe {
            let mut at = pair.as_ptr().cast::<u8>();
            if Pair::is_timed(pair) {
                at = at.add(TIMED_BYTES);
            }
            let (field_len, skip) = Length::read(at);
            let (value_len, skip_more) = Length::read(at.add(skip));
            let field = at.add(skip + skip_more);
            (slice::from_raw_parts(field, field_len), slice::from_raw_parts(field.add(field_len), value_len))
        }
    }

    /// Bytes in use.
    #[inline]
    unsafe fn size(pair: NonNull<Pair>) -> usize {
        let (_, value) = unsafe { Pair::parts(pair) };
        value.as_ptr().addr() + value.len() - pair.as_ptr().addr()
    }

    /// Bytes of the allocation.
    pub(super) unsafe fn class(pair: NonNull<Pair>) -> usize {
        size_class(unsafe { Pair::size(pair) })
    }

    /// A new pair; with room for a place, which is 0, if it is to have a deadline.
    pub(super) fn allocate(field: &[u8], value: &[u8], with_place: bool) -> NonNull<Pair> {
        let (field_len, value_len) = (Length::of(field.len()), Length::of(value.len()));
        let timed: &[u8] = if with_place { &[TIMED[0], TIMED[1], 0, 0, 0, 0] } else { &[] };
        let parts = [timed, field_len.as_bytes(), value_len.as_bytes(), field, value];
        let layout = Pair::layout(parts.iter().map(|part| part.len()).sum());
        // Safety: the layout is not empty and has room for all parts.
        unsafe {
            let Some(start) = NonNull::new(alloc::alloc(layout)) else { alloc::handle_alloc_error(layout) };
            let mut at = start.as_ptr();
            for part in parts {
                at.copy_from_nonoverlapping(part.as_ptr(), part.len());
                at = at.add(part.len());
            }
            start.cast()
        }
    }

    /// Writes another value over the present one if the size class stays; the address does too then.
    #[inline]
    pub(super) unsafe fn try_overwrite(pair: NonNull<Pair>, value: &[u8]) -> bool {
        // Safety: the field's bytes stay where they are, because both values have lengths of equally many bytes; the new value ends
        // within the same size class. `value` is the caller's and not part of the pair, which the caller holds exclusively.
        unsafe {
            let (field, old) = Pair::parts(pair);
            let (length, old_length) = (Length::of(value.len()), Length::of(old.len()));
            let size = Pair::size(pair);
            let same_place = length.as_bytes().len() == old_length.as_bytes().len();
            if !same_place || size_class(size) != size_class(size - old.len() + value.len()) {
                return false;
            }
            let length_at = field.as_ptr().cast_mut().sub(length.as_bytes().len());
            let value_at = field.as_ptr().cast_mut().add(field.len());
            length_at.copy_from_nonoverlapping(length.as_bytes().as_ptr(), length.as_bytes().len());
            value_at.copy_from_nonoverlapping(value.as_ptr(), value.len());
            true
        }
    }

    /// Frees a pair that is in no table any more; returns its size class.
    pub(super) unsafe fn free(pair: NonNull<Pair>) -> usize {
        // Safety: made by `allocate`, with a layout of the same class.
        unsafe {
            let layout = Pair::layout(Pair::size(pair));
            alloc::dealloc(pair.as_ptr().cast(), layout);
            layout.size()
        }
    }
}

const _: () = assert!(TIMED_BYTES == 6);
