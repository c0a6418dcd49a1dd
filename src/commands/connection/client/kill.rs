//! CLIENT KILL.

use super::list::Class;
use crate::base::number::parse_i64;
use crate::exec::call::fault;
use crate::exec::{Call, Outcome, Stop};
use crate::keyspace::SessionKey;
use crate::server::session::flag as session_flag;
use crate::server::{Server, Session, World};

/// Which connections are meant; all conditions must hold.
#[derive(Default)]
struct Filter<'f> {
    id: Option<u64>,
    address: Option<&'f [u8]>,
    local: Option<&'f [u8]>,
    class: Option<Class>,
    user: Option<&'f [u8]>,
    age_s_min: Option<i64>,
    includes_me: bool,
}

impl Filter<'_> {
    fn meets(&self, session: &Session, now: i64) -> bool {
        self.id.is_none_or(|id| session.id == id)
            && self.address.is_none_or(|address| session.peer.as_bytes() == address)
            && self.local.is_none_or(|local| session.local.as_bytes() == local)
            && self.class.is_none_or(|class| Class::of(session) == class)
            && self.user.is_none_or(|user| user == b"default")
            && self.age_s_min.is_none_or(|age| (now - session.created) / 1000 >= age)
    }
}

fn parse<'c>(call: &Call<'c>) -> Result<Filter<'c>, Stop> {
    let mut filter = Filter::default();
    let mut at = 2;
    while at < call.argc() {
        if at + 1 >= call.argc() {
            return Err(fault::SYNTAX);
        }
        let value = call.arg(at + 1);
        if call.is(at, "ID") {
            let id = parse_i64(value).filter(|id| *id > 0).ok_or("ERR client-id should be greater than 0")?;
            filter.id = Some(id as u64);
        } else if call.is(at, "MAXAGE") {
            let age = parse_i64(value).ok_or("ERR maxage is not an integer or out of range")?;
            if age <= 0 {
                return Err("ERR maxage should be greater than 0".into());
            }
            filter.age_s_min = Some(age);
        } else if call.is(at, "TYPE") {
            filter.class = Some(Class::parse(value)?);
        } else if call.is(at, "ADDR") {
            filter.address = Some(value);
        } else if call.is(at, "LADDR") {
            filter.local = Some(value);
        } else if call.is(at, "USER") {
            if value != b"default" {
                return Err(Stop::quoting("ERR No such user '", value, "'"));
            }
            filter.user = Some(value);
        } else if call.is(at, "SKIPME") {
            filter.includes_me = match value.to_ascii_lowercase().as_slice() {
                b"yes" => false,
                b"no" => true,
                _ => return Err(fault::SYNTAX),
            };
        } else {
            return Err(fault::SYNTAX);
        }
        at += 2;
    }
    Ok(filter)
}

pub fn kill(call: &mut Call, server: &mut Server, _: &mut dyn World) -> Outcome {
    // The old form: one address, oneself included, and an error when there is nobody.
    let is_old = call.argc() == 3;
    let filter = if is_old {
        Filter { address: Some(call.arg(2)), includes_me: true, ..Filter::default() }
    } else {
        parse(call)?
    };
    let meant = |s: &&Session| filter.meets(s, call.now) && (filter.includes_me || s.key != call.session);
    let victims: Vec<SessionKey> = server.sessions.iter().filter(meant).map(|s| s.key).collect();
    if is_old && victims.is_empty() {
        return Err("ERR No such client".into());
    }
    for &key in &victims {
        if key == call.session {
            // It still gets its answer.
            server.sessions.get_mut(key).expect("the session at hand").set(session_flag::CLOSE_AFTER_REPLY);
        } else {
            server.sessions.queue_close(key);
        }
    }
    if is_old {
        call.reply.ok();
    } else {
        call.reply.integer(victims.len() as i64);
    }
    Ok(())
}
