//! Where an element belongs: MurmurHash2 in its 64-bit form A (Austin Appleby, public domain), with the seed that Redis uses.

use super::{REGISTER_INDEX_BITS, REGISTERS};

const SEED: u64 = 0xadc8_3b19;
const MULTIPLIER: u64 = 0xc6a4_a793_5bd1_e995;
const SHIFT: u32 = 47;

/// Bits of the hash that are looked at for a run of zeros.
const RUN_BITS: u32 = u64::BITS - REGISTER_INDEX_BITS;

/// A register, and how high an element raises it: 1 to 51.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    pub index: usize,
    pub value: u8,
}

/// The place of an element.
#[inline]
pub fn place_of(element: &[u8]) -> Place {
    let hash = murmur(element);
    // A one behind the last bit ends a run of zeros only.
    let run = (hash >> REGISTER_INDEX_BITS | 1 << RUN_BITS).trailing_zeros();
    Place { index: hash as usize % REGISTERS, value: run as u8 + 1 }
}

#[inline]
fn murmur(bytes: &[u8]) -> u64 {
    let mut hash = SEED ^ (bytes.len() as u64).wrapping_mul(MULTIPLIER);
    let (words, rest) = bytes.as_chunks::<8>();
    for word in words {
        let mut word = u64::from_le_bytes(*word).wrapping_mul(MULTIPLIER);
        word ^= word >> SHIFT;
        hash = (hash ^ word.wrapping_mul(MULTIPLIER)).wrapping_mul(MULTIPLIER);
    }
    if !rest.is_empty() {
        let last = rest.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte));
        hash = (hash ^ last).wrapping_mul(MULTIPLIER);
    }
    hash = (hash ^ hash >> SHIFT).wrapping_mul(MULTIPLIER);
    hash ^ hash >> SHIFT
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_those_of_redis() {
        // `PFADD h a b c`, then PFDEBUG DECODE: Z:8436 v:1,1 Z:4274 v:2,1 Z:3068 v:1,1 Z:603
        let mut places: Vec<Place> = [&b"a"[..], b"b", b"c"].into_iter().map(place_of).collect();
        places.sort_by_key(|place| place.index);
        let expected = [(8436, 1), (12711, 2), (15780, 1)].map(|(index, value)| Place { index, value });
        assert_eq!(places, expected);
    }
}
