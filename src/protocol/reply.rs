//! Replies: the one writer of RESP2 and RESP3.
//!
//! A handler says what it means (a map, a double, nothing) and the writer knows the form for the protocol the client
//! chose. What differs:
//!
//! ```text
//!            RESP2            RESP3                         RESP2            RESP3
//! null       $-1  or  *-1     _               map           *2n              %n
//! double     $ its text       ,its text       set           *n               ~n
//! boolean    :1 :0            #t #f           push          *n               >n
//! verbatim   $ its text       =txt:its text   attribute     (left out)       |n
//! ```
//!
//! Everything is appended to an `Output`; large strings may be referred to instead of copied.

use super::output::{Mark, Output, SHARED_MIN};
use crate::base::number::{write_f64, write_i64, write_u64};
use crate::base::shared_bytes::SharedBytes;

/// A writer of replies for one client.
pub struct Reply<'o> {
    out: &'o mut Output,
    resp3: bool,
}

/// The place of an array or map whose length is not known yet.
#[must_use = "an array that is not finished breaks the protocol"]
#[derive(Debug)]
pub struct Deferred(Mark);

/// Numbers below this have their header made at compile time.
const HEADERS: usize = 1024;

/// `?N\r\n` for each small number as one word, little endian: the first byte is for the mark, the last one is the length.
static HEADER: [u64; HEADERS] = {
    let mut table = [0; HEADERS];
    let mut number = 0;
    while number < HEADERS {
        let length = header_length(number);
        let mut text = [0; 8];
        let mut place = length - 3;
        let mut rest = number;
        while place > 0 {
            text[place] = b'0' + (rest % 10) as u8;
            rest /= 10;
            place -= 1;
        }
        text[length - 2] = b'\r';
        text[length - 1] = b'\n';
        assert!(length < 8, "the last byte is free for the length");
        text[7] = length as u8;
        table[number] = u64::from_le_bytes(text);
        number += 1;
    }
    table
};

/// Bytes of a small number's header, its first byte and its line end too.
const fn header_length(number: usize) -> usize {
    match number {
        0..10 => 4,
        10..100 => 5,
        100..1000 => 6,
        _ => 7,
    }
}

/// The header of a small number in the first bytes of a word, and its length.
#[inline(always)]
fn small_header(mark: u8, number: usize) -> Option<([u8; 8], usize)> {
    let word = *HEADER.get(number)?;
    Some(((word | u64::from(mark)).to_le_bytes(), (word >> 56) as usize))
}

/// Appends `mark`, the number and a line end.
#[inline]
fn write_header(bytes: &mut Vec<u8>, mark: u8, number: usize) {
    if let Some((header, length)) = small_header(mark, number) {
        // A whole word is copied and the excess cut off: quicker than copying four to seven bytes.
        bytes.extend_from_slice(&header);
        bytes.truncate(bytes.len() - 8 + length);
    } else {
        bytes.push(mark);
        write_u64(bytes, number as u64);
        bytes.extend_from_slice(b"\r\n");
    }
}

/// A run of strings: room for several is made at once, and what is left of it is given back at the end.
pub struct Strings<'r> {
    bytes: &'r mut Vec<u8>,
    /// Where the next string begins; what is behind it is room.
    at: usize,
}

/// Room that a run makes beyond the string at hand, in bytes.
const STRINGS_ROOM: usize = 1024;
/// A string up to this many bytes is written without a call.
const SHORT_MAX: usize = 16;
/// A string up to this many bytes fits into eight, with a byte to spare that ends a shift, and has a header of four bytes.
const NARROW_MAX: usize = 7;
/// What a short string takes at most: its header, copied as a word, and a line end; rounded up.
const SHORT_PLACE: usize = 32;

