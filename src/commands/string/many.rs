//! MGET, MSET, MSETNX: many keys in one call, brought near a few at a time so that memory is waited for once.

use super::reply_string;
use crate::commands::near::each_key;
use crate::exec::{Call, Command, Outcome};
use crate::keyspace::{Db, Deadline, StringValue, event};
use crate::spec::flag::{DENYOOM, FAST, READONLY, WRITE};
use crate::spec::{Group, at, command};

pub const COMMANDS: &[Command] = &[
    command("MGET", "key+", -2)
        .group(Group::String)
        .flags(READONLY | FAST)
        .keys(at(1).to(-1).read_only().access())
        .cost("O(n) over the keys")
        .says("The strings at many keys.")
        .tips(&["request_policy:multi_shard"])
        .data(mget),
    command("MSET", "{data=key value}+", -3)
        .since("1.0.1")
        .group(Group::String)
        .flags(WRITE | DENYOOM)
        .keys(at(1).to(-1).step(2).overwrite().update())
        .cost("O(n) over the keys")
        .says("Sets many keys to strings.")
        .tips(&["request_policy:multi_shard", "response_policy:all_succeeded"])
        .data(mset),
    command("MSETNX", "{data=key value}+", -3)
        .since("1.0.1")
        .group(Group::String)
        .flags(WRITE | DENYOOM)
        .keys(at(1).to(-1).step(2).overwrite().insert())
        .cost("O(n) over the keys")
        .says("Sets many keys to strings if none of them exists.")
        .data(msetnx),
];

fn mget(call: &mut Call, db: &mut Db) -> Outcome {
    call.reply.array(call.argc() - 1);
    each_key(call, db, 1, 1, |call, db, key, _| match db.lookup(key).map(|entry| entry.string()) {
        Some(Ok(string)) => reply_string(call, string),
        // Another type is no error here: the place stays empty.
        _ => call.reply.null(),
    });
    Ok(())
}

fn mset(call: &mut Call, db: &mut Db) -> Outcome {
    check_pairs(call)?;
    set_all(call, db);
    call.reply.ok();
    Ok(())
}

fn msetnx(call: &mut Call, db: &mut Db) -> Outcome {
    check_pairs(call)?;
    let mut is_any_there = false;
    each_key(call, db, 1, 2, |_, db, key, _| is_any_there = is_any_there || db.lookup_to_write(key).is_some());
    if is_any_there {
        call.reply.integer(0);
        return Ok(());
    }
    set_all(call, db);
    call.reply.integer(1);
    Ok(())
}

/// Every key needs its value.
fn check_pairs(call: &Call) -> Outcome {
    if call.argc() % 2 == 1 {
        return Ok(());
    }
    Err(call.wrong_arity())
}

fn set_all(call: &mut Call, db: &mut Db) {
    each_key(call, db, 1, 2, |call, db, key, index| {
        db.set_string(key, StringValue::encode(call.arg(index + 1)), Deadline::Clear, event::SET);
    });
}
