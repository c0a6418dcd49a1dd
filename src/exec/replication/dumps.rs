//! Dumps for replicas: by a child to the disk, from where each replica is sent the file, or by a child straight to their sockets.
//!
//! ```text
//!   to disk      child ──▶ dump.rdb ──▶ $<length> file          a replica that comes meanwhile can still share it
//!   to sockets   child ──pipe──▶ server ──▶ $EOF:<mark> … <mark>   to all who waited when it began, at the pace of the slowest
//! ```

use std::io::Read;

use super::sync::name_of;
use crate::exec::snapshot;
use crate::keyspace::SessionKey;
use crate::persist::{self, Purpose};
use crate::protocol::reply::Reply;
use crate::replication::{DumpFile, Replica, Stage, Wanted};
use crate::server::journal::Readers;
use crate::server::session::flag;
use crate::server::{Server, World};

/// Bytes of a dump that are read ahead for one replica.
const PIECE_BYTES: usize = 64 * 1024;

/// Unsent bytes of a dump from which the child that writes it has to wait.
const CONGESTED_BYTES: usize = 256 * 1024;

/// A replica that waits is given its place: in the dump that is being written, at the head of the next, or among those for whom one
/// begins later.
pub fn seek(server: &mut Server, world: &mut dyn World, session: SessionKey) {
    match server.persist.child.as_ref().map(|child| child.purpose) {
        Some(Purpose::Snapshot) => share(server, session),
        // It comes when the rewrite is over.
        Some(Purpose::Rewrite) => {
            log::info!("Can't BGSAVE for SYNC while the AOF is being rewritten. Waiting for its end")
        }
        Some(Purpose::Transfer) => log::info!("Current BGSAVE has socket target. Waiting for next BGSAVE for SYNC"),
        None => {
            let settings = &server.settings;
            let can_stream = server.replication.of(session).is_some_and(|replica| replica.can.eof);
            if settings.repl_diskless_sync && can_stream && settings.repl_diskless_sync_delay_s > 0 {
                log::info!("Delay next BGSAVE for diskless SYNC");
            } else {
                let wants = server.replication.of(session).map(|replica| replica.wants).unwrap_or_default();
                begin(server, world, can_stream, wants);
            }
        }
    }
}

/// Joins those for whom a child writes to the disk, if there is one who gets the same.
fn share(server: &mut Server, session: SessionKey) {
    let replication = &mut server.replication;
    let Some(own) = replication.of(session) else { return };
    let (wants, can) = (own.wants, own.can);
    let fits = |other: &&Replica| {
        matches!(other.stage, Stage::Dumping { to_sockets: false })
            && other.wants.is_served_with(wants)
            && (other.can.eof || !can.eof)
            && other.is_fed()
    };
    let Some(other) = replication.replicas.iter().find(fits) else {
        log::info!("Can't attach the replica to the current BGSAVE. Waiting for next BGSAVE for SYNC");
        return;
    };
    // Neither has been sent anything of the stream.
    let begun_at = other.next - 1;
    set_up(server, session, begun_at, false);
    log::info!("Waiting for end of BGSAVE for SYNC");
}

/// A dump of everything up to `offset` is being made for a replica.
fn set_up(server: &mut Server, key: SessionKey, offset: i64, to_sockets: bool) {
    let id = server.replication.id.clone();
    let replica = server.replication.greet(key, server.now);
    (replica.stage, replica.next) = (Stage::Dumping { to_sockets }, offset + 1);
    if !replica.is_silent
        && let Some(session) = server.sessions.get_mut(key)
    {
        session.out.bytes.extend_from_slice(format!("+FULLRESYNC {id} {offset}\r\n").as_bytes());
        server.sessions.queue_write(key);
    }
}