impl Strings<'_> {
    #[inline(always)]
    pub fn push(&mut self, string: &[u8]) {
        match self.bytes[self.at..].first_chunk_mut() {
            Some(place) if string.len() <= SHORT_MAX => self.at += write_short(place, string),
            _ => self.push_long(string),
        }
    }

    /// An integer as a string.
    #[inline]
    pub fn push_integer(&mut self, value: i64) {
        self.push(crate::base::number::IntegerText::new().of(value));
    }

    /// Strings of `len` bytes each: in every `stride` bytes of `region` one, `first` bytes from their start.
    #[inline]
    pub fn push_equal(&mut self, region: &[u8], stride: usize, first: usize, len: usize) {
        debug_assert!(first + len <= stride, "each string stands in its stride");
        if len > SHORT_MAX {
            region.chunks_exact(stride).for_each(|chunk| self.push(&chunk[first..first + len]));
            return;
        }
        let word = HEADER[len] | u64::from(b'$');
        let head = (word >> 56) as usize & 7;
        let needed = self.at + region.len() / stride * (head + len + 2) + SHORT_PLACE;
        if self.bytes.len() < needed {
            self.bytes.resize(needed, 0);
        }
        if len <= NARROW_MAX {
            return self.push_narrow(region, stride, first, len);
        }
        let mut rest = &mut self.bytes[self.at..];
        for chunk in region.chunks_exact(stride) {
            let place: &mut [u8; SHORT_PLACE] = rest.first_chunk_mut().expect("room was made");
            let string = &chunk[first..first + len];
            place[..8].copy_from_slice(&word.to_le_bytes());
            // Two words that overlap; what the header's copied beyond itself is written over.
            let body = &mut place[head..];
            body[..8].copy_from_slice(&string[..8]);
            body[len - 8..len].copy_from_slice(&string[len - 8..]);
            body[len..len + 2].copy_from_slice(b"\r\n");
            rest = &mut rest[head + len + 2..];
        }
        let room = rest.len();
        self.at = self.bytes.len() - room;
    }

    /// `push_equal` for strings so short that each fits into one word of 16 bytes with its header and line end. The room is made.
    fn push_narrow(&mut self, region: &[u8], stride: usize, first: usize, len: usize) {
        // header of four bytes | string | line end
        let around =
            (HEADER[len] as u32 | u32::from(b'$')) as u128 | u128::from(u16::from_le_bytes(*b"\r\n")) << (32 + 8 * len);
        let string_bits = (1u64 << (8 * len)) - 1;
        let mut rest = &mut self.bytes[self.at..];
        let mut push = |string: u64| {
            let place: &mut [u8; 16] = rest.first_chunk_mut().expect("room was made");
            *place = (around | u128::from(string & string_bits) << 32).to_le_bytes();
            rest = &mut std::mem::take(&mut rest)[4 + len + 2..];
        };
        let mut from = first;
        // A whole word is read where there is one; what stands behind the string is cut off.
        while let Some(word) = region.get(from..from + 8) {
            push(u64::from_le_bytes(word.try_into().expect("eight bytes")));
            from += stride;
        }
        while from < region.len() {
            let mut word = [0; 8];
            word[..len].copy_from_slice(&region[from..from + len]);
            push(u64::from_le_bytes(word));
            from += stride;
        }
        let room = rest.len();
        self.at = self.bytes.len() - room;
    }

    /// Writes a string that is long, or for which there is no room yet, and makes room behind it.
    #[inline(never)]
    fn push_long(&mut self, string: &[u8]) {
        if self.bytes.len() < self.at + string.len() + SHORT_PLACE {
            self.bytes.resize(self.at + string.len() + STRINGS_ROOM, 0);
        }
        let Some((header, length)) = small_header(b'$', string.len()) else { return self.push_huge(string) };
        let place = &mut self.bytes[self.at..];
        place[..8].copy_from_slice(&header);
        place[length..length + string.len()].copy_from_slice(string);
        place[length + string.len()..length + string.len() + 2].copy_from_slice(b"\r\n");
        self.at += length + string.len() + 2;
    }

    #[cold]
    fn push_huge(&mut self, string: &[u8]) {
        self.bytes.truncate(self.at);
        write_header(self.bytes, b'$', string.len());
        self.bytes.extend_from_slice(string);
        self.bytes.extend_from_slice(b"\r\n");
        self.at = self.bytes.len();
    }
}

