//! Running scripts and functions: what they may do with the server, and what is done around a run.
//!
//! ```text
//! EVAL, FCALL ──▶ admit ──▶ Engine::run ◀──words, reply──▶ Stage (Host) ──▶ dispatch::run_nested
//!                              │ every so many instructions          └ breathe ──▶ others are served, once it takes long
//!                              ▼
//!                  value or failure ──▶ reply
//! ```

use std::borrow::Cow;
use std::cell::Cell;
use std::rc::Rc;

use super::batch::Batch;
use super::call::{Call, Outcome, Stop};
use super::command::Row;
use super::dispatch::{self, Context};
use super::gates::{MASTER_DOWN, NO_REPLICAS, READ_ONLY, misconf};
use super::{cluster_ops, memory, observe_call, permissions, readers};
use crate::acl::Context as AclContext;
use crate::base::clock::Clock;
use crate::keyspace::SessionKey;
use crate::protocol::args::{Args, OwnedRequest};
use crate::protocol::output::Output;
use crate::protocol::reply::Reply;
use crate::script::library::Registry;
use crate::script::to_reply::ValueWriter;
use crate::script::{self, flags::flag as script_flag};
use crate::script::{Breath, Compiled, Engine, Failure, Host, Journals, Running};
use crate::server::journal::Readers;
use crate::server::session::{HELD, flag as session_flag};
use crate::server::{Server, World, standing};
use crate::spec::flag;

/// How long a library may take to load.
const LOAD_NS_MAX: u64 = 500_000_000;

const OUT_OF_MEMORY: &str = "OOM command not allowed when used memory > 'maxmemory'.";

const STALE_SCRIPT: &str = "MASTERDOWN Link with MASTER is down, replica-serve-stale-data is set to 'no' and 'allow-stale' flag \
    is not set on the script.";

/// What is to be run.
pub struct Job<'j> {
    pub engine: Rc<Engine>,
    pub function: &'j Compiled,
    /// The SHA-1 of a script, the name of a function.
    pub name: &'j [u8],
    /// `script::flags::flag` bits.
    pub flags: u32,
    pub is_eval: bool,
    /// By a command that only reads.
    pub reads_only: bool,
}

/// Runs a script or function for `call`; words 3 on are `keys` keys, then arguments.
pub fn run(call: &mut Call, server: &mut Server, world: &mut dyn World, job: &Job, keys: usize) -> Outcome {
    let is_out_of_memory = !memory::make_room(server, call.settings, Some(call.session));
    admit(server, job, is_out_of_memory, server.is_master(call.session))?;
    if server.standing & standing::CLUSTER_SAMPLE != 0 {
        cluster_ops::note_script(server, job.flags);
    }
    if server.standing & standing::MONITORED != 0 {
        // The call is told before the commands that it calls.
        observe_call::tell_monitors(call.commands, server, call.session, call.command_id, call.args);
    }
    let (key, words) = (call.session, call.args);
    let framed = server.journal.begin_nested();
    server.scripts.running = Some(Running {
        caller: key,
        name: job.name.to_vec(),
        is_eval: job.is_eval,
        started_cycles: server.clock.cycles(),
        seen_wall_us: Cell::default(),
        wrote: false,
        is_killed: false,
        is_busy: false,
        command: OwnedRequest::default(),
    });
    if let Some(session) = server.sessions.get_mut(key) {
        session.set(session_flag::IN_SCRIPT);
    }
    let declared = job.flags & script_flag::UNDECLARED == 0;
    let is_restricted = permissions::is_restricted(server, key);
    let mut stage = Stage {
        is_restricted,
        context: Context {
            commands: call.commands,
            settings: call.settings,
            random: call.random,
            propagation: call.propagation,
            rest: call.rest,
        },
        server,
        world,
        key,
        words,
        flags: job.flags,
        reads_only: job.reads_only || declared && job.flags & script_flag::NO_WRITES != 0,
        denies_growth: is_out_of_memory && !(declared && job.flags & script_flag::ALLOW_OOM != 0),
        batch: None,
    };
    let word = |index: usize| words.get(index);
    let result = job.engine.run(job.function, (3..3 + keys).map(word), (3 + keys..words.len()).map(word), &mut stage);
    server.scripts.running = None;
    server.set_standing(standing::BUSY, false);
    if framed {
        server.journal.end();
    }
    call.propagation.suppress();
    if let Some(session) = server.sessions.get_mut(key) {
        session.clear(session_flag::IN_SCRIPT);
        // SELECT in a script is for the script.
        session.db = call.db;
    }
    reply_with(call, server, job, result)
}

