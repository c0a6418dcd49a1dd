//! The one struct that holds it all, and the small states that belong to nobody else.

use std::rc::Rc;

use super::blocking::Waiters;
use super::journal::Journal;
use super::outbox::Outbox;
use super::sessions::Sessions;
use crate::base::clock::{Clock, Ms};
use crate::base::memory::ThreadCounters;
use crate::base::random::Random;
use crate::config::Settings;
use crate::keyspace::{Keyspace, SessionKey};
use crate::observe::Observe;
use crate::pubsub::PubSub;
use crate::structures::timers::Timers;

/// Conditions that hold for the server as a whole and close gates: bits of `Server::standing`.
/// A gate whose bit is not set here (nor asked for by the session) is not even looked at.
pub mod standing {
    /// A password is required.
    pub const AUTH: u16 = 1 << 0;
    /// `maxmemory` is set.
    pub const MEMORY: u16 = 1 << 1;
    /// The last snapshot failed, and writes are refused because of it.
    pub const DISK: u16 = 1 << 2;
    /// A dump is loading.
    pub const LOADING: u16 = 1 << 3;
    /// Something else long is running.
    pub const BUSY: u16 = 1 << 4;
    /// CLIENT PAUSE.
    pub const PAUSED: u16 = 1 << 5;
    /// Somebody watches by MONITOR.
    pub const MONITORED: u16 = 1 << 6;
    /// Debug commands and their like are not open to everybody.
    pub const PROTECTED: u16 = 1 << 7;
}

/// What the server's timers stand for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alarm {
    /// A blocked session's time is over.
    BlockTimeout(SessionKey),
    /// Look whether a session has been idle for too long.
    IdleCheck(SessionKey),
    /// The periodic jobs.
    Cron,
    /// CLIENT PAUSE is over.
    PauseEnd,
    /// The grace period of SHUTDOWN is over.
    ShutdownTimeout,
}

/// CLIENT PAUSE.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pause {
    /// When it ends; 0: not paused.
    pub until: Ms,
    /// Every command waits, not only those that write.
    pub is_all: bool,
}

/// What does not change while the process lives.
#[derive(Clone, Debug, Default)]
pub struct Identity {
    /// 40 hexadecimal digits, new at every start.
    pub run_id: String,
    pub pid: u32,
    pub executable: String,
    pub config_file: Option<std::path::PathBuf>,
    pub started: Ms,
}

/// All state of the server.
pub struct Server {
    pub keyspace: Keyspace,
    pub sessions: Sessions,
    pub outbox: Outbox,
    pub settings: Rc<Settings>,
    pub observe: Observe,
    pub pubsub: PubSub,
    pub waiters: Waiters,
    pub journal: Journal,
    pub timers: Timers<Alarm>,
    pub clock: Clock,
    /// Wall time of this tick (of the transaction or script at hand), milliseconds since the epoch.
    pub now: Ms,
    /// `standing::*` bits.
    pub standing: u16,
    pub pause: Pause,
    pub monitors: Vec<SessionKey>,
    pub random: Random,
    pub identity: Identity,
    /// Accounts of the loop's own thread.
    pub memory: ThreadCounters,
    /// The highest `used_memory` seen, bytes.
    pub memory_peak: u64,
}

impl Server {
    /// Bytes in use, in size classes, as INFO's `used_memory`.
    #[inline]
    pub fn used_memory(&self) -> u64 {
        self.memory.net().max(0) as u64
    }

    pub fn set_standing(&mut self, bit: u16, on: bool) {
        if on { self.standing |= bit } else { self.standing &= !bit }
    }
}
