//! One command from its words to its effects: resolve, ask the gates, run, count, hand on.
//!
//! ```text
//! words → row (subcommand, arity) → gates → handler → effects → outbox → waiters
//! ```

use std::cell::Cell;
use std::rc::Rc;

use super::batch::Rest;
use super::blocking;
use super::call::{Block, Call, Outcome, SHOWN_BYTES_MAX, Stop, fault, shown};
use super::cluster_ops;
use super::command::{CommandTable, Run};
use super::effects;
use super::gates::{self, Verdict, Visitor};
use super::observe_call;
use super::replication;
use super::tracking;
use super::transactions;
use crate::base::random::Random;
use crate::config::Settings;
use crate::keyspace::effects::Gone;
use crate::keyspace::{Db, SessionKey};
use crate::protocol::args::Args;
use crate::protocol::output::Output;
use crate::protocol::reply::Reply;
use crate::server::journal::Propagation;
use crate::server::session::{HELD, flag as session_flag};
use crate::server::{Server, Session, World, standing};
use crate::spec::flag;

/// What every call borrows from the dispatcher.
pub struct Context<'c> {
    pub commands: &'c CommandTable,
    pub settings: &'c Settings,
    pub random: &'c mut Random,
    pub propagation: &'c mut Propagation,
    /// What was parsed behind the session at hand.
    pub rest: Option<&'c Rest<'c>>,
}

/// What the dispatcher owns from tick to tick.
pub struct Dispatcher {
    pub commands: Rc<CommandTable>,
    pub settings: Rc<Settings>,
    random: Random,
    propagation: Propagation,
}

impl Dispatcher {
    pub fn new(commands: Rc<CommandTable>, settings: Rc<Settings>, random: Random) -> Dispatcher {
        Dispatcher { commands, settings, random, propagation: Propagation::default() }
    }

    pub fn context(&mut self) -> Context<'_> {
        Context {
            commands: &self.commands,
            settings: &self.settings,
            random: &mut self.random,
            propagation: &mut self.propagation,
            rest: None,
        }
    }
}

/// A parsed request on its way.
#[derive(Clone, Copy)]
pub struct Request<'r> {
    pub args: Args<'r>,
    /// Number of the command; `None`: unknown.
    pub id: Option<usize>,
    /// Hash of the first key, when the row has one at a fixed place.
    pub key_hash: u64,
}

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Done {
    /// It was answered, or waits for a key.
    Ran,
    /// It may not run now: its bytes are to be kept.
    Held,
    /// There is no such session any more.
    Gone,
}

/// Runs one request of a client session, from the gates to the waiters.
#[inline]
pub fn run(
    context: &mut Context,
    server: &mut Server,
    world: &mut dyn World,
    key: SessionKey,
    request: Request,
) -> Done {
    let Some(session) = server.sessions.get_mut(key) else { return Done::Gone };
    if session.has(HELD) {
        return Done::Held;
    }
    session.commands += 1;
    let start = session.out.mark();
    let resolved = match request.id.map(|id| (id, context.commands.row(id))) {
        // Nearly every request: a command that is there, without subcommands, with as many words as it takes.
        Some((id, row)) if row.children.is_empty() && row.accepts(request.args.len()) => Ok(id),
        _ => resolve(context.commands, request),
    };
    let id = match resolved {
        Ok(id) => id,
        Err((id, stop)) => {
            refuse(context.commands, server, key, id, stop);
            return finish_run(context, server, world, key, start, None);
        }
    };
    let row = context.commands.row(id);
    let conditions = gates::conditions(server.standing, session, row.command.spec.flags);
    if conditions != 0 {
        let (settings, commands) = (context.settings, context.commands);
        let mut visitor = Visitor { server, world, settings, commands, session: key, row, id, args: request.args };
        match gates::ask(conditions, &mut visitor) {
            Verdict::Pass => {}
            Verdict::Hold => {
                hold(server, key);
                return Done::Held;
            }
            Verdict::Gone => return Done::Gone,
            Verdict::Queued => {
                finish_reply(context.commands, server, key, start, None);
                return Done::Ran;
            }
            Verdict::Refuse(stop) => {
                refuse(context.commands, server, key, Some(id), stop);
                finish_reply(context.commands, server, key, start, None);
                return Done::Ran;
            }
        }
    }
    // A subcommand has its key elsewhere than its container, for which the hash was computed.
    let request = if request.id == Some(id) { request } else { nested_request(context, id, request.args) };
    if let Run::Data(handler) = row.command.run
        && conditions & !gates::RESTRICTED == 0
    {
        run_data(context, server, key, id, handler, request);
        return finish_run(context, server, world, key, start, Some((id, request.args)));
    }
    run_client_command(context, server, world, key, id, request);
    finish_run(context, server, world, key, start, Some((id, request.args)))
}

