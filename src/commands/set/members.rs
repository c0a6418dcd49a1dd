//! Members of one set: added, removed, moved, asked for, counted and listed.

use super::{SADD, SREM};
use crate::commands::items::push_item;
use crate::exec::{Call, Command, Outcome};
use crate::keyspace::{Changes, Db};
use crate::spec::{Group, at, command, flag};
use crate::structures::list_pack::Item;
use crate::value::Object;
use crate::value::set::Set;

const DENYOOM: u32 = flag::DENYOOM;
const FAST: u32 = flag::FAST;
const READONLY: u32 = flag::READONLY;
const WRITE: u32 = flag::WRITE;

pub const COMMANDS: &[Command] = &[
    command("SADD", "key member+", -3)
        .group(Group::Set)
        .flags(WRITE | DENYOOM | FAST)
        .keys(at(1).read_write().insert())
        .element(2)
        .cost("O(1) for each member")
        .says("Adds members to a set, which is made if there is none.")
        .data(sadd),
    command("SREM", "key member+", -3)
        .group(Group::Set)
        .flags(WRITE | FAST)
        .keys(at(1).read_write().delete())
        .element(2)
        .cost("O(1) for each member")
        .says("Removes members from a set; a set left empty goes.")
        .data(srem),
    command("SMOVE", "source:key destination:key member", 4)
        .group(Group::Set)
        .flags(WRITE | FAST)
        .keys(at(1).read_write().access().delete())
        .keys(at(2).read_write().insert())
        .cost("O(1)")
        .says("Takes a member out of one set and puts it into another.")
        .data(smove),
    command("SISMEMBER", "key member", 3)
        .group(Group::Set)
        .flags(READONLY | FAST)
        .keys(at(1).read_only())
        .element(2)
        .cost("O(1)")
        .says("Tells whether a set has a member.")
        .data(sismember),
    command("SMISMEMBER", "key member+", -3)
        .since("6.2.0")
        .group(Group::Set)
        .flags(READONLY | FAST)
        .keys(at(1).read_only().access())
        .element(2)
        .cost("O(1) for each member")
        .says("Tells of each of several members whether a set has it.")
        .data(smismember),
    command("SCARD", "key", 2)
        .group(Group::Set)
        .flags(READONLY | FAST)
        .keys(at(1).read_only())
        .cost("O(1)")
        .says("Counts the members of a set.")
        .data(scard),
    command("SMEMBERS", "key", 2)
        .group(Group::Set)
        .flags(READONLY)
        .keys(at(1).read_only().access())
        .tips(&["nondeterministic_output_order"])
        .cost("O(n), n the members of the set")
        .says("Lists all members of a set.")
        .data(smembers),
];

fn sadd(call: &mut Call, db: &mut Db) -> Outcome {
    let args = call.args;
    let added = db.edit_or_create(call.key(1), |set: &mut Set, changes| {
        let count = args.len() - 2;
        if set.is_empty() {
            *set = Set::for_members(args.get(2), count, changes.limits);
        } else {
            set.expect_more(count, changes.limits);
        }
        let members = args.from(2);
        let added = members.iter().filter(|member| set.add(Item::Bytes(member), changes.limits)).count();
        if added > 0 {
            changes.record(SADD, added as u64);
        }
        added
    })?;
    call.reply.integer(added as i64);
    Ok(())
}

fn srem(call: &mut Call, db: &mut Db) -> Outcome {
    let members = call.args.from(2);
    let removed = db.edit(call.key(1), |set: &mut Set, changes| {
        let mut removed = 0;
        for member in members.iter() {
            removed += u64::from(set.remove(Item::Bytes(member)));
            if set.is_empty() {
                break;
            }
        }
        if removed > 0 {
            changes.record(SREM, removed);
        }
        removed
    })?;
    call.reply.integer(removed.unwrap_or(0) as i64);
    Ok(())
}

fn smove(call: &mut Call, db: &mut Db) -> Outcome {
    let (source, destination, member) = (call.key(1), call.key(2), Item::Bytes(call.arg(3)));
    // 1. A source that is not there is looked at before the destination's type.
    let source_set = db.lookup_to_write(source).map(|entry| entry.object::<Set>()).transpose()?;
    let Some(has_member) = source_set.map(|set| set.contains(member)) else {
        call.reply.integer(0);
        return Ok(());
    };
    db.lookup_to_write(destination).map(|entry| entry.object::<Set>()).transpose()?;
    // 2. Nothing moves, or not away.
    if !has_member || source.bytes == destination.bytes {
        call.reply.integer(i64::from(has_member));
        return Ok(());
    }
    // 3. Out of the one, into the other.
    db.edit(source, |set: &mut Set, changes| {
        set.remove(member);
        changes.record(SREM, 1);
    })?;
    db.edit_or_create(destination, |set: &mut Set, changes: &mut Changes| {
        if set.is_empty() {
            *set = Set::for_members(call.args.get(3), 1, changes.limits);
        }
        if set.add(member, changes.limits) {
            changes.record(SADD, 1);
        }
    })?;
    call.reply.integer(1);
    Ok(())
}

fn sismember(call: &mut Call, db: &mut Db) -> Outcome {
    let member = Item::Bytes(call.arg(2));
    let is_member = db.read::<Set>(call.key(1))?.is_some_and(|set| set.contains(member));
    call.reply.integer(i64::from(is_member));
    Ok(())
}

fn smismember(call: &mut Call, db: &mut Db) -> Outcome {
    let set = db.read::<Set>(call.key(1))?;
    call.reply.array(call.args.len() - 2);
    for member in call.args.from(2).iter() {
        let is_member = set.is_some_and(|set| set.contains(Item::Bytes(member)));
        call.reply.integer(i64::from(is_member));
    }
    Ok(())
}

fn scard(call: &mut Call, db: &mut Db) -> Outcome {
    let count = db.read::<Set>(call.key(1))?.map_or(0, Set::len);
    call.reply.integer(count as i64);
    Ok(())
}

fn smembers(call: &mut Call, db: &mut Db) -> Outcome {
    let Some(set) = db.read::<Set>(call.key(1))? else {
        call.reply.set(0);
        return Ok(());
    };
    call.reply.set(set.len());
    let mut strings = call.reply.strings();
    set.iter().for_each(|member| push_item(&mut strings, member));
    Ok(())
}
