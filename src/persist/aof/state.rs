//! What is being written, and how much of it is on the disk.
//!
//! ```text
//!           CONFIG SET appendonly yes                    the first rewrite is done
//!   Off ───────────────────────────────▶ WaitRewrite ─────────────────────────────▶ On ◀── start
//!    ▲                                     │ (written to a file beside: of use        │
//!    └─────────────────────────────────────┴──── once there is a base) ◀──────────────┘ appendonly no
//!
//!   journal ─▶ buffer ─▶ file ─▶ disk        position of the journal: taken ≥ written ≥ synced
//!              │          └ everysec: by the helper, once a second; always: before `write` comes back
//!              └ holds bytes back while a sync goes on (two seconds at most), while the disk refuses them, and while the file
//!                before this one is not on the disk: else a crash could leave a gap in the middle
//!
//!   write_fault   a write was refused: the torn tail is cut off, commands that write are refused, and it is tried again
//!   sync_fault    a sync failed. What it was to cover may be gone though the system says it is there, so no later sync of that
//!                 file counts: a rewrite puts whole new files in its place, and only then is it forgotten
//! ```
//!
//! Under `always` both end the server: what clients are about to be told cannot be kept.

use super::super::outside::{AppendFile, Files};
use super::limiter::Limiter;
use super::manifest::{self, Manifest};
use crate::base::clock::{Clock, Ms};
use crate::config::Settings;
use crate::config::choices::AppendFsync;
use crate::config::load::system_text;
use crate::observe::Observe;
use std::path::Path;

/// How often `everysec` syncs.
const SYNC_EVERY_MS: Ms = 1000;

/// How long bytes are held back for a sync that goes on.
const POSTPONED_MS_MAX: Ms = 2000;

/// The log tells of a disk that refuses bytes once in so many seconds.
const FAULT_LOG_EVERY_MS: Ms = 30_000;

/// A buffer is kept for the next time up to this size.
const BUFFER_BYTES_KEPT_MAX: usize = 64 * 1024;

/// After a rewrite that was to heal a failed sync has failed itself, the next one waits so long.
const HEAL_AGAIN_AFTER_MS: Ms = 5000;

/// See the head of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Off,
    WaitRewrite,
    On,
}

/// The server must not go on; the log says why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlushFailure;

/// What is at hand when something is to be written.
pub struct Desk<'d> {
    pub settings: &'d Settings,
    pub files: &'d mut dyn Files,
    pub observe: &'d mut Observe,
    pub clock: &'d Clock,
    pub now: Ms,
    pub has_child: bool,
    /// The replication offset.
    pub offset: i64,
}

impl Desk<'_> {
    /// Runs something of the disk, and notes under `event` how long it took.
    pub(super) fn timed<R>(&mut self, event: &'static str, work: impl FnOnce(&mut dyn Files) -> R) -> R {
        let began = self.clock.monotonic_ns();
        let result = work(self.files);
        self.observe.note_latency(event, self.clock.monotonic_ns() - began, self.now);
        result
    }
}

/// A place in what was recorded.
#[derive(Clone, Copy, Debug, Default)]
struct Mark {
    /// Position of the journal.
    position: u64,
    /// The replication offset there.
    offset: i64,
}

impl Mark {
    /// The one that is further; of the same place what was told last, for the history may be another one since.
    fn max(self, other: Mark) -> Mark {
        if other.position >= self.position { other } else { self }
    }
}

/// The file that grows.
struct Current {
    file: Box<dyn AppendFile>,
    /// Counted from the start of the process: tells which files a rewrite made superfluous.
    number: u64,
    /// Bytes that are wholly written.
    length: u64,
    /// Something was written that no sync was begun for.
    is_unsynced: bool,
    /// The journal's position that the sync under way will cover.
    syncing: Option<Mark>,
}

/// A sync that failed.
#[derive(Clone, Debug)]
struct SyncFault {
    text: String,
    /// The number of the file.
    file: u64,
}

