//! Replication as Redis does it, as state machines without input and output: they are told bytes and times, and say what is to be sent.
//!
//! `Replication` is the history of the data (its ids, its offset, its last stretch) with the replicas that read it (`Replica`) and, on
//! a replica, the master that it follows (`Following`). Must not know the server: `exec::replication` joins this with keyspace,
//! sessions and links.
//!
//! ```text
//!   history     id A ──────────────────▶ second offset │ id B ────────────▶ offset        (a promoted replica's: A was its master's)
//!   backlog                    [ first ──── next of a replica ────────────▶ offset ]
//! ```

mod backlog;
mod following;
mod handshake;
mod replica;
mod state;
mod transfer;

pub use backlog::Backlog;
pub use following::{Destination, Following, Phase};
pub use handshake::{Handshake, Introduction, Said};
pub use replica::{Capabilities, DumpFile, Replica, Stage, Wanted};
pub use state::{Failover, FailoverState, NO_ID, Refusal, Replication};
pub use transfer::{Arrival, Transfer};
