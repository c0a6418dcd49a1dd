//! Doubles as Redis prints them.
//!
//! - `write_f64`: replies and stored numbers. Whole numbers below 2⁶² plainly, all others in the shortest form.
//! - `write_f64_shortest`: Grisu2 (Loitsch 2010) and the layout of its digits: plain where it is short, else `1.5e+22`.
//!   Grisu2 misses the very shortest digits about once in a thousand; the same digits must come out here, so it is
//!   this algorithm and no better one. Its constants are correctly rounded powers of ten, which fixes every result.
//! - `write_f64_17g`: C's `%.17g`, in digests and in old file formats.

use super::integer::write_i64;
use std::io::Write;

/// Beyond this magnitude a whole number is printed in the shortest form, like a fraction.
const PLAIN_INTEGER_MAX: f64 = (i64::MAX / 2) as f64;

/// Appends the number as a reply or a stored value has it: `3`, `3.5`, `1e+21`, `-0`, `inf`, `-inf`, `nan`.
#[inline]
pub fn write_f64(out: &mut Vec<u8>, value: f64) {
    if value.abs() <= PLAIN_INTEGER_MAX && value as i64 as f64 == value && value != 0.0 {
        write_i64(out, value as i64);
    } else {
        write_f64_shortest(out, value);
    }
}

/// Appends the number in the shortest form, whole numbers too: 2⁶³ is `9223372036854776000`.
pub fn write_f64_shortest(out: &mut Vec<u8>, value: f64) {
    if value.is_nan() {
        out.extend_from_slice(b"nan");
        return;
    }
    if value.is_sign_negative() {
        out.push(b'-');
    }
    if value == 0.0 {
        out.push(b'0');
    } else if value.is_infinite() {
        out.extend_from_slice(b"inf");
    } else {
        let mut digits = Digits { bytes: [0; DIGITS_MAX], count: 0, exponent: 0 };
        grisu2(value.abs(), &mut digits);
        lay_out(out, &digits, value.is_sign_negative());
    }
}

/// Appends the number as C prints it with `%.17g`: 17 significant digits, trailing zeros dropped.
pub fn write_f64_17g(out: &mut Vec<u8>, value: f64) {
    if !value.is_finite() || value == 0.0 {
        return write_f64_shortest(out, value);
    }
    // `-d.dddddddddddddddde±x`, correctly rounded.
    let scientific = format!("{value:.16e}");
    let (mantissa, exponent) = scientific.split_once('e').expect("scientific form has an exponent");
    let exponent: i32 = exponent.parse().expect("the exponent is a number");
    let (sign, mantissa) = mantissa.strip_prefix('-').map_or(("", mantissa), |rest| ("-", rest));
    let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    let digits = digits.trim_end_matches('0');
    out.extend_from_slice(sign.as_bytes());
    if !(-4..17).contains(&exponent) {
        out.extend_from_slice(&digits.as_bytes()[..1]);
        if digits.len() > 1 {
            out.push(b'.');
            out.extend_from_slice(&digits.as_bytes()[1..]);
        }
        let sign = if exponent < 0 { '-' } else { '+' };
        write!(out, "e{sign}{:02}", exponent.abs()).expect("a Vec takes every byte");
    } else if exponent < 0 {
        out.extend_from_slice(b"0.");
        out.resize(out.len() + (-exponent - 1) as usize, b'0');
        out.extend_from_slice(digits.as_bytes());
    } else {
        let whole = exponent as usize + 1;
        out.extend_from_slice(&digits.as_bytes()[..whole.min(digits.len())]);
        out.resize(out.len() + whole.saturating_sub(digits.len()), b'0');
        if digits.len() > whole {
            out.push(b'.');
            out.extend_from_slice(&digits.as_bytes()[whole..]);
        }
    }
}

/// Grisu2 never makes more than 17 digits; one more keeps the bound plain.
const DIGITS_MAX: usize = 18;

/// digits × 10^exponent.
struct Digits {
    bytes: [u8; DIGITS_MAX],
    count: usize,
    exponent: i32,
}