/// See the head of the file.
pub struct AppendOnly {
    pub state: State,
    pub manifest: Manifest,
    current: Option<Current>,
    /// The last increment, while what it says is being loaded.
    claimed: Option<Box<dyn AppendFile>>,
    /// The file before, while its last sync goes on; and its number.
    retiring: Option<(Box<dyn AppendFile>, u64)>,
    files_opened: u64,
    buffer: Vec<u8>,
    /// Positions of the journal, as drawn above.
    taken: Mark,
    written: Mark,
    synced: Mark,
    /// The position at which the file that grows was begun.
    begun_at: Mark,
    /// The replication offset at which the increment of a first base was begun.
    waiting_offset: i64,
    /// Seconds of the last annotation.
    annotated_s: i64,
    last_sync: Ms,
    postponed_since: Option<Ms>,
    write_fault: Option<String>,
    sync_fault: Option<SyncFault>,
    fault_logged: Option<Ms>,
    /// Under `always` something could not be kept: the server may not go on, whatever succeeds from here on.
    is_lost: bool,
    heal_not_before: Ms,
    /// Bytes of all files, and of them when the last rewrite ended.
    pub size: u64,
    pub base_size: u64,
    /// A rewrite is to begin as soon as it can.
    pub is_scheduled: bool,
    /// What the base under way is written as.
    pub(super) rewrites_to_dump: bool,
    pub rewrite_began: Option<Ms>,
    pub last_rewrite_s: Option<i64>,
    pub last_rewrite_is_good: bool,
    pub last_copied_bytes: u64,
    pub rewrites: u64,
    pub failures_in_a_row: u64,
    pub delayed_syncs: u64,
    pub(super) limiter: Limiter,
    /// DEBUG AOF-FLUSH-SLEEP, microseconds.
    pub flush_sleep_us: u64,
    /// The journal records for it.
    pub is_reading: bool,
    /// It was on when the server began to load: it is gone on with when all is loaded, whatever is said meanwhile.
    pub begins_at_start: bool,
}

impl Default for AppendOnly {
    fn default() -> AppendOnly {
        AppendOnly {
            state: State::Off,
            manifest: Manifest::default(),
            current: None,
            claimed: None,
            retiring: None,
            files_opened: 0,
            buffer: Vec::new(),
            taken: Mark::default(),
            written: Mark::default(),
            synced: Mark::default(),
            begun_at: Mark::default(),
            waiting_offset: 0,
            annotated_s: 0,
            last_sync: 0,
            postponed_since: None,
            write_fault: None,
            sync_fault: None,
            fault_logged: None,
            is_lost: false,
            heal_not_before: 0,
            size: 0,
            base_size: 0,
            is_scheduled: false,
            rewrites_to_dump: true,
            rewrite_began: None,
            last_rewrite_s: None,
            last_rewrite_is_good: true,
            last_copied_bytes: 0,
            rewrites: 0,
            failures_in_a_row: 0,
            delayed_syncs: 0,
            limiter: Limiter::default(),
            flush_sleep_us: 0,
            is_reading: false,
            begins_at_start: false,
        }
    }
}

impl std::fmt::Debug for AppendOnly {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let positions = (self.taken.position, self.written.position, self.synced.position);
        out.debug_struct("AppendOnly")
            .field("state", &self.state)
            .field("positions", &positions)
            .finish_non_exhaustive()
    }
}

impl AppendOnly {
    /// What the journal records is written.
    pub fn is_recording(&self) -> bool {
        self.current.is_some()
    }

    /// Position of the journal up to which it was taken.
    pub fn taken(&self) -> u64 {
        self.taken.position
    }

    /// The replication offset up to which all is on the disk.
    pub fn offset_on_disk(&self) -> i64 {
        if self.state == State::On { self.synced.offset } else { 0 }
    }

    /// True when a crash loses nothing that was recorded up to `position`.
    pub fn is_safe(&self, position: u64) -> bool {
        self.state == State::On && self.synced.position >= position
    }

