//! Loading a dump, step by step, with what the log and INFO say of it.
//!
//! `begin` opens the file; the loop calls `step` once a turn until it is done. Data that is half there is nobody's business:
//! the loop keeps every command out that does not say LOADING.

use super::outside::Files;
use super::snapshot::delay;
use super::state::{LoadProgress, LoadedPlace, Persist};
use crate::base::clock::{Clock, Ms};
use crate::config::Settings;
use crate::config::load::system_text;
use crate::keyspace::Keyspace;
use crate::rdb::inflow::Inflow;
use crate::rdb::load::{Loader, Pause, Policy, Remark};
use crate::rdb::reader::{Fault, ReadSource, Reader, Source};
use crate::rdb::record::Trailer;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// How long one step may take: the longest that a client waits for its -LOADING.
pub const STEP_NS_MAX: u64 = 2_000_000;

/// Keys between two looks at the clock.
const KEYS_PER_LOOK: u64 = 64;

/// Empty keys that the log names; the rest is counted.
const EMPTY_KEYS_NAMED_MAX: u64 = 10;

/// Why a dump was not loaded: lines for the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadFailure(pub Vec<String>);

/// What a step came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    GoesOn,
    Done,
}

/// A dump in a file.
pub type FileSource = ReadSource<Box<dyn Read>>;

/// A dump that is being loaded.
pub struct Loading<S = FileSource> {
    loader: Loader<S>,
    began_ns: u64,
    checks_sum: bool,
    /// It is the base of an append-only file, with so many bytes before it: what is told of progress is the whole's.
    base_behind: Option<u64>,
    /// `None`: it comes by a link.
    path: Option<PathBuf>,
}

impl Loading {
    /// Opens the dump; `None` if there is none.
    pub fn begin(
        path: &Path,
        policy: Policy,
        settings: &Settings,
        persist: &mut Persist,
        files: &mut dyn Files,
        clock: &Clock,
    ) -> Result<Option<Loading>, LoadFailure> {
        let (inner, length) = match files.open(path) {
            Ok(opened) => opened,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => {
                let (path, text) = (path.display(), system_text(&error));
                let line = format!("Fatal error: can't open the RDB file {path} for reading: {text}");
                return Err(LoadFailure(vec![line]));
            }
        };
        persist.loading = Some(LoadProgress {
            started: clock.wall_ms(),
            total_bytes: length,
            loaded_bytes: 0,
            writer_used_memory: 0,
        });
        (persist.last_load_keys_loaded, persist.last_load_keys_expired) = (0, 0);
        persist.loaded_place = LoadedPlace::default();
        Ok(Some(Loading::over(path, inner, length, policy, settings, clock)))
    }

    /// A dump in an append-only file. Nothing of it is dropped because its time has come: what follows was written by a server
    /// that still had it. `behind`: bytes of the files before this one.
    pub fn of_base(
        path: &Path,
        inner: Box<dyn Read>,
        length: u64,
        behind: u64,
        settings: &Settings,
        persist: &mut Persist,
        clock: &Clock,
    ) -> Loading {
        (persist.last_load_keys_loaded, persist.last_load_keys_expired) = (0, 0);
        persist.libraries.clear();
        let policy = Policy::default();
        Loading { base_behind: Some(behind), ..Loading::over(path, inner, length, policy, settings, clock) }
    }

    fn over(
        path: &Path,
        inner: Box<dyn Read>,
        length: u64,
        policy: Policy,
        settings: &Settings,
        clock: &Clock,
    ) -> Loading {
        // Only a regular file knows its length; a pipe says 0.
        let source = ReadSource { inner, left: (length > 0).then_some(length) };
        Loading { path: Some(path.to_owned()), ..Loading::of(source, policy, settings, clock) }
    }

    /// What stands behind the dump: the source, what was read of it already, and where that begins.
    pub fn into_rest(self) -> (Box<dyn Read>, Vec<u8>, u64) {
        let offset = self.loader.offset();
        let (source, already) = self.loader.into_rest();
        (source.inner, already, offset)
    }

}

