//! Parsing ahead: all complete requests that were read are parsed before the first is executed, so that the table's lines
//! for every key are on their way while the requests before them run.
//!
//! ```text
//! arena    [ bytes of session A ][ bytes of session B ] …      one read each, no allocation
//! intakes      A: requests 0–2, rest       B: requests 3–4
//! requests [ span range | command | key hash | start ] …
//! ```
//!
//! Parsing ahead is speculation, safe by these rules: a request holds positions and a hash, never an address of data; a
//! protocol error is the last item of its session and is judged in its turn; before each request the session is looked at
//! anew, and if it is gone, held or closing, the rest of its bytes goes back to it; a command that changes what the bytes
//! after it mean (`ENDS_BATCH`) ends parsing for its session.

use super::command::LastFound;
use super::dispatch::{self, Context, Done, Request};
use super::observe_call;
use crate::base::hash::hash;
use crate::keyspace::{Db, SessionKey};
use crate::protocol::args::{Args, Elsewhere};
use crate::protocol::limits::Limits;
use crate::protocol::reply::Reply;
use crate::protocol::request::{Parsed, ProtocolError, Span, parse};
use crate::server::session::flag as session_flag;
use crate::server::{Server, World, standing};
use crate::spec::flag;

/// Bytes read in one tick before they are executed.
pub const ARENA_BYTES: usize = 1 << 20;

/// Bytes of one session that one tick takes: a client that sends more goes on in the next.
pub const READ_BYTES_MAX: usize = 64 * 1024;

/// Requests of one session that one tick runs.
pub const REQUESTS_PER_TURN_MAX: usize = 4096;

/// Entries are fetched for so many requests at once, in a tight loop: the look-ups of their pages, which are most of the
/// cost, then run beside one another instead of one behind each command.
const FETCH_GROUP: usize = 16;

/// Fields and members are fetched for so many requests at once, first their places and by the next time themselves.
const FETCH_ELEMENT_GROUP: usize = 4;

/// Marks a request whose command is unknown.
const UNKNOWN: u32 = u32::MAX;

struct Parsing {
    /// First span.
    spans_at: u32,
    argc: u32,
    /// Number of the command, or `UNKNOWN`.
    id: u32,
    /// Start of the request in its buffer.
    start: u32,
    key_hash: u64,
    /// Of the field or member that is looked up; 0: none.
    element_hash: u64,
}

/// The bytes of one session in this batch.
struct Intake {
    session: SessionKey,
    /// Its own buffer, where the bytes are not in the arena.
    own: Option<Vec<u8>>,
    /// Where the bytes begin, where parsing stopped, and where they end.
    begin: usize,
    parsed_to: usize,
    end: usize,
    requests: std::ops::Range<usize>,
    /// The session's count of commands before the first of these.
    commands_before: u64,
    error: Option<ProtocolError>,
    /// Parsing stopped before the bytes were used up, for another reason than their end.
    has_more: bool,
}

/// What the batch has behind the requests of the session at hand: a script that runs for too long lets the others go on.
pub struct Rest<'b> {
    intakes: &'b [Intake],
    arena: &'b [u8],
}

impl Rest<'_> {
    /// Gives every session its bytes back, as if they had just been read; gives the sessions.
    pub fn hand_back(&self, server: &mut Server) -> Vec<SessionKey> {
        let mut sessions = Vec::new();
        for intake in self.intakes {
            let Some(session) = server.sessions.get_mut(intake.session) else { continue };
            if session.has(session_flag::IN_BATCH) {
                session.clear(session_flag::IN_BATCH);
                session.batch_bytes = 0;
                session.progress.clear();
                session.pending = intake.own.as_deref().unwrap_or(self.arena)[intake.begin..intake.end].to_vec();
                sessions.push(intake.session);
            }
        }
        sessions
    }
}

