//! Taking members from either end: ZPOPMIN, ZPOPMAX, ZMPOP, and those that wait for members: BZPOPMIN, BZPOPMAX, BZMPOP.
//!
//! Whatever the command, the journal reads which end of which key was popped, and how many.

use crate::commands::items::write_item;
use crate::exec::call::{Block, WhenDenied, fault};
use crate::exec::{Call, Command, Outcome, Stop};
use crate::keyspace::event::{Event, class, event};
use crate::keyspace::{Db, Key};
use crate::spec::flag::{BLOCKING, FAST, MOVABLE_KEYS, WRITE};
use crate::spec::{Group, at, command, counted};
use crate::value::zset::{End, Zset};
use crate::value::{Kind, Object};

pub const COMMANDS: &[Command] = &[
    command("BZMPOP", "timeout:double numkeys:integer key+ {where=MIN|MAX} [COUNT count:integer]", -5)
        .since("7.0.0")
        .group(Group::SortedSet)
        .flags(WRITE | BLOCKING | MOVABLE_KEYS)
        .keys(counted(2).read_write().access().delete())
        .cost("O(k + m log n) for k keys and m members popped")
        .says("Pops members from the first set that has any; waits until one has.")
        .data(bzmpop),
    command("BZPOPMAX", "key+ timeout:double", -3)
        .since("5.0.0")
        .group(Group::SortedSet)
        .flags(WRITE | FAST | BLOCKING)
        .keys(at(1).to(-2).read_write().access().delete())
        .cost("O(log n)")
        .says("Pops the member with the highest score from the first set that has any; waits until one has.")
        .data(|call, db| bzpop(call, db, End::Max)),
    command("BZPOPMIN", "key+ timeout:double", -3)
        .since("5.0.0")
        .group(Group::SortedSet)
        .flags(WRITE | FAST | BLOCKING)
        .keys(at(1).to(-2).read_write().access().delete())
        .cost("O(log n)")
        .says("Pops the member with the lowest score from the first set that has any; waits until one has.")
        .data(|call, db| bzpop(call, db, End::Min)),
    command("ZMPOP", "numkeys:integer key+ {where=MIN|MAX} [COUNT count:integer]", -4)
        .since("7.0.0")
        .group(Group::SortedSet)
        .flags(WRITE | MOVABLE_KEYS)
        .keys(counted(1).read_write().access().delete())
        .cost("O(k + m log n) for k keys and m members popped")
        .says("Pops members from the first set that has any.")
        .data(zmpop),
    command("ZPOPMAX", "key [count:integer]", -2)
        .since("5.0.0")
        .group(Group::SortedSet)
        .flags(WRITE | FAST)
        .keys(at(1).read_write().access().delete())
        .cost("O(log n) a member")
        .says("Pops the members with the highest scores.")
        .data(|call, db| zpop(call, db, End::Max)),
    command("ZPOPMIN", "key [count:integer]", -2)
        .since("5.0.0")
        .group(Group::SortedSet)
        .flags(WRITE | FAST)
        .keys(at(1).read_write().access().delete())
        .cost("O(log n) a member")
        .says("Pops the members with the lowest scores.")
        .data(|call, db| zpop(call, db, End::Min)),
];

const ZPOPMIN: Event = event(class::ZSET, "zpopmin");
const ZPOPMAX: Event = event(class::ZSET, "zpopmax");

const COUNT_NOT_POSITIVE: Stop = Stop::error("ERR value is out of range, must be positive");
const NO_KEYS: Stop = Stop::error("ERR numkeys should be greater than 0");
const NO_COUNT: Stop = Stop::error("ERR count should be greater than 0");

/// How the popped members are answered.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    /// member, score, member, score …
    Flat,
    /// pairs
    Pairs,
    /// key, member, score
    KeyAndOne,
    /// key, pairs
    KeyAndPairs,
}

/// Pops up to `count` members of the set at `key` and answers them; `None`, and no answer, if there is no set.
/// Gives back how many were popped.
fn pop(call: &mut Call, db: &mut Db, key: Key, end: End, count: usize, form: Form) -> Result<Option<usize>, Stop> {
    let reply = &mut call.reply;
    let popped = db.edit(key, |zset: &mut Zset, changes| {
        let popped = count.min(zset.len());
        match form {
            Form::Flat => reply.array(popped * 2),
            Form::Pairs => reply.array(popped),
            Form::KeyAndOne => {
                reply.array(3);
                reply.bulk(key.bytes);
            }
            Form::KeyAndPairs => {
                reply.array(2);
                reply.bulk(key.bytes);
                reply.array(popped);
            }
        }
        let is_paired = matches!(form, Form::Pairs | Form::KeyAndPairs);
        zset.pop(end, popped, &mut |member, score| {
            if is_paired {
                reply.array(2);
            }
            write_item(reply, member);
            reply.double(score);
        });
        if popped > 0 {
            changes.record(if end == End::Min { ZPOPMIN } else { ZPOPMAX }, popped as u64);
        }
        popped
    })?;
    Ok(popped)
}

