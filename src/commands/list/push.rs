//! LPUSH, RPUSH, LPUSHX, RPUSHX.

use super::push_event;
use crate::exec::{Call, Command, Outcome};
use crate::keyspace::{Changes, Db};
use crate::spec::flag::{DENYOOM, FAST, WRITE};
use crate::spec::{Group, KeySpec, at, command};
use crate::value::list::{End, List};

const TARGET: KeySpec = at(1).read_write().insert();
const COST: &str = "O(1) an element";

pub const COMMANDS: &[Command] = &[
    command("LPUSH", "key element+", -3)
        .group(Group::List)
        .flags(WRITE | DENYOOM | FAST)
        .keys(TARGET)
        .cost(COST)
        .says("Adds elements at the left of a list, which is made if there is none.")
        .data(|call, db| push(call, db, End::Front)),
    command("RPUSH", "key element+", -3)
        .group(Group::List)
        .flags(WRITE | DENYOOM | FAST)
        .keys(TARGET)
        .cost(COST)
        .says("Adds elements at the right of a list, which is made if there is none.")
        .data(|call, db| push(call, db, End::Back)),
    command("LPUSHX", "key element+", -3)
        .since("2.2.0")
        .group(Group::List)
        .flags(WRITE | DENYOOM | FAST)
        .keys(TARGET)
        .cost(COST)
        .says("Adds elements at the left of a list, if there is one.")
        .data(|call, db| push_if_there(call, db, End::Front)),
    command("RPUSHX", "key element+", -3)
        .since("2.2.0")
        .group(Group::List)
        .flags(WRITE | DENYOOM | FAST)
        .keys(TARGET)
        .cost(COST)
        .says("Adds elements at the right of a list, if there is one.")
        .data(|call, db| push_if_there(call, db, End::Back)),
];

#[inline]
fn push(call: &mut Call, db: &mut Db, end: End) -> Outcome {
    let len = db.edit_or_create(call.key(1), |list, changes| push_all(call, list, changes, end))?;
    call.reply.integer(len as i64);
    Ok(())
}

fn push_if_there(call: &mut Call, db: &mut Db, end: End) -> Outcome {
    let len = db.edit(call.key(1), |list, changes| push_all(call, list, changes, end))?;
    call.reply.integer(len.unwrap_or(0) as i64);
    Ok(())
}

/// Adds every word from the second on; the new length.
#[inline]
fn push_all(call: &Call, list: &mut List, changes: &mut Changes, end: End) -> usize {
    let first = call.arg(2);
    if call.argc() == 3 {
        list.make_room(first.len(), 1, &changes.limits.list);
        list.push(end, first);
        changes.record(push_event(end), 1);
        return list.len();
    }
    let elements = 2..call.argc();
    let bytes = elements.clone().map(|index| call.arg(index).len()).sum();
    list.make_room(bytes, elements.len(), &changes.limits.list);
    changes.record(push_event(end), elements.len() as u64);
    for index in elements {
        list.push(end, call.arg(index));
    }
    list.len()
}
