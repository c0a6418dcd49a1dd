//! Doubles as Redis accepts them: what C's `strtod` reads of the whole text, and nothing before or after.
//!
//! Decimal and hexadecimal forms, an optional sign, `inf` and `infinity` in any case. Refused: empty text, spaces, `nan`,
//! and numbers that overflow to infinity or vanish to zero (a subnormal result is fine).

/// Parses a double; `None` for any other text. The value is correctly rounded and never a NaN.
pub fn parse_f64(text: &[u8]) -> Option<f64> {
    if let Some(value) = parse_short_integer(text) {
        return Some(value);
    }
    let text = std::str::from_utf8(text).ok()?;
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    if let Some(hex) = unsigned.strip_prefix("0x").or_else(|| unsigned.strip_prefix("0X")) {
        let magnitude = parse_hexadecimal(hex.as_bytes())?;
        return Some(if text.starts_with('-') { -magnitude } else { magnitude });
    }
    let value: f64 = text.parse().ok()?;
    if value.is_finite() {
        let vanished = value == 0.0 && has_nonzero_digit(unsigned);
        return if vanished { None } else { Some(value) };
    }
    let named = unsigned.eq_ignore_ascii_case("inf") || unsigned.eq_ignore_ascii_case("infinity");
    if named { Some(value) } else { None }
}

/// As ranges and SORT read a number, which is more freely than one to be stored: nothing is 0, what is too large is infinite,
/// what is too small is 0, and a zero byte ends the text; but there are no hexadecimal digits.
pub fn parse_f64_freely(text: &[u8]) -> Option<f64> {
    if let Some(value) = parse_short_integer(text) {
        return Some(value);
    }
    let text = text.split(|&byte| byte == 0).next().unwrap_or_default();
    if text.is_empty() {
        return Some(0.0);
    }
    let value: f64 = std::str::from_utf8(text).ok()?.parse().ok()?;
    (!value.is_nan()).then_some(value)
}

/// The common case, up to 15 plain digits: exact in a double, no rounding to think of.
#[inline]
fn parse_short_integer(text: &[u8]) -> Option<f64> {
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    if digits.is_empty() || digits.len() > 15 {
        return None;
    }
    let mut value = 0u64;
    for &byte in digits {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = value * 10 + u64::from(digit);
    }
    Some(if negative { -(value as f64) } else { value as f64 })
}

/// Whether the mantissa has a digit other than 0, so that a result of 0 means underflow.
fn has_nonzero_digit(unsigned: &str) -> bool {
    unsigned.bytes().take_while(|&byte| !matches!(byte, b'e' | b'E')).any(|byte| matches!(byte, b'1'..=b'9'))
}

/// What follows `0x`: hexadecimal digits with an optional point, then optionally `p` and a decimal exponent of two.
fn parse_hexadecimal(text: &[u8]) -> Option<f64> {
    let mut bytes = text.iter().copied().peekable();
    let mut mantissa: u128 = 0;
    let mut exponent: i64 = 0;
    let mut sticky = false;
    let mut digits = 0;
    let mut after_point = false;
    while let Some(&byte) = bytes.peek() {
        match char::from(byte).to_digit(16) {
            Some(digit) => {
                digits += 1;
                // Past 112 bits a digit only decides whether the tail is exactly zero.
                if mantissa >> 112 == 0 {
                    mantissa = mantissa << 4 | u128::from(digit);
                    exponent -= if after_point { 4 } else { 0 };
                } else {
                    sticky |= digit != 0;
                    exponent += if after_point { 0 } else { 4 };
                }
            }
            None if byte == b'.' && !after_point => after_point = true,
            None => break,
        }
        bytes.next();
    }
    if digits == 0 {
        return None;
    }
    if let Some(byte) = bytes.next() {
        if !matches!(byte, b'p' | b'P') {
            return None;
        }
        let rest: Vec<u8> = bytes.collect();
        exponent = exponent.saturating_add(parse_exponent(&rest)?);
    }
    if mantissa == 0 {
        return Some(0.0);
    }
    scale(mantissa, sticky, exponent)
}

