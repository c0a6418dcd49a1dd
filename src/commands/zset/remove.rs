//! ZREM and the removal of ranges.

use super::bounds::{lex_range, rank_range, score_range};
use crate::exec::{Call, Command, Outcome};
use crate::keyspace::Db;
use crate::keyspace::event::{Event, class, event};
use crate::spec::flag::{FAST, WRITE};
use crate::spec::{Group, at, command};
use crate::value::Object;
use crate::value::zset::{End, Zset};
use std::ops::Range;

pub const COMMANDS: &[Command] = &[
    command("ZREM", "key member+", -3)
        .since("1.2.0")
        .group(Group::SortedSet)
        .flags(WRITE | FAST)
        .keys(at(1).read_write().delete())
        .element(2)
        .cost("O(log n) a member")
        .says("Removes members.")
        .data(zrem),
    command("ZREMRANGEBYLEX", "key min max", 4)
        .since("2.8.9")
        .group(Group::SortedSet)
        .flags(WRITE)
        .keys(at(1).read_write().delete())
        .cost("O(log n + m) for m members removed")
        .says("Removes the members in a range of bytes.")
        .data(zremrangebylex),
    command("ZREMRANGEBYRANK", "key start:integer stop:integer", 4)
        .since("2.0.0")
        .group(Group::SortedSet)
        .flags(WRITE)
        .keys(at(1).read_write().delete())
        .cost("O(log n + m) for m members removed")
        .says("Removes the members in a range of ranks.")
        .data(zremrangebyrank),
    command("ZREMRANGEBYSCORE", "key min:double max:double", 4)
        .since("1.2.0")
        .group(Group::SortedSet)
        .flags(WRITE)
        .keys(at(1).read_write().delete())
        .cost("O(log n + m) for m members removed")
        .says("Removes the members with scores in a range.")
        .data(zremrangebyscore),
];

const ZREM: Event = event(class::ZSET, "zrem");
const ZREMRANGEBYLEX: Event = event(class::ZSET, "zremrangebylex");
const ZREMRANGEBYRANK: Event = event(class::ZSET, "zremrangebyrank");
const ZREMRANGEBYSCORE: Event = event(class::ZSET, "zremrangebyscore");

fn zrem(call: &mut Call, db: &mut Db) -> Outcome {
    let args = call.args;
    let removed = db.edit(call.key(1), |zset: &mut Zset, changes| {
        let mut removed = 0;
        for index in 2..args.len() {
            removed += u64::from(zset.remove(args.get(index)));
            if zset.is_empty() {
                break;
            }
        }
        if removed > 0 {
            changes.record(ZREM, removed);
        }
        removed
    })?;
    call.reply.integer(removed.unwrap_or(0) as i64);
    Ok(())
}

fn zremrangebyrank(call: &mut Call, db: &mut Db) -> Outcome {
    let (start, stop) = (call.integer(2)?, call.integer(3)?);
    remove_range(call, db, ZREMRANGEBYRANK, |zset| rank_range(start, stop, zset.len()))
}

fn zremrangebyscore(call: &mut Call, db: &mut Db) -> Outcome {
    let range = score_range(call, 2, 3)?;
    remove_range(call, db, ZREMRANGEBYSCORE, |zset| zset.ranks_by_score(&range))
}

fn zremrangebylex(call: &mut Call, db: &mut Db) -> Outcome {
    let range = lex_range(call, 2, 3)?;
    remove_range(call, db, ZREMRANGEBYLEX, |zset| zset.ranks_by_lex(&range, End::Min))
}

fn remove_range(call: &mut Call, db: &mut Db, event: Event, find: impl FnOnce(&Zset) -> Range<usize>) -> Outcome {
    let removed = db.edit(call.key(1), |zset: &mut Zset, changes| {
        let ranks = find(zset);
        let count = ranks.len();
        if count > 0 {
            zset.remove_ranks(ranks);
            changes.record(event, count as u64);
        }
        count
    })?;
    call.reply.integer(removed.unwrap_or(0) as i64);
    Ok(())
}
