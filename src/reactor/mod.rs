//! Readiness: one `mio::Poll` over listeners, connections, signals and the timer, and a closed list of all that can wake
//! the loop. Must not know what a command or a key is.

pub mod accept;
mod connection;
mod link;
mod listen;
mod poller;
mod signals;
mod timer;

pub use connection::{Connection, Connections, ReadOutcome};
pub use link::{LinkEvent, Links};
pub use listen::{Listener, bind_all, bind_unix};
pub use poller::{Poller, Wake};
pub use signals::{Received, Signals};