/// A signed decimal exponent, held within bounds that are far beyond any double.
fn parse_exponent(text: &[u8]) -> Option<i64> {
    const FAR: i64 = 1 << 40;
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let value = digits.iter().fold(0i64, |value, byte| (value * 10 + i64::from(byte - b'0')).min(FAR));
    Some(if negative { -value } else { value })
}

/// mantissa × 2^exponent, rounded half to even once, at the width the result has; `None` if it overflows or vanishes.
fn scale(mantissa: u128, sticky: bool, exponent: i64) -> Option<f64> {
    let bits = 128 - i64::from(mantissa.leading_zeros());
    let top = exponent + bits - 1; // the power of two of the highest bit
    if !(-1100..=1023).contains(&top) {
        return None;
    }
    // The lowest bit that the double can hold: 52 below its top, never below the subnormals' 2^-1074.
    let lowest = (top - 52).max(-1074);
    let drop = lowest - exponent;
    let kept = if drop <= 0 {
        (mantissa << -drop) as u64
    } else if drop >= 128 {
        return None;
    } else {
        let kept = (mantissa >> drop) as u64;
        let half = 1u128 << (drop - 1);
        let tail = mantissa & (half * 2 - 1);
        let up = tail > half || tail == half && (sticky || kept & 1 == 1);
        kept + u64::from(up)
    };
    // Both factors are exact: at most 53 bits and a power of two, taken in two steps where it is itself subnormal.
    let value = kept as f64 * 2f64.powi((lowest / 2) as i32) * 2f64.powi((lowest - lowest / 2) as i32);
    if value == 0.0 || value.is_infinite() { None } else { Some(value) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_what_redis_accepts() {
        let cases: &[(&str, f64)] = &[
            ("0x10", 16.0),
            ("0x1p3", 8.0),
            ("-0X1P3", -8.0),
            ("0x.8", 0.5),
            ("0x1.8p0", 1.5),
            ("0x1p-1070", 8e-323),
            ("0x1.fffffffffffff7fffffffffffffffffffffffffffffp1023", f64::MAX),
            ("0x1.00000000000008p0", 1.0),
            ("0x1.000000000000080000000000000000000000001p0", 1.0 + f64::EPSILON),
            ("+5", 5.0),
            ("1.", 1.0),
            (".5", 0.5),
            ("+.5e-1", 0.05),
            ("1E5", 1e5),
            ("1e+05", 1e5),
            ("4.9e-324", 5e-324),
            ("0e999999", 0.0),
            ("-0", -0.0),
            ("Infinity", f64::INFINITY),
            ("-inf", f64::NEG_INFINITY),
            ("+INF", f64::INFINITY),
            ("123456789012345678901234567890", 1.234_567_890_123_456_8e29),
        ];
        for &(text, value) in cases {
            assert_eq!(parse_f64(text.as_bytes()), Some(value), "{text}");
        }
    }

    #[test]
    fn reads_more_freely_where_redis_does() {
        let cases = [
            ("", Some(0.0)),
            ("7", Some(7.0)),
            ("-0", Some(-0.0)),
            ("+5", Some(5.0)),
            ("1e400", Some(f64::INFINITY)),
            ("1e-400", Some(0.0)),
            ("1\x002", Some(1.0)),
            ("\x00", Some(0.0)),
            ("0x10", None),
            (" 1", None),
            ("1 ", None),
            ("nan", None),
            ("1e", None),
        ];
        for (text, value) in cases {
            assert_eq!(parse_f64_freely(text.as_bytes()), value, "{text:?}");
        }
    }

    #[test]
    fn refuses_what_redis_refuses() {
        let cases = "1e400|1e-400|-1e400|INFINIT|nan|NAN|-nan|nan(1)| 1|1 ||.|1e|1e+|2e-324|2.4e-324|0x|0x.|1_0|1d|+-1|\t1|-|+\
                     |- 1|0x1p-1080|0x1p1025|0x1p-1075|0x1p|0x1p+|1e309|0x1.fffffffffffff8p1023|1\0";
        for text in cases.split('|') {
            assert_eq!(parse_f64(text.as_bytes()), None, "{text:?}");
        }
    }
}
