//! FUNCTION: libraries of functions.

use super::registry;
use crate::base::glob;
use crate::commands::help::help_row;
use crate::exec::scripts;
use crate::exec::{Call, Command, Outcome, Stop};
use crate::protocol::reply::Reply;
use crate::script::flags::flag;
use crate::script::{LibFunction, Library};
use crate::server::{Server, World};
use crate::spec::flag::{ALLOW_BUSY, DENYOOM, NOSCRIPT, WRITE};
use crate::spec::{Group, Spec, command};

const ALL_SHARDS: &[&str] = &["request_policy:all_shards", "response_policy:all_succeeded"];

pub const COMMANDS: &[Command] = &[command("FUNCTION", "", -2)
    .since("7.0.0")
    .group(Group::Scripting)
    .cost("Depends on the subcommand")
    .says("Libraries of functions.")
    .container(&[
        row("DELETE", "library-name", 3)
            .flags(WRITE)
            .tips(ALL_SHARDS)
            .cost("O(1)")
            .says("Takes a library away.")
            .server(registry::delete),
        row("DUMP", "", 2)
            .cost("O(n) in the functions")
            .says("All libraries as bytes, for FUNCTION RESTORE.")
            .server(registry::dump),
        row("FLUSH", "[flush-type=ASYNC|SYNC]", -2)
            .flags(WRITE)
            .tips(ALL_SHARDS)
            .cost("O(n) in the functions")
            .says("Takes all libraries away.")
            .server(registry::flush),
        row("KILL", "", 2)
            .flags(ALLOW_BUSY)
            .tips(&["request_policy:all_shards", "response_policy:one_succeeded"])
            .cost("O(1)")
            .says("Ends the function that runs, if it has not written.")
            .server(kill),
        row("LIST", "[LIBRARYNAME library-name-pattern] [WITHCODE]", -2)
            .tips(&["nondeterministic_output_order"])
            .cost("O(n) in the functions")
            .says("Tells of libraries and their functions.")
            .server(list),
        row("LOAD", "[REPLACE] function-code", -3)
            .flags(WRITE | DENYOOM)
            .tips(ALL_SHARDS)
            .cost("O(1), compiling aside")
            .says("Makes a library of its code.")
            .server(registry::load),
        row("RESTORE", "serialized-value [policy=FLUSH|APPEND|REPLACE]", -3)
            .flags(WRITE | DENYOOM)
            .tips(ALL_SHARDS)
            .cost("O(n) in the functions of the payload")
            .says("Makes libraries of what FUNCTION DUMP gave.")
            .server(registry::restore),
        row("STATS", "", 2)
            .flags(ALLOW_BUSY)
            .tips(&["nondeterministic_output", "request_policy:all_shards", "response_policy:special"])
            .cost("O(1)")
            .says("Tells of the function that runs, and how many there are.")
            .server(stats),
        help_row(Group::Scripting, "7.0.0"),
    ])];

const fn row(name: &'static str, grammar: &'static str, arity: i32) -> Spec {
    command(name, grammar, arity).since("7.0.0").group(Group::Scripting).flags(NOSCRIPT)
}

fn kill(call: &mut Call, server: &mut Server, _: &mut dyn World) -> Outcome {
    scripts::kill(server, false)?;
    call.reply.ok();
    Ok(())
}

fn list(call: &mut Call, server: &mut Server, _: &mut dyn World) -> Outcome {
    let (mut with_code, mut pattern) = (false, None);
    let mut index = 2;
    while index < call.argc() {
        if !with_code && call.is(index, "WITHCODE") {
            with_code = true;
        } else if pattern.is_none() && call.is(index, "LIBRARYNAME") {
            index += 1;
            if index >= call.argc() {
                return Err(Stop::error("ERR library name argument was not given"));
            }
            pattern = Some(call.arg(index));
        } else {
            return Err(Stop::error_owned([b"ERR Unknown argument ", call.arg(index)].concat()));
        }
        index += 1;
    }
    let matches = |library: &&std::rc::Rc<Library>| {
        pattern.is_none_or(|pattern| glob::matches_ignoring_case(pattern, &library.name))
    };
    let found: Vec<_> = server.scripts.registry.libraries().filter(matches).collect();
    call.reply.array(found.len());
    found.into_iter().for_each(|library| write_library(&mut call.reply, library, with_code));
    Ok(())
}

fn write_library(reply: &mut Reply, library: &Library, with_code: bool) {
    reply.map(if with_code { 4 } else { 3 });
    reply.bulk(b"library_name");
    reply.bulk(&library.name);
    reply.bulk(b"engine");
    reply.bulk(b"LUA");
    reply.bulk(b"functions");
    reply.array(library.functions.len());
    library.functions.iter().for_each(|function| write_function(reply, function));
    if with_code {
        reply.bulk(b"library_code");
        reply.bulk(&library.code);
    }
}

fn write_function(reply: &mut Reply, function: &LibFunction) {
    reply.map(3);
    reply.bulk(b"name");
    reply.bulk(&function.name);
    reply.bulk(b"description");
    match &function.description {
        Some(description) => reply.bulk(description),
        None => reply.null(),
    }
    reply.bulk(b"flags");
    let flags: Vec<&str> =
        flag::NAMES.iter().filter(|(bit, _)| function.flags & bit != 0).map(|(_, name)| *name).collect();
    reply.set(flags.len());
    flags.into_iter().for_each(|name| reply.simple(name));
}

fn stats(call: &mut Call, server: &mut Server, _: &mut dyn World) -> Outcome {
    let reply = &mut call.reply;
    if server.scripts.running.as_ref().is_some_and(|running| running.is_eval) {
        return Err(scripts::busy_error(server));
    }
    reply.map(2);
    reply.bulk(b"running_script");
    match &server.scripts.running {
        None => reply.null(),
        Some(running) => {
            reply.map(3);
            reply.bulk(b"name");
            reply.bulk(&running.name);
            reply.bulk(b"command");
            let words = running.command.args();
            reply.array(words.len());
            words.iter().for_each(|word| reply.bulk(word));
            reply.bulk(b"duration_ms");
            reply.integer(running.elapsed_ms(&server.clock) as i64);
        }
    }
    reply.bulk(b"engines");
    reply.map(1);
    reply.bulk(b"LUA");
    reply.map(2);
    reply.bulk(b"libraries_count");
    reply.integer(server.scripts.registry.libraries().len() as i64);
    reply.bulk(b"functions_count");
    reply.integer(server.scripts.registry.function_count() as i64);
    Ok(())
}
