//! CLIENT LIST and INFO: a line of fields on each connection.

use std::fmt::Write;

use crate::base::number::parse_i64;
use crate::exec::call::fault;
use crate::exec::{Call, CommandTable, Outcome, Stop};
use crate::pubsub::{PubSub, Topic};
use crate::server::session::flag;
use crate::server::{Server, Session, World};

/// The kinds of connections, as TYPE names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    Normal,
    Master,
    Replica,
    PubSub,
}

impl Class {
    pub fn parse(word: &[u8]) -> Result<Class, Stop> {
        match word.to_ascii_lowercase().as_slice() {
            b"normal" => Ok(Class::Normal),
            b"master" => Ok(Class::Master),
            b"replica" | b"slave" => Ok(Class::Replica),
            b"pubsub" => Ok(Class::PubSub),
            _ => Err(Stop::quoting("ERR Unknown client type '", word, "'")),
        }
    }

    pub fn of(session: &Session) -> Class {
        if session.has(flag::SUBSCRIBED) { Class::PubSub } else { Class::Normal }
    }
}

/// Letters of the `flags` field, in Redis's order.
const LETTERS: &[(u32, char)] = &[
    (flag::MONITOR, 'O'),
    (flag::SUBSCRIBED, 'P'),
    (flag::IN_TRANSACTION, 'x'),
    (flag::BLOCKED | flag::PAUSED, 'b'),
    (flag::WATCH_BROKEN, 'd'),
    (flag::CLOSE_AFTER_REPLY, 'c'),
    (flag::CLOSE_NOW, 'A'),
    (flag::UNIX_SOCKET, 'U'),
    (flag::NO_EVICT, 'e'),
    (flag::NO_TOUCH, 'T'),
];

/// Appends the line of one session, without its end.
pub fn describe(line: &mut String, session: &Session, pubsub: &PubSub, commands: &CommandTable, now: i64) {
    let letters: String = LETTERS.iter().filter(|(bits, _)| session.has(*bits)).map(|(_, letter)| letter).collect();
    let subscriptions = |topic| pubsub.count_of(topic, session.key);
    let (own, shared) = session.out.memory_usage();
    let transaction = session.transaction.as_deref();
    let in_transaction = session.has(flag::IN_TRANSACTION);
    let queued = transaction.map_or(0, |t| t.queue.len() as i64);
    let queue_bytes = transaction.map_or(0, |t| t.queue_bytes);
    let argument_bytes =
        session.blocked.as_deref().map_or(0, |b| b.request.byte_len()) + session.progress.memory_usage();
    let total = size_of::<Session>() + own + shared + session.pending.capacity() + queue_bytes + argument_bytes;
    let command = commands.rows().get(session.last_command).map_or("NULL", |row| row.full_name.as_str());
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    // Writing to a String cannot fail.
    let _ = write!(
        line,
        "id={} addr={} laddr={} fd={} name={} age={} idle={} flags={} db={} sub={} psub={} ssub={} multi={} watch={} \
         qbuf={} qbuf-free={} argv-mem={} multi-mem={} rbs={} rbp={} obl={} oll={} omem={} tot-mem={} events={} cmd={} \
         user=default redir=-1 resp={} lib-name={} lib-ver={} io-thread=0",
        session.id,
        session.peer,
        session.local,
        session.descriptor,
        text(&session.name),
        (now - session.created) / 1000,
        (now - session.last_active).max(0) / 1000,
        if letters.is_empty() { "N" } else { &letters },
        session.db,
        subscriptions(Topic::Channel),
        subscriptions(Topic::Pattern),
        subscriptions(Topic::Shard),
        if in_transaction { queued } else { -1 },
        session.watched.len(),
        session.pending.len(),
        session.pending.capacity() - session.pending.len(),
        argument_bytes,
        queue_bytes,
        own,
        own,
        session.out.len(),
        (shared > 0) as u32,
        own + shared,
        total,
        if session.out.is_empty() { "r" } else { "rw" },
        command,
        if session.is_resp3 { 3 } else { 2 },
        text(&session.lib_name),
        text(&session.lib_version),
    );
}

pub fn info(call: &mut Call, server: &mut Server, _: &mut dyn World) -> Outcome {
    let session = server.sessions.get(call.session).expect("the session at hand");
    let mut line = String::new();
    describe(&mut line, session, &server.pubsub, call.commands, call.now);
    line.push('\n');
    call.reply.verbatim("txt", line.as_bytes());
    Ok(())
}

pub fn list(call: &mut Call, server: &mut Server, _: &mut dyn World) -> Outcome {
    let (mut class, mut ids) = (None, None);
    if call.argc() == 4 && call.is(2, "TYPE") {
        class = Some(Class::parse(call.arg(3))?);
    } else if call.argc() > 3 && call.is(2, "ID") {
        let parse = |index| parse_i64(call.arg(index)).ok_or(Stop::error("ERR Invalid client ID"));
        ids = Some((3..call.argc()).map(parse).collect::<Result<Vec<i64>, Stop>>()?);
    } else if call.argc() != 2 {
        return Err(fault::SYNTAX);
    }
    let mut sessions: Vec<&Session> = server.sessions.iter().collect();
    sessions.sort_by_key(|session| session.id);
    let mut text = String::new();
    let mut add = |session: &Session| {
        describe(&mut text, session, &server.pubsub, call.commands, call.now);
        text.push('\n');
    };
    match ids {
        Some(ids) => {
            for id in ids {
                if let Ok(at) = sessions.binary_search_by_key(&id, |session| session.id as i64) {
                    add(sessions[at]);
                }
            }
        }
        None => {
            let wanted = |session: &&&Session| class.is_none_or(|class| Class::of(session) == class);
            sessions.iter().filter(wanted).for_each(|session| add(session));
        }
    }
    call.reply.verbatim("txt", text.as_bytes());
    Ok(())
}
