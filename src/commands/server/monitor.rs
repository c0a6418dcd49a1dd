//! TIME and MONITOR.

use crate::exec::{Call, Command, Outcome};
use crate::server::session::flag as session_flag;
use crate::server::{Server, World, standing};
use crate::spec::flag::{ADMIN, FAST, LOADING, NOSCRIPT, STALE};
use crate::spec::{Group, command};

pub const COMMANDS: &[Command] = &[
    command("MONITOR", "", 1)
        .since("1.0.0")
        .group(Group::Server)
        .flags(ADMIN | NOSCRIPT | LOADING | STALE)
        .says("Tells every command that the server runs.")
        .server(monitor),
    command("TIME", "", 1)
        .since("2.6.0")
        .group(Group::Server)
        .flags(LOADING | STALE | FAST)
        .tips(&["nondeterministic_output"])
        .cost("O(1)")
        .says("The server's time.")
        .server(time),
];

fn monitor(call: &mut Call, server: &mut Server, _: &mut dyn World) -> Outcome {
    let session = server.sessions.get_mut(call.session).expect("the session at hand");
    if !session.has(session_flag::MONITOR) {
        session.set(session_flag::MONITOR);
        server.monitors.push(call.session);
        server.set_standing(standing::MONITORED, true);
    }
    call.reply.ok();
    Ok(())
}

fn time(call: &mut Call, server: &mut Server, _: &mut dyn World) -> Outcome {
    // A script sees one time.
    let us = server
        .scripts
        .running
        .as_ref()
        .map_or_else(|| server.clock.wall_us(), |running| running.wall_us(&server.clock));
    call.reply.array(2);
    call.reply.bulk_integer(us / 1_000_000);
    call.reply.bulk_integer(us % 1_000_000);
    Ok(())
}
