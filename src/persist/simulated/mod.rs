//! A disk in memory behind `Files` and `Outside`, with failures on demand, and children that run at once: for tests and the
//! simulation of crashes.
//!
//! ```text
//! the engine ──▶ SimulatedDisk: counts operations, fails or stops at one, lies if told to ──▶ disk::Disk: what is safe
//! ```
//!
//! A crash is two steps: from one operation on all of them fail (`stop_at`), so that the process runs into its end as it would;
//! then `crash` decides what is left, and everything that was open is dead.

pub mod disk;

use self::disk::{Disk, Node, folder_of};
use super::outside::{AppendFile, Files, OutputFile, Outside, Pipe, Purpose, ShortWrite};
use crate::base::random::Random;
use std::cell::{Cell, RefCell};
use std::ffi::OsString;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// What goes wrong until it is told otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    Create,
    /// After so many bytes of a file: the disk is full.
    Write(u64),
    Sync,
    Rename,
    Fork,
}

/// Mistakes that a server could make, planted between it and the disk: the simulation must find each of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lie {
    /// Names are not made durable.
    FolderSync,
    /// A file gets its name before its bytes are durable.
    SyncBeforeRename,
    /// The append-only file is not made durable before a reply leaves.
    SyncBeforeReply,
}

/// What happens at which operation. Shared by all who see the disk.
#[derive(Debug, Default)]
struct Course {
    /// Operations that change something, so far.
    operations: Cell<u64>,
    /// From this one on everything fails: the machine is about to be gone.
    stop_at: Cell<Option<u64>>,
    /// This one fails, and no other.
    fail_at: Cell<Option<u64>>,
    lie: Cell<Option<Lie>>,
    /// Crashes so far: what was opened before the last one is dead.
    crashes: Cell<u64>,
}

impl Course {
    /// One operation more; an error if it is to fail.
    fn step(&self) -> io::Result<()> {
        let now = self.operations.get() + 1;
        self.operations.set(now);
        let stops = self.stop_at.get().is_some_and(|at| now >= at);
        if stops || self.fail_at.get() == Some(now) { Err(io::Error::from_raw_os_error(libc::EIO)) } else { Ok(()) }
    }

    fn lies(&self, lie: Lie) -> bool {
        self.lie.get() == Some(lie)
    }
}

/// What goes wrong until it is told otherwise; shared: what is open meets it as well.
type Troubles = Rc<Cell<Option<Trouble>>>;