/// What follows every command of a client: its reply, messages to others, those who wait.
#[inline]
fn finish_run(
    context: &mut Context,
    server: &mut Server,
    world: &mut dyn World,
    key: SessionKey,
    start: crate::protocol::output::Mark,
    ran: Option<(usize, Args)>,
) -> Done {
    finish_reply(context.commands, server, key, start, ran);
    if !server.outbox.is_empty() {
        effects::drain_outbox(server);
    }
    if !server.ready.is_empty() {
        blocking::serve(context, server, world);
        effects::drain_outbox(server);
    }
    Done::Ran
}

/// The row that a request means, or the error that it is answered with.
#[inline(never)]
fn resolve(commands: &CommandTable, request: Request) -> Result<usize, (Option<usize>, Stop)> {
    let Some(mut id) = request.id else { return Err((None, unknown_command(request.args))) };
    let mut row = commands.row(id);
    if !row.children.is_empty() && request.args.len() > 1 {
        match commands.find_subcommand(id, request.args.get(1)) {
            Some(child) => {
                id = child;
                row = commands.row(id);
            }
            None => {
                let name = shown(request.args.get(1), SHOWN_BYTES_MAX);
                let help = format!("'. Try {} HELP.", row.command.spec.name);
                let text = [b"ERR unknown subcommand '", name, help.as_bytes()].concat();
                // It counts for no command, as in Redis.
                return Err((None, Stop::error_owned(text)));
            }
        }
    }
    if !row.accepts(request.args.len()) {
        let text = format!("ERR wrong number of arguments for '{}' command", row.full_name);
        return Err((Some(id), Stop::error_owned(text)));
    }
    Ok(id)
}

#[cold]
fn unknown_command(args: Args) -> Stop {
    let mut text = b"ERR unknown command '".to_vec();
    text.extend_from_slice(shown(args.get(0), SHOWN_BYTES_MAX));
    text.extend_from_slice(b"', with args beginning with: ");
    let mut echoed = 0;
    for word in args.iter().skip(1) {
        if echoed >= SHOWN_BYTES_MAX {
            break;
        }
        let piece = shown(word, SHOWN_BYTES_MAX - echoed);
        text.push(b'\'');
        text.extend_from_slice(piece);
        text.extend_from_slice(b"' ");
        echoed += piece.len() + 3;
    }
    Stop::Error(text.into())
}

/// The session's requests wait for the end of the pause.
fn hold(server: &mut Server, key: SessionKey) {
    if let Some(session) = server.sessions.get_mut(key) {
        session.set(session_flag::PAUSED);
        session.commands -= 1;
        server.paused.push(key);
    }
}

/// Answers with an error that a gate, or the lack of a row, gave. An EXEC that is refused ends its transaction.
#[cold]
fn refuse(commands: &CommandTable, server: &mut Server, key: SessionKey, id: Option<usize>, stop: Stop) {
    let Stop::Error(mut text) = stop else { unreachable!("gates refuse with errors") };
    if let Some(id) = id {
        server.observe.commands[id].rejected_calls += 1;
        if commands.row(id).command.spec.name == "EXEC" {
            transactions::discard(server, key);
            let reason = text.strip_prefix(b"ERR ").unwrap_or(&text);
            text = [b"EXECABORT Transaction discarded because of: ", reason].concat().into();
        }
    }
    server.observe.note_error(&text);
    if let Some(session) = server.sessions.get_mut(key) {
        session.last_command = id.unwrap_or(usize::MAX);
        if session.has(session_flag::IN_TRANSACTION) {
            session.set(session_flag::TRANSACTION_BROKEN);
        }
        Reply::new(&mut session.out, session.is_resp3).error(&text);
    }
}

