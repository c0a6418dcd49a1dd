//! CLIENT LIST and INFO: a line of fields on each connection.

use super::filter::Filter;
use crate::base::number::parse_i64;
use crate::exec::describe_client::describe;
use crate::exec::{Call, Outcome, Stop};
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
        match () {
            () if session.has(flag::MASTER) => Class::Master,
            () if session.has(flag::REPLICA) => Class::Replica,
            () if session.has(flag::SUBSCRIBED) => Class::PubSub,
            () => Class::Normal,
        }
    }
}

pub fn info(call: &mut Call, server: &mut Server, _: &mut dyn World) -> Outcome {
    let session = server.sessions.get(call.session).expect("the session at hand");
    let mut line = String::new();
    describe(&mut line, session, server, call.commands);
    line.push('\n');
    call.reply.verbatim("txt", line.as_bytes());
    Ok(())
}

/// The ids of a list that asks for nothing else; `None` when it asks for something else.
fn only_ids(call: &Call) -> Result<Option<Vec<i64>>, Stop> {
    if call.argc() < 4 || !call.is(2, "ID") {
        return Ok(None);
    }
    let ids: Vec<Option<i64>> = (3..call.argc()).map(|index| parse_i64(call.arg(index))).collect();
    let is_filter_behind = ids.iter().position(Option::is_none).is_some_and(|at| at > 0 && call.argc() > 3 + at + 1);
    if is_filter_behind {
        return Ok(None);
    }
    ids.into_iter().collect::<Option<Vec<i64>>>().map(Some).ok_or(Stop::error("ERR Invalid client ID"))
}

pub fn list(call: &mut Call, server: &mut Server, _: &mut dyn World) -> Outcome {
    let mut sessions: Vec<&Session> = server.sessions.iter().filter(|s| !s.has(flag::CLOSE_NOW)).collect();
    sessions.sort_by_key(|session| session.id);
    // Ids alone are answered in the order in which they are asked for, as often as they are.
    let listed: Vec<&Session> = match only_ids(call)? {
        Some(ids) => {
            let find = |id: i64| sessions.binary_search_by_key(&id, |session| session.id as i64);
            ids.into_iter().filter_map(|id| find(id).ok()).map(|at| sessions[at]).collect()
        }
        None => {
            let filter = Filter::parse(call, server, 2, "ERR Invalid client ID")?;
            let skips_me = filter.skips_me.unwrap_or(false);
            let is_meant =
                |session: &&Session| filter.meets(session, call.now) && !(skips_me && session.key == call.session);
            sessions.into_iter().filter(is_meant).collect()
        }
    };
    let mut text = String::new();
    for session in listed {
        describe(&mut text, session, server, call.commands);
        text.push('\n');
    }
    call.reply.verbatim("txt", text.as_bytes());
    Ok(())
}