/// The flags that hold for a call: a script that declares what it does is believed.
pub fn flags_of_call(server: &Server, row: &Row, args: Args) -> u32 {
    let spec = &row.command.spec;
    let declared = match spec.name {
        "EVAL" => script::flags::of_script(args.get(1)).ok().map(|(flags, _)| flags),
        "EVALSHA" => server.scripts.cache.flags_of(args.get(1)),
        "FCALL" => server.scripts.registry.function(args.get(1)).map(|function| function.flags),
        _ => None,
    };
    let Some(declared) = declared.filter(|flags| flags & script_flag::UNDECLARED == 0) else { return spec.flags };
    let mut flags = spec.flags & !(flag::STALE | flag::WRITE | flag::MAY_REPLICATE);
    if declared & script_flag::NO_WRITES == 0 {
        flags |= flag::WRITE;
    }
    if declared & script_flag::ALLOW_STALE != 0 {
        flags |= flag::STALE;
    }
    flags
}

/// What a script's declaration says is judged before it runs.
fn admit(server: &Server, job: &Job, is_out_of_memory: bool, is_obeyed: bool) -> Result<(), Stop> {
    let has = |bits: u32| job.flags & bits != 0;
    let is_stale = server.standing & standing::STALE != 0 && !is_obeyed;
    if has(script_flag::UNDECLARED) {
        return if is_stale { Err(Stop::error(MASTER_DOWN)) } else { Ok(()) };
    }
    if is_stale && !has(script_flag::ALLOW_STALE) {
        return Err(Stop::error(STALE_SCRIPT));
    }
    if !has(script_flag::NO_WRITES) {
        if server.standing & standing::READ_ONLY != 0 && !is_obeyed {
            return Err(Stop::error("READONLY Can not run script with write flag on readonly replica"));
        }
        if let Some(fault) = server.disk_fault() {
            return Err(Stop::error_owned(misconf(fault).as_bytes()));
        }
        if server.lacks_replicas() {
            return Err(Stop::error(NO_REPLICAS));
        }
        if job.reads_only {
            return Err(Stop::error("ERR Can not execute a script with write flag using *_ro command."));
        }
    }
    if is_out_of_memory && !has(script_flag::ALLOW_OOM | script_flag::NO_WRITES) {
        return Err(Stop::error(OUT_OF_MEMORY));
    }
    Ok(())
}

/// Writes the script's value, or its failure with the place where it failed.
fn reply_with(call: &mut Call, server: &mut Server, job: &Job, result: Result<mlua::Value, Failure>) -> Outcome {
    let failed_calls = &mut server.observe.commands[call.command_id].failed_calls;
    match result {
        Ok(value) => {
            let mut uncounted: Vec<Vec<u8>> = Vec::new();
            let mut on_error = |text: &[u8], counted: bool| match counted {
                true => *failed_calls += 1,
                false => uncounted.push(text.to_vec()),
            };
            let mut writer = ValueWriter {
                reply: &mut call.reply,
                is_script_resp3: job.engine.spoke_resp3(),
                on_error: &mut on_error,
            };
            let written = writer.write(value);
            *failed_calls += u64::from(!uncounted.is_empty());
            uncounted.iter().for_each(|text| server.observe.note_error(text));
            written.map_err(|error| Stop::error_owned(format!("ERR {error}")))
        }
        Err(failure) => {
            let mut text = failure.text;
            if let Some((source, line)) = failure.place {
                text.extend_from_slice(b" script: ");
                text.extend_from_slice(job.name);
                text.extend_from_slice(format!(", on {source}:{line}.").as_bytes());
            }
            if !failure.counted {
                return Err(Stop::error_owned(text));
            }
            *failed_calls += 1;
            call.reply.error(&text);
            Ok(())
        }
    }
}

