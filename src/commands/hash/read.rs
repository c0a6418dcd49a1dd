//! HGET, HMGET, HGETALL, HKEYS, HVALS, HLEN, HSTRLEN, HEXISTS.
//!
//! Who names fields removes those of them that are due; who asks for all of them passes these over; HLEN counts them.

use super::answer;
use crate::exec::{Call, Outcome};
use crate::keyspace::Db;
use crate::protocol::reply::Strings;
use crate::structures::list_pack::Item;
use crate::value::Object;
use crate::value::hash::{Hash, Pair};

pub(super) fn hget(call: &mut Call, db: &mut Db) -> Outcome {
    let field = call.arg(2);
    let hash = db.read_fields(call.key(1), [field].into_iter())?;
    match hash.and_then(|hash| hash.get(field, call.now)) {
        Some(value) => answer(&mut call.reply, value),
        None => call.reply.null(),
    }
    Ok(())
}

pub(super) fn hmget(call: &mut Call, db: &mut Db) -> Outcome {
    let fields = call.args.from(2);
    let hash = db.read_fields(call.key(1), fields.iter())?;
    call.reply.array(fields.len());
    for field in fields.iter() {
        match hash.and_then(|hash| hash.get(field, call.now)) {
            Some(value) => answer(&mut call.reply, value),
            None => call.reply.null(),
        }
    }
    Ok(())
}

#[inline]
fn push_item(strings: &mut Strings<'_>, item: Item) {
    match item {
        Item::Int(number) => strings.push_integer(number),
        Item::Bytes(bytes) => strings.push(bytes),
    }
}

pub(super) fn hgetall(call: &mut Call, db: &mut Db) -> Outcome {
    let Some(hash) = db.read::<Hash>(call.key(1))? else {
        call.reply.map(0);
        return Ok(());
    };
    call.reply.map(hash.live_len(call.now));
    let mut strings = call.reply.strings();
    hash.visit(call.now, |(field, value)| {
        push_item(&mut strings, field);
        push_item(&mut strings, value);
    });
    Ok(())
}

pub(super) fn hkeys(call: &mut Call, db: &mut Db) -> Outcome {
    answer_halves(call, db, |(field, _)| field)
}

pub(super) fn hvals(call: &mut Call, db: &mut Db) -> Outcome {
    answer_halves(call, db, |(_, value)| value)
}

#[inline]
fn answer_halves(call: &mut Call, db: &mut Db, half: impl Fn(Pair<'_>) -> Item<'_>) -> Outcome {
    let Some(hash) = db.read::<Hash>(call.key(1))? else {
        call.reply.array(0);
        return Ok(());
    };
    call.reply.array(hash.live_len(call.now));
    let mut strings = call.reply.strings();
    hash.visit(call.now, |pair| push_item(&mut strings, half(pair)));
    Ok(())
}

pub(super) fn hlen(call: &mut Call, db: &mut Db) -> Outcome {
    let hash = db.read::<Hash>(call.key(1))?;
    call.reply.integer(hash.map_or(0, Hash::len) as i64);
    Ok(())
}

pub(super) fn hstrlen(call: &mut Call, db: &mut Db) -> Outcome {
    let field = call.arg(2);
    let hash = db.read_fields(call.key(1), [field].into_iter())?;
    let length = hash.and_then(|hash| hash.get(field, call.now)).map_or(0, Item::len);
    call.reply.integer(length as i64);
    Ok(())
}

pub(super) fn hexists(call: &mut Call, db: &mut Db) -> Outcome {
    let field = call.arg(2);
    let hash = db.read_fields(call.key(1), [field].into_iter())?;
    let is_there = hash.is_some_and(|hash| hash.contains(field, call.now));
    call.reply.integer(i64::from(is_there));
    Ok(())
}
