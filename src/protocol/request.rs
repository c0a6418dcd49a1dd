//! Requests: bytes to argument positions, in pieces as they come.
//!
//! ```text
//! *3\r\n $3\r\nSET\r\n $3\r\nkey\r\n $5\r\nvalue\r\n      a request of three arguments, each as its length and its bytes
//! SET key "the value"\r\n                                 inline: words of a line, for people
//! ```
//!
//! `parse` looks at the bytes of one connection from the start of a request and appends one `Span` per argument to a
//! vector that its caller reuses. A request that is all there (nearly every one) takes the fast path and owns nothing.
//! Otherwise `Progress` remembers how far it got, so that nothing is read twice, however small the pieces.
//! Invariant: where a stream is cut makes no difference to the requests, the errors, or where they end.
//!
//! Knows nothing of commands. As Redis does, it takes the two bytes behind a length or an argument for `\r\n` unseen,
//! and waits for ever behind a NUL byte in a line.

use super::limits::{
    ARGUMENTS_MAX, BULK_MAX_LEAST, LINE_MAX, Limits, REQUEST_MAX, UNAUTHENTICATED_ARGUMENTS_MAX,
    UNAUTHENTICATED_BULK_MAX,
};
use crate::base::number::parse_i64;
use crate::base::shared_bytes::SharedBytes;
use crate::base::words::{Word, Words};
use std::borrow::Cow;

/// Where the bytes of an argument are: 31 bits of position in the input, or elsewhere (the two top bits tell).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Span {
    /// Position in the input, or, with a mark, in the scratch vector, or the number of a detached argument.
    pub offset: u32,
    /// Length in bytes.
    pub len: u32,
}

/// The bytes are in the scratch vector: an inline word that had quotes.
const SCRATCH: u32 = 1 << 31;
/// With `SCRATCH`: the bytes are a detached argument.
const DETACHED: u32 = 1 << 30;

impl Span {
    /// Whether the bytes are in the input itself, at `offset`: so they are but for inline quotes and detached arguments.
    #[inline]
    pub fn is_in_input(self) -> bool {
        self.offset & SCRATCH == 0
    }

    /// The bytes, given all the places where they may be.
    #[inline]
    pub fn of<'a>(self, input: &'a [u8], scratch: &'a [u8], detached: &'a [SharedBytes]) -> &'a [u8] {
        if self.is_in_input() {
            &input[self.offset as usize..][..self.len as usize]
        } else if self.offset & DETACHED == 0 {
            &scratch[(self.offset & !SCRATCH) as usize..][..self.len as usize]
        } else {
            &detached[(self.offset & !(SCRATCH | DETACHED)) as usize]
        }
    }

    fn moved_by(self, base: u32) -> Span {
        if self.is_in_input() { Span { offset: self.offset + base, ..self } } else { self }
    }
}

/// What `parse` found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Parsed {
    /// A request of `argc` arguments (at least one), the last `argc` spans; it was `consumed` bytes long.
    Complete { consumed: usize, argc: usize },
    /// An empty line or a request of no arguments, `consumed` bytes long: nothing to run.
    Empty { consumed: usize },
    /// More bytes must come. No request can be complete before the input is `needed` bytes long.
    Incomplete { needed: usize },
    /// The stream makes no sense any more: say so and close.
    Error(ProtocolError),
}

/// Why a stream makes no sense.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ProtocolError {
    TooBigInline,
    UnbalancedQuotes,
    TooBigArgumentCount,
    InvalidArgumentCount,
    UnauthenticatedArguments,
    TooBigBulkCount,
    /// Not a `$` before an argument but this byte.
    ExpectedDollar(u8),
    InvalidBulkLength,
    UnauthenticatedBulk,
    /// Beyond `REQUEST_MAX`; the connection is closed as one that passed its query buffer limit.
    TooBigRequest,
}

