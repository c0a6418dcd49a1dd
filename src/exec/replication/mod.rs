//! Replication where it meets keyspace, sessions, children and links: `feed` gives replicas the stream, `dumps` gives them the data
//! that came before, `acks` hears how far they are; `follow` makes this server a replica itself, `stream` applies what its master
//! says; `cron` looks after all of them once a second.

pub mod acks;
pub mod cron;
pub mod dumps;
mod failover;
pub mod feed;
pub mod follow;
mod stream;
pub mod sync;

pub use failover::{abort as abort_failover, begin as begin_failover};
pub use stream::{apply_end as stream_applied, hear as hear_stream};
