//! Counting ones, and finding the first bit of a kind, in whole strings and in ranges that begin and end inside a byte.

use super::bit;
use crate::structures::wide::in_two_widths;

in_two_widths! {
    /// Number of bits that are 1.
    pub fn count_ones(bytes: &[u8]) -> u64 {
        let (words, rest) = bytes.as_chunks::<8>();
        let whole: u64 = words.iter().map(|word| u64::from(u64::from_ne_bytes(*word).count_ones())).sum();
        whole + rest.iter().map(|byte| u64::from(byte.count_ones())).sum::<u64>()
    }
}

/// Bits from `first` to `last`, both included, both inside the string; empty when `first` is greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    pub first: usize,
    pub last: usize,
}

impl Bounds {
    /// The whole bytes that hold the bits.
    fn bytes(self) -> std::ops::RangeInclusive<usize> {
        self.first / 8..=self.last / 8
    }

    /// Ones for the bits of the first byte that are inside.
    fn head_mask(self) -> u8 {
        0xff >> (self.first % 8)
    }

    /// Ones for the bits of the last byte that are inside.
    fn tail_mask(self) -> u8 {
        !(0x7f >> (self.last % 8))
    }
}

/// Number of bits that are 1 within `bounds`.
pub fn count_ones_within(bytes: &[u8], bounds: Bounds) -> u64 {
    if bounds.first > bounds.last {
        return 0;
    }
    let bytes = &bytes[bounds.bytes()];
    // Whole bytes are counted, then what lies outside in the first and in the last is taken off again.
    let before = (bytes[0] & !bounds.head_mask()).count_ones();
    let behind = (bytes[bytes.len() - 1] & !bounds.tail_mask()).count_ones();
    count_ones(bytes) - u64::from(before) - u64::from(behind)
}

/// Position of the first bit that is `value`.
pub fn find_first(bytes: &[u8], value: bool) -> Option<usize> {
    // What is looked for is a byte other than one full of the opposite.
    let passed = if value { 0x00 } else { 0xff };
    let start = passed_bytes(bytes, passed);
    let rest = &bytes[start..];
    let at = rest.iter().position(|byte| *byte != passed)?;
    let found = if value { rest[at] } else { !rest[at] };
    Some((start + at) * 8 + found.leading_zeros() as usize)
}

in_two_widths! {
    /// A number of bytes at the front that are all `passed`: whole blocks only, as many as there are.
    fn passed_bytes(bytes: &[u8], passed: u8) -> usize {
        const BLOCK: usize = 64;
        let (blocks, _) = bytes.as_chunks::<BLOCK>();
        let differs = |block: &&[u8; BLOCK]| block.iter().fold(0, |sum, byte| sum | (byte ^ passed)) != 0;
        blocks.iter().position(|block| differs(&block)).unwrap_or(blocks.len()) * BLOCK
    }
}

/// Position of the first bit within `bounds` that is `value`.
pub fn find_first_within(bytes: &[u8], bounds: Bounds, value: bool) -> Option<usize> {
    if bounds.first > bounds.last {
        return None;
    }
    // 1. Bit by bit to the next whole byte.
    let head_end = bounds.first.next_multiple_of(8).min(bounds.last + 1);
    if let Some(found) = (bounds.first..head_end).find(|&position| bit(bytes, position) == value) {
        return Some(found);
    }
    // 2. The rest by bytes; what lies behind the bounds in the last byte is not meant.
    let rest = &bytes[head_end / 8..=bounds.last / 8];
    let found = head_end + if head_end > bounds.last { return None } else { find_first(rest, value)? };
    (found <= bounds.last).then_some(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::random::Random;
    use crate::structures::wide::in_both_widths;

    /// The bits of a string, one a place.
    fn bits(bytes: &[u8]) -> Vec<bool> {
        (0..bytes.len() * 8).map(|position| bit(bytes, position)).collect()
    }

    /// Bytes that are mostly alike, so that searches go far, or not.
    fn some_bytes(random: &mut Random) -> Vec<u8> {
        let mut bytes = vec![0; random.below(400) as usize];
        match random.below(3) {
            0 => random.fill(&mut bytes),
            kind => {
                bytes.fill(if kind == 1 { 0x00 } else { 0xff });
                for _ in 0..random.below(3) {
                    if let Some(last) = bytes.len().checked_sub(1) {
                        bytes[random.below(last as u64 + 1) as usize] ^= 1 << random.below(8);
                    }
                }
            }
        }
        bytes
    }

    #[test]
    fn a_model_test_against_single_bits() {
        in_both_widths(|| {
            let mut random = Random::new(7);
            for _ in 0..3000 {
                let bytes = some_bytes(&mut random);
                let model = bits(&bytes);
                assert_eq!(count_ones(&bytes), model.iter().filter(|bit| **bit).count() as u64);
                for value in [false, true] {
                    assert_eq!(find_first(&bytes, value), model.iter().position(|bit| *bit == value));
                }
                if model.is_empty() {
                    continue;
                }
                let place = |random: &mut Random| random.below(model.len() as u64) as usize;
                let bounds = Bounds { first: place(&mut random), last: place(&mut random) };
                let inside = model.get(bounds.first..=bounds.last).unwrap_or_default();
                assert_eq!(count_ones_within(&bytes, bounds), inside.iter().filter(|bit| **bit).count() as u64);
                for value in [false, true] {
                    let expected = inside.iter().position(|bit| *bit == value).map(|at| bounds.first + at);
                    assert_eq!(find_first_within(&bytes, bounds, value), expected, "{bounds:?} {value}");
                }
            }
        });
    }

    #[test]
    fn bounds_inside_one_byte() {
        let bytes = [0b0001_1000];
        for (first, last, ones, one) in [(0, 7, 2, Some(3)), (3, 3, 1, Some(3)), (4, 7, 1, Some(4)), (5, 7, 0, None)] {
            assert_eq!(count_ones_within(&bytes, Bounds { first, last }), ones);
            assert_eq!(find_first_within(&bytes, Bounds { first, last }, true), one);
        }
        assert_eq!(find_first_within(&bytes, Bounds { first: 3, last: 4 }, false), None);
        assert_eq!(count_ones_within(&bytes, Bounds { first: 5, last: 4 }), 0);
    }
}
