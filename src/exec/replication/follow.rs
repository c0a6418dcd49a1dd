//! This server as a replica: it finds its master, is given the data, and keeps in step. `replication::Following` draws the phases.

use std::io;
use std::path::PathBuf;

use super::{feed, stream};
use crate::base::clock::Ms;
use crate::config::choices::DisklessLoad;
use crate::config::load::system_text;
use crate::config::special::MasterAddress;
use crate::exec::blocking;
use crate::keyspace::SessionKey;
use crate::persist::{self, Purpose};
use crate::replication::{Arrival, Destination, Following, Handshake, Introduction, Phase, Said, Transfer};
use crate::server::links::{LinkKey, LinkNews};
use crate::server::session::flag;
use crate::server::{Server, World};

/// Bytes of a dump that wait for being loaded, from which the link waits.
const INFLOW_BYTES_MAX: usize = 1024 * 1024;

/// Who waits for a key of a master finds a replica.
const NO_MASTER_ANY_MORE: &str =
    "UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)";

/// REPLICAOF, `replicaof`: follows this master from here on.
pub fn begin(server: &mut Server, world: &mut dyn World, master: MasterAddress) {
    follow(server, world, Following::new(master, server.now));
}

/// Follows a replica of this server, which is to take over.
pub(super) fn begin_taking_over(server: &mut Server, world: &mut dyn World, master: MasterAddress) {
    let mut following = Following::new(master, server.now);
    following.takes_over = true;
    follow(server, world, following);
}

/// At start: as the settings say. `place`: the history, offset and database of the dump that was loaded.
pub(super) fn begin_at_start(
    server: &mut Server,
    world: &mut dyn World,
    master: MasterAddress,
    place: Option<(String, i64, usize)>,
) {
    let mut following = Following::new(master, server.now);
    if let Some((id, offset, stream_db)) = place {
        (server.replication.id, server.replication.taken) = (id, offset);
        keep_history(server, &mut following);
        following.stream_db = stream_db;
    }
    take_up(server, world, following);
}

fn follow(server: &mut Server, world: &mut dyn World, mut following: Following) {
    match leave(server, world) {
        Some(old) => (following.has_history, following.stream_db) = (old.has_history, old.stream_db),
        None => keep_history(server, &mut following),
    }
    take_up(server, world, following);
}

/// What this server has may be a part of what its master has.
fn keep_history(server: &mut Server, following: &mut Following) {
    log::info!(
        "Before turning into a replica, using my own master parameters to synthesize a cached master: I may be able to \
         synchronize with the new master with just a partial transfer."
    );
    feed::begin_backlog(server);
    following.has_history = true;
}

fn take_up(server: &mut Server, world: &mut dyn World, following: Following) {
    log::info!("Connecting to MASTER {}", following.name());
    server.replication.following = Some(following);
    server.journal.follow(true);
    end_waits(server);
    changed(server, world);
    connect(server, world);
}

/// REPLICAOF NO ONE: this server's data is its own from here on.
pub fn end(server: &mut Server, world: &mut dyn World) {
    if leave(server, world).is_none() {
        return;
    }
    let (id, offset) = (server.random.hex(40), server.replication_offset());
    server.replication.shift_id(id, offset);
    server.replication.following = None;
    server.replication.no_replicas_since = server.now;
    // They come again and learn the new id.
    drop_replicas(server);
    server.journal.follow(false);
    changed(server, world);
}

/// Lets go of the link; what was applied stays. Gives what was followed.
fn leave(server: &mut Server, world: &mut dyn World) -> Option<Following> {
    stream::apply_end(server, world);
    disconnect(server, world);
    server.replication.following.take()
}

/// What depends on being a master or a replica is told.
fn changed(server: &mut Server, world: &mut dyn World) {
    server.replication.own_keys.clear();
    let mut settings = (*server.settings).clone();
    settings.replica_of = server.replication.following.as_ref().map(|following| following.master.clone());
    server.settings = std::rc::Rc::new(settings);
    server.update_replica_gates();
    server.update_expiry();
    // Failing is in the log.
    let settings = std::rc::Rc::clone(&server.settings);
    world.take_role(server.replication.is_replica());
    let _ = world.adjust_oom_score(&settings);
}

