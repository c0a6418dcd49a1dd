//! The crash report: what stands in the log when the server meets a fault, a broken assertion, or SIGALRM.
//!
//! ```text
//!  SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT ─▶ signal line, phase, stack, registers   (takes no memory, no lock)
//!  a panic ──────────────────────────────────▶ what failed, stack                     (the same)
//!                                               then INFO, clients, command at hand   (reads what may be broken)
//!                                               then the memory test, and the signal's default action
//!  SIGALRM ──────────────────────────────────▶ stack, and on with the work
//! ```
//!
//! Invariant: what comes first needs the least. A fault inside the report gives a reduced report, a fault inside that one
//! ends the process at once, and a report that hangs (a lock of the allocator was held) is ended by an alarm.

mod elf;
mod handlers;
mod mappings;
mod memory_test;
mod out;
mod registers;
mod report;
mod trace;

use std::ffi::CString;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicPtr, AtomicUsize, Ordering};

use self::out::Out;
use super::tick::EventLoop;
use crate::config::Settings;

pub use handlers::{arm_watchdog, install};

/// What a handler must know before anything happens: set while all is well, only read by a handler.
struct Watched {
    event_loop: AtomicPtr<EventLoop>,
    /// Index in `PHASES`; the largest number: not turning yet.
    phase: AtomicUsize,
    /// The thread whose stack is of interest.
    thread: AtomicI32,
    /// The log's path as C text, never freed; null is standard output.
    log_path: AtomicPtr<libc::c_char>,
    writes_report: AtomicBool,
    tests_memory: AtomicBool,
    exits_on_panic: AtomicBool,
    hides_user_data: AtomicBool,
}

static WATCHED: Watched = Watched {
    event_loop: AtomicPtr::new(ptr::null_mut()),
    phase: AtomicUsize::new(usize::MAX),
    thread: AtomicI32::new(0),
    log_path: AtomicPtr::new(ptr::null_mut()),
    writes_report: AtomicBool::new(true),
    tests_memory: AtomicBool::new(false),
    exits_on_panic: AtomicBool::new(false),
    hides_user_data: AtomicBool::new(false),
};

/// A phase begins; a report names it.
#[inline]
pub fn enter_phase(index: usize) {
    WATCHED.phase.store(index, Ordering::Relaxed);
}

/// From here on a report may look at this loop, which stays where it is until the process ends.
pub fn watch(event_loop: *mut EventLoop) {
    WATCHED.event_loop.store(event_loop, Ordering::Relaxed);
}

/// Where reports go; an empty path is standard output.
fn set_log_path(path: &[u8]) {
    if let Ok(path) = CString::new(path)
        && !path.is_empty()
    {
        WATCHED.log_path.store(path.into_raw(), Ordering::Relaxed);
    }
}

/// Takes over what the settings say of reports.
pub fn apply(settings: &Settings) {
    WATCHED.writes_report.store(settings.crash_log, Ordering::Relaxed);
    WATCHED.tests_memory.store(settings.crash_memcheck, Ordering::Relaxed);
    WATCHED.exits_on_panic.store(settings.use_exit_on_panic, Ordering::Relaxed);
    WATCHED.hides_user_data.store(settings.hide_user_data_from_log, Ordering::Relaxed);
    arm_watchdog(settings.watchdog_period_ms);
}

/// Opens the log for what `write` writes; standard output if there is none, or it cannot be opened.
fn with_log(write: impl FnOnce(&mut Out)) {
    let path = WATCHED.log_path.load(Ordering::Relaxed);
    let flags = libc::O_WRONLY | libc::O_APPEND | libc::O_CREAT | libc::O_CLOEXEC;
    // Safety: the path ends in a zero byte and is never freed.
    let opened = if path.is_null() { -1 } else { unsafe { libc::open(path, flags, 0o644) } };
    write(&mut Out::new(if opened < 0 { libc::STDOUT_FILENO } else { opened }));
    if opened >= 0 {
        // Safety: the descriptor is ours, and nobody uses it after this.
        unsafe { libc::close(opened) };
    }
}
