//! Waiting without blocking: a command that has nothing to answer yet is kept with its session, and run again when one of
//! its keys may serve it, when its time is over, or when somebody ends it.
//!
//! One mechanism for all: first come, first served for each key; what runs again is the whole command, so that it sees the
//! data as it is then.

use super::call::Block;
use super::dispatch::{self, Context};
use super::migrate;
use crate::keyspace::{Key, SessionKey};
use crate::protocol::args::Args;
use crate::protocol::reply::Reply;
use crate::server::session::{Blocked, flag};
use crate::server::{Alarm, Server, World, standing};

/// Parks a session that waits for keys.
pub fn park(server: &mut Server, key: SessionKey, db: usize, block: Block, command_id: usize, args: Args) {
    let now = server.now;
    let timer = block.deadline.map(|deadline| server.timers.insert(deadline, Alarm::BlockTimeout(key)));
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
        server.keyspace.db_mut(db).await_key(name);
    }
    server.waiters.sessions += 1;
    session.blocked = Some(Box::new(Blocked {
        db,
        keys,
        kind: block.kind,
        answer_late: block.when_denied.late(),
        deadline: block.deadline,
        timer,
        command_id,
        request: args.to_owned(),
        since: now,
    }));
}

/// Takes a session out of all queues; it goes on with its bytes. Gives back what it waited for.
pub fn unpark(server: &mut Server, key: SessionKey) -> Option<Box<Blocked>> {
    let session = server.sessions.get_mut(key)?;
    let blocked = session.blocked.take()?;
    session.clear(flag::BLOCKED);
    for name in &blocked.keys {
        server.waiters.leave(blocked.db, name, key);
        server.keyspace.db_mut(blocked.db).unawait_key(name);
    }
    server.waiters.sessions -= 1;
    if let Some(timer) = blocked.timer {
        server.timers.cancel(timer);
    }
    server.sessions.queue_run(key);
    Some(blocked)
}

/// A session's time is over: it is answered as if there were nothing.
pub fn time_out(server: &mut Server, key: SessionKey) {
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
        for (db, key) in std::mem::take(&mut server.ready) {
            serve_key(context, server, world, db, &key);
        }
    }
}

/// Serves those who wait for one key, first come first, while it is there; who wants another type waits on.
fn serve_key(context: &mut Context, server: &mut Server, world: &mut dyn World, db: usize, key: &[u8]) {
    let name = Key::new(key);
    // Who comes to the queue by being served (a waiter's next command) is not served in this round.
    let mut left = server.waiters.len(db, key);
    let mut place = 0;
    while left > 0
        && let Some(session) = server.waiters.at(db, key, place)
        && let Some(kind) = server.keyspace.db(db).peek(name).map(|entry| entry.kind())
    {
        left -= 1;
        let wanted = server.sessions.get(session).and_then(|s| s.blocked.as_ref()).map(|blocked| blocked.kind);
        if wanted != Some(kind) || !serve_one(context, server, world, session) {
            place += 1;
        }
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
    let mut out = std::mem::take(&mut session.out);
    let served = dispatch::run_waiter(context, server, world, key, id, request.args(), &mut out);
    if let Some(session) = server.sessions.get_mut(key) {
        session.out = out;
        if let Some(blocked) = session.blocked.as_mut() {
            blocked.request = request;
        }
    }
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