impl Drop for Strings<'_> {
    fn drop(&mut self) {
        self.bytes.truncate(self.at);
    }
}

/// Writes a string of up to `SHORT_MAX` bytes with header and line end; how many bytes that took. Two copies that may overlap
/// take the place of a call; what they write beyond the string is written over.
#[inline(always)]
fn write_short(place: &mut [u8; SHORT_PLACE], string: &[u8]) -> usize {
    let length = string.len().min(SHORT_MAX);
    let word = HEADER[length] | u64::from(b'$');
    let head = (word >> 56) as usize & 7;
    place[..8].copy_from_slice(&word.to_le_bytes());
    let body = &mut place[head..head + length];
    match length {
        0 => {}
        1..4 => {
            body[0] = string[0];
            body[length / 2] = string[length / 2];
            body[length - 1] = string[length - 1];
        }
        4..8 => {
            body[..4].copy_from_slice(&string[..4]);
            body[length - 4..].copy_from_slice(&string[length - 4..length]);
        }
        _ => {
            body[..8].copy_from_slice(&string[..8]);
            body[length - 8..].copy_from_slice(&string[length - 8..length]);
        }
    }
    place[head + length..head + length + 2].copy_from_slice(b"\r\n");
    head + length + 2
}

impl<'o> Reply<'o> {
    /// A writer that appends to `out` in the protocol the client speaks.
    #[inline]
    pub fn new(out: &'o mut Output, resp3: bool) -> Reply<'o> {
        Reply { out, resp3 }
    }

    /// Whether the client speaks RESP3.
    #[inline]
    pub fn is_resp3(&self) -> bool {
        self.resp3
    }

    /// Changes the protocol, for HELLO.
    pub fn set_resp3(&mut self, resp3: bool) {
        self.resp3 = resp3;
    }

    /// What is written to, for who needs a mark or the count of errors.
    #[inline]
    pub fn output(&mut self) -> &mut Output {
        self.out
    }

    /// `+OK`.
    #[inline]
    pub fn ok(&mut self) {
        self.out.bytes.extend_from_slice(b"+OK\r\n");
    }

    /// A status: a word or a short text without line ends.
    pub fn simple(&mut self, text: &str) {
        self.write_line(b'+', text.as_bytes());
    }

    /// An error: its code, a space, its text (`ERR syntax error`). Line ends around it go, those inside become spaces.
    #[cold]
    pub fn error(&mut self, text: impl AsRef<[u8]>) {
        self.out.bytes.push(b'-');
        self.out.note_error();
        let is_line_end = |byte: &u8| matches!(byte, b'\r' | b'\n');
        let text = text.as_ref();
        let start = text.iter().take_while(|byte| is_line_end(byte)).count();
        let end = text.len() - text[start..].iter().rev().take_while(|byte| is_line_end(byte)).count();
        let line = text[start..end].iter().map(|byte| if is_line_end(byte) { b' ' } else { *byte });
        self.out.bytes.extend(line);
        self.out.bytes.extend_from_slice(b"\r\n");
    }

    /// An integer.
    #[inline]
    pub fn integer(&mut self, value: i64) {
        if (0..HEADERS as i64).contains(&value) {
            write_header(&mut self.out.bytes, b':', value as usize);
        } else {
            self.out.bytes.push(b':');
            write_i64(&mut self.out.bytes, value);
            self.out.bytes.extend_from_slice(b"\r\n");
        }
    }

    /// A string, copied.
    #[inline]
    pub fn bulk(&mut self, string: &[u8]) {
        let bytes = &mut self.out.bytes;
        bytes.reserve(string.len() + 32);
        write_header(bytes, b'$', string.len());
        bytes.extend_from_slice(string);
        bytes.extend_from_slice(b"\r\n");
    }

    /// A string that has several owners: referred to if it is large, else copied.
    pub fn shared_bulk(&mut self, string: &SharedBytes) {
        if string.len() < SHARED_MIN {
            return self.bulk(string);
        }
        write_header(&mut self.out.bytes, b'$', string.len());
        self.out.push_shared(string.clone());
        self.out.bytes.extend_from_slice(b"\r\n");
    }

    /// Makes room for a reply of about so many bytes at once: to grow in steps costs a copy each.
    pub fn expect(&mut self, bytes: usize) {
        /// More is not asked for ahead of need.
        const EXPECTED_BYTES_MAX: usize = 1 << 20;
        self.out.bytes.reserve(bytes.min(EXPECTED_BYTES_MAX));
    }

    /// Many strings in a row, quicker than one by one.
    #[inline]
    pub fn strings(&mut self) -> Strings<'_> {
        Strings { at: self.out.bytes.len(), bytes: &mut self.out.bytes }
    }

