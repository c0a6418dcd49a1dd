//! Waiting without blocking: a command that has nothing to answer yet is kept with its session, and run again when one of
//! its keys may serve it, when its time is over, or when somebody ends it.
//!
//! One mechanism for all: first come, first served for each key; what runs again is the whole command, so that it sees the
//! data as it is then.

use std::collections::HashSet;

use super::call::Block;
use super::dispatch::{self, Context};
use super::{migrate, permissions};
use crate::acl::Context as AclContext;
use crate::keyspace::{Key, SessionKey};
use crate::protocol::args::Args;
use crate::protocol::reply::Reply;
use crate::server::session::{Blocked, flag};
use crate::server::{Alarm, Server, World, standing};

/// Parks a session that waits for keys.
pub fn park(server: &mut Server, key: SessionKey, db: usize, block: Block, command_id: usize, args: Args) {
    let now = server.now;
    let timer = block.deadline.map(|deadline| server.timers.insert(deadline, Alarm::BlockTimeout(key)));
    let again = block.again.map(|at| server.timers.insert(at, Alarm::BlockAgain(key)));
    let Some(session) = server.sessions.get_mut(key) else { return };
    let mut keys: Vec<Box<[u8]>> = Vec::with_capacity(block.keys.len());
    for name in block.keys {
        if !keys.iter().any(|k| **k == *name) {
            keys.push(name.into());
        }
    }
    session.set(flag::BLOCKED);
    for name in &keys {
        server.waiters.join(db, name, key);
        server.keyspace.db_mut(db).await_key(name, block.on_absence);
    }
    server.waiters.sessions += 1;
    session.blocked = Some(Box::new(Blocked {
        db,
        keys,
        kind: block.kind,
        answer_late: block.when_denied.late(),
        on_absence: block.on_absence,
        deadline: block.deadline,
        timer,
        again,
        command_id,
        request: block.words.unwrap_or_else(|| args.to_owned()),
        since: now,
    }));
}

/// Takes a session out of all queues; it goes on with its bytes. Gives back what it waited for.
pub fn unpark(server: &mut Server, key: SessionKey) -> Option<Box<Blocked>> {
    let session = server.sessions.get_mut(key)?;
    let blocked = session.blocked.take()?;
    session.clear(flag::BLOCKED);
    server.ack_waiters.retain(|waiter| waiter.session != key);
    for name in &blocked.keys {
        server.waiters.leave(blocked.db, name, key);
        server.keyspace.db_mut(blocked.db).unawait_key(name, blocked.on_absence);
    }
    server.waiters.sessions -= 1;
    for timer in [blocked.timer, blocked.again].into_iter().flatten() {
        server.timers.cancel(timer);
    }
    server.sessions.queue_run(key);
    Some(blocked)
}

/// A session's time is over: it is answered as if there were nothing.
pub fn time_out(server: &mut Server, key: SessionKey) {
    // Who waits for acknowledgements is told how many there are.
    if super::replication::acks::answer(server, key) {
        return;
    }
    if let Some(blocked) = unpark(server, key)
        && let Some(session) = server.sessions.get_mut(key)
    {
        (blocked.answer_late)(&mut Reply::new(&mut session.out, session.is_resp3));
        server.sessions.queue_write(key);
        count(server, &blocked);
    }
}

/// Ends a session's wait with a reply.
pub fn end_with(server: &mut Server, key: SessionKey, reply: &[u8]) {
    if let Some(blocked) = unpark(server, key)
        && let Some(session) = server.sessions.get_mut(key)
    {
        session.out.bytes.extend_from_slice(reply);
        server.sessions.queue_write(key);
        count(server, &blocked);
    }
}

/// Ends a session's wait with an error line (code first, no dash).
pub fn end_with_error(server: &mut Server, key: SessionKey, text: &str) {
    if let Some(blocked) = unpark(server, key)
        && let Some(session) = server.sessions.get_mut(key)
    {
        session.out.bytes.extend_from_slice(format!("-{text}\r\n").as_bytes());
        server.sessions.queue_write(key);
        count(server, &blocked);
        server.observe.commands[blocked.command_id].failed_calls += 1;
        server.observe.note_error(text.as_bytes());
    }
}

/// Ends the wait of who may not do any more what he waits for. It was not called.
#[cold]
fn refuse(server: &mut Server, key: SessionKey, id: usize, text: &[u8]) {
    unpark(server, key);
    if let Some(session) = server.sessions.get_mut(key) {
        Reply::new(&mut session.out, session.is_resp3).error(text);
        server.sessions.queue_write(key);
    }
    server.observe.commands[id].rejected_calls += 1;
    server.observe.note_error(text);
}

