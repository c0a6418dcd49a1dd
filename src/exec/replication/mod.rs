//! Replication where it meets keyspace, sessions, children and links: `feed` gives replicas the stream, `dumps` gives them the data
//! that came before, `arrival` takes it in as it comes, `acks` hears how far they are; `follow` makes this server a replica itself, `stream` applies what its master
//! says; `restart` takes up the history that a dump tells of; `cron` looks after all of them once a second.

pub mod acks;
pub mod arrival;
pub mod cron;
pub mod dumps;
mod failover;
pub mod feed;
pub mod follow;
pub mod own;
pub mod restart;
mod stream;
pub mod sync;

/// Characters of the mark behind a dump of unknown length.
pub const MARK_CHARACTERS: usize = 40;

use crate::keyspace::SessionKey;
use crate::replication::Replica;
use crate::server::{Server, World};

/// A session is closed: it may have been a replica's, or the master's.
pub fn released(server: &mut Server, world: &mut dyn World, session: SessionKey) {
    follow::released(server, world, session);
    if server.replication.of(session).is_none() {
        return;
    }
    let name = sync::name_of(server, session);
    let Some(replica) = server.replication.forget(session).filter(Replica::is_attached) else { return };
    log::info!("Connection with replica {name} lost.");
    dumps::dropped(server, world, &replica);
    if !server.replication.has_replicas() {
        server.replication.no_replicas_since = server.now;
    }
    acks::count_good(server);
}

pub use failover::{abort as abort_failover, begin as begin_failover};
pub use stream::{answered as stream_answered, apply_end as stream_applied, hear as hear_stream};
