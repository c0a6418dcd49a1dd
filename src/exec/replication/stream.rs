//! The master's stream on a replica: its commands run in a session of their own, and what was applied of it is passed on.
//!
//! ```text
//!   link ──▶ unapplied, and the session's bytes ──executed──▶ data
//!                └── what is applied, at the end of the turn ──▶ journal ──▶ backlog, replicas of this replica
//! ```

use super::follow::send;
use crate::config::choices::PropagationErrors;
use crate::exec::observe_call;
use crate::keyspace::SessionKey;
use crate::replication::Phase;
use crate::server::links::LinkKey;
use crate::server::session::flag;
use crate::server::{Server, World};

/// Flags of the session that speaks for the master: it is obeyed, and answered nothing.
const MASTER_FLAGS: u32 = flag::MASTER | flag::INTERNAL | flag::AUTHENTICATED | flag::REPLY_OFF;

/// The stream begins, with this database selected.
pub(super) fn open(server: &mut Server, world: &mut dyn World, link: LinkKey, db: usize) {
    let now = server.now;
    let Some(following) = &mut server.replication.following else { return };
    let session = server.sessions.open_internal(now);
    session.set(MASTER_FLAGS);
    session.peer = following.name().into();
    session.db = db;
    following.phase = Phase::Streaming { link: link.0, session: session.key };
    (following.down_since, following.takes_over, following.errors) = (None, false, 0);
    server.update_replica_gates();
    // The master counts us from here on.
    tell_offset(server, world);
}

/// Takes bytes of the stream; they are executed in this turn.
pub fn hear(server: &mut Server, bytes: &[u8]) {
    let Some(key) = server.replication.master_session() else { return };
    let Some(following) = &mut server.replication.following else { return };
    following.unapplied.extend_from_slice(bytes);
    if let Some(session) = server.sessions.get_mut(key) {
        session.pending.extend_from_slice(bytes);
        session.last_active = server.now;
        session.net_input_bytes += bytes.len() as u64;
        server.observe.totals.net_repl_input_bytes += bytes.len() as u64;
        server.sessions.queue_run(key);
    }
}

/// A command of the master's has run. Should it have been answered with an error, the data here is another than there.
pub fn answered(server: &mut Server, key: SessionKey, name: &str) {
    let Some(session) = server.sessions.get(key) else { return };
    let Some(following) = &mut server.replication.following else { return };
    if session.out.errors() == following.errors {
        return;
    }
    following.errors = session.out.errors();
    let text = String::from_utf8_lossy(session.out.last_error()).into_owned();
    let may_go_on = match server.settings.propagation_errors {
        PropagationErrors::Ignore => true,
        PropagationErrors::Panic | PropagationErrors::PanicOnReplicas => !server.settings.replica_read_only,
    };
    observe_call::note_unexpected_error(server, "replica", "master", &text, name, may_go_on);
}

/// What was executed since the last call is passed on. A transaction counts when it is over: half of it is not applied.
pub fn apply_end(server: &mut Server, world: &mut dyn World) {
    let Some(key) = server.replication.master_session() else { return };
    let (Some(session), Some(following)) = (server.sessions.get(key), &mut server.replication.following) else {
        return;
    };
    if session.has(flag::IN_BATCH) {
        // Its bytes are on their way, and nobody can tell how far.
        return;
    }
    if session.has(flag::CLOSE_AFTER_REPLY) {
        // What it said makes no sense; it has no socket that could be waited for.
        server.sessions.queue_close(key);
        return;
    }
    if !session.has(flag::IN_TRANSACTION) {
        let applied = following.unapplied.len().saturating_sub(session.pending.len());
        server.journal.pass_on(&following.unapplied[..applied]);
        following.unapplied.drain(..applied);
    }
    if std::mem::take(&mut following.wants_ack) {
        tell_offset(server, world);
    }
}

/// Tells the master how far we are.
pub(super) fn tell_offset(server: &mut Server, world: &mut dyn World) {
    let Some(Phase::Streaming { link, .. }) = server.replication.following.as_ref().map(|f| &f.phase) else { return };
    let link = LinkKey(*link);
    let offset = server.replication_offset().to_string();
    let bytes = match server.replication_offset_on_disk() {
        None => format!("*3\r\n$8\r\nREPLCONF\r\n$3\r\nACK\r\n${}\r\n{offset}\r\n", offset.len()),
        Some(on_disk) => {
            let on_disk = on_disk.to_string();
            format!(
                "*5\r\n$8\r\nREPLCONF\r\n$3\r\nACK\r\n${}\r\n{offset}\r\n$4\r\nFACK\r\n${}\r\n{on_disk}\r\n",
                offset.len(),
                on_disk.len()
            )
        }
    };
    send(world, link, bytes.into_bytes());
}
