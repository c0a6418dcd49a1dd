//! MEMORY: what takes how many bytes.

use crate::base::memory::allocator_stat;
use crate::commands::help::help_row;
use crate::commands::server::info::memory::Account;
use crate::exec::call::fault;
use crate::exec::{Call, Command, Outcome};
use crate::keyspace::Db;
use crate::server::{Server, World};
use crate::spec::flag::READONLY;
use crate::spec::{Group, Spec, at, command};

/// Elements looked at in a collection, if the caller does not say how many.
const SAMPLES_DEFAULT: i64 = 5;

pub const COMMANDS: &[Command] = &[command("MEMORY", "", -2)
    .since("4.0.0")
    .group(Group::Server)
    .cost("Depends on the subcommand")
    .says("What takes how much memory.")
    .container(&[
        report("DOCTOR", "O(1)", "Names what is wrong with the use of memory.").server(doctor),
        help_row(Group::Server, "4.0.0"),
        report("MALLOC-STATS", "Depends on how much is allocated", "The allocator's own report.").server(malloc_stats),
        row("PURGE", 2)
            .tips(&["request_policy:all_shards", "response_policy:all_succeeded"])
            .cost("Depends on how much is allocated")
            .says("Asks the allocator to give back what it holds unused.")
            .server(purge),
        report("STATS", "O(1)", "Where memory goes, in numbers.").server(stats),
        command("USAGE", "key [SAMPLES count:integer]", -3)
            .since("4.0.0")
            .group(Group::Server)
            .flags(READONLY)
            .keys(at(2).read_only())
            .cost("O(n) over the samples")
            .says("The bytes that a key and its value take.")
            .data(usage),
    ])];

const fn row(name: &'static str, arity: i32) -> Spec {
    command(name, "", arity).since("4.0.0").group(Group::Server)
}

const fn report(name: &'static str, cost: &'static str, says: &'static str) -> Spec {
    let tips = &["nondeterministic_output", "request_policy:all_shards", "response_policy:special"];
    row(name, 2).tips(tips).cost(cost).says(says)
}

fn usage(call: &mut Call, db: &mut Db) -> Outcome {
    let mut samples = SAMPLES_DEFAULT;
    let mut at = 3;
    while at < call.argc() {
        if !call.is(at, "SAMPLES") || at + 1 == call.argc() {
            return Err(fault::SYNTAX);
        }
        samples = call.integer(at + 1)?;
        if samples < 0 {
            return Err(fault::SYNTAX);
        }
        at += 2;
    }
    match db.peek(call.key(2)) {
        Some(entry) => call.reply.integer(entry.bytes(samples as usize) as i64),
        None => call.reply.null(),
    }
    Ok(())
}

fn stats(call: &mut Call, server: &mut Server, world: &mut dyn World) -> Outcome {
    let account = Account::of(server, &world.process());
    let databases: Vec<(usize, usize)> =
        server.keyspace.iter().filter(|db| !db.is_empty()).map(|db| (db.index(), db.table_bytes())).collect();
    let (vm_eval, vm_functions) = server.scripts.vm_bytes();
    let reply = &mut call.reply;
    let before = [
        ("peak.allocated", account.peak),
        ("total.allocated", account.used),
        ("startup.allocated", account.startup),
        ("replication.backlog", account.backlog),
        ("replica.fullsync.buffer", 0),
        ("clients.slaves", account.replicas),
        ("clients.normal", account.clients),
        ("cluster.links", 0),
        ("aof.buffer", server.persist.aof.buffer_bytes() as u64),
        ("lua.caches", server.scripts.cache.bytes() as u64),
        ("functions.caches", server.scripts.registry.bytes() as u64),
        ("script.VMs", (vm_eval + vm_functions) as u64),
    ];
    let middle = [
        ("overhead.db.hashtable.lut", account.tables),
        ("overhead.db.hashtable.rehashing", 0),
        ("overhead.total", account.overhead()),
        ("db.dict.rehashing.count", 0),
        ("keys.count", account.keys),
        ("keys.bytes-per-key", account.used.saturating_sub(account.startup).checked_div(account.keys).unwrap_or(0)),
        ("dataset.bytes", account.dataset()),
    ];
    let ratios = account.ratios();
    reply.map(before.len() + databases.len() + middle.len() + 2 + 4 + 2 * ratios.len());
    for (name, value) in before {
        reply.bulk(name.as_bytes());
        reply.integer(value as i64);
    }
    for (index, table_bytes) in databases {
        reply.bulk(format!("db.{index}").as_bytes());
        reply.map(2);
        reply.bulk(b"overhead.hashtable.main");
        reply.integer(table_bytes as i64);
        reply.bulk(b"overhead.hashtable.expires");
        // The wheel's links stand in the entries themselves.
        reply.integer(0);
    }
    for (name, value) in middle {
        reply.bulk(name.as_bytes());
        reply.integer(value as i64);
    }
    for (name, percent) in
        [("dataset.percentage", account.dataset_percent()), ("peak.percentage", account.peak_percent())]
    {
        reply.bulk(name.as_bytes());
        reply.double(percent);
    }
    for (name, value) in [
        ("allocator.allocated", account.allocated),
        ("allocator.active", account.active),
        ("allocator.resident", account.resident),
        ("allocator.muzzy", account.muzzy),
    ] {
        reply.bulk(name.as_bytes());
        reply.integer(value as i64);
    }
    for ratio in ratios {
        reply.bulk(ratio.stat_names.0.as_bytes());
        reply.double(ratio.ratio);
        reply.bulk(ratio.stat_names.1.as_bytes());
        reply.integer(ratio.bytes);
    }
    Ok(())
}

/// Below this much memory, ratios say nothing.
const DOCTOR_BYTES_MIN: u64 = 5 << 20;

fn doctor(call: &mut Call, server: &mut Server, world: &mut dyn World) -> Outcome {
    let account = Account::of(server, &world.process());
    let mut text = String::new();
    if account.used < DOCTOR_BYTES_MIN {
        text.push_str("There is too little data here for its memory to be judged.\n");
    } else {
        let mut say = |is_so: bool, words: &str| {
            if is_so {
                text.push_str(&format!("* {words}\n"));
            }
        };
        say(
            account.peak as f64 / account.used as f64 > 1.5,
            "Peak: much more was in use once. The allocator may still hold those pages; MEMORY PURGE gives them back.",
        );
        for ratio in account.ratios() {
            say(ratio.is_bad(), ratio.advice);
        }
        let clients = server.sessions.len().max(1) as u64;
        say(
            account.clients / clients > 200 * 1024,
            "Clients: their buffers are large. Somebody reads slowly, sends huge pipelines or subscribes to much.",
        );
        if text.is_empty() {
            text.push_str("Nothing is wrong with the use of memory.\n");
        } else {
            text.insert_str(0, "What stands out in the use of memory:\n\n");
        }
    }
    call.reply.verbatim("txt", text.as_bytes());
    Ok(())
}

fn malloc_stats(call: &mut Call, _: &mut Server, _: &mut dyn World) -> Outcome {
    let text = crate::base::memory::allocator_report();
    call.reply.verbatim("txt", text.as_bytes());
    Ok(())
}

fn purge(call: &mut Call, _: &mut Server, _: &mut dyn World) -> Outcome {
    // Asking for the figures brings them up to date as well.
    let _ = allocator_stat(c"stats.resident");
    if !crate::base::memory::purge() {
        return Err("ERR Error purging dirty pages".into());
    }
    call.reply.ok();
    Ok(())
}
