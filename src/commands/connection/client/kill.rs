//! CLIENT KILL.

use super::filter::Filter;
use crate::exec::{Call, Outcome};
use crate::keyspace::SessionKey;
use crate::server::session::flag as session_flag;
use crate::server::{Server, Session, World};

pub fn kill(call: &mut Call, server: &mut Server, _: &mut dyn World) -> Outcome {
    // The old form: one address, oneself included, and an error when there is nobody.
    let is_old = call.argc() == 3;
    let filter = match is_old {
        true => Filter::of_address(call.arg(2)),
        false => Filter::parse(call, server, 2, "ERR client-id should be greater than 0")?,
    };
    let skips_me = filter.skips_me.unwrap_or(true);
    let meant = |s: &&Session| {
        !s.has(session_flag::CLOSE_NOW) && filter.meets(s, call.now) && !(skips_me && s.key == call.session)
    };
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