impl Loading<Inflow> {
    /// A dump that a master sends, as it comes; so many bytes, if it says. What is due in it stays, until the master says otherwise.
    pub fn of_link(total: Option<u64>, settings: &Settings, persist: &mut Persist, clock: &Clock) -> Loading<Inflow> {
        persist.loading = Some(LoadProgress {
            started: clock.wall_ms(),
            total_bytes: total.unwrap_or(0),
            loaded_bytes: 0,
            writer_used_memory: 0,
        });
        (persist.last_load_keys_loaded, persist.last_load_keys_expired) = (0, 0);
        persist.loaded_place = LoadedPlace::default();
        persist.libraries.clear();
        Loading::of(Inflow::default(), Policy::default(), settings, clock)
    }

    pub fn inflow(&mut self) -> &mut Inflow {
        self.loader.source_mut()
    }

    pub fn source(&self) -> &Inflow {
        self.loader.source()
    }
}

impl<S: Source> Loading<S> {
    fn of(source: S, policy: Policy, settings: &Settings, clock: &Clock) -> Loading<S> {
        let reader = Reader::new(source);
        let reader = if settings.rdb_checksum { reader } else { reader.without_checksum() };
        let (loader, checks_sum) = (Loader::new(reader, policy), settings.rdb_checksum);
        Loading { loader, began_ns: clock.monotonic_ns(), checks_sum, base_behind: None, path: None }
    }

    /// Reads on for a bounded time, or as far as it has come.
    pub fn step(
        &mut self,
        keyspace: &mut Keyspace,
        persist: &mut Persist,
        settings: &Settings,
        files: &mut dyn Files,
        clock: &Clock,
    ) -> Result<Step, LoadFailure> {
        let until = clock.monotonic_ns() + STEP_NS_MAX;
        let delay_us = i64::from(settings.key_load_delay_us);
        let mut keys = 0;
        let mut may_go_on = |pause| {
            if pause == Pause::Key {
                keys += 1;
                if delay_us != 0 {
                    delay(files, delay_us, keys);
                } else if keys % KEYS_PER_LOOK != 0 {
                    return true;
                }
            }
            clock.monotonic_ns() < until
        };
        let mut empty_keys = self.loader.counts.empty;
        let hides = settings.hide_user_data_from_log;
        let now = clock.wall_ms();
        let mut remark = |remark| {
            if matches!(remark, Remark::EmptyKey(_)) {
                empty_keys += 1;
            }
            note(remark, persist, now, empty_keys, hides);
        };
        let stepped = self.loader.step(keyspace, &mut may_go_on, &mut remark);
        if let Some(progress) = &mut persist.loading {
            progress.loaded_bytes = self.base_behind.unwrap_or(0) + self.loader.offset();
        }
        persist.last_load_keys_loaded = self.loader.counts.loaded;
        persist.last_load_keys_expired = self.loader.counts.expired;
        match stepped {
            Ok(None) => Ok(Step::GoesOn),
            Ok(Some(trailer)) => {
                if self.base_behind.is_none() {
                    persist.loading = None;
                }
                self.finish(trailer, clock)
            }
            Err(fault) => {
                persist.loading = None;
                Err(explain(&fault, self.path.as_deref()))
            }
        }
    }

    /// All at once, for DEBUG RELOAD.
    pub fn run(
        mut self,
        keyspace: &mut Keyspace,
        persist: &mut Persist,
        settings: &Settings,
        files: &mut dyn Files,
        clock: &Clock,
    ) -> Result<(), LoadFailure> {
        while self.step(keyspace, persist, settings, files, clock)? == Step::GoesOn {}
        Ok(())
    }