/// Waits that only a master can end.
fn end_waits(server: &mut Server) {
    let waits: Vec<SessionKey> =
        server.sessions.iter().filter(|session| session.blocked.is_some()).map(|session| session.key).collect();
    for key in waits {
        blocking::end_with_error(server, key, NO_MASTER_ANY_MORE);
        if let Some(session) = server.sessions.get_mut(key) {
            session.set(flag::CLOSE_AFTER_REPLY);
        }
    }
}

/// All replicas of this server lose their link.
fn drop_replicas(server: &mut Server) {
    let sessions: Vec<SessionKey> = server.replication.attached().map(|replica| replica.session).collect();
    sessions.into_iter().for_each(|session| server.sessions.queue_close(session));
}

fn following(server: &mut Server) -> Option<&mut Following> {
    server.replication.following.as_mut()
}

/// Begins to connect.
pub fn connect(server: &mut Server, world: &mut dyn World) {
    let now = server.now;
    let source = server.settings.bind_source.clone();
    let Some(following) = following(server) else { return };
    let Some(links) = world.links() else { return };
    following.last_heard = now;
    following.down_since.get_or_insert(now);
    match links.open_from(&source, &following.master.host, following.master.port) {
        Ok(LinkKey(link)) => {
            following.phase = Phase::Connecting { link };
            log::info!("MASTER <-> REPLICA sync started");
        }
        Err(error) => log::warn!("Unable to connect to MASTER: {}", system_text(&error)),
    }
}

/// Closes whatever link there is; the next look opens another.
fn disconnect(server: &mut Server, world: &mut dyn World) {
    let now = server.now;
    let Some(following) = following(server) else { return };
    let phase = std::mem::replace(&mut following.phase, Phase::Idle);
    following.unapplied.clear();
    following.inflow = Vec::new();
    following.wants_ack = false;
    let link = match phase {
        Phase::Idle => return,
        Phase::Connecting { link } | Phase::Talking { link, .. } | Phase::Loading { link, .. } => link,
        Phase::Receiving { link, into, .. } => {
            if let Destination::File { file, path } = into {
                drop(file);
                // What came of it is of no use.
                let _ = world.persistence().remove(&path);
            }
            link
        }
        Phase::Streaming { link, session } => {
            following.has_history = true;
            following.down_since = Some(now);
            log::info!("Caching the disconnected master state.");
            if let Some(session) = server.sessions.get(session) {
                following_db(&mut server.replication.following, session.db);
            }
            server.sessions.queue_close(session);
            link
        }
    };
    if let Some(links) = world.links() {
        links.close(LinkKey(link));
    }
    server.update_replica_gates();
}

fn following_db(following: &mut Option<Following>, db: usize) {
    if let Some(following) = following {
        following.stream_db = db;
    }
}

/// The link is lost; a master that was there a moment ago is looked for at once.
pub(super) fn lost(server: &mut Server, world: &mut dyn World) {
    let was_up = following(server).is_some_and(|following| following.is_up());
    if was_up {
        log::info!("Connection with master lost.");
        stream::apply_end(server, world);
    }
    disconnect(server, world);
    if was_up && let Some(following) = following(server) {
        log::info!("Reconnecting to MASTER {}", following.name());
        connect(server, world);
    }
}

/// A session is closed: the master's own ends the link.
pub fn released(server: &mut Server, world: &mut dyn World, session: SessionKey) {
    if server.replication.master_session() == Some(session) {
        lost(server, world);
    }
}

/// True when this is the link to the master.
pub fn owns(server: &Server, link: LinkKey) -> bool {
    server.replication.following.as_ref().is_some_and(|following| following.link() == Some(link.0))
}

