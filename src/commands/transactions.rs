//! MULTI, EXEC, DISCARD, WATCH, UNWATCH.

use crate::exec::transactions;
use crate::exec::{Call, Command, Outcome, Stop};
use crate::server::session::flag as session_flag;
use crate::server::{Server, World};
use crate::spec::flag::{ALLOW_BUSY, FAST, LOADING, NOSCRIPT, SKIP_SLOWLOG, STALE};
use crate::spec::{Group, at, command};

pub const COMMANDS: &[Command] = &[
    command("MULTI", "", 1)
        .since("1.2.0")
        .group(Group::Transactions)
        .flags(NOSCRIPT | LOADING | STALE | FAST | ALLOW_BUSY)
        .cost("O(1)")
        .says("Begins a transaction: what follows is queued until EXEC.")
        .server(multi),
    command("EXEC", "", 1)
        .since("1.2.0")
        .group(Group::Transactions)
        .flags(NOSCRIPT | LOADING | STALE | SKIP_SLOWLOG)
        .cost("Depends on the commands that were queued")
        .says("Runs all commands of the transaction.")
        .server(transactions::exec),
    command("DISCARD", "", 1)
        .since("2.0.0")
        .group(Group::Transactions)
        .flags(NOSCRIPT | LOADING | STALE | FAST | ALLOW_BUSY)
        .cost("O(n) over the queued commands")
        .says("Forgets the transaction and what was watched for it.")
        .server(discard),
    command("WATCH", "key+", -2)
        .since("2.2.0")
        .group(Group::Transactions)
        .flags(NOSCRIPT | LOADING | STALE | FAST | ALLOW_BUSY)
        .keys(at(1).to(-1).read_only())
        .cost("O(1) a key")
        .says("Makes the next EXEC depend on keys staying as they are.")
        .server(watch),
    command("UNWATCH", "", 1)
        .since("2.2.0")
        .group(Group::Transactions)
        .flags(NOSCRIPT | LOADING | STALE | FAST | ALLOW_BUSY)
        .cost("O(1)")
        .says("Forgets the watched keys.")
        .server(unwatch),
];

fn multi(call: &mut Call, server: &mut Server, _: &mut dyn World) -> Outcome {
    let session = server.sessions.get_mut(call.session).expect("the session at hand");
    if session.has(session_flag::IN_TRANSACTION) {
        return Err(Stop::error("ERR MULTI calls can not be nested"));
    }
    transactions::begin(session);
    call.reply.ok();
    Ok(())
}

fn discard(call: &mut Call, server: &mut Server, _: &mut dyn World) -> Outcome {
    let session = server.sessions.get_mut(call.session).expect("the session at hand");
    if !session.has(session_flag::IN_TRANSACTION) {
        return Err(Stop::error("ERR DISCARD without MULTI"));
    }
    transactions::discard(server, call.session);
    call.reply.ok();
    Ok(())
}

fn watch(call: &mut Call, server: &mut Server, _: &mut dyn World) -> Outcome {
    let session = server.sessions.get(call.session).expect("the session at hand");
    if session.has(session_flag::IN_TRANSACTION) {
        return Err(Stop::error("ERR WATCH inside MULTI is not allowed"));
    }
    // Once something that was watched has changed, EXEC answers null whatever else is watched.
    if !session.has(session_flag::WATCH_BROKEN) {
        for index in 1..call.argc() {
            transactions::watch(server, call.session, call.db, call.arg(index));
        }
    }
    call.reply.ok();
    Ok(())
}

fn unwatch(call: &mut Call, server: &mut Server, _: &mut dyn World) -> Outcome {
    transactions::unwatch(server, call.session);
    call.reply.ok();
    Ok(())
}
