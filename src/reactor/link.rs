//! Links: sockets that this server opens towards others, with what is to be sent. The other end is a server too, but nothing is
//! known here of what is said.
//!
//! ```text
//!   open ──▶ connecting ──writable──▶ connected ──▶ … ──error or end──▶ gone (and removed)
//! ```

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, ToSocketAddrs};
use std::os::fd::{AsRawFd, RawFd};

use mio::net::TcpStream;
use slab::Slab;

use super::listen::connect_from;
use super::poller::{GENERATION_MAX, Poller};

/// Bytes read at once, and how often in a row: more is left for the next turn.
const READ_BYTES: usize = 16 * 1024;
const READS_MAX: usize = 16;

/// What became of a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkEvent {
    Connected,
    /// The kernel took bytes; so many are left.
    Sent(usize),
    Heard(Vec<u8>),
    /// It was removed.
    Gone,
}

struct Link {
    stream: TcpStream,
    generation: u32,
    is_connected: bool,
    unsent: Vec<u8>,
    /// How much of `unsent` went already.
    sent: usize,
}

/// All links, by a stable index and a generation that tells them from those before.
#[derive(Default)]
pub struct Links {
    slab: Slab<Link>,
    next_generation: u32,
}

impl Links {
    /// Begins to connect to the first address of that name at which this can be begun. Looking the name up may take time.
    /// `source`: the address of ours from which it goes; empty for any.
    pub fn open(&mut self, poller: &Poller, source: &str, host: &str, port: u16) -> io::Result<(usize, u32)> {
        let mut last = io::Error::from(ErrorKind::AddrNotAvailable);
        for address in (host, port).to_socket_addrs()? {
            match connect(source, address) {
                Ok(stream) => return self.insert(poller, stream),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    fn insert(&mut self, poller: &Poller, mut stream: TcpStream) -> io::Result<(usize, u32)> {
        self.next_generation = (self.next_generation + 1) & GENERATION_MAX;
        let generation = self.next_generation;
        let entry = self.slab.vacant_entry();
        let index = entry.key();
        poller.register_link(&mut stream, index, generation)?;
        entry.insert(Link { stream, generation, is_connected: false, unsent: Vec::new(), sent: 0 });
        Ok((index, generation))
    }

    fn get_mut(&mut self, index: usize, generation: u32) -> Option<&mut Link> {
        self.slab.get_mut(index).filter(|link| link.generation == generation)
    }

    /// Takes bytes to be sent; `pump` sends them.
    pub fn push(&mut self, index: usize, generation: u32, bytes: Vec<u8>) {
        let Some(link) = self.get_mut(index, generation) else { return };
        if link.sent == link.unsent.len() {
            (link.unsent, link.sent) = (bytes, 0);
        } else {
            link.unsent.extend_from_slice(&bytes);
        }
    }

    /// Its descriptor, and whether it waits for room.
    pub fn descriptor(&self, index: usize, generation: u32) -> Option<(RawFd, bool)> {
        let link = self.slab.get(index).filter(|link| link.generation == generation)?;
        Some((link.stream.as_raw_fd(), !link.is_connected || link.sent < link.unsent.len()))
    }

    pub fn remove(&mut self, poller: &Poller, index: usize, generation: u32) {
        if self.get_mut(index, generation).is_some() {
            poller.deregister(&mut self.slab.remove(index).stream);
        }
    }

    /// Connects, sends and reads as far as the socket lets us. True if there is more to read.
    pub fn pump(&mut self, poller: &Poller, index: usize, generation: u32, events: &mut Vec<LinkEvent>) -> bool {
        let Some(link) = self.get_mut(index, generation) else { return false };
        match link.pump(events) {
            Ok(is_more) => is_more,
            Err(_) => {
                self.remove(poller, index, generation);
                events.push(LinkEvent::Gone);
                false
            }
        }
    }
}

/// Begins to connect, from an address of ours if one is named.
fn connect(source: &str, to: SocketAddr) -> io::Result<TcpStream> {
    if source.is_empty() {
        return TcpStream::connect(to);
    }
    let mut last = io::Error::from(ErrorKind::AddrNotAvailable);
    for from in (source, 0).to_socket_addrs()?.filter(|from| from.is_ipv4() == to.is_ipv4()) {
        match connect_from(from.ip(), to) {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}

impl Link {
    fn pump(&mut self, events: &mut Vec<LinkEvent>) -> io::Result<bool> {
        if !self.is_connected {
            if let Some(error) = self.stream.take_error()? {
                return Err(error);
            }
            match self.stream.peer_addr() {
                Ok(_) => {}
                // Still under way: it was woken for nothing.
                Err(error) if error.kind() == ErrorKind::NotConnected => return Ok(false),
                Err(error) => return Err(error),
            }
            self.stream.set_nodelay(true)?;
            self.is_connected = true;
            events.push(LinkEvent::Connected);
        }
        self.send(events)?;
        self.read(events)
    }

    fn send(&mut self, events: &mut Vec<LinkEvent>) -> io::Result<()> {
        let before = self.sent;
        while self.sent < self.unsent.len() {
            match self.stream.write(&self.unsent[self.sent..]) {
                Ok(count) => self.sent += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        if self.sent > before {
            events.push(LinkEvent::Sent(self.unsent.len() - self.sent));
        }
        if self.sent == self.unsent.len() {
            (self.unsent, self.sent) = (Vec::new(), 0);
        }
        Ok(())
    }

    fn read(&mut self, events: &mut Vec<LinkEvent>) -> io::Result<bool> {
        let mut bytes = vec![0; READ_BYTES];
        for _ in 0..READS_MAX {
            match self.stream.read(&mut bytes) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(count) => events.push(LinkEvent::Heard(bytes[..count].to_vec())),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }
}
