//! HGET, HMGET, HGETALL, HKEYS, HVALS, HLEN, HSTRLEN, HEXISTS.

use super::answer;
use crate::exec::{Call, Outcome};
use crate::keyspace::Db;
use crate::structures::list_pack::Item;
use crate::value::Object;
use crate::value::hash::{Hash, Pair};

pub(super) fn hget(call: &mut Call, db: &mut Db) -> Outcome {
    let hash = db.read::<Hash>(call.key(1))?;
    match hash.and_then(|hash| hash.get(call.arg(2))) {
        Some(value) => answer(&mut call.reply, value),
        None => call.reply.null(),
    }
    Ok(())
}

pub(super) fn hmget(call: &mut Call, db: &mut Db) -> Outcome {
    let hash = db.read::<Hash>(call.key(1))?;
    let fields = call.args.from(2);
    call.reply.array(fields.len());
    for field in fields.iter() {
        match hash.and_then(|hash| hash.get(field)) {
            Some(value) => answer(&mut call.reply, value),
            None => call.reply.null(),
        }
    }
    Ok(())
}

pub(super) fn hgetall(call: &mut Call, db: &mut Db) -> Outcome {
    let hash = db.read::<Hash>(call.key(1))?;
    call.reply.map(hash.map_or(0, Hash::len));
    for (field, value) in hash.into_iter().flat_map(Hash::iter) {
        answer(&mut call.reply, field);
        answer(&mut call.reply, value);
    }
    Ok(())
}

pub(super) fn hkeys(call: &mut Call, db: &mut Db) -> Outcome {
    answer_halves(call, db, |(field, _)| field)
}

pub(super) fn hvals(call: &mut Call, db: &mut Db) -> Outcome {
    answer_halves(call, db, |(_, value)| value)
}

fn answer_halves(call: &mut Call, db: &mut Db, half: fn(Pair<'_>) -> Item<'_>) -> Outcome {
    let hash = db.read::<Hash>(call.key(1))?;
    call.reply.array(hash.map_or(0, Hash::len));
    hash.into_iter().flat_map(Hash::iter).for_each(|pair| answer(&mut call.reply, half(pair)));
    Ok(())
}

pub(super) fn hlen(call: &mut Call, db: &mut Db) -> Outcome {
    let hash = db.read::<Hash>(call.key(1))?;
    call.reply.integer(hash.map_or(0, Hash::len) as i64);
    Ok(())
}

pub(super) fn hstrlen(call: &mut Call, db: &mut Db) -> Outcome {
    let hash = db.read::<Hash>(call.key(1))?;
    let length = hash.and_then(|hash| hash.get(call.arg(2))).map_or(0, Item::len);
    call.reply.integer(length as i64);
    Ok(())
}

pub(super) fn hexists(call: &mut Call, db: &mut Db) -> Outcome {
    let hash = db.read::<Hash>(call.key(1))?;
    let is_there = hash.is_some_and(|hash| hash.contains(call.arg(2)));
    call.reply.integer(i64::from(is_there));
    Ok(())
}
