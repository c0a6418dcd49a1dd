//! What is being written, and how much of it is on the disk.
//!
//! ```text
//!           CONFIG SET appendonly yes                    the first rewrite is done
//!   Off ───────────────────────────────▶ WaitRewrite ─────────────────────────────▶ On ◀── start
//!    ▲                                     │ ▲ (written to a file beside: of use       │ │
//!    │                                     │ │  once there is a base)                  │ │
//!    │                                     │ └── a rewrite, after a sync that failed ──┘ │
//!    └─────────────────────────────────────┴─────────────────────────── appendonly no ──┘
//!
//!   journal ─▶ buffer ─▶ file ─▶ disk        position of the journal: taken ≥ written ≥ synced
//!              │          └ everysec: by the helper, once a second; always: before `write` comes back
//!              └ holds bytes back while a sync goes on (two seconds at most), while the disk refuses them, and while the file
//!                before this one is not on the disk: else a crash could leave a gap in the middle
//!
//!   write_fault   a write was refused: the torn tail is cut off, commands that write are refused, and it is tried again
//!   sync_fault    a sync failed. What it was to cover may be gone though the system says it is there, so no later sync of that
//!                 file counts, and nothing else is to stand behind it: commands that write are refused, and a rewrite begins as
//!                 if the file were switched on anew. Until it is done the manifest names the files of before, and none behind
//!                 the doubtful one
//! ```
//!
//! Under `always` both end the server: what clients are about to be told cannot be kept. The files themselves are `series`' matter.

mod series;

use super::super::outside::{AppendFile, Files};
use super::limiter::Limiter;
use super::manifest::Manifest;
use crate::base::clock::{Clock, Ms};
use crate::config::Settings;
use crate::config::choices::AppendFsync;
use crate::config::load::system_text;
use crate::observe::Observe;
use std::io;

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
struct Point {
    /// Position of the journal.
    position: u64,
    /// The replication offset there.
    offset: i64,
}

impl Point {
    /// The one that is further; of the same place what was told last, for the history may be another one since.
    fn max(self, other: Point) -> Point {
        if other.position >= self.position { other } else { self }
    }
}

/// The file that grows.
struct Current {
    file: Box<dyn AppendFile>,
    /// Bytes that are wholly written.
    length: u64,
    /// Something was written that no sync was begun for.
    is_unsynced: bool,
    /// The journal's position that the sync under way will cover.
    syncing: Option<Point>,
}

