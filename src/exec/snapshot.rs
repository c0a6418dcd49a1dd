//! Snapshots as the server takes them: what of its state goes into one, and what changes when one begins, succeeds or fails.
//! The ways of files and children are `persist`'s; here they meet keyspace, settings and gates.

use std::path::Path;

use super::dispatch::Context;
use super::replay::Replay;
use super::{append_only, readers, replication, scripts};
use crate::base::clock::Ms;
use crate::keyspace::Keyspace;
use crate::persist::aof::{self, Manifest, State};
use crate::persist::{self, Child, ChildEnd, Files, Job, LoadFailure, Loading, Pipe, Purpose, SaveFailure, Step};
use crate::rdb::load::Policy;
use crate::rdb::save::{Facts, Place};
use crate::replication::Wanted;
use crate::server::{REDIS_VERSION, Server, World, standing};

/// What is written, by process `pid`: a dump, or the base of an append-only file.
pub(super) fn job(server: &Server, pid: u32, is_aof_base: bool) -> Job<'_> {
    Job {
        keyspace: &server.keyspace,
        settings: &server.settings,
        facts: Facts {
            redis_version: REDIS_VERSION,
            now_s: server.now / 1000,
            used_memory: server.used_memory(),
            is_aof_base,
            libraries: server.scripts.library_codes(),
            place: place(server),
            without_keys: false,
        },
        clock: &server.clock,
        pid,
    }
}

/// Where the data stands in its history, if anybody can follow from there.
fn place(server: &Server) -> Option<Place<'_>> {
    let replication = &server.replication;
    replication.backlog.as_ref()?;
    let stream_db = match &replication.following {
        None => server.journal.selected_for_replicas().unwrap_or(0),
        Some(following) => match replication.master_session().and_then(|session| server.sessions.get(session)) {
            Some(master) => master.db,
            None if following.has_history => following.stream_db,
            None => return None,
        },
    };
    Some(Place { id: &replication.id, offset: server.replication_offset(), stream_db })
}

/// Saves in the foreground. The log says why not.
pub fn save(server: &mut Server, world: &mut dyn World) -> bool {
    match persist::save(&job(server, server.identity.pid, false), world.persistence()) {
        Ok(()) => {
            server.keyspace.dirty = 0;
            server.persist.saved(server.now);
            server.update_write_gate();
            true
        }
        Err(SaveFailure(line)) => {
            log::warn!("{line}");
            false
        }
    }
}

/// SAVE.
pub fn save_on_demand(server: &mut Server, world: &mut dyn World) -> bool {
    server.persist.saves += 1;
    save(server, world)
}

/// Forks a child that saves; false if there is none (the log says why). No child may be at work.
pub fn begin_background(server: &mut Server, world: &mut dyn World) -> bool {
    server.persist.saves += 1;
    server.persist.last_try = server.now;
    let began =
        fork(server, world, Purpose::Snapshot, &mut |job, files, pipe| persist::save_in_child(job, files, pipe));
    if !began {
        server.persist.last_is_good = false;
        server.update_write_gate();
    }
    began
}

/// Forks a child that writes a dump for replicas; false if there is none. No child may be at work.
pub fn begin_transfer(server: &mut Server, world: &mut dyn World, wants: Wanted) -> bool {
    let mark = server.random.hex(replication::MARK_CHARACTERS);
    fork(server, world, Purpose::Transfer, &mut |job, files, pipe| {
        job.facts.without_keys = wants.without_keys;
        if wants.without_functions {
            job.facts.libraries.clear();
        }
        persist::send_in_child(job, &mark, files, pipe)
    })
}