impl ProtocolError {
    /// The text of the error reply, behind `ERR `.
    pub fn text(self) -> Cow<'static, [u8]> {
        let text: &str = match self {
            ProtocolError::TooBigInline => "Protocol error: too big inline request",
            ProtocolError::UnbalancedQuotes => "Protocol error: unbalanced quotes in request",
            ProtocolError::TooBigArgumentCount => "Protocol error: too big mbulk count string",
            ProtocolError::InvalidArgumentCount => "Protocol error: invalid multibulk length",
            ProtocolError::UnauthenticatedArguments => "Protocol error: unauthenticated multibulk length",
            ProtocolError::TooBigBulkCount => "Protocol error: too big bulk count string",
            ProtocolError::InvalidBulkLength => "Protocol error: invalid bulk length",
            ProtocolError::UnauthenticatedBulk => "Protocol error: unauthenticated bulk length",
            ProtocolError::TooBigRequest => "Protocol error: too big request",
            ProtocolError::ExpectedDollar(byte) => {
                let mut text = b"Protocol error: expected '$', got '".to_vec();
                text.extend_from_slice(&[byte, b'\'']);
                return Cow::Owned(text);
            }
        };
        Cow::Borrowed(text.as_bytes())
    }

    /// The few words that the log has for it.
    pub fn reason(self) -> &'static str {
        match self {
            ProtocolError::TooBigInline => "too big inline request",
            ProtocolError::UnbalancedQuotes => "unbalanced quotes in inline request",
            ProtocolError::TooBigArgumentCount => "too big mbulk count string",
            ProtocolError::InvalidArgumentCount => "invalid mbulk count",
            ProtocolError::UnauthenticatedArguments => "unauth mbulk count",
            ProtocolError::TooBigBulkCount => "too big bulk count string",
            ProtocolError::ExpectedDollar(_) => "expected $ but got something else",
            ProtocolError::InvalidBulkLength => "invalid bulk length",
            ProtocolError::UnauthenticatedBulk => "unauth bulk length",
            ProtocolError::TooBigRequest => "too big request",
        }
    }
}

/// How far an incomplete request got; kept with its connection, empty between requests.
#[derive(Debug, Default)]
pub struct Progress {
    /// Bytes of the current line in which its end was not found.
    searched: usize,
    /// Arguments found so far, once their number is known.
    partial: Option<Box<Partial>>,
}

#[derive(Debug)]
struct Partial {
    /// Relative to the start of the request.
    spans: Vec<Span>,
    argc: usize,
    bulk: Bulk,
    /// Where parsing goes on: at a `$`, or at the first byte of an argument.
    at: usize,
    detached: u32,
}

/// What stands at `Partial::at`.
#[derive(Clone, Copy, Debug)]
enum Bulk {
    /// The length of the next argument, or nothing if there is none left.
    Length,
    /// This many bytes of an argument and two more.
    Bytes(u64),
    /// The two bytes behind an argument that was read apart.
    EndOfDetached,
}

/// An argument of this many bytes counts as read by itself, as in Redis.
const LARGE_ARGUMENT_BYTES: u64 = 32 * 1024;

impl Progress {
    /// Nothing begun.
    pub fn new() -> Progress {
        Progress::default()
    }

    /// Whether no request is half parsed.
    pub fn is_empty(&self) -> bool {
        self.partial.is_none() && self.searched == 0
    }

    /// Forgets a half-parsed request, with its bytes.
    pub fn clear(&mut self) {
        *self = Progress::default();
    }

    /// Takes out the argument that is waited for, if it is at least `bytes_min` long, so that the rest of it can be read
    /// straight to where it will live. The caller moves the input from `at` on there, reads until it has `len` bytes
    /// (or `missing` at first), and then gives `parse` the input with what follows the argument at `at`.
    pub fn detach(&mut self, bytes_min: u64) -> Option<Detached> {
        let partial = self.partial.as_mut()?;
        let Bulk::Bytes(len) = partial.bulk else { return None };
        if len < bytes_min || len > crate::base::shared_bytes::LENGTH_MAX as u64 {
            return None;
        }
        let index = partial.detached;
        partial.spans.push(Span { offset: SCRATCH | DETACHED | index, len: len as u32 });
        partial.detached += 1;
        partial.bulk = Bulk::EndOfDetached;
        Some(Detached { at: partial.at, len: len as usize, index: index as usize })
    }

    /// Bytes that the request will have at the end of the argument that is waited for, if it is known how long that is.
    pub fn needed(&self) -> Option<usize> {
        let partial = self.partial.as_ref()?;
        match partial.bulk {
            Bulk::Bytes(len) => usize::try_from(len).ok().and_then(|len| partial.at.checked_add(len + 2)),
            _ => None,
        }
    }

