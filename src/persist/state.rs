//! The state of persistence, and its one child.
//!
//! ```text
//!          BGSAVE, a save point, a scheduled save                      the pipe is hung up
//!  Idle ──────────────────────────────────────────▶ child at work ──────────────────────────▶ Idle
//!    │  `begin` (the fork failed: status bad, Idle)                  `take_child`, then by its purpose
//!    └─ SAVE, SHUTDOWN: `saved` or `failed` at once
//!
//!  snapshot_ended  left 0      status good, LASTSAVE now, dirty less what the child had in hand
//!                  left else   status bad; the dump of before is untouched
//!                  signal      status bad unless we sent it (`kill`); its file is removed
//! ```
//!
//! Invariant: at most one child at a time. While the status is bad (and the configuration says so) writes are refused.

use super::aof::AppendOnly;
use super::child::{Child, ChildEnd};
use super::outside::{Outside, Purpose};
use crate::base::clock::Ms;
use crate::config::Settings;
use std::path::PathBuf;

/// After a failure, save points and scheduled saves wait so long before they try again.
const RETRY_AFTER_S: i64 = 5;

/// The signal that ends a child of ours that is no longer wanted: its end is no failure.
pub const UNWANTED_SIGNAL: i32 = libc::SIGUSR1;

/// A dump that is being loaded, as INFO tells.
#[derive(Clone, Copy, Debug)]
pub struct LoadProgress {
    pub started: Ms,
    pub total_bytes: u64,
    pub loaded_bytes: u64,
    /// What the server that wrote the dump used, 0 if it did not say.
    pub writer_used_memory: u64,
}

/// Where in the history of the data a dump that was loaded stands, as far as it tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LoadedPlace {
    pub id: Option<String>,
    pub offset: Option<i64>,
    /// The database that the stream had selected.
    pub stream_db: Option<usize>,
}

/// Characters of a history's id.
const ID_CHARACTERS: usize = 40;

impl LoadedPlace {
    /// Takes in a fact that the dump states, if it is one of these.
    pub(super) fn note(&mut self, name: &[u8], value: &str) {
        match name {
            b"repl-id" => self.id = (value.len() == ID_CHARACTERS).then(|| value.to_owned()),
            b"repl-offset" => self.offset = value.parse().ok().filter(|offset| *offset >= 0),
            b"repl-stream-db" => self.stream_db = value.parse().ok(),
            _ => {}
        }
    }

    /// Id, offset and database, if nothing is missing.
    pub fn whole(self) -> Option<(String, i64, usize)> {
        Some((self.id?, self.offset?, self.stream_db?))
    }
}

/// See the head of the file.
#[derive(Debug)]
pub struct Persist {
    pub child: Option<Child>,
    /// A save is to begin as soon as it can.
    pub is_scheduled: bool,
    /// When data and disk last agreed: the start of the process, or the last snapshot that succeeded.
    pub last_save: Ms,
    /// When a background save was last begun; 0: never.
    pub last_try: Ms,
    pub last_is_good: bool,
    /// How long the last background save took; `None`: there was none.
    pub last_duration_s: Option<i64>,
    /// What copy-on-write cost the last child.
    pub last_copied_bytes: u64,
    /// Snapshots begun, foreground and background.
    pub saves: u64,
    pub forks: u64,
    pub last_fork_us: u64,
    pub loading: Option<LoadProgress>,
    pub last_load_keys_loaded: u64,
    pub last_load_keys_expired: u64,
    /// Sources of function libraries that a dump brought, until they are loaded.
    pub libraries: Vec<Vec<u8>>,
    /// Keys that were due when they were read, with their database, until replicas are told.
    pub dropped: Vec<(usize, Vec<u8>)>,
    pub loaded_place: LoadedPlace,
    pub aof: AppendOnly,
}

