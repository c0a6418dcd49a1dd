//! The clock: the only reader of time in the program.
//!
//! ```text
//! wall_ms, wall_us    since the epoch; may jump when somebody sets the clock     deadlines of keys, LASTSAVE, logs
//! monotonic_ns        since the clock was made; never goes back                  sleeping, budgets, idle times
//! cycles              the processor's counter: a few ns to read, no unit         durations of commands
//! ```
//!
//! A real clock asks the system; a manual one stands still until it is told to move, for tests and the simulator.
//! Everything else in the program is *given* the time, and so can run in virtual time.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// Milliseconds since the epoch (1 January 1970, UTC); negative before it.
pub type Ms = i64;

/// How long the cycle counter is watched at start to learn its speed, in nanoseconds; `refine` betters it later.
const CALIBRATION_NS: u64 = 1_000_000;

#[derive(Debug)]
enum Source {
    /// The moment that monotonic time counts from, and the cycle counter then.
    Real { start: Instant, start_cycles: u64 },
    /// Virtual time, in nanoseconds; the wall is apart so that it can be stepped like a system's clock.
    Manual { wall_ns: i64, monotonic_ns: u64 },
}

/// A source of time. See the table above for which to ask.
#[derive(Debug)]
pub struct Clock {
    source: Source,
    ns_per_cycle: u64,
}

/// Bits behind the point of `ns_per_cycle`: a multiplication and a shift for each command.
const FIXED_BITS: u32 = 32;

fn fixed(ns_per_cycle: f64) -> u64 {
    ((ns_per_cycle * (1u64 << FIXED_BITS) as f64) as u64).max(1)
}

impl Clock {
    /// The system's time. Takes a millisecond, to learn the speed of the cycle counter.
    pub fn real() -> Clock {
        let mut clock = Clock {
            source: Source::Real { start: Instant::now(), start_cycles: read_cycle_counter() },
            ns_per_cycle: fixed(1.0),
        };
        while clock.monotonic_ns() < CALIBRATION_NS {
            std::hint::spin_loop();
        }
        clock.refine();
        clock
    }

    /// Virtual time that starts at this wall time and moves only by `advance_*`; one cycle is one nanosecond.
    pub fn manual(now: Ms) -> Clock {
        Clock { source: Source::Manual { wall_ns: now * 1_000_000, monotonic_ns: 0 }, ns_per_cycle: fixed(1.0) }
    }

    /// Milliseconds since the epoch.
    #[inline]
    pub fn wall_ms(&self) -> Ms {
        self.wall_us().div_euclid(1_000)
    }

    /// Microseconds since the epoch.
    #[inline]
    pub fn wall_us(&self) -> i64 {
        match self.source {
            Source::Real { .. } => match SystemTime::now().duration_since(UNIX_EPOCH) {
                Ok(since) => since.as_micros() as i64,
                Err(before) => -(before.duration().as_micros() as i64),
            },
            Source::Manual { wall_ns, .. } => wall_ns.div_euclid(1_000),
        }
    }

    /// Nanoseconds since this clock was made.
    #[inline]
    pub fn monotonic_ns(&self) -> u64 {
        match self.source {
            Source::Real { start, .. } => start.elapsed().as_nanos() as u64,
            Source::Manual { monotonic_ns, .. } => monotonic_ns,
        }
    }

    /// The cycle counter. Only differences mean something, by `cycles_to_ns`.
    #[inline]
    pub fn cycles(&self) -> u64 {
        match self.source {
            Source::Real { .. } => read_cycle_counter(),
            Source::Manual { monotonic_ns, .. } => monotonic_ns,
        }
    }

    /// Nanoseconds that so many cycles last.
    #[inline]
    pub fn cycles_to_ns(&self, cycles: u64) -> u64 {
        ((u128::from(cycles) * u128::from(self.ns_per_cycle)) >> FIXED_BITS) as u64
    }