/// Begins a dump for all who wait for one like it. `can_stream`: all of them understand one of unknown length.
fn begin(server: &mut Server, world: &mut dyn World, can_stream: bool, wants: Wanted) {
    let to_sockets = (server.settings.repl_diskless_sync || wants.is_filtered()) && can_stream;
    log::info!("Starting BGSAVE for SYNC with target: {}", if to_sockets { "replicas sockets" } else { "disk" });
    let began = match to_sockets {
        true => snapshot::begin_transfer(server, world, wants),
        false => snapshot::begin_background(server, world),
    };
    let waiting: Vec<SessionKey> = server
        .replication
        .replicas
        .iter()
        .filter(|replica| replica.is_waiting())
        .map(|replica| replica.session)
        .collect();
    if !began {
        log::warn!("BGSAVE for replication failed");
        waiting.into_iter().for_each(|session| give_up(server, session));
        return;
    }
    server.replication.dump_is_for_replicas |= !to_sockets && server.settings.rdb_del_sync_files;
    let offset = server.replication_offset();
    // Who loads the dump knows of no database that was selected before.
    server.journal.select_anew(Readers::REPLICAS);
    for session in waiting {
        let fits = server
            .replication
            .of(session)
            .is_some_and(|replica| replica.wants.is_served_with(wants) && (replica.can.eof || !to_sockets));
        if fits {
            set_up(server, session, offset, to_sockets);
        }
    }
}

/// There is no dump for a replica that waits.
fn give_up(server: &mut Server, key: SessionKey) {
    server.replication.forget(key);
    if let Some(session) = server.sessions.get_mut(key) {
        session.clear(flag::REPLICA);
        Reply::new(&mut session.out, false).error(b"ERR BGSAVE failed, replication can't continue");
        session.set(flag::CLOSE_AFTER_REPLY);
        server.sessions.queue_write(key);
    }
}

/// Begins the dump that replicas wait for, if it is time.
pub fn begin_if_due(server: &mut Server, world: &mut dyn World) {
    if server.persist.child.is_some() {
        return;
    }
    let waiting: Vec<&Replica> = server.replication.replicas.iter().filter(|replica| replica.is_waiting()).collect();
    let Some(first) = waiting.first() else { return };
    let wants = first.wants;
    let group = waiting.iter().filter(|replica| replica.wants.is_served_with(wants));
    let (count, can_stream) =
        group.clone().fold((0, true), |(count, can), replica| (count + 1, can && replica.can.eof));
    let waits_s = group.map(|replica| (server.now - replica.asked_at) / 1000).max().unwrap_or(0);
    let settings = &server.settings;
    let most = settings.repl_diskless_sync_replicas_max;
    let is_due = !settings.repl_diskless_sync
        || most > 0 && count >= most
        || waits_s >= i64::from(settings.repl_diskless_sync_delay_s);
    if is_due {
        begin(server, world, can_stream, wants);
    }
}

/// A child that wrote to the disk is gone: each replica is sent the file.
pub fn written(server: &mut Server, world: &mut dyn World, is_good: bool) {
    for session in dumping(server, false) {
        if !is_good {
            log::warn!("SYNC failed. BGSAVE child returned an error");
            server.sessions.queue_close(session);
            continue;
        }
        let path = persist::dump_path(&server.settings);
        match world.persistence().open(&path) {
            Ok((file, left)) => {
                let replica = server.replication.greet(session, server.now);
                replica.stage = Stage::Sending(DumpFile { file, left });
                if let Some(session) = server.sessions.get_mut(session) {
                    session.out.bytes.extend_from_slice(format!("${left}\r\n").as_bytes());
                }
                server.sessions.queue_write(session);
            }
            Err(error) => {
                let text = crate::config::load::system_text(&error);
                log::warn!("SYNC failed. Can't open/stat DB after BGSAVE: {text}");
                server.sessions.queue_close(session);
            }
        }
    }
    begin_if_due(server, world);
}

/// A child that wrote to sockets is gone; all that it wrote was handed on.
pub fn streamed(server: &mut Server, world: &mut dyn World, is_good: bool) {
    let sessions = dumping(server, true);
    if is_good {
        log::info!("Diskless rdb transfer, done reading from pipe, {} replicas still up.", sessions.len());
    }
    for session in sessions {
        if is_good {
            log::info!(
                "Streamed RDB transfer with replica {} succeeded (socket). Waiting for REPLCONF ACK from replica to enable \
                 streaming",
                name_of(server, session)
            );
            server.replication.greet(session, server.now).awaits_ack = true;
            put_online(server, session);
        } else {
            log::warn!("SYNC failed. BGSAVE child returned an error");
            server.sessions.queue_close(session);
        }
    }
    begin_if_due(server, world);
}

fn dumping(server: &Server, to_sockets: bool) -> Vec<SessionKey> {
    let is_meant = |replica: &&Replica| matches!(replica.stage, Stage::Dumping { to_sockets: to } if to == to_sockets);
    server.replication.replicas.iter().filter(is_meant).map(|replica| replica.session).collect()
}

