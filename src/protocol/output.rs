//! What waits to be sent to one client: bytes of its own, and between them large strings that it only refers to.
//!
//! ```text
//! bytes    $3\r\nfoo\r\n$20000\r\n · \r\n:1\r\n
//! shared                         ▲ a value of 20,000 bytes, not copied
//! sent  ───▶ a cursor: everything before it has left
//! ```
//!
//! Invariant: references stand in order of position, none before the cursor. Knows nothing of sockets: it gives slices
//! and is told how much of them was sent.

use crate::base::shared_bytes::SharedBytes;
use std::collections::VecDeque;
use std::io::IoSlice;

/// A string of this many bytes or more is referred to, a shorter one is copied: below, copying is cheaper than one more
/// piece to send.
pub const SHARED_MIN: usize = 16 * 1024;

/// The unsent replies of one client, or the replies of one batch before they are handed on.
#[derive(Debug, Default)]
pub struct Output {
    /// The bytes that belong to this output alone; writers append.
    pub bytes: Vec<u8>,
    shared: VecDeque<Reference>,
    shared_bytes: usize,
    sent: usize,
    sent_of_shared: usize,
    errors: u64,
    last_error: usize,
}

/// A string that belongs between the bytes before `position` and those from there on.
#[derive(Debug)]
struct Reference {
    position: usize,
    string: SharedBytes,
}

/// A place in an output, to come back to: nothing may be consumed in between.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Mark {
    bytes: usize,
    shared: usize,
}

impl Output {
    /// Nothing to send.
    pub fn new() -> Output {
        Output::default()
    }

    /// Bytes left to send, those of references too.
    #[inline]
    pub fn len(&self) -> usize {
        self.bytes.len() - self.sent + self.shared_bytes
    }

    /// Whether nothing is left to send.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes of memory of its own, and bytes it refers to.
    pub fn memory_usage(&self) -> (usize, usize) {
        (self.bytes.capacity() + self.shared.capacity() * size_of::<Reference>(), self.shared_bytes)
    }

    /// Error replies written so far.
    pub fn errors(&self) -> u64 {
        self.errors
    }

    /// The text of the error written last, from its code on; for who counts errors by code. Good until bytes are consumed.
    pub fn last_error(&self) -> &[u8] {
        let text = self.bytes.get(self.last_error..).unwrap_or(&[]);
        &text[..memchr::memchr(b'\r', text).unwrap_or(text.len())]
    }

    /// Notes that an error text begins at the end of the bytes.
    pub(super) fn note_error(&mut self) {
        self.errors += 1;
        self.last_error = self.bytes.len();
    }

    /// Refers to a string here; nothing is copied.
    pub fn push_shared(&mut self, string: SharedBytes) {
        self.shared_bytes += string.len();
        self.shared.push_back(Reference { position: self.bytes.len(), string });
    }

    /// The end as it is now.
    #[inline]
    pub fn mark(&self) -> Mark {
        Mark { bytes: self.bytes.len(), shared: self.shared.len() }
    }

    /// Bytes written since the mark, those of references too.
    pub fn len_since(&self, mark: Mark) -> usize {
        let shared: usize = self.shared.range(mark.shared..).map(|reference| reference.string.len()).sum();
        self.bytes.len() - mark.bytes + shared
    }

    /// Takes back everything written since the mark.
    pub fn truncate(&mut self, mark: Mark) {
        self.bytes.truncate(mark.bytes);
        while self.shared.len() > mark.shared {
            let dropped = self.shared.pop_back().expect("there are more than the mark counts");
            self.shared_bytes -= dropped.string.len();
        }
    }

    /// Puts bytes at the mark, before everything written since.
    pub(super) fn insert(&mut self, mark: Mark, header: &[u8]) {
        let end = self.bytes.len();
        self.bytes.extend_from_slice(header);
        if mark.bytes < end {
            self.bytes.copy_within(mark.bytes..end, mark.bytes + header.len());
            self.bytes[mark.bytes..mark.bytes + header.len()].copy_from_slice(header);
        }
        for reference in self.shared.range_mut(mark.shared..) {
            reference.position += header.len();
        }
        if self.last_error > mark.bytes {
            self.last_error += header.len();
        }
    }

    /// Appends all that another output has left to send; references stay references.
    pub fn append(&mut self, other: &Output) {
        let mut at = other.sent;
        let mut skip = other.sent_of_shared;
        for reference in &other.shared {
            self.bytes.extend_from_slice(&other.bytes[at..reference.position]);
            at = reference.position;
            if skip == 0 {
                self.push_shared(reference.string.clone());
            } else {
                self.bytes.extend_from_slice(&reference.string[skip..]);
            }
            skip = 0;
        }
        self.bytes.extend_from_slice(&other.bytes[at..]);
    }