    /// Bytes of the request that are done with while a large argument is read: what stands before that one.
    pub fn done_before_large(&self) -> usize {
        match self.partial.as_ref() {
            Some(partial) if matches!(partial.bulk, Bulk::Bytes(len) if len >= LARGE_ARGUMENT_BYTES) => partial.at,
            _ => 0,
        }
    }

    /// Bytes of memory it holds, for the accounts of its connection.
    pub fn memory_usage(&self) -> usize {
        self.partial.as_ref().map_or(0, |partial| size_of::<Partial>() + partial.spans.capacity() * size_of::<Span>())
    }
}

/// An argument to be read apart.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Detached {
    /// Where it begins in the request.
    pub at: usize,
    /// Its length in bytes, without the `\r\n` that follows.
    pub len: usize,
    /// Its place among the detached arguments of the request.
    pub index: usize,
}

/// Parses the request at the start of `input`, the unread bytes of one connection. The spans are appended with `base`
/// added to their positions: where `input` begins in the caller's buffer. Until the request is complete, `progress`
/// belongs to it and each call must see the same bytes and more.
#[inline]
pub fn parse(
    input: &[u8],
    base: u32,
    limits: &Limits,
    progress: &mut Progress,
    spans: &mut Vec<Span>,
    scratch: &mut Vec<u8>,
) -> Parsed {
    if progress.is_empty() && limits.authenticated {
        let before = spans.len();
        if let Some(consumed) = parse_whole(input, base, spans) {
            return Parsed::Complete { consumed, argc: spans.len() - before };
        }
        spans.truncate(before);
    }
    parse_pieces(input, base, limits, progress, spans, scratch)
}

/// The fast path: a request with everything there and short numbers. `None` when it is anything else, good or bad.
#[inline]
fn parse_whole(input: &[u8], base: u32, spans: &mut Vec<Span>) -> Option<usize> {
    if *input.first()? != b'*' || input.len() as u64 + u64::from(base) >= REQUEST_MAX {
        return None;
    }
    let (argc, mut at) = short_number(input, 1)?;
    if argc == 0 {
        return None;
    }
    for _ in 0..argc {
        if *input.get(at)? != b'$' {
            return None;
        }
        let (len, start) = short_number(input, at + 1)?;
        at = start + len + 2;
        if at > input.len() {
            return None;
        }
        spans.push(Span { offset: base + start as u32, len: len as u32 });
    }
    Some(at)
}

// The fast path reads numbers of at most five digits and so needs no look at the limit.
const _: () = assert!(BULK_MAX_LEAST > 99_999, "a short number is always within the limit");

/// A canonical number below 100,000 with `\r` and one more byte behind it, and where the next thing begins.
#[inline]
fn short_number(input: &[u8], at: usize) -> Option<(usize, usize)> {
    let bytes: [u8; 8] = match input.get(at..at + 8) {
        Some(bytes) => bytes.try_into().expect("a range of 8 is 8 long"),
        // At the end of the input zeros stand in; they are no digits, and the caller checks what lies beyond.
        None => std::array::from_fn(|i| input.get(at + i).copied().unwrap_or(0)),
    };
    let mut value = usize::from(bytes[0].wrapping_sub(b'0'));
    if value > 9 {
        return None;
    }
    for i in 1..6 {
        if bytes[i] == b'\r' {
            let leading_zero = i > 1 && bytes[0] == b'0';
            return if leading_zero { None } else { Some((value, at + i + 2)) };
        }
        let digit = usize::from(bytes[i].wrapping_sub(b'0'));
        if digit > 9 {
            return None;
        }
        value = value * 10 + digit;
    }
    None
}

/// The careful path: requests in pieces, inline requests, limits, errors.
#[cold]
fn parse_pieces(
    input: &[u8],
    base: u32,
    limits: &Limits,
    progress: &mut Progress,
    spans: &mut Vec<Span>,
    scratch: &mut Vec<u8>,
) -> Parsed {
    let result = match (input.first(), progress.partial.is_some()) {
        (None, false) => return Parsed::Incomplete { needed: 1 },
        (Some(b'*'), _) | (_, true) => parse_counted(input, base, limits, progress, spans),
        _ => parse_inline(input, base, progress, spans, scratch),
    };
    if !matches!(result, Parsed::Incomplete { .. }) {
        progress.clear();
    }
    result
}

