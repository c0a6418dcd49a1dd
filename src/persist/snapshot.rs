//! Writing a snapshot to its file, in the server or in its child: beside the old one, synced, then in its place.
//!
//! ```text
//!   temp-<pid>.rdb: write … write, sync  ──▶  rename over the old dump  ──▶  sync the folder
//! ```
//!
//! Invariant: the old dump stays whole until the new one is whole on the disk; what fails removes the unfinished file.

use super::outside::{Files, OutputFile, Pipe};
use super::report::Report;
use super::state::unfinished_path;
use crate::base::clock::Clock;
use crate::config::Settings;
use crate::config::load::system_text;
use crate::keyspace::Keyspace;
use crate::rdb::older::Losses;
use crate::rdb::save::{Facts, write_dump};
use crate::rdb::writer::{Choices, Sink, Writer};
use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Bytes after which the disk is told to begin, so that the last sync does not have everything to do.
const SYNC_EVERY_BYTES: usize = 4 * 1024 * 1024;

/// Keys between two looks at the clock.
const KEYS_PER_LOOK: u64 = 1024;

/// How often a child tells how far it is.
const REPORT_EVERY_NS: u64 = 1_000_000_000;

/// Counting the copied pages takes time of the child's own: at most one part in so many.
const COUNTING_SHARE: u64 = 100;

/// Why there is no new snapshot: a line for the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SaveFailure(pub String);

/// What a snapshot is made of and where it goes.
pub struct Job<'j> {
    pub keyspace: &'j Keyspace,
    pub settings: &'j Settings,
    pub facts: Facts<'j>,
    pub clock: &'j Clock,
    /// The process that writes.
    pub pid: u32,
}

/// The path of the dump, from the working directory.
pub fn dump_path(settings: &Settings) -> PathBuf {
    PathBuf::from(OsStr::from_bytes(&settings.rdb_file_name))
}

/// Writes a snapshot in place of the old one.
pub fn save(job: &Job<'_>, files: &mut dyn Files) -> Result<(), SaveFailure> {
    save_with(job, files, None)?;
    if let Some(line) = losses(job) {
        log::warn!("{line}");
    }
    Ok(())
}

/// What the log says of that which the dump's version could not hold.
fn losses(job: &Job<'_>) -> Option<String> {
    let losses = Losses::of(job.keyspace, job.facts.libraries.len(), job.settings.rdb_version.number());
    if losses.is_none() { None } else { Some(losses.to_string()) }
}

/// The same in a child: tells its parent how far it is, and that it is done; gives back the exit code.
pub fn save_in_child(job: &Job<'_>, files: &mut dyn Files, pipe: &mut dyn Pipe) -> i32 {
    let mut reporter = Reporter::new(job.clock, pipe);
    let saved = save_with(job, files, Some(&mut reporter)).map(|()| losses(job));
    reporter.finish(saved, files)
}

/// What a child tells its parent while it writes.
pub(super) struct Reporter<'r> {
    clock: &'r Clock,
    pipe: &'r mut dyn Pipe,
    told_ns: u64,
    pause_ns: u64,
}

impl<'r> Reporter<'r> {
    pub fn new(clock: &'r Clock, pipe: &'r mut dyn Pipe) -> Reporter<'r> {
        Reporter { clock, pipe, told_ns: clock.monotonic_ns(), pause_ns: REPORT_EVERY_NS }
    }

    /// Tells how far it is, when it is time to.
    fn look(&mut self, files: &mut dyn Files, keys: u64) -> io::Result<()> {
        let now = self.clock.monotonic_ns();
        if now - self.told_ns < self.pause_ns {
            return Ok(());
        }
        let copied_bytes = files.private_dirty_bytes();
        self.told_ns = self.clock.monotonic_ns();
        self.pause_ns = REPORT_EVERY_NS.max((self.told_ns - now) * COUNTING_SHARE);
        self.pipe.send(&Report::Progress { keys, copied_bytes }.encode())
    }

    /// The last words, and the code to leave with: what is written may come with a line for the log. A parent that is gone has no
    /// use for them.
    pub fn finish(self, written: Result<Option<String>, SaveFailure>, files: &mut dyn Files) -> i32 {
        let (report, code) = match written {
            Ok(remark) => {
                if let Some(line) = remark {
                    let _ = self.pipe.send(&Report::Trouble(line).encode());
                }
                (Report::Done { copied_bytes: files.private_dirty_bytes() }, 0)
            }
            Err(SaveFailure(line)) => (Report::Trouble(line), 1),
        };
        let _ = self.pipe.send(&report.encode());
        code
    }
}