fn zpop(call: &mut Call, db: &mut Db, end: End) -> Outcome {
    if call.argc() > 3 {
        return Err(fault::SYNTAX);
    }
    let has_count = call.argc() == 3;
    let count =
        if has_count { call.integer(2).ok().filter(|&count| count >= 0).ok_or(COUNT_NOT_POSITIVE)? } else { 1 };
    let form = if has_count && call.reply.is_resp3() { Form::Pairs } else { Form::Flat };
    if pop(call, db, call.key(1), end, count as usize, form)?.is_none() {
        call.reply.array(0);
    }
    Ok(())
}

/// What ZMPOP and BZMPOP are asked for.
struct Request {
    /// Words of the keys.
    keys: std::ops::Range<usize>,
    end: End,
    count: usize,
}

/// Parses from the number of keys on, which is word `number`.
fn parse(call: &Call, number: usize) -> Result<Request, Stop> {
    let count = call.integer(number).ok().filter(|&count| count > 0).ok_or(NO_KEYS)?;
    let keys = number + 1..(number + 1).saturating_add(count as usize);
    if keys.end >= call.argc() {
        return Err(fault::SYNTAX);
    }
    let end = if call.is(keys.end, "MIN") {
        End::Min
    } else if call.is(keys.end, "MAX") {
        End::Max
    } else {
        return Err(fault::SYNTAX);
    };
    let option = keys.end + 1;
    if option == call.argc() {
        return Ok(Request { keys, end, count: 1 });
    }
    if !call.is(option, "COUNT") || option + 1 == call.argc() {
        return Err(fault::SYNTAX);
    }
    let count = call.integer(option + 1).ok().filter(|&count| count > 0).ok_or(NO_COUNT)?;
    // What else follows is wrong, but the count was looked at first.
    if option + 2 < call.argc() { Err(fault::SYNTAX) } else { Ok(Request { keys, end, count: count as usize }) }
}

/// Pops from the first set that there is; false if there is none.
fn pop_first_of(call: &mut Call, db: &mut Db, request: &Request, form: Form) -> Result<bool, Stop> {
    for index in request.keys.clone() {
        let key = call.key(index);
        if let Some(popped) = pop(call, db, key, request.end, request.count, form)? {
            journal(call, key, request.end, (form == Form::KeyAndPairs).then_some(popped));
            return Ok(true);
        }
    }
    Ok(false)
}

/// The journal reads neither waiting nor the choice of a key.
fn journal(call: &mut Call, key: Key, end: End, count: Option<usize>) {
    if !call.is_journalled() {
        return;
    }
    let name: &[u8] = if end == End::Min { b"ZPOPMIN" } else { b"ZPOPMAX" };
    match count {
        Some(count) => call.propagation.rewrite(&[name, key.bytes, count.to_string().as_bytes()]),
        None => call.propagation.rewrite(&[name, key.bytes]),
    }
}

fn zmpop(call: &mut Call, db: &mut Db) -> Outcome {
    let request = parse(call, 1)?;
    if !pop_first_of(call, db, &request, Form::KeyAndPairs)? {
        call.reply.null_array();
    }
    Ok(())
}

fn bzmpop(call: &mut Call, db: &mut Db) -> Outcome {
    let request = parse(call, 2)?;
    pop_or_wait(call, db, &request, Form::KeyAndPairs, 1)
}

fn bzpop(call: &mut Call, db: &mut Db, end: End) -> Outcome {
    let timeout = call.argc() - 1;
    pop_or_wait(call, db, &Request { keys: 1..timeout, end, count: 1 }, Form::KeyAndOne, timeout)
}

fn pop_or_wait(call: &mut Call, db: &mut Db, request: &Request, form: Form, timeout: usize) -> Outcome {
    let deadline = call.timeout_deadline(timeout)?;
    if pop_first_of(call, db, request, form)? {
        return Ok(());
    }
    let keys = request.keys.clone().map(|index| call.arg(index).to_vec()).collect();
    Err(Stop::wait(Block::on(keys, Kind::Zset, deadline, WhenDenied::NullArray)))
}
