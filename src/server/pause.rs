//! Pauses: requests that write, or all of them, wait. Each reason for one begins and ends by itself, and what holds is all of them together.

use super::state::{Alarm, Server, standing};
use crate::base::clock::Ms;

/// Why requests wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PauseReason {
    /// CLIENT PAUSE.
    Command,
    /// The server leaves as soon as its replicas have everything.
    Shutdown,
    /// FAILOVER: a replica is to catch up.
    Failover,
}

const REASONS: usize = 3;

#[derive(Clone, Copy, Debug, Default)]
struct Pause {
    /// When it ends; 0: there is none.
    until: Ms,
    /// Every command waits, not only those that write.
    is_all: bool,
}

/// See the head of the file.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pauses([Pause; REASONS]);

impl Pauses {
    /// A time at which no pause ends by itself: who began it ends it.
    pub fn never(now: Ms) -> Ms {
        now.saturating_add(1 << 40)
    }

    /// Every command waits, not only those that write.
    pub fn is_all(&self) -> bool {
        self.0.iter().any(|pause| pause.is_all)
    }

    fn is_over(&self) -> bool {
        self.0.iter().all(|pause| pause.until == 0)
    }
}

impl Server {
    /// Until then (milliseconds since the epoch), every command or only those that write wait.
    pub fn begin_pause(&mut self, reason: PauseReason, until: Ms, is_all: bool) {
        let pause = &mut self.pauses.0[reason as usize];
        *pause = Pause { until: until.max(pause.until), is_all: is_all || pause.is_all };
        let until = pause.until;
        self.set_standing(standing::PAUSED, true);
        // Data stands still: what is due stays, unseen, until the pause is over.
        self.update_expiry();
        self.timers.insert(until, Alarm::PauseEnd);
    }

    /// There is no such reason any more.
    pub fn end_pause(&mut self, reason: PauseReason) {
        self.pauses.0[reason as usize] = Pause::default();
        self.settle_pauses();
    }

    /// Ends those whose time is over.
    pub fn end_pauses_due(&mut self) {
        let now = self.now;
        self.pauses.0.iter_mut().filter(|pause| pause.until <= now).for_each(|pause| *pause = Pause::default());
        self.settle_pauses();
    }

    /// Everybody meets the gates again, with the bytes that were kept.
    fn settle_pauses(&mut self) {
        self.set_standing(standing::PAUSED, !self.pauses.is_over());
        self.update_expiry();
        self.release_held();
    }
}