    fn finish(&self, trailer: Trailer, clock: &Clock) -> Result<Step, LoadFailure> {
        match trailer {
            Trailer::Differs { stored, computed } => {
                return Err(LoadFailure(vec![
                    format!("Wrong RDB checksum expected: ({computed:x}) but got ({stored:x}). Aborting now."),
                    format!("Internal error in RDB reading offset {} -> RDB CRC error", self.loader.offset()),
                ]));
            }
            Trailer::Unchecked if self.checks_sum => {
                log::info!("RDB file was saved with checksum disabled: no check performed.");
            }
            _ => {}
        }
        let counts = &self.loader.counts;
        let skipped = if counts.empty > 0 { format!(", empty keys skipped: {}", counts.empty) } else { String::new() };
        log::info!("Done loading RDB, keys loaded: {}, keys expired: {}{skipped}.", counts.loaded, counts.expired);
        if self.base_behind.is_none() {
            let seconds = (clock.monotonic_ns() - self.began_ns) as f64 / 1e9;
            log::info!("DB loaded from disk: {seconds:.3} seconds");
        }
        Ok(Step::Done)
    }
}

/// What the log says of a remark of the loader, and what is kept of it.
fn note(remark: Remark, persist: &mut Persist, now: Ms, empty_keys: u64, hides: bool) {
    let (name, value) = match remark {
        Remark::Library(source) => return persist.libraries.push(source),
        Remark::Dropped { db, key } => return persist.dropped.push((db, key)),
        Remark::EmptyKey(key) if empty_keys <= EMPTY_KEYS_NAMED_MAX => {
            let named = if hides { String::new() } else { format!(": {}", String::from_utf8_lossy(&key)) };
            return log::info!("rdbLoadObject skipping empty key{named}");
        }
        Remark::EmptyKey(_) => return,
        Remark::ModuleData(module) => {
            let text = "The RDB file contains AUX module data I can't load: no matching module";
            return log::warn!("{text} '{module}'. It belongs to no key and is passed over.");
        }
        Remark::Aux { name, value } => (name, String::from_utf8_lossy(&value).into_owned()),
    };
    match name.to_ascii_lowercase().as_slice() {
        [b'%', ..] => log::info!("RDB '{}': {value}", String::from_utf8_lossy(&name)),
        b"redis-ver" => log::info!("Loading RDB produced by version {value}"),
        b"valkey-ver" => log::info!("Loading RDB produced by Valkey version {value}"),
        b"ctime" => {
            let age_s = now / 1000 - value.parse::<i64>().unwrap_or(0);
            log::info!("RDB age {} seconds", age_s.max(0));
        }
        b"used-mem" => {
            let bytes = value.parse::<u64>().unwrap_or(0);
            log::info!("RDB memory usage when created {:.2} Mb", bytes as f64 / (1024.0 * 1024.0));
            if let Some(progress) = &mut persist.loading {
                progress.writer_used_memory = bytes;
            }
        }
        b"aof-base" if value == "1" => log::info!("RDB is base AOF"),
        // Others are unknown, and passed over.
        name => persist.loaded_place.note(name, &value),
    }
}

/// A fault as the log tells it: in Redis's words, and then which file it is and what to do.
fn explain(fault: &Fault, path: Option<&Path>) -> LoadFailure {
    let offset = fault.offset();
    let mut lines = vec![format!("Internal error in RDB reading offset {offset} -> {fault}")];
    let is_served = !matches!(fault, Fault::NotServed { .. });
    match fault {
        Fault::Source { .. } | Fault::Short { .. } => {
            lines.insert(0, "Short read or OOM loading DB. Unrecoverable error, aborting now.".to_owned());
        }
        Fault::NotServed { .. } => lines[0] = format!("{fault} (offset {offset})"),
        Fault::Corrupt { .. } => {}
    }
    match path.map(Path::display) {
        Some(path) if is_served => lines.push(format!(
            "The file {path} cannot be read from offset {offset} on: {fault}; gyre-check-rdb tells what is in it"
        )),
        Some(path) => lines[0] = format!("{fault} (file {path}, offset {offset})"),
        None => {}
    }
    LoadFailure(lines)
}
