//! How far the replicas are: what they acknowledge, who waits for that (WAIT, WAITAOF), and whether there are enough of them.

use crate::exec::blocking;
use crate::keyspace::SessionKey;
use crate::protocol::output::Output;
use crate::protocol::reply::Reply;
use crate::server::{Server, standing};

/// Asks every replica where it is.
const GETACK: &[u8] = b"*3\r\n$8\r\nREPLCONF\r\n$6\r\nGETACK\r\n$1\r\n*\r\n";

/// A replica says how far it is, in memory and, if it has a file, on its disk.
pub fn acknowledge(server: &mut Server, session: SessionKey, offset: i64, on_disk: Option<i64>) {
    let now = server.now;
    let Some(replica) = server.replication.of_mut(session).filter(|replica| replica.is_attached()) else { return };
    replica.acked = replica.acked.max(offset);
    replica.acked_on_disk = replica.acked_on_disk.max(on_disk.unwrap_or(0));
    replica.acked_at = now;
    if replica.is_online() && replica.awaits_ack {
        super::dumps::release(server, session);
    }
    count_good(server);
}

/// Replicas that were heard of lately are counted; writes may be refused or allowed for that.
pub fn count_good(server: &mut Server) {
    let lag_s_max = i64::from(server.settings.min_replicas_lag_s_max);
    server.replication.count_good(lag_s_max, server.now);
    server.update_write_gate();
}

/// Everybody is asked where he is while somebody waits.
pub fn ask(server: &mut Server) {
    // While writes are paused nothing is said to replicas.
    let is_paused = server.standing & standing::PAUSED != 0;
    if !is_paused && std::mem::take(&mut server.replication.wants_acks) {
        ask_at_once(server);
    }
}

/// The same, whatever is paused. A replica has no say in the stream that it passes on, or it would not be its master's any more.
pub fn ask_at_once(server: &mut Server) {
    if server.replication.has_replicas() && !server.replication.is_replica() {
        server.journal.pass_on(GETACK);
    }
}

const SWITCHED_OFF: &str = "ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.";

/// Who waits for acknowledgements is answered as soon as there are enough.
pub fn serve(server: &mut Server) {
    if server.ack_waiters.is_empty() {
        return;
    }
    if !server.settings.append_only {
        let in_vain: Vec<SessionKey> =
            server.ack_waiters.iter().filter(|waiter| waiter.local > 0).map(|waiter| waiter.session).collect();
        in_vain.into_iter().for_each(|session| blocking::end_with_error(server, session, SWITCHED_OFF));
    }
    let served: Vec<SessionKey> = server
        .ack_waiters
        .iter()
        .filter(|waiter| {
            let (local, replicas) = server.acks_of(waiter);
            local >= waiter.local && replicas >= waiter.replicas
        })
        .map(|waiter| waiter.session)
        .collect();
    for session in served {
        answer(server, session);
    }
}

/// Ends a session's wait with what was acknowledged so far; false if it does not wait for that.
pub fn answer(server: &mut Server, session: SessionKey) -> bool {
    let Some(waiter) = server.ack_waiters.iter().find(|waiter| waiter.session == session) else { return false };
    let (local, replicas) = server.acks_of(waiter);
    let mut out = Output::new();
    let mut reply = Reply::new(&mut out, false);
    if waiter.on_disk {
        reply.array(2);
        reply.integer(local as i64);
    }
    reply.integer(replicas as i64);
    blocking::end_with(server, session, &out.to_vec());
    true
}