/// The server as a script that runs has it.
struct Stage<'s> {
    context: Context<'s>,
    server: &'s mut Server,
    world: &'s mut dyn World,
    key: SessionKey,
    /// The words of the call that runs the script.
    words: Args<'s>,
    /// `script::flags::flag` bits.
    flags: u32,
    reads_only: bool,
    /// The caller's user may not do everything. (Users do not change while a script runs.)
    is_restricted: bool,
    /// Memory is full: what would grow it is refused, until the script has written.
    denies_growth: bool,
    /// For the requests of others, once the script takes long.
    batch: Option<Box<Batch>>,
}

/// Why a command may not be called, and by which number it is counted.
type Refusal = (Option<usize>, Cow<'static, [u8]>);

impl Stage<'_> {
    /// The number of the command that these words mean, if it may be called.
    #[inline]
    fn resolve(&mut self, words: Args) -> Result<usize, Refusal> {
        let refuse = |id, text: &'static str| Err((id, text.as_bytes().into()));
        let commands = self.context.commands;
        let Some(id) = commands.find_words(words) else {
            return refuse(None, "ERR Unknown Redis command called from script");
        };
        let spec = &commands.row(id).command.spec;
        if !spec.accepts(words.len()) {
            return refuse(Some(id), "ERR Wrong number of args calling Redis command from script");
        }
        let delicate = flag::NOSCRIPT | flag::WRITE | flag::DENYOOM | flag::MAY_REPLICATE;
        let is_stale = self.server.standing & standing::STALE != 0;
        if spec.flags & delicate == 0 && !self.is_restricted && !is_stale {
            return Ok(id);
        }
        if spec.has(flag::NOSCRIPT) && !self.server.scripts.allows_every_command {
            return refuse(Some(id), "ERR This Redis command is not allowed from script");
        }
        if self.is_restricted
            && let Err(denial) = permissions::check(self.server, commands, self.key, id, words, AclContext::Script)
        {
            let text = permissions::text(self.server, self.key, id, denial);
            return Err((Some(id), [b"ERR ACL failure in script: ", &*text].concat().into()));
        }
        if is_stale && !spec.has(flag::STALE) && !self.server.is_master(self.key) {
            return refuse(Some(id), "ERR Can not execute the command on a stale replica");
        }
        match self.refusal(spec.flags) {
            Some(Cow::Borrowed(text)) => refuse(Some(id), text),
            Some(Cow::Owned(text)) => Err((Some(id), text.into_bytes().into())),
            None => Ok(id),
        }
    }

    fn refusal(&self, flags: u32) -> Option<Cow<'static, str>> {
        let server = &*self.server;
        let wrote = server.scripts.running.as_ref().is_some_and(|running| running.wrote);
        if flags & (flag::WRITE | flag::MAY_REPLICATE) != 0 && self.reads_only {
            return Some("ERR Write commands are not allowed from read-only scripts.".into());
        }
        if flags & flag::WRITE != 0 {
            if server.standing & standing::READ_ONLY != 0 && !server.is_master(self.key) {
                return Some(READ_ONLY.into());
            }
            // Who has begun to write may end what it began.
            if server.standing & standing::NO_WRITES != 0 && !wrote {
                return Some(server.disk_fault().map_or(NO_REPLICAS.into(), misconf));
            }
        }
        (self.denies_growth && flags & flag::DENYOOM != 0 && !wrote).then_some(OUT_OF_MEMORY.into())
    }

    /// A command that may not be called: counted, and answered.
    #[cold]
    fn refuse(&mut self, (id, text): Refusal, is_resp3: bool, out: &mut Output) {
        if let Some(id) = id {
            self.server.observe.commands[id].rejected_calls += 1;
        }
        self.server.observe.note_error(&text);
        Reply::new(out, is_resp3).error(&text);
    }

    /// Others are served while the script goes on, as far as that needs nothing of what it holds.
    fn serve_others(&mut self) {
        // Who waits is served when the script is done, not between two of its commands.
        let ready = std::mem::take(&mut self.server.ready);
        let mut with_news = self.context.rest.take().map_or_else(Vec::new, |rest| rest.hand_back(self.server));
        with_news.extend(self.world.read_while_busy(self.server));
        let batch = self.batch.get_or_insert_default();
        for key in with_news {
            let Some(session) = self.server.sessions.get(key) else { continue };
            // Whose requests were parsed with the script's own has to wait for them.
            if key == self.key || session.has(HELD | session_flag::IN_BATCH) {
                continue;
            }
            batch.take_pending(&self.context, self.server, key);
            batch.execute(&mut self.context, self.server, self.world);
        }
        self.server.ready.splice(0..0, ready);
        // What others are about to be told is kept first, as at the end of a turn. What the script did is in its frame still.
        if readers::drain(self.server, self.world).is_ok() {
            self.world.write_while_busy(self.server);
        }
    }

    /// The script runs for too long: from here on others are told so.
    #[cold]
    fn become_busy(&mut self, elapsed_ms: u64) {
        let Some(running) = &mut self.server.scripts.running else { return };
        running.is_busy = true;
        running.command = self.words.to_owned();
        let verb = if running.is_eval { "SCRIPT KILL" } else { "FUNCTION KILL" };
        log::warn!(
            "Slow script detected: still in execution after {elapsed_ms} milliseconds. You can try killing the script using \
             the {verb} command. Script name is: {}.",
            String::from_utf8_lossy(&running.name)
        );
        self.server.set_standing(standing::BUSY, true);
    }
}