impl Persist {
    pub fn new(now: Ms) -> Persist {
        Persist {
            child: None,
            is_scheduled: false,
            last_save: now,
            last_try: 0,
            last_is_good: true,
            last_duration_s: None,
            last_copied_bytes: 0,
            saves: 0,
            forks: 0,
            last_fork_us: 0,
            loading: None,
            last_load_keys_loaded: 0,
            last_load_keys_expired: 0,
            libraries: Vec::new(),
            dropped: Vec::new(),
            loaded_place: LoadedPlace::default(),
            aof: AppendOnly::default(),
        }
    }

    /// A child was forked and is at work.
    pub fn begin(&mut self, pid: u32, purpose: Purpose, now: Ms, keys: u64, dirty: u64) {
        debug_assert!(self.child.is_none(), "one child at a time");
        match purpose {
            Purpose::Snapshot => {
                self.is_scheduled = false;
                log::info!("Background saving started by pid {pid}");
            }
            Purpose::Rewrite => log::info!("Background append only file rewriting started by pid {pid}"),
            Purpose::Transfer => log::info!("Background RDB transfer started by pid {pid}"),
        }
        self.child = Some(Child::new(pid, purpose, now, keys, dirty));
    }

    /// True while a child of that kind is at work.
    pub fn has_child_for(&self, purpose: Purpose) -> bool {
        self.child.as_ref().is_some_and(|child| child.purpose == purpose)
    }

    /// The child is gone: what it was.
    pub fn take_child(&mut self) -> Option<Child> {
        self.child.take()
    }

    /// A snapshot in the foreground succeeded.
    pub fn saved(&mut self, now: Ms) {
        log::info!("DB saved on disk");
        self.last_save = now;
        self.last_is_good = true;
    }

    /// A snapshot's child is gone. Gives back by how much the count of changes goes down.
    pub fn snapshot_ended(&mut self, child: &Child, end: ChildEnd, now: Ms, outside: &mut dyn Outside) -> u64 {
        self.last_duration_s = Some((now - child.started) / 1000);
        let succeeded = end == ChildEnd::Left(0);
        match end {
            ChildEnd::Left(0) => {
                log::info!("Background saving terminated with success");
                self.last_save = now;
                self.last_is_good = true;
                self.last_copied_bytes = child.copied_bytes;
            }
            ChildEnd::Left(_) => {
                log::warn!("Background saving error");
                self.last_is_good = false;
            }
            ChildEnd::Signal(signal) => {
                log::warn!("Background saving terminated by signal {signal}");
                remove_unfinished(child.pid, outside);
                self.last_is_good &= signal == UNWANTED_SIGNAL;
            }
        }
        if succeeded { child.dirty_at_start } else { 0 }
    }

    /// Ends the child, whose work nobody wants any more.
    pub fn kill(&mut self, outside: &mut dyn Outside) {
        if let Some(child) = &self.child {
            match child.purpose {
                Purpose::Snapshot | Purpose::Transfer => log::info!("Killing running RDB child: {}", child.pid),
                Purpose::Rewrite => log::info!("Killing running AOF rewrite child: {}", child.pid),
            }
            outside.kill_child(child.pid);
        }
    }

    /// True when a save point, or a scheduled save, wants a snapshot now. `dirty`: changes since the last one.
    pub fn is_due(&self, settings: &Settings, dirty: u64, now: Ms) -> bool {
        if self.child.is_some() || !(self.last_is_good || now - self.last_try > RETRY_AFTER_S * 1000) {
            return false;
        }
        let since_s = (now - self.last_save) / 1000;
        let reached = settings.save_points.iter().find(|p| dirty >= p.changes as u64 && since_s > p.seconds);
        if let Some(point) = reached {
            log::info!("{} changes in {} seconds. Saving...", point.changes, point.seconds);
        }
        reached.is_some() || self.is_scheduled
    }
}

/// The file that process `pid` writes before it gets its name.
pub fn unfinished_path(pid: u32) -> PathBuf {
    PathBuf::from(format!("temp-{pid}.rdb"))
}

/// Removes what a child left behind.
pub fn remove_unfinished(pid: u32, outside: &mut dyn Outside) {
    // It may not have come so far as to make one.
    let _ = outside.remove(&unfinished_path(pid));
}
