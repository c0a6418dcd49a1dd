//! A disk in memory, with failures on demand, and children that run at once: for tests and the simulator.

use super::outside::{AppendFile, Files, OutputFile, Outside, Pipe, Purpose, ShortWrite};
use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// What goes wrong next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    Create,
    /// After so many bytes of a file.
    Write(u64),
    Sync,
    Rename,
    Fork,
}

/// Files by path. Clones share them, as parent and child share a disk.
#[derive(Clone, Debug, Default)]
pub struct SimulatedDisk {
    files: Rc<RefCell<HashMap<PathBuf, Vec<u8>>>>,
    folders: Rc<RefCell<HashSet<PathBuf>>>,
    /// Shared, too: what is open meets it as well.
    pub trouble: Rc<Cell<Option<Trouble>>>,
    /// Children that ran: what each sent, and the code with which it left.
    pub children: Vec<(Vec<u8>, i32)>,
    pub killed: Vec<u32>,
}

impl SimulatedDisk {
    pub fn file(&self, path: impl AsRef<Path>) -> Option<Vec<u8>> {
        self.files.borrow().get(path.as_ref()).cloned()
    }

    pub fn put(&mut self, path: impl AsRef<Path>, bytes: Vec<u8>) {
        self.files.borrow_mut().insert(path.as_ref().to_owned(), bytes);
    }

    pub fn paths(&self) -> Vec<PathBuf> {
        let mut paths: Vec<PathBuf> = self.files.borrow().keys().cloned().collect();
        paths.sort();
        paths
    }

    fn stumble(&self, at: Trouble) -> io::Result<()> {
        if self.trouble.get() == Some(at) { Err(io::Error::from(io::ErrorKind::StorageFull)) } else { Ok(()) }
    }
}

struct SimulatedFile {
    disk: SimulatedDisk,
    path: PathBuf,
}

impl OutputFile for SimulatedFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut files = self.disk.files.borrow_mut();
        let file = files.get_mut(&self.path).ok_or(io::ErrorKind::NotFound)?;
        file.extend_from_slice(bytes);
        match self.disk.trouble.get() {
            Some(Trouble::Write(after)) if file.len() as u64 > after => Err(io::ErrorKind::StorageFull.into()),
            _ => Ok(()),
        }
    }

    fn sync_some(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        self.disk.stumble(Trouble::Sync)
    }
}

/// A file that grows. A sync beside the loop is done when the loop asks after it.
struct SimulatedAppendFile {
    disk: SimulatedDisk,
    path: PathBuf,
    is_syncing: bool,
}

impl AppendFile for SimulatedAppendFile {
    fn append(&mut self, bytes: &[u8]) -> Result<(), ShortWrite> {
        let mut files = self.disk.files.borrow_mut();
        // A file that was removed takes bytes all the same; nobody will see them.
        let Some(file) = files.get_mut(&self.path) else { return Ok(()) };
        let room = match self.disk.trouble.get() {
            Some(Trouble::Write(after)) => (after as usize).saturating_sub(file.len()),
            _ => bytes.len(),
        };
        let taken = room.min(bytes.len());
        file.extend_from_slice(&bytes[..taken]);
        if taken == bytes.len() { Ok(()) } else { Err(ShortWrite { taken, error: io::ErrorKind::StorageFull.into() }) }
    }

    fn cut(&mut self, length: u64) -> io::Result<()> {
        Files::cut(&mut self.disk, &self.path, length)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.disk.stumble(Trouble::Sync)
    }

    fn begin_sync(&mut self) {
        self.is_syncing = true; // one covers them all
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
        self.stumble(Trouble::Create)?;
        self.put(path, Vec::new());
        Ok(Box::new(SimulatedFile { disk: self.clone(), path: path.to_owned() }))
    }

    fn append(&mut self, path: &Path) -> io::Result<Box<dyn AppendFile>> {
        self.stumble(Trouble::Create)?;
        self.files.borrow_mut().entry(path.to_owned()).or_default();
        Ok(Box::new(SimulatedAppendFile { disk: self.clone(), path: path.to_owned(), is_syncing: false }))
    }

    fn length(&mut self, path: &Path) -> io::Result<u64> {
        let is_folder = self.folders.borrow().contains(path);
        match self.files.borrow().get(path) {
            Some(bytes) => Ok(bytes.len() as u64),
            None if is_folder => Ok(0),
            None => Err(io::Error::from_raw_os_error(libc::ENOENT)),
        }
    }

    fn cut(&mut self, path: &Path, length: u64) -> io::Result<()> {
        let mut files = self.files.borrow_mut();
        files.get_mut(path).ok_or(io::ErrorKind::NotFound)?.truncate(length as usize);
        Ok(())
    }

    fn make_folder(&mut self, path: &Path) -> io::Result<()> {
        self.stumble(Trouble::Create)?;
        self.folders.borrow_mut().insert(path.to_owned());
        Ok(())
    }

    fn open(&mut self, path: &Path) -> io::Result<(Box<dyn Read>, u64)> {
        let bytes = self.file(path).ok_or(io::ErrorKind::NotFound)?;
        let length = bytes.len() as u64;
        Ok((Box::new(io::Cursor::new(bytes)), length))
    }

    fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        self.stumble(Trouble::Rename)?;
        let bytes = self.files.borrow_mut().remove(from).ok_or(io::ErrorKind::NotFound)?;
        self.put(to, bytes);
        Ok(())
    }

    fn remove(&mut self, path: &Path) -> io::Result<()> {
        self.files.borrow_mut().remove(path).map(drop).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn sync_folder_of(&mut self, _: &Path) -> io::Result<()> {
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
        self.stumble(Trouble::Fork)?;
        let mut pipe = Collector(Vec::new());
        let code = work(&mut self.clone(), &mut pipe);
        self.children.push((pipe.0, code));
        // It is this process that ran.
        Ok(std::process::id())
    }

    fn kill_child(&mut self, pid: u32) {
        self.killed.push(pid);
    }

    fn reap_child(&mut self, _: u32) {}
}