/// Flags of a session that make the end of its commands another one than usual.
const UNUSUAL_END: u32 = session_flag::REPLY_OFF
    | session_flag::REPLY_SKIP
    | session_flag::REPLY_SKIP_NEXT
    | session_flag::CACHING_GIVEN
    | session_flag::REPLICA;

/// A replica reads a stream: a reply would tear it. Only what begins the stream, or lets it go on, answers.
#[cold]
fn part_from_replica(
    commands: &CommandTable,
    server: &mut Server,
    key: SessionKey,
    start: crate::protocol::output::Mark,
    ran: Option<(usize, Args)>,
) {
    let begins = ran.is_some_and(|(id, _)| matches!(commands.row(id).command.spec.name, "SYNC" | "PSYNC" | "REPLCONF"));
    let Some(session) = server.sessions.get_mut(key) else { return };
    if begins || session.out.len_since(start) == 0 {
        return;
    }
    session.out.truncate(start);
    let name = commands.rows().get(session.last_command).map_or("unknown", |row| row.full_name.as_str());
    let mut line = String::new();
    if let Some(session) = server.sessions.get(key) {
        super::describe_client::describe(&mut line, session, server, commands);
    }
    log::warn!("Replica generated a reply to command '{name}', disconnecting it: {line}");
    server.sessions.queue_close(key);
}

/// CLIENT CACHING counts for the next command that is not CLIENT, or for the next transaction.
fn end_caching(commands: &CommandTable, session: &mut Session) {
    let parent = commands.rows().get(session.last_command).and_then(|row| row.parent);
    let is_client = parent.is_some_and(|parent| commands.row(parent).command.spec.name == "CLIENT");
    if !is_client && !session.has(session_flag::IN_TRANSACTION) {
        session.clear(session_flag::CACHING_GIVEN);
    }
}

/// The end of a command of a session that has one of the flags `UNUSUAL_END`.
#[cold]
fn end_unusually(
    commands: &CommandTable,
    server: &mut Server,
    key: SessionKey,
    start: crate::protocol::output::Mark,
    ran: Option<(usize, Args)>,
) {
    let Some(session) = server.sessions.get(key) else { return };
    if session.has(session_flag::REPLICA) {
        part_from_replica(commands, server, key, start, ran);
    } else if session.has(session_flag::MASTER) {
        let name = ran.map_or("<unknown>", |(id, _)| commands.row(id).full_name.as_str());
        replication::stream_answered(server, key, name);
    }
    let Some(session) = server.sessions.get_mut(key) else { return };
    end_caching(commands, session);
    if session.has(session_flag::REPLY_OFF | session_flag::REPLY_SKIP) {
        session.out.truncate(start);
    }
    session.clear(session_flag::REPLY_SKIP);
    if session.has(session_flag::REPLY_SKIP_NEXT) {
        session.clear(session_flag::REPLY_SKIP_NEXT);
        session.set(session_flag::REPLY_SKIP);
    }
}

/// What is done with a reply once it stands in the session's output.
#[inline]
fn finish_reply(
    commands: &CommandTable,
    server: &mut Server,
    key: SessionKey,
    start: crate::protocol::output::Mark,
    ran: Option<(usize, Args)>,
) {
    let Some(mut session) = server.sessions.get_mut(key) else { return };
    if session.has(UNUSUAL_END) {
        end_unusually(commands, server, key, start, ran);
        let Some(found) = server.sessions.get_mut(key) else { return };
        session = found;
    }
    let unsent = session.out.len();
    let is_last = session.has(session_flag::CLOSE_AFTER_REPLY);
    if unsent > 0 && !session.has(session_flag::WRITE_QUEUED) {
        session.set(session_flag::WRITE_QUEUED);
        server.sessions.to_write.push(key);
    }
    if unsent == 0 && is_last {
        server.sessions.queue_close(key);
    } else if unsent >= server.output_check_bytes {
        look_at_output(commands, server, key, start, ran);
    }
}

/// A session has much to be sent: the command at hand may be the reason, and there may be limits.
#[cold]
fn look_at_output(
    commands: &CommandTable,
    server: &mut Server,
    key: SessionKey,
    start: crate::protocol::output::Mark,
    ran: Option<(usize, Args)>,
) {
    if let (Some((id, args)), Some(session)) = (ran, server.sessions.get(key)) {
        let bytes = session.out.len_since(start) as u64;
        if bytes >= server.observe.large_reply_from {
            observe_call::note_large_reply(commands, server, key, id, args, bytes);
        }
    }
    super::output_limits::check(server, key);
}

