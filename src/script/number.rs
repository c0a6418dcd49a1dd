//! Numbers as C prints and reads them: `%.14g` and `strtod`, which Lua and its libraries show and accept.

/// Appends `value` as C's `%.<precision>g` prints it.
pub fn write_g(out: &mut Vec<u8>, value: f64, precision: usize) {
    if !value.is_finite() {
        let text = match (value.is_nan(), value.is_sign_negative()) {
            (true, true) => "-nan",
            (true, false) => "nan",
            (false, true) => "-inf",
            (false, false) => "inf",
        };
        return out.extend_from_slice(text.as_bytes());
    }
    let precision = precision.max(1);
    let scientific = format!("{value:.*e}", precision - 1);
    let (digits, exponent) = scientific.split_once('e').expect("the form has an exponent");
    let exponent: i32 = exponent.parse().expect("the exponent is a number");
    if exponent < -4 || exponent >= precision as i32 {
        out.extend_from_slice(without_zeros(digits).as_bytes());
        let sign = if exponent < 0 { '-' } else { '+' };
        out.extend_from_slice(format!("e{sign}{:02}", exponent.abs()).as_bytes());
    } else {
        let places = (precision as i32 - 1 - exponent) as usize;
        out.extend_from_slice(without_zeros(&format!("{value:.places$}")).as_bytes());
    }
}

fn without_zeros(digits: &str) -> &str {
    if digits.contains('.') { digits.trim_end_matches('0').trim_end_matches('.') } else { digits }
}

/// Reads a number from the beginning of `bytes` as C's `strtod` does (without leading white space); gives its value and how
/// many bytes it took, 0 if there is none.
pub fn read_number(bytes: &[u8]) -> (f64, usize) {
    let at = |i: usize| bytes.get(i).copied().unwrap_or(0);
    let signed = usize::from(matches!(at(0), b'+' | b'-'));
    let sign = if at(0) == b'-' { -1.0 } else { 1.0 };
    let begins = |word: &[u8]| bytes.get(signed..signed + word.len()).is_some_and(|w| w.eq_ignore_ascii_case(word));
    if begins(b"infinity") {
        return (sign * f64::INFINITY, signed + 8);
    }
    if begins(b"inf") {
        return (sign * f64::INFINITY, signed + 3);
    }
    if begins(b"nan") {
        return (sign * f64::NAN, signed + 3);
    }
    if begins(b"0x")
        && (at(signed + 2).is_ascii_hexdigit() || at(signed + 2) == b'.' && at(signed + 3).is_ascii_hexdigit())
    {
        let (value, taken) = read_hexadecimal(&bytes[signed + 2..]);
        return (sign * value, signed + 2 + taken);
    }
    let count = |from: usize| bytes[from.min(bytes.len())..].iter().take_while(|b| b.is_ascii_digit()).count();
    let whole = count(signed);
    let mut end = signed + whole;
    let mut fraction = 0;
    if at(end) == b'.' {
        fraction = count(end + 1);
        if whole + fraction > 0 {
            end += 1 + fraction;
        }
    }
    if whole + fraction == 0 {
        return (0.0, 0);
    }
    if matches!(at(end), b'e' | b'E') {
        let signed = usize::from(matches!(at(end + 1), b'+' | b'-'));
        let digits = count(end + 1 + signed);
        if digits > 0 {
            end += 1 + signed + digits;
        }
    }
    let text = std::str::from_utf8(&bytes[..end]).expect("digits, signs and points");
    (text.parse().unwrap_or(0.0), end)
}

/// Hexadecimal digits with an optional fraction and binary exponent.
fn read_hexadecimal(bytes: &[u8]) -> (f64, usize) {
    let at = |i: usize| bytes.get(i).copied().unwrap_or(0);
    let (mut value, mut end, mut scale) = (0.0, 0, 0);
    let mut behind_point = false;
    loop {
        match at(end) {
            b'.' if !behind_point => behind_point = true,
            digit if digit.is_ascii_hexdigit() => {
                value = value * 16.0 + f64::from(char::from(digit).to_digit(16).expect("it is a digit"));
                scale -= if behind_point { 4 } else { 0 };
            }
            _ => break,
        }
        end += 1;
    }
    if matches!(at(end), b'p' | b'P') {
        let signed = usize::from(matches!(at(end + 1), b'+' | b'-'));
        let digits = bytes[end + 1 + signed..].iter().take_while(|b| b.is_ascii_digit()).count();
        if digits > 0 {
            let text = std::str::from_utf8(&bytes[end + 1..end + 1 + signed + digits]).expect("digits and a sign");
            scale += text.trim_start_matches('+').parse::<i32>().unwrap_or(0);
            end += 1 + signed + digits;
        }
    }
    (value * 2f64.powi(scale), end)
}

/// A number as C casts it to a 64-bit integer on the usual processors: out of range it is the least one.
pub fn to_integer(value: f64) -> i64 {
    const EDGE: f64 = 9_223_372_036_854_775_808.0;
    if (-EDGE..EDGE).contains(&value) { value as i64 } else { i64::MIN }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(value: f64, precision: usize, expected: &str) {
        let mut out = Vec::new();
        write_g(&mut out, value, precision);
        assert_eq!(String::from_utf8_lossy(&out), expected);
    }

    #[test]
    fn numbers_are_printed_as_c_prints_them() {
        check(0.0, 14, "0");
        check(-0.0, 14, "-0");
        check(100.0, 14, "100");
        check(0.1, 14, "0.1");
        check(1.0 / 3.0, 14, "0.33333333333333");
        check(1e14, 14, "1e+14");
        check(12345678901234.0, 14, "12345678901234");
        check(123456789012345.0, 14, "1.2345678901234e+14");
        check(0.0001, 14, "0.0001");
        check(0.00001, 14, "1e-05");
        check(1e-310, 14, "1e-310");
        check(3.7, 1, "4");
        check(f64::INFINITY, 14, "inf");
        check(f64::NEG_INFINITY, 14, "-inf");
    }

    #[test]
    fn numbers_are_read_as_strtod_reads_them() {
        assert_eq!(read_number(b"-5e3,"), (-5000.0, 4));
        assert_eq!(read_number(b"1e"), (1.0, 1));
        assert_eq!(read_number(b".5x"), (0.5, 2));
        assert_eq!(read_number(b"5."), (5.0, 2));
        assert_eq!(read_number(b"-"), (0.0, 0));
        assert_eq!(read_number(b"0x1Fp1]"), (62.0, 6));
        assert_eq!(read_number(b"Infinity"), (f64::INFINITY, 8));
        assert_eq!(read_number(b"-inf"), (f64::NEG_INFINITY, 4));
        assert!(read_number(b"nan").0.is_nan());
        assert_eq!(read_number(b"x"), (0.0, 0));
    }

    #[test]
    fn casts_out_of_range_are_the_least_integer() {
        assert_eq!(to_integer(3.9), 3);
        assert_eq!(to_integer(-3.9), -3);
        assert_eq!(to_integer(1e19), i64::MIN);
        assert_eq!(to_integer(f64::NAN), i64::MIN);
    }
}