/// What a child does with what is to be written; gives its exit code.
type Work<'w> = &'w mut dyn FnMut(&mut Job<'_>, &mut dyn Files, &mut dyn Pipe) -> i32;

/// Forks a child that writes the data somewhere; false if there is none (the log says why). No child may be at work.
pub(super) fn fork(server: &mut Server, world: &mut dyn World, purpose: Purpose, work: Work<'_>) -> bool {
    let began = server.clock.monotonic_ns();
    let forked = {
        let server = &*server;
        world.persistence().fork(purpose, &mut |files, pipe| {
            work(&mut job(server, std::process::id(), purpose == Purpose::Rewrite), files, pipe)
        })
    };
    let took_ns = server.clock.monotonic_ns() - began;
    server.persist.last_fork_us = took_ns / 1000;
    server.observe.note_latency("fork", took_ns, server.now);
    match forked {
        Ok(pid) => {
            server.persist.forks += 1;
            let (keys, dirty) = (server.keyspace.len() as u64, server.keyspace.dirty);
            server.persist.begin(pid, purpose, server.now, keys, dirty);
            hold_tables(&mut server.keyspace, true);
            true
        }
        Err(error) => {
            let what = if purpose == Purpose::Rewrite { "rewrite append only file" } else { "save" };
            log::warn!("Can't {what} in background: fork: {}", crate::config::load::system_text(&error));
            false
        }
    }
}

/// A periodic job: begins what a save point or BGSAVE SCHEDULE wants.
pub fn begin_if_due(server: &mut Server, world: &mut dyn World) {
    let is_loading = server.standing & standing::LOADING != 0;
    if !is_loading && server.persist.is_due(&server.settings, server.keyspace.dirty, server.now) {
        begin_background(server, world);
    }
}

/// Ends the child that saves; false if there is none. What the last snapshot came to stays as it is.
pub fn cancel_background(server: &mut Server, world: &mut dyn World) -> bool {
    let child = server.persist.child.as_ref().filter(|child| child.purpose == Purpose::Snapshot);
    let Some(pid) = child.map(|child| child.pid) else { return false };
    log::info!("Background saving will be aborted due to user request");
    server.persist.kill(world.persistence());
    world.persistence().reap_child(pid);
    child_ended(server, world, ChildEnd::Signal(persist::UNWANTED_SIGNAL));
    true
}

/// The child is gone.
pub fn child_ended(server: &mut Server, world: &mut dyn World, end: ChildEnd) {
    let Some(child) = server.persist.take_child() else { return };
    hold_tables(&mut server.keyspace, false);
    match child.purpose {
        Purpose::Snapshot => snapshot_ended(server, world, &child, end),
        Purpose::Rewrite => append_only::rewrite_ended(server, world, &child, end),
        Purpose::Transfer => transfer_ended(server, world, end),
    }
    server.update_write_gate();
}

fn snapshot_ended(server: &mut Server, world: &mut dyn World, child: &Child, end: ChildEnd) {
    let saved_changes = server.persist.snapshot_ended(child, end, server.now, world.persistence());
    server.keyspace.dirty = server.keyspace.dirty.saturating_sub(saved_changes);
    replication::dumps::written(server, world, end == ChildEnd::Left(0));
}

fn transfer_ended(server: &mut Server, world: &mut dyn World, end: ChildEnd) {
    match end {
        ChildEnd::Left(0) => log::info!("Background RDB transfer terminated with success"),
        ChildEnd::Left(_) => log::warn!("Background transfer error"),
        ChildEnd::Signal(signal) => log::warn!("Background transfer terminated by signal {signal}"),
    }
    replication::dumps::streamed(server, world, end == ChildEnd::Left(0));
}

/// FLUSHALL: a child's snapshot of what was flushed is not wanted, and where snapshots are, the disk is to know of the flush
/// at once. True when it does.
pub fn flushed_all(server: &mut Server, world: &mut dyn World) -> bool {
    if server.persist.has_child_for(Purpose::Snapshot) {
        server.persist.kill(world.persistence());
    }
    !server.settings.save_points.is_empty() && save(server, world)
}

pub(super) fn hold_tables(keyspace: &mut Keyspace, hold: bool) {
    keyspace.iter_mut().for_each(|db| db.hold_table(hold));
}

/// The data on its way in.
pub enum Load {
    Dump(Box<Loading>),
    AppendOnly(Box<Replay>),
}

impl Load {
    /// Goes on for a bounded time.
    pub fn step(
        &mut self,
        context: &mut Context,
        server: &mut Server,
        world: &mut dyn World,
    ) -> Result<Step, LoadFailure> {
        match self {
            Load::AppendOnly(replay) => replay.step(context, server, world),
            Load::Dump(loading) => {
                let (keyspace, persist, settings) = (&mut server.keyspace, &mut server.persist, &server.settings);
                let step = loading.step(keyspace, persist, settings, world.persistence(), &server.clock)?;
                replication::restart::tell_dropped(server);
                if step == Step::Done {
                    end_loading(server)?;
                }
                Ok(step)
            }
        }
    }
}

/// At start: looks for the data where the settings say, and begins to load it. `None`: there is none.
pub fn begin_loading_at_start(server: &mut Server, world: &mut dyn World) -> Result<Option<Load>, LoadFailure> {
    // The files are known also when they are not written: a rewrite goes on with their numbers.
    let manifest = Manifest::load(&server.settings, world.persistence()).map_err(LoadFailure)?;
    server.persist.aof.manifest = manifest;
    server.persist.aof.begins_at_start = server.settings.append_only;
    if server.settings.append_only {
        let ready = append_only::with(server, world, |file, desk| {
            aof::upgrade(&mut file.manifest, desk.settings, desk.files)?;
            file.claim(desk)?;
            file.make_safe(desk)
        });
        ready.map_err(|line| LoadFailure(vec![line]))?;
        return Ok(Replay::begin(server, world)?.map(|replay| Load::AppendOnly(Box::new(replay))));
    }
    Ok(begin_loading(server, world)?.map(|loading| Load::Dump(Box::new(loading))))
}

/// Begins to load the dump; from now on only commands marked LOADING run. `None`: there is no dump.
pub fn begin_loading(server: &mut Server, world: &mut dyn World) -> Result<Option<Loading>, LoadFailure> {
    let path = persist::dump_path(&server.settings);
    let policy = replication::restart::begin_loading(server);
    let loading = open(server, world, &path, policy)?;
    if loading.is_some() {
        server.set_standing(standing::LOADING, true);
        // What became due while the dump lay on the disk is seen to when all is there.
        server.update_expiry();
    }
    Ok(loading)
}

/// Begins to load the dump that a master sent. What is due in it stays, until the master says otherwise.
pub fn begin_loading_from_master(server: &mut Server, world: &mut dyn World) -> Result<Option<Loading>, LoadFailure> {
    append_only::suspend(server, world);
    replication::follow::clear_for_dump(server);
    let path = persist::dump_path(&server.settings);
    let loading = open(server, world, &path, Policy::default())?;
    server.set_standing(standing::LOADING, true);
    server.update_expiry();
    Ok(loading)
}

/// Nothing is loaded any more, and nothing came of it.
pub fn give_up_loading(server: &mut Server) {
    server.persist.loading = None;
    server.set_standing(standing::LOADING, false);
    server.update_expiry();
}

/// The dump is loaded: everybody may come in, unless its libraries are not.
pub fn end_loading(server: &mut Server) -> Result<(), LoadFailure> {
    scripts::load_from_dump(server, false, false).map_err(library_failure)?;
    server.set_standing(standing::LOADING, false);
    server.update_expiry();
    server.keyspace.dirty = 0;
    Ok(())
}

pub(super) fn library_failure(text: String) -> LoadFailure {
    LoadFailure(vec![format!("Failed creating the library, err: {text}")])
}

fn open(
    server: &mut Server,
    world: &mut dyn World,
    path: &Path,
    policy: Policy,
) -> Result<Option<Loading>, LoadFailure> {
    server.persist.libraries.clear();
    Loading::begin(path, policy, &server.settings, &mut server.persist, world.persistence(), &server.clock)
}

/// How DEBUG RELOAD reloads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reload {
    pub saves: bool,
    pub flushes: bool,
    /// Keys of the dump replace those that are there.
    pub merges: bool,
}