/// The short way of nearly every request: a command on one database, with no gate closed. Its reply goes straight into the
/// session's output, because the handler has no way to reach the session.
#[inline]
fn run_data(
    context: &mut Context,
    server: &mut Server,
    key: SessionKey,
    id: usize,
    handler: fn(&mut Call, &mut Db) -> Outcome,
    request: Request,
) {
    let began = server.last_cycles;
    let journalled = server.journal.is_read();
    context.propagation.reset(journalled);
    let Some(session) = server.sessions.get_mut(key) else { return };
    session.last_command = id;
    if session.out.bytes.capacity() == 0 {
        session.out.bytes = server.spare_buffers.pop().unwrap_or_default();
    }
    let (db, session_flags) = (session.db, session.flags);
    server.keyspace.set_now(server.now);
    server.keyspace.set_finds_due(session.has(session_flag::MASTER));
    let database = server.keyspace.db_mut(db);
    database.rules.touches = !session.has(session_flag::NO_TOUCH);
    let mut call = Call {
        args: request.args,
        reply: Reply::new(&mut session.out, session.is_resp3),
        now: server.now,
        session: key,
        db,
        session_flags,
        may_block: true,
        settings: context.settings,
        random: context.random,
        propagation: context.propagation,
        commands: context.commands,
        key_hash: request.key_hash,
        // Of a subcommand's key no hash was computed while parsing.
        first_key: if request.id == Some(id) { context.commands.row(id).first_key } else { 0 },
        command_id: id,
        rest: context.rest,
        beyond_cluster: Cell::new(0),
    };
    let outcome = handler(&mut call, database);
    let is_framed = journalled && frame_lost_fields(server, db);
    let changes = effects::hand_on(server, db, Some(key));
    if journalled && (changes > 0 || !context.propagation.is_plain()) {
        journal(server, context.propagation, key, db, request.args, changes > 0);
    }
    if is_framed {
        server.journal.end();
    }
    let now = server.clock.cycles();
    server.last_cycles = now;
    let ns = server.clock.cycles_to_ns(now.wrapping_sub(began));
    match outcome {
        Ok(()) => count(context, server, key, id, request.args, ns),
        Err(Stop::Block(block)) => {
            note_wait(context, server, key, id, request.args);
            blocking::park(server, key, db, *block, id, request.args);
        }
        Err(Stop::Error(text)) => {
            count_failure(server, id, &text);
            if let Some(session) = server.sessions.get_mut(key) {
                Reply::new(&mut session.out, session.is_resp3).error(&text);
            }
            count(context, server, key, id, request.args, ns);
        }
    }
}

/// One call of a command, of `ns` nanoseconds.
#[inline]
fn count(context: &Context, server: &mut Server, key: SessionKey, id: usize, args: Args, ns: u64) {
    let tracks_latency = server.observe.tracks_latency;
    server.observe.commands[id].record(ns, tracks_latency);
    if server.observe.wants_call(ns) || server.standing & standing::MONITORED != 0 {
        observe_call::note(context, server, key, id, args, ns);
    }
}

#[cold]
fn count_failure(server: &mut Server, id: usize, text: &[u8]) {
    server.observe.commands[id].failed_calls += 1;
    server.observe.note_error(text);
}

/// A command begins to wait: those who watch see it now.
#[cold]
fn note_wait(context: &Context, server: &mut Server, key: SessionKey, id: usize, args: Args) {
    if server.standing & standing::MONITORED != 0 {
        observe_call::note_wait(context, server, key, id, args);
    }
}

/// Runs a command whose reply goes to the session's own output; parks the session if the command waits.
fn run_client_command(
    context: &mut Context,
    server: &mut Server,
    world: &mut dyn World,
    key: SessionKey,
    id: usize,
    request: Request,
) {
    let Some(session) = server.sessions.get_mut(key) else { return };
    session.last_command = id;
    // The output leaves the session while the command runs, so that a handler may have the whole server.
    let mut out = std::mem::take(&mut session.out);
    if out.bytes.capacity() == 0 {
        out.bytes = server.spare_buffers.pop().unwrap_or_default();
    }
    let db = session.db;
    let outcome = call_and_count(context, server, world, key, id, request, true, &mut out);
    if let Some(session) = server.sessions.get_mut(key) {
        // A handler may have put something into the session's own queue (never before its reply).
        if !session.out.is_empty() {
            out.append(&session.out);
        }
        session.out = out;
    }
    if let Err(Stop::Block(block)) = outcome {
        blocking::park(server, key, db, *block, id, request.args);
    }
}

