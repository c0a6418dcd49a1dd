//! SLOWLOG: the last commands that took long.

use crate::commands::help::help_row;
use crate::exec::{Call, Command, Outcome, Stop};
use crate::observe::slow_log::{SlowEntry, SlowLog};
use crate::server::{Server, World};
use crate::spec::flag::{ADMIN, LOADING, STALE};
use crate::spec::{Group, Spec, command};

const GET_COUNT_DEFAULT: i64 = 10;

pub const COMMANDS: &[Command] = &[command("SLOWLOG", "", -2)
    .since("2.2.12")
    .group(Group::Server)
    .cost("Depends on the subcommand")
    .says("The commands that took long.")
    .container(&[
        read("GET", "[count:integer]", -2, "2.2.12")
            .tips(&["request_policy:all_nodes", "nondeterministic_output"])
            .cost("O(n) in the entries returned")
            .says("Lists slow commands, the latest first.")
            .server(get),
        read("LEN", "", 2, "2.2.12")
            .tips(&["request_policy:all_nodes", "response_policy:agg_sum", "nondeterministic_output"])
            .cost("O(1)")
            .says("Counts the entries.")
            .server(len),
        read("RESET", "", 2, "2.2.12")
            .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"])
            .cost("O(n) in the entries")
            .says("Forgets all entries.")
            .server(reset),
        help_row(Group::Server, "6.2.0"),
    ])];

const fn read(name: &'static str, grammar: &'static str, arity: i32, since: &'static str) -> Spec {
    command(name, grammar, arity).since(since).group(Group::Server).flags(ADMIN | LOADING | STALE)
}

fn get(call: &mut Call, server: &mut Server, _: &mut dyn World) -> Outcome {
    if call.argc() > 3 {
        return Err(call.wrong_subcommand());
    }
    let count = match call.argc() {
        2 => GET_COUNT_DEFAULT,
        _ => count_at(call, 2)?,
    };
    write_entries(call, &server.observe.slow_log, count);
    Ok(())
}

/// How many entries the word at `index` asks for; -1: all.
pub(super) fn count_at(call: &Call, index: usize) -> Result<i64, Stop> {
    let count = call.integer(index).ok().filter(|count| *count >= -1);
    count.ok_or(Stop::error("ERR count should be greater than or equal to -1"))
}

pub(super) fn write_entries(call: &mut Call, log: &SlowLog, count: i64) {
    let count = if count == -1 { log.len() } else { log.len().min(count as usize) };
    call.reply.array(count);
    log.newest_first().take(count).for_each(|entry| write_entry(call, entry));
}

fn write_entry(call: &mut Call, entry: &SlowEntry) {
    let reply = &mut call.reply;
    reply.array(6);
    reply.integer(entry.id as i64);
    reply.integer(entry.at_s);
    reply.integer(entry.figure as i64);
    reply.array(entry.arguments.len());
    entry.arguments.iter().for_each(|argument| reply.bulk(argument));
    reply.bulk(&entry.peer);
    reply.bulk(&entry.client_name);
}

fn len(call: &mut Call, server: &mut Server, _: &mut dyn World) -> Outcome {
    call.reply.integer(server.observe.slow_log.len() as i64);
    Ok(())
}

fn reset(call: &mut Call, server: &mut Server, _: &mut dyn World) -> Outcome {
    server.observe.slow_log.reset();
    call.reply.ok();
    Ok(())
}
