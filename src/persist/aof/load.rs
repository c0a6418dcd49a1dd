//! What is to be loaded, in which order, and what is said when it cannot be.
//!
//! ```text
//! manifest ──▶ [old single file? moved into the folder, as the base] ──▶ Plan: base, increments, their lengths
//! ```
//!
//! A file that the manifest names and that is not there is a fault; so is one that ends in the middle, but for the last one, whose
//! torn tail may be cut off (`aof-load-truncated`). So is a file that the manifest should name and does not, as when the manifest is
//! gone or has lost a line: what would be loaded then is not all there is, and what is left out would soon be written over.

use super::super::outside::Files;
use super::manifest::{self, FileInfo, Manifest, Part, path_in_folder, shown};
use super::reader::ReadFault;
use crate::config::Settings;
use crate::config::load::system_text;
use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

/// What the name of a base ends with that is a dump.
const DUMP_ENDING: &[u8] = b".base.rdb";

/// A base of nothing, as a first start makes one before its first manifest, is not longer.
const EMPTY_BASE_BYTES_MAX: u64 = 1024;

/// One file to be loaded.
#[derive(Clone, Debug)]
pub struct PlannedFile {
    pub name: String,
    pub path: PathBuf,
    pub length: u64,
    pub is_base: bool,
    pub is_last: bool,
    /// The single file of servers before Redis 7, which may be a dump with commands behind it.
    pub is_old_style: bool,
}

/// All files, in order.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    pub files: Vec<PlannedFile>,
    pub total_bytes: u64,
    pub base_bytes: u64,
}

/// Looks what there is to load; `None`: nothing. The error is lines for the log.
pub fn find_plan(
    manifest: &mut Manifest,
    settings: &Settings,
    files: &mut dyn Files,
) -> Result<Option<Plan>, Vec<String>> {
    upgrade(manifest, settings, files).map_err(|line| vec![line])?;
    check_unnamed(manifest, settings, files)?;
    if manifest.is_empty() {
        return Ok(None);
    }
    let mut plan = Plan::default();
    for file in manifest.files() {
        let name = shown(&file.name);
        let path = path_in_folder(settings, &file.name);
        let length = files.length(&path).map_err(|error| cannot_stat(settings, &name, &error))?;
        let is_base = Some(file) == manifest.base.as_ref();
        let is_old_style = file.name == settings.append_file_name;
        plan.total_bytes += length;
        plan.base_bytes += if is_base { length } else { 0 };
        plan.files.push(PlannedFile { name, path, length, is_base, is_last: false, is_old_style });
    }
    check_base(&plan, manifest, settings)?;
    // What has nothing but empty files behind it is the last one: nothing is lost between. A base was whole before it got its name,
    // so one that is torn was not torn by a crash.
    let filled = plan.files.iter().rposition(|file| file.length > 0).unwrap_or(0);
    let is_alone = plan.files.len() == 1;
    for file in plan.files.iter_mut().skip(filled) {
        file.is_last = is_alone || !file.is_base || file.is_old_style;
    }
    Ok(Some(plan))
}

/// What the log says when a file that the manifest names cannot be looked at.
fn cannot_stat(settings: &Settings, name: &str, error: &io::Error) -> Vec<String> {
    let line = format!("Unable to obtain the AOF file {name} length. stat: {}", told(error));
    let manifest = manifest_path(settings);
    let advice = format!(
        "The manifest {manifest} names {name}: bring the file back. If what it holds may be missing, take its line out of the manifest"
    );
    vec![line, advice]
}

fn manifest_path(settings: &Settings) -> String {
    path_in_folder(settings, &manifest::file_name(settings)).display().to_string()
}

/// A dump of nothing has a head and an end: an empty one is no dump.
fn check_base(plan: &Plan, manifest: &Manifest, settings: &Settings) -> Result<(), Vec<String>> {
    let Some(base) = plan.files.iter().find(|file| file.is_base && file.length == 0) else { return Ok(()) };
    if manifest.base.as_ref().is_none_or(|named| !named.name.ends_with(DUMP_ENDING)) {
        return Ok(());
    }
    Err(vec![format!(
        "The base file {} is empty, and was a dump by its name: bring it back from a backup. If what it held may be missing, take its \
         line out of the manifest {}",
        base.path.display(),
        manifest_path(settings)
    )])
}

/// Files that should be named and are not: where there is no manifest, a base with something in it; else an increment with something in
/// it that is younger than the named ones. With a younger base beside it, it is what a crash left of a rewrite that began the file anew:
/// what the manifest names is all there is, then.
fn check_unnamed(manifest: &Manifest, settings: &Settings, files: &mut dyn Files) -> Result<(), Vec<String>> {
    let folder = manifest::folder(settings);
    // It may not be there yet.
    let names = files.names_in(&folder).unwrap_or_default();
    let mut parts = Vec::new();
    for name in names {
        if let Some(part) = manifest::part_of(settings, name.as_bytes()) {
            let length = files.length(&folder.join(&name)).unwrap_or(0);
            parts.push((part, name, length));
        }
    }
    let is_begun_anew = !manifest.is_empty()
        && parts.iter().any(|(part, ..)| matches!(part, Part::Base(number) if *number > manifest.base_seq));
    let is_missed = |part: Part, length: u64| match part {
        Part::Base(number) => manifest.is_empty() && (number > 1 || length > EMPTY_BASE_BYTES_MAX),
        Part::Increment(number) => length > 0 && !is_begun_anew && number > manifest.increment_seq,
    };
    let Some((_, name, length)) = parts.into_iter().find(|(part, _, length)| is_missed(*part, *length)) else {
        return Ok(());
    };
    let (path, name, manifest) = (folder.join(&name), shown(name.as_bytes()), manifest_path(settings));
    Err(vec![
        format!(
            "The file {} has {length} bytes, and the manifest {manifest} does not name it to be loaded",
            path.display()
        ),
        format!(
            "The manifest was lost, or a line of it: bring it back from a backup, or add one ('file {name} seq <number> type <b for a \
             base, i for an increment>'). If what the file holds is not wanted, move it to another folder"
        ),
    ])
}

