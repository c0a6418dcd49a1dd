//! DEL, UNLINK, EXISTS, TOUCH, TYPE, KEYS, RANDOMKEY.
//!
//! DEL and UNLINK are the same here: what is large is always freed in slices.

use crate::base::glob;
use crate::commands::near::each_key;
use crate::exec::{Call, Command, Outcome};
use crate::keyspace::{Db, event};
use crate::spec::flag::{FAST, READONLY, WRITE};
use crate::spec::{at, category, command};

pub const COMMANDS: &[Command] = &[
    command("DEL", "key+", -2)
        .flags(WRITE)
        .keys(at(1).to(-1).remove().delete())
        .cost("O(n) over the keys; large values are freed in slices afterwards")
        .says("Deletes keys.")
        .tips(&["request_policy:multi_shard", "response_policy:agg_sum"])
        .data(del),
    command("EXISTS", "key+", -2)
        .flags(READONLY | FAST)
        .keys(at(1).to(-1).read_only())
        .cost("O(n) over the keys")
        .says("How many of the keys exist; one named twice counts twice.")
        .tips(&["request_policy:multi_shard", "response_policy:agg_sum"])
        .data(exists),
    command("KEYS", "pattern:pattern", 2)
        .flags(READONLY)
        .categories(category::DANGEROUS)
        .cost("O(n) over all keys of the database")
        .says("All keys that match a pattern.")
        .tips(&["request_policy:all_shards", "nondeterministic_output_order"])
        .data(keys),
    command("RANDOMKEY", "", 1)
        .flags(READONLY)
        .cost("O(1)")
        .says("A key drawn at random.")
        .tips(&["request_policy:all_shards", "response_policy:special", "nondeterministic_output"])
        .data(random_key),
    command("TOUCH", "key+", -2)
        .since("3.2.1")
        .flags(READONLY | FAST)
        .keys(at(1).to(-1).read_only())
        .cost("O(n) over the keys")
        .says("Marks keys as used now; how many of them exist.")
        .tips(&["request_policy:multi_shard", "response_policy:agg_sum"])
        .data(touch),
    command("TYPE", "key", 2)
        .flags(READONLY | FAST)
        .keys(at(1).read_only())
        .cost("O(1)")
        .says("The type of the value at a key.")
        .data(type_of),
    command("UNLINK", "key+", -2)
        .since("4.0.0")
        .flags(WRITE | FAST)
        .keys(at(1).to(-1).remove().delete())
        .cost("O(n) over the keys; large values are freed in slices afterwards")
        .says("Deletes keys.")
        .tips(&["request_policy:multi_shard", "response_policy:agg_sum"])
        .data(del),
];

fn del(call: &mut Call, db: &mut Db) -> Outcome {
    let mut count = 0;
    each_key(call, db, 1, 1, |_, db, key, _| count += i64::from(db.remove(key, event::DEL)));
    call.reply.integer(count);
    Ok(())
}

fn exists(call: &mut Call, db: &mut Db) -> Outcome {
    let mut count = 0;
    each_key(call, db, 1, 1, |_, db, key, _| count += i64::from(db.inspect(key).is_some()));
    call.reply.integer(count);
    Ok(())
}

fn touch(call: &mut Call, db: &mut Db) -> Outcome {
    // Even for a client whose reads leave no mark: marking is what it asks for.
    db.rules.touches = true;
    let mut count = 0;
    each_key(call, db, 1, 1, |_, db, key, _| count += i64::from(db.lookup(key).is_some()));
    call.reply.integer(count);
    Ok(())
}

fn type_of(call: &mut Call, db: &mut Db) -> Outcome {
    let name = db.inspect(call.key(1)).map_or("none", |entry| entry.kind().name());
    call.reply.simple(name);
    Ok(())
}

fn keys(call: &mut Call, db: &mut Db) -> Outcome {
    let pattern = call.arg(1);
    let all = pattern == b"*";
    let start = call.reply.deferred();
    let mut count = 0;
    for entry in db.iter().filter(|entry| all || glob::matches(pattern, entry.key())) {
        call.reply.bulk(entry.key());
        count += 1;
    }
    call.reply.finish_array(start, count);
    Ok(())
}

fn random_key(call: &mut Call, db: &mut Db) -> Outcome {
    match db.random_key() {
        Some(key) => call.reply.bulk(&key),
        None => call.reply.null(),
    }
    Ok(())
}
