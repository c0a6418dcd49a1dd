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
    let (place, option) = if call.is(2, "LIB-NAME") {
        (&mut session.lib_name, "lib-name")
    } else if call.is(2, "LIB-VER") {
        (&mut session.lib_version, "lib-ver")
    } else {
        let option = String::from_utf8_lossy(call.arg(2)).into_owned();
        return Err(Stop::error_owned(format!("ERR Unrecognized option '{option}'")));
    };
    if !is_valid_name(call.arg(3)) {
        let text = format!("ERR {option} cannot contain spaces, newlines or special characters.");
        return Err(Stop::error_owned(text));
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

pub fn reply(call: &mut Call, server: &mut Server, _: &mut dyn World) -> Outcome {
    let session = server.sessions.get_mut(call.session).expect("the session at hand");
    if call.is(2, "ON") {
        session.clear(session_flag::REPLY_OFF | session_flag::REPLY_SKIP | session_flag::REPLY_SKIP_NEXT);
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

pub fn help(call: &mut Call, _: &mut Server, _: &mut dyn World) -> Outcome {
    call.reply.help(&[
        "CLIENT <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
        "GETNAME",
        "    The name of this connection.",
        "ID",
        "    The number of this connection.",
        "INFO",
        "    One line on this connection.",
        "KILL <ip:port>",
        "    Close the connection from <ip:port>.",
        "KILL <option> <value> [<option> <value> [...]]",
        "    Close connections. Options are:",
        "    * ADDR (<ip:port>|<unixsocket>:0), LADDR (<ip:port>|<unixsocket>:0)",
        "      Those from, or to, that address.",
        "    * TYPE (NORMAL|MASTER|REPLICA|PUBSUB), USER <username>, ID <client-id>, MAXAGE <seconds>",
        "      Those of that kind, user, number, or older than that.",
        "    * SKIPME (YES|NO)",
        "      Whether this connection is spared (default: yes).",
        "LIST [TYPE (NORMAL|MASTER|REPLICA|PUBSUB)] [ID <client-id> [...]]",
        "    A line on each connection.",
        "NO-EVICT (ON|OFF)",
        "    Keep this connection from being evicted.",
        "NO-TOUCH (ON|OFF)",
        "    Reads of this connection do not count as use.",
        "PAUSE <timeout> [WRITE|ALL]",
        "    Let all commands, or those that write, wait for <timeout> milliseconds.",
        "REPLY (ON|OFF|SKIP)",
        "    Whether this connection gets replies.",
        "SETINFO (LIB-NAME|LIB-VER) <value>",
        "    Name the client's library.",
        "SETNAME <name>",
        "    Name this connection.",
        "UNBLOCK <clientid> [TIMEOUT|ERROR]",
        "    End another connection's wait.",
        "UNPAUSE",
        "    End CLIENT PAUSE.",
        "HELP",
        "    This text.",
    ]);
    Ok(())
}
