//! LPOP, RPOP, LMPOP, and those that wait for an element: BLPOP, BRPOP, BLMPOP.
//!
//! All take elements from one end of the first list that there is; they differ in what they do when there is none.

use super::{end_at, pop_event};
use crate::base::clock::Ms;
use crate::base::number::parse_i64;
use crate::commands::items::{push_item, write_item};
use crate::exec::{Block, Call, Command, Outcome, Stop, WhenDenied, fault};
use crate::keyspace::{Changes, Db};
use crate::spec::flag::{BLOCKING, FAST, MOVABLE_KEYS, WRITE};
use crate::spec::{Group, KeySpec, at, command, counted};
use crate::value::Kind;
use crate::value::list::{End, List};
use std::ops::Range;

const SOURCE: KeySpec = at(1).read_write().access().delete();
const SOURCES: KeySpec = counted(1).read_write().access().delete();

pub const COMMANDS: &[Command] = &[
    command("LPOP", "key [count:integer]@6.2.0", -2)
        .group(Group::List)
        .flags(WRITE | FAST)
        .keys(SOURCE)
        .cost("O(1) an element")
        .says("Takes the first element of a list, or several.")
        .data(|call, db| pop(call, db, End::Front)),
    command("RPOP", "key [count:integer]@6.2.0", -2)
        .group(Group::List)
        .flags(WRITE | FAST)
        .keys(SOURCE)
        .cost("O(1) an element")
        .says("Takes the last element of a list, or several.")
        .data(|call, db| pop(call, db, End::Back)),
    command("LMPOP", "numkeys:integer key+ {where=LEFT|RIGHT} [COUNT count:integer]", -4)
        .since("7.0.0")
        .group(Group::List)
        .flags(WRITE | MOVABLE_KEYS)
        .keys(SOURCES)
        .cost("O(n + m) over n keys and m elements taken")
        .says("Takes elements from an end of the first list that there is.")
        .data(lmpop),
    command("BLPOP", "key+ timeout:double", -3)
        .since("2.0.0")
        .group(Group::List)
        .flags(WRITE | BLOCKING)
        .keys(SOURCE.to(-2))
        .cost("O(n) over the keys")
        .says("Takes the first element of the first list that there is, or waits for one.")
        .data(|call, db| blocking_pop(call, db, End::Front)),
    command("BRPOP", "key+ timeout:double", -3)
        .since("2.0.0")
        .group(Group::List)
        .flags(WRITE | BLOCKING)
        .keys(SOURCE.to(-2))
        .cost("O(n) over the keys")
        .says("Takes the last element of the first list that there is, or waits for one.")
        .data(|call, db| blocking_pop(call, db, End::Back)),
    command("BLMPOP", "timeout:double numkeys:integer key+ {where=LEFT|RIGHT} [COUNT count:integer]", -5)
        .since("7.0.0")
        .group(Group::List)
        .flags(WRITE | BLOCKING | MOVABLE_KEYS)
        .keys(counted(2).read_write().access().delete())
        .cost("O(n + m) over n keys and m elements taken")
        .says("Takes elements from an end of the first list that there is, or waits for one.")
        .data(blmpop),
];

#[inline]
fn pop(call: &mut Call, db: &mut Db, end: End) -> Outcome {
    match call.argc() {
        2 => pop_one(call, db, end),
        3 => pop_several(call, db, end),
        _ => Err(call.wrong_arity()),
    }
}

#[inline]
fn pop_one(call: &mut Call, db: &mut Db, end: End) -> Outcome {
    let popped = db.edit::<List, _>(call.key(1), |list, changes| {
        write_item(&mut call.reply, list.peek(end).expect("a list in the keyspace has elements"));
        take(list, changes, end, 1);
    })?;
    if popped.is_none() {
        call.reply.null();
    }
    Ok(())
}

/// Removes `count` elements that were shown; an empty list is for the keyspace to remove.
#[inline]
fn take(list: &mut List, changes: &mut Changes, end: End, count: usize) {
    for _ in 0..count {
        list.drop_end(end);
    }
    changes.record(pop_event(end), count as u64);
    list.shrink(&changes.limits.list);
}

fn pop_several(call: &mut Call, db: &mut Db, end: End) -> Outcome {
    let count = match parse_i64(call.arg(2)) {
        Some(count @ 0..) => count as usize,
        _ => return Err("ERR value is out of range, must be positive".into()),
    };
    let key = call.key(1);
    let popped = db.edit::<List, _>(key, |list, changes| {
        if count == 0 {
            call.reply.array(0);
        } else {
            take_and_write(call, list, changes, end, count);
        }
    })?;
    if popped.is_none() {
        call.reply.null_array();
    }
    Ok(())
}

