//! What SCAN, SSCAN, HSCAN and ZSCAN have in common: the cursor, MATCH and COUNT, and when a call has shown enough.

use crate::base::glob;
use crate::exec::call::fault;
use crate::exec::{Call, Stop};

const INVALID_CURSOR: Stop = Stop::error("ERR invalid cursor");
/// Elements that a call looks at if COUNT does not say.
const COUNT_DEFAULT: u64 = 10;
/// Steps of a scan for each element asked for: a bound for what is sparsely filled.
const STEPS_A_COUNT: u64 = 10;

/// MATCH and COUNT of a call.
pub struct ScanOptions<'a> {
    pub count: u64,
    pattern: Option<&'a [u8]>,
}

/// The cursor at word `index`: an unsigned number as C reads it, spaces and a plus in front allowed.
pub fn parse_cursor(call: &Call, index: usize) -> Result<u64, Stop> {
    let word = call.arg(index).trim_ascii_start();
    let digits = word.strip_prefix(b"+").unwrap_or(word);
    let is_number = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    let number = is_number.then(|| str::from_utf8(digits).ok()?.parse().ok()).flatten();
    number.ok_or(INVALID_CURSOR)
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