/// Puts the digits in the form that Redis prints: a plain integer, a plain fraction, or scientific.
fn lay_out(out: &mut Vec<u8>, digits: &Digits, negative: bool) {
    let bytes = &digits.bytes[..digits.count];
    let count = digits.count as i32;
    let exponent = digits.exponent;
    let magnitude = (exponent + count - 1).abs();
    if exponent >= 0 && magnitude < count + 7 {
        out.extend_from_slice(bytes);
        out.resize(out.len() + exponent as usize, b'0');
    } else if exponent < 0 && (exponent > -7 || magnitude < 4) {
        let point = count + exponent;
        if point <= 0 {
            out.extend_from_slice(b"0.");
            out.resize(out.len() + -point as usize, b'0');
            out.extend_from_slice(bytes);
        } else {
            out.extend_from_slice(&bytes[..point as usize]);
            out.push(b'.');
            out.extend_from_slice(&bytes[point as usize..]);
        }
    } else {
        // A negative number gives up its 18th digit, which Grisu2 never makes, for the sign.
        let bytes = &bytes[..bytes.len().min(DIGITS_MAX - usize::from(negative))];
        out.push(bytes[0]);
        if bytes.len() > 1 {
            out.push(b'.');
            out.extend_from_slice(&bytes[1..]);
        }
        out.extend_from_slice(if exponent + (bytes.len() as i32) < 1 { b"e-" } else { b"e+" });
        write_i64(out, i64::from(magnitude));
    }
}

/// A number fraction × 2^exponent with all 64 bits of the fraction in use.
#[derive(Clone, Copy)]
struct Wide {
    fraction: u64,
    exponent: i32,
}

impl Wide {
    /// The product, its low 64 bits rounded half up.
    fn times(self, power: Wide) -> Wide {
        let product = u128::from(self.fraction) * u128::from(power.fraction) + (1 << 63);
        Wide { fraction: (product >> 64) as u64, exponent: self.exponent + power.exponent + 64 }
    }
}

/// Finds short digits between the neighbours of a positive, finite number.
fn grisu2(value: f64, digits: &mut Digits) {
    // 1. The number, and the middles between it and its neighbours, at one scale.
    let bits = value.to_bits();
    let (mantissa, biased) = (bits & ((1 << 52) - 1), (bits >> 52) as i32);
    let (fraction, exponent) = if biased == 0 { (mantissa, -1074) } else { (mantissa | 1 << 52, biased - 1075) };
    let shift = fraction.leading_zeros() as i32;
    let number = Wide { fraction: fraction << shift, exponent: exponent - shift };
    let above = fraction * 2 + 1;
    let shift = above.leading_zeros() as i32;
    let upper = Wide { fraction: above << shift, exponent: exponent - 1 - shift };
    // At a power of two the neighbour below is only half as far.
    let near = if fraction == 1 << 52 { 2 } else { 1 };
    let below = (fraction << near) - 1;
    let lower = Wide { fraction: below << (exponent - near - upper.exponent), exponent: upper.exponent };

    // 2. Scaled by a power of ten so that the whole part of the upper end fits in 32 bits.
    let (power, ten_to) = cached_power(upper.exponent);
    let number = number.times(power);
    // One unit inwards on either side covers the rounding of the products.
    let upper = upper.times(power);
    let upper = Wide { fraction: upper.fraction - 1, ..upper };
    let lower = lower.times(power).fraction + 1;

    // 3. Digits of the upper end, until what is left is inside the interval.
    digits.exponent = -ten_to;
    generate(upper, upper.fraction - number.fraction, upper.fraction - lower, digits);
}

/// Writes digits of `upper` until the rest is within `delta`, then moves the last one towards the number itself,
/// which lies `wanted` below the upper end.
fn generate(upper: Wide, wanted: u64, mut delta: u64, digits: &mut Digits) {
    let point = -upper.exponent as u32;
    let one = 1u64 << point;
    let mut whole = upper.fraction >> point;
    let mut part = upper.fraction & (one - 1);
    let mut divisor: u64 = 1_000_000_000;
    for left in (0..10).rev() {
        digits.push((whole / divisor) as u8);
        whole %= divisor;
        let rest = (whole << point) + part;
        if rest <= delta {
            digits.exponent += left;
            digits.round(delta, rest, divisor << point, wanted);
            return;
        }
        divisor /= 10;
    }
    let mut unit: u64 = 1;
    for left in 1.. {
        part = part.wrapping_mul(10);
        delta = delta.wrapping_mul(10);
        unit = unit.wrapping_mul(10);
        digits.push((part >> point) as u8);
        part &= one - 1;
        if part < delta {
            digits.exponent -= left;
            digits.round(delta, part, one, wanted.wrapping_mul(unit));
            return;
        }
    }
}

