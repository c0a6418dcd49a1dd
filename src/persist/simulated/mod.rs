//! A disk in memory behind `Files` and `Outside`, with failures on demand, and children that run at once: for tests and the
//! simulation of crashes.
//!
//! ```text
//! the engine ──▶ SimulatedDisk: counts operations, fails or stops at one, lies if told to ──▶ disk::Disk: what is safe
//! ```
//!
//! A crash is two steps: from one operation on all of them fail (`stop_at`), so that the process runs into its end as it would;
//! then `crash` decides what is left, and everything that was open is dead.

mod course;
pub mod disk;
mod open;

pub use self::course::{Lie, Trouble};

use self::course::{Course, Troubles, stumble};
use self::disk::{Disk, Node, folder_of};
use self::open::{GrowingFile, OpenFile};
use super::outside::{AppendFile, Files, OutputFile, Outside, Pipe, Purpose};
use crate::base::random::Random;
use std::cell::RefCell;
use std::ffi::OsString;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::rc::Rc;

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

    /// From now on what happens is written down.
    pub fn tell_story(&self) {
        *self.course.story.borrow_mut() = Some(Vec::new());
    }

    /// What was written down so far.
    pub fn story(&self) -> Vec<String> {
        self.course.story.borrow().clone().unwrap_or_default()
    }

    /// Writes something down, if somebody wants to read it.
    pub fn note(&self, what: std::fmt::Arguments<'_>) {
        self.course.note(what);
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

    /// Syncs beside the loop that begin from now on are done when so many have asked for them in vain.
    pub fn slow_syncs(&self, asks: u32) {
        self.course.sync_asks.set(asks);
    }

    /// Of the bytes that failed syncs were for, some leave memory.
    pub fn evict(&mut self, random: &mut Random) {
        self.disk.borrow_mut().evict(random);
    }

    /// A sync has failed whose bytes were not written again: what is seen of them may not be on the disk.
    pub fn is_in_doubt(&self) -> bool {
        self.disk.borrow().is_in_doubt()
    }

    /// Whether something was made to fail since the last crash.
    pub fn has_failed(&self) -> bool {
        let fails = self.course.fail_at.get().is_some_and(|at| self.operations() >= at);
        fails || self.has_stopped()
    }

    /// Nothing is going to fail.
    pub fn recover(&self) {
        self.course.stop_at.set(None);
        self.course.fail_at.set(None);
        self.trouble.set(None);
    }

    /// Whether the disk has stopped.
    pub fn has_stopped(&self) -> bool {
        self.course.stop_at.get().is_some_and(|at| self.operations() >= at)
    }

    /// The process is gone, but not the machine: the system keeps what it was given.
    pub fn kill(&self) {
        let course = &self.course;
        course.crashes.set(course.crashes.get() + 1);
        self.recover();
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

impl Files for SimulatedDisk {
    fn create(&mut self, path: &Path) -> io::Result<Box<dyn OutputFile>> {
        self.course.step(format_args!("create {path:?}"))?;
        stumble(&self.trouble, Trouble::Create)?;
        let mut disk = self.disk.borrow_mut();
        let node = disk.open(path)?;
        disk.cut(node, 0)?;
        Ok(Box::new(self.open_node(node)))
    }

    fn append(&mut self, path: &Path) -> io::Result<Box<dyn AppendFile>> {
        self.course.step(format_args!("open {path:?}"))?;
        stumble(&self.trouble, Trouble::Create)?;
        let node = self.disk.borrow_mut().open(path)?;
        Ok(Box::new(GrowingFile::new(self.open_node(node))))
    }

    fn length(&mut self, path: &Path) -> io::Result<u64> {
        let disk = self.disk.borrow();
        disk.read(disk.find(path)?).map(|bytes| bytes.len() as u64)
    }

    fn cut(&mut self, path: &Path, length: u64) -> io::Result<()> {
        self.course.step(format_args!("cut {path:?}"))?;
        if self.course.lies(Lie::TornTail) {
            return Ok(());
        }
        let node = self.disk.borrow().find(path)?;
        self.disk.borrow_mut().cut(node, length)?;
        let file = self.open_node(node);
        file.sync_before(file.mark(), Lie::TornTail)
    }

    fn write_again(&mut self, path: &Path) -> io::Result<()> {
        self.course.step(format_args!("write again {path:?}"))?;
        let node = self.disk.borrow().find(path)?;
        if !self.course.lies(Lie::WriteAgain) {
            self.disk.borrow_mut().write_again(node)?;
        }
        let file = self.open_node(node);
        file.sync_before(file.mark(), Lie::TornTail)
    }

    fn make_folder(&mut self, path: &Path) -> io::Result<()> {
        self.course.step(format_args!("make folder {path:?}"))?;
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
        self.course.step(format_args!("rename {from:?} to {to:?}"))?;
        stumble(&self.trouble, Trouble::Rename)?;
        self.disk.borrow_mut().rename(from, to)
    }

    fn remove(&mut self, path: &Path) -> io::Result<()> {
        self.course.step(format_args!("remove {path:?}"))?;
        self.disk.borrow_mut().remove(path)
    }

    fn sync_folder_of(&mut self, path: &Path) -> io::Result<()> {
        self.course.step(format_args!("sync folder of {path:?}"))?;
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