/// Runs a command of a transaction (or script): its reply goes to `out`, and it never waits.
pub fn run_nested(
    context: &mut Context,
    server: &mut Server,
    world: &mut dyn World,
    key: SessionKey,
    id: usize,
    args: Args,
    out: &mut Output,
) {
    let request = nested_request(context, id, args);
    let before = out.len();
    let outcome = call_and_count(context, server, world, key, id, request, false, out);
    let bytes = (out.len() - before) as u64;
    if bytes >= server.observe.large_reply_from {
        observe_call::note_large_reply(context.commands, server, key, id, args, bytes);
    }
    if let Err(Stop::Block(block)) = outcome {
        let is_resp3 = server.sessions.get(key).is_some_and(|s| s.is_resp3);
        block.when_denied.answer(&mut Reply::new(out, is_resp3));
    }
}

/// Runs a waiter's command again; gives back what it waits for if it would wait on (nothing was written then).
pub fn run_waiter(
    context: &mut Context,
    server: &mut Server,
    world: &mut dyn World,
    key: SessionKey,
    id: usize,
    args: Args,
    out: &mut Output,
) -> Option<Block> {
    let request = nested_request(context, id, args);
    match call_and_count(context, server, world, key, id, request, true, out) {
        Err(Stop::Block(block)) => Some(*block),
        _ => None,
    }
}

/// Runs a command of the append-only file: no gate keeps it out, nothing counts it, and its reply is nobody's. Gives back its error.
pub fn replay(
    context: &mut Context,
    server: &mut Server,
    world: &mut dyn World,
    key: SessionKey,
    id: usize,
    args: Args,
    out: &mut Output,
) -> Option<std::borrow::Cow<'static, [u8]>> {
    let request = nested_request(context, id, args);
    match call(context, server, world, key, id, request, false, out) {
        Err(Stop::Error(text)) => Some(text),
        _ => None,
    }
}

fn nested_request<'r>(context: &Context, id: usize, args: Args<'r>) -> Request<'r> {
    let first_key = context.commands.row(id).first_key;
    let key_hash =
        if first_key > 0 && first_key < args.len() { crate::base::hash::hash(args.get(first_key)) } else { 0 };
    Request { args, id: Some(id), key_hash }
}

/// Runs the handler, times it, and writes its error if it has one. A wait is handed back.
#[allow(clippy::too_many_arguments)]
#[inline]
fn call_and_count(
    context: &mut Context,
    server: &mut Server,
    world: &mut dyn World,
    key: SessionKey,
    id: usize,
    request: Request,
    may_block: bool,
    out: &mut Output,
) -> Outcome {
    let (began, before) = (server.last_cycles, out.len());
    let outcome = call(context, server, world, key, id, request, may_block, out);
    let now = server.clock.cycles();
    server.last_cycles = now;
    let ns = server.clock.cycles_to_ns(now.wrapping_sub(began));
    match outcome {
        Ok(()) => {}
        Err(Stop::Block(_)) => {
            note_wait(context, server, key, id, request.args);
            return outcome;
        }
        Err(Stop::Error(text)) => {
            count_failure(server, id, &text);
            let is_resp3 = server.sessions.get(key).is_some_and(|s| s.is_resp3);
            Reply::new(out, is_resp3).error(&text);
        }
    }
    count(context, server, key, id, request.args, ns);
    if server.standing & standing::HOTKEYS != 0 {
        let reply_bytes = (out.len() - before) as u64;
        observe_call::note_hot_keys(context.commands, server, id, request.args, ns, reply_bytes);
    }
    Ok(())
}

