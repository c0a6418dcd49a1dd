//! Bytes in: a window over a source, from which lengths, strings, integers and scores are read.
//!
//! ```text
//! source ──▶ [ consumed │ unread ..... │ free ]      offset = window_offset + start
//!              ▲ summed  ▲ start        ▲ end        the checksum covers what lies before `summed`
//! ```
//!
//! Invariants: `summed <= start <= end <= window.len()`; a string that fits the window is lent from it, a longer one is
//! gathered aside. No length is believed: memory grows only with bytes that have arrived, or that the source says it has.

use super::format::*;
use crate::base::{crc::Crc64, lzf};
use crate::structures::list_pack::Item;
use std::borrow::Cow;
use std::fmt;
use std::io;
use std::ops::Range;

/// Bytes asked of a file at once; a string up to this length is lent without a copy.
pub const WINDOW_BYTES: usize = 256 * 1024;

/// When a source cannot say what is left, a long string grows by at most this before more of it has arrived.
const TRUST_BYTES_MAX: usize = 1024 * 1024;

/// The buffer for long and compressed strings is given back when it has grown beyond this.
const ASIDE_BYTES_KEPT_MAX: usize = 1024 * 1024;

/// Where the bytes come from: a file, a link to a master, a payload.
pub trait Source {
    /// Puts at least one byte into `into` and says how many; 0 is the end.
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize>;
    /// Bytes that are still to come, when that is known: no string can be longer.
    fn bytes_left(&self) -> Option<u64>;

    /// True of a source that may fail for now (`WouldBlock`) and is then read anew from the last mark on.
    #[inline]
    fn rewinds(&self) -> bool {
        false
    }

    /// A mark: of what was read, only the last `unread` bytes are asked for again after a rewind.
    fn mark(&mut self, _unread: usize) {}

    /// Back to the mark.
    fn rewind(&mut self) {}
}

impl Source for &[u8] {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        io::Read::read(self, into)
    }
    fn bytes_left(&self) -> Option<u64> {
        Some(self.len() as u64)
    }
}

impl Source for Box<dyn Source> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        (**self).read(into)
    }
    fn bytes_left(&self) -> Option<u64> {
        (**self).bytes_left()
    }
}

/// A source over anything that reads, of known length if `left` says so.
pub struct ReadSource<R> {
    pub inner: R,
    pub left: Option<u64>,
}

impl<R: io::Read> Source for ReadSource<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.inner.read(into) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Ok(count) => {
                    self.left = self.left.map(|left| left.saturating_sub(count as u64));
                    return Ok(count);
                }
                error => return error,
            }
        }
    }
    fn bytes_left(&self) -> Option<u64> {
        self.left
    }
}

