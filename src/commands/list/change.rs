//! LSET, LINSERT, LREM, LTRIM.

use super::{range_of, symmetric_integer};
use crate::exec::{Call, Command, Outcome, Stop, fault};
use crate::keyspace::Db;
use crate::keyspace::event::{Event, class, event};
use crate::spec::flag::{DENYOOM, WRITE};
use crate::spec::{Group, at, command};
use crate::value::list::{End, List};

pub const COMMANDS: &[Command] = &[
    command("LSET", "key index:integer element", 4)
        .group(Group::List)
        .flags(WRITE | DENYOOM)
        .keys(at(1).read_write().update())
        .cost("O(n) over the packs between the nearer end and the element")
        .says("Puts another element in the place of one.")
        .data(lset),
    command("LINSERT", "key {where=BEFORE|AFTER} pivot element", 5)
        .since("2.2.0")
        .group(Group::List)
        .flags(WRITE | DENYOOM)
        .keys(at(1).read_write().insert())
        .cost("O(n) over the elements up to the pivot")
        .says("Inserts an element before or after another one.")
        .data(linsert),
    command("LREM", "key count:integer element", 4)
        .group(Group::List)
        .flags(WRITE)
        .keys(at(1).read_write().delete())
        .cost("O(n) over the elements compared")
        .says("Removes elements that are equal to one.")
        .data(lrem),
    command("LTRIM", "key start:integer stop:integer", 4)
        .group(Group::List)
        .flags(WRITE)
        .keys(at(1).read_write().delete())
        .cost("O(n) over the packs removed")
        .says("Removes what is not between two indices.")
        .data(ltrim),
];

const LSET: Event = event(class::LIST, "lset");
const LINSERT: Event = event(class::LIST, "linsert");
const LREM: Event = event(class::LIST, "lrem");
const LTRIM: Event = event(class::LIST, "ltrim");

fn lset(call: &mut Call, db: &mut Db) -> Outcome {
    let element = call.arg(3);
    let set = db.edit::<List, _>(call.key(1), |list, changes| {
        let index = call.integer(2)?;
        // As in Redis the new element counts as one more, until the list is looked at again.
        list.make_room(element.len(), 1, &changes.limits.list);
        if !list.set(index, element) {
            return Err(fault::OUT_OF_RANGE);
        }
        list.shrink(&changes.limits.list);
        changes.record(LSET, 1);
        Ok(())
    })?;
    set.ok_or(fault::NO_SUCH_KEY)??;
    call.reply.ok();
    Ok(())
}

fn linsert(call: &mut Call, db: &mut Db) -> Outcome {
    let side = if call.is(2, "AFTER") {
        End::Back
    } else if call.is(2, "BEFORE") {
        End::Front
    } else {
        return Err(fault::SYNTAX);
    };
    let (pivot, element) = (call.arg(3), call.arg(4));
    let len = db.edit::<List, _>(call.key(1), |list, changes| {
        list.make_room(element.len(), 1, &changes.limits.list);
        if !list.insert(pivot, side, element) {
            return -1;
        }
        changes.record(LINSERT, 1);
        list.len() as i64
    })?;
    call.reply.integer(len.unwrap_or(0));
    Ok(())
}

fn lrem(call: &mut Call, db: &mut Db) -> Outcome {
    let count = symmetric_integer(call, 2)?;
    let from = if count < 0 { End::Back } else { End::Front };
    let max = if count == 0 { usize::MAX } else { count.unsigned_abs() as usize };
    let element = call.arg(3);
    let removed = db.edit::<List, _>(call.key(1), |list, changes| {
        let removed = list.remove_equal(element, from, max);
        if removed > 0 {
            changes.record(LREM, removed as u64);
            list.shrink(&changes.limits.list);
        }
        removed
    })?;
    call.reply.integer(removed.unwrap_or(0) as i64);
    Ok(())
}

fn ltrim(call: &mut Call, db: &mut Db) -> Result<(), Stop> {
    let (start, stop) = (call.integer(2)?, call.integer(3)?);
    db.edit::<List, _>(call.key(1), |list, changes| {
        let before = list.len();
        let (first, count) = range_of(start, stop, before);
        list.remove_range(first + count, before - first - count);
        list.remove_range(0, first);
        changes.record(LTRIM, (before - count) as u64);
        list.shrink(&changes.limits.list);
    })?;
    call.reply.ok();
    Ok(())
}
