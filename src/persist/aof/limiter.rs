//! Rewriting that fails again and again waits longer and longer: each try leaves an increment behind.
//!
//! ```text
//! fewer than three failures in a row ──▶ free
//! three and more                     ──▶ 1, 2, 4 … 60 minutes between two tries
//! ```

/// Failures in a row from which on tries are limited.
const FAILURES_MIN: u64 = 3;

/// The longest wait.
const MINUTES_MAX: i64 = 60;

/// When rewriting by itself may be tried again.
#[derive(Clone, Copy, Debug, Default)]
pub struct Limiter {
    minutes: i64,
    /// Seconds since the epoch; 0: no wait was begun.
    next_s: i64,
}

impl Limiter {
    /// True while no rewrite may begin by itself. A wait begins when it is asked for the first time after a failure.
    pub fn is_limited(&mut self, failures: u64, now_s: i64) -> bool {
        if failures < FAILURES_MIN {
            *self = Limiter::default();
            return false;
        }
        if self.next_s != 0 {
            let is_over = now_s >= self.next_s;
            if is_over {
                self.next_s = 0;
            }
            return !is_over;
        }
        self.minutes = if self.minutes == 0 { 1 } else { (self.minutes * 2).min(MINUTES_MAX) };
        self.next_s = now_s + self.minutes * 60;
        log::warn!(
            "Background AOF rewrite has repeatedly failed and triggered the limit, will retry in {} minutes",
            self.minutes
        );
        true
    }
}

#[cfg(test)]
mod tests {
    use super::Limiter;

    #[test]
    fn waits_double_up_to_an_hour() {
        let mut limiter = Limiter::default();
        assert!(!limiter.is_limited(2, 0));
        let (mut now_s, mut waits) = (1_000_000, Vec::new());
        for failures in 3..12 {
            let began = now_s;
            assert!(limiter.is_limited(failures, now_s));
            while limiter.is_limited(failures, now_s) {
                now_s += 60;
            }
            waits.push((now_s - began) / 60);
        }
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
        assert!(!limiter.is_limited(0, now_s));
        assert!(limiter.is_limited(3, now_s) && !limiter.is_limited(3, now_s + 60), "it begins at one minute again");
    }
}
