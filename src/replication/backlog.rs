//! The last bytes of the replication stream, for replicas that lost their link for a while.
//!
//! ```text
//!   offset 1 … first ════════════════ end        byte `end` is the last one; `first` rises when the ring is full
//! ```

use std::collections::VecDeque;

/// See the head of the file. Offsets count the bytes of the stream from 1 on.
#[derive(Debug)]
pub struct Backlog {
    bytes: VecDeque<u8>,
    bytes_max: usize,
    end: i64,
}

impl Backlog {
    /// An empty one behind byte `end`.
    pub fn new(bytes_max: u64, end: i64) -> Backlog {
        Backlog { bytes: VecDeque::new(), bytes_max: bytes_max as usize, end }
    }

    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Offset of the first byte that is there, or that will be there next.
    pub fn first(&self) -> i64 {
        self.end - self.bytes.len() as i64 + 1
    }

    /// Bytes of memory.
    pub fn memory(&self) -> usize {
        self.bytes.capacity()
    }

    /// True when a replica that wants byte `offset` next can be given all from there on.
    pub fn reaches(&self, offset: i64) -> bool {
        self.first() <= offset && offset <= self.end + 1
    }

    /// The bytes from `offset` on, which must be within reach.
    pub fn from(&self, offset: i64) -> Vec<u8> {
        let skipped = (offset - self.first()) as usize;
        let mut bytes = Vec::with_capacity(self.bytes.len() - skipped);
        let (head, tail) = self.bytes.as_slices();
        bytes.extend_from_slice(head.get(skipped..).unwrap_or(&[]));
        bytes.extend_from_slice(&tail[skipped.saturating_sub(head.len())..]);
        bytes
    }

    pub fn push(&mut self, bytes: &[u8]) {
        self.end += bytes.len() as i64;
        self.bytes.extend(&bytes[bytes.len().saturating_sub(self.bytes_max)..]);
        self.trim();
    }

    /// What was counted from 0 was counted from `by`.
    pub fn shift(&mut self, by: i64) {
        self.end += by;
    }

    pub fn resize(&mut self, bytes_max: u64) {
        self.bytes_max = bytes_max as usize;
        self.trim();
    }

    fn trim(&mut self) {
        let excess = self.bytes.len().saturating_sub(self.bytes_max);
        self.bytes.drain(..excess);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_bytes_are_there_by_their_offsets() {
        let mut backlog = Backlog::new(8, 100);
        assert_eq!((backlog.first(), backlog.reaches(101), backlog.reaches(100)), (101, true, false));
        assert_eq!(backlog.from(101), b"");
        for piece in [&b"abc"[..], b"defgh", b"ij"] {
            backlog.push(piece);
        }
        assert_eq!((backlog.first(), backlog.len()), (103, 8));
        for (offset, rest) in [(103, &b"cdefghij"[..]), (107, b"ghij"), (110, b"j"), (111, b"")] {
            assert!(backlog.reaches(offset));
            assert_eq!(backlog.from(offset), rest, "{offset}");
        }
        assert!(!backlog.reaches(102) && !backlog.reaches(112));
        backlog.push(b"0123456789");
        assert_eq!(backlog.from(backlog.first()), b"23456789");
        backlog.resize(3);
        assert_eq!((backlog.from(118), backlog.first()), (b"789".to_vec(), 118));
        backlog.shift(1000);
        assert_eq!((backlog.from(1119), backlog.first()), (b"89".to_vec(), 1118));
    }
}
