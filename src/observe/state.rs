//! All observations together, and the thresholds from which a call is noted.

use super::command_stats::CommandStats;
use super::errors::{Counted, Errors};
use super::hot_keys::HotKeys;
use super::latency::Latency;
use super::rates::Rates;
use super::slow_log::SlowLog;
use crate::base::clock::Ms;
use crate::config::Settings;

const NS_PER_US: u64 = 1_000;
const NS_PER_MS: u64 = 1_000_000;

/// All observations since the last reset.
#[derive(Default)]
pub struct Observe {
    /// By the command's number in the table.
    pub commands: Vec<CommandStats>,
    pub totals: Totals,
    pub errors: Errors,
    pub slow_log: SlowLog,
    pub large_requests: SlowLog,
    pub large_replies: SlowLog,
    /// What HOTKEYS counts or has counted.
    pub hot_keys: Option<Box<HotKeys>>,
    pub latency: Latency,
    pub rates: Rates,
    /// Every call's duration goes to its command's histogram (`latency-tracking`).
    pub tracks_latency: bool,
    /// Calls of this many ns or more go to the slow log; `u64::MAX` for none.
    slow_from_ns: u64,
    /// Requests and replies of this many bytes or more go to their logs; `u64::MAX` for none.
    pub large_request_from: u64,
    pub large_reply_from: u64,
    /// What takes this many ns or more goes to the latency monitor; `u64::MAX` for nothing.
    late_from_ns: u64,
}

/// Counters that CONFIG RESETSTAT sets to zero.
#[derive(Clone, Copy, Debug, Default)]
pub struct Totals {
    pub connections_received: u64,
    pub connections_rejected: u64,
    pub net_input_bytes: u64,
    pub net_output_bytes: u64,
    pub error_replies: u64,
    pub unexpected_error_replies: u64,
    /// Bytes from the master, and to replicas.
    pub net_repl_input_bytes: u64,
    pub net_repl_output_bytes: u64,
    pub query_buffer_limit_disconnections: u64,
    pub output_buffer_limit_disconnections: u64,
    /// Clients closed for the memory that all took together.
    pub evicted_clients: u64,
    pub reads_processed: u64,
    pub writes_processed: u64,
    pub loop_turns: u64,
    /// Time that turns took, without sleeping.
    pub loop_busy_ns: u64,
    /// The longest turn, and the most requests that one turn ran.
    pub turn_ns_max: u64,
    pub turn_requests_max: u64,
    /// Time that went into the periodic jobs.
    pub cron_ns: u64,
    /// Time that went into removing keys that were due.
    pub expire_ns: u64,
}

impl Observe {
    /// Room for the statistics of `commands` commands.
    pub fn new(commands: usize) -> Observe {
        Observe {
            commands: vec![CommandStats::default(); commands],
            large_request_from: u64::MAX,
            large_reply_from: u64::MAX,
            ..Observe::default()
        }
    }

    /// Takes over what the configuration says of slow log and latency.
    pub fn apply_settings(&mut self, settings: &Settings) {
        self.tracks_latency = settings.latency_tracking;
        self.slow_from_ns = match settings.slowlog_slower_than_us {
            us @ 0.. if settings.slowlog_len_max > 0 => (us as u64).saturating_mul(NS_PER_US),
            _ => u64::MAX,
        };
        self.late_from_ns = match settings.latency_monitor_threshold_ms {
            ms @ 1.. => (ms as u64).saturating_mul(NS_PER_MS),
            _ => u64::MAX,
        };
        let from = |bytes: i64, len_max: u64| if bytes >= 0 && len_max > 0 { bytes as u64 } else { u64::MAX };
        self.large_request_from = from(settings.large_request_bytes, settings.large_request_len_max);
        self.large_reply_from = from(settings.large_reply_bytes, settings.large_reply_len_max);
        self.slow_log.trim(settings.slowlog_len_max);
        self.large_requests.trim(settings.large_request_len_max);
        self.large_replies.trim(settings.large_reply_len_max);
    }

    /// Sets to zero what CONFIG RESETSTAT does; slow log and latency events stay.
    pub fn reset(&mut self) {
        self.commands.iter_mut().for_each(|stats| *stats = CommandStats::default());
        self.totals = Totals::default();
        self.errors.reset();
        self.rates = Rates::default();
    }

    /// Time that went into commands.
    pub fn command_ns(&self) -> u64 {
        self.commands.iter().map(|stats| stats.ns).sum()
    }

    /// Calls of all commands.
    pub fn calls(&self) -> u64 {
        self.commands.iter().map(|stats| stats.calls).sum()
    }

    /// An error was answered; `text` is its line, code first.
    pub fn note_error(&mut self, text: &[u8]) {
        self.totals.error_replies += 1;
        if let Counted::StoppedNow(codes) = self.errors.count(text) {
            log::warn!(
                "Errorstats stopped adding new errors because the number of errors reached the limit: a script that makes \
                 up error codes does that. CONFIG RESETSTAT begins to count anew."
            );
            let codes: Vec<_> = codes.iter().map(|code| String::from_utf8_lossy(code)).collect();
            log::warn!("Current errors code list: {}", codes.join(", "));
        }
    }

    /// True when a call of `ns` nanoseconds is to be noted beyond its count (slow log, latency).
    #[inline]
    pub fn wants_call(&self, ns: u64) -> bool {
        ns >= self.slow_from_ns.min(self.late_from_ns)
    }

    /// True when a call of `ns` nanoseconds belongs into the slow log.
    pub fn is_slow(&self, ns: u64) -> bool {
        ns >= self.slow_from_ns
    }

    /// Something took `ns` nanoseconds: noted if that is above the threshold of the latency monitor.
    #[inline]
    pub fn note_latency(&mut self, event: &'static str, ns: u64, now: Ms) {
        if ns >= self.late_from_ns {
            self.latency.add(event, ns / NS_PER_MS, now / 1000);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thresholds_follow_the_settings() {
        let mut observe = Observe::new(1);
        let mut settings = Settings::default();
        let mut wants = |change: &dyn Fn(&mut Settings), ns: u64| {
            change(&mut settings);
            observe.apply_settings(&settings);
            (observe.wants_call(ns), observe.is_slow(ns))
        };
        assert_eq!(wants(&|_| {}, 9_999_999), (false, false));
        assert_eq!(wants(&|_| {}, 10_000_000), (true, true));
        assert_eq!(wants(&|settings| settings.latency_monitor_threshold_ms = 5, 5_000_000), (true, false));
        assert_eq!(wants(&|settings| settings.slowlog_slower_than_us = 0, 0), (true, true));
        assert_eq!(wants(&|settings| settings.slowlog_len_max = 0, 1), (false, false));
        assert_eq!(wants(&|settings| settings.slowlog_slower_than_us = -1, 4_000_000), (false, false));
    }

    #[test]
    fn a_reset_forgets_counts_but_not_the_slow_log() {
        let mut observe = Observe::new(2);
        observe.commands[1].record(100, true);
        observe.note_error(b"ERR x");
        observe.slow_log.add(10, 1, 1, [&b"a"[..]].into_iter(), Vec::new(), Vec::new());
        observe.reset();
        assert_eq!((observe.commands[1].calls, observe.totals.error_replies, observe.slow_log.len()), (0, 0, 1));
        assert!(observe.commands[1].histogram.is_none());
        assert_eq!(observe.errors.counts().count(), 0);
    }
}