/// Where the end of a line is.
enum Line {
    EndsAt(usize),
    Unfinished,
    TooLong,
}

/// Looks for `end` in the line that begins at `at`, from where an earlier call left off.
fn find_line_end(input: &[u8], at: usize, end: u8, searched: &mut usize) -> Line {
    let window = &input[at..input.len().min(at + LINE_MAX + 1)];
    match memchr::memchr2(end, 0, &window[*searched..]).map(|found| found + *searched) {
        Some(found) if window[found] == end => {
            *searched = found;
            return Line::EndsAt(at + found);
        }
        found => *searched = found.unwrap_or(window.len()),
    }
    if input.len() - at > LINE_MAX { Line::TooLong } else { Line::Unfinished }
}

/// A count line: `mark`, a number, `\r` and one more byte. The number (`None` if it is none) and what follows it.
fn parse_count(input: &[u8], at: usize, progress: &mut Progress) -> Result<(Option<i64>, usize), Line> {
    match find_line_end(input, at, b'\r', &mut progress.searched) {
        Line::EndsAt(end) if end + 1 < input.len() => {
            progress.searched = 0;
            // The mark itself may be missing: `\r` can stand where it should.
            Ok((input.get(at + 1..end).and_then(parse_i64), end + 2))
        }
        Line::EndsAt(_) => Err(Line::Unfinished),
        other => Err(other),
    }
}

fn parse_counted(input: &[u8], base: u32, limits: &Limits, progress: &mut Progress, spans: &mut Vec<Span>) -> Parsed {
    if progress.partial.is_none() {
        let (argc, at) = match parse_count(input, 0, progress) {
            Ok(found) => found,
            Err(Line::TooLong) => return Parsed::Error(ProtocolError::TooBigArgumentCount),
            Err(_) => return Parsed::Incomplete { needed: input.len() + 1 },
        };
        match argc {
            None => return Parsed::Error(ProtocolError::InvalidArgumentCount),
            Some(argc) if argc > ARGUMENTS_MAX => return Parsed::Error(ProtocolError::InvalidArgumentCount),
            Some(argc) if argc > UNAUTHENTICATED_ARGUMENTS_MAX && !limits.authenticated => {
                return Parsed::Error(ProtocolError::UnauthenticatedArguments);
            }
            Some(argc) if argc <= 0 => return Parsed::Empty { consumed: at },
            Some(argc) => {
                let partial = Partial { spans: Vec::new(), argc: argc as usize, bulk: Bulk::Length, at, detached: 0 };
                progress.partial = Some(Box::new(partial));
            }
        }
    }
    let mut partial = progress.partial.take().expect("it was there or was made");
    match parse_arguments(input, limits, progress, &mut partial) {
        Ok(None) => {
            spans.extend(partial.spans.iter().map(|span| span.moved_by(base)));
            Parsed::Complete { consumed: partial.at, argc: partial.argc }
        }
        Ok(Some(needed)) => {
            progress.partial = Some(partial);
            Parsed::Incomplete { needed }
        }
        Err(error) => Parsed::Error(error),
    }
}

/// Goes on through the arguments. `None` when all are there, else how long the input must be to get further.
fn parse_arguments(
    input: &[u8],
    limits: &Limits,
    progress: &mut Progress,
    partial: &mut Partial,
) -> Result<Option<usize>, ProtocolError> {
    loop {
        match partial.bulk {
            Bulk::Length if partial.spans.len() == partial.argc => return Ok(None),
            Bulk::Length => {
                let (len, next) = match parse_count(input, partial.at, progress) {
                    Ok(found) => found,
                    Err(Line::TooLong) => return Err(ProtocolError::TooBigBulkCount),
                    Err(_) => return Ok(Some(input.len() + 1)),
                };
                if input[partial.at] != b'$' {
                    return Err(ProtocolError::ExpectedDollar(input[partial.at]));
                }
                let len = len.and_then(|len| u64::try_from(len).ok()).filter(|&len| len <= limits.bulk_max);
                let len = len.ok_or(ProtocolError::InvalidBulkLength)?;
                if len > UNAUTHENTICATED_BULK_MAX && !limits.authenticated {
                    return Err(ProtocolError::UnauthenticatedBulk);
                }
                partial.at = next;
                partial.bulk = Bulk::Bytes(len);
            }
            Bulk::Bytes(len) => {
                let end = partial.at as u64 + len + 2;
                if (input.len() as u64) < end {
                    return Ok(Some(usize::try_from(end).unwrap_or(usize::MAX)));
                }
                if end >= REQUEST_MAX {
                    return Err(ProtocolError::TooBigRequest);
                }
                partial.spans.push(Span { offset: partial.at as u32, len: len as u32 });
                partial.at = end as usize;
                partial.bulk = Bulk::Length;
            }
            Bulk::EndOfDetached => {
                if input.len() < partial.at + 2 {
                    return Ok(Some(partial.at + 2));
                }
                partial.at += 2;
                partial.bulk = Bulk::Length;
            }
        }
    }
}

