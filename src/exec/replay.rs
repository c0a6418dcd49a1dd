//! Replaying the append-only file: its dump by the dump's loader, its commands by the dispatcher, a piece at a time.
//!
//! ```text
//!          ┌────────── next file ◀──────────┐
//!   begin ─┴▶ "REDIS" in front? ─ yes ─▶ Dump ─▶ Commands ─▶ … ─▶ all files read: done
//!                     └──────────── no ────────▲    │
//!                                                   ├ the last file is torn: cut it, say so, done
//!                                                   └ anything else that cannot be read: fault
//! ```
//!
//! Who replays is a client without a socket. No gate keeps its commands out, nothing counts them, nobody is answered, nothing is
//! recorded (the journal is closed meanwhile), and nothing goes because its time has come: what follows was written by a server
//! that still had it.

use std::io::Cursor;

use super::dispatch::{self, Context};
use super::snapshot::library_failure;
use super::{effects, observe_call, scripts, transactions};
use crate::config::choices::PropagationErrors;
use crate::keyspace::SessionKey;
use crate::persist::aof::{self, CommandReader, Plan, PlannedFile, ReadFault, ReadNext, Tail};
use crate::persist::{LoadFailure, LoadProgress, Loading, STEP_NS_MAX, Step, delay};
use crate::protocol::output::Output;
use crate::rdb::format::{HEADER_BYTES, is_dump};
use crate::server::session::flag as session_flag;
use crate::server::{Server, World, standing};

/// Commands between two looks at the clock.
const COMMANDS_PER_LOOK: u64 = 64;

/// See the head of the file.
pub struct Replay {
    plan: Plan,
    /// The file at hand; those before it are loaded.
    index: usize,
    stage: Stage,
    /// Bytes of the files that are loaded.
    loaded_bytes: u64,
    client: SessionKey,
    /// Replies that nobody reads.
    out: Output,
    commands: u64,
    began_ns: u64,
    file_began_ns: u64,
}

enum Stage {
    /// The next file is to be opened.
    Between,
    Dump(Box<Loading>),
    Commands {
        reader: CommandReader,
        /// Where the MULTI of an unfinished transaction begins.
        transaction_at: Option<u64>,
    },
}

/// What a piece of a file came to.
enum Piece {
    Paused,
    FileDone,
}

impl Replay {
    /// Looks what there is; `None`: nothing.
    pub fn begin(server: &mut Server, world: &mut dyn World) -> Result<Option<Replay>, LoadFailure> {
        let plan = aof::find_plan(&mut server.persist.aof.manifest, &server.settings, world.persistence());
        let Some(plan) = plan.map_err(LoadFailure)? else { return Ok(None) };
        server.persist.loading = Some(LoadProgress {
            started: server.clock.wall_ms(),
            total_bytes: plan.total_bytes,
            loaded_bytes: 0,
            writer_used_memory: 0,
        });
        server.set_standing(standing::LOADING, true);
        server.journal.is_closed = true;
        server.update_expiry();
        let session = server.sessions.open_internal(server.now);
        // It is obeyed as a master is.
        session.set(session_flag::MASTER | session_flag::INTERNAL | session_flag::AUTHENTICATED);
        let client = session.key;
        let began_ns = server.clock.monotonic_ns();
        Ok(Some(Replay {
            plan,
            index: 0,
            stage: Stage::Between,
            loaded_bytes: 0,
            client,
            out: Output::default(),
            commands: 0,
            began_ns,
            file_began_ns: began_ns,
        }))
    }

    /// Goes on for a bounded time.
    pub fn step(
        &mut self,
        context: &mut Context,
        server: &mut Server,
        world: &mut dyn World,
    ) -> Result<Step, LoadFailure> {
        let until_ns = server.clock.monotonic_ns() + STEP_NS_MAX;
        let stepped = self.step_until(until_ns, context, server, world);
        if !server.outbox.is_empty() {
            effects::drain_outbox(server);
        }
        if !matches!(stepped, Ok(Step::GoesOn)) {
            self.end(server);
        }
        stepped
    }

    /// All at once, for DEBUG LOADAOF.
    pub fn run(mut self, context: &mut Context, server: &mut Server, world: &mut dyn World) -> Result<(), LoadFailure> {
        while self.step(context, server, world)? == Step::GoesOn {}
        Ok(())
    }

    fn end(&mut self, server: &mut Server) {
        server.sessions.close(self.client);
        server.persist.loading = None;
        server.set_standing(standing::LOADING, false);
        server.journal.is_closed = false;
        server.update_expiry();
        server.keyspace.dirty = 0;
    }