impl Host for Stage<'_> {
    fn call(&mut self, words: Args, is_resp3: bool, journals: Journals, out: &mut Output) {
        let id = match self.resolve(words) {
            Ok(id) => id,
            Err(refusal) => return self.refuse(refusal, is_resp3, out),
        };
        if self.context.commands.row(id).command.spec.flags & flag::WRITE != 0
            && let Some(running) = &mut self.server.scripts.running
        {
            running.wrote = true;
        }
        if self.server.standing & standing::CLUSTER_SAMPLE != 0 {
            cluster_ops::note_script_call(self.server, self.context.commands, self.flags, id, words);
        }
        let Some(session) = self.server.sessions.get_mut(self.key) else { return };
        let spoken = std::mem::replace(&mut session.is_resp3, is_resp3);
        self.server.journal.allowed = Readers::of(journals.to_file, journals.to_replicas);
        dispatch::run_nested(&mut self.context, self.server, self.world, self.key, id, words, out);
        self.server.journal.allowed = Readers::ALL;
        if let Some(session) = self.server.sessions.get_mut(self.key) {
            session.is_resp3 = spoken;
        }
    }

    fn may_call(&mut self, words: Args) -> Option<bool> {
        let id = self.context.commands.find_words(words)?;
        let user = self.server.sessions.get(self.key)?.user;
        Some(self.server.acl.check(user, id, words).is_ok())
    }

    fn breathe(&mut self) -> Breath {
        let Some(running) = &self.server.scripts.running else { return Breath::GoOn };
        if !running.is_busy {
            let threshold_ms = self.server.settings.busy_reply_threshold_ms;
            let elapsed_ms = running.elapsed_ms(&self.server.clock);
            if threshold_ms <= 0 || elapsed_ms < threshold_ms as u64 {
                return Breath::GoOn;
            }
            self.become_busy(elapsed_ms);
        }
        self.serve_others();
        let Some(running) = &self.server.scripts.running else { return Breath::GoOn };
        // While replicas are waited for there is time for the script, too.
        let is_left = self.server.shutdown.as_ref().is_some_and(|shutdown| shutdown.waits_until.is_none());
        if !running.is_killed && !is_left {
            return Breath::GoOn;
        }
        let text = match running.is_eval {
            true => "ERR Script killed by user with SCRIPT KILL...",
            false => "ERR Script killed by user with FUNCTION KILL...",
        };
        log::info!("{}", &text[4..]);
        Breath::End(text)
    }
}

