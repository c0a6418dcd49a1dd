//! The dense layout: registers of 6 bits one behind the other, the first in the lowest bits of the first byte.
//!
//! ```text
//!   byte 0   1   2        24 bits for four registers
//!   11000000 22221111 33333322
//! ```
//! Many registers at once are taken apart and put together in words: 48 bits ↔ eight bytes. Where the machine has wide
//! registers, 192 bits ↔ 32 bytes; a test holds both against single registers.

use super::{Place, REGISTER_BITS, REGISTERS, Raise, Raw, Splice, VALUES};

/// Bytes that hold eight registers.
const PACKED: usize = REGISTER_BITS;
const MASK: u8 = VALUES as u8 - 1;

/// The register at `index`.
#[inline]
pub(super) fn get(registers: &[u8], index: usize) -> u8 {
    let bit = index * REGISTER_BITS;
    let low = registers[bit / 8];
    // Only a register that reaches into the next byte needs it; the last one does not.
    let high = registers.get(bit / 8 + 1).copied().unwrap_or(0);
    (u16::from_le_bytes([low, high]) >> (bit % 8)) as u8 & MASK
}

/// Sets the register at `index`.
#[inline]
pub(super) fn set(registers: &mut [u8], index: usize, value: u8) {
    let at = index * REGISTER_BITS / 8;
    let bytes = patched(registers, index, value);
    registers[at] = bytes[0];
    if let Some(next) = registers.get_mut(at + 1) {
        *next = bytes[1];
    }
}

/// The two bytes that hold the register at `index`, once it is `value`.
fn patched(registers: &[u8], index: usize, value: u8) -> [u8; 2] {
    let bit = index * REGISTER_BITS;
    let high = registers.get(bit / 8 + 1).copied().unwrap_or(0);
    let old = u16::from_le_bytes([registers[bit / 8], high]);
    (old & !(u16::from(MASK) << (bit % 8)) | u16::from(value) << (bit % 8)).to_le_bytes()
}

/// What raises a register.
#[inline]
pub(super) fn raise(registers: &[u8], place: Place) -> Raise {
    if get(registers, place.index) >= place.value {
        return Raise::Done;
    }
    let at = place.index * REGISTER_BITS / 8;
    let bytes = patched(registers, place.index, place.value);
    let size = bytes.len().min(registers.len() - at);
    Raise::Splice(Splice::new(super::HEADER_BYTES + at, size, &bytes[..size]))
}

/// Eight registers as eight bytes.
#[inline(always)]
fn unpack(packed: &[u8; PACKED]) -> u64 {
    let [a, b, c, d, e, f] = *packed;
    let x = u64::from_le_bytes([a, b, c, 0, d, e, f, 0]);
    let x = x & 0x0000_0fff_0000_0fff | (x & 0x00ff_f000_00ff_f000) << 4;
    x & 0x003f_003f_003f_003f | (x & 0x0fc0_0fc0_0fc0_0fc0) << 2
}

/// Eight bytes, each below 64, as eight registers.
#[inline(always)]
fn pack_eight(values: [u8; 8]) -> [u8; PACKED] {
    let x = u64::from_le_bytes(values);
    let x = x & 0x003f_003f_003f_003f | (x & 0x3f00_3f00_3f00_3f00) >> 2;
    let x = x & 0x0000_0fff_0000_0fff | (x & 0x0fff_0000_0fff_0000) >> 4;
    let [a, b, c, _, d, e, f, _] = x.to_le_bytes();
    [a, b, c, d, e, f]
}

/// All registers, from one byte each.
pub(super) fn pack(raw: &Raw, registers: &mut [u8]) {
    let (packed, _) = registers.as_chunks_mut::<PACKED>();
    let (values, _) = raw.as_chunks::<8>();
    packed.iter_mut().zip(values).for_each(|(packed, values)| *packed = pack_eight(*values));
}

/// Counts how many registers have which value.
pub(super) fn count_values(registers: &[u8], counts: &mut [u32; VALUES]) {
    // Four tables side by side: equal values in a row do not wait for one another.
    const TABLES: usize = 4;
    let mut tables = [[0u32; VALUES]; TABLES];
    let (packed, _) = registers.as_chunks::<PACKED>();
    for packed in packed {
        for (i, value) in unpack(packed).to_le_bytes().into_iter().enumerate() {
            tables[i % TABLES][(value & MASK) as usize] += 1;
        }
    }
    for (value, count) in counts.iter_mut().enumerate() {
        *count = tables.iter().map(|table| table[value]).sum();
    }
}