/// A command that waited in vain is one call of no duration; one that is served is counted when it runs again.
fn count(server: &mut Server, blocked: &Blocked) {
    let tracks_latency = server.observe.tracks_latency;
    server.observe.commands[blocked.command_id].record(0, tracks_latency);
}

/// Rounds of serving after one command: a served waiter may make another key ready (BLMOVE), and so on.
const SERVE_ROUNDS_MAX: usize = 1 << 20;

/// Runs the commands of those who wait for keys that became ready, until nothing is ready any more.
pub fn serve(context: &mut Context, server: &mut Server, world: &mut dyn World) {
    for _ in 0..SERVE_ROUNDS_MAX {
        if server.ready.is_empty() {
            return;
        }
        let mut ready = std::mem::take(&mut server.ready);
        if ready.len() > 1 {
            // A key that changed more than once is looked at once.
            let mut seen = HashSet::new();
            ready.retain(|place| seen.insert(place.clone()));
        }
        for (db, key) in ready {
            serve_key(context, server, world, db, &key);
        }
    }
}

/// Serves those who wait for one key, first come first. Who wants another type waits on, and so does everybody while it is
/// not there; but who waits for its end, too, is served in any case.
fn serve_key(context: &mut Context, server: &mut Server, world: &mut dyn World, db: usize, key: &[u8]) {
    let name = Key::new(key);
    // Who comes to the queue by being served (a waiter's next command) is not served in this round.
    let mut left = server.waiters.len(db, key);
    let mut place = 0;
    while left > 0
        && let Some(session) = server.waiters.at(db, key, place)
    {
        left -= 1;
        let kind = server.keyspace.db(db).peek(name).map(|entry| entry.kind());
        let blocked = server.sessions.get(session).and_then(|s| s.blocked.as_ref());
        let is_wanted = blocked.is_some_and(|blocked| blocked.on_absence || Some(blocked.kind) == kind);
        if !is_wanted || !serve_one(context, server, world, session) {
            place += 1;
        }
    }
}

/// A waiter's time to look again has come.
pub fn look_again(context: &mut Context, server: &mut Server, world: &mut dyn World, key: SessionKey) {
    if let Some(blocked) = server.sessions.get_mut(key).and_then(|session| session.blocked.as_mut()) {
        // The alarm that rang is none any more.
        blocked.again = None;
        serve_one(context, server, world, key);
    }
}

/// Runs a waiter's command again. If it would wait on, it keeps its place; true when it does not.
fn serve_one(context: &mut Context, server: &mut Server, world: &mut dyn World, key: SessionKey) -> bool {
    if server.standing & standing::MIGRATING != 0 && waits_for_migration(context, server, key) {
        return false;
    }
    let Some(session) = server.sessions.get_mut(key) else { return false };
    let Some(blocked) = session.blocked.as_mut() else { return false };
    let (id, request) = (blocked.command_id, std::mem::take(&mut blocked.request));
    // What its user may do can have changed while it waited.
    if session.has(flag::RESTRICTED)
        && let Err(denial) = permissions::check(server, context.commands, key, id, request.args(), AclContext::TopLevel)
    {
        let text = [b"NOPERM ", &*permissions::text(server, key, id, denial)].concat();
        refuse(server, key, id, &text);
        return true;
    }
    let Some(session) = server.sessions.get_mut(key) else { return false };
    let mut out = std::mem::take(&mut session.out);
    let waits_on = dispatch::run_waiter(context, server, world, key, id, request.args(), &mut out);
    let again = waits_on.as_ref().and_then(|block| block.again);
    let again = again.map(|at| server.timers.insert(at, Alarm::BlockAgain(key)));
    if let Some(session) = server.sessions.get_mut(key) {
        session.out = out;
        if let Some(blocked) = session.blocked.as_mut() {
            blocked.request = request;
            if let Some(before) = std::mem::replace(&mut blocked.again, again) {
                server.timers.cancel(before);
            }
        }
    }
    let served = waits_on.is_none();
    if served {
        unpark(server, key);
        server.sessions.queue_write(key);
    }
    served
}

/// Another of the waiter's keys is on its way: its keys are noted, to be served when that one is there.
#[cold]
fn waits_for_migration(context: &Context, server: &mut Server, key: SessionKey) -> bool {
    let blocked = server.sessions.get(key).and_then(|session| session.blocked.as_deref());
    let Some(blocked) = blocked else { return false };
    let row = context.commands.row(blocked.command_id);
    if !migrate::touches_held(server, row, blocked.request.args()) {
        return false;
    }
    server.migrations.unserved.extend(blocked.keys.iter().map(|key| (blocked.db, key.clone())));
    true
}