/// SCRIPT KILL and FUNCTION KILL: asks for the end of what runs.
pub fn kill(server: &mut Server, kills_eval: bool) -> Result<(), Stop> {
    let Some(running) = &mut server.scripts.running else {
        return Err(Stop::error("NOTBUSY No scripts in execution right now."));
    };
    if running.wrote {
        return Err(Stop::error(
            "UNKILLABLE Sorry the script already executed write commands against the dataset. You can either wait the \
             script termination or kill the server in a hard way using the SHUTDOWN NOSAVE command.",
        ));
    }
    if running.is_eval != kills_eval {
        return Err(busy_error(server));
    }
    running.is_killed = true;
    Ok(())
}

/// What others are told while a script runs for too long.
pub fn busy_error(server: &Server) -> Stop {
    let is_eval = server.scripts.running.as_ref().is_none_or(|running| running.is_eval);
    Stop::error(match is_eval {
        true => "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.",
        false => "BUSY Redis is busy running a script. You can only call FUNCTION KILL or SHUTDOWN NOSAVE.",
    })
}

/// The host of a library that loads: it calls nothing, and has little time.
struct Loader<'l> {
    clock: &'l Clock,
    until_ns: u64,
}

impl Host for Loader<'_> {
    fn call(&mut self, _: Args, is_resp3: bool, _: Journals, out: &mut Output) {
        Reply::new(out, is_resp3).error("ERR redis.call/pcall can only be called inside a script invocation");
    }

    fn may_call(&mut self, _: Args) -> Option<bool> {
        None
    }

    fn breathe(&mut self) -> Breath {
        if self.clock.monotonic_ns() > self.until_ns { Breath::End("ERR FUNCTION LOAD timeout") } else { Breath::GoOn }
    }
}

/// Loads a library and gives its name; errors are texts without a code.
pub fn load_library(server: &mut Server, code: &[u8], replaces: bool) -> Result<Vec<u8>, Vec<u8>> {
    let mut registry = std::mem::take(&mut server.scripts.registry);
    let loaded = load_into(&mut registry, server, code, replaces);
    server.scripts.registry = registry;
    loaded
}

/// Loads a library into a registry that is not the server's yet.
pub fn load_into(
    registry: &mut Registry,
    server: &mut Server,
    code: &[u8],
    replaces: bool,
) -> Result<Vec<u8>, Vec<u8>> {
    let engine = Rc::clone(server.scripts.functions());
    let until_ns = server.clock.monotonic_ns().saturating_add(LOAD_NS_MAX);
    registry.load(&engine, &mut Loader { clock: &server.clock, until_ns }, code, replaces)
}

/// What a dump brought becomes libraries. `merges`: beside those that are there, whose names it may take.
pub fn load_from_dump(server: &mut Server, keeps: bool, merges: bool) -> Result<(), String> {
    let codes = std::mem::take(&mut server.persist.libraries);
    if !keeps {
        server.scripts.flush_functions(false);
    }
    let mut registry = Registry::default();
    let loaded = codes.iter().try_for_each(|code| load_into(&mut registry, server, code, false).map(drop));
    let joined = loaded.and_then(|()| server.scripts.registry.join(registry, merges));
    joined.map_err(|text| String::from_utf8_lossy(&text).into_owned())
}
