//! Integers: one text for every number and no other, so that text → number → text is the identity.
//!
//! Accepted: `0`, or an optional `-` and digits of which the first is not 0, within the type. No `+`, no spaces, no `-0`.
//! The integer encoding of strings rests on this.

/// The longest texts: `-9223372036854775808` and `18446744073709551615`.
const TEXT_MAX: usize = 20;

/// Parses a signed integer in canonical form; `None` for any other text.
#[inline]
pub fn parse_i64(text: &[u8]) -> Option<i64> {
    match text {
        [b'-', digits @ ..] => {
            let value = parse_digits(digits)?;
            // -0 is not canonical; one more than i64::MAX is the lowest number.
            if value == 0 || value > 1 << 63 { None } else { Some((value as i64).wrapping_neg()) }
        }
        digits => i64::try_from(parse_digits(digits)?).ok(),
    }
}

/// Parses an unsigned integer in canonical form; `None` for any other text.
#[inline]
pub fn parse_u64(text: &[u8]) -> Option<u64> {
    parse_digits(text)
}

#[inline]
fn parse_digits(digits: &[u8]) -> Option<u64> {
    let (&first, rest) = digits.split_first()?;
    if first == b'0' {
        return if rest.is_empty() { Some(0) } else { None };
    }
    if digits.len() > TEXT_MAX {
        return None;
    }
    let mut value = u64::from(digit(first)?);
    // 19 digits cannot overflow; only a 20th has to be watched.
    let (safe, last) = if digits.len() == TEXT_MAX { rest.split_at(TEXT_MAX - 2) } else { (rest, &[][..]) };
    for &byte in safe {
        value = value * 10 + u64::from(digit(byte)?);
    }
    if let &[byte] = last {
        value = value.checked_mul(10)?.checked_add(u64::from(digit(byte)?))?;
    }
    Some(value)
}

#[inline]
fn digit(byte: u8) -> Option<u8> {
    let value = byte.wrapping_sub(b'0');
    if value < 10 { Some(value) } else { None }
}

/// Appends the number's text.
#[inline]
pub fn write_i64(out: &mut Vec<u8>, value: i64) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

/// Appends the number's text.
#[inline]
pub fn write_u64(out: &mut Vec<u8>, value: u64) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

/// Bytes of the number's text.
#[inline]
pub fn integer_length(value: i64) -> usize {
    // 1233 / 4096 is a little more than the logarithm of two: a guess that is right or one too high.
    const LOG_OF_TWO: usize = 1233;
    const POWERS: [u64; 20] = {
        let mut powers = [1; 20];
        let mut i = 1;
        while i < 20 {
            powers[i] = powers[i - 1] * 10;
            i += 1;
        }
        powers
    };
    let magnitude = value.unsigned_abs() | 1;
    let bits = (u64::BITS - magnitude.leading_zeros()) as usize;
    let guess = (bits * LOG_OF_TWO) >> 12;
    usize::from(value < 0) + guess + usize::from(magnitude >= POWERS[guess])
}

/// A buffer on the stack for the text of one integer: `IntegerText::new().of(n)` is its bytes.
pub struct IntegerText(itoa::Buffer);

impl IntegerText {
    /// An empty buffer.
    #[inline]
    #[expect(clippy::new_without_default, reason = "a scratch buffer is made where it is used")]
    pub fn new() -> IntegerText {
        IntegerText(itoa::Buffer::new())
    }

    /// The number's text.
    #[inline]
    pub fn of(&mut self, value: i64) -> &[u8] {
        self.0.format(value).as_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_canonical_text_is_a_number() {
        for good in ["0", "1", "-1", "10", "9223372036854775807", "-9223372036854775808", "1000000000000000000"] {
            assert_eq!(parse_i64(good.as_bytes()), Some(good.parse().expect("a number")), "{good}");
        }
        for bad in ["", "-", "+1", "-0", "00", "01", "-01", " 1", "1 ", "1.0", "1a", "9223372036854775808"] {
            assert_eq!(parse_i64(bad.as_bytes()), None, "{bad}");
        }
        for bad in ["-9223372036854775809", "99999999999999999999", "100000000000000000000", "18446744073709551616"] {
            assert_eq!(parse_i64(bad.as_bytes()), None, "{bad}");
            assert_eq!(parse_u64(bad.as_bytes()), None, "{bad}");
        }
        assert_eq!(parse_u64(b"18446744073709551615"), Some(u64::MAX));
        assert_eq!(parse_u64(b"-1"), None);
    }

    #[test]
    fn text_and_back_is_the_identity() {
        let mut random = crate::base::random::Random::new(5);
        for bits in 0..64 {
            for _ in 0..50 {
                let value = (random.next_u64() >> bits) as i64;
                for value in [value, value.wrapping_neg()] {
                    let mut text = Vec::new();
                    write_i64(&mut text, value);
                    assert_eq!(text, value.to_string().as_bytes());
                    assert_eq!(IntegerText::new().of(value), text);
                    assert_eq!(integer_length(value), text.len());
                    assert_eq!(parse_i64(&text), Some(value));
                }
            }
        }
    }
}
