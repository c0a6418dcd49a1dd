//! The mark: a name beside the files, there from before a server writes them until one has ended well. Who finds it at its start knows
//! that the server before was killed, or left with a sync that had failed.
//!
//! ```text
//! appendonlydir/appendonly.aof.open     empty; Redis passes it over
//! ```
//!
//! Why it matters: the system tells of a sync that failed once, and then takes the pages for written. What is read of them comes from
//! memory, and may be gone after the next crash. After a crash of the machine nothing is in memory, and what is read is on the disk;
//! so the mark has to outlive its process only, and is never synced.

use super::super::outside::Files;
use super::manifest;
use crate::config::Settings;
use crate::config::load::system_text;
use std::path::PathBuf;

fn name(settings: &Settings) -> Vec<u8> {
    [&settings.append_file_name[..], b".open"].concat()
}

fn path(settings: &Settings) -> PathBuf {
    manifest::path_in_folder(settings, &name(settings))
}

/// The server before has not ended well.
pub fn is_set(settings: &Settings, files: &mut dyn Files) -> bool {
    files.length(&path(settings)).is_ok()
}

/// From here on the files may come to hold what only seems to be on the disk. The error is a line for the log.
pub fn set(settings: &Settings, files: &mut dyn Files) -> Result<(), String> {
    if is_set(settings, files) {
        return Ok(());
    }
    let made = files.create(&path(settings));
    made.map(drop)
        .map_err(|error| format!("Can't create {}: {}", manifest::shown(&name(settings)), system_text(&error)))
}

/// All is on the disk.
pub fn clear(settings: &Settings, files: &mut dyn Files) {
    // If it stays, the next start writes again what it need not.
    let _ = files.remove(&path(settings));
}