/// Why a dump cannot be read on. `offset` counts from the first byte of the file or payload.
#[derive(Debug)]
pub enum Fault {
    /// The source failed.
    Source { offset: u64, error: io::Error },
    /// The source ended in the middle.
    Short { offset: u64 },
    /// The bytes make no sense.
    Corrupt { offset: u64, what: Cow<'static, str> },
    /// The bytes may well make sense, but what they describe is not served by this server: a sentence that says so.
    NotServed { offset: u64, what: Cow<'static, str> },
}

impl Fault {
    /// More is to come.
    pub fn is_for_now(&self) -> bool {
        matches!(self, Fault::Source { error, .. } if error.kind() == io::ErrorKind::WouldBlock)
    }

    /// The position at which reading stopped.
    pub fn offset(&self) -> u64 {
        match *self {
            Fault::Source { offset, .. }
            | Fault::Short { offset }
            | Fault::Corrupt { offset, .. }
            | Fault::NotServed { offset, .. } => offset,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Source { error, .. } => write!(out, "{error}"),
            Fault::Short { .. } => out.write_str("Unexpected EOF reading RDB file"),
            Fault::Corrupt { what, .. } | Fault::NotServed { what, .. } => out.write_str(what),
        }
    }
}

/// What a length field turned out to be.
enum Length {
    Count(u64),
    Packed(u8),
}

/// Where the string that was just read stands.
enum Place {
    Window(Range<usize>),
    Aside,
    Integer(i64),
}

/// The reader. What it lends is good until the next call.
pub struct Reader<S> {
    source: S,
    window: Box<[u8]>,
    start: usize,
    end: usize,
    summed: usize,
    window_offset: u64,
    /// Checksum of everything before `summed`, if one is kept.
    sum: Option<Crc64>,
    /// Strings that are longer than the window or had to be unpacked.
    aside: Vec<u8>,
    /// Offset and checksum where reading may begin anew.
    marked: (u64, Option<Crc64>),
}

impl<'a> Reader<&'a [u8]> {
    /// A reader over bytes in memory, without a checksum of its own: a payload is verified before it is read.
    pub fn over_bytes(bytes: &'a [u8]) -> Reader<&'a [u8]> {
        let mut reader = Reader::with_window(bytes, bytes.len().clamp(16, WINDOW_BYTES));
        reader.sum = None;
        reader
    }
}

impl<S: Source> Reader<S> {
    /// A reader with a window fit for files and links.
    pub fn new(source: S) -> Reader<S> {
        Reader::with_window(source, WINDOW_BYTES)
    }

    /// A reader that asks for `window_bytes` at once; at least 16, so that every number fits.
    pub fn with_window(source: S, window_bytes: usize) -> Reader<S> {
        assert!(window_bytes >= 16, "a length of nine bytes must fit the window");
        Reader {
            source,
            window: vec![0; window_bytes].into_boxed_slice(),
            start: 0,
            end: 0,
            summed: 0,
            window_offset: 0,
            sum: Some(Crc64::new()),
            aside: Vec::new(),
            marked: (0, Some(Crc64::new())),
        }
    }

    /// Leaves the checksum out, for when nobody will compare it.
    pub fn without_checksum(mut self) -> Reader<S> {
        (self.sum, self.marked.1) = (None, None);
        self
    }

    pub fn source(&self) -> &S {
        &self.source
    }

    pub fn source_mut(&mut self) -> &mut S {
        &mut self.source
    }

    /// What was read so far is dealt with: should the source fail for now, reading begins anew here.
    #[inline]
    pub fn mark(&mut self) {
        if self.source.rewinds() {
            self.sum_consumed();
            self.source.mark(self.end - self.start);
            self.marked = (self.offset(), self.sum.clone());
        }
    }

    /// After a fault: back to the mark, if the source failed only for now.
    pub fn rewind(&mut self, fault: &Fault) -> bool {
        if !fault.is_for_now() || !self.source.rewinds() {
            return false;
        }
        self.source.rewind();
        (self.start, self.end, self.summed) = (0, 0, 0);
        (self.window_offset, self.sum) = self.marked.clone();
        true
    }

    /// Whether a checksum is kept.
    pub fn is_summing(&self) -> bool {
        self.sum.is_some()
    }

    /// Bytes still to come, when the source knows: then no promise of a dump is taken for more than that.
    pub fn bytes_left(&self) -> Option<u64> {
        self.source.bytes_left().map(|left| left + (self.end - self.start) as u64)
    }

    /// Bytes consumed so far.
    pub fn offset(&self) -> u64 {
        self.window_offset + self.start as u64
    }

    /// The source, and the bytes that were read from it but not consumed.
    pub fn into_rest(self) -> (S, Vec<u8>) {
        (self.source, self.window[self.start..self.end].to_vec())
    }

    /// The checksum of all bytes consumed so far; 0 if none is kept.
    pub fn checksum(&mut self) -> u64 {
        self.sum_consumed();
        self.sum.as_ref().map_or(0, Crc64::value)
    }

    /// A fault at the present position.
    pub fn corrupt(&self, what: impl Into<Cow<'static, str>>) -> Fault {
        Fault::Corrupt { offset: self.offset(), what: what.into() }
    }

    /// A fault at the present position: understood, but not served.
    pub fn not_served(&self, what: impl Into<Cow<'static, str>>) -> Fault {
        Fault::NotServed { offset: self.offset(), what: what.into() }
    }

    /// One byte.
    #[inline]
    pub fn read_byte(&mut self) -> Result<u8, Fault> {
        if self.start == self.end {
            self.fill(1)?;
        }
        let byte = self.window[self.start];
        self.start += 1;
        Ok(byte)
    }

    /// A fixed number of bytes, at most 16.
    pub fn read_array<const N: usize>(&mut self) -> Result<[u8; N], Fault> {
        const { assert!(N <= 16, "the smallest window") };
        self.fill(N)?;
        let mut bytes = [0; N];
        bytes.copy_from_slice(&self.window[self.start..self.start + N]);
        self.start += N;
        Ok(bytes)
    }

    /// A length that must be one.
    #[inline]
    pub fn read_length(&mut self) -> Result<u64, Fault> {
        match self.read_length_code()? {
            Length::Count(count) => Ok(count),
            Length::Packed(_) => Err(self.corrupt("a length is expected where a packed string stands")),
        }
    }

    /// The number of elements that follow, each of at least `bytes_each` bytes.
    /// A source of known size cannot promise more than it holds.
    pub fn read_count(&mut self, bytes_each: u64) -> Result<u64, Fault> {
        let count = self.read_length()?;
        self.check_left(count.saturating_mul(bytes_each))?;
        Ok(count)
    }

    /// A string, unpacked; integers as their decimal text.
    #[inline]
    pub fn read_string(&mut self) -> Result<&[u8], Fault> {
        let place = self.locate_string()?;
        if let Place::Integer(number) = place {
            self.aside.clear();
            self.aside.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
        }
        Ok(self.bytes_at(place))
    }

    /// A string as it was stored: integers stay integers.
    #[inline]
    pub fn read_item(&mut self) -> Result<Item<'_>, Fault> {
        Ok(match self.locate_string()? {
            Place::Integer(number) => Item::Int(number),
            place => Item::Bytes(self.bytes_at(place)),
        })
    }

    /// A string to keep: one that was gathered past the window is handed over without a further copy.
    pub fn read_string_owned(&mut self) -> Result<Vec<u8>, Fault> {
        Ok(match self.locate_string()? {
            Place::Integer(number) => itoa::Buffer::new().format(number).as_bytes().to_vec(),
            Place::Window(range) => self.window[range].to_vec(),
            Place::Aside if self.aside.len() > self.window.len() => std::mem::take(&mut self.aside),
            Place::Aside => self.aside.clone(),
        })
    }

    /// Reads over a string.
    pub fn skip_string(&mut self) -> Result<(), Fault> {
        match self.read_length_code()? {
            Length::Count(count) => self.skip_bytes(count),
            Length::Packed(COMPRESSED) => {
                let packed = self.read_length()?;
                self.read_length()?;
                self.skip_bytes(packed)
            }
            Length::Packed(code) => self.read_packed_integer(code).map(|_| ()),
        }
    }

    /// A score of eight bytes.
    pub fn read_score(&mut self) -> Result<f64, Fault> {
        Ok(f64::from_le_bytes(self.read_array()?))
    }

    /// A score in text form, as version 1 of sorted sets has it.
    pub fn read_score_text(&mut self) -> Result<f64, Fault> {
        let length = self.read_byte()?;
        match length {
            SCORE_NAN => Ok(f64::NAN),
            SCORE_PLUS_INFINITY => Ok(f64::INFINITY),
            SCORE_MINUS_INFINITY => Ok(f64::NEG_INFINITY),
            _ => {
                let parsed = std::str::from_utf8(self.read_bytes(length.into())?).ok().and_then(|t| t.parse().ok());
                parsed.ok_or_else(|| self.corrupt("a score is not a number"))
            }
        }
    }

    /// `count` bytes as they stand.
    pub fn read_bytes(&mut self, count: u64) -> Result<&[u8], Fault> {
        let place = self.locate_bytes(count)?;
        Ok(self.bytes_at(place))
    }

    /// Gives back memory that one huge string took; called between records.
    pub fn release_excess(&mut self) {
        if self.aside.capacity() > ASIDE_BYTES_KEPT_MAX {
            self.aside = Vec::new();
        }
    }

    #[inline]
    fn read_length_code(&mut self) -> Result<Length, Fault> {
        let first = self.read_byte()?;
        Ok(match first >> 6 {
            0 => Length::Count(u64::from(first)),
            1 => Length::Count(u64::from(first & 0x3f) << 8 | u64::from(self.read_byte()?)),
            3 => Length::Packed(first),
            _ => match first {
                LENGTH_32_BITS => Length::Count(u32::from_be_bytes(self.read_array()?).into()),
                LENGTH_64_BITS => Length::Count(u64::from_be_bytes(self.read_array()?)),
                _ => return Err(self.corrupt(format!("Unknown length encoding {first} in rdbLoadLen()"))),
            },
        })
    }

    fn read_packed_integer(&mut self, code: u8) -> Result<i64, Fault> {
        Ok(match code {
            INTEGER_8_BITS => i8::from_le_bytes(self.read_array()?).into(),
            INTEGER_16_BITS => i16::from_le_bytes(self.read_array()?).into(),
            INTEGER_32_BITS => i32::from_le_bytes(self.read_array()?).into(),
            _ => return Err(self.corrupt(format!("Unknown RDB string encoding type {}", code & 0x3f))),
        })
    }

    #[inline]
    fn locate_string(&mut self) -> Result<Place, Fault> {
        match self.read_length_code()? {
            Length::Count(count) => self.locate_bytes(count),
            Length::Packed(COMPRESSED) => self.locate_compressed(),
            Length::Packed(code) => Ok(Place::Integer(self.read_packed_integer(code)?)),
        }
    }

    #[inline]
    fn locate_bytes(&mut self, count: u64) -> Result<Place, Fault> {
        if count <= self.window.len() as u64 {
            let count = count as usize;
            self.fill(count)?;
            let from = self.start;
            self.start += count;
            return Ok(Place::Window(from..from + count));
        }
        self.gather(count)?;
        Ok(Place::Aside)
    }

    fn locate_compressed(&mut self) -> Result<Place, Fault> {
        let packed_bytes = self.read_length()?;
        let bytes = self.read_length()?;
        self.check_left(packed_bytes)?;
        if bytes == 0 || bytes > packed_bytes.saturating_mul(LZF_GROWTH_MAX) {
            return Err(self.corrupt("Invalid LZF compressed string"));
        }
        let place = self.locate_bytes(packed_bytes)?;
        let unpacked = lzf::decompress(self.bytes_at(place), bytes as usize);
        self.aside = unpacked.ok_or_else(|| self.corrupt("Invalid LZF compressed string"))?;
        Ok(Place::Aside)
    }

    /// The bytes at a place; an integer's text must have been written aside before.
    #[inline]
    fn bytes_at(&self, place: Place) -> &[u8] {
        match place {
            Place::Window(range) => &self.window[range],
            Place::Aside | Place::Integer(_) => &self.aside,
        }
    }

    /// Refuses a size that the source cannot hold.
    fn check_left(&self, bytes: u64) -> Result<(), Fault> {
        let waiting = (self.end - self.start) as u64;
        match self.source.bytes_left() {
            Some(left) if bytes > left.saturating_add(waiting) => {
                Err(Fault::Short { offset: self.offset().saturating_add(waiting).saturating_add(left) })
            }
            _ => Ok(()),
        }
    }

    /// Makes at least `count` unread bytes stand in the window.
    #[inline]
    fn fill(&mut self, count: usize) -> Result<(), Fault> {
        if self.end - self.start >= count { Ok(()) } else { self.fill_from_source(count) }
    }

    #[cold]
    fn fill_from_source(&mut self, count: usize) -> Result<(), Fault> {
        self.sum_consumed();
        self.window.copy_within(self.start..self.end, 0);
        self.window_offset += self.start as u64;
        self.end -= self.start;
        (self.start, self.summed) = (0, 0);
        while self.end < count {
            match self.source.read(&mut self.window[self.end..]) {
                Ok(0) => return Err(Fault::Short { offset: self.window_offset + self.end as u64 }),
                Ok(read) => self.end += read,
                Err(error) => return Err(Fault::Source { offset: self.window_offset + self.end as u64, error }),
            }
        }
        Ok(())
    }

    /// Collects a long string in `aside`, past the window.
    fn gather(&mut self, count: u64) -> Result<(), Fault> {
        self.check_left(count)?;
        self.aside.clear();
        let known = self.source.bytes_left().is_some();
        let Ok(count) = usize::try_from(count) else { return Err(self.corrupt("a string longer than memory")) };
        if known {
            self.aside.reserve_exact(count);
        }
        // 1. What the window already holds.
        let waiting = (self.end - self.start).min(count);
        self.aside.extend_from_slice(&self.window[self.start..self.start + waiting]);
        self.start += waiting;
        self.sum_consumed();
        // 2. The rest, straight from the source.
        while self.aside.len() < count {
            let from = self.aside.len();
            let step = if known { count - from } else { (count - from).min(from.max(TRUST_BYTES_MAX)) };
            self.aside.resize(from + step, 0);
            let read = match self.source.read(&mut self.aside[from..]) {
                Ok(0) => return Err(Fault::Short { offset: self.offset() }),
                Ok(read) => read,
                Err(error) => return Err(Fault::Source { offset: self.offset(), error }),
            };
            self.aside.truncate(from + read);
            if let Some(sum) = &mut self.sum {
                sum.update(&self.aside[from..]);
            }
            self.window_offset += read as u64;
        }
        Ok(())
    }

    /// Reads over `count` bytes.
    pub fn skip_bytes(&mut self, count: u64) -> Result<(), Fault> {
        self.check_left(count)?;
        let mut left = count;
        while left > 0 {
            self.fill(1)?;
            let step = left.min((self.end - self.start) as u64);
            self.start += step as usize;
            left -= step;
        }
        Ok(())
    }

    fn sum_consumed(&mut self) {
        if let Some(sum) = &mut self.sum {
            sum.update(&self.window[self.summed..self.start]);
        }
        self.summed = self.start;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives a few bytes at a time and does not know its size.
    struct Trickle<'a>(&'a [u8], usize);
    impl Source for Trickle<'_> {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            let count = self.1.min(into.len());
            self.0.read(&mut into[..count])
        }
        fn bytes_left(&self) -> Option<u64> {
            None
        }
    }