fn stumble(troubles: &Troubles, at: Trouble) -> io::Result<()> {
    if troubles.get() == Some(at) { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
}

/// Files by path. Clones share them, as parent and child share a disk.
#[derive(Clone, Debug, Default)]
pub struct SimulatedDisk {
    disk: Rc<RefCell<Disk>>,
    course: Rc<Course>,
    pub trouble: Troubles,
    /// Children that ran: what each sent, and the code with which it left.
    pub children: Vec<(Vec<u8>, i32)>,
    pub killed: Vec<u32>,
}

impl SimulatedDisk {
    /// The bytes of a file, as the living see them.
    pub fn file(&self, path: impl AsRef<Path>) -> Option<Vec<u8>> {
        let disk = self.disk.borrow();
        let node = disk.find(path.as_ref()).ok().filter(|&node| !disk.is_folder(node))?;
        disk.read(node).ok().map(<[u8]>::to_vec)
    }

    /// A file that is on the disk already.
    pub fn put(&mut self, path: impl AsRef<Path>, bytes: Vec<u8>) {
        self.disk.borrow_mut().put(path.as_ref(), bytes);
    }

    /// The names of all files.
    pub fn paths(&self) -> Vec<PathBuf> {
        let disk = self.disk.borrow();
        let is_file = |path: &&Path| disk.find(path).is_ok_and(|node| !disk.is_folder(node));
        disk.names().filter(is_file).map(Path::to_owned).collect()
    }

    /// The mistake that is planted.
    pub fn plant(&self, lie: Lie) {
        self.course.lie.set(Some(lie));
    }

    /// Operations so far, of those that change something.
    pub fn operations(&self) -> u64 {
        self.course.operations.get()
    }

    /// From this operation on everything fails, until the crash.
    pub fn stop_at(&self, operation: u64) {
        self.course.stop_at.set(Some(operation));
    }

    /// This operation fails.
    pub fn fail_at(&self, operation: u64) {
        self.course.fail_at.set(Some(operation));
    }

    /// Whether the disk has stopped.
    pub fn has_stopped(&self) -> bool {
        self.course.stop_at.get().is_some_and(|at| self.operations() >= at)
    }

    /// The process is gone, but not the machine: the system keeps what it was given.
    pub fn kill(&self) {
        let course = &self.course;
        course.crashes.set(course.crashes.get() + 1);
        course.stop_at.set(None);
        course.fail_at.set(None);
        self.trouble.set(None);
    }

    /// The machine is gone and comes back: what was open is dead, what was not safe is kept, lost or torn as the dice fall.
    pub fn crash(&mut self, random: &mut Random) {
        self.disk.borrow_mut().crash(random);
        self.kill();
    }

    fn open_node(&self, node: Node) -> OpenFile {
        OpenFile {
            disk: Rc::clone(&self.disk),
            course: Rc::clone(&self.course),
            trouble: Rc::clone(&self.trouble),
            node,
            crashes: self.course.crashes.get(),
        }
    }
}

/// A file that is open for writing.
struct OpenFile {
    disk: Rc<RefCell<Disk>>,
    course: Rc<Course>,
    trouble: Troubles,
    node: Node,
    /// Crashes before it was opened.
    crashes: u64,
}

impl OpenFile {
    fn step(&self) -> io::Result<()> {
        if self.course.crashes.get() != self.crashes {
            return Err(io::Error::from_raw_os_error(libc::EBADF));
        }
        self.course.step()
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
        let failed = self.step();
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

    fn sync_unless(&self, lie: Lie) -> io::Result<()> {
        let synced = self.step().and_then(|()| stumble(&self.trouble, Trouble::Sync));
        let mut disk = self.disk.borrow_mut();
        match synced {
            Ok(()) if self.course.lies(lie) => Ok(()),
            Ok(()) => disk.sync(self.node),
            Err(error) => {
                disk.fail_sync(self.node);
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
        self.sync_unless(Lie::SyncBeforeRename)
    }
}

/// A file that grows. A sync beside the loop is done when it is asked after.
struct GrowingFile {
    file: OpenFile,
    is_syncing: bool,
}

impl AppendFile for GrowingFile {
    fn append(&mut self, bytes: &[u8]) -> Result<(), ShortWrite> {
        self.file.take(bytes)
    }

    fn cut(&mut self, length: u64) -> io::Result<()> {
        self.file.step()?;
        self.file.disk.borrow_mut().cut(self.file.node, length)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.file.sync_unless(Lie::SyncBeforeReply)
    }

    fn begin_sync(&mut self) {
        self.is_syncing = true;
    }

    fn sync_outcome(&mut self) -> Option<io::Result<()>> {
        std::mem::take(&mut self.is_syncing).then(|| self.sync())
    }

    fn await_sync(&mut self) -> io::Result<()> {
        self.sync_outcome().unwrap_or(Ok(()))
    }
}

impl Files for SimulatedDisk {
    fn create(&mut self, path: &Path) -> io::Result<Box<dyn OutputFile>> {
        self.course.step()?;
        stumble(&self.trouble, Trouble::Create)?;
        let mut disk = self.disk.borrow_mut();
        let node = disk.open(path)?;
        disk.cut(node, 0)?;
        Ok(Box::new(self.open_node(node)))
    }

    fn append(&mut self, path: &Path) -> io::Result<Box<dyn AppendFile>> {
        self.course.step()?;
        stumble(&self.trouble, Trouble::Create)?;
        let node = self.disk.borrow_mut().open(path)?;
        Ok(Box::new(GrowingFile { file: self.open_node(node), is_syncing: false }))
    }

    fn length(&mut self, path: &Path) -> io::Result<u64> {
        let disk = self.disk.borrow();
        disk.read(disk.find(path)?).map(|bytes| bytes.len() as u64)
    }

    fn cut(&mut self, path: &Path, length: u64) -> io::Result<()> {
        self.course.step()?;
        let mut disk = self.disk.borrow_mut();
        let node = disk.find(path)?;
        disk.cut(node, length)?;
        disk.sync(node)
    }

    fn make_folder(&mut self, path: &Path) -> io::Result<()> {
        self.course.step()?;
        stumble(&self.trouble, Trouble::Create)?;
        self.disk.borrow_mut().make_folder(path)
    }

    fn open(&mut self, path: &Path) -> io::Result<(Box<dyn Read>, u64)> {
        let disk = self.disk.borrow();
        let bytes = disk.read(disk.find(path)?)?.to_vec();
        let length = bytes.len() as u64;
        Ok((Box::new(io::Cursor::new(bytes)), length))
    }

    fn names_in(&mut self, folder: &Path) -> io::Result<Vec<OsString>> {
        let in_folder = |path: &&PathBuf| folder_of(path) == folder;
        Ok(self.paths().iter().filter(in_folder).filter_map(|path| Some(path.file_name()?.into())).collect())
    }

    fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        self.course.step()?;
        stumble(&self.trouble, Trouble::Rename)?;
        self.disk.borrow_mut().rename(from, to)
    }

    fn remove(&mut self, path: &Path) -> io::Result<()> {
        self.course.step()?;
        self.disk.borrow_mut().remove(path)
    }

    fn sync_folder_of(&mut self, path: &Path) -> io::Result<()> {
        self.course.step()?;
        if !self.course.lies(Lie::FolderSync) {
            self.disk.borrow_mut().sync_folder(folder_of(path));
        }
        Ok(())
    }

    fn private_dirty_bytes(&mut self) -> u64 {
        4096
    }

    fn sleep(&mut self, _: u64) {}
}

struct Collector(Vec<u8>);

impl Pipe for Collector {
    fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }
}

impl Outside for SimulatedDisk {
    fn fork(&mut self, _: Purpose, work: &mut dyn FnMut(&mut dyn Files, &mut dyn Pipe) -> i32) -> io::Result<u32> {
        stumble(&self.trouble, Trouble::Fork)?;
        let mut pipe = Collector(Vec::new());
        let code = work(&mut self.clone(), &mut pipe);
        self.children.push((pipe.0, code));
        // A child names its files by its own number.
        Ok(std::process::id())
    }

    fn kill_child(&mut self, pid: u32) {
        self.killed.push(pid);
    }

    fn reap_child(&mut self, _: u32) {}
}
