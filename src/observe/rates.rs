//! Rates of the last moments (`instantaneous_*` of INFO): the mean of sixteen samples, one every 100 ms or so.

/// Samples that a rate is the mean of.
const SAMPLES: usize = 16;

/// The rate of one growing counter.
#[derive(Clone, Debug, Default)]
pub struct Rate {
    samples: [u64; SAMPLES],
    next: usize,
    last_total: u64,
    last_base: u64,
}

impl Rate {
    /// Takes a sample: how much the counter grew for every `factor` that `base` grew. With a base in µs and a factor of
    /// a million this is a rate by the second; with a base of events and a factor of 1, a mean by the event.
    pub fn sample(&mut self, total: u64, base: u64, factor: u64) {
        if self.last_base > 0 {
            let grown = total.saturating_sub(self.last_total);
            let by = base.saturating_sub(self.last_base);
            self.samples[self.next] =
                if by > 0 { (u128::from(grown) * u128::from(factor) / u128::from(by)) as u64 } else { 0 };
            self.next = (self.next + 1) % SAMPLES;
        }
        self.last_total = total;
        self.last_base = base;
    }

    /// The mean of the samples.
    pub fn mean(&self) -> u64 {
        self.samples.iter().sum::<u64>() / SAMPLES as u64
    }
}

/// All rates that INFO shows, sampled together.
#[derive(Clone, Debug, Default)]
pub struct Rates {
    /// When the last sample was taken, in µs of the monotonic clock.
    pub sampled_us: u64,
    /// Commands a second.
    pub commands: Rate,
    /// Bytes a second from clients.
    pub input_bytes: Rate,
    /// Bytes a second to clients.
    pub output_bytes: Rate,
    /// Bytes a second from a master.
    pub replication_input_bytes: Rate,
    /// Bytes a second to replicas.
    pub replication_output_bytes: Rate,
    /// Turns of the loop a second.
    pub turns: Rate,
    /// Microseconds that a turn took.
    pub turn_us: Rate,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_steady_counter_has_a_steady_rate() {
        let mut rate = Rate::default();
        for step in 1..=20u64 {
            rate.sample(step * 100, step * 100_000, 1_000_000);
        }
        assert_eq!(rate.mean(), 1000);
        (21..=40u64).for_each(|step| rate.sample(2000, step * 100_000, 1_000_000));
        assert_eq!(rate.mean(), 0);
    }

    #[test]
    fn a_counter_that_was_reset_counts_as_standing_still() {
        let mut rate = Rate::default();
        rate.sample(500, 10, 1);
        rate.sample(3, 20, 1);
        assert_eq!(rate.mean(), 0);
    }
}
