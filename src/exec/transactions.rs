//! MULTI, EXEC, DISCARD, WATCH: queueing and running what was queued.

use super::call::{Call, Outcome, Stop};
use super::command::Row;
use super::dispatch::{self, Context};
use super::permissions;
use crate::acl::Context as AclContext;
use crate::keyspace::{Key, SessionKey};
use crate::protocol::args::Args;
use crate::server::session::{Transaction, flag as session_flag};
use crate::server::{Server, Session, World};

/// Begins a transaction.
pub fn begin(session: &mut Session) {
    session.set(session_flag::IN_TRANSACTION);
    session.transaction = Some(Box::default());
}

/// Ends a transaction without running it, and forgets what was watched.
pub fn discard(server: &mut Server, key: SessionKey) {
    if let Some(session) = server.sessions.get_mut(key) {
        session.transaction = None;
        session.clear(
            session_flag::IN_TRANSACTION
                | session_flag::TRANSACTION_BROKEN
                | session_flag::WATCH_BROKEN
                | session_flag::EXECUTING,
        );
    }
    unwatch(server, key);
}

/// Queues one command and answers QUEUED.
pub fn queue(server: &mut Server, key: SessionKey, id: usize, args: Args) {
    let Some(session) = server.sessions.get_mut(key) else { return };
    session.last_command = id;
    // What will fail anyway is not kept: EXEC refuses, or answers null.
    if !session.has(session_flag::TRANSACTION_BROKEN | session_flag::WATCH_BROKEN) {
        let request = args.to_owned();
        let transaction: &mut Transaction = session.transaction.get_or_insert_default();
        transaction.queue_bytes += request.byte_len();
        transaction.queue.push((id, request));
    }
    session.out.bytes.extend_from_slice(b"+QUEUED\r\n");
    server.count_client(key);
}

/// True when a queued command of the session carries the flag. Looked up through the row's own table by the caller's gate.
pub fn queue_has(server: &Server, key: SessionKey, _exec: &Row, wanted: u32) -> bool {
    let Some(transaction) = server.sessions.get(key).and_then(|s| s.transaction.as_ref()) else { return false };
    transaction.queue.iter().any(|(id, _)| server.acl.catalog().spec(*id).flags & wanted != 0)
}

/// Bytes that a watched key takes beside its name: its place with the session, and with the database.
const WATCHED_OVERHEAD_BYTES: usize = 12 * size_of::<usize>();

/// The session wants to know of changes of `key` in its database.
pub fn watch(server: &mut Server, session: SessionKey, db: usize, key: &[u8]) {
    let Some(state) = server.sessions.get_mut(session) else { return };
    if state.watched.iter().any(|(d, k)| *d == db && **k == *key) {
        return;
    }
    state.watched.push((db, key.into()));
    state.watched_bytes += key.len() + WATCHED_OVERHEAD_BYTES;
    server.keyspace.db_mut(db).watch(Key::new(key), session);
}

/// The session watches nothing any more.
pub fn unwatch(server: &mut Server, session: SessionKey) {
    let Some(state) = server.sessions.get_mut(session) else { return };
    state.clear(session_flag::WATCH_BROKEN);
    state.watched_bytes = 0;
    for (db, key) in std::mem::take(&mut state.watched) {
        server.keyspace.db_mut(db).unwatch(&key, session);
    }
}

/// While its queue runs, the client is shown as one in a transaction of that many commands.
fn begin_running(server: &mut Server, key: SessionKey, transaction: &Transaction) {
    if let Some(session) = server.sessions.get_mut(key) {
        session.set(session_flag::EXECUTING);
        let (running, queue_bytes) = (transaction.queue.len(), transaction.queue_bytes);
        session.transaction = Some(Box::new(Transaction { queue: Vec::new(), queue_bytes, running }));
    }
}

/// EXEC: runs what was queued, one after the other, at one `now`.
pub fn exec(call: &mut Call, server: &mut Server, world: &mut dyn World) -> Outcome {
    let key = call.session;
    let session = server.sessions.get_mut(key).expect("the session at hand");
    if !session.has(session_flag::IN_TRANSACTION) {
        return Err(Stop::error("ERR EXEC without MULTI"));
    }
    let (is_broken, is_changed) =
        (session.has(session_flag::TRANSACTION_BROKEN), session.has(session_flag::WATCH_BROKEN));
    let transaction = session.transaction.take().unwrap_or_default();
    // What is watched is let go before anything runs: the transaction's own changes are no reason to tell anybody.
    let watch_expired = server.watched_key_is_due(key);
    discard(server, key);
    if is_broken {
        return Err(Stop::error("EXECABORT Transaction discarded because of previous errors."));
    }
    if is_changed || watch_expired {
        call.reply.null_array();
        return Ok(());
    }
    begin_running(server, key, &transaction);
    server.journal.begin();
    call.reply.array(transaction.queue.len());
    let mut refused = 0;
    for (id, request) in &transaction.queue {
        // The rules may have changed since, and so may the session's user.
        if permissions::is_restricted(server, key)
            && let Err(denial) =
                permissions::check(server, call.commands, key, *id, request.args(), AclContext::Transaction)
        {
            let text = permissions::text_at_exec(denial);
            call.reply.error(&text);
            server.observe.note_error(text.as_bytes());
            refused += 1;
            continue;
        }
        let mut context = Context {
            commands: call.commands,
            settings: call.settings,
            random: call.random,
            propagation: call.propagation,
            rest: call.rest,
        };
        dispatch::run_nested(&mut context, server, world, key, *id, request.args(), call.reply.output());
    }
    server.journal.end();
    call.propagation.suppress();
    discard(server, key);
    server.observe.commands[call.command_id].failed_calls += u64::from(refused > 0);
    Ok(())
}
