//! XDELEX and XACKDEL: removing entries with regard to the groups that know of them.

use super::ids::Ids;
use super::trim::{XDEL, references_at};
use crate::exec::{Call, Command, Outcome, Stop, fault};
use crate::keyspace::Db;
use crate::spec::flag::{FAST, WRITE};
use crate::spec::{Group, at, command};
use crate::structures::stream_log::StreamId;
use crate::value::stream::{References, Removal, Stream};

pub const COMMANDS: &[Command] = &[
    command("XDELEX", "key [condition=KEEPREF|DELREF|ACKED] IDS {numids:integer id+}", -5)
        .since("8.2.0")
        .group(Group::Stream)
        .flags(WRITE | FAST)
        .keys(at(1).read_write().delete())
        .cost("O(log n) an id over what is pending, for each group")
        .says("Removes entries by id, and says what became of each.")
        .data(xdelex),
    command("XACKDEL", "key group [condition=KEEPREF|DELREF|ACKED] IDS {numids:integer id+}", -6)
        .since("8.2.0")
        .group(Group::Stream)
        .flags(WRITE | FAST)
        .keys(at(1).read_write().update().delete())
        .cost("O(log n) an id over what is pending, for each group")
        .says("Acknowledges entries and removes them, and says what became of each.")
        .data(xackdel),
];

/// What is said of an id.
const ABSENT: i64 = -1;
const DONE: i64 = 1;
const STILL_REFERRED_TO: i64 = 2;

/// Where the ids stand, and what becomes of references.
struct Wanted {
    references: References,
    from: usize,
    to: usize,
}

/// Reads `[KEEPREF|DELREF|ACKED] IDS numids id+` from word `index` on; the options may stand in any order.
fn parse_wanted(call: &Call, mut index: usize) -> Result<Wanted, Stop> {
    let (mut references, mut ids) = (None, None);
    while index < call.argc() {
        if let Some(found) = references_at(call, index).filter(|_| references.is_none()) {
            references = Some(found);
            index += 1;
        } else if call.is(index, "IDS") && index + 1 < call.argc() {
            let count = call.integer(index + 1).ok().filter(|count| *count > 0);
            let count = count.ok_or("ERR Number of IDs must be a positive integer")? as u64;
            let left = (call.argc() - index - 2) as u64;
            if count > left {
                return Err("ERR The `numids` parameter must match the number of arguments".into());
            }
            ids = Some((index + 2, index + 2 + count as usize));
            index += 2 + count as usize;
        } else {
            return Err(fault::SYNTAX);
        }
    }
    let (from, to) = ids.ok_or(fault::SYNTAX)?;
    Ok(Wanted { references: references.unwrap_or_default(), from, to })
}

/// Nothing is there: so of every id.
fn write_absent(call: &mut Call, wanted: &Wanted) {
    call.reply.array(wanted.to - wanted.from);
    (wanted.from..wanted.to).for_each(|_| call.reply.integer(ABSENT));
}

fn xdelex(call: &mut Call, db: &mut Db) -> Outcome {
    let key = call.key(1);
    if let Some(entry) = db.lookup_to_write(key) {
        entry.object::<Stream>()?;
    }
    let wanted = parse_wanted(call, 2)?;
    let done = db.edit(key, |stream: &mut Stream, changes| {
        let ids = Ids::parse(call, wanted.from, wanted.to)?;
        call.reply.array(ids.as_slice().len());
        let mut removed = 0;
        for id in ids.as_slice() {
            let removal = stream.remove_by(*id, wanted.references);
            removed += u64::from(removal == Removal::Removed);
            call.reply.integer(told(removal));
        }
        if removed > 0 {
            changes.record(XDEL, removed);
        }
        Ok::<(), Stop>(())
    })?;
    match done {
        Some(done) => done?,
        None => write_absent(call, &wanted),
    }
    Ok(())
}

fn told(removal: Removal) -> i64 {
    match removal {
        Removal::Absent => ABSENT,
        Removal::Removed => DONE,
        Removal::Kept => STILL_REFERRED_TO,
    }
}

fn xackdel(call: &mut Call, db: &mut Db) -> Outcome {
    let (key, group) = (call.key(1), call.arg(2));
    // The look counts even if the words turn out to make no sense.
    let has_group = db.read::<Stream>(key)?.is_some_and(|stream| stream.group(group).is_some());
    let wanted = parse_wanted(call, 3)?;
    if !has_group {
        write_absent(call, &wanted);
        return Ok(());
    }
    let done = db.edit(key, |stream: &mut Stream, changes| {
        let ids = Ids::parse(call, wanted.from, wanted.to)?;
        call.reply.array(ids.as_slice().len());
        let (mut acknowledged, mut removed) = (0, 0);
        for id in ids.as_slice() {
            let told = acknowledge_and_remove(stream, group, *id, wanted.references);
            acknowledged += u64::from(told != ABSENT);
            removed += u64::from(told == DONE);
            call.reply.integer(told);
        }
        if removed > 0 {
            changes.record(XDEL, acknowledged);
        } else {
            changes.count_unseen(acknowledged);
        }
        Ok::<(), Stop>(())
    })?;
    done.unwrap_or(Ok(()))
}

fn acknowledge_and_remove(stream: &mut Stream, group: &[u8], id: StreamId, references: References) -> i64 {
    if !stream.group_mut(group).is_some_and(|group| group.acknowledge(id)) {
        return ABSENT;
    }
    match stream.remove_by(id, references) {
        Removal::Kept => STILL_REFERRED_TO,
        // What is gone already is as good as removed now.
        Removal::Removed | Removal::Absent => DONE,
    }
}