/// News of the link to the master.
pub fn on_news(server: &mut Server, world: &mut dyn World, link: LinkKey, news: LinkNews) {
    let now = server.now;
    let Some(following) = following(server) else { return };
    match news {
        LinkNews::Connected => {
            log::info!("Non blocking connect for SYNC fired the event.");
            following.last_heard = now;
            let introduction = introduce(server);
            let (handshake, bytes) = Handshake::begin(introduction);
            set_phase(server, Phase::Talking { link: link.0, handshake: Box::new(handshake) });
            send(world, link, bytes);
        }
        LinkNews::Sent { .. } => {}
        LinkNews::Heard(bytes) => {
            following.last_heard = now;
            hear(server, world, link, &bytes);
        }
        LinkNews::Gone => {
            if matches!(following.phase, Phase::Connecting { .. }) {
                log::warn!("Error condition on socket for SYNC: Connection refused");
            }
            lost(server, world);
        }
    }
}

/// True while a link's bytes are to wait: the dump before them is being loaded.
pub fn is_waiting(server: &Server, link: LinkKey) -> bool {
    let following = server.replication.following.as_ref().filter(|following| following.link() == Some(link.0));
    following.is_some_and(|f| matches!(f.phase, Phase::Loading { .. }) || f.inflow.len() >= INFLOW_BYTES_MAX)
}

fn set_phase(server: &mut Server, phase: Phase) {
    if let Some(following) = following(server) {
        following.phase = phase;
    }
    server.update_replica_gates();
}

pub(super) fn send(world: &mut dyn World, link: LinkKey, bytes: Vec<u8>) {
    if let Some(links) = world.links() {
        links.send(link, bytes);
    }
}

/// What this server tells its master of itself.
fn introduce(server: &Server) -> Introduction {
    let settings = &server.settings;
    let following = server.replication.following.as_ref();
    let words = [&settings.master_user, &settings.master_auth];
    let credentials = match settings.master_auth.is_empty() {
        true => Vec::new(),
        false => words.into_iter().filter(|word| !word.is_empty()).cloned().collect(),
    };
    let has_history = following.is_some_and(|following| following.has_history);
    Introduction {
        credentials,
        port: if settings.replica_announce_port > 0 { settings.replica_announce_port } else { settings.port },
        address: settings.replica_announce_ip.clone(),
        place: has_history.then(|| (server.replication.id.clone(), server.replication_offset() + 1)),
        takes_over: following.is_some_and(|following| following.takes_over),
    }
}

/// Bytes of the master, in whatever phase.
fn hear(server: &mut Server, world: &mut dyn World, link: LinkKey, mut bytes: &[u8]) {
    while !bytes.is_empty() {
        let Some(following) = following(server) else { return };
        match &mut following.phase {
            Phase::Talking { handshake, .. } => {
                let (used, said) = handshake.hear(bytes);
                bytes = &bytes[used..];
                if !act(server, world, link, said) {
                    return;
                }
            }
            Phase::Receiving { transfer, into, .. } => {
                let inflow = &mut following.inflow;
                let mut take = |piece: &[u8]| match into {
                    Destination::File { file, .. } => file.write(piece),
                    Destination::Data { .. } => {
                        inflow.extend_from_slice(piece);
                        Ok(())
                    }
                };
                match transfer.hear(bytes, &mut take) {
                    Ok(Arrival::Partial) => {}
                    Ok(Arrival::Whole(rest)) => {
                        following.unapplied = rest.to_vec();
                        received(server, world, link);
                    }
                    Err(line) => {
                        log::warn!("{line}");
                        lost(server, world);
                    }
                }
                return;
            }
            Phase::Loading { .. } => return following.unapplied.extend_from_slice(bytes),
            Phase::Streaming { .. } => return stream::hear(server, bytes),
            Phase::Idle | Phase::Connecting { .. } => return,
        }
    }
}

/// Does what the handshake came to; false if there is nothing more to hear on this link.
fn act(server: &mut Server, world: &mut dyn World, link: LinkKey, said: Said) -> bool {
    match said {
        Said::Nothing => {}
        Said::Send(bytes) => send(world, link, bytes),
        Said::Failed => {
            lost(server, world);
            return false;
        }
        Said::TakeOverRefused => {
            super::failover::refused(server, world);
            return false;
        }
        Said::Full { id, offset } => return receive(server, world, link, Some((id, offset))),
        Said::OldSync(bytes) => {
            send(world, link, bytes);
            return receive(server, world, link, None);
        }
        Said::Continue { id } => go_on(server, world, link, id),
    }
    super::failover::followed(server, world);
    true
}