/// The requests of one tick, or of a part of it.
pub struct Batch {
    arena: Vec<u8>,
    used: usize,
    spans: Vec<Span>,
    requests: Vec<Parsing>,
    intakes: Vec<Intake>,
    elsewhere: Elsewhere,
    /// Some request looks up a field or member.
    has_elements: bool,
}

impl Default for Batch {
    fn default() -> Batch {
        Batch {
            arena: vec![0; ARENA_BYTES],
            used: 0,
            spans: Vec::new(),
            requests: Vec::new(),
            intakes: Vec::new(),
            elsewhere: Elsewhere::default(),
            has_elements: false,
        }
    }
}

impl Batch {
    /// Room for one more read.
    pub fn has_room(&self) -> bool {
        self.arena.len() - self.used >= READ_BYTES_MAX
    }

    pub fn is_empty(&self) -> bool {
        self.intakes.is_empty()
    }

    /// Where the next read goes.
    #[inline]
    pub fn room(&mut self) -> &mut [u8] {
        &mut self.arena[self.used..self.used + READ_BYTES_MAX]
    }

    /// Takes in `count` bytes that were just read into `room` for a session without pending bytes.
    pub fn take_read(&mut self, context: &Context, server: &mut Server, session: SessionKey, count: usize) {
        let start = self.used;
        self.used += count;
        self.parse_session(context, server, session, None, start, start + count);
    }

    /// Takes in a session's own pending bytes (what was left, and what was read behind it).
    pub fn take_pending(&mut self, context: &Context, server: &mut Server, session: SessionKey) {
        let Some(state) = server.sessions.get_mut(session) else { return };
        let own = std::mem::take(&mut state.pending);
        if own.is_empty() {
            return;
        }
        let end = own.len();
        self.parse_session(context, server, session, Some(own), 0, end);
    }

    fn parse_session(
        &mut self,
        context: &Context,
        server: &mut Server,
        key: SessionKey,
        own: Option<Vec<u8>>,
        start: usize,
        end: usize,
    ) {
        let Some(session) = server.sessions.get_mut(key) else { return };
        debug_assert!(!session.has(session_flag::IN_BATCH), "a session's bytes are executed before more are taken in");
        session.set(session_flag::IN_BATCH);
        session.batch_bytes = (end - start) as u32;
        let authenticated = server.standing & standing::AUTH == 0 || session.has(session_flag::AUTHENTICATED);
        let limits = Limits {
            bulk_max: context.settings.bulk_bytes_max,
            query_buffer_max: context.settings.query_buffer_bytes_max as usize,
            authenticated,
        };
        let database = server.keyspace.db(session.db);
        let buffer: &[u8] = own.as_deref().unwrap_or(&self.arena);
        let first = self.requests.len();
        let mut at = start;
        let mut error = None;
        let mut has_more = false;
        let mut last_found = LastFound::default();
        while at < end {
            if self.requests.len() - first == REQUESTS_PER_TURN_MAX {
                has_more = true;
                break;
            }
            let spans_at = self.spans.len();
            let (spans, scratch) = (&mut self.spans, &mut self.elsewhere.scratch);
            match parse(&buffer[at..end], at as u32, &limits, &mut session.progress, spans, scratch) {
                Parsed::Complete { consumed, argc } => {
                    let words = Args::with_elsewhere(buffer, &self.spans[spans_at..], &self.elsewhere);
                    let mut request = Parsing {
                        spans_at: spans_at as u32,
                        argc: argc as u32,
                        id: UNKNOWN,
                        start: at as u32,
                        key_hash: 0,
                        element_hash: 0,
                    };
                    at += consumed;
                    let mut ends_batch = false;
                    if let Some(id) = last_found.find(context.commands, words.get(0)) {
                        let row = context.commands.row(id);
                        request.id = id as u32;
                        ends_batch = row.command.spec.flags & flag::ENDS_BATCH != 0;
                        if row.first_key != 0 && row.first_key < argc {
                            request.key_hash = hash(words.get(row.first_key));
                            let element = row.command.spec.element_word as usize;
                            if element != 0 && element < argc {
                                request.element_hash = hash(words.get(element));
                                self.has_elements = true;
                            }
                        }
                    }
                    self.requests.push(request);
                    if ends_batch {
                        has_more = at < end;
                        break;
                    }
                }
                Parsed::Empty { consumed } => at += consumed,
                Parsed::Incomplete { .. } => break,
                Parsed::Error(problem) => {
                    error = Some(problem);
                    break;
                }
            }
        }
        // Places are fetched in a tight loop of their own, and not one behind each parsing: the look-ups of their pages, which
        // are most of the cost, run beside one another then.
        for request in self.requests[first..].iter().filter(|request| request.key_hash != 0) {
            database.prefetch_bucket(request.key_hash);
        }
        let requests = first..self.requests.len();
        let commands_before = session.commands;
        let begin = start;
        let parsed_to = at;
        self.intakes.push(Intake {
            session: key,
            own,
            begin,
            parsed_to,
            end,
            requests,
            commands_before,
            error,
            has_more,
        });
    }

