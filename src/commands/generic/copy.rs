//! COPY.

use super::rename::SAME_OBJECT;
use crate::exec::call::fault;
use crate::exec::{Call, Command, Outcome};
use crate::keyspace::{Keyspace, event};
use crate::spec::flag::{DENYOOM, WRITE};
use crate::spec::{at, command};

pub const COMMANDS: &[Command] =
    &[command("COPY", "source:key destination:key [DB destination-db:integer] [REPLACE]", -3)
        .since("6.2.0")
        .flags(WRITE | DENYOOM)
        .keys(at(1).read_only().access())
        .keys(at(2).overwrite().update())
        .cost("O(n) over the elements; O(1) for strings")
        .says("Copies the value of a key to another one.")
        .keyspace(copy)];

fn copy(call: &mut Call, keyspace: &mut Keyspace) -> Outcome {
    let (mut target, mut replace) = (call.db, false);
    let mut index = 3;
    while index < call.argc() {
        if call.is(index, "REPLACE") {
            replace = true;
        } else if call.is(index, "DB") && index + 1 < call.argc() {
            target = call.database(index + 1, keyspace.databases())?;
            index += 1;
        } else {
            return Err(fault::SYNTAX);
        }
        index += 1;
    }
    if target != call.db {
        call.note_beyond_cluster();
    }
    let (from, to) = (call.key(1), call.key(2));
    if target == call.db && from.bytes == to.bytes {
        return Err(SAME_OBJECT);
    }
    let is_there = keyspace.db_mut(call.db).lookup(from).is_some();
    let is_taken = is_there && keyspace.db_mut(target).lookup_to_write(to).is_some();
    if !is_there || is_taken && !replace {
        call.reply.integer(0);
        return Ok(());
    }
    let entry = keyspace.db(call.db).peek(from).expect("looked up just now");
    let deadline = entry.deadline();
    let copy = entry.duplicate(to.bytes, deadline.is_some(), keyspace.db(target).access_of_new());
    let target = keyspace.db_mut(target);
    let now = copy.as_ref().kind();
    let before = target.take(to).map(|old| {
        let kind = old.as_ref().kind();
        target.discard(old);
        kind
    });
    target.put(to, copy, deadline);
    target.record(to, event::COPY_TO, 1);
    if let Some(before) = before {
        target.notice_overwritten(to.bytes, before, now);
    }
    call.reply.integer(1);
    Ok(())
}