    pub fn buffer_bytes(&self) -> usize {
        self.buffer.capacity()
    }

    /// Bytes that the file has not got yet.
    pub fn buffered(&self) -> u64 {
        self.buffer.len() as u64
    }

    /// Syncs that the helper has not done yet.
    pub fn pending_syncs(&self) -> usize {
        usize::from(self.retiring.is_some()) + usize::from(self.is_syncing())
    }

    /// Why what clients write cannot be kept now, in the system's words.
    pub fn fault(&self) -> Option<&str> {
        let sync_text = self.sync_fault.as_ref().map(|fault| fault.text.as_str());
        if self.state == State::Off { None } else { self.write_fault.as_deref().or(sync_text) }
    }

    /// Only a rewrite brings the data back to safety, and it is time to try.
    pub fn wants_healing(&self, now: Ms) -> bool {
        self.state == State::On && self.sync_fault.is_some() && now >= self.heal_not_before
    }

    fn is_syncing(&self) -> bool {
        self.current.as_ref().is_some_and(|current| current.syncing.is_some())
    }

    /// True when the server may not go on.
    pub fn is_lost(&self) -> bool {
        self.is_lost
    }

    /// The journal has so many bytes more, whoever they are for, and the replication stream is at `offset` behind them.
    pub fn note_recorded(&mut self, bytes: u64, offset: i64) {
        self.taken = Mark { position: self.taken.position + bytes, offset };
    }

    /// Takes what the journal recorded since the last time, and brings as much of everything to file and disk as is to be there
    /// now. `forces`: nothing is held back.
    pub fn write(&mut self, fresh: &[u8], forces: bool, desk: &mut Desk<'_>) -> Result<(), FlushFailure> {
        if self.current.is_none() {
            return Ok(());
        }
        self.notice_syncs(desk);
        if !fresh.is_empty() && desk.settings.aof_timestamps {
            self.annotate(desk.now / 1000);
        }
        if self.buffer.is_empty() && fresh.is_empty() {
            // What moved the offset since was not for the file.
            self.written = self.taken;
            return self.sync_if_due(desk);
        }
        if self.is_held_back(forces, desk) {
            self.buffer.extend_from_slice(fresh);
            return Ok(());
        }
        let mut bytes = std::mem::take(&mut self.buffer);
        let written = if bytes.is_empty() {
            self.append(fresh, desk)
        } else {
            bytes.extend_from_slice(fresh);
            self.append(&bytes, desk)
        };
        match written {
            Ok(()) => {
                bytes.clear();
                bytes.shrink_to(BUFFER_BYTES_KEPT_MAX);
                self.buffer = bytes;
                self.written = self.taken;
                self.sync_if_due(desk)
            }
            Err(taken) => {
                if bytes.is_empty() {
                    bytes.extend_from_slice(fresh);
                }
                bytes.drain(..taken);
                self.buffer = bytes;
                match desk.settings.append_fsync {
                    AppendFsync::Always => {
                        log::warn!(
                            "Can't recover from AOF write error when the AOF fsync policy is 'always'. Exiting..."
                        );
                        self.is_lost = true;
                        Err(FlushFailure)
                    }
                    _ => Ok(()),
                }
            }
        }
    }

    /// The time in front of what follows, once a second.
    fn annotate(&mut self, now_s: i64) {
        if self.annotated_s < now_s {
            self.annotated_s = now_s;
            self.buffer.extend_from_slice(format!("#TS:{now_s}\r\n").as_bytes());
        }
    }

