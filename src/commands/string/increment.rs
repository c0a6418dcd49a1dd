//! Counters: INCR, DECR, INCRBY, DECRBY, and INCRBYFLOAT in extended precision.

use crate::base::long_double::LongDouble;
use crate::base::number::parse_i64;
use crate::exec::call::fault;
use crate::exec::{Call, Command, Outcome, Stop};
use crate::keyspace::event::{Event, class, event};
use crate::keyspace::{Db, Str, StringValue};
use crate::spec::flag::{DENYOOM, FAST, WRITE};
use crate::spec::{Group, at, command};

const INCRBY: Event = event(class::STRING, "incrby");
const INCRBYFLOAT: Event = event(class::STRING, "incrbyfloat");

pub const COMMANDS: &[Command] = &[
    command("DECR", "key", 2)
        .group(Group::String)
        .flags(WRITE | DENYOOM | FAST)
        .keys(at(1).read_write().access().update())
        .cost("O(1)")
        .says("Takes one from the integer at a key, 0 if there is none.")
        .data(decr),
    command("DECRBY", "key decrement:integer", 3)
        .group(Group::String)
        .flags(WRITE | DENYOOM | FAST)
        .keys(at(1).read_write().access().update())
        .cost("O(1)")
        .says("Takes a number from the integer at a key, 0 if there is none.")
        .data(decrby),
    command("INCR", "key", 2)
        .group(Group::String)
        .flags(WRITE | DENYOOM | FAST)
        .keys(at(1).read_write().access().update())
        .cost("O(1)")
        .says("Adds one to the integer at a key, 0 if there is none.")
        .data(incr),
    command("INCRBY", "key increment:integer", 3)
        .group(Group::String)
        .flags(WRITE | DENYOOM | FAST)
        .keys(at(1).read_write().access().update())
        .cost("O(1)")
        .says("Adds a number to the integer at a key, 0 if there is none.")
        .data(incrby),
    command("INCRBYFLOAT", "key increment:double", 3)
        .since("2.6.0")
        .group(Group::String)
        .flags(WRITE | DENYOOM | FAST)
        .keys(at(1).read_write().access().update())
        .cost("O(1)")
        .says("Adds a number to the number at a key, 0 if there is none, in 80-bit precision.")
        .data(incrbyfloat),
];

fn incr(call: &mut Call, db: &mut Db) -> Outcome {
    add(call, db, 1)
}

fn decr(call: &mut Call, db: &mut Db) -> Outcome {
    add(call, db, -1)
}

fn incrby(call: &mut Call, db: &mut Db) -> Outcome {
    let increment = call.integer(2)?;
    add(call, db, increment)
}

fn decrby(call: &mut Call, db: &mut Db) -> Outcome {
    let decrement = call.integer(2)?;
    match decrement.checked_neg() {
        Some(increment) => add(call, db, increment),
        None => Err(Stop::error("ERR decrement would overflow")),
    }
}

#[inline]
fn add(call: &mut Call, db: &mut Db, increment: i64) -> Outcome {
    let mut sum = 0;
    db.update_string(call.key(1), INCRBY, |old| {
        let old = match old {
            None => 0,
            Some(Str::Int(number)) => number,
            Some(text) => text.with_bytes(parse_i64).ok_or(fault::NOT_AN_INTEGER)?,
        };
        sum = old.checked_add(increment).ok_or(Stop::error("ERR increment or decrement would overflow"))?;
        Ok::<_, Stop>(StringValue::Int(sum))
    })?;
    call.reply.integer(sum);
    Ok(())
}

fn incrbyfloat(call: &mut Call, db: &mut Db) -> Outcome {
    let mut text = Vec::new();
    let key = call.key(1);
    let old = match db.lookup_to_write(key) {
        None => LongDouble::from_i64(0),
        Some(entry) => match entry.string()? {
            Str::Int(number) => LongDouble::from_i64(number),
            string => string.with_bytes(LongDouble::parse).ok_or(fault::NOT_A_FLOAT)?,
        },
    };
    let increment = LongDouble::parse(call.arg(2)).ok_or(fault::NOT_A_FLOAT)?;
    let sum = old.plus(increment);
    if !sum.is_finite() {
        return Err(Stop::error("ERR increment would produce NaN or Infinity"));
    }
    sum.write(&mut text);
    db.update_string(key, INCRBYFLOAT, |_| Ok::<_, Stop>(StringValue::Bytes(&text)))?;
    call.reply.bulk(&text);
    // Others do not add: their floating point may differ from ours.
    call.propagation.rewrite(&[b"SET", key.bytes, &text, b"KEEPTTL"]);
    Ok(())
}