/// Runs the handler and hands on its effects.
#[allow(clippy::too_many_arguments)]
#[inline]
fn call(
    context: &mut Context,
    server: &mut Server,
    world: &mut dyn World,
    key: SessionKey,
    id: usize,
    request: Request,
    may_block: bool,
    out: &mut Output,
) -> Outcome {
    let row = context.commands.row(id);
    let Some(session) = server.sessions.get(key) else { return Err(fault::NO_SUCH_KEY) };
    let (db, is_resp3, session_flags) = (session.db, session.is_resp3, session.flags);
    let touches = session_flags & session_flag::NO_TOUCH == 0;
    let now = server.now;
    let journalled = server.journal.is_read();
    context.propagation.reset(journalled);
    let mut call = Call {
        args: request.args,
        reply: Reply::new(out, is_resp3),
        now,
        session: key,
        db,
        session_flags,
        may_block,
        settings: context.settings,
        random: context.random,
        propagation: context.propagation,
        commands: context.commands,
        key_hash: request.key_hash,
        first_key: row.first_key,
        command_id: id,
        rest: context.rest,
        beyond_cluster: Cell::new(0),
    };
    let mut is_framed = false;
    let is_import = server.standing & standing::IMPORTING != 0 && session_flags & session_flag::IMPORT_SOURCE != 0;
    let finds_due = is_import || session_flags & session_flag::MASTER != 0;
    // Who writes to a replica, or beside an import, of his own accord meets no key that is due: it goes first.
    let is_own_write = server.standing & (standing::OWN_WRITES | standing::IMPORTING) != 0
        && !finds_due
        && row.command.spec.has(flag::WRITE);
    if is_own_write {
        server.keyspace.set_rules(|rules| rules.may_expire = true);
    }
    server.keyspace.set_finds_due(finds_due);
    let (outcome, changes) = match row.command.run {
        Run::Data(run) => {
            server.keyspace.set_now(now);
            let database = server.keyspace.db_mut(db);
            database.rules.touches = touches;
            let outcome = run(&mut call, database);
            is_framed = journalled && frame_lost_fields(server, db);
            (outcome, effects::hand_on(server, db, Some(key)))
        }
        Run::Keyspace(run) => {
            server.keyspace.set_now(now);
            let outcome = run(&mut call, &mut server.keyspace);
            (outcome, effects::hand_on_all(server, Some(key)))
        }
        Run::Server(run) => {
            server.keyspace.set_now(now);
            let outcome = run(&mut call, server, world);
            (outcome, effects::hand_on_all(server, Some(key)))
        }
        Run::Container => (Err(fault::SYNTAX), 0),
    };
    let beyond_cluster = call.beyond_cluster.get();
    if server.standing & standing::CLUSTER_SAMPLE != 0 {
        cluster_ops::note_command(server, beyond_cluster);
    }
    if journalled && (changes > 0 || !context.propagation.is_plain()) {
        journal(server, context.propagation, key, db, request.args, changes > 0);
    }
    if is_framed {
        server.journal.end();
    }
    if is_own_write {
        server.update_expiry();
        replication::own::note(server, row, request.args, db);
    }
    if session_flags & session_flag::TRACKING != 0 {
        tracking::remember(server, key, row, request.args);
    }
    outcome
}

/// Fields of a hash that were due go to the journal as one thing with the command that met them; true if a frame was begun for that.
fn frame_lost_fields(server: &mut Server, db: usize) -> bool {
    let removals = &server.keyspace.db(db).effects.removals;
    removals.iter().any(|removal| matches!(removal.what, Gone::Fields(_))) && server.journal.begin_nested()
}

/// Writes a command that changed something, or is to be known of anyway, to the journal: as received or as its handler rewrote it.
#[cold]
fn journal(server: &mut Server, propagation: &Propagation, key: SessionKey, db: usize, args: Args, has_changes: bool) {
    match propagation.rewritten() {
        None => server.journal.record_for(propagation.readers(has_changes), db, args.iter()),
        Some(commands) => {
            // Several commands for one: they belong together.
            let framed = commands.len() > 1 && server.journal.begin_nested();
            for words in commands {
                server.journal.record(db, words.iter().map(Vec::as_slice));
            }
            if framed {
                server.journal.end();
            }
        }
    }
    let offset = server.replication_offset();
    if let Some(session) = server.sessions.get_mut(key) {
        session.write_offset = offset;
    }
}

/// True when the command may run while something long is running: for the busy turn.
pub fn runs_while_busy(commands: &CommandTable, id: usize) -> bool {
    commands.row(id).command.spec.flags & (flag::ALLOW_BUSY | flag::LOADING) != 0
}
