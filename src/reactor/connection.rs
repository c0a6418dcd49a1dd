//! Connections: sockets in a slab, read into a buffer of the caller's, written from pieces of the caller's.

use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::os::fd::{AsRawFd, RawFd};

use mio::net::{TcpStream, UnixStream};
use slab::Slab;

use super::poller::{GENERATION_MAX, Poller};

/// A socket of either family.
enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

/// One connection.
pub struct Connection {
    stream: Stream,
    pub generation: u32,
    /// The peer has closed its side: reading goes on to the end of what came.
    pub is_read_closed: bool,
    /// The socket took less than it was given; it says when there is room again.
    pub is_write_blocked: bool,
}

/// What a read gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadOutcome {
    /// So many bytes, and there may be more.
    More(usize),
    /// So many bytes (0 too), and nothing more for now.
    Drained(usize),
    /// The peer is gone.
    Closed,
}

impl Connection {
    pub fn descriptor(&self) -> RawFd {
        match &self.stream {
            Stream::Tcp(s) => s.as_raw_fd(),
            Stream::Unix(s) => s.as_raw_fd(),
        }
    }

    /// Reads once. A short read ends the round, unless the peer has closed: then the end itself must still be met.
    #[inline]
    pub fn read(&mut self, into: &mut [u8]) -> ReadOutcome {
        let wanted = into.len();
        loop {
            let got = match &mut self.stream {
                Stream::Tcp(s) => s.read(into),
                Stream::Unix(s) => s.read(into),
            };
            return match got {
                Ok(0) => ReadOutcome::Closed,
                Ok(n) if n < wanted && !self.is_read_closed => ReadOutcome::Drained(n),
                Ok(n) => ReadOutcome::More(n),
                Err(e) if e.kind() == ErrorKind::WouldBlock => ReadOutcome::Drained(0),
                Err(e) if e.kind() == ErrorKind::Interrupted => continue,
                Err(_) => ReadOutcome::Closed,
            };
        }
    }

    /// Writes pieces; how many bytes went, or the error that ends the connection. 0: the socket is full.
    #[inline]
    pub fn write(&mut self, pieces: &[IoSlice]) -> io::Result<usize> {
        loop {
            let put = match (&mut self.stream, pieces) {
                (Stream::Tcp(s), [one]) => s.write(one),
                (Stream::Tcp(s), _) => s.write_vectored(pieces),
                (Stream::Unix(s), [one]) => s.write(one),
                (Stream::Unix(s), _) => s.write_vectored(pieces),
            };
            return match put {
                Err(e) if e.kind() == ErrorKind::WouldBlock => {
                    self.is_write_blocked = true;
                    Ok(0)
                }
                Err(e) if e.kind() == ErrorKind::Interrupted => continue,
                other => other,
            };
        }
    }
}

/// All connections, by a stable index.
#[derive(Default)]
pub struct Connections {
    slab: Slab<Connection>,
    next_generation: u32,
}

impl Connections {
    fn insert(&mut self, poller: &Poller, mut stream: Stream) -> io::Result<usize> {
        self.next_generation = (self.next_generation + 1) & GENERATION_MAX;
        let generation = self.next_generation;
        let entry = self.slab.vacant_entry();
        let index = entry.key();
        match &mut stream {
            Stream::Tcp(s) => poller.register_connection(s, index, generation)?,
            Stream::Unix(s) => poller.register_connection(s, index, generation)?,
        }
        entry.insert(Connection { stream, generation, is_read_closed: false, is_write_blocked: false });
        Ok(index)
    }

    /// Takes in an accepted TCP socket.
    pub fn insert_tcp(&mut self, poller: &Poller, stream: TcpStream) -> io::Result<usize> {
        self.insert(poller, Stream::Tcp(stream))
    }

    /// Takes in an accepted Unix socket.
    pub fn insert_unix(&mut self, poller: &Poller, stream: UnixStream) -> io::Result<usize> {
        self.insert(poller, Stream::Unix(stream))
    }

    #[inline]
    pub fn get_mut(&mut self, index: usize) -> Option<&mut Connection> {
        self.slab.get_mut(index)
    }

    /// Closes a connection.
    pub fn remove(&mut self, poller: &Poller, index: usize) {
        if let Some(mut connection) = self.slab.try_remove(index) {
            match &mut connection.stream {
                Stream::Tcp(s) => poller.deregister(s),
                Stream::Unix(s) => poller.deregister(s),
            }
        }
    }

    pub fn len(&self) -> usize {
        self.slab.len()
    }

    pub fn is_empty(&self) -> bool {
        self.slab.is_empty()
    }
}
