//! Files that are open: for writing, and for growing.

use super::super::outside::{AppendFile, OutputFile, ShortWrite};
use super::course::{Course, Lie, Trouble, Troubles, stumble};
use super::disk::{Disk, Node};
use std::cell::RefCell;
use std::io;
use std::rc::Rc;

/// A file that is open for writing.
pub(super) struct OpenFile {
    pub disk: Rc<RefCell<Disk>>,
    pub course: Rc<Course>,
    pub trouble: Troubles,
    pub node: Node,
    /// Crashes before it was opened.
    pub crashes: u64,
}

impl OpenFile {
    /// Its process is gone: it changes nothing any more.
    fn is_dead(&self) -> bool {
        self.course.crashes.get() != self.crashes
    }

    fn step(&self, what: &str) -> io::Result<()> {
        if self.is_dead() {
            return Err(io::Error::from_raw_os_error(libc::EBADF));
        }
        self.course.step(format_args!("{what} {:?}", self.node))
    }

    /// Bytes of `wanted` that still fit behind a file of this length.
    fn room(&self, length: usize, wanted: usize) -> usize {
        match self.trouble.get() {
            Some(Trouble::Write(after)) => wanted.min((after as usize).saturating_sub(length)),
            _ => wanted,
        }
    }

    /// Appends all, or a part of it.
    fn take(&self, bytes: &[u8]) -> Result<(), ShortWrite> {
        let mut disk = self.disk.borrow_mut();
        let length = disk.read(self.node).map_or(0, <[u8]>::len);
        let failed = self.step("append to");
        if self.is_dead() {
            return failed.map_err(|error| ShortWrite { taken: 0, error });
        }
        // What fails has often done a part of its work.
        let room = if failed.is_ok() { bytes.len() } else { bytes.len() / 2 };
        let taken = self.room(length, room);
        let appended = disk.append(self.node, &bytes[..taken]);
        match failed.and(appended) {
            Ok(()) if taken < bytes.len() => Err(ShortWrite { taken, error: io::ErrorKind::StorageFull.into() }),
            Ok(()) => Ok(()),
            Err(error) => Err(ShortWrite { taken, error }),
        }
    }

    /// A sync that begins now is for what was written before this mark.
    pub fn mark(&self) -> u64 {
        self.disk.borrow().mark(self.node)
    }

    pub fn sync_before(&self, mark: u64, lie: Lie) -> io::Result<()> {
        let synced = self.step("sync").and_then(|()| stumble(&self.trouble, Trouble::Sync));
        let mut disk = self.disk.borrow_mut();
        match synced {
            Ok(()) if self.course.lies(lie) => Ok(()),
            Ok(()) => disk.sync_before(self.node, mark),
            Err(error) if self.is_dead() => Err(error),
            Err(error) => {
                disk.fail_sync_before(self.node, mark);
                Err(error)
            }
        }
    }
}

impl OutputFile for OpenFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.take(bytes).map_err(|short| short.error)
    }

    fn sync_some(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sync_before(self.mark(), Lie::SyncBeforeRename)
    }
}

/// A file that grows. A sync beside the loop is done when it was asked after often enough.
pub(super) struct GrowingFile {
    file: OpenFile,
    syncing: Option<Syncing>,
}

struct Syncing {
    /// It is for what was written before.
    mark: u64,
    asks_left: u32,
}

impl GrowingFile {
    pub fn new(file: OpenFile) -> GrowingFile {
        GrowingFile { file, syncing: None }
    }
}

impl AppendFile for GrowingFile {
    fn append(&mut self, bytes: &[u8]) -> Result<(), ShortWrite> {
        match self.file.take(bytes) {
            Err(_) if self.file.course.lies(Lie::ShortWrite) => Ok(()),
            taken => taken,
        }
    }

    fn cut(&mut self, length: u64) -> io::Result<()> {
        self.file.step("cut")?;
        if self.file.course.lies(Lie::TornTail) {
            return Ok(());
        }
        self.file.disk.borrow_mut().cut(self.file.node, length)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.file.sync_before(self.file.mark(), Lie::SyncBeforeReply)
    }

    fn begin_sync(&mut self) {
        self.syncing = Some(Syncing { mark: self.file.mark(), asks_left: self.file.course.sync_asks.get() });
    }

    fn sync_outcome(&mut self) -> Option<io::Result<()>> {
        let syncing = self.syncing.as_mut()?;
        if syncing.asks_left > 0 {
            syncing.asks_left -= 1;
            return None;
        }
        Some(self.await_sync())
    }

    fn await_sync(&mut self) -> io::Result<()> {
        let Some(Syncing { mark, .. }) = self.syncing.take() else { return Ok(()) };
        self.file.sync_before(mark, Lie::SyncBeforeReply)
    }
}
