//! What the server observes of itself: statistics per command, totals, slow log, latency, errors. Decides nothing.

mod command_stats;

pub use command_stats::CommandStats;

/// All observations since the last reset.
#[derive(Default)]
pub struct Observe {
    /// By the command's number in the table.
    pub commands: Vec<CommandStats>,
    pub totals: Totals,
}

/// Counters that CONFIG RESETSTAT sets to zero.
#[derive(Clone, Copy, Debug, Default)]
pub struct Totals {
    pub connections_received: u64,
    pub connections_rejected: u64,
    pub commands_processed: u64,
    pub net_input_bytes: u64,
    pub net_output_bytes: u64,
    pub error_replies: u64,
    pub unexpected_error_replies: u64,
    pub query_buffer_limit_disconnections: u64,
    pub output_buffer_limit_disconnections: u64,
    pub reads_processed: u64,
    pub writes_processed: u64,
    pub loop_turns: u64,
    pub loop_busy_ns: u64,
    pub loop_command_ns: u64,
}

impl Observe {
    /// Room for the statistics of `commands` commands.
    pub fn new(commands: usize) -> Observe {
        Observe { commands: vec![CommandStats::default(); commands], totals: Totals::default() }
    }

    /// An error was answered; `text` is its line, code first.
    pub fn note_error(&mut self, _text: &[u8]) {
        self.totals.error_replies += 1;
    }

    /// True when a call of `ns` nanoseconds is to be noted beyond its count (slow log, latency).
    #[inline]
    pub fn wants_call(&self, _ns: u64) -> bool {
        false
    }
}
