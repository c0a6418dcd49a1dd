//! The stream's way to the replicas: once a turn from the journal into the backlog, from where each is sent what it lacks.

use crate::keyspace::SessionKey;
use crate::replication::Backlog;
use crate::server::Server;
use crate::server::journal::{Readers, Records};

/// What the journal recorded for replicas goes to the backlog.
pub fn feed(server: &mut Server, records: &Records) {
    let replication = &mut server.replication;
    // Whoever began to read in this turn began behind what nobody read.
    replication.taken += records.steps as i64;
    let before = replication.taken;
    for piece in records.of(Readers::REPLICAS) {
        replication.taken += piece.len() as i64;
        if let Some(backlog) = &mut replication.backlog {
            backlog.push(piece);
        }
    }
    if replication.taken == before {
        return;
    }
    replication.trim();
    let fed = replication.replicas.iter().filter(|replica| replica.is_fed());
    let fed: Vec<(SessionKey, bool)> = fed.map(|replica| (replica.session, replica.is_open())).collect();
    for (key, is_open) in fed {
        if is_open {
            server.sessions.queue_write(key);
        }
        let unsent = server.sessions.get(key).map_or(0, |session| session.out.len());
        if unsent + server.replication.waiting_bytes(key) >= server.output_check_bytes {
            crate::exec::output_limits::check(server, key);
        }
    }
}

/// The journal is kept for replicas from here on, unless it is already.
pub fn begin_backlog(server: &mut Server) {
    if server.replication.backlog.is_none() {
        let (bytes_max, end) = (server.settings.repl_backlog_bytes, server.replication_offset());
        server.replication.backlog = Some(Backlog::new(bytes_max, end));
        server.journal.attach(Readers::REPLICAS);
    }
}

/// Nobody is given the stream any more.
pub fn end_backlog(server: &mut Server) {
    if server.replication.backlog.take().is_some() {
        server.replication.taken = server.replication_offset();
        server.journal.detach(Readers::REPLICAS);
    }
}
