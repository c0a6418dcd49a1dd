//! The stream's way to the replicas: once a turn from the journal into the backlog and into each replica's output.

use crate::base::shared_bytes::SharedBytes;
use crate::keyspace::SessionKey;
use crate::protocol::output::{Output, SHARED_MIN};
use crate::replication::Backlog;
use crate::server::Server;
use crate::server::journal::{Readers, Records};

/// What the journal recorded for replicas goes to the backlog and to them.
pub fn feed(server: &mut Server, records: &Records) {
    // Whoever began to read in this turn began behind what nobody read.
    server.replication.taken += records.steps as i64;
    for piece in records.of(Readers::REPLICAS) {
        feed_piece(server, piece);
    }
}

fn feed_piece(server: &mut Server, bytes: &[u8]) {
    let replication = &mut server.replication;
    let first = replication.taken + 1;
    replication.taken += bytes.len() as i64;
    if let Some(backlog) = &mut replication.backlog {
        backlog.push(bytes);
    }
    let fed = replication.replicas.iter().filter(|replica| replica.is_fed()).count();
    // One copy serves all of them.
    let shared = (fed > 1 && bytes.len() >= SHARED_MIN).then(|| SharedBytes::from_slice(bytes));
    let mut heavy: Vec<SessionKey> = Vec::new();
    for replica in replication.replicas.iter_mut().filter(|replica| replica.is_fed()) {
        // A replica that came in this turn has the beginning already.
        let skipped = usize::try_from(replica.next - first).unwrap_or(0);
        if skipped >= bytes.len() {
            continue;
        }
        replica.next = first + bytes.len() as i64;
        let Some(session) = server.sessions.get_mut(replica.session) else { continue };
        let is_open = replica.is_open();
        let out = if is_open { &mut session.out } else { &mut replica.held };
        put(out, &bytes[skipped..], shared.as_ref().filter(|_| skipped == 0));
        if session.out.len() + replica.held.len() >= server.output_check_bytes {
            heavy.push(replica.session);
        }
        if is_open {
            server.sessions.queue_write(replica.session);
        }
    }
    heavy.into_iter().for_each(|session| crate::exec::output_limits::check(server, session));
}

fn put(out: &mut Output, bytes: &[u8], shared: Option<&SharedBytes>) {
    match shared {
        Some(shared) => out.push_shared(shared.clone()),
        None => out.bytes.extend_from_slice(bytes),
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
