//! Several sets combined: shown, stored at a key, or only counted. A key that is not there is an empty set.

use super::{SDIFFSTORE, SINTERSTORE, SUNIONSTORE};
use crate::commands::items::push_item;
use crate::exec::call::fault;
use crate::exec::{Call, Command, Outcome, Stop};
use crate::keyspace::{Db, Event, Key};
use crate::spec::{Group, at, command, counted, flag};
use crate::structures::list_pack::Item;
use crate::value::Object;
use crate::value::set::{self, Set};

const NUMKEYS: Stop = Stop::error("ERR numkeys should be greater than 0");
const TOO_MANY_KEYS: Stop = Stop::error("ERR Number of keys can't be greater than number of args");
/// What stands around a string in a reply: its length and two line ends.
const STRING_FRAME_BYTES: usize = 8;

const LIMIT: Stop = Stop::error("ERR LIMIT can't be negative");

const INTERSECTION_COST: &str = "O(n * m), n the members of the smallest set, m the number of sets";
const ALL_MEMBERS_COST: &str = "O(n), n the members of all the sets";
const ANY_ORDER: &[&str] = &["nondeterministic_output_order"];
const STORES: u32 = flag::WRITE | flag::DENYOOM;

pub const COMMANDS: &[Command] = &[
    command("SINTER", "key+", -2)
        .group(Group::Set)
        .flags(flag::READONLY)
        .keys(at(1).to(-1).read_only().access())
        .tips(ANY_ORDER)
        .cost(INTERSECTION_COST)
        .says("Returns the members that several sets have in common.")
        .data(sinter),
    command("SINTERCARD", "numkeys:integer key+ [LIMIT limit:integer]", -3)
        .since("7.0.0")
        .group(Group::Set)
        .flags(flag::READONLY | flag::MOVABLE_KEYS)
        .keys(counted(1).read_only().access())
        .cost(INTERSECTION_COST)
        .says("Counts the members that several sets have in common.")
        .data(sintercard),
    command("SDIFFCARD", "numkeys:integer key+ [LIMIT limit:integer]", -3)
        .since("8.10.0")
        .group(Group::Set)
        .flags(flag::READONLY | flag::MOVABLE_KEYS)
        .keys(counted(1).read_only().access())
        .cost(ALL_MEMBERS_COST)
        .says("Counts the members of a set that none of several others has.")
        .data(sdiffcard),
    command("SUNIONCARD", "numkeys:integer key+ [APPROX] [LIMIT limit:integer]", -3)
        .since("8.10.0")
        .group(Group::Set)
        .flags(flag::READONLY | flag::MOVABLE_KEYS)
        .keys(counted(1).read_only().access())
        .cost(ALL_MEMBERS_COST)
        .says("Counts the members of all of several sets.")
        .data(sunioncard),
    command("SINTERSTORE", "destination:key key+", -3)
        .group(Group::Set)
        .flags(STORES)
        .keys(at(1).overwrite().update())
        .keys(at(2).to(-1).read_only().access())
        .cost(INTERSECTION_COST)
        .says("Stores the members that several sets have in common.")
        .data(sinterstore),
    command("SUNION", "key+", -2)
        .group(Group::Set)
        .flags(flag::READONLY)
        .keys(at(1).to(-1).read_only().access())
        .tips(ANY_ORDER)
        .cost(ALL_MEMBERS_COST)
        .says("Returns the members of all of several sets.")
        .data(sunion),
    command("SUNIONSTORE", "destination:key key+", -3)
        .group(Group::Set)
        .flags(STORES)
        .keys(at(1).overwrite().update())
        .keys(at(2).to(-1).read_only().access())
        .cost(ALL_MEMBERS_COST)
        .says("Stores the members of all of several sets.")
        .data(sunionstore),
    command("SDIFF", "key+", -2)
        .group(Group::Set)
        .flags(flag::READONLY)
        .keys(at(1).to(-1).read_only().access())
        .tips(ANY_ORDER)
        .cost(ALL_MEMBERS_COST)
        .says("Returns the members of a set that none of several others has.")
        .data(sdiff),
    command("SDIFFSTORE", "destination:key key+", -3)
        .group(Group::Set)
        .flags(STORES)
        .keys(at(1).overwrite().update())
        .keys(at(2).to(-1).read_only().access())
        .cost(ALL_MEMBERS_COST)
        .says("Stores the members of a set that none of several others has.")
        .data(sdiffstore),
];

/// The sets at the keys of words `from` to `to` (not included), in order. Each key is looked up as a read, and the first one of
/// another type is the answer, even if a set before it is missing.
fn sets_at<'d>(call: &Call, db: &'d mut Db, from: usize, to: usize) -> Result<Vec<Option<&'d Set>>, Stop> {
    let keys: Vec<Key> = (from..to).map(|index| call.key(index)).collect();
    for key in &keys {
        db.read::<Set>(*key)?;
    }
    let db = &*db;
    keys.into_iter().map(|key| Ok(db.peek_object::<Set>(key)?)).collect()
}

