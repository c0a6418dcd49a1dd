//! The threads beside the loop: one that syncs, one that closes. They touch files and nothing else, and begin with their first job.
//!
//! ```text
//! loop ── begin_sync ──▶ [syncs]    fdatasync, outcome noted ──▶ eventfd ──▶ loop
//!      ── close ───────▶ [closes]   close: of a file that was removed, which gives its room back
//! ```
//!
//! They are two, so that closing what is large keeps no sync waiting.

use std::fs::File;
use std::io;
use std::os::fd::RawFd;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Condvar, Mutex, PoisonError};

/// A sync that was handed over, and what became of it.
#[derive(Default)]
pub struct Errand {
    outcome: Mutex<Option<io::Result<()>>>,
    done: Condvar,
}

impl Errand {
    /// The outcome, once it is there.
    pub fn take(&self) -> Option<io::Result<()>> {
        self.outcome.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Waits for the outcome.
    pub fn wait(&self) -> io::Result<()> {
        let mut outcome = self.outcome.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(outcome) = outcome.take() {
                return outcome;
            }
            outcome = self.done.wait(outcome).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn finish(&self, outcome: io::Result<()>) {
        *self.outcome.lock().unwrap_or_else(PoisonError::into_inner) = Some(outcome);
        self.done.notify_all();
    }
}

/// The ways to both threads. A clone leads to the same ones, once they have begun.
pub struct Helper {
    /// Written to when a sync is done.
    wake: RawFd,
    syncs: Option<Sender<(Arc<File>, Arc<Errand>)>>,
    closes: Option<Sender<File>>,
    /// What a thread does with itself before its first job.
    set_up: Arc<dyn Fn() + Send + Sync>,
}

impl Helper {
    /// `wake`: an eventfd that lives as long as the process.
    pub fn new(wake: RawFd) -> Helper {
        Helper { wake, syncs: None, closes: None, set_up: Arc::new(|| {}) }
    }

    /// What threads that begin from now on do with themselves first.
    pub fn set_up_by(&mut self, set_up: Arc<dyn Fn() + Send + Sync>) {
        self.set_up = set_up;
    }

    /// The way to the thread that syncs.
    pub fn syncs(&mut self) -> Sender<(Arc<File>, Arc<Errand>)> {
        let (wake, set_up) = (self.wake, Arc::clone(&self.set_up));
        let begin = || {
            begin("gyre-sync", set_up, move |(file, errand): (Arc<File>, Arc<Errand>)| {
                errand.finish(file.sync_data());
                let one: u64 = 1;
                // Safety: eight bytes of ours go to an eventfd that is never closed.
                unsafe { libc::write(wake, (&raw const one).cast(), size_of::<u64>()) };
            })
        };
        self.syncs.get_or_insert_with(begin).clone()
    }

    /// Closes a file that has no name any more: that takes as long as it is large.
    pub fn close(&mut self, file: File) {
        let set_up = Arc::clone(&self.set_up);
        let begin = || begin("gyre-close", set_up, drop::<File>);
        // The thread ends with the process only; without it the file is closed here.
        let _ = self.closes.get_or_insert_with(begin).send(file);
    }
}

/// Begins a thread that does one job after the other until nobody can send any more.
fn begin<J: Send + 'static>(
    name: &str,
    set_up: Arc<dyn Fn() + Send + Sync>,
    mut work: impl FnMut(J) + Send + 'static,
) -> Sender<J> {
    let (sender, receiver) = channel::<J>();
    // Signals are the loop's: the thread inherits a mask that holds them all off.
    // Safety: the sets are whole before they are used, and the loop's own mask comes back at once.
    unsafe {
        let (mut all, mut before): (libc::sigset_t, libc::sigset_t) = (std::mem::zeroed(), std::mem::zeroed());
        libc::sigfillset(&raw mut all);
        libc::pthread_sigmask(libc::SIG_SETMASK, &raw const all, &raw mut before);
        let begun = std::thread::Builder::new().name(name.to_owned()).spawn(move || {
            set_up();
            receiver.iter().for_each(&mut work);
        });
        libc::pthread_sigmask(libc::SIG_SETMASK, &raw const before, std::ptr::null_mut());
        begun.expect("a thread can be begun: without one nothing can be promised of the disk");
    }
    sender
}
