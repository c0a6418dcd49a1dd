//! LMOVE, RPOPLPUSH, and those that wait for an element: BLMOVE, BRPOPLPUSH.

use super::{end_at, pop_event, push_event};
use crate::exec::{Block, Call, Command, Outcome, Stop, WhenDenied};
use crate::keyspace::Db;
use crate::spec::flag::{BLOCKING, DENYOOM, WRITE};
use crate::spec::{Group, KeySpec, at, command};
use crate::value::Kind;
use crate::value::list::{End, List};

const SOURCE: KeySpec = at(1).read_write().access().delete();
const DESTINATION: KeySpec = at(2).read_write().insert();

pub const COMMANDS: &[Command] = &[
    command("LMOVE", "source:key destination:key {wherefrom=LEFT|RIGHT} {whereto=LEFT|RIGHT}", 5)
        .since("6.2.0")
        .group(Group::List)
        .flags(WRITE | DENYOOM)
        .keys(SOURCE)
        .keys(DESTINATION)
        .cost("O(1)")
        .says("Moves an element from an end of one list to an end of another.")
        .data(lmove),
    command("RPOPLPUSH", "source:key destination:key", 3)
        .deprecated("6.2.0", "LMOVE")
        .since("1.2.0")
        .group(Group::List)
        .flags(WRITE | DENYOOM)
        .keys(SOURCE)
        .keys(DESTINATION)
        .cost("O(1)")
        .says("Moves the last element of one list to the front of another.")
        .data(rpoplpush),
    command("BLMOVE", "source:key destination:key {wherefrom=LEFT|RIGHT} {whereto=LEFT|RIGHT} timeout:double", 6)
        .since("6.2.0")
        .group(Group::List)
        .flags(WRITE | DENYOOM | BLOCKING)
        .keys(SOURCE)
        .keys(DESTINATION)
        .cost("O(1)")
        .says("Moves an element from an end of one list to an end of another, or waits for one.")
        .data(blmove),
    command("BRPOPLPUSH", "source:key destination:key timeout:double", 4)
        .deprecated("6.2.0", "BLMOVE")
        .since("2.2.0")
        .group(Group::List)
        .flags(WRITE | DENYOOM | BLOCKING)
        .keys(SOURCE)
        .keys(DESTINATION)
        .cost("O(1)")
        .says("Moves the last element of one list to the front of another, or waits for one.")
        .data(brpoplpush),
];

fn lmove(call: &mut Call, db: &mut Db) -> Outcome {
    let (from, to) = (end_at(call, 3)?, end_at(call, 4)?);
    if !move_element(call, db, from, to)? {
        call.reply.null();
    }
    Ok(())
}

fn rpoplpush(call: &mut Call, db: &mut Db) -> Outcome {
    if !move_element(call, db, End::Back, End::Front)? {
        call.reply.null();
    }
    Ok(())
}

fn blmove(call: &mut Call, db: &mut Db) -> Outcome {
    let (from, to) = (end_at(call, 3)?, end_at(call, 4)?);
    let deadline = call.timeout_deadline(5)?;
    if !move_element(call, db, from, to)? {
        return Err(wait(call, deadline));
    }
    if call.is_journalled() {
        call.propagation.rewrite(&[b"LMOVE", call.arg(1), call.arg(2), call.arg(3), call.arg(4)]);
    }
    Ok(())
}

fn brpoplpush(call: &mut Call, db: &mut Db) -> Outcome {
    let deadline = call.timeout_deadline(3)?;
    if !move_element(call, db, End::Back, End::Front)? {
        return Err(wait(call, deadline));
    }
    if call.is_journalled() {
        call.propagation.rewrite(&[b"RPOPLPUSH", call.arg(1), call.arg(2)]);
    }
    Ok(())
}

fn wait(call: &Call, deadline: Option<i64>) -> Stop {
    let keys = vec![call.arg(1).to_vec()];
    Stop::wait(Block::on(keys, Kind::List, deadline, WhenDenied::Null))
}

/// Moves one element and answers with it; false when there is none.
fn move_element(call: &mut Call, db: &mut Db, from: End, to: End) -> Result<bool, Stop> {
    let (source, destination) = (call.key(1), call.key(2));
    // 1. Both keys are looked at before either is changed.
    let element = match db.lookup_to_write(source) {
        None => return Ok(false),
        Some(entry) => entry.object::<List>()?.peek(from).expect("a list in the keyspace has elements").to_vec(),
    };
    if let Some(entry) = db.lookup_to_write(destination) {
        entry.object::<List>()?;
    }
    // 2. Onto itself, a list must not be seen empty in between.
    if source.bytes == destination.bytes {
        db.edit::<List, _>(source, |list, changes| {
            list.drop_end(from);
            list.make_room(element.len(), 1, &changes.limits.list);
            list.push(to, &element);
            list.shrink(&changes.limits.list);
            changes.record(push_event(to), 0);
            changes.record(pop_event(from), 1);
        })?;
    } else {
        // 3. The element arrives before it leaves: in this order the events are told. It counts as one change.
        db.edit_or_create::<List, _>(destination, |list, changes| {
            list.make_room(element.len(), 1, &changes.limits.list);
            list.push(to, &element);
            changes.record(push_event(to), 0);
        })?;
        db.edit::<List, _>(source, |list, changes| {
            list.drop_end(from);
            changes.record(pop_event(from), 1);
            list.shrink(&changes.limits.list);
        })?;
    }
    call.reply.bulk(&element);
    Ok(true)
}
