//! Client-side caching: which clients may hold which keys, and who must hear of a change. State only; the messages travel
//! through the outbox.
//!
//! ```text
//! by reads      key ──▶ sessions that read it        one message a change, then the key is forgotten
//! by prefixes   prefix ──▶ sessions that asked for it   keys changed since the last turn, told together at its end
//! ```
//! Must not know the server or a socket. A key stands for itself in every database, as the protocol has it.

mod prefixes;
mod remembered;
mod state;

pub use prefixes::{Broadcast, Overlap};
pub use remembered::Remembered;
pub use state::{Modes, Redirection, Tracker, Tracking};
