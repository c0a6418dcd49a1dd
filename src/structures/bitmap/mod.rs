//! Bits in a run of bytes, as the bitmap commands see a string: bit 0 is the highest bit of byte 0.
//!
//! ```text
//!   byte    0               1
//!   bit     0 1 2 3 4 5 6 7 8 9 …        beyond the end all bits are 0, and none is stored
//! ```
//! Single bits here, counting and searching in `count`, several strings in `combine`, numbers of any width in `field`.
//! Knows bytes and positions; which string it is, and who may make it longer, is the caller's matter.

mod combine;
mod count;
mod field;

pub use combine::{Operation, combine};
pub use count::{Bounds, count_ones, count_ones_within, find_first, find_first_within};
pub use field::{FIELD_BITS_MAX, Field, Overflow};

/// The bit at `position`; 0 beyond the end.
#[inline]
pub fn bit(bytes: &[u8], position: usize) -> bool {
    bytes.get(position / 8).is_some_and(|byte| byte & mask(position) != 0)
}

/// Sets the bit at `position`, which lies inside.
#[inline]
pub fn set_bit(bytes: &mut [u8], position: usize, value: bool) {
    let byte = &mut bytes[position / 8];
    *byte = if value { *byte | mask(position) } else { *byte & !mask(position) };
}

#[inline]
const fn mask(position: usize) -> u8 {
    0x80 >> (position % 8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bit_zero_is_the_highest() {
        let mut bytes = [0u8; 2];
        set_bit(&mut bytes, 0, true);
        set_bit(&mut bytes, 9, true);
        assert_eq!(bytes, [0x80, 0x40]);
        assert!(bit(&bytes, 0) && !bit(&bytes, 1) && bit(&bytes, 9));
        assert!(!bit(&bytes, 16) && !bit(&[], usize::MAX));
        set_bit(&mut bytes, 0, false);
        assert_eq!(bytes, [0, 0x40]);
    }
}
