//! What clients write to a replica that lets them. Its keys are nobody else's, so that their deadlines are this server's own matter.

use crate::exec::command::Row;
use crate::keyspace::Key;
use crate::protocol::args::Args;
use crate::server::Server;
use crate::spec::find_keys;

/// A client's command changed something: keys of it that have a deadline are noted.
#[cold]
pub fn note(server: &mut Server, row: &Row, args: Args, db: usize) {
    let mut keys = Vec::new();
    if !find_keys(&row.command.spec, args.len(), |at| args.get(at), &mut keys) {
        return;
    }
    for key in keys {
        let key = args.get(key.word);
        let has_deadline = server.keyspace.db(db).peek(Key::new(key)).is_some_and(|entry| entry.has_deadline());
        if has_deadline {
            server.replication.own_keys.insert((db, key.into()));
        }
    }
}

/// Removes those that are due.
pub fn expire(server: &mut Server) {
    if server.replication.own_keys.is_empty() {
        return;
    }
    server.keyspace.set_now(server.now);
    server.keyspace.set_finds_due(false);
    let mut own = std::mem::take(&mut server.replication.own_keys);
    own.retain(|(db, key)| {
        let is_gone = server.keyspace.db_mut(*db).expire_key(Key::new(key));
        crate::exec::effects::hand_on(server, *db, None);
        !is_gone
    });
    server.replication.own_keys = own;
    crate::exec::effects::drain_outbox(server);
}
