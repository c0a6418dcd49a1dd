//! The last stretch of the replication stream, once for everybody: replicas are sent it from here, each from its own place, and one
//! that lost its link goes on from here.
//!
//! ```text
//!   blocks   [ ═══════ ][ ═══════ ][ ═══════ ][ ════ ·· ]      offsets count the bytes of the stream from 1 on
//!             ▲first               ▲next      ▲next     ▲end   `next`: what a replica lacks
//!             └── at least as much as was asked for, and whatever a replica lacks
//! ```
//!
//! Invariants: blocks are not empty and follow each other; only the last one grows, and never beyond the room that it was made
//! with, so that nothing is moved. However many replicas are behind, each byte is there once.

use std::collections::VecDeque;
use std::io::IoSlice;

/// A block's room, at least.
const BLOCK_BYTES_MIN: usize = 16 * 1024;

/// What is longer than this share of the backlog is cut into several blocks, so that they can be given up in turn.
const BLOCKS_MIN: usize = 16;

/// Blocks that are given up at once: whoever let go of gigabytes does not stop the loop.
const TRIM_BLOCKS_MAX: usize = 256;

#[derive(Debug)]
struct Block {
    /// Offset of its first byte.
    first: i64,
    bytes: Vec<u8>,
}

/// See the head of the file.
#[derive(Debug)]
pub struct Backlog {
    blocks: VecDeque<Block>,
    bytes_max: usize,
    end: i64,
    memory: usize,
}

impl Backlog {
    /// An empty one behind byte `end`.
    pub fn new(bytes_max: u64, end: i64) -> Backlog {
        Backlog { blocks: VecDeque::new(), bytes_max: bytes_max as usize, end, memory: 0 }
    }

    pub fn len(&self) -> usize {
        (self.end - self.first() + 1) as usize
    }

    pub fn is_empty(&self) -> bool {
        self.blocks.is_empty()
    }

    /// Offset of the first byte that is there, or that will be there next.
    pub fn first(&self) -> i64 {
        self.blocks.front().map_or(self.end + 1, |block| block.first)
    }

    /// Bytes that it is to hold for replicas that are not there.
    pub fn bytes_max(&self) -> usize {
        self.bytes_max
    }

    /// Bytes of memory.
    pub fn memory(&self) -> usize {
        self.memory + self.blocks.capacity() * size_of::<Block>()
    }

    /// True when a replica that wants byte `offset` next can be given all from there on.
    pub fn reaches(&self, offset: i64) -> bool {
        self.first() <= offset && offset <= self.end + 1
    }

    /// Bytes from `offset` on.
    pub fn behind(&self, offset: i64) -> usize {
        usize::try_from(self.end + 1 - offset).unwrap_or(0)
    }

    /// The bytes from `offset` on, in pieces, as many as there is room for; how many pieces there are.
    pub fn slices<'a>(&'a self, offset: i64, into: &mut [IoSlice<'a>]) -> usize {
        if !self.reaches(offset) {
            return 0;
        }
        let begin = self.blocks.partition_point(|block| block.first <= offset).saturating_sub(1);
        let mut count = 0;
        for (place, block) in into.iter_mut().zip(self.blocks.range(begin..)) {
            let skipped = usize::try_from(offset - block.first).unwrap_or(0);
            let piece = block.bytes.get(skipped..).unwrap_or(&[]);
            if piece.is_empty() {
                break;
            }
            *place = IoSlice::new(piece);
            count += 1;
        }
        count
    }

    pub fn push(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let has_room = self.blocks.back().is_some_and(|block| block.bytes.len() < block.bytes.capacity());
            if !has_room {
                let most = (self.bytes_max / BLOCKS_MIN).max(BLOCK_BYTES_MIN);
                let room = bytes.len().clamp(BLOCK_BYTES_MIN, most);
                self.blocks.push_back(Block { first: self.end + 1, bytes: Vec::with_capacity(room) });
                self.memory += memory_of(&self.blocks[self.blocks.len() - 1]);
            }
            let block = self.blocks.back_mut().expect("one with room");
            let count = bytes.len().min(block.bytes.capacity() - block.bytes.len());
            block.bytes.extend_from_slice(&bytes[..count]);
            self.end += count as i64;
            bytes = &bytes[count..];
        }
    }

    /// Gives up blocks that nobody needs: no replica, the first of which wants `needed` next, and no such as may come. A few at a
    /// time; false if there are more.
    pub fn trim(&mut self, needed: i64) -> bool {
        for _ in 0..TRIM_BLOCKS_MAX {
            let Some(block) = self.blocks.front() else { return true };
            let next = block.first + block.bytes.len() as i64;
            if next > needed || self.len() - block.bytes.len() < self.bytes_max {
                return true;
            }
            self.memory -= memory_of(block);
            self.blocks.pop_front();
        }
        false
    }

    /// What was counted from 0 was counted from `by`.
    pub fn shift(&mut self, by: i64) {
        self.end += by;
        self.blocks.iter_mut().for_each(|block| block.first += by);
    }

    pub fn resize(&mut self, bytes_max: u64) {
        self.bytes_max = bytes_max as usize;
    }
}

