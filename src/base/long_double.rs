//! Extended precision for INCRBYFLOAT and HINCRBYFLOAT: the 80-bit format of x87, 64 bits of fraction, in software.
//!
//! Redis computes these with C's `long double`; with 64 bits, 0.1 + 0.2 prints as 0.3. Arithmetic and reading are the
//! crate's; the texts accepted and the text printed are Redis's, the same on every processor.

use rustc_apfloat::ieee::X87DoubleExtended;
use rustc_apfloat::{Float, Round};

/// The longest text that is read as a number, in bytes.
const TEXT_MAX: usize = 5 * 1024 - 1;

/// Digits printed after the point, before trailing zeros are dropped.
const DECIMALS: usize = 17;

/// A number of 80-bit extended precision.
#[derive(Clone, Copy, PartialEq, PartialOrd, Debug)]
pub struct LongDouble(X87DoubleExtended);

impl LongDouble {
    /// Reads what C's `strtold` reads, the whole text and no spaces before; refuses NaN, overflow and underflow.
    pub fn parse(text: &[u8]) -> Option<LongDouble> {
        if text.is_empty() || text.len() > TEXT_MAX || !text.is_ascii() {
            return None;
        }
        let text = std::str::from_utf8(text).expect("ASCII is UTF-8");
        let negative = text.starts_with('-');
        let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
        let magnitude = if unsigned.eq_ignore_ascii_case("inf") || unsigned.eq_ignore_ascii_case("infinity") {
            X87DoubleExtended::INFINITY
        } else {
            read_finite(&unsigned.to_ascii_lowercase())?
        };
        Some(LongDouble(if negative { -magnitude } else { magnitude }))
    }

    /// The number of this integer, exact.
    pub fn from_i64(value: i64) -> LongDouble {
        LongDouble(X87DoubleExtended::from_i128(i128::from(value)).value)
    }

    /// The sum, rounded to nearest, half to even. May be infinite or NaN.
    pub fn plus(self, other: LongDouble) -> LongDouble {
        LongDouble((self.0 + other.0).value)
    }

    /// The difference, rounded to nearest, half to even. May be infinite or NaN.
    pub fn minus(self, other: LongDouble) -> LongDouble {
        LongDouble((self.0 - other.0).value)
    }

    /// The product with an integer, rounded to nearest. May be infinite.
    pub fn times(self, factor: i64) -> LongDouble {
        LongDouble((self.0 * LongDouble::from_i64(factor).0).value)
    }

    /// The least integer that is not below the number; the nearest there is when the number is too large.
    pub fn ceil(self) -> i128 {
        self.0.to_i128_r(128, Round::TowardPositive, &mut false).value
    }

    /// Neither infinite nor NaN.
    pub fn is_finite(self) -> bool {
        self.0.is_finite()
    }

    /// Appends the number as Redis prints it: never an exponent, at most 17 digits after the point, no trailing zeros.
    pub fn write(self, out: &mut Vec<u8>) {
        if self.0.is_nan() {
            return out.extend_from_slice(b"nan");
        }
        if self.0.is_infinite() {
            return out.extend_from_slice(if self.0.is_negative() { b"-inf" } else { b"inf" });
        }
        // 1 sign bit, 15 of exponent, 64 of fraction whose top bit is explicit: fraction × 2^(exponent - 16446).
        let bits = self.0.to_bits();
        let fraction = bits as u64;
        let exponent = ((bits >> 64) as i32 & 0x7fff).max(1) - 16_446;
        let mut text = Vec::new();
        if exponent >= 0 {
            write_shifted(&mut text, fraction, exponent as u32);
        } else {
            write_fraction(&mut text, fraction, -exponent as u32);
        }
        if self.0.is_negative() && text != b"0" {
            out.push(b'-');
        }
        out.extend_from_slice(&text);
    }
}

/// Reads a finite number without sign, in lower case; `None` if the text is no number, overflows or vanishes.
fn read_finite(text: &str) -> Option<X87DoubleExtended> {
    let (digits, radix, mark) = match text.strip_prefix("0x") {
        Some(hex) => (hex, 16, 'p'),
        None => (text, 10, 'e'),
    };
    let (mantissa, exponent) = digits.split_once(mark).map_or((digits, None), |(m, e)| (m, Some(e)));
    let mut significant = mantissa.chars().filter(|&c| c != '.');
    let is_mantissa = mantissa.len() - mantissa.matches('.').count() > 0
        && mantissa.matches('.').count() <= 1
        && significant.clone().all(|c| c.is_digit(radix));
    if !is_mantissa {
        return None;
    }
    let exponent = match exponent {
        None => 0,
        Some(text) => parse_exponent(text)?,
    };
    if significant.all(|c| c == '0') {
        return Some(X87DoubleExtended::ZERO);
    }
    let prefix = if radix == 16 { "0x" } else { "" };
    let canonical = format!("{prefix}{mantissa}{mark}{exponent}");
    let value = X87DoubleExtended::from_str_r(&canonical, Round::NearestTiesToEven).ok()?.value;
    if value.is_zero() || !value.is_finite() { None } else { Some(value) }
}