    /// Executes everything that was taken in; gives back how many requests ran.
    pub fn execute(&mut self, context: &mut Context, server: &mut Server, world: &mut dyn World) -> usize {
        let mut ran = 0;
        let mut fetched = 0;
        server.last_cycles = server.clock.cycles();
        for place in 0..self.intakes.len() {
            let (done, later) = self.intakes.split_at_mut(place + 1);
            let intake = &mut done[place];
            // A script that ran meanwhile gave the bytes back.
            if server.sessions.get(intake.session).is_some_and(|session| !session.has(session_flag::IN_BATCH)) {
                continue;
            }
            let rest = Rest { intakes: later, arena: &self.arena };
            let context = &mut Context {
                commands: context.commands,
                settings: context.settings,
                random: &mut *context.random,
                propagation: &mut *context.propagation,
                rest: Some(&rest),
            };
            let buffer: &[u8] = intake.own.as_deref().unwrap_or(&self.arena);
            let mut rest_from = intake.parsed_to;
            let mut was_held = false;
            // Large requests are noted; mostly all bytes of a session together are fewer than that takes.
            let may_be_large = (intake.end - intake.begin) as u64 >= server.observe.large_request_from;
            for i in intake.requests.clone() {
                if i + FETCH_GROUP / 2 >= fetched {
                    let from = fetched.max(i);
                    fetched = from + FETCH_GROUP;
                    let end = fetched.min(self.requests.len());
                    let group = &self.requests[from.min(end)..end];
                    with_database(server, intake.session, |db| fetch_entries(db, group));
                }
                if self.has_elements && i % FETCH_ELEMENT_GROUP == 0 {
                    with_database(server, intake.session, |db| fetch_elements(db, &self.requests[i + 1..]));
                }
                let parsed = &self.requests[i];
                let spans = &self.spans[parsed.spans_at as usize..][..parsed.argc as usize];
                let request = Request {
                    args: Args::with_elsewhere(buffer, spans, &self.elsewhere),
                    id: (parsed.id != UNKNOWN).then_some(parsed.id as usize),
                    key_hash: parsed.key_hash,
                };
                match dispatch::run(context, server, world, intake.session, request) {
                    Done::Ran => ran += 1,
                    Done::Held => {
                        (rest_from, was_held) = (parsed.start as usize, true);
                        break;
                    }
                    Done::Gone => break,
                }
                if may_be_large && let Some(id) = request.id {
                    let next = self.requests.get(i + 1).filter(|_| i + 1 < intake.requests.end);
                    let end = next.map_or(intake.parsed_to, |next| next.start as usize);
                    let bytes = (end - self.requests[i].start as usize) as u64;
                    if bytes >= server.observe.large_request_from {
                        observe_call::note_large_request(context, server, intake.session, id, request.args, bytes);
                    }
                }
            }
            finish_intake(server, intake, &self.arena, rest_from, was_held);
        }
        self.clear();
        ran
    }

