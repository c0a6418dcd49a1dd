//! TTL, PTTL, EXPIRETIME, PEXPIRETIME: when a key is due. -1: never; -2: there is no such key.

use crate::exec::{Call, Command, Outcome};
use crate::keyspace::Db;
use crate::spec::flag::{FAST, READONLY};
use crate::spec::{at, command};

pub const COMMANDS: &[Command] = &[
    command("EXPIRETIME", "key", 2)
        .since("7.0.0")
        .flags(READONLY | FAST)
        .keys(at(1).read_only().access())
        .cost("O(1)")
        .says("When a key is due, in seconds since the epoch.")
        .data(expiretime),
    command("PEXPIRETIME", "key", 2)
        .since("7.0.0")
        .flags(READONLY | FAST)
        .keys(at(1).read_only().access())
        .cost("O(1)")
        .says("When a key is due, in milliseconds since the epoch.")
        .data(pexpiretime),
    command("PTTL", "key", 2)
        .since("2.6.0")
        .flags(READONLY | FAST)
        .keys(at(1).read_only().access())
        .cost("O(1)")
        .says("How long a key still lives, in milliseconds.")
        .tips(&["nondeterministic_output"])
        .data(pttl),
    command("TTL", "key", 2)
        .flags(READONLY | FAST)
        .keys(at(1).read_only().access())
        .cost("O(1)")
        .says("How long a key still lives, in seconds.")
        .tips(&["nondeterministic_output"])
        .data(ttl),
];

fn ttl(call: &mut Call, db: &mut Db) -> Outcome {
    let now = call.now;
    answer(call, db, |deadline| rounded_seconds(deadline - now))
}

fn pttl(call: &mut Call, db: &mut Db) -> Outcome {
    let now = call.now;
    answer(call, db, |deadline| deadline - now)
}

fn expiretime(call: &mut Call, db: &mut Db) -> Outcome {
    answer(call, db, rounded_seconds)
}

fn pexpiretime(call: &mut Call, db: &mut Db) -> Outcome {
    answer(call, db, |deadline| deadline)
}

/// Half a second and more counts as a whole one.
fn rounded_seconds(ms: i64) -> i64 {
    ms.saturating_add(500) / 1000
}

fn answer(call: &mut Call, db: &mut Db, of_deadline: impl FnOnce(i64) -> i64) -> Outcome {
    let reply = match db.inspect(call.key(1)).map(|entry| entry.deadline()) {
        None => -2,
        Some(None) => -1,
        Some(Some(deadline)) => of_deadline(deadline).max(0),
    };
    call.reply.integer(reply);
    Ok(())
}
