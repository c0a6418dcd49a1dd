//! What persistence asks of the outside, as traits: files, a child process, its pipe.
//!
//! `Files` is all that a snapshot being written needs, in the server and in its child alike; `Outside` adds the child.
//!
//! What is on the disk, and what only seems to be, is told apart here, because a crash tells it apart:
//!
//! ```text
//! bytes of a file        safe after its `sync`; one that fails says nothing good of any byte written since the last that did not
//! a name in a folder     (create, append, rename, remove, make_folder) safe after `sync_folder_of`; until then any subset may be lost
//! ```

use std::ffi::OsString;
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

/// Bytes that were not all taken: how many were, and why no more.
#[derive(Debug)]
pub struct ShortWrite {
    pub taken: usize,
    pub error: io::Error,
}

/// A file that grows at its end. Dropping it closes it, and syncs nothing.
pub trait AppendFile {
    /// Appends all of `bytes`, or a part of them.
    fn append(&mut self, bytes: &[u8]) -> Result<(), ShortWrite>;
    /// Cuts off what stands behind `length`.
    fn cut(&mut self, length: u64) -> io::Result<()>;
    /// Brings all that was appended to the disk.
    fn sync(&mut self) -> io::Result<()>;
    /// Begins the same beside the loop, which is woken when it is done. One that is begun while another goes on comes behind it.
    fn begin_sync(&mut self);
    /// What the syncs that were begun came to, once, and badly if one of them did; `None` while one goes on, or when none was begun.
    fn sync_outcome(&mut self) -> Option<io::Result<()>>;
    /// Waits for the syncs that were begun. (None is as good as one that succeeded.)
    fn await_sync(&mut self) -> io::Result<()>;
}

/// Files by name.
pub trait Files {
    /// A new file; one of that name is emptied.
    fn create(&mut self, path: &Path) -> io::Result<Box<dyn OutputFile>>;
    /// A file to append to; it is made if it is not there. An error if another process has it open for that.
    fn append(&mut self, path: &Path) -> io::Result<Box<dyn AppendFile>>;
    /// A file to be read from its start, and its length.
    fn open(&mut self, path: &Path) -> io::Result<(Box<dyn io::Read>, u64)>;
    /// The length of a file; an error of the kind `NotFound` if there is none. (A folder has one, too.)
    fn length(&mut self, path: &Path) -> io::Result<u64>;
    /// Cuts off what stands behind `length`, and syncs what is left.
    fn cut(&mut self, path: &Path, length: u64) -> io::Result<()>;
    /// Makes a folder, unless it is there.
    fn make_folder(&mut self, path: &Path) -> io::Result<()>;
    /// The names of what is in a folder, in no order.
    fn names_in(&mut self, folder: &Path) -> io::Result<Vec<OsString>>;
    fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()>;
    fn remove(&mut self, path: &Path) -> io::Result<()>;
    /// Removes a file that nobody needs; giving its room back is done beside the loop. That it fails is no harm.
    fn discard(&mut self, path: &Path) {
        let _ = self.remove(path);
    }
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
    /// It writes the append-only file anew.
    Rewrite,
    /// It writes a dump to its parent, for replicas.
    Transfer,
}