    /// True when what there is to write waits for a sync that goes on.
    fn is_held_back(&mut self, forces: bool, desk: &mut Desk<'_>) -> bool {
        let policy = desk.settings.append_fsync;
        let waits_for_own = self.is_syncing() && policy == AppendFsync::EverySecond;
        if !waits_for_own && self.retiring.is_none() {
            return false;
        }
        let since = *self.postponed_since.get_or_insert(desk.now);
        // Under `always` nobody is answered before all is on the disk.
        let forces = forces || policy == AppendFsync::Always;
        if !forces && desk.now - since < POSTPONED_MS_MAX {
            return true;
        }
        if !forces {
            self.delayed_syncs += 1;
            log::info!(
                "Asynchronous AOF fsync is taking too long (disk is busy?). Writing the AOF buffer without waiting for fsync to \
                 complete, this may slow down the server."
            );
        }
        // The file before must be whole before this one has anything: that is waited for.
        if let Some((mut file, number)) = self.retiring.take() {
            let outcome = file.await_sync();
            self.retired(outcome, number);
        }
        false
    }

    /// Appends; the error is how many bytes are in the file all the same.
    fn append(&mut self, bytes: &[u8], desk: &mut Desk<'_>) -> Result<(), usize> {
        if self.flush_sleep_us > 0 {
            desk.files.sleep(self.flush_sleep_us);
        }
        let event = match (self.is_syncing(), desk.has_child) {
            (true, _) => "aof-write-pending-fsync",
            (_, true) => "aof-write-active-child",
            _ => "aof-write-alone",
        };
        let Some(current) = &mut self.current else { return Ok(()) };
        let began = desk.clock.monotonic_ns();
        let appended = current.file.append(bytes);
        let took_ns = desk.clock.monotonic_ns() - began;
        desk.observe.note_latency(event, took_ns, desk.now);
        desk.observe.note_latency("aof-write", took_ns, desk.now);
        self.postponed_since = None;
        let Err(short) = appended else {
            current.length += bytes.len() as u64;
            self.size += bytes.len() as u64;
            current.is_unsynced = true;
            if self.write_fault.take().is_some() {
                log::info!("AOF write error looks solved. The server can write again.");
            }
            return Ok(());
        };
        let logs = self.fault_logged.is_none_or(|logged| desk.now - logged > FAULT_LOG_EVERY_MS);
        if logs {
            self.fault_logged = Some(desk.now);
            let name = Self::growing_name(self.state, &self.manifest, desk.settings);
            log::warn!(
                "Error writing to the AOF file: {} ({name}, behind offset {}). Writes cannot be kept until the disk takes bytes again",
                system_text(&short.error),
                current.length
            );
        }
        self.write_fault = Some(system_text(&short.error));
        if short.taken == 0 {
            return Err(0);
        }
        // A part of a command at the end would spoil what comes behind it.
        match current.file.cut(current.length) {
            Ok(()) => Err(0),
            Err(error) => {
                if logs {
                    let error = system_text(&error);
                    log::warn!(
                        "Could not remove short write from the append-only file. Redis may refuse to load the AOF the next time \
                         it starts. ftruncate: {error}"
                    );
                }
                // It stands there, so it goes on from there.
                current.length += short.taken as u64;
                self.size += short.taken as u64;
                current.is_unsynced = true;
                Err(short.taken)
            }
        }
    }

    /// Syncs what is written, as the policy says.
    fn sync_if_due(&mut self, desk: &mut Desk<'_>) -> Result<(), FlushFailure> {
        let Some(current) = &mut self.current else { return Ok(()) };
        if desk.settings.no_append_fsync_on_rewrite && desk.has_child {
            return Ok(());
        }
        if !current.is_unsynced {
            let is_covered = current.syncing.is_none() && self.retiring.is_none() && self.sync_fault.is_none();
            if is_covered && desk.settings.append_fsync != AppendFsync::No {
                self.synced = self.written;
            }
            return Ok(());
        }
        match desk.settings.append_fsync {
            AppendFsync::No => {}
            AppendFsync::Always => {
                let synced = desk.timed("aof-fsync-always", |_| current.file.sync());
                if let Err(error) = synced {
                    let error = system_text(&error);
                    log::warn!(
                        "Can't persist AOF for fsync error when the AOF fsync policy is 'always': {error}. Exiting..."
                    );
                    self.is_lost = true;
                    return Err(FlushFailure);
                }
                current.is_unsynced = false;
                self.last_sync = desk.now;
                if self.sync_fault.is_none() {
                    self.synced = self.written;
                }
            }
            AppendFsync::EverySecond if desk.now - self.last_sync >= SYNC_EVERY_MS => {
                if current.syncing.is_none() {
                    current.file.begin_sync();
                    current.syncing = Some(self.written);
                    current.is_unsynced = false;
                }
                self.last_sync = desk.now;
            }
            AppendFsync::EverySecond => {}
        }
        Ok(())
    }