/// The history goes on where it was.
fn go_on(server: &mut Server, world: &mut dyn World, link: LinkKey, id: Option<String>) {
    if let Some(id) = id {
        log::info!("Master replication ID changed to {id}");
        let offset = server.replication_offset();
        let replication = &mut server.replication;
        replication.id2 = std::mem::replace(&mut replication.id, id);
        replication.second_offset = offset + 1;
        // They have to learn of it.
        drop_replicas(server);
    }
    feed::begin_backlog(server);
    log::info!("MASTER <-> REPLICA sync: Master accepted a Partial Resynchronization.");
    let db = following(server).map_or(0, |following| following.stream_db);
    stream::open(server, world, link, db);
}

/// Everything comes: into a file first, or straight to where it belongs.
fn receive(server: &mut Server, world: &mut dyn World, link: LinkKey, coming: Option<(String, i64)>) -> bool {
    let is_own_history = coming.as_ref().is_some_and(|(id, _)| *id == server.replication.id);
    let into = match destination(server, world, is_own_history) {
        Ok(into) => into,
        Err(error) => {
            let text = system_text(&error);
            log::warn!("Opening the temp file needed for MASTER <-> REPLICA synchronization: {text}");
            lost(server, world);
            return false;
        }
    };
    let Some(following) = following(server) else { return false };
    if following.has_history {
        log::info!("Discarding previously cached master state.");
        following.has_history = false;
    }
    following.coming = coming;
    let transfer = match into {
        Destination::File { .. } => Transfer::to_disk(),
        Destination::Data { .. } => Transfer::to_parser(),
    };
    set_phase(server, Phase::Receiving { link: link.0, transfer, into });
    super::failover::followed(server, world);
    true
}

/// As `repl-diskless-load` says. `is_own_history`: what comes goes on from the data that is there.
fn destination(server: &Server, world: &mut dyn World, is_own_history: bool) -> io::Result<Destination> {
    let is_straight = match server.settings.repl_diskless_load {
        DisklessLoad::Disabled => false,
        DisklessLoad::OnEmptyDb => server.keyspace.is_empty(),
        DisklessLoad::Swapdb => true,
    };
    if is_straight {
        let swaps = server.settings.repl_diskless_load == DisklessLoad::Swapdb;
        return Ok(Destination::Data { is_async: swaps && is_own_history });
    }
    let path = PathBuf::from(format!("temp-{}.{}.rdb", server.now / 1000, server.identity.pid));
    world.persistence().create(&path).map(|file| Destination::File { file, path })
}

/// The dump is whole. In a file, it takes the place of this server's own, and the loop loads it.
fn received(server: &mut Server, world: &mut dyn World, link: LinkKey) {
    let Some(following) = following(server) else { return };
    if let Phase::Receiving { into: Destination::Data { .. }, .. } = following.phase {
        following.phase = Phase::Loading { link: link.0, has_begun: true };
        return;
    }
    if server.persist.has_child_for(Purpose::Snapshot)
        && let Some(child) = &server.persist.child
    {
        log::info!(
            "Replica is about to load the RDB file received from the master, but there is a pending RDB child running. Killing \
             process {} and removing its temp file to avoid any race",
            child.pid
        );
        server.persist.kill(world.persistence());
    }
    let to = persist::dump_path(&server.settings);
    let Some(following) = following(server) else { return };
    let phase = std::mem::replace(&mut following.phase, Phase::Loading { link: link.0, has_begun: false });
    let Phase::Receiving { into: Destination::File { mut file, path }, .. } = phase else { return };
    let files = world.persistence();
    let placed = file.sync().and_then(|()| files.rename(&path, &to)).and_then(|()| files.sync_folder_of(&to));
    if let Err(error) = placed {
        let text = system_text(&error);
        log::warn!(
            "Failed trying to rename the temp DB into {} in MASTER <-> REPLICA synchronization: {text}",
            to.display()
        );
        lost(server, world);
    }
}

