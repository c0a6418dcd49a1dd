//! Links to other servers as the server sees them: opened, given bytes, and telling in turn what became of that. The loop
//! owns the sockets.

use std::io;

/// One link; never used again for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LinkKey(pub u64);

/// What became of a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkNews {
    /// It is there: bytes may be sent.
    Connected,
    /// The other side took so many bytes; `left` are still to be sent.
    Sent { left: usize },
    /// The other side sent these.
    Heard(Vec<u8>),
    /// It is gone, and was closed on our side too.
    Gone,
}

/// Links to other servers.
pub trait Links {
    /// Begins to connect; the news tells how that ended.
    fn open(&mut self, host: &[u8], port: u16) -> io::Result<LinkKey>;

    /// The same from this address of ours; from any, if it is empty.
    fn open_from(&mut self, source: &[u8], host: &[u8], port: u16) -> io::Result<LinkKey>;

    /// Sends bytes, now or as soon as there is room; they are in order.
    fn send(&mut self, link: LinkKey, bytes: Vec<u8>);

    /// Closes it; nothing is heard of it any more.
    fn close(&mut self, link: LinkKey);

    /// Stands still until there is news of this link, or the time is over (then there is none). The whole server waits: for
    /// commands that may not wait where they stand.
    fn wait(&mut self, link: LinkKey, ms: i64) -> Vec<LinkNews>;
}