/// The single file of an older server becomes the base. Each step is durable before the next, and a crash between them is
/// met by trying again.
fn upgrade(manifest: &mut Manifest, settings: &Settings, files: &mut dyn Files) -> Result<(), String> {
    let old = PathBuf::from(OsStr::from_bytes(&settings.append_file_name));
    if files.length(&old).is_err() {
        return Ok(());
    }
    let new = path_in_folder(settings, &settings.append_file_name);
    let was_begun = manifest.increments.is_empty()
        && manifest.base.as_ref().is_some_and(|base| base.name == settings.append_file_name)
        && files.length(&new).is_err();
    if !(manifest.is_empty() || was_begun) {
        return Ok(());
    }
    manifest::make_folder(settings, files)?;
    manifest.base = Some(FileInfo { name: settings.append_file_name.clone(), seq: 1, ..FileInfo::default() });
    (manifest.base_seq, manifest.is_changed) = (1, true);
    manifest.persist(settings, files).map_err(|fault| fault.line)?;
    let (name, folder) = (shown(&settings.append_file_name), manifest::folder(settings));
    let moved = files.rename(&old, &new).and_then(|()| files.sync_folder_of(&new));
    moved.and_then(|()| files.sync_folder_of(&old)).map_err(|error| {
        let folder = folder.display();
        format!("Error trying to move the old AOF file {name} into dir {folder}: {}", system_text(&error))
    })?;
    log::info!(
        "Successfully migrated an old-style AOF configuration ({name}) into the AOF directory ({}).",
        folder.display()
    );
    Ok(())
}

/// The system's words for an error, also for one that did not come from the system.
fn told(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "No such file or directory".to_owned(),
        _ => system_text(error),
    }
}

/// A file that cannot be opened.
pub fn cannot_open(name: &str, error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => format!("The append log file {name} doesn't exist: {}", told(error)),
        _ => format!("Fatal error: can't open the append log file {name} for reading: {}", told(error)),
    }
}

/// What becomes of a file whose commands cannot be read to the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tail {
    /// It is cut off, as this directive allows.
    Cut { because: &'static str },
    /// Lines for the log: what it is and what can be done.
    Fatal(Vec<String>),
}

/// Judges a file that can be read up to `reached` only, and of which what stands before `whole` can be kept (within a transaction
/// that is less).
pub fn judge(file: &PlannedFile, fault: &ReadFault, reached: u64, whole: u64, settings: &Settings) -> Tail {
    let name = &file.name;
    let behind = file.length.saturating_sub(reached);
    match fault {
        ReadFault::Source(error) => {
            let error = system_text(error);
            let line =
                format!("Unrecoverable error reading the append only file {name}: {error}, behind offset {reached}");
            Tail::Fatal(vec![line])
        }
        ReadFault::Short if settings.aof_load_truncated => {
            log::warn!("!!! Warning: short read while loading the AOF file {name}!!!");
            cut(file, whole, "aof-load-truncated")
        }
        ReadFault::Short => Tail::Fatal(vec![format!(
            "Unexpected end of file reading the append only file {name} at offset {reached}. You can: 1) Make a backup of your AOF \
             file, then use ./gyre-check-aof --fix <filename.manifest>. 2) Alternatively you can set the 'aof-load-truncated' \
             configuration option to yes and restart the server."
        )]),
        ReadFault::Format if behind <= settings.aof_load_corrupt_tail_bytes_max => {
            log::warn!("!!! Warning: corrupt AOF file tail!!!");
            cut(file, whole, "aof-load-corrupt-tail-max-size")
        }
        ReadFault::Format => Tail::Fatal(vec![format!(
            "Bad file format reading the append only file {name} at offset {reached}, with {behind} bytes behind it: make a backup \
             of your AOF file, then use ./gyre-check-aof --fix <filename.manifest>. Alternatively you can set the \
             'aof-load-corrupt-tail-max-size' configuration option to the size of the damaged tail and restart the server."
        )]),
    }
}

fn cut(file: &PlannedFile, whole: u64, because: &'static str) -> Tail {
    let PlannedFile { name, length, is_last, .. } = file;
    if !is_last {
        let line = format!("Fatal error: the truncated file {name}, whole up to offset {whole}, is not the last file");
        let advice = format!(
            "What comes behind a gap would make other data than there was: bring {name} back from a backup. If what is missing may be \
             missing, cut it by hand at offset {whole}"
        );
        return Tail::Fatal(vec![line, advice]);
    }
    let behind = length.saturating_sub(whole);
    log::warn!("!!! Truncating the AOF {name} at offset {whole} (remaining {behind}) !!!");
    Tail::Cut { because }
}