fn sinter(call: &mut Call, db: &mut Db) -> Outcome {
    let sets: Option<Vec<&Set>> = sets_at(call, db, 1, call.argc())?.into_iter().collect();
    let Some(mut sets) = sets else {
        call.reply.set(0);
        return Ok(());
    };
    // Often most of the smallest set is in all of them.
    if let Some(smallest) = sets.iter().min_by_key(|set| set.len()) {
        let length = smallest.iter().next().map_or(0, Item::len);
        call.reply.expect(smallest.len() * (length + STRING_FRAME_BYTES));
    }
    let start = call.reply.deferred();
    let mut count = 0;
    let mut strings = call.reply.strings();
    set::intersection(&mut sets, |member| {
        push_item(&mut strings, member);
        count += 1;
        true
    });
    drop(strings);
    call.reply.finish_set(start, count);
    Ok(())
}

/// Reads `numkeys key+ [LIMIT limit]`, with APPROX where that is an option: the end of the keys, which begin at word 2, and
/// how many members are counted at most.
fn parse_counted(call: &Call, takes_approx: bool) -> Result<(usize, usize), Stop> {
    let keys = call.integer(1).ok().filter(|&count| count > 0).ok_or(NUMKEYS)?;
    let options = usize::try_from(keys).ok().and_then(|keys| keys.checked_add(2)).filter(|&at| at <= call.argc());
    let options = options.ok_or(TOO_MANY_KEYS)?;
    let mut limit = 0;
    let mut index = options;
    while index < call.argc() {
        if takes_approx && call.is(index, "APPROX") {
            // What is counted exactly is as near as can be.
            index += 1;
            continue;
        }
        if !call.is(index, "LIMIT") || index + 1 == call.argc() {
            return Err(fault::SYNTAX);
        }
        let given = call.integer(index + 1).ok().and_then(|limit| usize::try_from(limit).ok());
        limit = given.ok_or(LIMIT)?;
        index += 2;
    }
    Ok((options, if limit == 0 { usize::MAX } else { limit }))
}

fn sintercard(call: &mut Call, db: &mut Db) -> Outcome {
    let (end, max) = parse_counted(call, false)?;
    let sets: Option<Vec<&Set>> = sets_at(call, db, 2, end)?.into_iter().collect();
    let mut count = 0;
    if let Some(mut sets) = sets {
        set::intersection(&mut sets, |_| {
            count += 1;
            count < max
        });
    }
    call.reply.integer(count as i64);
    Ok(())
}

fn sunioncard(call: &mut Call, db: &mut Db) -> Outcome {
    let (end, max) = parse_counted(call, true)?;
    let sets: Vec<&Set> = sets_at(call, db, 2, end)?.into_iter().flatten().collect();
    call.reply.integer(set::union_len(&sets, max) as i64);
    Ok(())
}

fn sdiffcard(call: &mut Call, db: &mut Db) -> Outcome {
    let (end, max) = parse_counted(call, false)?;
    let sets = sets_at(call, db, 2, end)?;
    let others: Vec<&Set> = sets[1..].iter().copied().flatten().collect();
    let count = sets[0].map_or(0, |first| set::difference_len(first, &others, max));
    call.reply.integer(count as i64);
    Ok(())
}

fn sunion(call: &mut Call, db: &mut Db) -> Outcome {
    let sets: Vec<&Set> = sets_at(call, db, 1, call.argc())?.into_iter().flatten().collect();
    let start = call.reply.deferred();
    let mut count = 0;
    let mut strings = call.reply.strings();
    set::union(&sets, |member| {
        push_item(&mut strings, member);
        count += 1;
    });
    drop(strings);
    call.reply.finish_set(start, count);
    Ok(())
}

fn sdiff(call: &mut Call, db: &mut Db) -> Outcome {
    let sets = sets_at(call, db, 1, call.argc())?;
    let start = call.reply.deferred();
    let mut count = 0;
    if let Some(first) = sets[0] {
        let others: Vec<&Set> = sets[1..].iter().copied().flatten().collect();
        let mut strings = call.reply.strings();
        set::difference(first, &others, |member| {
            push_item(&mut strings, member);
            count += 1;
        });
    }
    call.reply.finish_set(start, count);
    Ok(())
}

fn sinterstore(call: &mut Call, db: &mut Db) -> Outcome {
    let limits = db.rules.limits;
    let sets: Option<Vec<&Set>> = sets_at(call, db, 2, call.argc())?.into_iter().collect();
    let result = sets.map_or_else(Set::default, |mut sets| Set::of_intersection(&mut sets, &limits));
    store(call, db, result, SINTERSTORE)
}

fn sunionstore(call: &mut Call, db: &mut Db) -> Outcome {
    let limits = db.rules.limits;
    let sets: Vec<&Set> = sets_at(call, db, 2, call.argc())?.into_iter().flatten().collect();
    let result = Set::of_union(&sets, &limits);
    store(call, db, result, SUNIONSTORE)
}

fn sdiffstore(call: &mut Call, db: &mut Db) -> Outcome {
    let limits = db.rules.limits;
    let sets = sets_at(call, db, 2, call.argc())?;
    let others: Vec<&Set> = sets[1..].iter().copied().flatten().collect();
    let result = sets[0].map_or_else(Set::default, |first| Set::of_difference(first, &others, &limits));
    store(call, db, result, SDIFFSTORE)
}

/// Puts the result at the first key, whatever that held; an empty result removes it.
fn store(call: &mut Call, db: &mut Db, result: Set, event: Event) -> Outcome {
    let count = result.len();
    db.store(call.key(1), result, event);
    call.reply.integer(count as i64);
    Ok(())
}