    /// An integer as a string.
    #[inline]
    pub fn bulk_integer(&mut self, value: i64) {
        let mut text = crate::base::number::IntegerText::new();
        self.bulk(text.of(value));
    }

    /// Whatever can be displayed, as a string.
    pub fn bulk_display(&mut self, value: impl std::fmt::Display) {
        self.bulk(value.to_string().as_bytes());
    }

    /// A double as a string in both protocols.
    pub fn bulk_double(&mut self, value: f64) {
        // The text has at most 24 bytes: the header is made for two digits and pulled tight if there is one.
        let bytes = &mut self.out.bytes;
        let start = bytes.len();
        bytes.extend_from_slice(b"$00\r\n");
        write_f64(bytes, value);
        let length = (bytes.len() - start - 5) as u8;
        if length < 10 {
            bytes.copy_within(start + 3.., start + 2);
            bytes.pop();
            bytes[start + 1] = b'0' + length;
        } else {
            bytes[start + 1] = b'0' + length / 10;
            bytes[start + 2] = b'0' + length % 10;
        }
        bytes.extend_from_slice(b"\r\n");
    }

    /// No value, where there could be a string.
    #[inline]
    pub fn null(&mut self) {
        self.out.bytes.extend_from_slice(if self.resp3 { b"_\r\n" } else { b"$-1\r\n" });
    }

    /// No value, where there could be an array.
    #[inline]
    pub fn null_array(&mut self) {
        self.out.bytes.extend_from_slice(if self.resp3 { b"_\r\n" } else { b"*-1\r\n" });
    }

    /// The start of an array of so many replies.
    #[inline]
    pub fn array(&mut self, count: usize) {
        write_header(&mut self.out.bytes, b'*', count);
    }

    /// The start of a map of so many pairs of replies.
    #[inline]
    pub fn map(&mut self, pairs: usize) {
        if self.resp3 {
            write_header(&mut self.out.bytes, b'%', pairs);
        } else {
            write_header(&mut self.out.bytes, b'*', pairs * 2);
        }
    }

    /// The start of a set of so many replies.
    #[inline]
    pub fn set(&mut self, count: usize) {
        write_header(&mut self.out.bytes, if self.resp3 { b'~' } else { b'*' }, count);
    }

    /// The start of a message out of band, of so many replies.
    #[inline]
    pub fn push(&mut self, count: usize) {
        write_header(&mut self.out.bytes, if self.resp3 { b'>' } else { b'*' }, count);
    }

    /// The start of so many pairs of remarks on the reply that follows. Only for RESP3.
    pub fn attribute(&mut self, pairs: usize) {
        debug_assert!(self.resp3, "RESP2 has no attributes");
        write_header(&mut self.out.bytes, b'|', pairs);
    }

