//! The id of an entry: a time in milliseconds and a number within it.

use crate::base::number::{parse_i64, parse_u64, write_u64};

/// `ms-seq`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId {
    pub ms: u64,
    pub seq: u64,
}

impl StreamId {
    pub const MIN: StreamId = StreamId { ms: 0, seq: 0 };
    pub const MAX: StreamId = StreamId { ms: u64::MAX, seq: u64::MAX };

    /// The id behind this one; `None` behind the greatest.
    pub fn next(self) -> Option<StreamId> {
        match self.seq.checked_add(1) {
            Some(seq) => Some(StreamId { ms: self.ms, seq }),
            None => Some(StreamId { ms: self.ms.checked_add(1)?, seq: 0 }),
        }
    }

    /// The id before this one; `None` before the least.
    pub fn prev(self) -> Option<StreamId> {
        match self.seq.checked_sub(1) {
            Some(seq) => Some(StreamId { ms: self.ms, seq }),
            None => Some(StreamId { ms: self.ms.checked_sub(1)?, seq: u64::MAX }),
        }
    }

    /// Reads `ms-seq`, or `ms` alone with `seq` left open.
    #[inline]
    pub fn parse(text: &[u8]) -> Option<(u64, Option<u64>)> {
        match memchr::memchr(b'-', text) {
            Some(at) => Some((parse_half(&text[..at])?, Some(parse_half(&text[at + 1..])?))),
            None => Some((parse_half(text)?, None)),
        }
    }

    /// Appends `ms-seq`.
    pub fn write(self, out: &mut Vec<u8>) {
        write_u64(out, self.ms);
        out.push(b'-');
        write_u64(out, self.seq);
    }

    pub fn to_vec(self) -> Vec<u8> {
        let mut text = Vec::with_capacity(24);
        self.write(&mut text);
        text
    }

    /// The 16 bytes under which a dump keeps it: both numbers, most significant byte first.
    pub fn to_be_bytes(self) -> [u8; 16] {
        ((u128::from(self.ms) << 64) | u128::from(self.seq)).to_be_bytes()
    }

    pub fn from_be_bytes(bytes: [u8; 16]) -> StreamId {
        let both = u128::from_be_bytes(bytes);
        StreamId { ms: (both >> 64) as u64, seq: both as u64 }
    }
}

/// One number of an id: a plain one, or whatever else C's `strtoull` takes for a whole number, which is what Redis asks.
#[inline]
fn parse_half(text: &[u8]) -> Option<u64> {
    parse_u64(text).or_else(|| parse_like_c(text))
}

/// Blanks in front, a sign (of which minus wraps around), leading zeros. A plain number below zero is none.
#[cold]
fn parse_like_c(text: &[u8]) -> Option<u64> {
    if parse_i64(text).is_some() {
        return None;
    }
    let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t'..=b'\r');
    let text = &text[text.iter().take_while(|byte| is_blank(byte)).count()..];
    let (is_negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    let add = |number: u64, byte: &u8| {
        let digit = byte.is_ascii_digit().then_some(u64::from(byte.wrapping_sub(b'0')))?;
        number.checked_mul(10)?.checked_add(digit)
    };
    let number = (!digits.is_empty()).then(|| digits.iter().try_fold(0, add))??;
    Some(if is_negative { number.wrapping_neg() } else { number })
}

/// Room for an id as text: twice the digits of 64 bits, and a dash.
const TEXT_BYTES_MAX: usize = 20 + 1 + 20;

/// An id as text, without an allocation.
pub struct IdText {
    bytes: [u8; TEXT_BYTES_MAX],
}

impl IdText {
    pub const fn new() -> IdText {
        IdText { bytes: [0; TEXT_BYTES_MAX] }
    }

    /// The text of `id`, good until the next call.
    #[inline]
    pub fn of(&mut self, id: StreamId) -> &[u8] {
        let mut digits = itoa::Buffer::new();
        let ms = digits.format(id.ms).as_bytes();
        let dash = ms.len();
        self.bytes[..dash].copy_from_slice(ms);
        self.bytes[dash] = b'-';
        let seq = digits.format(id.seq).as_bytes();
        let end = dash + 1 + seq.len();
        self.bytes[dash + 1..end].copy_from_slice(seq);
        &self.bytes[..end]
    }
}

impl Default for IdText {
    fn default() -> IdText {
        IdText::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_what_c_takes_for_them() {
        let half = |text: &str| StreamId::parse(text.as_bytes());
        assert_eq!(half("5"), Some((5, None)));
        assert_eq!(half("5-7"), Some((5, Some(7))));
        assert_eq!(half("18446744073709551615-0"), Some((u64::MAX, Some(0))));
        assert_eq!(half(" 05-+7"), Some((5, Some(7))));
        assert_eq!(half("1--05"), Some((1, Some(5u64.wrapping_neg()))));
        for wrong in ["", "-", "-1", "1-", "1--5", "1-1-1", "18446744073709551616", "1 ", "0x1", "+"] {
            assert_eq!(half(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn text_without_an_allocation_is_the_same() {
        let mut text = IdText::new();
        for id in [StreamId::MIN, StreamId { ms: 1_700_000_000_000, seq: 12 }, StreamId::MAX] {
            assert_eq!(text.of(id), id.to_vec());
        }
    }
}
