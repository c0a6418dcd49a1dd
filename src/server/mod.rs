//! The server's state: keyspace, client sessions, configuration, observations, what waits and what is to be sent.
//! State only; it must not dispatch. Parts can be lent out one by one while something long runs.

pub mod acks;
pub mod blocking;
pub mod client_memory;
pub mod journal;
pub mod links;
pub mod migrations;
pub mod outbox;
mod pause;
pub mod session;
pub mod sessions;
mod state;
mod users;
mod world;

pub use pause::{PauseReason, Pauses};
pub use session::Session;
pub use sessions::Sessions;
pub use state::{
    Alarm, DiskFault, Identity, REDIS_VERSION, Server, Shutdown, ShutdownRequest, UNAUTHENTICATED_BYTES_MAX, standing,
};
pub use world::{ProcessFacts, World};