/// A piece of a dump that came from the child goes to all for whom it is.
pub fn forward(server: &mut Server, bytes: &[u8]) {
    for replica in server.replication.replicas.iter().filter(|replica| replica.is_streaming_dump()) {
        if let Some(session) = server.sessions.get_mut(replica.session) {
            session.out.bytes.extend_from_slice(bytes);
            server.sessions.queue_write(replica.session);
        }
    }
}

/// True while a replica is so far behind that the child that writes its dump has to wait.
pub fn is_congested(server: &Server) -> bool {
    let is_behind = |replica: &Replica| {
        server.sessions.get(replica.session).is_some_and(|session| session.out.len() >= CONGESTED_BYTES)
    };
    server.replication.replicas.iter().any(|replica| replica.is_streaming_dump() && is_behind(replica))
}

/// A replica's output is empty: the next piece of its file follows, if there is more. True if there is something to be sent.
pub fn refill(server: &mut Server, key: SessionKey) -> bool {
    let Some(replica) = server.replication.of_mut(key) else { return false };
    let Stage::Sending(dump) = &mut replica.stage else { return false };
    let Some(session) = server.sessions.get_mut(key) else { return false };
    if dump.left > 0 {
        let before = session.out.bytes.len();
        session.out.bytes.resize(before + PIECE_BYTES.min(usize::try_from(dump.left).unwrap_or(PIECE_BYTES)), 0);
        let read = dump.file.read(&mut session.out.bytes[before..]);
        let count = *read.as_ref().unwrap_or(&0);
        session.out.bytes.truncate(before + count);
        dump.left -= count as u64;
        if count == 0 {
            let why = read.err().map_or("premature EOF".to_owned(), |error| crate::config::load::system_text(&error));
            log::warn!("Read error sending DB to replica: {why}");
            server.sessions.queue_close(key);
            return false;
        }
        return true;
    }
    put_online(server, key);
    false
}

/// A replica has its dump: what was recorded behind it follows.
fn put_online(server: &mut Server, key: SessionKey) {
    let name = name_of(server, key);
    let now = server.now;
    let replica = server.replication.greet(key, now);
    if replica.wants.dump_only {
        replica.stage = Stage::Transmitted;
        log::info!("RDB transfer completed, rdb only replica ({name}) should be disconnected asap");
        return;
    }
    replica.stage = Stage::Online;
    replica.acked_at = now;
    if !replica.awaits_ack {
        release(server, key);
    }
    log::info!("Synchronization with replica {name} succeeded");
    super::acks::count_good(server);
}

/// A replica's stream goes out from here on.
pub fn release(server: &mut Server, key: SessionKey) {
    if let Some(replica) = server.replication.of_mut(key) {
        replica.awaits_ack = false;
        server.sessions.queue_write(key);
    }
}

/// A replica is gone: a child that worked only for such as it is not wanted any more.
pub fn dropped(server: &mut Server, world: &mut dyn World, replica: &Replica) {
    let Stage::Dumping { to_sockets } = replica.stage else { return };
    if !dumping(server, to_sockets).is_empty() {
        return;
    }
    if to_sockets && server.persist.has_child_for(Purpose::Transfer) {
        log::info!("Diskless rdb transfer, last replica dropped, killing fork child.");
        server.persist.kill(world.persistence());
    } else if !to_sockets && server.settings.save_points.is_empty() && server.persist.has_child_for(Purpose::Snapshot) {
        server.persist.kill(world.persistence());
    }
}

/// `rdb-del-sync-files`: where there is no persistence, a dump that was made for replicas goes when nobody reads it.
pub fn remove_if_unneeded(server: &mut Server, world: &mut dyn World) {
    if !server.replication.dump_is_for_replicas {
        return;
    }
    let settings = &server.settings;
    if !settings.rdb_del_sync_files || !settings.save_points.is_empty() || settings.append_only {
        server.replication.dump_is_for_replicas = false;
        return;
    }
    let is_needed = |replica: &Replica| {
        matches!(replica.stage, Stage::Waiting | Stage::Dumping { to_sockets: false } | Stage::Sending(_))
    };
    if !server.replication.replicas.iter().any(is_needed) && server.persist.child.is_none() {
        server.replication.dump_is_for_replicas = false;
        log::info!("Removing the RDB file used to feed replicas in a persistence-less instance");
        // It may have been removed by hand.
        let _ = world.persistence().remove(&persist::dump_path(&server.settings));
    }
}
