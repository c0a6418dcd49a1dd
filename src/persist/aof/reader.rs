//! Commands out of an append-only file, one by one, with the place up to which the file is whole.
//!
//! ```text
//! #TS:1628217470\r\n                           an annotation: passed over, or asked after
//! *2\r\n$3\r\nDEL\r\n$1\r\na\r\n               a command
//! ```
//!
//! `offset` is what lies behind the last whole item: a tail that is torn is cut back to there. No length is believed: memory
//! grows only with bytes that have arrived.

use crate::protocol::args::Args;
use crate::protocol::request::Span;
use std::io::{self, Read};

/// Bytes asked of the file at once.
const READ_BYTES: usize = 1024 * 1024;

/// Longest tail that is looked through for zeros.
const TORN_BYTES_MAX: usize = 64 * READ_BYTES;

/// The buffer is given back when one command made it grow beyond this.
const BUFFER_BYTES_KEPT_MAX: usize = 8 * READ_BYTES;

/// Longest line of a length or an annotation, as in Redis.
const LINE_BYTES_MAX: usize = 1024;

/// Why reading stopped before the end.
#[derive(Debug)]
pub enum ReadFault {
    /// The file ends within a command.
    Short,
    /// What stands there is no command.
    Format,
    Source(io::Error),
}

/// What was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadNext {
    /// A command; its words are `args`.
    Command,
    /// `#TS:` with seconds since the epoch; `None` for an annotation of another kind.
    Annotation(Option<i64>),
    End,
}

/// See the head of the file.
pub struct CommandReader {
    source: Box<dyn Read>,
    buffer: Vec<u8>,
    /// Of the item at hand, and of what lies behind it.
    start: usize,
    next: usize,
    /// Where in the file the buffer begins.
    buffer_offset: u64,
    is_at_end: bool,
    spans: Vec<Span>,
}

/// What a piece of the buffer turned out to be.
enum Item {
    Command { length: usize },
    Annotation { length: usize },
    Incomplete,
    Bad,
}

impl CommandReader {
    /// Reads from `source`, of which `already` was read before; that stands at `offset` in the file.
    pub fn new(source: Box<dyn Read>, already: Vec<u8>, offset: u64) -> CommandReader {
        let spans = Vec::new();
        CommandReader { source, buffer: already, start: 0, next: 0, buffer_offset: offset, is_at_end: false, spans }
    }

    /// The first bytes of the file, as many as there are of `count`; nothing is consumed.
    pub fn peek(&mut self, count: usize) -> io::Result<&[u8]> {
        while self.buffer.len() - self.next < count && !self.is_at_end {
            self.fill()?;
        }
        let end = self.buffer.len().min(self.next + count);
        Ok(&self.buffer[self.next..end])
    }

    /// Gives the source back, and what was read of it but not consumed.
    pub fn into_rest(self) -> (Box<dyn Read>, Vec<u8>) {
        (self.source, self.buffer[self.next..].to_vec())
    }

    /// The place in the file behind the last item that was read.
    pub fn offset(&self) -> u64 {
        self.buffer_offset + self.next as u64
    }