/// Saves, empties and loads, all at once; the error text is the reply.
pub fn reload(server: &mut Server, world: &mut dyn World, how: Reload) -> Result<(), &'static str> {
    if how.saves && !save(server, world) {
        return Err("ERR");
    }
    if how.flushes {
        empty(server);
    }
    let path = persist::dump_path(&server.settings);
    let now: Ms = server.clock.wall_ms();
    server.keyspace.set_now(now);
    let policy = Policy { drop_due_by: Some(now), replaces: how.merges, ..Policy::default() };
    let loaded = match open(server, world, &path, policy) {
        Ok(Some(loading)) => {
            let (keyspace, persist, settings) = (&mut server.keyspace, &mut server.persist, &server.settings);
            loading.run(keyspace, persist, settings, world.persistence(), &server.clock)
        }
        // Nothing was saved, and nothing is there.
        Ok(None) => Err(LoadFailure(Vec::new())),
        Err(failure) => Err(failure),
    };
    let loaded =
        loaded.and_then(|()| scripts::load_from_dump(server, !how.flushes, how.merges).map_err(library_failure));
    if let Err(LoadFailure(lines)) = loaded {
        lines.iter().for_each(|line| log::warn!("{line}"));
        return Err("ERR Error trying to load the RDB dump, check server logs");
    }
    log::warn!("DB reloaded by DEBUG RELOAD");
    Ok(())
}

/// DEBUG LOADAOF: empties, and loads what the append-only file says, all at once. False: it cannot be loaded, the log says why, and
/// the server may not go on with what there is.
pub fn reload_append_only(context: &mut Context, server: &mut Server, world: &mut dyn World) -> bool {
    let is_on = server.persist.aof.state == State::On;
    if is_on && readers::drain_forced(server, world).is_err() {
        return false;
    }
    match Manifest::load(&server.settings, world.persistence()) {
        Ok(manifest) => server.persist.aof.manifest = manifest,
        Err(lines) => {
            lines.iter().for_each(|line| log::warn!("{line}"));
            return false;
        }
    }
    empty(server);
    server.scripts.flush_functions(false);
    server.keyspace.set_now(server.now);
    let replayed = Replay::begin(server, world).and_then(|replay| match replay {
        Some(replay) => replay.run(context, server, world),
        None => Ok(()),
    });
    if let Err(LoadFailure(lines)) = replayed {
        lines.iter().for_each(|line| log::warn!("{line}"));
        return false;
    }
    server.keyspace.dirty = 0;
    log::info!("Append Only File loaded by DEBUG LOADAOF");
    true
}

/// Empties every database and frees what was there at once: the same data is about to come again.
fn empty(server: &mut Server) {
    for index in 0..server.keyspace.databases() {
        server.keyspace.db_mut(index).clear();
    }
    super::effects::hand_on_all(server, None);
    while !server.keyspace.garbage.free_slice() {}
}