    #[test]
    fn strings_are_the_same_however_they_arrive() {
        let mut bytes = Vec::new();
        let strings: Vec<Vec<u8>> = (0..60_usize).map(|i| (0..i * i).map(|j| (i + j) as u8).collect()).collect();
        for string in &strings {
            bytes.extend_from_slice(&(string.len() as u16 | 0x4000).to_be_bytes());
            bytes.extend_from_slice(string);
        }
        let expected = crate::base::crc::crc64(&bytes);
        for step in [1, 3, 17, 1000] {
            for window in [16, 100, 5000] {
                let mut reader = Reader::with_window(Trickle(&bytes, step), window);
                for string in &strings {
                    assert_eq!(reader.read_string().expect("complete"), string);
                }
                assert_eq!(reader.offset(), bytes.len() as u64);
                assert_eq!(reader.checksum(), expected);
                assert!(matches!(reader.read_byte(), Err(Fault::Short { offset }) if offset == bytes.len() as u64));
            }
        }
    }

    #[test]
    fn a_promise_of_bytes_that_do_not_come_costs_no_memory() {
        // 2^62 bytes promised, ten there.
        let lie = b"\x81\x40\0\0\0\0\0\0\x000123456789";
        assert!(matches!(Reader::over_bytes(&lie[..]).read_string(), Err(Fault::Short { offset: 19 })));
        let mut blind = Reader::with_window(Trickle(lie, 4), 16);
        assert!(matches!(blind.read_string(), Err(Fault::Short { offset: 19 })));
        assert!(blind.aside.capacity() <= 4 * TRUST_BYTES_MAX);
        let compressed = b"\xc3\x05\x81\x40\0\0\0\0\0\0\x0001234";
        assert!(matches!(Reader::over_bytes(&compressed[..]).read_string(), Err(Fault::Corrupt { .. })));
        assert!(matches!(Reader::over_bytes(b"\x80\xff\xff\xff\xff").read_count(1), Err(Fault::Short { .. })));
    }

