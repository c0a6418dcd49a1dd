//! A timer with nanosecond resolution that ends a poll's sleep: mio rounds a poll's timeout up to whole milliseconds, which
//! would be half the lateness that expiry may have.

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::time::{Duration, Instant};

pub(super) struct SleepTimer {
    descriptor: OwnedFd,
    /// When it goes off, if it is armed.
    armed_for: Option<Instant>,
}

/// A timer that goes off this much too early is left as it is: the loop looks, finds nothing, and sleeps on.
const EARLY_ENOUGH: Duration = Duration::from_micros(20);

impl SleepTimer {
    pub fn new() -> io::Result<SleepTimer> {
        let raw = unsafe { libc::timerfd_create(libc::CLOCK_MONOTONIC, libc::TFD_NONBLOCK | libc::TFD_CLOEXEC) };
        if raw < 0 {
            return Err(io::Error::last_os_error());
        }
        // Safety: the descriptor was just made and is nobody else's.
        Ok(SleepTimer { descriptor: unsafe { OwnedFd::from_raw_fd(raw) }, armed_for: None })
    }

    pub fn descriptor(&self) -> RawFd {
        self.descriptor.as_raw_fd()
    }

    /// Goes off after `sleep`. One that goes off earlier anyway, but not long before, is left alone: a call saved.
    pub fn arm(&mut self, sleep: Duration) -> io::Result<()> {
        let wanted = Instant::now() + sleep;
        if let Some(armed) = self.armed_for
            && armed <= wanted
            && wanted - armed < EARLY_ENOUGH
        {
            return Ok(());
        }
        let spec = libc::itimerspec {
            it_interval: libc::timespec { tv_sec: 0, tv_nsec: 0 },
            it_value: libc::timespec {
                tv_sec: sleep.as_secs() as libc::time_t,
                tv_nsec: libc::c_long::from(sleep.subsec_nanos().max(1) as i32),
            },
        };
        let rc = unsafe { libc::timerfd_settime(self.descriptor(), 0, &raw const spec, std::ptr::null_mut()) };
        if rc < 0 {
            return Err(io::Error::last_os_error());
        }
        self.armed_for = Some(wanted);
        Ok(())
    }

    /// It went off: its count is read away, so that the next time is an edge again.
    pub fn fired(&mut self) {
        let mut count = [0u8; 8];
        unsafe { libc::read(self.descriptor(), count.as_mut_ptr().cast(), count.len()) };
        self.armed_for = None;
    }
}