    /// The words of the command that was read.
    pub fn args(&self) -> Args<'_> {
        Args::new(&self.buffer[self.start..], &self.spans)
    }

    /// Reads the next item.
    pub fn read(&mut self) -> Result<ReadNext, ReadFault> {
        self.start = self.next;
        loop {
            match parse(&self.buffer[self.start..], &mut self.spans) {
                Item::Command { length } => {
                    self.next = self.start + length;
                    return Ok(ReadNext::Command);
                }
                Item::Annotation { length } => {
                    self.next = self.start + length;
                    let line = &self.buffer[self.start..self.next];
                    return Ok(ReadNext::Annotation(timestamp(line)));
                }
                Item::Bad if self.ends_in_zeros()? => return Err(ReadFault::Short),
                Item::Bad => return Err(ReadFault::Format),
                Item::Incomplete if self.is_at_end && self.start == self.buffer.len() => return Ok(ReadNext::End),
                Item::Incomplete if self.is_at_end => return Err(ReadFault::Short),
                Item::Incomplete => self.fill().map_err(ReadFault::Source)?,
            }
        }
    }

    /// After a crash a file may have its length without its bytes: then zeros stand where the rest of its last command would be. True
    /// when the file ends so, and what stands before the zeros is the beginning of a command.
    fn ends_in_zeros(&mut self) -> Result<bool, ReadFault> {
        if !self.buffer[self.start..].contains(&0) {
            return Ok(false);
        }
        while !self.is_at_end && self.buffer.len() - self.start < TORN_BYTES_MAX {
            self.fill().map_err(ReadFault::Source)?;
        }
        let rest = &self.buffer[self.start..];
        let written = rest.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        let is_beginning = written < rest.len() && matches!(parse(&rest[..written], &mut self.spans), Item::Incomplete);
        Ok(self.is_at_end && is_beginning)
    }

    /// Takes more of the file in: as much again as there is, so that a large command is looked at a few times only.
    fn fill(&mut self) -> io::Result<()> {
        let kept = self.buffer.len() - self.start;
        self.buffer.drain(..self.start);
        self.buffer_offset += self.start as u64;
        self.next -= self.start;
        self.start = 0;
        if self.buffer.capacity() > BUFFER_BYTES_KEPT_MAX && kept < READ_BYTES {
            self.buffer.shrink_to(2 * READ_BYTES);
        }
        let room = kept.max(READ_BYTES) as u64;
        let count = (&mut self.source).take(room).read_to_end(&mut self.buffer)?;
        self.is_at_end = (count as u64) < room;
        Ok(())
    }
}

/// The seconds of `#TS:<seconds>`.
fn timestamp(line: &[u8]) -> Option<i64> {
    crate::base::number::parse_i64(line.strip_prefix(b"#TS:")?.trim_ascii_end())
}

/// Looks at the item in front; spans are from its first byte.
fn parse(bytes: &[u8], spans: &mut Vec<Span>) -> Item {
    spans.clear();
    match bytes.first() {
        None => return Item::Incomplete,
        Some(b'#') => {
            return match line_end(bytes, 0) {
                Ok(end) => Item::Annotation { length: end },
                Err(item) => item,
            };
        }
        Some(b'*') => {}
        Some(_) => return Item::Bad,
    }
    let (count, mut at) = match number(bytes, 0, b'*') {
        Ok(found) => found,
        Err(item) => return item,
    };
    if count < 1 {
        return Item::Bad;
    }
    for _ in 0..count {
        let (length, begin) = match number(bytes, at, b'$') {
            Ok(found) => found,
            Err(item) => return item,
        };
        // A word, and a command as a whole, have positions of 31 bits.
        let (Ok(length), Ok(offset)) = (u32::try_from(length), i32::try_from(begin)) else { return Item::Bad };
        let end = begin + length as usize;
        match bytes.get(end..end + 2) {
            Some(b"\r\n") => {}
            Some(_) => return Item::Bad,
            // A wrong end shows in its first byte already.
            None if bytes.get(end).is_some_and(|byte| *byte != b'\r') => return Item::Bad,
            None => return Item::Incomplete,
        }
        spans.push(Span { offset: offset as u32, len: length });
        at = end + 2;
    }
    Item::Command { length: at }
}

/// The number behind `mark` at `at`, and where what follows its line begins.
fn number(bytes: &[u8], at: usize, mark: u8) -> Result<(i64, usize), Item> {
    match bytes.get(at) {
        None => return Err(Item::Incomplete),
        Some(byte) if *byte != mark => return Err(Item::Bad),
        Some(_) => {}
    }
    let end = line_end(bytes, at)?;
    let digits = bytes[at + 1..end].strip_suffix(b"\r\n");
    digits.and_then(crate::base::number::parse_i64).map(|number| (number, end)).ok_or(Item::Bad)
}

