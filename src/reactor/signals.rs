//! Signals as events: a handler that only sets a bit and writes to an eventfd, which the poll watches.
//!
//! SIGTERM and SIGINT ask for a shutdown, a second SIGINT (or SIGTERM) leaves at once; SIGHUP, SIGPIPE and SIGXFSZ are ignored.

use std::ffi::CString;
use std::io;
use std::os::fd::RawFd;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicI32, AtomicU32, Ordering};

static RECEIVED: AtomicU32 = AtomicU32::new(0);
static EVENT: AtomicI32 = AtomicI32::new(-1);
static ASKED_TO_LEAVE: AtomicU32 = AtomicU32::new(0);
/// The file that is of no use to anybody when the process ends in the middle of writing it.
static UNFINISHED: OnceLock<CString> = OnceLock::new();

const TERM: u32 = 1 << 0;
const INT: u32 = 1 << 1;

/// The signals that came since the last look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Received {
    pub term: bool,
    pub int: bool,
}

/// Installed handlers.
pub struct Signals {
    descriptor: RawFd,
}

extern "C" fn on_signal(signal: libc::c_int) {
    // Only async-signal-safe calls from here on.
    if ASKED_TO_LEAVE.fetch_add(1, Ordering::SeqCst) > 0 && signal == libc::SIGINT {
        if let Some(path) = UNFINISHED.get() {
            unsafe { libc::unlink(path.as_ptr()) };
        }
        unsafe { libc::_exit(1) };
    }
    RECEIVED.fetch_or(if signal == libc::SIGTERM { TERM } else { INT }, Ordering::SeqCst);
    let one: u64 = 1;
    unsafe { libc::write(EVENT.load(Ordering::SeqCst), (&raw const one).cast(), size_of::<u64>()) };
}

fn install(signal: libc::c_int, handler: libc::sighandler_t) -> io::Result<()> {
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_sigaction = handler;
    action.sa_flags = libc::SA_RESTART;
    let rc = unsafe { libc::sigaction(signal, &raw const action, std::ptr::null_mut()) };
    if rc < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

impl Signals {
    /// Installs the handlers; once a process.
    pub fn install() -> io::Result<Signals> {
        let descriptor = unsafe { libc::eventfd(0, libc::EFD_NONBLOCK | libc::EFD_CLOEXEC) };
        if descriptor < 0 {
            return Err(io::Error::last_os_error());
        }
        EVENT.store(descriptor, Ordering::SeqCst);
        let handler = on_signal as extern "C" fn(libc::c_int) as libc::sighandler_t;
        install(libc::SIGTERM, handler)?;
        install(libc::SIGINT, handler)?;
        install(libc::SIGHUP, libc::SIG_IGN)?;
        install(libc::SIGPIPE, libc::SIG_IGN)?;
        // A file that has reached its limit is a write that fails.
        install(libc::SIGXFSZ, libc::SIG_IGN)?;
        Ok(Signals { descriptor })
    }

    /// Names the file to be removed when a second signal ends the process at once.
    pub fn remove_when_killed(&self, path: CString) {
        // Only the first call counts: the name goes by the process, and so does not change.
        let _ = UNFINISHED.set(path);
    }

    pub fn descriptor(&self) -> RawFd {
        self.descriptor
    }

    /// What came since the last call.
    pub fn take(&mut self) -> Received {
        let mut count = [0u8; 8];
        unsafe { libc::read(self.descriptor, count.as_mut_ptr().cast(), count.len()) };
        let bits = RECEIVED.swap(0, Ordering::SeqCst);
        Received { term: bits & TERM != 0, int: bits & INT != 0 }
    }

    /// A shutdown was given up: the next signal asks anew.
    pub fn forget(&mut self) {
        ASKED_TO_LEAVE.store(0, Ordering::SeqCst);
    }
}
