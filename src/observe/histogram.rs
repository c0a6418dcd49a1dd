//! How long the calls of one command took: a histogram that grows finer towards short times.
//!
//! ```text
//! value in ns   0 … 63 │ 64 … 127 │ 128 … 255 │ …  an octave each
//! counters         64  │    32    │     32    │ …  so a value is known to 1/32 of itself
//! ```
//!
//! Values above a second count as a second, as in Redis. Recording is a shift, an addition and two increments.

/// Counters of an octave.
const PARTS: usize = 1 << PARTS_LOG;
const PARTS_LOG: u32 = 5;
/// Values above this count as this: one second.
const NS_MAX: u64 = 1_000_000_000;
const COUNTERS: usize = place(NS_MAX) + 1;
/// The cumulative distribution of LATENCY HISTOGRAM begins with this bound, and doubles it.
const FIRST_BOUND_NS: u64 = 1024;

/// Made with the first call of a command: most commands are never called.
#[derive(Clone, Debug)]
pub struct Histogram {
    total: u64,
    counts: Box<[u64; COUNTERS]>,
}

/// The counter of a value.
const fn place(ns: u64) -> usize {
    if ns < 2 * PARTS as u64 {
        return ns as usize;
    }
    let shift = ns.ilog2() - PARTS_LOG;
    ((shift as usize) << PARTS_LOG) + (ns >> shift) as usize
}

/// The least and the greatest value of a counter.
const fn bounds(place: usize) -> (u64, u64) {
    if place < 2 * PARTS {
        return (place as u64, place as u64);
    }
    let shift = (place >> PARTS_LOG) as u32 - 1;
    let least = ((place - ((shift as usize) << PARTS_LOG)) as u64) << shift;
    (least, least + (1 << shift) - 1)
}

impl Default for Histogram {
    fn default() -> Self {
        let counts = vec![0; COUNTERS].into_boxed_slice();
        Histogram { total: 0, counts: counts.try_into().expect("it was made with that length") }
    }
}

impl Histogram {
    /// Counts one call.
    #[inline]
    pub fn record(&mut self, ns: u64) {
        self.total += 1;
        self.counts[place(ns.clamp(1, NS_MAX))] += 1;
    }

    /// How many calls were counted.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// The value in ns that `percent` of the calls did not exceed; the least value for 0. 0 if nothing was counted.
    pub fn percentile(&self, percent: f64) -> u64 {
        let wanted = ((percent / 100.0 * self.total as f64 + 0.5) as u64).max(1);
        let mut seen = 0;
        for (place, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= wanted && *count > 0 {
                let (least, greatest) = bounds(place);
                return if percent == 0.0 { least } else { greatest };
            }
        }
        0
    }

    /// The cumulative distribution in doubling steps, as LATENCY HISTOGRAM shows it: (upper bound in µs, calls up to it),
    /// only where a step has calls of its own. The bounds are Redis's, 1/128 above the powers of two.
    pub fn cumulative_usec(&self) -> Vec<(u64, u64)> {
        let mut steps = Vec::new();
        let (mut seen, mut at, mut bound) = (0, 0, FIRST_BOUND_NS);
        while seen < self.total {
            let end = place(bound).min(COUNTERS);
            let inside: u64 = self.counts[at..end].iter().sum();
            seen += inside;
            at = end;
            if inside > 0 {
                steps.push(((bound + bound / 128 - 1) / 1000, seen));
            }
            bound *= 2;
        }
        steps
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_contiguous_and_hold_their_values() {
        let mut next = 0;
        for place_ in 0..COUNTERS {
            let (least, greatest) = bounds(place_);
            assert_eq!(least, next, "no gap before {place_}");
            assert_eq!((place(least), place(greatest)), (place_, place_));
            assert!(greatest - least <= least / PARTS as u64);
            next = greatest + 1;
        }
        assert!(next > NS_MAX);
    }

    #[test]
    fn percentiles() {
        let mut histogram = Histogram::default();
        assert_eq!(histogram.percentile(50.0), 0);
        (1..=100_000).for_each(|ns| histogram.record(ns));
        for (percent, ns) in [(0.0, 1), (50.0, 50_000), (99.0, 99_000), (99.9, 99_900), (100.0, 100_000)] {
            let found = histogram.percentile(percent);
            assert!(found >= ns && found <= ns + ns / 32 + 1, "p{percent}: {found}");
        }
        histogram.record(u64::MAX);
        assert!(histogram.percentile(100.0) >= NS_MAX);
    }

    #[test]
    fn the_cumulative_distribution_has_the_bounds_of_redis() {
        let mut histogram = Histogram::default();
        for ns in [0, 1023, 1024, 40_000, 100_000_000, 400_000_000, 5_000_000_000] {
            histogram.record(ns);
        }
        let expected = [(1, 2), (2, 3), (66, 4), (135_266, 5), (541_065, 6), (1_082_130, 7)];
        assert_eq!(histogram.cumulative_usec(), expected);
        assert!(Histogram::default().cumulative_usec().is_empty());
    }

    #[test]
    #[ignore = "prints a figure"]
    fn recording_speed() {
        let mut histogram = Histogram::default();
        let began = std::time::Instant::now();
        const ROUNDS: u64 = 100_000_000;
        for round in 0..ROUNDS {
            histogram.record(std::hint::black_box(round & 0xffff));
        }
        println!("{:.2} ns a call", began.elapsed().as_nanos() as f64 / ROUNDS as f64);
        assert_eq!(histogram.total(), ROUNDS);
    }
}