    /// A double.
    pub fn double(&mut self, value: f64) {
        if self.resp3 {
            self.out.bytes.push(b',');
            write_f64(&mut self.out.bytes, value);
            self.out.bytes.extend_from_slice(b"\r\n");
        } else {
            self.bulk_double(value);
        }
    }

    /// A number whose text is made already: a double to RESP3, a string to RESP2.
    pub fn double_text(&mut self, text: &[u8]) {
        if self.resp3 {
            self.write_line(b',', text);
        } else {
            self.bulk(text);
        }
    }

    /// Yes or no.
    #[inline]
    pub fn boolean(&mut self, value: bool) {
        let text = match (self.resp3, value) {
            (true, true) => b"#t\r\n",
            (true, false) => b"#f\r\n",
            (false, true) => b":1\r\n",
            (false, false) => b":0\r\n",
        };
        self.out.bytes.extend_from_slice(text);
    }

    /// A text to be shown as it is; `format` is three letters, `txt` or `mkd`.
    pub fn verbatim(&mut self, format: &str, text: &[u8]) {
        debug_assert_eq!(format.len(), 3, "a format has three letters");
        if !self.resp3 {
            return self.bulk(text);
        }
        write_header(&mut self.out.bytes, b'=', text.len() + 4);
        self.out.bytes.extend_from_slice(format.as_bytes());
        self.out.bytes.push(b':');
        self.out.bytes.extend_from_slice(text);
        self.out.bytes.extend_from_slice(b"\r\n");
    }

    /// An integer of any size, given as its digits.
    pub fn big_number(&mut self, digits: &[u8]) {
        if self.resp3 {
            self.write_line(b'(', digits);
        } else {
            self.bulk(digits);
        }
    }

    /// Lines of help under a command's name, as its HELP gives them: each a status.
    pub fn help(&mut self, lines: &[&str]) {
        self.array(lines.len());
        for line in lines {
            self.simple(line);
        }
    }

    /// The start of an array whose length is told at the end.
    pub fn deferred(&mut self) -> Deferred {
        Deferred(self.out.mark())
    }

    /// The end of an array of so many replies.
    pub fn finish_array(&mut self, start: Deferred, count: usize) {
        self.finish(start, b'*', count);
    }

    /// The end of a set of so many replies.
    pub fn finish_set(&mut self, start: Deferred, count: usize) {
        self.finish(start, if self.resp3 { b'~' } else { b'*' }, count);
    }

    /// The end of a map of so many pairs of replies.
    pub fn finish_map(&mut self, start: Deferred, pairs: usize) {
        if self.resp3 { self.finish(start, b'%', pairs) } else { self.finish(start, b'*', pairs * 2) }
    }

    /// A string in front of what was written since `start`.
    pub fn insert_bulk(&mut self, start: Deferred, string: &[u8]) {
        let mut bytes = Vec::with_capacity(string.len() + 32);
        write_header(&mut bytes, b'$', string.len());
        bytes.extend_from_slice(string);
        bytes.extend_from_slice(b"\r\n");
        self.out.insert(start.0, &bytes);
    }

    /// Bytes that are a reply already.
    pub fn raw(&mut self, bytes: &[u8]) {
        self.out.bytes.extend_from_slice(bytes);
    }

    fn finish(&mut self, start: Deferred, mark: u8, count: usize) {
        if let Some((header, length)) = small_header(mark, count) {
            self.out.insert(start.0, &header[..length]);
            return;
        }
        let mut header = Vec::with_capacity(24);
        write_header(&mut header, mark, count);
        self.out.insert(start.0, &header);
    }

