//! FAILOVER: a master waits for a replica to catch up, then becomes its replica and lets it take over.
//!
//! ```text
//!            FAILOVER                  a replica has everything            +CONTINUE or +FULLRESYNC from it
//!  none ───────────────▶ WaitForSync ───────────────────────▶ InProgress ──────────────────────────────────▶ none
//!    ▲  writes are paused     │  time is over, or ABORT             │ refused, or ABORT
//!    └────────────────────────┴─────────────────────────────────────┴── this server is a master as before
//! ```

use super::{follow, sync};
use crate::config::special::MasterAddress;
use crate::exec::call::Stop;
use crate::keyspace::SessionKey;
use crate::replication::{Failover, FailoverState};
use crate::server::{PauseReason, Pauses, Server, World};

/// Begins one; the error is the reply.
pub fn begin(server: &mut Server, failover: Failover) -> Result<(), Stop> {
    if server.replication.failover.is_some() {
        return Err(Stop::error("ERR FAILOVER already in progress."));
    }
    if server.replication.is_replica() {
        return Err(Stop::error("ERR FAILOVER is not valid when server is a replica."));
    }
    if !server.replication.has_replicas() {
        return Err(Stop::error("ERR FAILOVER requires connected replicas."));
    }
    match &failover.target {
        Some(target) => match find(server, target) {
            None => return Err(Stop::error("ERR FAILOVER target HOST and PORT is not a replica.")),
            Some(session) if !server.replication.of(session).is_some_and(|replica| replica.is_online()) => {
                return Err(Stop::error("ERR FAILOVER target replica is not online."));
            }
            Some(_) => {
                let (host, port) = target;
                log::info!("FAILOVER requested to {}:{port}.", String::from_utf8_lossy(host));
            }
        },
        None => log::info!("FAILOVER requested to any replica."),
    }
    server.begin_pause(PauseReason::Failover, Pauses::never(server.now), false);
    server.replication.failover = Some(failover);
    server.replication.cron_due = server.now;
    server.replication.wants_acks = true;
    Ok(())
}

fn find(server: &Server, (host, port): &(Vec<u8>, u16)) -> Option<SessionKey> {
    let is_meant = |replica: &&crate::replication::Replica| {
        let (address, announced) = sync::address_of(server, replica);
        address.as_bytes().eq_ignore_ascii_case(host) && announced == *port
    };
    server.replication.attached().find(is_meant).map(|replica| replica.session)
}

/// FAILOVER ABORT.
pub fn abort(server: &mut Server, world: &mut dyn World) -> Result<(), Stop> {
    if server.replication.failover.is_none() {
        return Err(Stop::error("ERR No failover in progress."));
    }
    give_up(server, world, "Failover manually aborted");
    Ok(())
}

fn give_up(server: &mut Server, world: &mut dyn World, why: &str) {
    let Some(failover) = server.replication.failover.take() else { return };
    match &failover.target {
        Some((host, port)) => log::info!("FAILOVER to {}:{port} aborted: {why}", String::from_utf8_lossy(host)),
        None => log::info!("FAILOVER to any replica aborted: {why}"),
    }
    if failover.state == FailoverState::InProgress {
        // The one that was to take over may have, without our hearing of it: what comes from here on is another history.
        follow::end(server, world);
    }
    server.end_pause(PauseReason::Failover);
}

/// The one that was to take over will not.
pub(super) fn refused(server: &mut Server, world: &mut dyn World) {
    give_up(server, world, "Failover target rejected psync request");
}

/// This server is its replica's replica: the failover is done.
pub(super) fn followed(server: &mut Server, _: &mut dyn World) {
    let is_there = server.replication.following.as_ref().is_some_and(|f| f.is_up() || f.is_syncing());
    if is_there && server.replication.failover.take_if(|f| f.state == FailoverState::InProgress).is_some() {
        server.end_pause(PauseReason::Failover);
    }
}

/// Looks whether a replica has caught up, or the time is over.
pub(super) fn look(server: &mut Server, world: &mut dyn World) {
    let Some(failover) = &server.replication.failover else { return };
    if failover.state != FailoverState::WaitForSync {
        return;
    }
    let (target, is_forced) = (failover.target.clone(), failover.is_forced);
    if failover.deadline.is_some_and(|deadline| server.now >= deadline) {
        match target.filter(|_| is_forced) {
            Some(target) => {
                log::info!(
                    "Failover to {}:{} time out exceeded, failing over.",
                    String::from_utf8_lossy(&target.0),
                    target.1
                );
                hand_over(server, world, target);
            }
            None => give_up(server, world, "Replica never caught up before timeout"),
        }
        return;
    }
    let offset = server.replication_offset();
    let named = target.as_ref().map(|target| find(server, target));
    let ready = server.replication.replicas.iter().find(|replica| {
        named.is_none_or(|named| named == Some(replica.session)) && replica.is_online() && replica.acked == offset
    });
    match ready {
        Some(replica) => {
            let (host, port) = sync::address_of(server, replica);
            log::info!("Failover target {host}:{port} is synced, failing over.");
            hand_over(server, world, (host.into_bytes(), port));
        }
        None => server.replication.wants_acks = true,
    }
}

/// This server follows the one that is to take over, and asks it to.
fn hand_over(server: &mut Server, world: &mut dyn World, target: (Vec<u8>, u16)) {
    let (host, port) = target.clone();
    if let Some(failover) = &mut server.replication.failover {
        (failover.state, failover.target) = (FailoverState::InProgress, Some(target));
    }
    follow::begin_taking_over(server, world, MasterAddress { host, port });
}
