//! What is due: the loop's own alarms, keys past their deadline, and freeing in slices, each with its share of the turn.

use super::tick::EventLoop;
use crate::base::clock::Ms;
use crate::exec::{blocking, effects, migrate};
use crate::keyspace::SessionKey;
use crate::server::Alarm;

/// Keys that one turn removes at least, when so many are due: a backlog cannot grow under load, because a turn may also
/// remove as many as it ran commands.
const EXPIRE_KEYS_MIN: usize = 64;
/// Timers that one turn moves down the wheel at least for each key that it may remove: a key is moved a few times in its
/// life, so that this cannot fall behind either.
const MOVES_PER_KEY: usize = 8;
/// Keys removed between two looks at the clock.
const EXPIRE_PIECE_KEYS: usize = 32;
/// Longest stretch of expiry in one turn when nobody else wants anything, ns: a client that arrives meanwhile waits no
/// longer than this.
const EXPIRE_IDLE_NS_MAX: u64 = 250_000;
/// Share of a busy turn that expiry may take, in percent: Redis's own bound for its slow cycle.
const EXPIRE_TURN_SHARE_MAX: u64 = 25;
/// Longest stretch of freeing in one turn, ns, and while clients keep the loop busy.
const FREE_IDLE_NS_MAX: u64 = 250_000;
const FREE_BUSY_NS_MAX: u64 = 100_000;

impl EventLoop {
    /// When a database's wheel wants to be looked at; nothing is due while expiry is switched off.
    pub(super) fn keyspace_wake(&self) -> Option<Ms> {
        if self.server.active_expire { self.server.keyspace.next_wake() } else { None }
    }

    pub(super) fn timers(&mut self) {
        self.has_backlog = false;
        while let Some((_, alarm)) = self.server.timers.pop_due(self.server.now) {
            self.ring(alarm);
        }
        if self.server.active_expire && self.keyspace_wake().is_some_and(|wake| wake <= self.server.now) {
            let began = self.server.clock.monotonic_ns();
            self.expire();
            let took_ns = self.server.clock.monotonic_ns() - began;
            self.server.observe.totals.expire_ns += took_ns;
            self.server.observe.note_latency("expire-cycle", took_ns, self.server.now);
        }
        if !self.server.ready.is_empty() || !self.server.outbox.is_empty() {
            blocking::serve(&mut self.dispatcher.context(), &mut self.server, &mut self.outside);
            effects::drain_outbox(&mut self.server);
        }
    }

    fn ring(&mut self, alarm: Alarm) {
        match alarm {
            Alarm::BlockTimeout(key) => blocking::time_out(&mut self.server, key),
            Alarm::BlockAgain(key) => {
                let (context, outside) = (&mut self.dispatcher.context(), &mut self.outside);
                blocking::look_again(context, &mut self.server, outside, key);
            }
            Alarm::IdleCheck(key) => self.check_idle(key),
            Alarm::Cron => self.cron(),
            Alarm::PauseEnd => self.server.end_pauses_due(),
            Alarm::AcceptAgain(listener) => self.news.listeners_left.push(listener),
            Alarm::LinkTimeout(link) => {
                // Whoever waits is answered in his session.
                let _ = migrate::on_timeout(&mut self.server, &mut self.outside, link);
            }
            // Seen to at the end of the turn.
            Alarm::ShutdownTimeout => {}
        }
    }

    /// A client that said nothing for `timeout` seconds is closed; waiters and subscribers are not.
    fn check_idle(&mut self, key: SessionKey) {
        let timeout_ms = self.server.settings.timeout_s * 1000;
        let now = self.server.now;
        let Some(session) = self.server.sessions.get_mut(key) else { return };
        session.idle_timer = None;
        use crate::server::session::flag::{BLOCKED, MASTER, MONITOR, REPLICA, SUBSCRIBED};
        if session.has(BLOCKED | MASTER | MONITOR | REPLICA | SUBSCRIBED) {
            session.last_active = now;
        } else if timeout_ms > 0 && now - session.last_active >= timeout_ms {
            log::debug!("Closing idle client");
            self.server.sessions.queue_close(key);
            return;
        }
        self.server.watch_idle(key);
    }

    /// Removes keys that are due, within this turn's share.
    fn expire(&mut self) {
        let now = self.server.now;
        let began = self.server.clock.monotonic_ns();
        let busy_ns = self.server.clock.cycles_to_ns(self.server.clock.cycles().wrapping_sub(self.turn_began));
        let limit_ns = if self.ran == 0 { EXPIRE_IDLE_NS_MAX } else { busy_ns * EXPIRE_TURN_SHARE_MAX / 100 };
        let keys_least = EXPIRE_KEYS_MIN.max(self.ran);
        let (mut removed, mut moved) = (0, 0);
        for index in 0..self.server.keyspace.databases() {
            loop {
                let db = self.server.keyspace.db_mut(index);
                if db.next_wake().is_none_or(|wake| wake > now) {
                    break;
                }
                let piece = db.expire_due(now, EXPIRE_PIECE_KEYS);
                removed += piece.removed;
                moved += piece.moved;
                effects::hand_on(&mut self.server, index, None);
                if !self.server.outbox.is_empty() {
                    effects::drain_outbox(&mut self.server);
                }
                let is_over = self.server.clock.monotonic_ns() - began > limit_ns;
                let did_least = removed >= keys_least || moved >= MOVES_PER_KEY * keys_least;
                if is_over && (did_least || self.ran == 0) {
                    self.has_backlog = true;
                    return;
                }
                if !piece.goes_on {
                    break;
                }
            }
        }
    }

    /// Frees what was removed, in slices.
    pub(super) fn free(&mut self) {
        if self.server.scripts.has_discarded() {
            self.server.keyspace.garbage.freed += self.server.scripts.free_discarded();
        }
        if self.server.keyspace.garbage.is_empty() {
            return;
        }
        let began = self.server.clock.monotonic_ns();
        let limit_ns = if self.ran == 0 { FREE_IDLE_NS_MAX } else { FREE_BUSY_NS_MAX };
        while !self.server.keyspace.garbage.free_slice() {
            if self.server.clock.monotonic_ns() - began > limit_ns {
                return;
            }
        }
    }
}
