//! The real disk behind `Files`.

use super::outside::{Files, OutputFile};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::fd::AsRawFd;
use std::path::Path;

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

impl Files for RealFiles {
    fn create(&mut self, path: &Path) -> io::Result<Box<dyn OutputFile>> {
        let file = OpenOptions::new().write(true).create(true).truncate(true).open(path)?;
        Ok(Box::new(RealFile { file, written: 0, synced: 0 }))
    }

    fn open(&mut self, path: &Path) -> io::Result<(Box<dyn Read>, u64)> {
        let file = File::open(path)?;
        let length = file.metadata()?.len();
        Ok((Box::new(file), length))
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
