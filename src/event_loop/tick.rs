//! One turn of the loop.
//!
//! ```text
//! poll → read (parse, prefetch, execute) → timers → before sleep (journal) → write → close
//! ```
//!
//! The order of `PHASES` is the order of a turn, and each phase says what it must precede. What a bound leaves undone is
//! put on a run list; then the next poll does not sleep.

use std::time::Duration;

use super::crash;
use super::links::key_of;
use super::outside::Outside;
use crate::exec::batch::Batch;
use crate::exec::dispatch::Dispatcher;
use crate::exec::replication::{self, arrival::Arrival};
use crate::exec::snapshot::Load;
use crate::keyspace::SessionKey;
use crate::server::Server;
use crate::server::links::LinkKey;

/// The loop and all it owns.
pub struct EventLoop {
    pub(super) server: Server,
    pub(super) outside: Outside,
    pub(super) dispatcher: Dispatcher,
    pub(super) batch: Batch,
    /// What the last poll said, by kind.
    pub(super) news: News,
    /// The data while it is being loaded.
    pub(super) loading: Option<Load>,
    /// A master's dump while it is loaded as it comes.
    pub(super) arrival: Option<Arrival>,
    /// A child's pipe that is not read while those who get its dump are behind.
    pub(super) congested_pipe: Option<usize>,
    /// The exit code, once it is time to leave.
    pub(super) leaves_with: Option<i32>,
    /// No phase more: no reply of this turn may leave.
    pub(super) leaves_at_once: bool,
    /// Requests run in this turn: the measure for expiry's share.
    pub(super) ran: usize,
    /// The cycle counter when this turn's poll returned.
    pub(super) turn_began: u64,
    /// Expiry or freeing stopped at its share of this turn.
    pub(super) has_backlog: bool,
}

/// What woke the loop.
#[derive(Default)]
pub(super) struct News {
    pub listeners: Vec<usize>,
    /// Listeners that had more to give than one turn takes, or met the limit of open files.
    pub listeners_left: Vec<usize>,
    pub readable: Vec<SessionKey>,
    pub writable: Vec<SessionKey>,
    pub pipes: Vec<usize>,
    pub links: Vec<LinkKey>,
    pub signal: bool,
}

impl News {
    pub fn is_empty(&self) -> bool {
        self.listeners.is_empty()
            && self.listeners_left.is_empty()
            && self.readable.is_empty()
            && self.writable.is_empty()
            && self.pipes.is_empty()
            && self.links.is_empty()
            && !self.signal
    }
}

/// One phase of a turn.
pub struct Phase {
    pub name: &'static str,
    run: fn(&mut EventLoop),
}

/// A turn, in order.
pub const PHASES: &[Phase] = &[
    // Sleeps until there is news or the next deadline.
    Phase { name: "poll", run: EventLoop::poll },
    // One reading of the wall clock for the turn: every command of it sees the same time.
    Phase { name: "clock", run: EventLoop::read_clock },
    // Before reading, so that a shutdown or a child's end is known to the commands that follow.
    Phase { name: "signals", run: EventLoop::signals },
    Phase { name: "children", run: EventLoop::children },
    // Before reading as well: who waits for another server is answered before his next request is read.
    Phase { name: "links", run: EventLoop::links },
    Phase { name: "accept", run: EventLoop::accept },
    // Reads, parses ahead, fetches ahead, executes.
    Phase { name: "read", run: EventLoop::read },
    // After the commands: those that may run meanwhile do not wait for a piece of the dump.
    Phase { name: "load", run: EventLoop::load },
    // After the commands, with a share that is measured by them.
    Phase { name: "timers", run: EventLoop::timers },
    Phase { name: "free", run: EventLoop::free },
    // Replies leave only after the journal has what they acknowledge.
    Phase { name: "before sleep", run: EventLoop::before_sleep },
    Phase { name: "write", run: EventLoop::write },
    // Last, so that a session's final replies were sent.
    Phase { name: "close", run: EventLoop::close },
    // Leaving comes last: SHUTDOWN's own reply, if there is one, has left.
    Phase { name: "leave", run: EventLoop::leave_if_asked },
];

impl EventLoop {
    /// Turns until somebody asks to leave; gives back the exit code.
    pub fn run(&mut self) -> i32 {
        crash::watch(self);
        loop {
            for (index, phase) in PHASES.iter().enumerate() {
                crash::enter_phase(index);
                (phase.run)(self);
                if self.leaves_at_once {
                    break;
                }
            }
            let clock = &self.server.clock;
            let busy_ns = clock.cycles_to_ns(clock.cycles().wrapping_sub(self.turn_began));
            let totals = &mut self.server.observe.totals;
            totals.loop_turns += 1;
            totals.loop_busy_ns += busy_ns;
            totals.turn_ns_max = totals.turn_ns_max.max(busy_ns);
            totals.turn_requests_max = totals.turn_requests_max.max(self.ran as u64);
            if let Some(code) = self.leaves_with {
                return code;
            }
        }
    }

