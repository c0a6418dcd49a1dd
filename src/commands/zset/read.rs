//! ZCARD, ZSCORE, ZMSCORE, ZRANK, ZREVRANK, ZCOUNT and ZLEXCOUNT: one number about a set or a member.

use super::bounds::{lex_range, score_range};
use crate::exec::call::fault;
use crate::exec::{Call, Command, Outcome};
use crate::keyspace::Db;
use crate::spec::flag::{FAST, READONLY};
use crate::spec::{Group, at, command};
use crate::value::Object;
use crate::value::zset::{End, Zset};

pub const COMMANDS: &[Command] = &[
    command("ZCARD", "key", 2)
        .since("1.2.0")
        .group(Group::SortedSet)
        .flags(READONLY | FAST)
        .keys(at(1).read_only())
        .cost("O(1)")
        .says("The number of members.")
        .data(zcard),
    command("ZCOUNT", "key min:double max:double", 4)
        .since("2.0.0")
        .group(Group::SortedSet)
        .flags(READONLY | FAST)
        .keys(at(1).read_only().access())
        .cost("O(log n)")
        .says("The number of members with scores in a range.")
        .data(zcount),
    command("ZLEXCOUNT", "key min max", 4)
        .since("2.8.9")
        .group(Group::SortedSet)
        .flags(READONLY | FAST)
        .keys(at(1).read_only().access())
        .cost("O(log n)")
        .says("The number of members in a range of bytes.")
        .data(zlexcount),
    command("ZMSCORE", "key member+", -3)
        .since("6.2.0")
        .group(Group::SortedSet)
        .flags(READONLY | FAST)
        .keys(at(1).read_only().access())
        .element(2)
        .cost("O(1) a member")
        .says("The scores of members.")
        .data(zmscore),
    command("ZRANK", "key member [WITHSCORE]", -3)
        .since("2.0.0")
        .group(Group::SortedSet)
        .flags(READONLY | FAST)
        .keys(at(1).read_only().access())
        .element(2)
        .cost("O(log n)")
        .says("The rank of a member, from the lowest score on.")
        .data(|call, db| rank(call, db, false)),
    command("ZREVRANK", "key member [WITHSCORE]", -3)
        .since("2.0.0")
        .group(Group::SortedSet)
        .flags(READONLY | FAST)
        .keys(at(1).read_only().access())
        .element(2)
        .cost("O(log n)")
        .says("The rank of a member, from the highest score on.")
        .data(|call, db| rank(call, db, true)),
    command("ZSCORE", "key member", 3)
        .since("1.2.0")
        .group(Group::SortedSet)
        .flags(READONLY | FAST)
        .keys(at(1).read_only().access())
        .element(2)
        .cost("O(1)")
        .says("The score of a member.")
        .data(zscore),
];

fn zcard(call: &mut Call, db: &mut Db) -> Outcome {
    let count = db.read::<Zset>(call.key(1))?.map_or(0, Zset::len);
    call.reply.integer(count as i64);
    Ok(())
}

fn zcount(call: &mut Call, db: &mut Db) -> Outcome {
    let range = score_range(call, 2, 3)?;
    let count = db.read::<Zset>(call.key(1))?.map_or(0, |zset| zset.ranks_by_score(&range).len());
    call.reply.integer(count as i64);
    Ok(())
}

fn zlexcount(call: &mut Call, db: &mut Db) -> Outcome {
    let range = lex_range(call, 2, 3)?;
    let count = db.read::<Zset>(call.key(1))?.map_or(0, |zset| zset.ranks_by_lex(&range, End::Min).len());
    call.reply.integer(count as i64);
    Ok(())
}

fn zscore(call: &mut Call, db: &mut Db) -> Outcome {
    match db.read::<Zset>(call.key(1))?.and_then(|zset| zset.score(call.arg(2))) {
        Some(score) => call.reply.double(score),
        None => call.reply.null(),
    }
    Ok(())
}

fn zmscore(call: &mut Call, db: &mut Db) -> Outcome {
    let zset = db.read::<Zset>(call.key(1))?;
    call.reply.array(call.argc() - 2);
    for index in 2..call.argc() {
        match zset.and_then(|zset| zset.score(call.arg(index))) {
            Some(score) => call.reply.double(score),
            None => call.reply.null(),
        }
    }
    Ok(())
}

fn rank(call: &mut Call, db: &mut Db, is_reversed: bool) -> Outcome {
    if call.argc() > 4 {
        return Err(call.wrong_arity());
    }
    let with_score = call.argc() == 4;
    if with_score && !call.is(3, "WITHSCORE") {
        return Err(fault::SYNTAX);
    }
    let zset = db.read::<Zset>(call.key(1))?;
    let Some((rank, score)) = zset.and_then(|zset| zset.rank(call.arg(2))) else {
        if with_score {
            call.reply.null_array();
        } else {
            call.reply.null();
        }
        return Ok(());
    };
    let rank = if is_reversed { zset.map_or(0, Zset::len) - 1 - rank } else { rank };
    if with_score {
        call.reply.array(2);
    }
    call.reply.integer(rank as i64);
    if with_score {
        call.reply.double(score);
    }
    Ok(())
}
