//! A dump that a child writes to its parent, for replicas: no file is made of it.
//!
//! ```text
//!   $EOF:<mark>\r\n   dump   <mark>          the mark, 40 characters, tells where the dump ends; nobody knows its length before
//! ```

use super::outside::{Files, Pipe};
use super::report::{DUMP_BYTES_MAX, Report};
use super::snapshot::{Job, delay};
use crate::config::load::system_text;
use crate::rdb::save::write_dump;
use crate::rdb::writer::{Choices, Sink, Writer};
use std::io;

/// The pipe as a sink.
struct PipeSink<'p> {
    pipe: &'p mut dyn Pipe,
}

impl Sink for PipeSink<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        bytes.chunks(DUMP_BYTES_MAX).try_for_each(|piece| self.pipe.send(&Report::Dump(piece.to_vec()).encode()))
    }
}

/// Writes the dump to the parent; gives back the exit code.
pub fn send_in_child(job: &Job<'_>, mark: &str, files: &mut dyn Files, pipe: &mut dyn Pipe) -> i32 {
    let (report, code) = match write(job, mark, files, pipe) {
        Ok(()) => (Report::Done { copied_bytes: files.private_dirty_bytes() }, 0),
        Err(error) => (Report::Trouble(format!("Write error sending DB to replicas: {}", system_text(&error))), 1),
    };
    // A parent that is gone has no use for it.
    let _ = pipe.send(&report.encode());
    code
}

fn write(job: &Job<'_>, mark: &str, files: &mut dyn Files, pipe: &mut dyn Pipe) -> io::Result<()> {
    let mut sink = PipeSink { pipe };
    sink.write(format!("$EOF:{mark}\r\n").as_bytes())?;
    let choices = Choices::for_file(job.settings);
    let delay_us = i64::from(job.settings.rdb_key_save_delay_us);
    let mut sink = write_dump(Writer::new(sink, choices), job.keyspace, &job.facts, &mut |keys| {
        if delay_us != 0 {
            delay(files, delay_us, keys);
        }
        Ok(())
    })?;
    sink.write(mark.as_bytes())
}