    fn write_line(&mut self, mark: u8, text: &[u8]) {
        self.out.bytes.push(mark);
        self.out.bytes.extend_from_slice(text);
        self.out.bytes.extend_from_slice(b"\r\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `write` writes in RESP2 and in RESP3.
    fn both(write: impl Fn(&mut Reply)) -> [String; 2] {
        [false, true].map(|resp3| {
            let mut out = Output::new();
            write(&mut Reply::new(&mut out, resp3));
            String::from_utf8(out.to_vec()).expect("the tests write text")
        })
    }

    fn check(write: impl Fn(&mut Reply), resp2: &str, resp3: &str) {
        assert_eq!(both(write), [resp2, resp3]);
    }

    #[test]
    fn forms_are_those_of_redis() {
        // As `DEBUG PROTOCOL` of Redis 8.0.6 writes them.
        check(|r| r.bulk(b"Hello World"), "$11\r\nHello World\r\n", "$11\r\nHello World\r\n");
        check(|r| r.integer(12_345), ":12345\r\n", ":12345\r\n");
        check(|r| r.double(3.25), "$4\r\n3.25\r\n", ",3.25\r\n");
        check(|r| r.null(), "$-1\r\n", "_\r\n");
        check(|r| r.null_array(), "*-1\r\n", "_\r\n");
        check(|r| r.array(3), "*3\r\n", "*3\r\n");
        check(|r| r.set(3), "*3\r\n", "~3\r\n");
        check(|r| r.map(3), "*6\r\n", "%3\r\n");
        check(|r| r.push(2), "*2\r\n", ">2\r\n");
        check(|r| r.verbatim("txt", b"a\nb"), "$3\r\na\nb\r\n", "=7\r\ntxt:a\nb\r\n");
        check(|r| r.boolean(true), ":1\r\n", "#t\r\n");
        check(|r| r.boolean(false), ":0\r\n", "#f\r\n");
        check(
            |r| r.big_number(b"12345678901234567890"),
            "$20\r\n12345678901234567890\r\n",
            "(12345678901234567890\r\n",
        );
    }

    #[test]
    fn equal_strings_are_written_as_single_ones() {
        for len in 0..=40 {
            for (first, behind) in [(0, 0), (1, 1), (3, 2)] {
                for count in 0..20 {
                    let stride = (first + len + behind).max(1);
                    let region: Vec<u8> = (0..stride * count).map(|i| i as u8).collect();
                    let mut expected = Output::new();
                    let mut reply = Reply::new(&mut expected, false);
                    reply.bulk(b"before");
                    region.chunks_exact(stride).for_each(|chunk| reply.bulk(&chunk[first..first + len]));
                    reply.bulk(b"behind");
                    let mut out = Output::new();
                    let mut reply = Reply::new(&mut out, false);
                    reply.bulk(b"before");
                    let mut strings = reply.strings();
                    strings.push_equal(&region, stride, first, len);
                    strings.push(b"behind");
                    drop(strings);
                    assert_eq!(out.to_vec(), expected.to_vec(), "{count} strings of {len} bytes");
                }
            }
        }
    }

    #[test]
    fn forms_that_are_alike() {
        check(|r| r.ok(), "+OK\r\n", "+OK\r\n");
        check(|r| r.simple("QUEUED"), "+QUEUED\r\n", "+QUEUED\r\n");
        check(|r| r.bulk(b""), "$0\r\n\r\n", "$0\r\n\r\n");
        check(|r| r.bulk_integer(-77), "$3\r\n-77\r\n", "$3\r\n-77\r\n");
        check(|r| r.bulk_double(1.5), "$3\r\n1.5\r\n", "$3\r\n1.5\r\n");
        check(|r| r.bulk_double(-1.25e-300), "$10\r\n-1.25e-300\r\n", "$10\r\n-1.25e-300\r\n");
        check(|r| r.bulk_display("a text"), "$6\r\na text\r\n", "$6\r\na text\r\n");
        check(|r| r.help(&["a", "b"]), "*2\r\n+a\r\n+b\r\n", "*2\r\n+a\r\n+b\r\n");
        for value in [0, 9, 10, 99, 100, 999, 1_000, 1_023, 1_024, 123_456, -1, i64::MAX, i64::MIN] {
            check(|r| r.integer(value), &format!(":{value}\r\n"), &format!(":{value}\r\n"));
        }
        for count in [0, 9, 10, 100, 1_023, 1_024, 1_000_000] {
            check(|r| r.array(count), &format!("*{count}\r\n"), &format!("*{count}\r\n"));
        }
    }

    #[test]
    fn a_run_of_strings_is_strings_one_by_one() {
        for count in [0, 1, 3, 500] {
            let write = |r: &mut Reply, is_run: bool| {
                r.array(count);
                let lengths = (0..count).map(|i| if i % 100 == 99 { 900 + 2 * i } else { i % 40 });
                let mut texts = lengths.map(|length| vec![b'x'; length]);
                if is_run {
                    let mut strings = r.strings();
                    texts.by_ref().for_each(|text| strings.push(&text));
                    strings.push_integer(-7);
                } else {
                    texts.by_ref().for_each(|text| r.bulk(&text));
                    r.bulk_integer(-7);
                }
                r.ok();
            };
            assert_eq!(both(|r| write(r, true)), both(|r| write(r, false)));
        }
    }

    #[test]
    fn an_error_is_one_line() {
        check(|r| r.error("ERR syntax error"), "-ERR syntax error\r\n", "-ERR syntax error\r\n");
        check(|r| r.error("\r\nERR a\r\nb\n\n"), "-ERR a  b\r\n", "-ERR a  b\r\n");
        let mut out = Output::new();
        let mut reply = Reply::new(&mut out, false);
        reply.ok();
        reply.error("WRONGTYPE no");
        reply.ok();
        assert_eq!((out.errors(), out.last_error()), (1, &b"WRONGTYPE no"[..]));
    }

    #[test]
    fn lengths_can_come_last() {
        let write = |r: &mut Reply| {
            let outer = r.deferred();
            r.bulk(b"a");
            let inner = r.deferred();
            r.shared_bulk(&SharedBytes::from_slice(b"small"));
            r.finish_map(inner, 1);
            let empty = r.deferred();
            r.finish_set(empty, 0);
            r.finish_array(outer, 3);
        };
        check(write, "*3\r\n$1\r\na\r\n*2\r\n$5\r\nsmall\r\n*0\r\n", "*3\r\n$1\r\na\r\n%1\r\n$5\r\nsmall\r\n~0\r\n");
    }

    #[test]
    fn large_strings_are_referred_to() {
        let string = SharedBytes::from_slice(&[b'v'; SHARED_MIN]);
        let mut out = Output::new();
        let mut reply = Reply::new(&mut out, false);
        let start = reply.deferred();
        reply.shared_bulk(&string);
        reply.finish_array(start, 1);
        assert_eq!(string.owners(), 2);
        assert!(out.bytes.len() < 100);
        let text = [b"*1\r\n$16384\r\n", &string[..], b"\r\n"].concat();
        assert_eq!(out.to_vec(), text);
        out.consume(text.len());
        assert_eq!(string.owners(), 1);
    }

    /// Figures, not a test: `cargo test --release --lib reply_speed -- --ignored --nocapture`.
    #[test]
    #[ignore = "prints figures"]
    fn reply_speed() {
        let mut out = Output::new();
        let mut time = |name: &str, write: &dyn Fn(&mut Reply)| {
            let started = std::time::Instant::now();
            for _ in 0..100_000 {
                out.clear();
                let mut reply = Reply::new(&mut out, false);
                for _ in 0..100 {
                    write(std::hint::black_box(&mut reply));
                }
            }
            println!("{name}: {:.1} ns", started.elapsed().as_nanos() as f64 / 10_000_000.0);
        };
        let value = std::hint::black_box(b"0123456789abcdef");
        time("bulk of 16", &|r| r.bulk(value));
        time("small integer", &|r| r.integer(std::hint::black_box(77)));
        time("large integer", &|r| r.integer(std::hint::black_box(1_234_567)));
        time("ok", &|r| r.ok());
        time("double", &|r| r.double(std::hint::black_box(3.25)));
    }
}