    /// All that is to be sent, if it is in one piece.
    #[inline]
    pub fn only_slice(&self) -> Option<&[u8]> {
        if self.shared.is_empty() { Some(&self.bytes[self.sent..]) } else { None }
    }

    /// Fills in the next pieces to send, in order; how many there are, at most as many as there is room for.
    pub fn slices<'a>(&'a self, into: &mut [IoSlice<'a>]) -> usize {
        let mut places = into.iter_mut();
        let mut count = 0;
        // False when there is no room for a piece; an empty one needs none.
        let mut put = |piece: &'a [u8]| {
            if piece.is_empty() {
                return true;
            }
            let Some(place) = places.next() else { return false };
            *place = IoSlice::new(piece);
            count += 1;
            true
        };
        let mut at = self.sent;
        let mut skip = self.sent_of_shared;
        let mut room = true;
        for reference in &self.shared {
            room = room && put(&self.bytes[at..reference.position]) && put(&reference.string[skip..]);
            if !room {
                break;
            }
            at = reference.position;
            skip = 0;
        }
        if room {
            put(&self.bytes[at..]);
        }
        count
    }

    /// Notes that so many bytes have been sent. When all are, the memory is kept and the output begins anew.
    pub fn consume(&mut self, mut count: usize) {
        debug_assert!(count <= self.len(), "no more is sent than there is");
        while let Some(first) = self.shared.front() {
            let before = first.position - self.sent;
            if count < before {
                break;
            }
            let left = first.string.len() - self.sent_of_shared;
            self.sent = first.position;
            let taken = left.min(count - before);
            count -= before + taken;
            self.shared_bytes -= taken;
            self.sent_of_shared += taken;
            if taken < left {
                return;
            }
            self.shared.pop_front();
            self.sent_of_shared = 0;
        }
        self.sent += count;
        if self.is_empty() {
            self.clear();
        }
    }

    /// Forgets everything unsent; the memory is kept.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.shared.clear();
        self.shared_bytes = 0;
        self.sent = 0;
        self.sent_of_shared = 0;
        self.last_error = 0;
    }

    /// Gives back memory beyond `bytes_max`, when nothing waits.
    pub fn shrink(&mut self, bytes_max: usize) {
        if self.is_empty() {
            self.clear();
            self.bytes.shrink_to(bytes_max);
            self.shared = VecDeque::new();
        }
    }

    /// Everything left to send, in one piece: for tests and for replies that do not go to a socket.
    pub fn to_vec(&self) -> Vec<u8> {
        let mut all = vec![IoSlice::new(&[]); 2 * self.shared.len() + 1];
        let count = self.slices(&mut all);
        all[..count].iter().flat_map(|piece| piece.iter().copied()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::random::Random;

    #[test]
    fn what_is_written_is_sent_in_order() {
        let mut random = Random::new(31);
        for _ in 0..2_000 {
            let (mut output, mut model, mut sent) = (Output::new(), Vec::new(), Vec::new());
            for _ in 0..random.below(30) {
                let mut piece = vec![0; random.below(50) as usize];
                random.fill(&mut piece);
                match random.below(5) {
                    0 => {
                        output.push_shared(SharedBytes::from_slice(&piece));
                        model.extend_from_slice(&piece);
                    }
                    1 => {
                        let mut places = [IoSlice::new(&[]); 3];
                        let count = output.slices(&mut places);
                        let ready: Vec<u8> = places[..count].iter().flat_map(|place| place.to_vec()).collect();
                        let take = random.below(ready.len() as u64 + 1) as usize;
                        sent.extend_from_slice(&ready[..take]);
                        output.consume(take);
                    }
                    _ => {
                        output.bytes.extend_from_slice(&piece);
                        model.extend_from_slice(&piece);
                    }
                }
                assert_eq!(output.len(), model.len() - sent.len());
            }
            let mut copy = Output::new();
            copy.append(&output);
            assert_eq!(copy.to_vec(), output.to_vec());
            sent.extend_from_slice(&output.to_vec());
            output.consume(output.len());
            assert_eq!(sent, model);
            assert!(output.is_empty());
        }
    }

    #[test]
    fn a_mark_can_be_returned_to_and_inserted_at() {
        let mut output = Output::new();
        output.bytes.extend_from_slice(b"one ");
        output.push_shared(SharedBytes::from_slice(b"TWO "));
        let mark = output.mark();
        output.bytes.extend_from_slice(b"three ");
        output.push_shared(SharedBytes::from_slice(b"FOUR"));
        assert_eq!(output.len_since(mark), 10);
        output.insert(mark, b"<header>");
        assert_eq!(output.to_vec(), b"one TWO <header>three FOUR");
        output.truncate(mark);
        assert_eq!((output.to_vec(), output.len()), (b"one TWO ".to_vec(), 8));
        output.shrink(0);
        assert_eq!(output.len(), 8, "what waits is not touched");
    }
}
