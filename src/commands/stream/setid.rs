//! XSETID: what outlives a stream's entries is set, for replicas and for restoring.

use super::ids::parse_exact;
use crate::exec::{Call, Command, Outcome, Stop, fault};
use crate::keyspace::Db;
use crate::keyspace::event::{Event, class, event};
use crate::spec::flag::{DENYOOM, FAST, WRITE};
use crate::spec::{Group, at, command};
use crate::structures::stream_log::StreamId;
use crate::value::stream::Stream;

const XSETID: Event = event(class::STREAM, "xsetid");

pub const COMMANDS: &[Command] = &[command(
    "XSETID",
    "key last-id [ENTRIESADDED entries-added:integer@7.0.0] [MAXDELETEDID max-deleted-id@7.0.0]",
    -3,
)
.since("5.0.0")
.group(Group::Stream)
.flags(WRITE | DENYOOM | FAST)
.keys(at(1).read_write().update())
.cost("O(1)")
.says("Sets the last id of a stream, how many entries there ever were, and the greatest id that was removed.")
.data(xsetid)];

fn xsetid(call: &mut Call, db: &mut Db) -> Outcome {
    let id = parse_exact(call.arg(2), 0)?;
    let (mut entries_added, mut max_removed_id) = (None, StreamId::MIN);
    let mut index = 3;
    while index < call.argc() {
        if index + 1 == call.argc() {
            return Err(fault::SYNTAX);
        } else if call.is(index, "ENTRIESADDED") {
            let count = call.integer(index + 1)?;
            entries_added = Some(u64::try_from(count).map_err(|_| "ERR entries_added must be positive")?);
        } else if call.is(index, "MAXDELETEDID") {
            max_removed_id = parse_exact(call.arg(index + 1), 0)?;
            if id < max_removed_id {
                let text = "ERR The ID specified in XSETID is smaller than the provided max_deleted_entry_id";
                return Err(text.into());
            }
        } else {
            return Err(fault::SYNTAX);
        }
        index += 2;
    }
    let key = call.key(1);
    let stream = match db.lookup_to_write(key) {
        Some(entry) => entry.object::<Stream>()?,
        None => return Err(fault::NO_SUCH_KEY),
    };
    check(stream, id, entries_added)?;
    db.edit(key, |stream: &mut Stream, changes| {
        stream.set_facts(id, entries_added, (max_removed_id != StreamId::MIN).then_some(max_removed_id));
        changes.record_unseen(XSETID, 1);
    })?;
    call.reply.ok();
    Ok(())
}

/// Ids must go on rising, and counts must not contradict what is there.
fn check(stream: &Stream, id: StreamId, entries_added: Option<u64>) -> Result<(), Stop> {
    let facts = stream.facts();
    if id < facts.max_removed_id {
        return Err("ERR The ID specified in XSETID is smaller than current max_deleted_entry_id".into());
    }
    if stream.log().last_id().is_some_and(|last| id < last) {
        return Err("ERR The ID specified in XSETID is smaller than the target stream top item".into());
    }
    if facts.len > 0 && entries_added.is_some_and(|added| facts.len > added) {
        return Err("ERR The entries_added specified in XSETID is smaller than the target stream length".into());
    }
    Ok(())
}