/// Between two keys: stands still if a test wants that, and tells how far it is.
pub(super) fn pace(
    job: &Job<'_>,
    files: &mut dyn Files,
    keys: u64,
    reporter: Option<&mut Reporter<'_>>,
) -> io::Result<()> {
    let delay_us = i64::from(job.settings.rdb_key_save_delay_us);
    if delay_us != 0 {
        delay(files, delay_us, keys);
    }
    match reporter {
        Some(reporter) if keys % KEYS_PER_LOOK == 0 => reporter.look(files, keys),
        _ => Ok(()),
    }
}

fn save_with(job: &Job<'_>, files: &mut dyn Files, reporter: Option<&mut Reporter<'_>>) -> Result<(), SaveFailure> {
    let (unfinished, path) = (unfinished_path(job.pid), dump_path(job.settings));
    let written = write_file(job, files, &unfinished, reporter);
    let done = written.and_then(|()| put_in_place(files, &unfinished, &path));
    if done.is_err() {
        // Whatever is left of it is of no use; it may not even be there.
        let _ = files.remove(&unfinished);
    }
    done
}

fn write_file(
    job: &Job<'_>,
    files: &mut dyn Files,
    path: &Path,
    mut reporter: Option<&mut Reporter<'_>>,
) -> Result<(), SaveFailure> {
    let file = files.create(path).map_err(|error| {
        let (path, folder) = (path.display(), working_directory());
        failure(format!("Failed opening the temp RDB file {path} (in server root dir {folder}) for saving"), &error)
    })?;
    let sink = FileSink::new(file, job.settings.rdb_incremental_fsync);
    let choices = Choices::for_file(job.settings);
    let mut key_written = |keys: u64| pace(job, files, keys, reporter.as_deref_mut());
    let write = write_dump(Writer::new(sink, choices), job.keyspace, &job.facts, &mut key_written);
    write.and_then(FileSink::sync).map_err(|error| {
        let (error, path) = (system_text(&error), path.display());
        SaveFailure(format!("Write error while saving DB to the disk: {error} ({path}); the dump of before stays"))
    })
}

fn put_in_place(files: &mut dyn Files, unfinished: &Path, path: &Path) -> Result<(), SaveFailure> {
    files.rename(unfinished, path).map_err(|error| {
        let (from, to, folder) = (unfinished.display(), path.display(), working_directory());
        let what =
            format!("Error moving temp DB file {from} on the final destination {to} (in server root dir {folder})");
        failure(what, &error)
    })?;
    let synced = files.sync_folder_of(path);
    synced.map_err(|error| failure("Failed to fsync directory while saving DB".to_owned(), &error))
}

/// Stands still for testing: microseconds after every key or, below zero, one after so many keys.
pub fn delay(files: &mut dyn Files, delay_us: i64, keys: u64) {
    if delay_us > 0 {
        files.sleep(delay_us as u64);
    } else if keys % delay_us.unsigned_abs() == 0 {
        files.sleep(1);
    }
}

fn working_directory() -> String {
    std::env::current_dir().map_or_else(|_| "unknown".to_owned(), |folder| folder.display().to_string())
}

pub(super) fn failure(what: String, error: &io::Error) -> SaveFailure {
    SaveFailure(format!("{what}: {}", system_text(error)))
}

/// A file as a sink: the disk is told to begin every few MiB.
pub(super) struct FileSink {
    file: Box<dyn OutputFile>,
    since_sync: usize,
    syncs: bool,
}

impl FileSink {
    /// `syncs`: the disk is told.
    pub fn new(file: Box<dyn OutputFile>, syncs: bool) -> FileSink {
        FileSink { file, since_sync: 0, syncs }
    }

    /// All of it is on the disk.
    pub fn sync(mut self) -> io::Result<()> {
        self.file.sync()
    }
}

impl Sink for FileSink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write(bytes)?;
        self.since_sync += bytes.len();
        if self.syncs && self.since_sync >= SYNC_EVERY_BYTES {
            self.since_sync = 0;
            self.file.sync_some()?;
        }
        Ok(())
    }
}