/// See the head of the file.
pub struct AppendOnly {
    pub state: State,
    pub manifest: Manifest,
    current: Option<Current>,
    /// The last increment, while what it says is being loaded.
    claimed: Option<Box<dyn AppendFile>>,
    /// The file before, while its last sync goes on.
    retiring: Option<Current>,
    buffer: Vec<u8>,
    /// Positions of the journal, as drawn above.
    taken: Point,
    written: Point,
    synced: Point,
    /// The position at which the file that grows was begun.
    begun_at: Point,
    /// The replication offset at which the increment of a first base was begun.
    waiting_offset: i64,
    /// Seconds of the last annotation.
    annotated_s: i64,
    last_sync: Ms,
    postponed_since: Option<Ms>,
    write_fault: Option<String>,
    sync_fault: Option<String>,
    /// Syncs that failed so far.
    pub sync_failures: u64,
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
            buffer: Vec::new(),
            taken: Point::default(),
            written: Point::default(),
            synced: Point::default(),
            begun_at: Point::default(),
            waiting_offset: 0,
            annotated_s: 0,
            last_sync: 0,
            postponed_since: None,
            write_fault: None,
            sync_fault: None,
            sync_failures: 0,
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
        if self.state == State::Off { None } else { self.write_fault.as_deref().or(self.sync_fault.as_deref()) }
    }

    /// Only a rewrite brings the data back to safety, and it is time to try.
    pub fn wants_healing(&self, now: Ms) -> bool {
        self.state != State::Off && self.sync_fault.is_some() && now >= self.heal_not_before
    }

    /// A rewrite is to replace files of which a sync failed, and until it has, what comes is nowhere else.
    pub fn is_healing(&self) -> bool {
        self.state == State::WaitRewrite && self.sync_fault.is_some()
    }

    /// All that was recorded is on the disk, and no sync of its files has ever failed.
    fn is_whole(&self) -> bool {
        let is_synced = |current: &Current| !current.is_unsynced && current.syncing.is_none();
        self.state == State::On
            && self.buffer.is_empty()
            && self.write_fault.is_none()
            && self.sync_fault.is_none()
            && self.retiring.is_none()
            && self.current.as_ref().is_some_and(is_synced)
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
        self.taken = Point { position: self.taken.position + bytes, offset };
    }

    /// Takes what the journal recorded since the last time, and brings as much of everything to file and disk as is to be there
    /// now. `forces`: nothing is held back.
    pub fn write(&mut self, fresh: &[u8], forces: bool, desk: &mut Desk<'_>) -> Result<(), FlushFailure> {
        if self.current.is_none() {
            return Ok(());
        }
        self.notice_syncs(desk);
        self.not_lost()?;
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
        self.not_lost()?;
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

    fn not_lost(&self) -> Result<(), FlushFailure> {
        if self.is_lost { Err(FlushFailure) } else { Ok(()) }
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
        self.await_retiring(desk);
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
        // After a sync that failed another one says nothing: a rewrite has to come.
        if self.sync_fault.is_some() || (desk.settings.no_append_fsync_on_rewrite && desk.has_child) {
            return Ok(());
        }
        if !current.is_unsynced {
            let is_covered = current.syncing.is_none() && self.retiring.is_none();
            if is_covered && desk.settings.append_fsync != AppendFsync::No {
                self.synced = self.written;
            }
            return Ok(());
        }
        match desk.settings.append_fsync {
            AppendFsync::No => {}
            AppendFsync::Always => {
                let synced = desk.timed("aof-fsync-always", |_| current.sync());
                self.last_sync = desk.now;
                self.note_sync(synced, self.written, desk);
                return self.not_lost();
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
    fn notice_syncs(&mut self, desk: &Desk<'_>) {
        if let Some(outcome) = self.retiring.as_mut().and_then(|retiring| retiring.file.sync_outcome()) {
            self.retired(outcome, desk);
        }
        let Some(current) = &mut self.current else { return };
        if let Some(until) = current.syncing
            && let Some(outcome) = current.file.sync_outcome()
        {
            current.syncing = None;
            self.note_sync(outcome, until, desk);
        }
    }

    /// Waits until the file before is on the disk, if there is one.
    fn await_retiring(&mut self, desk: &Desk<'_>) {
        if let Some(retiring) = &mut self.retiring {
            let outcome = retiring.file.await_sync();
            self.retired(outcome, desk);
        }
    }

    /// The last sync of the file before is done. If it failed, nothing may stand in the one behind it, which is empty still: the
    /// one before grows on.
    fn retired(&mut self, outcome: io::Result<()>, desk: &Desk<'_>) {
        let retired = self.retiring.take();
        if let Err(error) = outcome {
            self.current = retired.map(|retired| Current { is_unsynced: true, syncing: None, ..retired });
            self.fail_sync(&error, desk);
        }
    }

    fn note_sync(&mut self, outcome: io::Result<()>, until: Point, desk: &Desk<'_>) {
        match outcome {
            // Of a file that failed before, success says nothing.
            Ok(()) if self.sync_fault.is_none() => self.synced = self.synced.max(until),
            Ok(()) => {}
            Err(error) => self.fail_sync(&error, desk),
        }
    }

    fn fail_sync(&mut self, error: &io::Error, desk: &Desk<'_>) {
        let text = system_text(error);
        self.sync_failures += 1;
        if desk.settings.append_fsync == AppendFsync::Always {
            log::warn!("Can't persist AOF for fsync error when the AOF fsync policy is 'always': {text}. Exiting...");
            self.is_lost = true;
        } else {
            log::warn!(
                "Fail to fsync the AOF file: {text}. What was written may not be on the disk; a rewrite will bring it there."
            );
        }
        self.sync_fault = Some(text);
        // Of a file that waits for its base the rewrite is begun anew: not at once again and again.
        self.heal_not_before = desk.now + if self.state == State::On { 0 } else { HEAL_AGAIN_AFTER_MS };
    }

    /// Writes and syncs all there is, waiting for it: for leaving, and for switching off.
    pub fn write_and_sync(&mut self, fresh: &[u8], desk: &mut Desk<'_>) -> Result<(), FlushFailure> {
        self.write(fresh, true, desk)?;
        self.await_retiring(desk);
        if let Some(current) = &mut self.current {
            let synced = current.sync();
            self.last_sync = desk.now;
            self.note_sync(synced, self.written, desk);
        }
        Ok(())
    }
}

impl Current {
    /// Waits until all that was written is on the disk, or is known not to be: also what a sync beside the loop was begun for, whose
    /// failure the next one would not tell of.
    fn sync(&mut self) -> io::Result<()> {
        let earlier = if self.syncing.take().is_some() { self.file.await_sync() } else { Ok(()) };
        earlier.and_then(|()| self.file.sync())?;
        self.is_unsynced = false;
        Ok(())
    }
}
