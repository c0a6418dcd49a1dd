//! Who listens to which channel and pattern. State only; the messages travel through the outbox.
//! Must not know the server or a socket.

mod state;

pub use state::{PubSub, Topic};
