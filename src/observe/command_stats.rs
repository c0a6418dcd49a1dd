//! Statistics of one command.

/// Counters of one command since the last reset.
#[derive(Clone, Debug, Default)]
pub struct CommandStats {
    pub calls: u64,
    pub ns: u64,
    /// Refused before they ran (arity, gates).
    pub rejected_calls: u64,
    /// Answered with an error.
    pub failed_calls: u64,
}

impl CommandStats {
    /// One call that took `ns` nanoseconds.
    #[inline]
    pub fn record(&mut self, ns: u64) {
        self.calls += 1;
        self.ns += ns;
    }
}
