//! The poll itself: tokens, what they stand for, and how long to sleep.
//!
//! ```text
//! token   [ kind 3 | generation 29 | index 32 ]
//! ```
//!
//! A connection's or link's token carries a generation: an event that was under way when its connection was closed finds another
//! generation there and is dropped. mio is edge-triggered: whoever is woken works until `WouldBlock`, or puts itself on a
//! run list that keeps the next poll from sleeping.

use std::io;
use std::os::fd::RawFd;
use std::time::Duration;

use mio::event::{Event, Source};
use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token};

use super::timer::SleepTimer;

/// Events taken from the kernel at once.
const EVENTS_MAX: usize = 1024;

const KIND_SHIFT: u32 = 61;
const GENERATION_SHIFT: u32 = 32;
const GENERATION_MASK: u64 = GENERATION_MAX as u64;
/// Generations begin anew behind this one.
pub(super) const GENERATION_MAX: u32 = (1 << 29) - 1;
const KIND_CONNECTION: u64 = 0;
const KIND_LISTENER: u64 = 1;
const KIND_PIPE: u64 = 2;
const KIND_INTERNAL: u64 = 3;
const KIND_LINK: u64 = 4;
const INTERNAL_TIMER: u64 = 0;
const INTERNAL_SIGNALS: u64 = 1;
const INTERNAL_HELPER: u64 = 2;

/// All that can wake the loop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wake {
    /// Somebody wants to connect.
    Listener(usize),
    /// A connection can be read or written, or its peer has closed.
    Connection { index: usize, generation: u32, is_readable: bool, is_writable: bool, is_read_closed: bool },
    /// There is news of a link to another server.
    Link { index: usize, generation: u32 },
    /// A child's pipe has something to say, or has been hung up.
    Pipe(usize),
    /// A signal came.
    Signal,
    /// A thread beside the loop has done something.
    Helper,
    /// The sleep is over.
    Timer,
}

/// The poll and the timer that ends its sleep.
pub struct Poller {
    poll: Poll,
    events: Events,
    timer: SleepTimer,
}

impl Poller {
    pub fn new() -> io::Result<Poller> {
        let poller =
            Poller { poll: Poll::new()?, events: Events::with_capacity(EVENTS_MAX), timer: SleepTimer::new()? };
        poller.register_internal(poller.timer.descriptor(), INTERNAL_TIMER)?;
        Ok(poller)
    }

    fn register_internal(&self, descriptor: RawFd, which: u64) -> io::Result<()> {
        let token = Token((KIND_INTERNAL << KIND_SHIFT | which) as usize);
        self.poll.registry().register(&mut SourceFd(&descriptor), token, Interest::READABLE)
    }

    /// Signals wake the loop through this descriptor.
    pub fn register_signals(&self, descriptor: RawFd) -> io::Result<()> {
        self.register_internal(descriptor, INTERNAL_SIGNALS)
    }

    /// Threads beside the loop wake it through this descriptor, an eventfd.
    pub fn register_helper(&self, descriptor: RawFd) -> io::Result<()> {
        self.register_internal(descriptor, INTERNAL_HELPER)
    }

    pub fn register_listener(&self, source: &mut impl Source, index: usize) -> io::Result<()> {
        let token = Token((KIND_LISTENER << KIND_SHIFT | index as u64) as usize);
        self.poll.registry().register(source, token, Interest::READABLE)
    }

    pub fn register_connection(&self, source: &mut impl Source, index: usize, generation: u32) -> io::Result<()> {
        self.register_both_ways(source, KIND_CONNECTION, index, generation)
    }

    pub fn register_link(&self, source: &mut impl Source, index: usize, generation: u32) -> io::Result<()> {
        self.register_both_ways(source, KIND_LINK, index, generation)
    }

    fn register_both_ways(&self, source: &mut impl Source, kind: u64, index: usize, generation: u32) -> io::Result<()> {
        let generation = u64::from(generation) & GENERATION_MASK;
        let token = Token((kind << KIND_SHIFT | generation << GENERATION_SHIFT | index as u64) as usize);
        self.poll.registry().register(source, token, Interest::READABLE | Interest::WRITABLE)
    }

    /// The reading end of a child's pipe.
    pub fn register_pipe(&self, descriptor: RawFd, index: usize) -> io::Result<()> {
        let token = Token((KIND_PIPE << KIND_SHIFT | index as u64) as usize);
        self.poll.registry().register(&mut SourceFd(&descriptor), token, Interest::READABLE)
    }

    pub fn deregister_pipe(&self, descriptor: RawFd) -> io::Result<()> {
        self.poll.registry().deregister(&mut SourceFd(&descriptor))
    }

    /// A forked child may hold the socket open: it is taken out of the poll before it is closed.
    pub fn deregister(&self, source: &mut impl Source) {
        // Failing means that it was not in there.
        let _ = self.poll.registry().deregister(source);
    }

    /// Waits for news up to `sleep` (`None`: for ever; zero: not at all) and hands each to `wake`.
    pub fn wait(&mut self, sleep: Option<Duration>, mut wake: impl FnMut(Wake)) -> io::Result<()> {
        let timeout = match sleep {
            Some(Duration::ZERO) => Some(Duration::ZERO),
            Some(sleep) => {
                self.timer.arm(sleep)?;
                None
            }
            None => None,
        };
        match self.poll.poll(&mut self.events, timeout) {
            Ok(()) => {}
            // A signal: its descriptor tells in the next round.
            Err(e) if e.kind() == io::ErrorKind::Interrupted => return Ok(()),
            Err(e) => return Err(e),
        }
        for event in &self.events {
            if let Some(news) = decode(event) {
                if news == Wake::Timer {
                    self.timer.fired();
                }
                wake(news);
            }
        }
        Ok(())
    }
}

fn decode(event: &Event) -> Option<Wake> {
    let token = event.token().0 as u64;
    let index = (token & u64::from(u32::MAX)) as usize;
    match token >> KIND_SHIFT {
        KIND_CONNECTION => Some(Wake::Connection {
            index,
            generation: (token >> GENERATION_SHIFT & GENERATION_MASK) as u32,
            is_readable: event.is_readable(),
            is_writable: event.is_writable(),
            is_read_closed: event.is_read_closed() || event.is_error(),
        }),
        KIND_LINK => Some(Wake::Link { index, generation: (token >> GENERATION_SHIFT & GENERATION_MASK) as u32 }),
        KIND_LISTENER => Some(Wake::Listener(index)),
        KIND_PIPE => Some(Wake::Pipe(index)),
        _ => match index as u64 {
            INTERNAL_TIMER => Some(Wake::Timer),
            INTERNAL_HELPER => Some(Wake::Helper),
            _ => Some(Wake::Signal),
        },
    }
}