fn memory_of(block: &Block) -> usize {
    crate::base::memory::usable_size(block.bytes.capacity())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::random::Random;

    /// What a replica gets that wants `offset` next, by so many pieces at a time.
    fn read(backlog: &Backlog, mut offset: i64, pieces: usize) -> Vec<u8> {
        let mut all = Vec::new();
        loop {
            let mut into = vec![IoSlice::new(&[]); pieces];
            let count = backlog.slices(offset, &mut into);
            if count == 0 {
                return all;
            }
            for piece in &into[..count] {
                all.extend_from_slice(piece);
                offset += piece.len() as i64;
            }
        }
    }

    #[test]
    fn bytes_are_there_by_their_offsets() {
        let mut backlog = Backlog::new(1 << 20, 100);
        assert_eq!((backlog.first(), backlog.reaches(101), backlog.reaches(100), backlog.len()), (101, true, false, 0));
        for piece in [&b"abc"[..], b"defgh", b"ij"] {
            backlog.push(piece);
        }
        assert_eq!((backlog.first(), backlog.len()), (101, 10));
        for (offset, rest) in [(101, &b"abcdefghij"[..]), (107, b"ghij"), (110, b"j"), (111, b"")] {
            assert!(backlog.reaches(offset));
            assert_eq!((read(&backlog, offset, 1).as_slice(), backlog.behind(offset)), (rest, rest.len()), "{offset}");
        }
        assert!(!backlog.reaches(100) && !backlog.reaches(112));
        assert_eq!((read(&backlog, 100, 1), backlog.behind(112)), (Vec::new(), 0));
        backlog.shift(1000);
        assert_eq!((backlog.first(), read(&backlog, 1107, 1)), (1101, b"ghij".to_vec()));
    }

    #[test]
    fn against_a_model_with_replicas_at_any_place() {
        let mut random = Random::new(5);
        for bytes_max in [16 * 1024, 1 << 20] {
            let (mut backlog, mut model) = (Backlog::new(bytes_max, 0), Vec::new());
            let mut replicas = [1i64; 3];
            for _ in 0..600 {
                let is_large = random.below(20) == 0;
                let mut piece = vec![0; random.below(if is_large { 200_000 } else { 300 }) as usize];
                random.fill(&mut piece);
                backlog.push(&piece);
                model.extend_from_slice(&piece);
                let index = random.below(3) as usize;
                let mut into = [IoSlice::new(&[]); 2];
                let count = backlog.slices(replicas[index], &mut into);
                replicas[index] += into[..count].iter().map(|piece| piece.len() as i64).sum::<i64>();
                let needed = replicas.iter().copied().min().expect("there are three");
                backlog.trim(needed);
                // 1. What is missing in front is nobody's.
                assert!(backlog.first() <= needed && backlog.len() >= model.len().min(bytes_max as usize));
                assert_eq!(backlog.first() as usize + backlog.len(), model.len() + 1);
                // 2. What is there is right, from wherever it is read.
                let from = backlog.first() + random.below(backlog.len() as u64 + 1) as i64;
                assert_eq!(read(&backlog, from, 3), model[from as usize - 1..]);
                // 3. The account of memory is what the blocks hold.
                let blocks: usize = backlog.blocks.iter().map(memory_of).sum();
                assert_eq!(backlog.memory, blocks);
            }
            // 4. When all are in step, no more is held than was asked for and a block.
            while !backlog.trim(i64::MAX) {}
            let block = (bytes_max as usize / BLOCKS_MIN).max(BLOCK_BYTES_MIN);
            assert!(backlog.len() <= bytes_max as usize + block && backlog.memory <= bytes_max as usize + 2 * block);
        }
    }
}
