//! OBJECT: how a value is kept, and how it is used.

use crate::commands::help::help_row;
use crate::exec::{Call, Command, Outcome, Stop};
use crate::keyspace::eviction::{idle_seconds, lfu_counter};
use crate::keyspace::{Db, EntryRef, Str, Value};
use crate::spec::Group;
use crate::spec::flag::READONLY;
use crate::spec::{at, command};

pub const COMMANDS: &[Command] = &[command("OBJECT", "", -2)
    .since("2.2.3")
    .cost("Depends on the subcommand")
    .says("How values are kept and used.")
    .container(&[
        command("ENCODING", "key", 3)
            .since("2.2.3")
            .flags(READONLY)
            .keys(at(2).read_only())
            .cost("O(1)")
            .says("The name of the layout that a value has.")
            .tips(&["nondeterministic_output"])
            .data(encoding),
        command("FREQ", "key", 3)
            .since("4.0.0")
            .flags(READONLY)
            .keys(at(2).read_only())
            .cost("O(1)")
            .says("How often a key is used, on a logarithmic scale.")
            .tips(&["nondeterministic_output"])
            .data(frequency),
        help_row(Group::Generic, "6.2.0"),
        command("IDLETIME", "key", 3)
            .since("2.2.3")
            .flags(READONLY)
            .keys(at(2).read_only())
            .cost("O(1)")
            .says("Seconds since a key was last used.")
            .tips(&["nondeterministic_output"])
            .data(idle_time),
        command("REFCOUNT", "key", 3)
            .since("2.2.3")
            .flags(READONLY)
            .keys(at(2).read_only())
            .cost("O(1)")
            .says("How many refer to a value.")
            .tips(&["nondeterministic_output"])
            .data(reference_count),
    ])];

/// Integers below this are one object for all keys in Redis, whose count of references is said to be the largest int.
const SHARED_INTEGERS: i64 = 10_000;

/// Answers about the entry at the key, or null. The question is no use of the key.
fn answer(
    call: &mut Call,
    db: &mut Db,
    of_entry: impl FnOnce(&mut Call, EntryRef<'_>) -> Result<i64, Stop>,
) -> Outcome {
    match db.inspect_quietly(call.key(2)) {
        None => call.reply.null(),
        Some(entry) => {
            let number = of_entry(call, entry)?;
            call.reply.integer(number);
        }
    }
    Ok(())
}

fn encoding(call: &mut Call, db: &mut Db) -> Outcome {
    match db.inspect_quietly(call.key(2)) {
        None => call.reply.null(),
        Some(entry) => call.reply.bulk(entry.encoding().as_bytes()),
    }
    Ok(())
}

fn reference_count(call: &mut Call, db: &mut Db) -> Outcome {
    let keeps_use = db.rules.policy.is_lfu() || db.rules.policy.is_lru();
    answer(call, db, |call, entry| {
        let may_share = call.settings.maxmemory_bytes == 0 || !keeps_use;
        let is_shared =
            matches!(entry.value(), Value::String(Str::Int(number)) if (0..SHARED_INTEGERS).contains(&number));
        Ok(if may_share && is_shared { i64::from(i32::MAX) } else { 1 })
    })
}

fn idle_time(call: &mut Call, db: &mut Db) -> Outcome {
    let rules = db.rules.clone();
    answer(call, db, |_, entry| {
        if rules.policy.is_lfu() {
            return Err(Stop::error(
                "ERR An LFU maxmemory policy is selected, idle time not tracked. Please note that when switching between \
                 policies at runtime LRU and LFU data will take some time to adjust.",
            ));
        }
        Ok(i64::from(idle_seconds(entry.access(), &rules)))
    })
}

fn frequency(call: &mut Call, db: &mut Db) -> Outcome {
    let rules = db.rules.clone();
    answer(call, db, |_, entry| {
        if !rules.policy.is_lfu() {
            return Err(Stop::error(
                "ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that when switching \
                 between policies at runtime LRU and LFU data will take some time to adjust.",
            ));
        }
        Ok(i64::from(lfu_counter(entry.access(), &rules)))
    })
}