    /// How long the next poll may sleep: not at all while something is left to do, else until the next deadline.
    fn sleep(&self) -> Option<Duration> {
        let has_work = self.has_backlog
            || !self.server.sessions.to_run.is_empty()
            || !self.server.sessions.to_close.is_empty()
            || !self.server.keyspace.garbage.is_empty()
            || !self.news.listeners_left.is_empty()
            || !self.outside.missed.is_empty()
            || replication::follow::has_dump(&self.server)
            || !self.server.sessions.to_write.is_empty()
            || !self.server.sessions.to_tell.is_empty()
            || self.loading.is_some()
            || self.arrival.as_ref().is_some_and(|arrival| !arrival.waits(&self.server))
            || self.leaves_with.is_some();
        if has_work {
            return Some(Duration::ZERO);
        }
        let wakes = [self.server.timers.next_wake(), self.keyspace_wake()];
        let wake = wakes.into_iter().flatten().min()?;
        // Deadlines are wall time, sleeping is monotonic: the difference is taken at the last moment, to the microsecond.
        let left_us = wake.saturating_mul(1000).saturating_sub(self.server.clock.wall_us());
        Some(Duration::from_micros(left_us.max(0) as u64))
    }

    fn poll(&mut self) {
        let sleep = self.sleep();
        let news = &mut self.news;
        news.listeners.clear();
        news.listeners.append(&mut news.listeners_left);
        news.readable.clear();
        news.writable.clear();
        news.pipes.clear();
        // What came during a busy turn comes first.
        let missed = &mut self.outside.missed;
        news.listeners.append(&mut missed.listeners_left);
        news.readable.append(&mut missed.readable);
        news.pipes.append(&mut missed.pipes);
        news.links.append(&mut missed.links);
        news.signal |= std::mem::take(&mut missed.signal);
        let (poller, connections, sessions) =
            (&mut self.outside.poller, &mut self.outside.connections, &mut self.server.sessions);
        use crate::reactor::Wake;
        let polled = poller.wait(sleep, |wake| match wake {
            Wake::Connection { index, generation, is_readable, is_writable, is_read_closed } => {
                let Some(connection) = connections.get_mut(index) else { return };
                let Some(session) = sessions.at_mut(index) else { return };
                if connection.generation != generation {
                    return;
                }
                connection.is_read_closed |= is_read_closed;
                if is_readable || is_read_closed {
                    news.readable.push(session.key);
                }
                if is_writable && connection.is_write_blocked {
                    connection.is_write_blocked = false;
                    news.writable.push(session.key);
                }
            }
            Wake::Link { index, generation } => news.links.push(key_of(index, generation)),
            Wake::Listener(index) => news.listeners.push(index),
            Wake::Pipe(index) => news.pipes.push(index),
            Wake::Signal => news.signal = true,
            // What was done is asked after in every turn, before it sleeps again.
            Wake::Helper | Wake::Timer => {}
        });
        if let Err(e) = polled {
            log::error!("poll failed: {e}");
            self.leaves_with = Some(1);
        }
    }

    fn read_clock(&mut self) {
        self.server.now = self.server.clock.wall_ms();
        self.turn_began = self.server.clock.cycles();
        self.ran = 0;
    }

    fn signals(&mut self) {
        if self.news.signal {
            self.news.signal = false;
            self.handle_signals();
        }
    }

    fn before_sleep(&mut self) {
        if self.server.eviction_goes_on {
            self.server.eviction_goes_on = false;
            let settings = std::rc::Rc::clone(&self.server.settings);
            self.has_backlog |=
                !crate::exec::memory::make_room(&mut self.server, &settings, None) || { self.server.eviction_goes_on };
            crate::exec::effects::drain_outbox(&mut self.server);
        }
        if self.server.tracking.prefixes.has_news() {
            crate::exec::tracking::broadcast(&mut self.server);
        }
        // What was applied of a master's stream is passed on, and who waits for acknowledgements asks for them.
        replication::stream_applied(&mut self.server, &mut self.outside);
        replication::acks::ask(&mut self.server);
        // Then all that the turn recorded, by the steps before this one as well.
        if crate::exec::readers::drain(&mut self.server, &mut self.outside).is_err() {
            self.outside.remove_traces();
            (self.leaves_with, self.leaves_at_once) = (Some(1), true);
        }
        // What is on the disk since then is an acknowledgement, too.
        replication::acks::serve(&mut self.server);
    }
}