    /// Cycles that so many nanoseconds last, for a budget that is compared with the counter.
    #[inline]
    pub fn ns_to_cycles(&self, ns: u64) -> u64 {
        ((u128::from(ns) << FIXED_BITS) / u128::from(self.ns_per_cycle)) as u64
    }

    /// Measures the counter's speed anew over all the time since the start: the longer, the truer.
    pub fn refine(&mut self) {
        if let Source::Real { start, start_cycles } = self.source {
            let cycles = read_cycle_counter().wrapping_sub(start_cycles);
            if cycles > 0 {
                self.ns_per_cycle = fixed(start.elapsed().as_nanos() as f64 / cycles as f64);
            }
        }
    }

    /// Moves virtual time, wall and monotonic together. On a real clock a mistake of ours.
    pub fn advance_ns(&mut self, ns: u64) {
        match &mut self.source {
            Source::Real { .. } => unreachable!("real time cannot be moved"),
            Source::Manual { wall_ns, monotonic_ns } => {
                *wall_ns += ns as i64;
                *monotonic_ns += ns;
            }
        }
    }

    /// Moves virtual time by milliseconds.
    pub fn advance_ms(&mut self, ms: u64) {
        self.advance_ns(ms * 1_000_000);
    }

    /// Steps the virtual wall clock, forward or back, as an administrator does; monotonic time does not notice.
    pub fn step_wall_ms(&mut self, ms: i64) {
        match &mut self.source {
            Source::Real { .. } => unreachable!("real time cannot be moved"),
            Source::Manual { wall_ns, .. } => *wall_ns += ms * 1_000_000,
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[inline]
fn read_cycle_counter() -> u64 {
    // Safety: RDTSC reads a register; every x86-64 processor has it and Linux leaves it open to programs.
    unsafe { std::arch::x86_64::_rdtsc() }
}

#[cfg(target_arch = "aarch64")]
#[inline]
fn read_cycle_counter() -> u64 {
    let count: u64;
    // Safety: the virtual counter is a read-only register that Linux leaves open to programs.
    unsafe { std::arch::asm!("mrs {}, cntvct_el0", out(reg) count, options(nomem, nostack, preserves_flags)) };
    count
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
#[inline]
fn read_cycle_counter() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn real_time_agrees_with_itself() {
        let mut clock = Clock::real();
        let (wall, monotonic, cycles) = (clock.wall_us(), clock.monotonic_ns(), clock.cycles());
        std::thread::sleep(std::time::Duration::from_millis(20));
        clock.refine();
        let wall_ns = (clock.wall_us() - wall) as f64 * 1000.0;
        let slept_ns = (clock.monotonic_ns() - monotonic) as f64;
        let counted_ns = clock.cycles_to_ns(clock.cycles().wrapping_sub(cycles)) as f64;
        assert!(slept_ns >= 20_000_000.0);
        assert!((wall_ns / slept_ns - 1.0).abs() < 0.2, "wall {wall_ns}, monotonic {slept_ns}");
        assert!((counted_ns / slept_ns - 1.0).abs() < 0.2, "cycles {counted_ns}, monotonic {slept_ns}");
        assert!(clock.wall_ms() > 1_700_000_000_000);
    }

    #[test]
    fn manual_time_stands_until_it_is_moved() {
        let mut clock = Clock::manual(1_000);
        assert_eq!((clock.wall_ms(), clock.monotonic_ns()), (1_000, 0));
        clock.advance_ms(5);
        assert_eq!((clock.wall_ms(), clock.wall_us(), clock.monotonic_ns()), (1_005, 1_005_000, 5_000_000));
        assert_eq!(clock.cycles_to_ns(clock.cycles()), 5_000_000);
        clock.step_wall_ms(-2_000);
        assert_eq!((clock.wall_ms(), clock.monotonic_ns()), (-995, 5_000_000));
    }
}
