//! Members drawn at random: shown (SRANDMEMBER), or removed (SPOP).
//!
//! SPOP goes to the journal as what it did: DEL of a set that it emptied, SREM of the members that it drew.

use super::SPOP;
use crate::commands::items::write_item;
use crate::exec::call::fault;
use crate::exec::{Call, Command, Outcome, Stop};
use crate::keyspace::{Db, event};
use crate::spec::{Group, at, command, flag};
use crate::structures::list_pack::Item;
use crate::value::Object;
use crate::value::set::Set;

/// Members in one SREM of the journal.
const JOURNAL_BATCH: usize = 1024;

const NOT_POSITIVE: Stop = Stop::error("ERR value is out of range, must be positive");
const OUT_OF_RANGE: Stop =
    Stop::error("ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807");

pub const COMMANDS: &[Command] = &[
    command("SPOP", "key [count:integer]@3.2.0", -2)
        .group(Group::Set)
        .flags(flag::WRITE | flag::FAST)
        .keys(at(1).read_write().access().delete())
        .tips(&["nondeterministic_output"])
        .cost("O(1), with a count O(n), n the count")
        .says("Removes random members of a set and returns them.")
        .data(spop),
    command("SRANDMEMBER", "key [count:integer]@2.6.0", -2)
        .group(Group::Set)
        .flags(flag::READONLY)
        .keys(at(1).read_only().access())
        .tips(&["nondeterministic_output"])
        .cost("O(1), with a count O(n), n the count without its sign")
        .says("Returns random members of a set, repeated ones if the count is negative.")
        .data(srandmember),
];

fn spop(call: &mut Call, db: &mut Db) -> Outcome {
    match call.argc() {
        2 => spop_one(call, db),
        3 => {
            let count = call.integer(2).ok().and_then(|count| usize::try_from(count).ok()).ok_or(NOT_POSITIVE)?;
            spop_count(call, db, count)
        }
        _ => Err(fault::SYNTAX),
    }
}

fn spop_one(call: &mut Call, db: &mut Db) -> Outcome {
    let key = call.key(1);
    let popped = db.edit(key, |set: &mut Set, changes| {
        set.pop_sample(changes.random, |member| {
            write_item(&mut call.reply, member);
            if call.propagation.is_wanted() {
                call.propagation.rewrite(&[b"SREM", key.bytes, &member.to_vec()]);
            }
        });
        changes.record(SPOP, 1);
    })?;
    if popped.is_none() {
        call.reply.null();
    }
    Ok(())
}

fn spop_count(call: &mut Call, db: &mut Db, count: usize) -> Outcome {
    let key = call.key(1);
    let len = db.lookup_to_write(key).map(|entry| entry.object::<Set>()).transpose()?.map_or(0, Set::len);
    if len == 0 || count == 0 {
        call.reply.set(0);
        return Ok(());
    }
    if count >= len {
        return spop_all(call, db);
    }
    call.reply.set(count);
    let mut popped: Vec<Vec<u8>> = Vec::new();
    db.edit(key, |set: &mut Set, changes| {
        set.pop_distinct(changes.random, count, changes.limits, |member| {
            write_item(&mut call.reply, member);
            if call.propagation.is_wanted() {
                popped.push(member.to_vec());
            }
        });
        changes.record(SPOP, count as u64);
    })?;
    for batch in popped.chunks(JOURNAL_BATCH) {
        let mut words: Vec<&[u8]> = vec![b"SREM", key.bytes];
        words.extend(batch.iter().map(Vec::as_slice));
        call.propagation.rewrite(&words);
    }
    Ok(())
}

/// The whole set is wanted: it is shown and goes.
fn spop_all(call: &mut Call, db: &mut Db) -> Outcome {
    let key = call.key(1);
    let Some(set) = db.peek_object::<Set>(key)? else { return Ok(()) };
    let len = set.len();
    call.reply.set(len);
    set.iter().for_each(|member| write_item(&mut call.reply, member));
    db.notice(key.bytes, SPOP);
    if let Some(entry) = db.take(key) {
        db.discard(entry);
    }
    db.record(key, event::DEL, len as u64);
    let removal: &[u8] = if call.settings.lazyfree_server_del { b"UNLINK" } else { b"DEL" };
    call.propagation.rewrite(&[removal, key.bytes]);
    Ok(())
}

fn srandmember(call: &mut Call, db: &mut Db) -> Outcome {
    match call.argc() {
        2 => {
            let sample = db.read::<Set>(call.key(1))?.and_then(|set| set.sample(call.random));
            match sample {
                Some(member) => write_item(&mut call.reply, member),
                None => call.reply.null(),
            }
            Ok(())
        }
        3 => {
            let count = call.integer(2)?;
            if count == i64::MIN {
                return Err(OUT_OF_RANGE);
            }
            srandmember_count(call, db, count)
        }
        _ => Err(fault::SYNTAX),
    }
}

fn srandmember_count(call: &mut Call, db: &mut Db, count: i64) -> Outcome {
    let set = db.read::<Set>(call.key(1))?;
    let (Some(set), true) = (set, count != 0) else {
        call.reply.array(0);
        return Ok(());
    };
    let reply = &mut call.reply;
    if count < 0 {
        let draws = count.unsigned_abs();
        reply.array(draws as usize);
        set.sample_with_repeats(call.random, draws, |member| {
            write_item(reply, member);
            true
        });
    } else {
        let distinct = usize::try_from(count).unwrap_or(usize::MAX).min(set.len());
        reply.array(distinct);
        set.sample_distinct(call.random, distinct, |member: Item| write_item(reply, member));
    }
    Ok(())
}