    /// Looks whether syncs that go on beside the loop are done.
    fn notice_syncs(&mut self, desk: &mut Desk<'_>) {
        if let Some((file, number)) = &mut self.retiring
            && let Some(outcome) = file.sync_outcome()
        {
            let number = *number;
            self.retiring = None;
            self.retired(outcome, number);
        }
        let Some(current) = &mut self.current else { return };
        if let Some(position) = current.syncing
            && let Some(outcome) = current.file.sync_outcome()
        {
            current.syncing = None;
            let number = current.number;
            self.note_sync(outcome, position, number, desk.now);
        }
    }

    fn note_sync(&mut self, outcome: std::io::Result<()>, mark: Mark, number: u64, now: Ms) {
        match outcome {
            // Of a file that failed before, success says nothing.
            Ok(()) if self.sync_fault.is_none() => self.synced = self.synced.max(mark),
            Ok(()) => {}
            Err(error) => {
                self.fail_sync(&error, number);
                self.heal_not_before = now;
            }
        }
    }

    fn retired(&mut self, outcome: std::io::Result<()>, number: u64) {
        if let Err(error) = outcome {
            self.fail_sync(&error, number);
        }
    }

    fn fail_sync(&mut self, error: &std::io::Error, file: u64) {
        let text = system_text(error);
        log::warn!(
            "Fail to fsync the AOF file: {text}. What was written may not be on the disk; a rewrite will bring it there."
        );
        self.sync_fault = Some(SyncFault { text, file });
    }

    /// Writes and syncs all there is, waiting for it: for leaving, and for switching off.
    pub fn write_and_sync(&mut self, fresh: &[u8], desk: &mut Desk<'_>) -> Result<(), FlushFailure> {
        self.write(fresh, true, desk)?;
        if let Some((mut file, number)) = self.retiring.take() {
            let outcome = file.await_sync();
            self.retired(outcome, number);
        }
        let Some(current) = &mut self.current else { return Ok(()) };
        if current.syncing.take().is_some() {
            // What it came to shows in the next one, which covers more.
            let _ = current.file.await_sync();
        }
        match current.file.sync() {
            Ok(()) if self.sync_fault.is_none() && self.buffer.is_empty() => {
                current.is_unsynced = false;
                self.synced = self.written;
                self.last_sync = desk.now;
            }
            Ok(()) => {}
            Err(error) => {
                log::warn!("Fail to fsync the AOF file: {}.", system_text(&error));
                self.is_lost |= desk.settings.append_fsync == AppendFsync::Always;
            }
        }
        Ok(())
    }
}

/// Opening, changing and closing files.
impl AppendOnly {
    /// From now on `file` grows, which has `length` bytes.
    fn open(&mut self, file: Box<dyn AppendFile>, length: u64) {
        self.files_opened += 1;
        let number = self.files_opened;
        if let Some(mut old) = self.current.take()
            && (old.is_unsynced || old.syncing.is_some())
        {
            old.file.begin_sync();
            self.retiring = Some((old.file, old.number));
        }
        self.begun_at = self.taken;
        self.current = Some(Current { file, number, length, is_unsynced: false, syncing: None });
    }