    /// The request that runs, if one does: the session counts its commands, so nothing has to be noted for it. For reports.
    pub fn at_hand(&self, server: &Server) -> Option<(SessionKey, Args<'_>)> {
        let is_in_batch = |intake: &&Intake| {
            server.sessions.get(intake.session).is_some_and(|session| session.has(session_flag::IN_BATCH))
        };
        let intake = self.intakes.iter().find(is_in_batch)?;
        let begun = server.sessions.get(intake.session)?.commands.checked_sub(intake.commands_before)?;
        let index = intake.requests.clone().nth(usize::try_from(begun).ok()?.checked_sub(1)?)?;
        let request = self.requests.get(index)?;
        let spans = self.spans.get(request.spans_at as usize..)?.get(..request.argc as usize)?;
        let buffer: &[u8] = intake.own.as_deref().unwrap_or(&self.arena);
        Some((intake.session, Args::with_elsewhere(buffer, spans, &self.elsewhere)))
    }

    fn clear(&mut self) {
        self.used = 0;
        self.spans.clear();
        self.requests.clear();
        self.intakes.clear();
        self.has_elements = false;
        self.elsewhere.scratch.clear();
        self.elsewhere.detached.clear();
    }
}

/// Lends the database of a session to who fetches ahead.
#[inline]
fn with_database(server: &Server, session: SessionKey, fetch: impl FnOnce(&Db)) {
    if let Some(session) = server.sessions.get(session) {
        fetch(server.keyspace.db(session.db));
    }
}

/// Starts loading the entries that requests look up; their places are near by now.
#[inline]
fn fetch_entries(db: &Db, group: &[Parsing]) {
    for request in group.iter().filter(|request| request.key_hash != 0) {
        db.prefetch_entry(request.key_hash);
    }
}

/// Starts loading the fields and members that the next requests look up, and the places of those behind them. The entries
/// that hold them are near by now.
fn fetch_elements(db: &Db, next: &[Parsing]) {
    let with_element = |request: &&Parsing| request.element_hash != 0;
    for request in next.iter().skip(FETCH_ELEMENT_GROUP).take(FETCH_ELEMENT_GROUP).filter(with_element) {
        db.prefetch_element_place(request.key_hash, request.element_hash);
    }
    for request in next.iter().take(FETCH_ELEMENT_GROUP).filter(with_element) {
        db.prefetch_element(request.key_hash, request.element_hash);
    }
}

/// Judges a protocol error whose turn has come, or gives the rest of the bytes back to the session.
fn finish_intake(server: &mut Server, intake: &mut Intake, arena: &[u8], rest_from: usize, was_held: bool) {
    let Some(session) = server.sessions.get_mut(intake.session) else { return };
    session.clear(session_flag::IN_BATCH);
    session.batch_bytes = 0;
    if session.has(session_flag::CLOSE_AFTER_REPLY | session_flag::CLOSE_NOW) {
        return;
    }
    if was_held {
        // The bytes behind the held request are parsed anew; nothing of them is half done.
        session.progress.clear();
    } else if let Some(error) = intake.error {
        protocol_error(server, intake.session, error);
        return;
    }
    if rest_from == intake.end {
        return;
    }
    session.pending = match intake.own.take() {
        Some(mut own) => {
            own.drain(..rest_from);
            own
        }
        None => arena[rest_from..intake.end].to_vec(),
    };
    server.count_client(intake.session);
    if intake.has_more && !was_held {
        server.sessions.queue_run(intake.session);
    }
}

fn protocol_error(server: &mut Server, key: SessionKey, error: ProtocolError) {
    let Some(session) = server.sessions.get_mut(key) else { return };
    log::debug!("Protocol error ({}) from client: id={} addr={}", error.reason(), session.id, session.peer);
    let text = [b"ERR ", &*error.text()].concat();
    Reply::new(&mut session.out, session.is_resp3).error(&text);
    session.progress.clear();
    session.set(session_flag::CLOSE_AFTER_REPLY);
    server.observe.note_error(&text);
    server.sessions.queue_write(key);
}