/// Raises each of `raw` to the register at its place.
pub(super) fn unite(raw: &mut Raw, registers: &[u8], is_wide_allowed: bool) {
    assert_eq!(registers.len(), REGISTERS / 8 * PACKED, "the header was checked");
    #[cfg(target_arch = "x86_64")]
    if is_wide_allowed && crate::structures::wide::is_wide() {
        // Safety: `is_wide` asked the machine for AVX2.
        unsafe { wide::unite(raw, registers) };
        return;
    }
    let _ = is_wide_allowed;
    let (packed, _) = registers.as_chunks::<PACKED>();
    let (raw, _) = raw.as_chunks_mut::<8>();
    for (raw, packed) in raw.iter_mut().zip(packed) {
        let values = unpack(packed).to_le_bytes();
        raw.iter_mut().zip(values).for_each(|(raw, value)| *raw = (*raw).max(value));
    }
}

/// 32 registers at a time.
#[cfg(target_arch = "x86_64")]
mod wide {
    use super::super::{REGISTERS, Raw};
    use std::arch::x86_64::*;

    const REGISTERS_AT_ONCE: usize = 32;
    const BYTES_AT_ONCE: usize = 24;

    /// Spreads 12 of 16 bytes over four words of three: the first 12 in the low half, the last 12 in the high one.
    const SPREAD: [i8; 32] = [
        0, 1, 2, -1, 3, 4, 5, -1, 6, 7, 8, -1, 9, 10, 11, -1, //
        4, 5, 6, -1, 7, 8, 9, -1, 10, 11, 12, -1, 13, 14, 15, -1,
    ];

    /// Raises each of `raw` to the register at its place. `registers` are all of them.
    #[target_feature(enable = "avx2")]
    pub(super) fn unite(raw: &mut Raw, registers: &[u8]) {
        // Safety: the table has 32 bytes.
        let spread = unsafe { _mm256_loadu_si256(SPREAD.as_ptr().cast()) };
        let masks = [0x3f, 0x3f00, 0x3f_0000, 0x3f00_0000].map(|mask| _mm256_set1_epi32(mask));
        let (raw, _) = raw.as_chunks_mut::<REGISTERS_AT_ONCE>();
        let (packed, _) = registers.as_chunks::<BYTES_AT_ONCE>();
        for (raw, packed) in raw.iter_mut().zip(packed) {
            // Safety: 16 bytes from the start and 16 up to the end of 24; 32 bytes of `raw`.
            unsafe {
                let low = _mm_loadu_si128(packed.as_ptr().cast());
                let high = _mm_loadu_si128(packed.as_ptr().add(BYTES_AT_ONCE - 16).cast());
                let words = _mm256_shuffle_epi8(_mm256_set_m128i(high, low), spread);
                // A word has four registers of 6 bits; each goes to a byte of its own.
                let values = _mm256_or_si256(
                    _mm256_or_si256(
                        _mm256_and_si256(words, masks[0]),
                        _mm256_and_si256(_mm256_slli_epi32::<2>(words), masks[1]),
                    ),
                    _mm256_or_si256(
                        _mm256_and_si256(_mm256_slli_epi32::<4>(words), masks[2]),
                        _mm256_and_si256(_mm256_slli_epi32::<6>(words), masks[3]),
                    ),
                );
                let at = raw.as_mut_ptr().cast();
                _mm256_storeu_si256(at, _mm256_max_epu8(_mm256_loadu_si256(at), values));
            }
        }
    }

    const _: () = assert!(REGISTERS.is_multiple_of(REGISTERS_AT_ONCE));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::random::Random;
    use crate::structures::wide::in_both_widths;

    fn random_registers(random: &mut Random) -> (Box<Raw>, Vec<u8>) {
        let mut raw = Box::new([0u8; REGISTERS]);
        let mut registers = vec![0xff; REGISTERS / 8 * PACKED];
        for (index, value) in raw.iter_mut().enumerate() {
            *value = random.below(64) as u8;
            set(&mut registers, index, *value);
        }
        (raw, registers)
    }

    #[test]
    fn single_registers_and_all_at_once_agree() {
        let mut random = Random::new(5);
        let (raw, registers) = random_registers(&mut random);
        assert!((0..REGISTERS).all(|index| get(&registers, index) == raw[index]));
        let mut packed = vec![0; registers.len()];
        pack(&raw, &mut packed);
        assert!(packed == registers);
        let (mut counts, mut expected) = ([0; VALUES], [0; VALUES]);
        count_values(&registers, &mut counts);
        raw.iter().for_each(|value| expected[*value as usize] += 1);
        assert_eq!(counts, expected);
    }

    #[test]
    fn united_in_both_widths() {
        in_both_widths(|| {
            let mut random = Random::new(6);
            let ((one, _), (two, registers)) = (random_registers(&mut random), random_registers(&mut random));
            for is_wide_allowed in [false, true] {
                let mut united = one.clone();
                unite(&mut united, &registers, is_wide_allowed);
                assert!((0..REGISTERS).all(|index| united[index] == one[index].max(two[index])));
            }
        });
    }
}
