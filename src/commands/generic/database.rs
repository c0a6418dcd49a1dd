//! DBSIZE, FLUSHDB, FLUSHALL, SWAPDB: databases as a whole.

use crate::exec::call::fault;
use crate::exec::{Call, Command, Outcome, Stop};
use crate::keyspace::{Db, GarbageQueue, Keyspace};
use crate::server::{Server, World};
use crate::spec::flag::{FAST, READONLY, WRITE};
use crate::spec::{Group, category, command};

pub const COMMANDS: &[Command] = &[
    command("DBSIZE", "", 1)
        .group(Group::Server)
        .flags(READONLY | FAST)
        .categories(category::KEYSPACE)
        .cost("O(1)")
        .says("The number of keys in the database.")
        .tips(&["request_policy:all_shards", "response_policy:agg_sum"])
        .data(dbsize),
    command("FLUSHALL", "[flush-type=ASYNC@4.0.0|SYNC@6.2.0]", -1)
        .group(Group::Server)
        .flags(WRITE)
        .categories(category::KEYSPACE | category::DANGEROUS)
        .cost("O(1); the keys are freed in slices afterwards")
        .says("Empties all databases.")
        .tips(&["request_policy:all_shards", "response_policy:all_succeeded"])
        .server(flushall),
    command("FLUSHDB", "[flush-type=ASYNC@4.0.0|SYNC@6.2.0]", -1)
        .group(Group::Server)
        .flags(WRITE)
        .categories(category::KEYSPACE | category::DANGEROUS)
        .cost("O(1); the keys are freed in slices afterwards")
        .says("Empties the database.")
        .tips(&["request_policy:all_shards", "response_policy:all_succeeded"])
        .server(flushdb),
    command("SWAPDB", "index1:integer index2:integer", 3)
        .since("4.0.0")
        .group(Group::Server)
        .flags(WRITE | FAST)
        .categories(category::KEYSPACE | category::DANGEROUS)
        .cost("O(n) over the clients that watch or wait for keys of either database")
        .says("Exchanges two databases.")
        .keyspace(swapdb),
];

fn dbsize(call: &mut Call, db: &mut Db) -> Outcome {
    call.reply.integer(db.len() as i64);
    Ok(())
}

/// SYNC or ASYNC, which are the same here: a database goes at once, and its memory in slices.
fn check_flush_type(call: &Call) -> Outcome {
    match call.argc() {
        1 => Ok(()),
        2 if call.is(1, "SYNC") || call.is(1, "ASYNC") => Ok(()),
        _ => Err(fault::SYNTAX),
    }
}

/// An emptying goes to the journal as received even when nothing was there: a replica may hold more than we do.
fn propagate(call: &mut Call) {
    if call.is_journalled() {
        let words: Vec<&[u8]> = call.args.iter().collect();
        call.propagation.rewrite(&words);
    }
}

/// A flush inside a transaction is over when it answers, as in Redis, unless ASYNC is asked for.
fn free_inside_transaction(call: &Call, db: &mut Db) {
    let is_async = call.argc() > 1 && call.is(1, "ASYNC");
    if !call.may_block && !is_async {
        db.effects.garbage.drain(..).for_each(GarbageQueue::free_now);
    }
}

/// Outside of a transaction Redis answers only when what was flushed is freed, unless ASYNC is asked for, and has told by then who
/// tracks keys: the client itself hears of that before its reply.
fn tell_before_reply(call: &mut Call, server: &mut Server) {
    let is_async = call.argc() > 1 && call.is(1, "ASYNC");
    if call.may_block && !is_async {
        crate::exec::tracking::invalidate_all_before_reply(call, server);
    }
}

fn flushdb(call: &mut Call, server: &mut Server, _: &mut dyn World) -> Outcome {
    check_flush_type(call)?;
    let db = server.keyspace.db_mut(call.db);
    db.effects.dirty += db.clear() as u64;
    free_inside_transaction(call, db);
    tell_before_reply(call, server);
    propagate(call);
    call.reply.ok();
    Ok(())
}

fn flushall(call: &mut Call, server: &mut Server, world: &mut dyn World) -> Outcome {
    check_flush_type(call)?;
    for db in server.keyspace.iter_mut() {
        db.effects.dirty += db.clear() as u64;
        free_inside_transaction(call, db);
    }
    if crate::exec::snapshot::flushed_all(server, world) {
        // The disk knows of it already.
        server.keyspace.iter_mut().for_each(|db| db.effects.dirty = 0);
    }
    tell_before_reply(call, server);
    propagate(call);
    call.reply.ok();
    Ok(())
}

fn swapdb(call: &mut Call, keyspace: &mut Keyspace) -> Outcome {
    let index = |word, error| match call.integer(word) {
        Ok(number) if i32::try_from(number).is_ok() => Ok(number),
        _ => Err(Stop::error(error)),
    };
    let first = index(1, "ERR invalid first DB index")?;
    let second = index(2, "ERR invalid second DB index")?;
    let in_range = |number: i64| usize::try_from(number).ok().filter(|&number| number < keyspace.databases());
    let (Some(first), Some(second)) = (in_range(first), in_range(second)) else {
        return Err(fault::DB_OUT_OF_RANGE);
    };
    call.note_beyond_cluster();
    keyspace.swap(first, second);
    keyspace.db_mut(first).effects.dirty += 1;
    call.reply.ok();
    Ok(())
}
