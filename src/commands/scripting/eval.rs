//! EVAL, EVALSHA, FCALL and their forms that only read.

use std::rc::Rc;

use crate::base::number::parse_i64;
use crate::exec::scripts::{self, Job};
use crate::exec::{Call, Command, Outcome, Stop, fault};
use crate::script::{Engine, Script};
use crate::server::{Server, World};
use crate::spec::flag::{MAY_REPLICATE, MOVABLE_KEYS, NO_MANDATORY_KEYS, NOSCRIPT, READONLY, SKIP_MONITOR, STALE};
use crate::spec::{Group, KeySpec, Spec, command, counted};

pub const COMMANDS: &[Command] = &[
    writes("EVAL", "script numkeys:integer [key+] [arg+]", "2.6.0")
        .keys(written("We cannot tell how the keys will be used so we assume the worst, RW and UPDATE"))
        .says("Runs a script.")
        .server(eval),
    writes("EVALSHA", "sha1 numkeys:integer [key+] [arg+]", "2.6.0")
        .keys(written(""))
        .says("Runs a script that is known, by its SHA-1.")
        .server(eval_sha),
    reads("EVAL_RO", "script numkeys:integer [key+] [arg+]")
        .keys(read("We cannot tell how the keys will be used so we assume the worst, RO and ACCESS"))
        .says("Runs a script that only reads.")
        .server(eval_ro),
    reads("EVALSHA_RO", "sha1 numkeys:integer [key+] [arg+]")
        .keys(read(""))
        .says("Runs a script that is known and only reads, by its SHA-1.")
        .server(eval_sha_ro),
    writes("FCALL", "function numkeys:integer [key+] [arg+]", "7.0.0")
        .keys(written("We cannot tell how the keys will be used so we assume the worst, RW and UPDATE"))
        .cost("Depends on the function")
        .says("Calls a function of a library.")
        .server(fcall),
    reads("FCALL_RO", "function numkeys:integer [key+] [arg+]")
        .keys(read("We cannot tell how the keys will be used so we assume the worst, RO and ACCESS"))
        .cost("Depends on the function")
        .says("Calls a function of a library that only reads.")
        .server(fcall_ro),
];

const fn writes(name: &'static str, grammar: &'static str, since: &'static str) -> Spec {
    command(name, grammar, -3)
        .since(since)
        .group(Group::Scripting)
        .flags(NOSCRIPT | SKIP_MONITOR | MAY_REPLICATE | NO_MANDATORY_KEYS | STALE | MOVABLE_KEYS)
        .cost("Depends on the script")
}

const fn reads(name: &'static str, grammar: &'static str) -> Spec {
    command(name, grammar, -3)
        .since("7.0.0")
        .group(Group::Scripting)
        .flags(NOSCRIPT | SKIP_MONITOR | NO_MANDATORY_KEYS | STALE | READONLY | MOVABLE_KEYS)
        .cost("Depends on the script")
}

const fn written(notes: &'static str) -> KeySpec {
    counted(2).read_write().access().update().notes(notes)
}

const fn read(notes: &'static str) -> KeySpec {
    counted(2).read_only().access().notes(notes)
}

const NO_SCRIPT: Stop = Stop::error("NOSCRIPT No matching script. Please use EVAL.");

/// How many of the words behind the count are keys.
fn key_count(call: &Call, malformed: Stop) -> Result<usize, Stop> {
    let count = parse_i64(call.arg(2)).ok_or(malformed)?;
    if count > (call.argc() - 3) as i64 {
        return Err(Stop::error("ERR Number of keys can't be greater than number of args"));
    }
    usize::try_from(count).map_err(|_| Stop::error("ERR Number of keys can't be negative"))
}

fn eval(call: &mut Call, server: &mut Server, world: &mut dyn World) -> Outcome {
    eval_text(call, server, world, false)
}

fn eval_ro(call: &mut Call, server: &mut Server, world: &mut dyn World) -> Outcome {
    eval_text(call, server, world, true)
}

fn eval_text(call: &mut Call, server: &mut Server, world: &mut dyn World, reads_only: bool) -> Outcome {
    let keys = key_count(call, fault::NOT_AN_INTEGER)?;
    let (engine, cache) = server.scripts.eval_and_cache();
    let script = cache.by_body(&engine, call.arg(1), false);
    let script = script.map_err(|text| Stop::error_owned([b"ERR ", &*text].concat()))?;
    scripts::run(call, server, world, &job_of(engine, &script, reads_only), keys)
}

fn eval_sha(call: &mut Call, server: &mut Server, world: &mut dyn World) -> Outcome {
    eval_name(call, server, world, false)
}

fn eval_sha_ro(call: &mut Call, server: &mut Server, world: &mut dyn World) -> Outcome {
    eval_name(call, server, world, true)
}

fn eval_name(call: &mut Call, server: &mut Server, world: &mut dyn World, reads_only: bool) -> Outcome {
    if call.arg(1).len() != 40 {
        return Err(NO_SCRIPT);
    }
    let keys = key_count(call, fault::NOT_AN_INTEGER)?;
    let (engine, cache) = server.scripts.eval_and_cache();
    let script = cache.by_sha(call.arg(1)).ok_or(NO_SCRIPT)?;
    scripts::run(call, server, world, &job_of(engine, &script, reads_only), keys)
}

fn job_of(engine: Rc<Engine>, script: &Script, reads_only: bool) -> Job<'_> {
    Job { engine, function: &script.function, name: &script.sha, flags: script.flags, is_eval: true, reads_only }
}

fn fcall(call: &mut Call, server: &mut Server, world: &mut dyn World) -> Outcome {
    call_function(call, server, world, false)
}

fn fcall_ro(call: &mut Call, server: &mut Server, world: &mut dyn World) -> Outcome {
    call_function(call, server, world, true)
}

fn call_function(call: &mut Call, server: &mut Server, world: &mut dyn World, reads_only: bool) -> Outcome {
    let function = server.scripts.registry.function(call.arg(1)).ok_or(Stop::error("ERR Function not found"))?;
    let keys = key_count(call, Stop::error("ERR Bad number of keys provided"))?;
    let job = Job {
        engine: Rc::clone(server.scripts.functions()),
        function: &function.callback,
        name: &function.name,
        flags: function.flags,
        is_eval: false,
        reads_only,
    };
    scripts::run(call, server, world, &job, keys)
}
