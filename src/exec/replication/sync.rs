//! SYNC and PSYNC: a replica asks for the data. It goes on from the backlog, or waits for a dump.

use super::{dumps, feed};
use crate::exec::call::{Call, Outcome, Stop};
use crate::keyspace::SessionKey;
use crate::replication::{Refusal, Replica, Stage};
use crate::server::session::flag;
use crate::server::{Server, World};

/// A replica as the log names it.
pub fn name_of(server: &Server, session: SessionKey) -> String {
    let replica = server.replication.of(session);
    let peer = server.sessions.get(session).map_or("", |session| &session.peer);
    let host = match replica.map(|replica| replica.address.as_str()) {
        None | Some("") => peer.rsplit_once(':').map_or(peer, |(host, _)| host).trim_matches(['[', ']']),
        Some(address) => address,
    };
    match replica.map_or(0, |replica| replica.port) {
        0 => format!("{host}:<unknown-replica-port>"),
        port => format!("{host}:{port}"),
    }
}

/// Host and port of a replica as INFO tells them.
pub fn address_of(server: &Server, replica: &Replica) -> (String, u16) {
    let peer = server.sessions.get(replica.session).map_or("", |session| &session.peer);
    let host = match replica.address.as_str() {
        "" => peer.rsplit_once(':').map_or(peer, |(host, _)| host).trim_matches(['[', ']']).to_owned(),
        address => address.to_owned(),
    };
    (host, replica.port)
}

/// A session asks for the data: for what it lacks of it from `place` on, or for everything.
pub fn ask(call: &mut Call, server: &mut Server, world: &mut dyn World, place: Option<(&[u8], i64)>) -> Outcome {
    let session = call.session;
    if server.replication.of(session).is_some_and(Replica::is_attached) {
        return Ok(());
    }
    if server.replication.failover.is_some() {
        return Err(Stop::error("NOMASTERLINK Can't SYNC while failing over"));
    }
    if server.replication.is_stale() {
        return Err(Stop::error("NOMASTERLINK Can't SYNC while not connected with my master"));
    }
    if !call.reply.output().is_empty() {
        return Err(Stop::error("ERR SYNC and PSYNC are invalid with pending output"));
    }
    let now = server.now;
    let replica = server.replication.greet(session, now);
    if replica.wants.is_filtered() && !replica.can.eof {
        return Err(Stop::error("ERR Filtered replica requires EOF capability"));
    }
    let name = name_of(server, session);
    log::info!("Replica {name} asks for synchronization");
    match place {
        Some((id, offset)) => match server.replication.judge(id, offset) {
            Ok(()) => {
                go_on(call, server, offset, &name);
                return Ok(());
            }
            Err(refusal) => explain(server, &refusal, id, offset, &name),
        },
        None => server.replication.greet(session, now).is_silent = true,
    }
    attach(server, session);
    server.replication.full_syncs += 1;
    server.replication.greet(session, now).stage = Stage::Waiting;
    if server.replication.backlog.is_none() {
        // What was written while nobody read belongs to no history that anybody knows.
        server.replication.id = server.random.hex(40);
        server.replication.clear_second_id();
        feed::begin_backlog(server);
        let (id, id2) = (&server.replication.id, &server.replication.id2);
        log::info!("Replication backlog created, my new replication IDs are '{id}' and '{id2}'");
    }
    dumps::seek(server, world, session);
    Ok(())
}

/// A master that fails over asks its replica, by PSYNC, to take over.
pub fn take_over(call: &Call, server: &mut Server, world: &mut dyn World) -> Result<(), Stop> {
    let id = String::from_utf8_lossy(call.arg(1)).into_owned();
    log::warn!("Failover request received for replid {id}.");
    if !server.replication.is_replica() {
        return Err(Stop::error("ERR PSYNC FAILOVER can't be sent to a master."));
    }
    if !id.eq_ignore_ascii_case(&server.replication.id) {
        return Err(Stop::error("ERR PSYNC FAILOVER replid must match my replid."));
    }
    super::follow::end(server, world);
    let name = name_of(server, call.session);
    log::info!("MASTER MODE enabled (failover request from '{name}')");
    Ok(())
}

/// From here on the session is a replica.
fn attach(server: &mut Server, key: SessionKey) {
    let now = server.now;
    if let Some(session) = server.sessions.get_mut(key) {
        session.set(flag::REPLICA);
        let replica = server.replication.greet(key, now);
        (replica.asked_at, replica.acked_at) = (now, now);
    }
}

/// The replica is given what it lacks.
fn go_on(call: &mut Call, server: &mut Server, offset: i64, name: &str) {
    attach(server, call.session);
    let replication = &mut server.replication;
    replication.partial_syncs += 1;
    let id = replication.id.clone();
    let replica = replication.greet(call.session, server.now);
    (replica.stage, replica.next, replica.awaits_ack) = (Stage::Online, offset, false);
    let answer = if replica.can.psync2 { format!("+CONTINUE {id}\r\n") } else { "+CONTINUE\r\n".to_owned() };
    // What it lacks follows from the backlog.
    call.reply.output().bytes.extend_from_slice(answer.as_bytes());
    let waiting = server.replication.waiting_bytes(call.session);
    log::info!(
        "Partial resynchronization request from {name} accepted. Sending {waiting} bytes of backlog starting from offset {offset}."
    );
    super::acks::count_good(server);
}

/// Why a replica has to have everything.
fn explain(server: &mut Server, refusal: &Refusal, id: &[u8], offset: i64, name: &str) {
    let (asked, replication) = (String::from_utf8_lossy(id), &mut server.replication);
    if *refusal != Refusal::Wanted {
        replication.partial_sync_refusals += 1;
    }
    let (own, own2) = (&replication.id, &replication.id2);
    match refusal {
        Refusal::Wanted => log::info!("Full resync requested by replica {name}"),
        Refusal::OtherHistory => log::info!(
            "Partial resynchronization not accepted: Replication ID mismatch (Replica asked for '{asked}', my replication IDs are \
             '{own}' and '{own2}')"
        ),
        Refusal::BeyondSecondId => log::info!(
            "Partial resynchronization not accepted: Requested offset for second ID was {offset}, but I can reply up to {}",
            replication.second_offset
        ),
        Refusal::NoBacklog => {
            log::info!(
                "Unable to partial resync with replica {name} for lack of backlog (Replica request was: {offset})."
            );
            if offset > replication.taken {
                log::warn!(
                    "Warning: replica {name} tried to PSYNC with an offset that is greater than the master replication offset."
                );
            }
        }
    }
}
