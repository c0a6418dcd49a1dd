//! Commands about the connection itself: PING, ECHO, SELECT, QUIT, RESET.

use crate::exec::{Call, Command, Outcome};
use crate::keyspace::Db;
use crate::server::session::flag as session_flag;
use crate::server::{Server, World};
use crate::spec::flag::{ALLOW_BUSY, ENDS_BATCH, FAST, LOADING, NO_AUTH, NOSCRIPT, STALE};
use crate::spec::{Group, command};

pub const COMMANDS: &[Command] = &[
    command("PING", "[message]", -1)
        .group(Group::Connection)
        .flags(FAST)
        .cost("O(1)")
        .says("Answers PONG, or the message.")
        .tips(&["request_policy:all_shards", "response_policy:all_succeeded"])
        .data(ping),
    command("ECHO", "message", 2)
        .group(Group::Connection)
        .flags(LOADING | STALE | FAST)
        .cost("O(1)")
        .says("Answers the message.")
        .data(echo),
    command("SELECT", "index:integer", 2)
        .group(Group::Connection)
        .flags(LOADING | STALE | FAST)
        .cost("O(1)")
        .says("Changes the session's database.")
        .server(select),
    command("QUIT", "", -1)
        .deprecated("7.2.0", "")
        .group(Group::Connection)
        .flags(ALLOW_BUSY | NOSCRIPT | LOADING | STALE | FAST | NO_AUTH | ENDS_BATCH)
        .cost("O(1)")
        .says("Closes the connection.")
        .server(quit),
];

fn ping(call: &mut Call, _: &mut Db) -> Outcome {
    if call.argc() > 2 {
        return Err(call.wrong_arity());
    }
    let is_subscribed = call.session_flags & session_flag::SUBSCRIBED != 0;
    let message = if call.argc() == 2 { Some(call.arg(1)) } else { None };
    match message {
        _ if is_subscribed && !call.reply.is_resp3() => {
            call.reply.array(2);
            call.reply.bulk(b"pong");
            call.reply.bulk(message.unwrap_or_default());
        }
        Some(message) => call.reply.bulk(message),
        None => call.reply.simple("PONG"),
    }
    Ok(())
}

fn echo(call: &mut Call, _: &mut Db) -> Outcome {
    call.reply.bulk(call.arg(1));
    Ok(())
}

fn select(call: &mut Call, server: &mut Server, _: &mut dyn World) -> Outcome {
    let chosen = call.database(1, server.keyspace.databases());
    // Also a number that is too large: a cluster has one database.
    if call.integer(1).is_ok_and(|number| number != 0 && i32::try_from(number).is_ok()) {
        call.note_beyond_cluster();
    }
    let index = chosen?;
    let session = server.sessions.get_mut(call.session).expect("the session at hand");
    session.db = index;
    call.reply.ok();
    Ok(())
}

fn quit(call: &mut Call, server: &mut Server, _: &mut dyn World) -> Outcome {
    let session = server.sessions.get_mut(call.session).expect("the session at hand");
    session.set(session_flag::CLOSE_AFTER_REPLY);
    call.reply.ok();
    Ok(())
}
