//! After a restart: who loads a dump that tells where it stands in the history of the data takes that history up.
//!
//! ```text
//!   the dump      history A ──────────────▶ offset n
//!   a replica's   history A ──────────────▶ n ┄┄▶ …      it asks its master for what came since
//!   a master's    history A ──────────────▶ n │ B ──▶    its replicas, which know A, come back and go on: the backlog begins at n,
//!                                                        with the keys that were due when the dump was loaded
//! ```

use super::{feed, follow};
use crate::rdb::load::Policy;
use crate::server::journal::Readers;
use crate::server::{Server, World};

/// A dump is about to be loaded at start. What becomes of keys in it that are due: a master drops them, and tells those that follow
/// from the dump's place, for whom it keeps a backlog from here on; a replica keeps them until its master says otherwise.
pub fn begin_loading(server: &mut Server) -> Policy {
    if server.settings.replica_of.is_some() {
        return Policy::default();
    }
    feed::begin_backlog(server);
    Policy { drop_due_by: Some(server.clock.wall_ms()), tells_dropped: true, ..Policy::default() }
}

/// Keys that were dropped are gone for replicas, too.
pub fn tell_dropped(server: &mut Server) {
    let verb: &[u8] = if server.settings.lazyfree_expire { b"UNLINK" } else { b"DEL" };
    for (db, key) in std::mem::take(&mut server.persist.dropped) {
        server.journal.record_for(Readers::REPLICAS, db, [verb, &key].into_iter());
    }
}

/// The data is there, or there is none.
pub fn resume(server: &mut Server, world: &mut dyn World) {
    let place = std::mem::take(&mut server.persist.loaded_place).whole();
    // The base of an append-only file tells where it stands itself, and not where what stands behind it leads.
    let place = place.filter(|_| !server.persist.aof.begins_at_start);
    match (server.settings.replica_of.clone(), place) {
        (Some(master), place) => follow::begin_at_start(server, world, master, place),
        (None, Some((id, offset, _))) => go_on_as_master(server, id, offset),
        // Nobody can follow from here, so that nobody needs what was recorded.
        (None, None) => feed::end_backlog(server),
    }
}

/// The history of before is the former one of this server's own.
fn go_on_as_master(server: &mut Server, id: String, offset: i64) {
    let replication = &mut server.replication;
    (replication.id2, replication.second_offset) = (id, offset + 1);
    replication.taken += offset;
    if let Some(backlog) = &mut replication.backlog {
        backlog.shift(offset);
    }
    replication.no_replicas_since = server.now;
}