    /// Before anything is loaded, or cut: nobody else may be writing the last increment. The error is a line for the log.
    pub fn claim(&mut self, desk: &mut Desk<'_>) -> Result<(), String> {
        let Some(last) = self.manifest.increments.last() else { return Ok(()) };
        let path = manifest::path_in_folder(desk.settings, &last.name);
        if desk.files.length(&path).is_err() {
            // It is missing, which is told by who loads.
            return Ok(());
        }
        let claimed = desk.files.append(&path).map_err(|error| {
            format!("Can't open the append-only file {}: {}", manifest::shown(&last.name), system_text(&error))
        })?;
        self.claimed = Some(claimed);
        Ok(())
    }

    /// What was loaded may have been in the system's hands only, when the server before was killed: it is brought to the disk
    /// before anybody is told of it, and before anything behind it is.
    fn make_safe(&self, desk: &mut Desk<'_>) -> Result<(), String> {
        let cannot = |name: &[u8], error: &std::io::Error| {
            format!("Can't sync the append-only file {}: {}", manifest::shown(name), system_text(error))
        };
        for file in self.manifest.files() {
            let is_claimed = Some(&file.name) == self.manifest.increments.last().map(|last| &last.name);
            if is_claimed && self.claimed.is_some() {
                continue;
            }
            let path = manifest::path_in_folder(desk.settings, &file.name);
            let synced = desk.files.append(&path).and_then(|mut file| file.sync());
            synced.map_err(|error| cannot(&file.name, &error))?;
        }
        let path = manifest::path_in_folder(desk.settings, &manifest::file_name(desk.settings));
        desk.files.sync_folder_of(&path).map_err(|error| cannot(&manifest::file_name(desk.settings), &error))
    }

    /// At start: goes on with the last increment, or begins the first. The base is there. Gives the replication offset behind what the
    /// files say, if they tell; the error is a line for the log.
    pub fn open_at_start(&mut self, desk: &mut Desk<'_>) -> Result<Option<i64>, String> {
        self.make_safe(desk)?;
        let last = self.manifest.increments.last().cloned();
        let name = match &last {
            Some(last) => last.name.clone(),
            None => self.manifest.add_increment(desk.settings, desk.offset),
        };
        self.manifest.note_end(None);
        let path = manifest::path_in_folder(desk.settings, &name);
        let cannot = |error: &std::io::Error| {
            format!("Can't open the append-only file {}: {}", manifest::shown(&name), system_text(error))
        };
        let file = match self.claimed.take() {
            Some(mut file) => {
                file.sync().map_err(|error| cannot(&error))?;
                file
            }
            None => desk.files.append(&path).map_err(|error| cannot(&error))?,
        };
        self.manifest.persist(desk.settings, desk.files).map_err(|fault| fault.line)?;
        let length = desk.timed("aof-fstat", |files| files.length(&path)).map_err(|error| cannot(&error))?;
        self.state = State::On;
        self.open(file, length);
        let reached = last.as_ref().and_then(|last| last.offset_behind(length));
        self.taken.offset = reached.unwrap_or(desk.offset);
        (self.written, self.synced) = (self.taken, self.taken);
        let verb = if last.is_none() { "Creating" } else { "Opening" };
        log::info!("{verb} AOF incr file {} on server start", manifest::shown(&name));
        Ok(reached)
    }

    /// The name of the file that grows.
    fn growing_name(state: State, manifest: &Manifest, settings: &Settings) -> String {
        match (state, manifest.increments.last()) {
            (State::On, Some(last)) => manifest::shown(&last.name),
            _ => manifest::shown(&Self::waiting_name(settings)),
        }
    }

    /// The name of the increment that is written before there is a base.
    fn waiting_name(settings: &Settings) -> Vec<u8> {
        [b"temp-", &settings.append_file_name[..], b".incr"].concat()
    }