impl Digits {
    /// Adds a digit; leading zeros are none.
    fn push(&mut self, digit: u8) {
        if digit != 0 || self.count > 0 {
            self.bytes[self.count] = b'0' + digit;
            self.count += 1;
        }
    }

    /// Lowers the last digit while that brings the text nearer to the number and keeps it in the interval.
    fn round(&mut self, delta: u64, mut rest: u64, step: u64, wanted: u64) {
        while rest < wanted && delta - rest >= step && (rest + step < wanted || wanted - rest > rest + step - wanted) {
            self.bytes[self.count - 1] -= 1;
            rest += step;
        }
    }
}

/// The scaled exponent lies between these, so that the whole part has 4 to 32 bits.
const SCALED_MIN: i32 = -60;
const SCALED_MAX: i32 = -32;

/// A power of ten that brings `exponent` into the wanted range, and which power it is.
fn cached_power(exponent: i32) -> (Wide, i32) {
    // The first guess decides where two powers would do, so it is part of the format.
    let guess = (-f64::from(exponent + POWERS.len() as i32) * 0.301_029_995_663_981_14) as i32;
    let mut index = (guess - POWERS_FIRST) / POWERS_STEP;
    loop {
        let ten_to = POWERS_FIRST + index * POWERS_STEP;
        // floor(log2(10^k)) - 63, exact for every k in the table.
        let power = Wide { fraction: POWERS[index as usize], exponent: ((ten_to * 217_706) >> 16) - 63 };
        match exponent + power.exponent + 64 {
            scaled if scaled < SCALED_MIN => index += 1,
            scaled if scaled > SCALED_MAX => index -= 1,
            _ => return (power, ten_to),
        }
    }
}

const POWERS_FIRST: i32 = -348;
const POWERS_STEP: i32 = 8;

