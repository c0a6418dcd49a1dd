//! `client-output-buffer-limit`: a client that does not fetch its replies is closed before it fills memory.

use crate::config::special::OutputLimit;
use crate::keyspace::SessionKey;
use crate::server::session::{Session, flag};
use crate::server::{Server, UNAUTHENTICATED_BYTES_MAX, standing};

fn limit_of(server: &Server, session: &Session) -> OutputLimit {
    if server.standing & standing::AUTH != 0 && !session.has(flag::AUTHENTICATED) {
        return OutputLimit { hard_bytes: UNAUTHENTICATED_BYTES_MAX as u64, soft_bytes: 0, soft_s: 0 };
    }
    let limits = &server.settings.output_limits;
    if session.has(flag::REPLICA) {
        // Whoever could go on from the backlog would be cut off for having to read it.
        let backlog = server.settings.repl_backlog_bytes;
        let least = |bytes: u64| if bytes > 0 { bytes.max(backlog) } else { 0 };
        let limit = limits.replica;
        return OutputLimit { hard_bytes: least(limit.hard_bytes), soft_bytes: least(limit.soft_bytes), ..limit };
    }
    if session.has(flag::SUBSCRIBED) { limits.pubsub } else { limits.normal }
}

/// Closes a session whose unsent replies passed its class's limit (of referenced bytes, too); called when they grew, and
/// by the periodic job while they are above the soft limit.
#[cold]
pub fn check(server: &mut Server, key: SessionKey) {
    let now = server.now;
    server.count_client(key);
    let Some(session) = server.sessions.get(key) else { return };
    let limit = limit_of(server, session);
    let unsent = (session.out.len() + server.replication.waiting_bytes(key)) as u64;
    let session = server.sessions.get_mut(key).expect("the session at hand");
    let is_over_hard = limit.hard_bytes > 0 && unsent >= limit.hard_bytes;
    let mut is_over_soft = false;
    if limit.soft_bytes > 0 && unsent >= limit.soft_bytes {
        match session.soft_limit_since {
            None => {
                session.soft_limit_since = Some(now);
                server.over_soft_limit.push(key);
            }
            Some(since) => is_over_soft = now - since > limit.soft_s * 1000,
        }
    } else {
        session.soft_limit_since = None;
    }
    if (is_over_hard || is_over_soft) && !session.has(flag::CLOSE_NOW) {
        log::warn!(
            "Client id={} addr={} scheduled to be closed ASAP for overcoming of output buffer limits.",
            session.id,
            session.peer
        );
        server.observe.totals.output_buffer_limit_disconnections += 1;
        server.sessions.queue_close(key);
        server.count_client(key);
    }
}

/// Looks again at those that were above the soft limit.
pub fn check_soft(server: &mut Server) {
    for key in std::mem::take(&mut server.over_soft_limit) {
        check(server, key);
        if server.sessions.get(key).is_some_and(|s| s.soft_limit_since.is_some()) {
            server.over_soft_limit.push(key);
        }
    }
}
