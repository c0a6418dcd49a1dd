//! Writing a base: all the data at one moment, as a dump or as commands, in the server at its start or by a child.
//!
//! ```text
//!   temp-rewriteaof-bg-<pid>.aof: write … write, sync ──▶ (the parent) rename into the folder, then the manifest
//! ```
//!
//! A dump of the version that `rdb-version` asks for, so that an older server can begin with it, as far as that version can say all
//! there is; else of the newest. A snapshot may leave something out, and says so; a base may not, for what it leaves out is lost at
//! the next start.

use super::super::outside::{Files, Pipe};
use super::super::snapshot::{FileSink, Job, Reporter, SaveFailure, failure, pace};
use super::write_commands::write_commands;
use crate::config::load::system_text;
use crate::rdb::older::version_for_all;
use crate::rdb::writer::{Choices, Writer};
use std::path::{Path, PathBuf};

/// The file that process `pid` writes before it gets its name.
pub fn unfinished_base(pid: u32) -> PathBuf {
    PathBuf::from(format!("temp-rewriteaof-bg-{pid}.aof"))
}

/// Writes a base to `path`, and syncs it. What fails leaves nothing.
pub fn write_base(job: &Job<'_>, is_dump: bool, path: &Path, files: &mut dyn Files) -> Result<(), SaveFailure> {
    if let Some(remark) = write(job, is_dump, path, files, None)? {
        log::warn!("{remark}");
    }
    Ok(())
}

/// The same in a child: tells its parent how far it is, and that it is done; gives back the exit code.
pub fn base_in_child(job: &Job<'_>, is_dump: bool, files: &mut dyn Files, pipe: &mut dyn Pipe) -> i32 {
    let path = unfinished_base(job.pid);
    let mut reporter = Reporter::new(job.clock, pipe);
    let written = write(job, is_dump, &path, files, Some(&mut reporter));
    reporter.finish(written, files)
}

/// Writes a base; what it gives back is for the log.
fn write(
    job: &Job<'_>,
    is_dump: bool,
    path: &Path,
    files: &mut dyn Files,
    mut reporter: Option<&mut Reporter<'_>>,
) -> Result<Option<String>, SaveFailure> {
    // A name that is left from before may stand for a file that is in use: a crash can bring back what a rename had taken away.
    let _ = files.remove(path);
    let file = files.create(path).map_err(|error| {
        let what = format!("Opening the temp file {} for AOF rewrite in rewriteAppendOnlyFile()", path.display());
        failure(what, &error)
    })?;
    let sink = FileSink::new(file, job.settings.aof_rewrite_incremental_fsync);
    let mut key_written = |keys: u64| pace(job, files, keys, reporter.as_deref_mut());
    let mut remark = None;
    let written = if is_dump {
        let asked = Choices::for_file(job.settings);
        let choices =
            Choices { version: version_for_all(job.keyspace, job.facts.libraries.len(), asked.version), ..asked };
        if choices.version != asked.version {
            remark = Some(format!(
                "RDB version {} cannot hold everything; the base of the append-only file is written in version {}",
                asked.version, choices.version
            ));
        }
        crate::rdb::save::write_dump(Writer::new(sink, choices), job.keyspace, &job.facts, &mut key_written)
    } else {
        let timestamp_s = job.settings.aof_timestamps.then(|| job.clock.wall_ms() / 1000);
        write_commands(sink, job, timestamp_s, &mut key_written)
    };
    written.and_then(FileSink::sync).map(|()| remark).map_err(|error| {
        // Whatever is left of it is of no use; it may not even be there.
        let _ = files.remove(path);
        let (error, path) = (system_text(&error), path.display());
        SaveFailure(format!("Write error writing append only file on disk: {error} ({path}); the files of before stay"))
    })
}
