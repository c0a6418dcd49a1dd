//! What a connection asks or says of itself.

use super::{BAD_NAME, is_valid_name, set_name};
use crate::exec::call::fault;
use crate::exec::{Call, Outcome, Stop};
use crate::server::session::flag as session_flag;
use crate::server::{Server, World};

pub fn id(call: &mut Call, server: &mut Server, _: &mut dyn World) -> Outcome {
    let session = server.sessions.get(call.session).expect("the session at hand");
    call.reply.integer(session.id as i64);
    Ok(())
}

pub fn get_name(call: &mut Call, server: &mut Server, _: &mut dyn World) -> Outcome {
    let session = server.sessions.get(call.session).expect("the session at hand");
    if session.name.is_empty() {
        call.reply.null();
    } else {
        call.reply.bulk(&session.name);
    }
    Ok(())
}

pub fn set_name_command(call: &mut Call, server: &mut Server, _: &mut dyn World) -> Outcome {
    if !is_valid_name(call.arg(2)) {
        return Err(BAD_NAME);
    }
    set_name(server.sessions.get_mut(call.session).expect("the session at hand"), call.arg(2));
    call.reply.ok();
    Ok(())
}

pub fn set_info(call: &mut Call, server: &mut Server, _: &mut dyn World) -> Outcome {
    let session = server.sessions.get_mut(call.session).expect("the session at hand");
    let place = if call.is(2, "LIB-NAME") {
        &mut session.lib_name
    } else if call.is(2, "LIB-VER") {
        &mut session.lib_version
    } else {
        return Err(Stop::quoting("ERR Unrecognized option '", call.arg(2), "'"));
    };
    if !is_valid_name(call.arg(3)) {
        return Err(Stop::quoting("ERR ", call.arg(2), " cannot contain spaces, newlines or special characters."));
    }
    *place = call.arg(3).into();
    call.reply.ok();
    Ok(())
}

/// `ON` or `OFF` at word 2.
fn on_or_off(call: &Call) -> Result<bool, Stop> {
    match () {
        _ if call.is(2, "ON") => Ok(true),
        _ if call.is(2, "OFF") => Ok(false),
        _ => Err(fault::SYNTAX),
    }
}

fn switch(call: &mut Call, server: &mut Server, flag: u32) -> Outcome {
    let is_on = on_or_off(call)?;
    let session = server.sessions.get_mut(call.session).expect("the session at hand");
    if is_on {
        session.set(flag);
    } else {
        session.clear(flag);
    }
    call.reply.ok();
    Ok(())
}

pub fn no_evict(call: &mut Call, server: &mut Server, _: &mut dyn World) -> Outcome {
    switch(call, server, session_flag::NO_EVICT)
}

pub fn no_touch(call: &mut Call, server: &mut Server, _: &mut dyn World) -> Outcome {
    switch(call, server, session_flag::NO_TOUCH)
}

pub fn import_source(call: &mut Call, server: &mut Server, _: &mut dyn World) -> Outcome {
    if !server.settings.import_mode && !call.is(2, "OFF") {
        return Err("ERR Server is not in import mode".into());
    }
    switch(call, server, session_flag::IMPORT_SOURCE)
}

pub fn reply(call: &mut Call, server: &mut Server, _: &mut dyn World) -> Outcome {
    let session = server.sessions.get_mut(call.session).expect("the session at hand");
    if call.is(2, "ON") {
        // What SKIP asked for in the same transaction is still to come.
        session.clear(session_flag::REPLY_OFF | session_flag::REPLY_SKIP);
        call.reply.ok();
    } else if call.is(2, "OFF") {
        session.set(session_flag::REPLY_OFF);
    } else if call.is(2, "SKIP") {
        if !session.has(session_flag::REPLY_OFF) {
            session.set(session_flag::REPLY_SKIP_NEXT);
        }
    } else {
        return Err(fault::SYNTAX);
    }
    Ok(())
}

/// What is not known is no reason for an error: clients say what they can to any server.
pub fn capabilities(call: &mut Call, server: &mut Server, _: &mut dyn World) -> Outcome {
    let can_redirect = (2..call.argc()).any(|at| call.is(at, "REDIRECT"));
    if can_redirect {
        server.sessions.get_mut(call.session).expect("the session at hand").set(session_flag::CAPA_REDIRECT);
    }
    call.reply.ok();
    Ok(())
}
