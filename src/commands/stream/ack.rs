//! XACK.

use super::ids::Ids;
use crate::exec::{Call, Command, Outcome, Stop};
use crate::keyspace::Db;
use crate::spec::flag::{FAST, WRITE};
use crate::spec::{Group, at, command};
use crate::value::stream::Stream;

pub const COMMANDS: &[Command] = &[command("XACK", "key group id+", -4)
    .since("5.0.0")
    .group(Group::Stream)
    .flags(WRITE | FAST)
    .keys(at(1).read_write().update())
    .cost("O(1) an id")
    .says("Acknowledges entries: they are no more pending in a group.")
    .data(xack)];

fn xack(call: &mut Call, db: &mut Db) -> Outcome {
    let acknowledged = db.edit_looking(call.key(1), |stream: &mut Stream, changes| {
        let Some(group) = stream.group_mut(call.arg(2)) else { return Ok::<usize, Stop>(0) };
        let ids = Ids::parse(call, 3, call.argc())?;
        let acknowledged = ids.as_slice().iter().filter(|id| group.acknowledge(**id)).count();
        changes.count_unseen(acknowledged as u64);
        Ok(acknowledged)
    })?;
    call.reply.integer(acknowledged.transpose()?.unwrap_or(0) as i64);
    Ok(())
}
