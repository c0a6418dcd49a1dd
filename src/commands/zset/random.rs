//! ZRANDMEMBER.

use super::{reply_members_start, reply_scored};
use crate::commands::items::write_item;
use crate::exec::call::fault;
use crate::exec::{Call, Command, Outcome, Stop};
use crate::keyspace::Db;
use crate::spec::flag::READONLY;
use crate::spec::{Group, at, command};
use crate::value::Object;
use crate::value::zset::Zset;
use std::collections::HashSet;

pub const COMMANDS: &[Command] = &[command("ZRANDMEMBER", "key [options=count:integer [WITHSCORES]]", -2)
    .since("6.2.0")
    .group(Group::SortedSet)
    .flags(READONLY)
    .keys(at(1).read_only().access())
    .tips(&["nondeterministic_output"])
    .cost("O(n) for n members answered")
    .says("Members drawn at random.")
    .data(zrandmember)];

const COUNT_TOO_LOW: Stop =
    Stop::error("ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807");
const COUNT_TOO_LARGE: Stop = Stop::error("ERR value is out of range");

/// A sample of more than one member in so many is taken by walking the set, of fewer by drawing ranks until enough
/// different ones have come up.
const WALK_SHARE: usize = 3;

fn zrandmember(call: &mut Call, db: &mut Db) -> Outcome {
    if call.argc() == 2 {
        return one(call, db);
    }
    let count = call.integer(2)?;
    if count == i64::MIN {
        return Err(COUNT_TOO_LOW);
    }
    let with_scores = call.argc() == 4;
    if call.argc() > 4 || with_scores && !call.is(3, "WITHSCORES") {
        return Err(fault::SYNTAX);
    }
    if with_scores && !(-i64::MAX / 2..=i64::MAX / 2).contains(&count) {
        return Err(COUNT_TOO_LARGE);
    }
    let zset = match db.read::<Zset>(call.key(1))? {
        Some(zset) if count != 0 => zset,
        _ => {
            call.reply.array(0);
            return Ok(());
        }
    };
    if count < 0 {
        with_repeats(call, zset, count.unsigned_abs() as usize, with_scores);
    } else {
        distinct(call, zset, zset.len().min(count as usize), with_scores);
    }
    Ok(())
}

fn one(call: &mut Call, db: &mut Db) -> Outcome {
    match db.read::<Zset>(call.key(1))?.and_then(|zset| zset.sample(call.random)) {
        Some((member, _)) => write_item(&mut call.reply, member),
        None => call.reply.null(),
    }
    Ok(())
}

/// Every draw from the whole set.
fn with_repeats(call: &mut Call, zset: &Zset, count: usize, with_scores: bool) {
    reply_members_start(&mut call.reply, count, with_scores);
    for _ in 0..count {
        let (member, score) = zset.sample(call.random).expect("a set at a key is not empty");
        reply_scored(&mut call.reply, member, score, with_scores);
    }
}

/// No member twice.
fn distinct(call: &mut Call, zset: &Zset, count: usize, with_scores: bool) {
    reply_members_start(&mut call.reply, count, with_scores);
    if count.saturating_mul(WALK_SHARE) > zset.len() || zset.as_pack().is_some() {
        // Knuth's selection sampling: each member is taken with the chance that what is wanted bears to what is left.
        let (mut wanted, mut left) = (count as u64, zset.len() as u64);
        for (member, score) in zset.iter_from(0) {
            if call.random.below(left) < wanted {
                reply_scored(&mut call.reply, member, score, with_scores);
                wanted -= 1;
            }
            left -= 1;
        }
        return;
    }
    let mut drawn = HashSet::with_capacity(count);
    while drawn.len() < count {
        let rank = call.random.below(zset.len() as u64) as usize;
        if drawn.insert(rank) {
            let (member, score) = zset.get(rank).expect("a rank below the length");
            reply_scored(&mut call.reply, member, score, with_scores);
        }
    }
}