    /// A rewrite is about to begin: what is recorded from here on goes to a new increment. All that was recorded is written. The error
    /// is a line for the log, and nothing has changed.
    pub fn change_file(&mut self, desk: &mut Desk<'_>) -> Result<(), String> {
        if let (false, Some(fault)) = (self.buffer.is_empty(), &self.write_fault) {
            // What waits would stand behind a base that has it already.
            return Err(format!("Can't rewrite the append only file while it can't be written: {fault}"));
        }
        let mut changed = None;
        let name = match self.state {
            State::Off => return Ok(()),
            State::WaitRewrite => Self::waiting_name(desk.settings),
            State::On => changed.insert(self.manifest.clone()).add_increment(desk.settings, desk.offset),
        };
        let path = manifest::path_in_folder(desk.settings, &name);
        let file = desk.files.append(&path).and_then(|mut file| file.cut(0).map(|()| file));
        let file = file.map_err(|error| {
            format!("Can't open the append-only file {}: {}", manifest::shown(&name), system_text(&error))
        })?;
        if let Some(manifest) = &mut changed
            && let Err(fault) = manifest.persist(desk.settings, desk.files)
        {
            self.manifest.skip_numbers_of(manifest);
            return Err(fault.line);
        }
        log::info!("Creating AOF incr file {} on background rewrite", manifest::shown(&name));
        if let Some(manifest) = changed {
            self.manifest = manifest;
        }
        (self.waiting_offset, self.taken.offset) = (desk.offset, desk.offset);
        self.open(file, 0);
        Ok(())
    }

    /// Puts a finished base in its place, and a waiting increment; what they make superfluous becomes history. The error is a
    /// line for the log, and the files of before are as good as they were.
    pub fn put_base(&mut self, finished: &Path, desk: &mut Desk<'_>) -> Result<(), String> {
        let mut manifest = self.manifest.clone();
        let name = manifest.replace_base(desk.settings, self.rewrites_to_dump);
        let path = manifest::path_in_folder(desk.settings, &name);
        let moved = desk.timed("aof-rename", |files| files.rename(finished, &path));
        moved.map_err(|error| {
            let (from, to) = (finished.display(), path.display());
            format!("Error trying to rename the temporary AOF base file {from} into {to}: {}", system_text(&error))
        })?;
        let (from, to) = (finished.display(), manifest::shown(&name));
        log::info!("Successfully renamed the temporary AOF base file {from} into {to}");
        let mut waiting = None;
        if self.state == State::WaitRewrite {
            let from = manifest::path_in_folder(desk.settings, &Self::waiting_name(desk.settings));
            let name = manifest.add_increment(desk.settings, self.waiting_offset);
            let to = manifest::path_in_folder(desk.settings, &name);
            if let Err(error) = desk.timed("aof-rename", |files| files.rename(&from, &to)) {
                desk.files.discard(&path);
                let (from, to, error) = (from.display(), to.display(), system_text(&error));
                return Err(format!("Error trying to rename the temporary AOF incr file {from} into {to}: {error}"));
            }
            let (from, name) = (manifest::shown(&Self::waiting_name(desk.settings)), manifest::shown(&name));
            log::info!("Successfully renamed the temporary AOF incr file {from} into {name}");
            waiting = Some(to);
        }
        manifest.retire_increments(self.current.is_some());
        if let Err(fault) = manifest.persist(desk.settings, desk.files) {
            if !fault.is_in_place {
                desk.files.discard(&path);
                waiting.iter().for_each(|waiting| desk.files.discard(waiting));
            }
            self.manifest.skip_numbers_of(&manifest);
            return Err(fault.line);
        }
        self.manifest = manifest;
        if self.state != State::Off {
            let base = desk.timed("aof-fstat", |files| files.length(&path)).unwrap_or(0);
            self.size = base + self.current.as_ref().map_or(0, |current| current.length);
            self.base_size = self.size;
        }
        self.remove_history(desk.settings, desk.files);
        // What of it is on the disk is no matter any more.
        self.retiring = None;
        if self.state == State::WaitRewrite {
            self.state = State::On;
        }
        self.forget_retired_faults();
        Ok(())
    }

