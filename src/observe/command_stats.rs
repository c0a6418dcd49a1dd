//! Statistics of one command.

use super::histogram::Histogram;

/// Counters of one command since the last reset.
#[derive(Clone, Debug, Default)]
pub struct CommandStats {
    pub calls: u64,
    pub ns: u64,
    /// Refused before they ran (arity, gates).
    pub rejected_calls: u64,
    /// Answered with an error.
    pub failed_calls: u64,
    /// How long calls took; made with the first call while `latency-tracking` is on.
    pub histogram: Option<Box<Histogram>>,
}

impl CommandStats {
    /// One call that took `ns` nanoseconds.
    #[inline]
    pub fn record(&mut self, ns: u64, tracks_latency: bool) {
        self.calls += 1;
        self.ns += ns;
        if tracks_latency {
            match &mut self.histogram {
                Some(histogram) => histogram.record(ns),
                None => self.begin_histogram(ns),
            }
        }
    }

    #[cold]
    fn begin_histogram(&mut self, ns: u64) {
        self.histogram.insert(Box::default()).record(ns);
    }
}
