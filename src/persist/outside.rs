//! What persistence asks of the outside, as traits: files, a child process, its pipe.
//!
//! `Files` is all that a snapshot being written needs, in the server and in its child alike; `Outside` adds the child.

use std::io;
use std::path::Path;

/// A file being written.
pub trait OutputFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()>;
    /// Begins to bring what was written to the disk, so that the final sync does not find it all waiting.
    fn sync_some(&mut self) -> io::Result<()>;
    /// Brings all that was written to the disk.
    fn sync(&mut self) -> io::Result<()>;
}

/// Files by name.
pub trait Files {
    /// A new file; one of that name is emptied.
    fn create(&mut self, path: &Path) -> io::Result<Box<dyn OutputFile>>;
    /// A file to be read from its start, and its length.
    fn open(&mut self, path: &Path) -> io::Result<(Box<dyn io::Read>, u64)>;
    fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()>;
    fn remove(&mut self, path: &Path) -> io::Result<()>;
    /// Makes the names in the folder of `path` durable.
    fn sync_folder_of(&mut self, path: &Path) -> io::Result<()>;
    /// Bytes of this process that are no longer shared with its parent: what copy-on-write has cost so far.
    fn private_dirty_bytes(&mut self) -> u64;
    /// Stands still.
    fn sleep(&mut self, microseconds: u64);
}

/// A child's way to its parent.
pub trait Pipe {
    fn send(&mut self, bytes: &[u8]) -> io::Result<()>;
}

/// Files, and a child with a frozen copy of memory.
pub trait Outside: Files {
    /// Forks. In the child, which has no descriptors but the pipe, runs `work` and leaves with the code that it gives;
    /// in the parent gives back the child's process number. What the child sends arrives as pipe news.
    fn fork(&mut self, purpose: Purpose, work: &mut dyn FnMut(&mut dyn Files, &mut dyn Pipe) -> i32)
    -> io::Result<u32>;
    /// Ends a child that is no longer wanted; its end arrives as that of any other.
    fn kill_child(&mut self, pid: u32);
    /// Waits until the child is gone: for leaving.
    fn reap_child(&mut self, pid: u32);
}

/// What a child is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// It writes a dump.
    Snapshot,
    /// It writes a dump to its parent, for replicas.
    Transfer,
}
