//! COMMANDLOG: the last commands that took long, or whose request or reply was large. As in Valkey; the slow ones are those of
//! SLOWLOG.

use super::slowlog::{count_at, write_entries};
use crate::commands::help::help_row;
use crate::exec::{Call, Command, Outcome, Stop};
use crate::observe::slow_log::SlowLog;
use crate::server::{Server, World};
use crate::spec::flag::{ADMIN, LOADING, STALE};
use crate::spec::{Group, Spec, command};

pub const COMMANDS: &[Command] = &[command("COMMANDLOG", "", -2)
    .since("8.1.0")
    .group(Group::Server)
    .cost("Depends on the subcommand")
    .says("The commands that took long, or that were large.")
    .container(&[
        sub("GET", "count:integer {type=SLOW|LARGE-REQUEST|LARGE-REPLY}", 4)
            .tips(&["request_policy:all_nodes", "nondeterministic_output"])
            .cost("O(n) in the entries returned")
            .says("Lists commands of one kind, the latest first.")
            .server(get),
        help_row(Group::Server, "8.1.0"),
        sub("LEN", "{type=SLOW|LARGE-REQUEST|LARGE-REPLY}", 3)
            .tips(&["request_policy:all_nodes", "response_policy:agg_sum", "nondeterministic_output"])
            .cost("O(1)")
            .says("Counts the entries of one kind.")
            .server(len),
        sub("RESET", "{type=SLOW|LARGE-REQUEST|LARGE-REPLY}", 3)
            .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"])
            .cost("O(n) in the entries")
            .says("Forgets the entries of one kind.")
            .server(reset),
    ])];

const fn sub(name: &'static str, grammar: &'static str, arity: i32) -> Spec {
    command(name, grammar, arity).since("8.1.0").group(Group::Server).flags(ADMIN | LOADING | STALE)
}

/// The log that the word at `index` names.
fn log_at<'s>(call: &Call, server: &'s mut Server, index: usize) -> Result<&'s mut SlowLog, Stop> {
    let observe = &mut server.observe;
    match call.arg(index).to_ascii_lowercase().as_slice() {
        b"slow" => Ok(&mut observe.slow_log),
        b"large-request" => Ok(&mut observe.large_requests),
        b"large-reply" => Ok(&mut observe.large_replies),
        _ => Err("ERR type should be one of the following: slow, large-request, large-reply".into()),
    }
}

fn get(call: &mut Call, server: &mut Server, _: &mut dyn World) -> Outcome {
    let count = count_at(call, 2)?;
    let log = log_at(call, server, 3)?;
    write_entries(call, log, count);
    Ok(())
}

fn len(call: &mut Call, server: &mut Server, _: &mut dyn World) -> Outcome {
    let len = log_at(call, server, 2)?.len();
    call.reply.integer(len as i64);
    Ok(())
}

fn reset(call: &mut Call, server: &mut Server, _: &mut dyn World) -> Outcome {
    log_at(call, server, 2)?.reset();
    call.reply.ok();
    Ok(())
}
