//! Once a second: links that are silent, replicas that are, pings, acknowledgements, dumps that are due, a backlog that nobody needs.

use super::sync::name_of;
use super::{acks, dumps, failover, feed, follow};
use crate::base::clock::Ms;
use crate::keyspace::SessionKey;
use crate::replication::{Replica, Stage};
use crate::server::{Server, World, standing};

const PERIOD_MS: Ms = 1000;
/// While a failover is under way.
const FAILOVER_PERIOD_MS: Ms = 100;

const PING: &[u8] = b"*1\r\n$4\r\nPING\r\n";

/// Called by the periodic jobs; does nothing until it is time.
pub fn run(server: &mut Server, world: &mut dyn World) {
    server.replication.trim();
    if server.now < server.replication.cron_due {
        return;
    }
    let period = if server.replication.failover.is_some() { FAILOVER_PERIOD_MS } else { PERIOD_MS };
    server.replication.cron_due = server.now + period;
    failover::look(server, world);
    follow::look(server, world);
    if server.replication.replicas.is_empty() {
        let is_over = end_idle_backlog(server);
        if server.settings.min_replicas_to_write == 0 || is_over {
            dumps::remove_if_unneeded(server, world);
            return;
        }
    }
    keep_alive(server);
    drop_silent(server);
    dumps::begin_if_due(server, world);
    dumps::remove_if_unneeded(server, world);
    acks::count_good(server);
}

/// Pings go to whoever is given the stream, empty lines to whoever waits for a dump.
fn keep_alive(server: &mut Server) {
    let now = server.now;
    let is_master = !server.replication.is_replica();
    let period_ms = Ms::from(server.settings.repl_ping_period_s) * 1000;
    let is_quiet = server.replication.failover.is_some() && server.standing & standing::PAUSED != 0;
    if is_master && server.replication.has_replicas() && now - server.replication.pinged_at >= period_ms && !is_quiet {
        server.replication.pinged_at = now;
        server.journal.pass_on(PING);
    }
    let waits = |replica: &&Replica| matches!(replica.stage, Stage::Waiting | Stage::Dumping { to_sockets: false });
    let waiting: Vec<SessionKey> =
        server.replication.replicas.iter().filter(waits).map(|replica| replica.session).collect();
    for key in waiting {
        if let Some(session) = server.sessions.get_mut(key) {
            session.out.bytes.push(b'\n');
            server.sessions.queue_write(key);
        }
    }
}

/// Replicas that acknowledge nothing, or take nothing of their dump, are let go.
fn drop_silent(server: &mut Server) {
    let (now, timeout_ms) = (server.now, Ms::from(server.settings.repl_timeout_s) * 1000);
    let mut silent: Vec<(SessionKey, &str)> = Vec::new();
    for replica in &server.replication.replicas {
        if replica.is_online() && !replica.is_silent && now - replica.acked_at > timeout_ms {
            silent.push((replica.session, "streaming sync"));
        } else if replica.is_streaming_dump()
            && let Some(session) = server.sessions.get(replica.session)
            && !session.out.is_empty()
            && now - session.last_sent > timeout_ms
        {
            silent.push((replica.session, "full sync"));
        }
    }
    for (session, how) in silent {
        log::warn!("Disconnecting timedout replica ({how}): {}", name_of(server, session));
        server.sessions.queue_close(session);
    }
}

/// A backlog that no replica has asked after for long is given up, and the history with it; true if it was.
fn end_idle_backlog(server: &mut Server) -> bool {
    let (ttl_s, idle_ms) = (server.settings.repl_backlog_ttl_s, server.now - server.replication.no_replicas_since);
    let is_over = ttl_s > 0 && idle_ms > ttl_s * 1000;
    if !is_over || server.replication.backlog.is_none() || server.replication.is_replica() {
        return false;
    }
    server.replication.id = server.random.hex(40);
    server.replication.clear_second_id();
    feed::end_backlog(server);
    log::info!("Replication backlog freed after {ttl_s} seconds without connected replicas.");
    true
}