/// A signed decimal exponent, held within bounds beyond which every number overflows or vanishes.
fn parse_exponent(text: &str) -> Option<i64> {
    const FAR: i64 = 100_000;
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let value = digits.bytes().fold(0, |value, byte| (value * 10 + i64::from(byte - b'0')).min(FAR));
    Some(if text.starts_with('-') { -value } else { value })
}

/// Prints fraction / 2^shift, rounded half to even at the last decimal.
fn write_fraction(text: &mut Vec<u8>, fraction: u64, shift: u32) {
    const SCALE: u128 = 10u128.pow(DECIMALS as u32);
    // 64 + 57 bits: the product is exact, and a shift of 128 or more leaves less than half.
    let scaled = u128::from(fraction) * SCALE;
    let rounded = if shift >= 128 {
        0
    } else {
        let kept = scaled >> shift;
        let tail = scaled & ((1 << shift) - 1);
        let half = 1 << (shift - 1);
        kept + u128::from(tail > half || tail == half && kept & 1 == 1)
    };
    text.extend_from_slice((rounded / SCALE).to_string().as_bytes());
    let decimals = rounded % SCALE;
    if decimals != 0 {
        text.extend_from_slice(format!(".{decimals:0DECIMALS$}").trim_end_matches('0').as_bytes());
    }
}

/// Prints fraction × 2^shift, up to 4,933 digits.
fn write_shifted(text: &mut Vec<u8>, fraction: u64, shift: u32) {
    const LIMB: u128 = 10u128.pow(18);
    // Little-endian limbs of 18 decimal digits.
    let mut limbs = vec![u128::from(fraction) % LIMB, u128::from(fraction) / LIMB];
    let mut left = shift;
    while left > 0 {
        let step = left.min(60);
        let mut carry = 0;
        for limb in &mut limbs {
            let value = (*limb << step) + carry;
            *limb = value % LIMB;
            carry = value / LIMB;
        }
        if carry > 0 {
            limbs.push(carry);
        }
        left -= step;
    }
    while limbs.len() > 1 && limbs.last() == Some(&0) {
        limbs.pop();
    }
    let mut limbs = limbs.into_iter().rev();
    text.extend_from_slice(limbs.next().unwrap_or(0).to_string().as_bytes());
    for limb in limbs {
        text.extend_from_slice(format!("{limb:018}").as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn add(a: &str, b: &str) -> Option<String> {
        let sum = LongDouble::parse(a.as_bytes())?.plus(LongDouble::parse(b.as_bytes())?);
        if !sum.is_finite() {
            return Some("not finite".into());
        }
        let mut out = Vec::new();
        sum.write(&mut out);
        Some(String::from_utf8(out).expect("numbers print as ASCII"))
    }

    #[test]
    fn sums_are_those_of_redis() {
        // Made by INCRBYFLOAT of Redis 8.0.6 on x86-64: operand, increment, reply (an error is `-` or `infinite`).
        let mut count = 0;
        for line in include_str!("../../tests/data/incrbyfloat.txt").lines().filter(|line| !line.starts_with('#')) {
            let [a, b, expected] = line.split('\t').collect::<Vec<_>>()[..] else { panic!("three columns: {line}") };
            let got = add(a, b);
            match expected {
                "-" => assert_eq!(got, None, "{line}"),
                "infinite" => assert_eq!(got.as_deref(), Some("not finite"), "{line}"),
                _ => assert_eq!(got.as_deref(), Some(expected), "{line}"),
            }
            count += 1;
        }
        assert!(count > 400, "the table is there");
    }

    #[test]
    fn rounding_up_stops_at_the_largest() {
        for (text, expected) in [
            ("0.1", 100),
            ("-0.1", -100),
            ("0.00001", 1),
            ("-0.00001", 0),
            ("1e-4000", 1),
            ("7", 7000),
            ("1e4000", i128::MAX),
            ("inf", i128::MAX),
            ("-inf", i128::MIN),
        ] {
            let number = LongDouble::parse(text.as_bytes()).expect("these are numbers");
            assert_eq!(number.times(1000).ceil(), expected, "{text}");
        }
    }

    #[test]
    fn integers_are_exact() {
        for value in [0, 1, -1, i64::MAX, i64::MIN, 1 << 53] {
            let mut out = Vec::new();
            LongDouble::from_i64(value).write(&mut out);
            assert_eq!(out, value.to_string().as_bytes());
        }
    }

    #[test]
    fn spaces_and_words_are_refused() {
        for text in [
            "", " 1", "1 ", "1\n", "nan", "NAN", "infi", "0x", "0xp1", ".", "1e", "1e+", "--1", "+-1", "1.2.3",
            "1e5000", "1e-5000",
        ] {
            assert_eq!(LongDouble::parse(text.as_bytes()), None, "{text:?}");
        }
        assert_eq!(LongDouble::parse(&[b'1'; 5_200]), None);
    }
}
