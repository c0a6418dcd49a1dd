//! What the server observes of itself: statistics per command, totals, slow log, latency, errors. Decides nothing.
//!
//! What every call costs is two additions, a histogram's counter and one comparison (`wants_call`); all else is looked at
//! only when that comparison says so, or when somebody asks.

mod command_stats;
mod slots;
mod state;

pub mod errors;
pub mod histogram;
pub mod host;
pub mod hot_keys;
pub mod human;
pub mod latency;
pub mod rates;
pub mod slow_log;

pub use command_stats::CommandStats;
pub use slots::Slots;
pub use state::{Observe, Totals};
