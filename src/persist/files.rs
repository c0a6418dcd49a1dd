//! The real disk behind `Files`.

use super::helper::{Errand, Helper};
use super::outside::{AppendFile, Files, OutputFile, ShortWrite};
use std::collections::VecDeque;
use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::fd::AsRawFd;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::Sender;

/// The file system of this machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct RealFiles;

/// A file being written, and how far it has been sent to the disk.
struct RealFile {
    file: File,
    written: u64,
    synced: u64,
}

impl OutputFile for RealFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)?;
        self.written += bytes.len() as u64;
        Ok(())
    }

    fn sync_some(&mut self) -> io::Result<()> {
        let (from, count) = (self.synced as i64, (self.written - self.synced) as i64);
        self.synced = self.written;
        #[cfg(target_os = "linux")]
        // Safety: a system call on a descriptor that is ours; it touches no memory of the process.
        unsafe {
            // It is a hint: whether it was taken shows in the final sync.
            libc::sync_file_range(self.file.as_raw_fd(), from, count, libc::SYNC_FILE_RANGE_WRITE);
        }
        #[cfg(not(target_os = "linux"))]
        let _ = (from, count, self.file.as_raw_fd());
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        self.file.sync_all()
    }
}

/// A file that grows, and the syncs of it that go on beside the loop.
struct RealAppendFile {
    file: Arc<File>,
    /// The way to the thread that syncs; without one, syncing is done on the spot.
    syncs: Option<Sender<(Arc<File>, Arc<Errand>)>>,
    errands: VecDeque<Arc<Errand>>,
    /// What those that are done came to, until all are.
    outcome: Option<io::Result<()>>,
}

impl RealAppendFile {
    /// One failure is the outcome of all.
    fn note(&mut self, outcome: io::Result<()>) {
        if !matches!(self.outcome, Some(Err(_))) {
            self.outcome = Some(outcome);
        }
    }
}

impl AppendFile for RealAppendFile {
    fn append(&mut self, bytes: &[u8]) -> Result<(), ShortWrite> {
        let mut taken = 0;
        while taken < bytes.len() {
            match (&*self.file).write(&bytes[taken..]) {
                Ok(0) => return Err(ShortWrite { taken, error: io::ErrorKind::WriteZero.into() }),
                Ok(count) => taken += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(ShortWrite { taken, error }),
            }
        }
        Ok(())
    }

    fn cut(&mut self, length: u64) -> io::Result<()> {
        self.file.set_len(length)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.file.sync_data()
    }

    fn begin_sync(&mut self) {
        let errand = Arc::new(Errand::default());
        let sent =
            self.syncs.as_ref().is_some_and(|syncs| syncs.send((Arc::clone(&self.file), Arc::clone(&errand))).is_ok());
        if sent {
            self.errands.push_back(errand);
        } else {
            let outcome = self.file.sync_data();
            self.note(outcome);
        }
    }

    fn sync_outcome(&mut self) -> Option<io::Result<()>> {
        while let Some(errand) = self.errands.front() {
            let outcome = errand.take()?;
            self.errands.pop_front();
            self.note(outcome);
        }
        self.outcome.take()
    }

    fn await_sync(&mut self) -> io::Result<()> {
        while let Some(errand) = self.errands.pop_front() {
            let outcome = errand.wait();
            self.note(outcome);
        }
        self.outcome.take().unwrap_or(Ok(()))
    }
}

impl RealFiles {
    /// A file to append to that is synced by the helper, where there is one.
    pub fn append_with(self, path: &Path, helper: Option<&mut Helper>) -> io::Result<Box<dyn AppendFile>> {
        let file = OpenOptions::new().append(true).create(true).open(path)?;
        claim(&file)?;
        let syncs = helper.map(Helper::syncs);
        Ok(Box::new(RealAppendFile { file: Arc::new(file), syncs, errands: VecDeque::new(), outcome: None }))
    }
}

/// Nobody else may write the file while it is open here: two servers in one folder would spoil each other's data. The claim ends with
/// the process, however that ends.
fn claim(file: &File) -> io::Result<()> {
    // Safety: a system call on a descriptor that is ours.
    if unsafe { libc::flock(file.as_raw_fd(), libc::LOCK_EX | libc::LOCK_NB) } == 0 {
        return Ok(());
    }
    match io::Error::last_os_error() {
        error if error.kind() == io::ErrorKind::WouldBlock => Err(io::Error::other(
            "another server is writing it; stop it, or give this one a folder of its own (dir, appenddirname)",
        )),
        // A file system without locks is none to be refused.
        _ => Ok(()),
    }
}

impl Files for RealFiles {
    fn create(&mut self, path: &Path) -> io::Result<Box<dyn OutputFile>> {
        let file = OpenOptions::new().write(true).create(true).truncate(true).open(path)?;
        Ok(Box::new(RealFile { file, written: 0, synced: 0 }))
    }

    fn append(&mut self, path: &Path) -> io::Result<Box<dyn AppendFile>> {
        self.append_with(path, None)
    }

    fn length(&mut self, path: &Path) -> io::Result<u64> {
        fs::metadata(path).map(|facts| facts.len())
    }

    fn cut(&mut self, path: &Path, length: u64) -> io::Result<()> {
        let file = OpenOptions::new().write(true).open(path)?;
        file.set_len(length)?;
        file.sync_all()
    }

    fn make_folder(&mut self, path: &Path) -> io::Result<()> {
        match fs::create_dir(path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
            made => made,
        }
    }

    fn open(&mut self, path: &Path) -> io::Result<(Box<dyn Read>, u64)> {
        let file = File::open(path)?;
        let length = file.metadata()?.len();
        Ok((Box::new(file), length))
    }

    fn names_in(&mut self, folder: &Path) -> io::Result<Vec<OsString>> {
        fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.file_name())).collect()
    }

    fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&mut self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn sync_folder_of(&mut self, path: &Path) -> io::Result<()> {
        let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(folder)?.sync_all()
    }

    fn private_dirty_bytes(&mut self) -> u64 {
        // One line of the kernel's summary: "Private_Dirty:     1234 kB".
        let summary = fs::read_to_string("/proc/self/smaps_rollup").unwrap_or_default();
        let line = summary.lines().find_map(|line| line.strip_prefix("Private_Dirty:")).unwrap_or("");
        let kib: u64 = line.trim().trim_end_matches(" kB").trim().parse().unwrap_or(0);
        kib * 1024
    }

    fn sleep(&mut self, microseconds: u64) {
        std::thread::sleep(std::time::Duration::from_micros(microseconds));
    }
}