    fn step_until(
        &mut self,
        until_ns: u64,
        context: &mut Context,
        server: &mut Server,
        world: &mut dyn World,
    ) -> Result<Step, LoadFailure> {
        loop {
            let piece = match &mut self.stage {
                Stage::Between if self.index == self.plan.files.len() => {
                    let seconds = (server.clock.monotonic_ns() - self.began_ns) as f64 / 1e9;
                    log::info!("DB loaded from append only file: {seconds:.3} seconds");
                    let file = &mut server.persist.aof;
                    (file.size, file.base_size) = (self.loaded_bytes, self.plan.base_bytes);
                    return Ok(Step::Done);
                }
                Stage::Between => self.open(server, world)?,
                Stage::Dump(_) => self.read_dump(server, world)?,
                Stage::Commands { .. } => self.run_commands(until_ns, context, server, world)?,
            };
            match piece {
                Piece::Paused if server.clock.monotonic_ns() >= until_ns => return Ok(Step::GoesOn),
                Piece::Paused => {}
                Piece::FileDone => self.finish_file(server),
            }
        }
    }

    fn file(&self) -> &PlannedFile {
        &self.plan.files[self.index]
    }

    fn open(&mut self, server: &mut Server, world: &mut dyn World) -> Result<Piece, LoadFailure> {
        self.file_began_ns = server.clock.monotonic_ns();
        let file = self.file();
        let opened = world.persistence().open(&file.path).and_then(|(source, _)| {
            let mut reader = CommandReader::new(source, Vec::new(), 0);
            let is_dump = is_dump(reader.peek(HEADER_BYTES)?);
            Ok((reader, is_dump))
        });
        let (reader, is_dump) = opened.map_err(|error| LoadFailure(vec![aof::cannot_open(&file.name, &error)]))?;
        if !is_dump {
            self.stage = Stage::Commands { reader, transaction_at: None };
            return Ok(Piece::Paused);
        }
        if file.is_old_style {
            log::info!("Reading RDB preamble from AOF file...");
        } else {
            log::info!("Reading RDB base file on AOF loading...");
        }
        let (source, already) = reader.into_rest();
        let whole = Box::new(std::io::Read::chain(Cursor::new(already), source));
        let (persist, settings, clock) = (&mut server.persist, &server.settings, &server.clock);
        let loading = Loading::of_base(&file.path, whole, file.length, self.loaded_bytes, settings, persist, clock);
        self.stage = Stage::Dump(Box::new(loading));
        Ok(Piece::Paused)
    }

    fn read_dump(&mut self, server: &mut Server, world: &mut dyn World) -> Result<Piece, LoadFailure> {
        let Stage::Dump(loading) = &mut self.stage else { return Ok(Piece::Paused) };
        let (keyspace, persist, settings) = (&mut server.keyspace, &mut server.persist, &server.settings);
        let step = loading.step(keyspace, persist, settings, world.persistence(), &server.clock);
        let loaded = step.and_then(|step| {
            if step == Step::Done {
                scripts::load_from_dump(server, false, false).map_err(library_failure)?;
            }
            Ok(step)
        });
        match loaded {
            Ok(Step::GoesOn) => Ok(Piece::Paused),
            Ok(Step::Done) => {
                let Stage::Dump(loading) = std::mem::replace(&mut self.stage, Stage::Between) else {
                    return Ok(Piece::Paused);
                };
                let (source, already, offset) = loading.into_rest();
                if self.file().is_old_style {
                    log::info!("Reading the remaining AOF tail...");
                }
                let reader = CommandReader::new(source, already, offset);
                self.stage = Stage::Commands { reader, transaction_at: None };
                Ok(Piece::Paused)
            }
            Err(LoadFailure(mut lines)) => {
                let (what, name) =
                    (if self.file().is_old_style { "preamble of the AOF" } else { "base" }, &self.file().name);
                lines.push(format!("Error reading the RDB {what} file {name}, AOF loading aborted"));
                Err(LoadFailure(lines))
            }
        }
    }

