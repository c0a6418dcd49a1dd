//! Leaving: who asked, whom is waited for, and what is done before.
//!
//! ```text
//!         SHUTDOWN, a signal         a replica lags
//!  none ─────────────────────▶ asked ─────────────▶ waiting   (writes are paused, and replicas are asked where they are)
//!    ▲                           │ none lags; NOW;      │ none lags any more, or `shutdown-timeout` is over
//!    │                           │ no time to wait      │
//!    │  ABORT, or the data       ▼                      │
//!    └─ cannot be saved ◀───── ready ◀──────────────────┘ ──▶ gone
//! ```
//!
//! Whoever asks while replicas are waited for waits with the others: how it is left was said by the first.

use super::replication::{acks, sync::name_of};
use super::{append_only, blocking, snapshot};
use crate::keyspace::SessionKey;
use crate::persist::{self, Purpose};
use crate::replication::Replica;
use crate::server::{Alarm, PauseReason, Pauses, Server, ShutdownRequest, World, standing};

const NOT_LEFT: &str = "ERR Errors trying to SHUTDOWN. Check logs.";

/// The server is to leave at the end of the turn, or when it may.
pub fn ask(server: &mut Server, request: ShutdownRequest, by: Option<SessionKey>) {
    let shutdown = server.shutdown.get_or_insert_default();
    shutdown.asked_by.extend(by);
    if shutdown.waits_until.is_none() {
        shutdown.request = request;
    }
}

/// SHUTDOWN ABORT; false if nobody asked to leave.
pub fn abort(server: &mut Server, world: &mut dyn World) -> bool {
    let is_asked = server.shutdown.is_some();
    if is_asked {
        give_up(server, world);
        log::info!("Shutdown manually aborted.");
    }
    is_asked
}

/// The server stays: who waits for its end is told.
pub fn give_up(server: &mut Server, world: &mut dyn World) {
    let Some(shutdown) = server.shutdown.take() else { return };
    for session in shutdown.asked_by {
        blocking::end_with_error(server, session, NOT_LEFT);
    }
    world.forget_signals();
    if shutdown.waits_until.is_some() {
        server.end_pause(PauseReason::Shutdown);
    }
}

/// True when it is time to leave; else replicas are waited for from here on, unless they are already.
pub fn is_ready(server: &mut Server) -> bool {
    let now = server.now;
    let Some(shutdown) = &server.shutdown else { return false };
    let (request, waits_until) = (shutdown.request, shutdown.waits_until);
    let lags = lagging(server).next().is_some();
    if let Some(until) = waits_until {
        return !lags || now >= until;
    }
    log::warn!("User requested shutdown...");
    let patience_ms = server.settings.shutdown_timeout_s.saturating_mul(1000);
    if !lags || request.now || patience_ms == 0 {
        return true;
    }
    let until = now.saturating_add(patience_ms);
    if let Some(shutdown) = &mut server.shutdown {
        shutdown.waits_until = Some(until);
    }
    server.timers.insert(until, Alarm::ShutdownTimeout);
    // Before the pause, in which nothing is said to replicas.
    acks::ask_at_once(server);
    server.begin_pause(PauseReason::Shutdown, Pauses::never(now), false);
    log::info!("Waiting for replicas before shutting down.");
    false
}

/// Replicas that have not acknowledged everything.
fn lagging(server: &Server) -> impl Iterator<Item = &Replica> {
    let offset = server.replication_offset();
    server.replication.attached().filter(move |replica| replica.acked != offset)
}

/// The log tells what replicas lack.
fn tell_of_replicas(server: &Server) {
    let all = server.replication.attached().count();
    if all == 0 {
        return;
    }
    let mut behind = 0;
    for replica in lagging(server) {
        behind += 1;
        log::info!(
            "Lagging replica {} reported offset {} behind master, lag={}, state={}.",
            name_of(server, replica.session),
            server.replication_offset() - replica.acked,
            replica.lag_s(server.now),
            replica.state_name()
        );
    }
    log::info!("{} of {all} replicas are in sync when shutting down.", all - behind);
}

/// Does what is to be done before leaving; false if the server has to stay, because the data could not be saved.
pub fn prepare(server: &mut Server, world: &mut dyn World, request: ShutdownRequest) -> bool {
    let may_leave = save_all(server, world, request);
    if may_leave {
        append_only::leave(server, world);
    }
    may_leave
}

fn save_all(server: &mut Server, world: &mut dyn World, request: ShutdownRequest) -> bool {
    let is_loading = server.standing & standing::LOADING != 0;
    tell_of_replicas(server);
    if !server.persist.has_child_for(Purpose::Rewrite)
        && let Some(child) = server.persist.take_child()
    {
        log::warn!("There is a child saving an .rdb. Killing it!");
        world.persistence().kill_child(child.pid);
        world.persistence().reap_child(child.pid);
        persist::remove_unfinished(child.pid, world.persistence());
    }
    if !append_only::prepare_to_leave(server, world, request.force) {
        return false;
    }
    let wants_save = request.save.unwrap_or(!server.settings.save_points.is_empty());
    if !wants_save || is_loading {
        return true;
    }
    log::info!("Saving the final RDB snapshot before exiting.");
    if snapshot::save(server, world) {
        return true;
    }
    if request.force {
        log::warn!("Error trying to save the DB. Exit anyway.");
    } else {
        log::warn!("Error trying to save the DB, can't exit.");
    }
    request.force
}