/// True while the loop loads what the master sent.
pub fn is_loading(server: &Server) -> bool {
    let following = server.replication.following.as_ref();
    following.is_some_and(|following| matches!(following.phase, Phase::Loading { has_begun: true, .. }))
}

/// True when a dump waits to be loaded.
pub fn has_dump(server: &Server) -> bool {
    let following = server.replication.following.as_ref();
    following.is_some_and(|following| matches!(following.phase, Phase::Loading { has_begun: false, .. }))
}

/// The same; the loop does it now.
pub fn take_dump(server: &mut Server) -> bool {
    match following(server).map(|following| &mut following.phase) {
        Some(Phase::Loading { has_begun, .. }) => !std::mem::replace(has_begun, true),
        _ => false,
    }
}

/// Before the dump is loaded: the data and the history of before are no more, and this server's replicas have to come again.
pub fn clear_for_dump(server: &mut Server) {
    log::info!("MASTER <-> REPLICA sync: Flushing old data");
    drop_data(server);
    log::info!("MASTER <-> REPLICA sync: Loading DB in memory");
}

/// The same, with no word of it.
pub(super) fn drop_data(server: &mut Server) {
    drop_replicas(server);
    feed::end_backlog(server);
    clear_keyspace(server);
    server.scripts.flush_functions(false);
}

pub(super) fn clear_keyspace(server: &mut Server) {
    for index in 0..server.keyspace.databases() {
        server.keyspace.db_mut(index).clear();
    }
    crate::exec::effects::hand_on_all(server, None);
}

/// The dump is loaded: the stream goes on behind it.
pub fn loaded(server: &mut Server, world: &mut dyn World) {
    let now = server.now;
    let Some(following) = following(server) else { return };
    let Phase::Loading { link, .. } = following.phase else { return };
    let rest = std::mem::take(&mut following.unapplied);
    following.last_heard = now;
    if let Some((id, offset)) = following.coming.take() {
        (server.replication.id, server.replication.taken) = (id, offset);
    } else {
        (server.replication.id, server.replication.taken) = (server.random.hex(40), 0);
    }
    server.replication.clear_second_id();
    feed::begin_backlog(server);
    log::info!("MASTER <-> REPLICA sync: Finished with success");
    stream::open(server, world, LinkKey(link), 0);
    stream::hear(server, &rest);
}

/// The dump could not be loaded; half of it is nobody's data.
pub fn not_loaded(server: &mut Server, world: &mut dyn World) {
    log::warn!("Failed trying to load the MASTER synchronization DB from disk, check server logs.");
    clear_keyspace(server);
    lost(server, world);
}

/// Once a second: a master that is silent is given up, one that is lost is looked for, and told how far we are.
pub fn look(server: &mut Server, world: &mut dyn World) {
    let (now, timeout_ms) = (server.now, Ms::from(server.settings.repl_timeout_s) * 1000);
    let Some(following) = server.replication.following.as_mut() else { return };
    let is_silent = now - following.last_heard > timeout_ms;
    match &following.phase {
        Phase::Idle => {
            log::info!("Connecting to MASTER {}", following.name());
            connect(server, world);
        }
        Phase::Connecting { .. } | Phase::Talking { .. } if is_silent => {
            log::warn!("Timeout connecting to the MASTER...");
            lost(server, world);
        }
        Phase::Receiving { .. } if is_silent => {
            log::warn!(
                "Timeout receiving bulk data from MASTER... If the problem persists try to set the 'repl-timeout' parameter in \
                 redis.conf to a larger value."
            );
            lost(server, world);
        }
        Phase::Streaming { .. } if is_silent => {
            log::warn!("MASTER timeout: no data nor PING received...");
            lost(server, world);
        }
        Phase::Streaming { .. } => stream::tell_offset(server, world),
        // So that the master does not give us up while we load.
        Phase::Loading { link, .. } => send(world, LinkKey(*link), b"\n".to_vec()),
        Phase::Connecting { .. } | Phase::Talking { .. } | Phase::Receiving { .. } => {}
    }
}
