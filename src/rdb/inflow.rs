//! A dump as it comes, by a link: what is there is read, and a record that is not whole is read again when more of it is.
//!
//! ```text
//!   held   [ ══════ read ══════│┄┄┄ not read yet ┄┄┄ ]        what lies before the reader's mark is dropped
//!            ▲ mark            ▲ read
//! ```
//!
//! A record is tried again when as much again of it has come, so that a long one is read a few times only.

use super::reader::Source;
use std::io;

/// What lies before the mark is dropped when it is as much as this, and more than what is kept, in bytes.
const DROPPED_BYTES_MIN: usize = 64 * 1024;

/// See the head of the file.
#[derive(Debug, Default)]
pub struct Inflow {
    held: Vec<u8>,
    marked: usize,
    read: usize,
    /// So many bytes behind the mark were not enough.
    tried: usize,
    is_whole: bool,
}

impl Inflow {
    /// More has come.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.marked >= DROPPED_BYTES_MIN.max(self.held.len() - self.marked) {
            self.held.drain(..self.marked);
            self.read -= self.marked;
            self.marked = 0;
        }
        self.held.extend_from_slice(bytes);
    }

    /// Nothing more will come.
    pub fn finish(&mut self) {
        self.is_whole = true;
    }

    /// True when reading on may lead somewhere.
    pub fn is_worth_reading(&self) -> bool {
        let unread = self.held.len() - self.marked;
        self.is_whole || unread >= 2 * self.tried && unread > self.tried
    }
}

impl Source for Inflow {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = into.len().min(self.held.len() - self.read);
        if count == 0 && !self.is_whole {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        into[..count].copy_from_slice(&self.held[self.read..self.read + count]);
        self.read += count;
        Ok(count)
    }

    fn bytes_left(&self) -> Option<u64> {
        self.is_whole.then(|| (self.held.len() - self.read) as u64)
    }

    fn rewinds(&self) -> bool {
        true
    }

    fn mark(&mut self, unread: usize) {
        (self.marked, self.tried) = (self.read - unread, 0);
    }

    fn rewind(&mut self) {
        (self.read, self.tried) = (self.marked, self.held.len() - self.marked);
    }
}
