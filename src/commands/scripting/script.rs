//! SCRIPT: the cache of scripts.

use crate::commands::help::help_row;
use crate::exec::scripts;
use crate::exec::{Call, Command, Outcome, Stop};
use crate::server::{Server, World};
use crate::spec::flag::{ALLOW_BUSY, NOSCRIPT, STALE};
use crate::spec::{Group, Spec, command};

pub const COMMANDS: &[Command] = &[command("SCRIPT", "", -2)
    .since("2.6.0")
    .group(Group::Scripting)
    .cost("Depends on the subcommand")
    .says("The scripts that are known.")
    .container(&[
        sub("DEBUG", "{mode=YES|SYNC|NO}", 3, "3.2.0")
            .cost("O(1)")
            .says("Accepted: there is no debugger of scripts.")
            .server(debug),
        sub("EXISTS", "sha1+", -3, "2.6.0")
            .tips(&["request_policy:all_shards", "response_policy:agg_logical_and"])
            .cost("O(n) in the names given")
            .says("Which scripts are known.")
            .server(exists),
        sub("FLUSH", "[flush-type=ASYNC|SYNC]@6.2.0", -2, "2.6.0")
            .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"])
            .cost("O(n) in the scripts that are known")
            .says("Forgets all scripts.")
            .server(flush),
        sub("KILL", "", 2, "2.6.0")
            .flags(ALLOW_BUSY)
            .tips(&["request_policy:all_shards", "response_policy:one_succeeded"])
            .cost("O(1)")
            .says("Ends the script that runs, if it has not written.")
            .server(kill),
        sub("LOAD", "script", 3, "2.6.0")
            .flags(STALE)
            .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"])
            .cost("O(n) in the bytes of the script")
            .says("Makes a script known, without running it.")
            .server(load),
        sub("SHOW", "sha1", 3, "8.0.0")
            .flags(STALE)
            .cost("O(1)")
            .says("The text of a script that is known.")
            .server(show),
        help_row(Group::Scripting, "5.0.0"),
    ])];

const fn sub(name: &'static str, grammar: &'static str, arity: i32, since: &'static str) -> Spec {
    command(name, grammar, arity).since(since).group(Group::Scripting).flags(NOSCRIPT)
}

fn debug(call: &mut Call, _: &mut Server, _: &mut dyn World) -> Outcome {
    if !(call.is(2, "YES") || call.is(2, "SYNC") || call.is(2, "NO")) {
        return Err(Stop::error("ERR Use SCRIPT DEBUG YES/SYNC/NO"));
    }
    // Who was told OK would wait for a debugger that never speaks.
    if !call.is(2, "NO") {
        return Err(Stop::error("ERR SCRIPT DEBUG: there is no debugger, it is always off"));
    }
    call.reply.ok();
    Ok(())
}

fn exists(call: &mut Call, server: &mut Server, _: &mut dyn World) -> Outcome {
    call.reply.array(call.argc() - 2);
    for index in 2..call.argc() {
        call.reply.integer(i64::from(server.scripts.cache.has(call.arg(index))));
    }
    Ok(())
}

fn flush(call: &mut Call, server: &mut Server, _: &mut dyn World) -> Outcome {
    let is_known = match call.argc() {
        2 => true,
        3 => call.is(2, "ASYNC") || call.is(2, "SYNC"),
        _ => false,
    };
    if !is_known {
        return Err(Stop::error("ERR SCRIPT FLUSH only support SYNC|ASYNC option"));
    }
    let later = call.argc() == 2 || call.is(2, "ASYNC");
    server.scripts.flush_scripts(later);
    call.reply.ok();
    Ok(())
}

fn kill(call: &mut Call, server: &mut Server, _: &mut dyn World) -> Outcome {
    scripts::kill(server, true)?;
    call.reply.ok();
    Ok(())
}

fn load(call: &mut Call, server: &mut Server, _: &mut dyn World) -> Outcome {
    let (engine, cache) = server.scripts.eval_and_cache();
    let script = cache.by_body(&engine, call.arg(2), true);
    let script = script.map_err(|text| Stop::error_owned([b"ERR ", &*text].concat()))?;
    call.reply.bulk(&script.sha);
    Ok(())
}

fn show(call: &mut Call, server: &mut Server, _: &mut dyn World) -> Outcome {
    let body = server.scripts.cache.body(&call.arg(2).to_ascii_lowercase());
    call.reply.bulk(body.ok_or(Stop::error("NOSCRIPT No matching script."))?);
    Ok(())
}