/// Moves up to `count` elements from the end of a list into the reply; how many there were.
fn take_and_write(call: &mut Call, list: &mut List, changes: &mut Changes, end: End, count: usize) -> usize {
    let count = count.min(list.len());
    call.reply.array(count);
    let mut strings = call.reply.strings();
    list.iter(end).take(count).for_each(|item| push_item(&mut strings, item));
    match end {
        End::Front => list.remove_range(0, count),
        End::Back => list.remove_range(list.len() - count, count),
    }
    take(list, changes, end, 0);
    changes.count(count as u64);
    count
}

/// What LMPOP and BLMPOP are asked for.
struct Wanted {
    /// Indices of the words that are keys.
    keys: Range<usize>,
    end: End,
    count: usize,
}

/// Reads `numkeys key+ LEFT|RIGHT [COUNT count]` from word `at` on.
fn parse_wanted(call: &Call, at: usize) -> Result<Wanted, Stop> {
    let positive = |index: usize, fault: &'static str| match parse_i64(call.arg(index)) {
        Some(number @ 1..) => Ok(number as usize),
        _ => Err(Stop::from(fault)),
    };
    let keys = at + 1..(at + 1).saturating_add(positive(at, "ERR numkeys should be greater than 0")?);
    if keys.end >= call.argc() {
        return Err(fault::SYNTAX);
    }
    let end = end_at(call, keys.end)?;
    let mut count = None;
    let mut index = keys.end + 1;
    while index < call.argc() {
        if count.is_some() || !call.is(index, "COUNT") || index + 1 == call.argc() {
            return Err(fault::SYNTAX);
        }
        count = Some(positive(index + 1, "ERR count should be greater than 0")?);
        index += 2;
    }
    Ok(Wanted { keys, end, count: count.unwrap_or(1) })
}

/// Takes from the first list that there is; false when there is none.
fn take_wanted(call: &mut Call, db: &mut Db, wanted: &Wanted) -> Result<bool, Stop> {
    for index in wanted.keys.clone() {
        let key = call.key(index);
        let taken = db.edit::<List, _>(key, |list, changes| {
            call.reply.array(2);
            call.reply.bulk(key.bytes);
            take_and_write(call, list, changes, wanted.end, wanted.count)
        })?;
        if let Some(count) = taken {
            if call.is_journalled() {
                call.propagation.rewrite(&[verb(wanted.end), key.bytes, count.to_string().as_bytes()]);
            }
            return Ok(true);
        }
    }
    Ok(false)
}

/// The command that takes from an end and never waits.
fn verb(end: End) -> &'static [u8] {
    if end == End::Front { b"LPOP" } else { b"RPOP" }
}

fn lmpop(call: &mut Call, db: &mut Db) -> Outcome {
    let wanted = parse_wanted(call, 1)?;
    if !take_wanted(call, db, &wanted)? {
        call.reply.null_array();
    }
    Ok(())
}

fn blmpop(call: &mut Call, db: &mut Db) -> Outcome {
    let wanted = parse_wanted(call, 2)?;
    let deadline = call.timeout_deadline(1)?;
    if take_wanted(call, db, &wanted)? { Ok(()) } else { Err(wait(call, wanted.keys, deadline)) }
}

fn blocking_pop(call: &mut Call, db: &mut Db, end: End) -> Outcome {
    let last = call.argc() - 1;
    let deadline = call.timeout_deadline(last)?;
    for index in 1..last {
        let key = call.key(index);
        let popped = db.edit::<List, _>(key, |list, changes| {
            call.reply.array(2);
            call.reply.bulk(key.bytes);
            write_item(&mut call.reply, list.peek(end).expect("a list in the keyspace has elements"));
            take(list, changes, end, 1);
        })?;
        if popped.is_some() {
            if call.is_journalled() {
                call.propagation.rewrite(&[verb(end), key.bytes]);
            }
            return Ok(());
        }
    }
    Err(wait(call, 1..last, deadline))
}

fn wait(call: &Call, keys: Range<usize>, deadline: Option<Ms>) -> Stop {
    let keys = keys.map(|index| call.arg(index).to_vec()).collect();
    Stop::wait(Block::on(keys, Kind::List, deadline, WhenDenied::NullArray))
}