/// Where the line that begins at `at` ends, its end included.
fn line_end(bytes: &[u8], at: usize) -> Result<usize, Item> {
    let line = &bytes[at..bytes.len().min(at + LINE_BYTES_MAX)];
    match memchr::memchr(b'\n', line) {
        Some(end) => Ok(at + end + 1),
        None if line.len() == LINE_BYTES_MAX => Err(Item::Bad),
        None => Err(Item::Incomplete),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A source that gives a few bytes at a time.
    struct Dribble(Vec<u8>, usize);

    impl Read for Dribble {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            let count = self.1.min(into.len()).min(self.0.len());
            into[..count].copy_from_slice(&self.0[..count]);
            self.0.drain(..count);
            Ok(count)
        }
    }

    /// All items up to the end or a fault, with the place that is whole.
    fn items(bytes: &[u8]) -> (Vec<String>, u64, Option<&'static str>) {
        let mut reader = CommandReader::new(Box::new(Dribble(bytes.to_vec(), 3)), Vec::new(), 0);
        let mut items = Vec::new();
        loop {
            match reader.read() {
                Ok(ReadNext::End) => return (items, reader.offset(), None),
                Ok(ReadNext::Annotation(seconds)) => items.push(format!("#{seconds:?}")),
                Ok(ReadNext::Command) => {
                    let words: Vec<_> = reader.args().iter().map(String::from_utf8_lossy).collect();
                    items.push(words.join(" "));
                }
                Err(ReadFault::Short) => return (items, reader.offset(), Some("short")),
                Err(ReadFault::Format) => return (items, reader.offset(), Some("format")),
                Err(ReadFault::Source(_)) => return (items, reader.offset(), Some("source")),
            }
        }
    }

    const SOUND: &[u8] =
        b"*2\r\n$3\r\nDEL\r\n$1\r\na\r\n#TS:1628217470\r\n*3\r\n$3\r\nSET\r\n$1\r\na\r\n$0\r\n\r\n#X\r\n";

    #[test]
    fn items_are_read_in_order() {
        let (items, offset, fault) = items(SOUND);
        assert_eq!(items, ["DEL a", "#Some(1628217470)", "SET a ", "#None"]);
        assert_eq!((offset, fault), (SOUND.len() as u64, None));
    }

    #[test]
    fn wherever_it_is_torn_the_whole_items_before_that_count() {
        let ends = [0, 20, 36, SOUND.len() - 4, SOUND.len()];
        for cut in 0..SOUND.len() {
            let (items, offset, fault) = items(&SOUND[..cut]);
            let whole = ends.iter().filter(|end| **end <= cut).count() - 1;
            assert_eq!((items.len(), offset), (whole, ends[whole] as u64), "cut at {cut}");
            assert_eq!(fault, (ends[whole] != cut).then_some("short"), "cut at {cut}");
        }
    }

    #[test]
    fn what_is_no_command_is_told() {
        for bad in [
            &b"!!!"[..],
            b"*0\r\n",
            b"*x\r\n",
            b"*1\r\n+OK\r\n",
            b"*1\r\n$-1\r\n",
            b"*1\r\n$1\r\nabc",
            b"\0\0\0!",
            b"*1\t\n",
            b"*1\r\n$1\n",
        ] {
            let bytes = [SOUND, bad].concat();
            let (items, offset, fault) = items(&bytes);
            assert_eq!((items.len(), offset, fault), (4, SOUND.len() as u64, Some("format")), "{bad:?}");
        }
        // A length without its bytes is what a crash leaves.
        for torn in [&b"\0\0\0"[..], b"*1\r\n$4\r\nPI\0\0"] {
            let (items, offset, fault) = items(&[SOUND, torn].concat());
            assert_eq!((items.len(), offset, fault), (4, SOUND.len() as u64, Some("short")), "{torn:?}");
        }
        let long_line = [b"*", &[b'1'; 2 * LINE_BYTES_MAX][..]].concat();
        assert_eq!(items(&long_line).2, Some("format"));
    }
}