    fn run_commands(
        &mut self,
        until_ns: u64,
        context: &mut Context,
        server: &mut Server,
        world: &mut dyn World,
    ) -> Result<Piece, LoadFailure> {
        let Stage::Commands { reader, transaction_at } = &mut self.stage else { return Ok(Piece::Paused) };
        let (fault, unknown) = loop {
            let before = reader.offset();
            match reader.read() {
                Ok(ReadNext::Annotation(_)) => continue,
                Ok(ReadNext::Command) => {}
                Ok(ReadNext::End) if transaction_at.is_some() => {
                    let name = &self.plan.files[self.index].name;
                    log::warn!("Revert incomplete MULTI/EXEC transaction in AOF file {name}");
                    break (ReadFault::Short, None);
                }
                Ok(ReadNext::End) => return Ok(Piece::FileDone),
                Err(fault) => break (fault, None),
            }
            if let Err(text) =
                run_one(reader, before, transaction_at, self.client, &mut self.out, context, server, world)
            {
                break (ReadFault::Format, Some((before, text)));
            }
            self.commands += 1;
            let delay_us = i64::from(server.settings.key_load_delay_us);
            if delay_us != 0 {
                delay(world.persistence(), delay_us, self.commands);
            } else if self.commands % COMMANDS_PER_LOOK != 0 {
                continue;
            }
            if server.clock.monotonic_ns() >= until_ns {
                if let Some(progress) = &mut server.persist.loading {
                    progress.loaded_bytes = self.loaded_bytes + reader.offset();
                }
                return Ok(Piece::Paused);
            }
        };
        // Of a command that nobody knows nothing is whole.
        let reached = unknown.as_ref().map_or(reader.offset(), |(before, _)| *before);
        let whole = transaction_at.unwrap_or(reached);
        self.meet_fault(&fault, unknown.map(|(_, text)| text), reached, whole, server, world)
    }

    /// The file cannot be read on: its tail is cut off where the settings allow that.
    fn meet_fault(
        &mut self,
        fault: &ReadFault,
        unknown: Option<String>,
        reached: u64,
        whole: u64,
        server: &mut Server,
        world: &mut dyn World,
    ) -> Result<Piece, LoadFailure> {
        let (index, settings) = (self.index, &server.settings);
        let file = &mut self.plan.files[index];
        let because = match aof::judge(file, fault, reached, whole, settings) {
            Tail::Cut { because } => because,
            Tail::Fatal(lines) => return Err(LoadFailure(unknown.into_iter().chain(lines).collect())),
        };
        if let Err(error) = world.persistence().cut(&file.path, whole) {
            let error = crate::config::load::system_text(&error);
            return Err(LoadFailure(vec![format!("Error truncating the AOF file {}: {error}", file.name)]));
        }
        log::warn!("AOF {} loaded anyway because {because} is enabled", file.name);
        file.length = whole;
        Ok(Piece::FileDone)
    }

    fn finish_file(&mut self, server: &mut Server) {
        let seconds = (server.clock.monotonic_ns() - self.file_began_ns) as f64 / 1e9;
        let file = self.file();
        let kind = if file.is_base { "base" } else { "incr" };
        log::info!("DB loaded from {kind} file {}: {seconds:.3} seconds", file.name);
        self.loaded_bytes += file.length;
        if let Some(progress) = &mut server.persist.loading {
            progress.loaded_bytes = self.loaded_bytes;
        }
        // The next file begins as a client of its own would.
        transactions::discard(server, self.client);
        if let Some(session) = server.sessions.get_mut(self.client) {
            session.db = 0;
        }
        self.stage = Stage::Between;
        self.index += 1;
    }
}

/// Runs the command that was read, or queues it. The error says why it is none.
#[allow(clippy::too_many_arguments)]
fn run_one(
    reader: &CommandReader,
    offset: u64,
    transaction_at: &mut Option<u64>,
    client: SessionKey,
    out: &mut Output,
    context: &mut Context,
    server: &mut Server,
    world: &mut dyn World,
) -> Result<(), String> {
    let args = reader.args();
    let known = context.commands.find_words(args).filter(|id| context.commands.row(*id).accepts(args.len()));
    let Some(id) = known else {
        let name = String::from_utf8_lossy(args.get(0));
        return Err(match context.commands.find_words(args) {
            None => format!("Unknown command '{name}' reading the append only file (at offset {offset})"),
            Some(_) => format!("Wrong number of words for '{name}' reading the append only file (at offset {offset})"),
        });
    };
    let row = context.commands.row(id);
    match row.command.spec.name {
        "MULTI" => *transaction_at = Some(offset),
        "EXEC" => *transaction_at = None,
        _ => {}
    }
    let is_queued = row.command.spec.name != "EXEC"
        && server.sessions.get(client).is_some_and(|session| session.has(session_flag::IN_TRANSACTION));
    if is_queued {
        transactions::queue(server, client, id, args);
    } else if let Some(text) = dispatch::replay(context, server, world, client, id, args, out) {
        let (text, name) = (String::from_utf8_lossy(&text).into_owned(), row.full_name.clone());
        let may_go_on = server.settings.propagation_errors != PropagationErrors::Panic;
        observe_call::note_unexpected_error(server, "AOF-loading-client", "server", &text, &name, may_go_on);
    }
    out.clear();
    if let Some(session) = server.sessions.get_mut(client) {
        session.out.clear();
    }
    Ok(())
}