    /// The base has all that files before the present one had: it is no matter any more what of them is on the disk.
    fn forget_retired_faults(&mut self) {
        let Some(current) = &self.current else { return };
        if self.sync_fault.as_ref().is_some_and(|fault| fault.file < current.number) {
            self.sync_fault = None;
            log::info!("AOF fsync error looks solved by a rewrite. The server can write again.");
        }
        if self.sync_fault.is_none() {
            self.synced = self.synced.max(self.begun_at);
        }
    }

    /// Removes what nobody needs, and writes that down.
    pub fn remove_history(&mut self, settings: &Settings, files: &mut dyn Files) {
        if settings.aof_disable_auto_gc || self.manifest.history.is_empty() {
            return;
        }
        // A manifest that needs them may be the one on the disk.
        if let Err(fault) = self.manifest.persist(settings, files) {
            log::warn!("{}", fault.line);
            return;
        }
        for file in std::mem::take(&mut self.manifest.history) {
            log::info!("Removing the history file {} in the background", manifest::shown(&file.name));
            files.discard(&manifest::path_in_folder(settings, &file.name));
        }
        self.manifest.is_changed = true;
        // The next manifest will not name them either; until then a name without a file is no harm.
        if let Err(fault) = self.manifest.persist(settings, files) {
            log::warn!("{}", fault.line);
        }
    }

    /// What was written while the first base was awaited is of no use.
    pub fn drop_waiting(&mut self, settings: &Settings, files: &mut dyn Files) {
        self.close();
        let name = Self::waiting_name(settings);
        log::info!("Removing the temp incr aof file {} in the background", manifest::shown(&name));
        files.discard(&manifest::path_in_folder(settings, &name));
    }

    /// The file is whole and closed, for leaving and for switching off: where it ends is noted.
    pub fn note_end(&mut self, desk: &mut Desk<'_>) {
        if self.state != State::On {
            return;
        }
        self.manifest.note_end(Some(desk.offset));
        if let Err(fault) = self.manifest.persist(desk.settings, desk.files) {
            log::warn!("{}", fault.line);
        }
    }

    /// Closes the file that grows; what is not written is forgotten.
    pub fn close(&mut self) {
        self.current = None;
        self.retiring = None;
        self.buffer = Vec::new();
        self.postponed_since = None;
        (self.written, self.annotated_s) = (self.taken, 0);
    }

    /// Faults of a file of before are no matter for the one that is begun.
    pub fn forget_faults(&mut self) {
        if self.write_fault.take().is_some() {
            log::warn!("AOF reopen, just ignore the last error.");
        }
        if self.sync_fault.take().is_some() {
            log::warn!("AOF reopen, just ignore the AOF fsync error in bio job");
        }
        self.fault_logged = None;
    }

    /// A child is at work on a base.
    pub fn rewrite_begun(&mut self, now: Ms, to_dump: bool) {
        (self.is_scheduled, self.rewrites_to_dump, self.rewrite_began) = (false, to_dump, Some(now));
    }

    /// After a rewrite that failed.
    pub fn note_failed_rewrite(&mut self, now: Ms) {
        self.last_rewrite_is_good = false;
        self.failures_in_a_row += 1;
        self.heal_not_before = now + HEAL_AGAIN_AFTER_MS;
    }

    /// How much the files have grown since the last rewrite, in percent, when that is reason enough for another.
    pub fn growth_to_rewrite(&self, settings: &Settings) -> Option<u64> {
        let wanted = u64::from(settings.aof_rewrite_percentage);
        if self.state != State::On || wanted == 0 || self.size <= settings.aof_rewrite_bytes_min {
            return None;
        }
        let growth = (self.size * 100 / self.base_size.max(1)).checked_sub(100)?;
        (growth >= wanted).then_some(growth)
    }

    /// True while rewrites that nobody asked for have to wait.
    pub fn is_limited(&mut self, now_s: i64) -> bool {
        self.limiter.is_limited(self.failures_in_a_row, now_s)
    }
}
