//! Integers of 1 to 64 bits at any bit position, signed or not, and what becomes of those that do not fit.

/// Widest field, in bits.
pub const FIELD_BITS_MAX: u32 = 64;

/// A field's type: its width in bits, 1 to 64 (63 without a sign), and whether it has a sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    pub bits: u32,
    pub is_signed: bool,
}

/// What becomes of a number that does not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overflow {
    /// Its lowest bits are taken.
    Wrap,
    /// The nearest number that fits is taken.
    Saturate,
    /// Nothing is stored.
    Fail,
}

/// Bytes that a field can touch: 64 bits that begin at the last bit of a byte.
const SPAN: usize = 9;

impl Field {
    fn mask(self) -> u64 {
        u64::MAX >> (FIELD_BITS_MAX - self.bits)
    }

    /// How far the field's lowest bit stands from the lowest of the 128 that begin at its first byte.
    fn shift(self, position: usize) -> u32 {
        u128::BITS - self.bits - (position % 8) as u32
    }

    /// The number at bit `position`; what lies beyond the end is 0. One without a sign is below 2^63.
    pub fn get(self, bytes: &[u8], position: usize) -> i64 {
        let from = bytes.get(position / 8..).unwrap_or_default();
        let raw = (load(from) >> self.shift(position)) as u64 & self.mask();
        if self.is_signed { self.extend(raw) } else { raw as i64 }
    }

    /// Stores a number's lowest bits at bit `position`; the field lies inside.
    pub fn set(self, bytes: &mut [u8], position: usize, number: i64) {
        let shift = self.shift(position);
        let from = &mut bytes[position / 8..];
        let (raw, mask) = (number as u64 & self.mask(), u128::from(self.mask()) << shift);
        let words = (load(from) & !mask | u128::from(raw) << shift).to_be_bytes();
        let size = from.len().min(SPAN);
        from[..size].copy_from_slice(&words[..size]);
    }

    /// Copies the sign bit into all higher bits.
    fn extend(self, raw: u64) -> i64 {
        let unused = FIELD_BITS_MAX - self.bits;
        ((raw << unused) as i64) >> unused
    }

    /// What is stored for `number + increment`; `None` when that does not fit and is not to be stored. Of a field without a
    /// sign, the number is one without a sign, too.
    pub fn fit(self, number: i64, increment: i64, overflow: Overflow) -> Option<i64> {
        let number = if self.is_signed { i128::from(number) } else { i128::from(number as u64) };
        let sum = number + i128::from(increment);
        let (least, most) = match self.is_signed {
            true => (-(1i128 << (self.bits - 1)), (1i128 << (self.bits - 1)) - 1),
            false => (0, i128::from(self.mask())),
        };
        if (least..=most).contains(&sum) {
            return Some(sum as i64);
        }
        match overflow {
            Overflow::Fail => None,
            Overflow::Saturate => Some(sum.clamp(least, most) as i64),
            Overflow::Wrap if self.is_signed => Some(self.extend(sum as u64 & self.mask())),
            Overflow::Wrap => Some((sum as u64 & self.mask()) as i64),
        }
    }
}

/// The first 16 bytes as one number, the first byte highest; zeros behind the end. Only `SPAN` of them matter.
fn load(bytes: &[u8]) -> u128 {
    let mut words = [0; size_of::<u128>()];
    let size = bytes.len().min(SPAN);
    words[..size].copy_from_slice(&bytes[..size]);
    u128::from_be_bytes(words)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::random::Random;
    use crate::structures::bitmap::{bit, set_bit};

    #[test]
    fn a_model_test_against_single_bits() {
        let mut random = Random::new(3);
        let mut bytes = vec![0u8; 40];
        random.fill(&mut bytes);
        for _ in 0..20_000 {
            let is_signed = random.below(2) == 0;
            let bits = 1 + random.below(if is_signed { 64 } else { 63 }) as u32;
            let field = Field { bits, is_signed };
            let position = random.below(40 * 8 - u64::from(bits) + 1) as usize;
            let number = random.next_u64() as i64;
            let mut model = bytes.clone();
            for i in 0..bits as usize {
                set_bit(&mut model, position + i, number >> (bits as usize - 1 - i) & 1 == 1);
            }
            field.set(&mut bytes, position, number);
            assert_eq!(bytes, model, "{field:?} at {position}");
            let raw = (0..bits as usize).fold(0u64, |raw, i| raw << 1 | u64::from(bit(&model, position + i)));
            let expected = if is_signed && bits < 64 && raw >> (bits - 1) == 1 {
                (raw | u64::MAX << bits) as i64
            } else {
                raw as i64
            };
            assert_eq!(field.get(&bytes, position), expected);
        }
        assert_eq!(Field { bits: 16, is_signed: false }.get(&[0xab], 4), 0xb000, "zeros follow");
        assert_eq!(Field { bits: 64, is_signed: true }.get(&[], 1 << 40), 0);
    }

    #[test]
    fn what_does_not_fit() {
        let (u8, i8) = (Field { bits: 8, is_signed: false }, Field { bits: 8, is_signed: true });
        let i64_ = Field { bits: 64, is_signed: true };
        let cases = [
            (u8, 250, 10, Some(4), Some(255)),
            (u8, 5, -10, Some(251), Some(0)),
            (u8, -1, 0, Some(255), Some(255)),
            (i8, 120, 10, Some(-126), Some(127)),
            (i8, -120, -10, Some(126), Some(-128)),
            (i8, 300, 0, Some(44), Some(127)),
            (i64_, i64::MAX, 1, Some(i64::MIN), Some(i64::MAX)),
            (i64_, i64::MIN, -1, Some(i64::MAX), Some(i64::MIN)),
        ];
        for (field, number, increment, wrapped, saturated) in cases {
            assert_eq!(field.fit(number, increment, Overflow::Wrap), wrapped, "{field:?} {number} {increment}");
            assert_eq!(field.fit(number, increment, Overflow::Saturate), saturated, "{field:?} {number} {increment}");
            assert_eq!(field.fit(number, increment, Overflow::Fail), None);
        }
        assert_eq!(i64_.fit(i64::MAX, i64::MIN, Overflow::Fail), Some(-1));
    }
}