fn parse_inline(
    input: &[u8],
    base: u32,
    progress: &mut Progress,
    spans: &mut Vec<Span>,
    scratch: &mut Vec<u8>,
) -> Parsed {
    let end = match find_line_end(input, 0, b'\n', &mut progress.searched) {
        Line::EndsAt(end) => end,
        Line::TooLong => return Parsed::Error(ProtocolError::TooBigInline),
        Line::Unfinished => return Parsed::Incomplete { needed: input.len() + 1 },
    };
    let line = input[..end].strip_suffix(b"\r").unwrap_or(&input[..end]);
    let (spans_before, scratch_before) = (spans.len(), scratch.len());
    let mut words = Words::of(line);
    loop {
        let span = match words.next(scratch) {
            Ok(None) => break,
            Ok(Some(Word::Plain(range))) => Span { offset: base + range.start as u32, len: range.len() as u32 },
            Ok(Some(Word::Unquoted(range))) => Span { offset: SCRATCH | range.start as u32, len: range.len() as u32 },
            Err(_) => {
                spans.truncate(spans_before);
                scratch.truncate(scratch_before);
                return Parsed::Error(ProtocolError::UnbalancedQuotes);
            }
        };
        spans.push(span);
    }
    match spans.len() - spans_before {
        0 => Parsed::Empty { consumed: end + 1 },
        argc => Parsed::Complete { consumed: end + 1, argc },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::random::Random;

    /// What a stream means: its requests, then perhaps an error, or the bytes left unfinished.
    #[derive(Debug, PartialEq, Eq, Default)]
    struct Meaning {
        requests: Vec<Vec<Vec<u8>>>,
        error: Option<ProtocolError>,
        unread: usize,
    }

    /// Feeds the stream cut at these places, as a connection would, detaching arguments of at least `detach_min` bytes.
    fn feed(stream: &[u8], cuts: &[usize], limits: &Limits, detach_min: u64) -> Meaning {
        let (mut meaning, mut progress, mut buffer) = (Meaning::default(), Progress::new(), Vec::new());
        let mut detached: Vec<SharedBytes> = Vec::new();
        let mut reading_apart: Option<Detached> = None;
        let ends = cuts.iter().copied().chain([stream.len()]);
        let mut from = 0;
        for end in ends {
            let mut piece = &stream[from..end];
            from = end;
            loop {
                if let Some(apart) = reading_apart {
                    let target = detached.last_mut().expect("an argument is read apart");
                    let take = piece.len().min(apart.len - target.len());
                    target.extend_from_slice(&piece[..take]);
                    piece = &piece[take..];
                    if target.len() < apart.len {
                        break;
                    }
                    reading_apart = None;
                }
                buffer.extend_from_slice(piece);
                piece = &[];
                let (mut spans, mut scratch) = (vec![Span { offset: 9, len: 9 }], b"older".to_vec());
                // A base other than 0 must only shift positions.
                let base = 3;
                let shifted = [b"xyz", &buffer[..]].concat();
                match parse(&buffer, base, limits, &mut progress, &mut spans, &mut scratch) {
                    Parsed::Complete { consumed, argc } => {
                        assert!(progress.is_empty() && spans.len() == argc + 1 && argc > 0);
                        let words = spans[1..].iter().map(|span| span.of(&shifted, &scratch, &detached).to_vec());
                        meaning.requests.push(words.collect());
                        buffer.drain(..consumed);
                        detached.clear();
                    }
                    Parsed::Empty { consumed } => drop(buffer.drain(..consumed)),
                    Parsed::Error(error) => {
                        meaning.error = Some(error);
                        return meaning;
                    }
                    Parsed::Incomplete { needed } => {
                        assert!(needed > buffer.len() && spans.len() == 1 && scratch == b"older");
                        let Some(apart) = progress.detach(detach_min) else { break };
                        assert_eq!(apart.index, detached.len());
                        let mut target = SharedBytes::with_capacity(apart.len);
                        target.extend_from_slice(&buffer[apart.at..][..apart.len.min(buffer.len() - apart.at)]);
                        let behind = buffer.split_off(apart.at + target.len());
                        buffer.truncate(apart.at);
                        detached.push(target);
                        reading_apart = Some(apart);
                        assert!(behind.len() < 2, "only a missing line end keeps a whole argument waiting");
                        if detached[apart.index].len() == apart.len {
                            reading_apart = None;
                            buffer.extend_from_slice(&behind);
                        }
                    }
                }
            }
        }
        meaning.unread = buffer.len() + detached.iter().map(|bytes| bytes.len()).sum::<usize>();
        meaning
    }

    fn read(stream: &[u8]) -> Meaning {
        feed(stream, &[], &Limits::default(), u64::MAX)
    }

    fn words(request: &[&[u8]]) -> Vec<Vec<u8>> {
        request.iter().map(|word| word.to_vec()).collect()
    }

    #[test]
    fn requests_of_both_forms() {
        let meaning =
            read(b"*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n$16\r\n0123456789abcdef\r\nGET key\r\n*1\r\n$4\r\nPING\r\n");
        let set: &[&[u8]] = &[b"SET", b"key", b"0123456789abcdef"];
        assert_eq!(meaning.requests, [words(set), words(&[b"GET", b"key"]), words(&[b"PING"])]);
        assert_eq!((meaning.error, meaning.unread), (None, 0));
        let quoted = read(b"  SET 'a b' \"\\x41\\n\" c\"d\"\n\r\n   \r\n");
        assert_eq!(quoted.requests, [words(&[b"SET", b"a b", b"A\n", b"cd"])]);
        assert_eq!(read(b"*2\r\n$4\r\nPING\r\n$0\r\n\r\n").requests, [words(&[b"PING", b""])]);
    }

    #[test]
    fn requests_of_nothing_are_skipped() {
        let meaning = read(b"*0\r\n*-1\r\n\r\n\n*-5\r\nPING\r\n");
        assert_eq!(meaning.requests, [words(&[b"PING"])]);
        assert_eq!(meaning.unread, 0);
    }

    #[test]
    fn ends_of_lines_are_taken_unseen() {
        let meaning = read(b"*1\rx$4\r\nPINGxx*1\r\n$4\rxPING\r\n");
        assert_eq!(meaning.requests, [words(&[b"PING"]), words(&[b"PING"])]);
    }

    #[test]
    fn errors_are_those_of_redis() {
        let cases: &[(&[u8], &str)] = &[
            (b"*\r\n", "invalid multibulk length"),
            (b"*x\r\n", "invalid multibulk length"),
            (b"*01\r\n", "invalid multibulk length"),
            (b"*+1\r\n", "invalid multibulk length"),
            (b"*2147483648\r\n", "invalid multibulk length"),
            (b"*2147483647\r\nPING\r\n", "expected '$', got 'P'"),
            (b"*1\r\n\r\n", "expected '$', got '\r'"),
            (b"*1\r\n\nx\r\n", "expected '$', got '\n'"),
            (b"*1\r\n*4\r\nPING\r\n", "expected '$', got '*'"),
            (b"*1\r\n$\r\n", "invalid bulk length"),
            (b"*1\r\n$-1\r\n", "invalid bulk length"),
            (b"*1\r\n$04\r\nPING\r\n", "invalid bulk length"),
            (b"*1\r\n$ 4\r\nPING\r\n", "invalid bulk length"),
            (b"*1\r\n$536870913\r\n", "invalid bulk length"),
            (b"PING \"abc\r\n", "unbalanced quotes in request"),
            (b"PING 'abc'd\r\n", "unbalanced quotes in request"),
            (&[b'x'; LINE_MAX + 1], "too big inline request"),
        ];
        for (stream, text) in cases {
            let meaning = read(stream);
            let error = meaning.error.unwrap_or_else(|| panic!("{:?} is an error", String::from_utf8_lossy(stream)));
            assert_eq!(String::from_utf8_lossy(&error.text()), format!("Protocol error: {text}"));
        }
        let digits = [b'1'; LINE_MAX + 1];
        assert_eq!(read(&[b"*", &digits[..]].concat()).error, Some(ProtocolError::TooBigArgumentCount));
        assert_eq!(read(&[b"*1\r\n$", &digits[..]].concat()).error, Some(ProtocolError::TooBigBulkCount));
    }

    #[test]
    fn what_waits_for_more() {
        let cases: &[&[u8]] = &[
            b"*1",
            b"*1\r",
            b"*1\r\nPIN",
            b"*1\r\n$536870912\r\n",
            b"PI\0NG\r\nPING\r\n",
            b"*1\r\n\0x\r\n",
            b"\0\r\nPING\r\n",
            b"PING \"\\",
            &[b'x'; LINE_MAX],
        ];
        for stream in cases {
            let meaning = read(stream);
            assert_eq!((meaning.requests.len(), meaning.error), (0, None), "{:?}", String::from_utf8_lossy(stream));
        }
    }

    #[test]
    fn strangers_are_kept_short() {
        let limits = Limits { authenticated: false, ..Limits::default() };
        let error = |stream: &[u8]| feed(stream, &[], &limits, u64::MAX).error;
        assert_eq!(error(b"*11\r\n"), Some(ProtocolError::UnauthenticatedArguments));
        assert_eq!(error(b"*1\r\n$16385\r\n"), Some(ProtocolError::UnauthenticatedBulk));
        assert_eq!(error(b"*10\r\n$16384\r\n"), None);
        let auth = feed(b"*2\r\n$4\r\nAUTH\r\n$1\r\nx\r\n", &[], &limits, u64::MAX);
        assert_eq!(auth.requests, [words(&[b"AUTH", b"x"])]);
    }

    #[test]
    fn how_much_is_missing_is_told() {
        let (mut progress, mut spans, mut scratch) = (Progress::new(), Vec::new(), Vec::new());
        let stream = b"*2\r\n$3\r\nGET\r\n$100000000\r\nabc";
        let parsed = parse(stream, 0, &Limits::default(), &mut progress, &mut spans, &mut scratch);
        assert_eq!(parsed, Parsed::Incomplete { needed: 25 + 100_000_000 + 2 });
        assert!(progress.memory_usage() > 0);
        assert_eq!(progress.detach(100_000_001), None);
        assert_eq!(progress.detach(16_384), Some(Detached { at: 25, len: 100_000_000, index: 0 }));
        assert_eq!(progress.detach(0), None, "it is taken out already");
    }

    /// A stream of requests, some odd, some wrong.
    fn random_stream(random: &mut Random) -> Vec<u8> {
        let mut stream = Vec::new();
        for _ in 0..random.below(6) {
            match random.below(12) {
                0 => stream.extend_from_slice(b"PING 'a b' \"\\x00\\\"\"\r\n"),
                1 => stream.extend_from_slice(b"\r\n*0\r\n*-1\r\n\n"),
                2 => stream.extend_from_slice(b"GET  key\twords\n"),
                3 if random.chance(0.3) => stream.extend_from_slice(b"*2\r\n$3\r\nGET\r\nxx\r\n"),
                4 if random.chance(0.3) => stream.extend_from_slice(b"*2\r\n$3\r\nGET\r\n$-1\r\n"),
                6 if random.chance(0.3) => stream.extend_from_slice(b"*2\r\n$3\r\nGET\r\n$1048577\r\n"),
                5 if random.chance(0.3) => stream.extend_from_slice(b"\"unbalanced\r\n"),
                _ => {
                    let argc = 1 + random.below(5);
                    stream.extend_from_slice(format!("*{argc}\r\n").as_bytes());
                    for _ in 0..argc {
                        let length = if random.chance(0.1) { random.below(2_000) } else { random.below(20) };
                        let mut bytes = vec![0; length as usize];
                        random.fill(&mut bytes);
                        stream.extend_from_slice(format!("${length}\r\n").as_bytes());
                        stream.extend_from_slice(&bytes);
                        stream.extend_from_slice(b"\r\n");
                    }
                }
            }
        }
        stream
    }

    #[test]
    fn where_a_stream_is_cut_makes_no_difference() {
        let mut random = Random::new(21);
        for _ in 0..4_000 {
            let stream = random_stream(&mut random);
            let limits = Limits { authenticated: random.chance(0.8), bulk_max: BULK_MAX_LEAST, ..Limits::default() };
            let whole = feed(&stream, &[], &limits, u64::MAX);
            let each_byte: Vec<usize> = (0..stream.len()).collect();
            assert_eq!(feed(&stream, &each_byte, &limits, u64::MAX), whole);
            let detached = Meaning { unread: 0, ..feed(&stream, &each_byte, &limits, 10) };
            assert_eq!(detached, Meaning { unread: 0, ..feed(&stream, &[], &limits, u64::MAX) });
            for _ in 0..4 {
                let mut cuts: Vec<usize> =
                    (0..random.below(6)).map(|_| random.below(stream.len() as u64 + 1) as usize).collect();
                cuts.sort_unstable();
                assert_eq!(feed(&stream, &cuts, &limits, u64::MAX), whole);
            }
        }
    }

    #[test]
    fn any_bytes_are_survived_and_cut_alike() {
        let mut random = Random::new(22);
        let alphabet = b"**$$\r\n\r\n\r\n0123456789-+ax \"'\\\0\xff";
        for _ in 0..60_000 {
            let length = random.below(40);
            let stream: Vec<u8> = (0..length).map(|_| alphabet[random.below(alphabet.len() as u64) as usize]).collect();
            let whole = read(&stream);
            let each_byte: Vec<usize> = (0..stream.len()).collect();
            assert_eq!(feed(&stream, &each_byte, &Limits::default(), u64::MAX), whole, "{stream:?}");
        }
    }

    #[test]
    fn many_arguments_in_small_pieces_are_read_once() {
        let mut stream = b"*200000\r\n".to_vec();
        for _ in 0..200_000 {
            stream.extend_from_slice(b"$1\r\nx\r\n");
        }
        let cuts: Vec<usize> = (0..stream.len()).step_by(1_000).collect();
        let mut progress = Progress::new();
        let (mut spans, mut scratch) = (Vec::new(), Vec::new());
        let started = std::time::Instant::now();
        for &cut in &cuts {
            let parsed = parse(&stream[..cut], 0, &Limits::default(), &mut progress, &mut spans, &mut scratch);
            assert!(matches!(parsed, Parsed::Incomplete { .. }));
        }
        let parsed = parse(&stream, 0, &Limits::default(), &mut progress, &mut spans, &mut scratch);
        assert_eq!(parsed, Parsed::Complete { consumed: stream.len(), argc: 200_000 });
        assert!(started.elapsed().as_millis() < 1_000, "{:?}", started.elapsed());
    }

    /// Figures, not a test: `cargo test --release --lib request_speed -- --ignored --nocapture`.
    #[test]
    #[ignore = "prints figures"]
    fn request_speed() {
        for request in [
            &b"*3\r\n$3\r\nSET\r\n$16\r\nkey:000000000001\r\n$16\r\n0123456789abcdef\r\n"[..],
            b"*2\r\n$3\r\nGET\r\n$16\r\nkey:000000000001\r\n",
        ] {
            let stream = request.repeat(100);
            let (mut progress, mut spans, mut scratch) = (Progress::new(), Vec::new(), Vec::new());
            let started = std::time::Instant::now();
            for _ in 0..100_000 {
                spans.clear();
                let mut at = 0;
                while at < stream.len() {
                    let parsed = parse(
                        std::hint::black_box(&stream[at..]),
                        at as u32,
                        &Limits::default(),
                        &mut progress,
                        &mut spans,
                        &mut scratch,
                    );
                    let Parsed::Complete { consumed, .. } = parsed else { panic!("{parsed:?}") };
                    at += consumed;
                }
            }
            println!("{:.1} ns a request", started.elapsed().as_nanos() as f64 / 10_000_000.0);
        }
    }
}
