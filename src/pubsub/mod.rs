//! Who listens to which channel and pattern. State only; the messages travel through the outbox.
//! Must not know the server or a socket. It is not saved, and belongs to no database.

mod state;
mod topics;

pub use state::{PubSub, Topic};