/// The upper 64 bits of 10⁻³⁴⁸, 10⁻³⁴⁰ … 10³⁴⁰, rounded to nearest.
#[rustfmt::skip]
const POWERS: [u64; 87] = [
    0xfa8fd5a0081c0288, 0xbaaee17fa23ebf76, 0x8b16fb203055ac76, 0xcf42894a5dce35ea, 0x9a6bb0aa55653b2d,
    0xe61acf033d1a45df, 0xab70fe17c79ac6ca, 0xff77b1fcbebcdc4f, 0xbe5691ef416bd60c, 0x8dd01fad907ffc3c,
    0xd3515c2831559a83, 0x9d71ac8fada6c9b5, 0xea9c227723ee8bcb, 0xaecc49914078536d, 0x823c12795db6ce57,
    0xc21094364dfb5637, 0x9096ea6f3848984f, 0xd77485cb25823ac7, 0xa086cfcd97bf97f4, 0xef340a98172aace5,
    0xb23867fb2a35b28e, 0x84c8d4dfd2c63f3b, 0xc5dd44271ad3cdba, 0x936b9fcebb25c996, 0xdbac6c247d62a584,
    0xa3ab66580d5fdaf6, 0xf3e2f893dec3f126, 0xb5b5ada8aaff80b8, 0x87625f056c7c4a8b, 0xc9bcff6034c13053,
    0x964e858c91ba2655, 0xdff9772470297ebd, 0xa6dfbd9fb8e5b88f, 0xf8a95fcf88747d94, 0xb94470938fa89bcf,
    0x8a08f0f8bf0f156b, 0xcdb02555653131b6, 0x993fe2c6d07b7fac, 0xe45c10c42a2b3b06, 0xaa242499697392d3,
    0xfd87b5f28300ca0e, 0xbce5086492111aeb, 0x8cbccc096f5088cc, 0xd1b71758e219652c, 0x9c40000000000000,
    0xe8d4a51000000000, 0xad78ebc5ac620000, 0x813f3978f8940984, 0xc097ce7bc90715b3, 0x8f7e32ce7bea5c70,
    0xd5d238a4abe98068, 0x9f4f2726179a2245, 0xed63a231d4c4fb27, 0xb0de65388cc8ada8, 0x83c7088e1aab65db,
    0xc45d1df942711d9a, 0x924d692ca61be758, 0xda01ee641a708dea, 0xa26da3999aef774a, 0xf209787bb47d6b85,
    0xb454e4a179dd1877, 0x865b86925b9bc5c2, 0xc83553c5c8965d3d, 0x952ab45cfa97a0b3, 0xde469fbd99a05fe3,
    0xa59bc234db398c25, 0xf6c69a72a3989f5c, 0xb7dcbf5354e9bece, 0x88fcf317f22241e2, 0xcc20ce9bd35c78a5,
    0x98165af37b2153df, 0xe2a0b5dc971f303a, 0xa8d9d1535ce3b396, 0xfb9b7cd9a4a7443c, 0xbb764c4ca7a44410,
    0x8bab8eefb6409c1a, 0xd01fef10a657842c, 0x9b10a4e5e9913129, 0xe7109bfba19c0c9d, 0xac2820d9623bf429,
    0x80444b5e7aa7cf85, 0xbf21e44003acdd2d, 0x8e679c2f5e44ff8f, 0xd433179d9c8cb841, 0x9e19db92b4e31ba9,
    0xeb96bf6ebadf77d9, 0xaf87023b9bf0ee6b,
];

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(value: f64) -> String {
        let mut out = Vec::new();
        write_f64(&mut out, value);
        String::from_utf8(out).expect("numbers print as ASCII")
    }

    fn printed_17g(value: f64) -> String {
        let mut out = Vec::new();
        write_f64_17g(&mut out, value);
        String::from_utf8(out).expect("numbers print as ASCII")
    }

    #[test]
    fn forms_are_those_of_redis() {
        let cases: &[(f64, &str)] = &[
            (3.0, "3"),
            (3.5, "3.5"),
            (-3.25, "-3.25"),
            (0.0, "0"),
            (-0.0, "-0"),
            (f64::INFINITY, "inf"),
            (f64::NEG_INFINITY, "-inf"),
            (f64::NAN, "nan"),
            (1e18, "1000000000000000000"),
            (4_611_686_018_427_387_904.0, "4611686018427387904"),
            (9_223_372_036_854_775_808.0, "9223372036854776000"),
            (1e19, "1e+19"),
            (1e21, "1e+21"),
            (1.5e22, "1.5e+22"),
            (0.1, "0.1"),
            (1e-5, "0.00001"),
            (1e-7, "1e-7"),
            (1.234e-5, "1.234e-5"),
            (123_456_789.123, "123456789.123"),
            (1.234_567_890_123_456_8e28, "1.2345678901234568e+28"),
            (5e-324, "5e-324"),
            (f64::MAX, "1.7976931348623157e+308"),
            (-1e-100, "-1e-100"),
            (-1.797_693_134_862_315_7e308, "-1.7976931348623157e+308"),
        ];
        for &(value, text) in cases {
            assert_eq!(printed(value), text);
        }
    }

    #[test]
    fn seventeen_digits_are_those_of_c() {
        let cases: &[(f64, &str)] = &[
            (3.0, "3"),
            (0.1, "0.10000000000000001"),
            (-2.5, "-2.5"),
            (1e16, "10000000000000000"),
            (1e17, "1e+17"),
            (1.5e300, "1.5000000000000001e+300"),
            (0.0001, "0.0001"),
            (0.00001, "1.0000000000000001e-05"),
            (123_456.789, "123456.789"),
            (f64::INFINITY, "inf"),
            (0.0, "0"),
            (-0.0, "-0"),
        ];
        for &(value, text) in cases {
            assert_eq!(printed_17g(value), text);
        }
    }

    #[test]
    fn digits_are_those_of_redis() {
        for line in include_str!("../../../tests/data/doubles.txt").lines().filter(|line| !line.starts_with('#')) {
            let (bits, text) = line.split_once('\t').expect("two columns");
            assert_eq!(printed(f64::from_bits(u64::from_str_radix(bits, 16).expect("hexadecimal"))), text);
        }
    }

    #[test]
    fn every_print_reads_back() {
        let mut random = crate::base::random::Random::new(11);
        for round in 0..200_000u64 {
            let value = match round % 3 {
                0 => f64::from_bits(random.next_u64()),
                1 => random.between(-1_000_000_000, 1_000_000_000) as f64 / 1000.0,
                _ => random.fraction() * 10f64.powi(random.between(-10, 20) as i32),
            };
            if value.is_finite() {
                assert_eq!(crate::base::number::parse_f64(printed(value).as_bytes()), Some(value));
                assert_eq!(printed_17g(value).parse(), Ok(value));
            }
        }
    }
}
