//! What SCAN, SSCAN, HSCAN and ZSCAN have in common: the cursor, MATCH and COUNT, and when a call has shown enough.

use crate::base::glob;
use crate::exec::call::fault;
use crate::exec::{Call, Stop};

const INVALID_CURSOR: Stop = Stop::error("ERR invalid cursor");
const NOVALUES_ELSEWHERE: Stop = Stop::error("ERR NOVALUES option can only be used in HSCAN");
/// Elements that a call looks at if COUNT does not say.
const COUNT_DEFAULT: u64 = 10;
/// Steps of a scan for each element asked for: a bound for what is sparsely filled.
const STEPS_A_COUNT: u64 = 10;

/// MATCH and COUNT of a call.
pub struct ScanOptions<'a> {
    pub count: u64,
    pattern: Option<&'a [u8]>,
}

/// The cursor at word `index`: as C reads an unsigned number, after spaces and with a sign, up to the first zero byte.
pub fn parse_cursor(call: &Call, index: usize) -> Result<u64, Stop> {
    read_cursor(call.arg(index)).ok_or(INVALID_CURSOR)
}

fn read_cursor(word: &[u8]) -> Option<u64> {
    let word = word.split(|&byte| byte == 0).next().unwrap_or_default();
    let blanks = word.iter().take_while(|byte| matches!(byte, b' ' | b'\t'..=b'\r')).count();
    let text = &word[blanks..];
    let (is_negative, digits) = match text.split_first()? {
        (b'-', digits) => (true, digits),
        (b'+', digits) => (false, digits),
        _ => (false, text),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let add = |number: u64, digit: &u8| number.checked_mul(10)?.checked_add(u64::from(digit - b'0'));
    let number = digits.iter().try_fold(0, add)?;
    // A plain negative number is refused; one that only C's reader takes for a number wraps.
    let is_plain = blanks == 0 && number <= i64::MIN.unsigned_abs() && digits[0] != b'0';
    if is_negative && is_plain { None } else { Some(if is_negative { number.wrapping_neg() } else { number }) }
}

impl<'a> ScanOptions<'a> {
    /// Parses the words from `index` on. `other` is asked about words that are neither MATCH nor COUNT; it gives back how
    /// many words it has taken, 0 if it does not know them.
    pub fn parse(
        call: &Call<'a>,
        index: usize,
        mut other: impl FnMut(&Call<'a>, usize) -> Result<usize, Stop>,
    ) -> Result<ScanOptions<'a>, Stop> {
        let mut options = ScanOptions { count: COUNT_DEFAULT, pattern: None };
        let mut at = index;
        while at < call.argc() {
            let has_value = at + 1 < call.argc();
            if call.is(at, "COUNT") && has_value {
                let count = call.integer(at + 1)?;
                options.count = u64::try_from(count).ok().filter(|&count| count > 0).ok_or(fault::SYNTAX)?;
                at += 2;
            } else if call.is(at, "MATCH") && has_value {
                // A lone star matches everything: nothing need be compared.
                options.pattern = Some(call.arg(at + 1)).filter(|&pattern| pattern != b"*");
                at += 2;
            } else {
                match other(call, at)? {
                    0 if call.is(at, "NOVALUES") => return Err(NOVALUES_ELSEWHERE),
                    0 => return Err(fault::SYNTAX),
                    words => at += words,
                }
            }
        }
        Ok(options)
    }

    #[inline]
    pub fn matches(&self, text: &[u8]) -> bool {
        self.pattern.is_none_or(|pattern| glob::matches(pattern, text))
    }

    /// Repeats `step` until it has come to the end, or the call has looked at enough. A step takes the cursor, gives back the next,
    /// and how many elements it looked at, those included that it did not take. Gives back the cursor to go on from.
    pub fn run(&self, mut cursor: u64, mut step: impl FnMut(u64) -> (u64, u64)) -> u64 {
        let mut seen = 0u64;
        for _ in 0..=self.count.saturating_mul(STEPS_A_COUNT) {
            let (next, more) = step(cursor);
            cursor = next;
            seen += more;
            if cursor == 0 || seen >= self.count {
                break;
            }
        }
        cursor
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_are_read_as_c_reads_them() {
        for (word, cursor) in [
            ("0", Some(0)),
            ("18446744073709551615", Some(u64::MAX)),
            ("18446744073709551616", None),
            ("-1", None),
            (" -1", Some(u64::MAX)),
            ("-0", Some(0)),
            ("-9223372036854775808", None),
            ("-9223372036854775809", Some(9_223_372_036_854_775_807)),
            ("+5", Some(5)),
            ("5 ", None),
            ("5\0x", Some(5)),
            ("", None),
            ("-", None),
            (" ", None),
            ("0x1", None),
        ] {
            assert_eq!(read_cursor(word.as_bytes()), cursor, "{word:?}");
        }
    }

    #[test]
    fn a_run_ends_with_enough_elements_or_steps() {
        let options = |count| ScanOptions { count, pattern: None };
        assert_eq!(options(10).run(1, |cursor| (cursor + 1, 4)), 4);
        assert_eq!(options(10).run(1, |cursor| (cursor + 1, 0)), 102);
        assert_eq!(options(u64::MAX).run(90, |cursor| ((cursor + 1) % 100, 4)), 0);
    }
}