    #[test]
    fn what_was_read_ahead_is_handed_back() {
        let mut reader = Reader::new(&b"\x01aREST"[..]);
        assert_eq!(reader.read_string().expect("complete"), b"a");
        let (source, rest) = reader.into_rest();
        assert_eq!((source, rest.as_slice()), (&b""[..], &b"REST"[..]));
    }

    #[test]
    fn scores_in_text_form() {
        let mut reader = Reader::over_bytes(b"\x041.25\xfd\xfe\xff\x03-inx");
        assert_eq!(reader.read_score_text().expect("a number"), 1.25);
        assert!(reader.read_score_text().expect("not a number").is_nan());
        assert_eq!(reader.read_score_text().expect("infinite"), f64::INFINITY);
        assert_eq!(reader.read_score_text().expect("infinite"), f64::NEG_INFINITY);
        assert!(matches!(reader.read_score_text(), Err(Fault::Corrupt { .. })));
    }

    #[test]
    fn foreign_lengths_and_codes_are_named() {
        for (bytes, text) in [
            (&b"\x82"[..], "Unknown length encoding 130 in rdbLoadLen()"),
            (b"\xc4", "Unknown RDB string encoding type 4"),
            (b"\xc3\x04\x20\x00a\xe0\x10", "Invalid LZF compressed string"),
        ] {
            let fault = Reader::over_bytes(bytes).read_string().map(<[u8]>::to_vec).expect_err("corrupt");
            assert_eq!(fault.to_string(), text);
        }
    }
}
