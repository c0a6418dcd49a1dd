//! XLEN, XRANGE, XREVRANGE.

use super::ids::{parse_start, parse_stop};
use super::reply::write_entry;
use crate::exec::call::fault;
use crate::exec::{Call, Command, Outcome};
use crate::keyspace::Db;
use crate::spec::flag::{FAST, READONLY};
use crate::spec::{Group, at, command};
use crate::structures::stream_log::Entry;
use crate::value::Object;
use crate::value::stream::Stream;

pub const COMMANDS: &[Command] = &[
    command("XLEN", "key", 2)
        .since("5.0.0")
        .group(Group::Stream)
        .flags(READONLY | FAST)
        .keys(at(1).read_only())
        .cost("O(1)")
        .says("Number of entries of a stream.")
        .data(xlen),
    command("XRANGE", "key start end [COUNT count:integer]", -4)
        .since("5.0.0")
        .group(Group::Stream)
        .flags(READONLY)
        .keys(at(1).read_only().access())
        .cost("O(n) over the entries shown")
        .says("Entries between two ids, oldest first.")
        .data(|call, db| range(call, db, false)),
    command("XREVRANGE", "key end start [COUNT count:integer]", -4)
        .since("5.0.0")
        .group(Group::Stream)
        .flags(READONLY)
        .keys(at(1).read_only().access())
        .cost("O(n) over the entries shown")
        .says("Entries between two ids, newest first.")
        .data(|call, db| range(call, db, true)),
];

fn xlen(call: &mut Call, db: &mut Db) -> Outcome {
    let len = db.read::<Stream>(call.key(1))?.map_or(0, |stream| stream.len());
    call.reply.integer(len as i64);
    Ok(())
}

fn range(call: &mut Call, db: &mut Db, is_back: bool) -> Outcome {
    let (start_at, stop_at) = if is_back { (3, 2) } else { (2, 3) };
    let start = parse_start(call.arg(start_at))?;
    let stop = parse_stop(call.arg(stop_at))?;
    let mut count = None;
    let mut index = 4;
    while index < call.argc() {
        if !call.is(index, "COUNT") || index + 1 >= call.argc() {
            return Err(fault::SYNTAX);
        }
        count = Some(call.integer(index + 1)?.max(0) as usize);
        index += 2;
    }
    let Some(stream) = db.read::<Stream>(call.key(1))? else {
        call.reply.array(0);
        return Ok(());
    };
    if count == Some(0) {
        call.reply.null_array();
        return Ok(());
    }
    let start_of_reply = call.reply.deferred();
    let mut shown = 0;
    let reply = &mut call.reply;
    let mut show = |entry: Entry| {
        write_entry(reply, entry);
        shown += 1;
        count != Some(shown)
    };
    if is_back {
        stream.log().visit_back(start, stop, &mut show);
    } else {
        stream.log().visit(start, stop, &mut show);
    }
    call.reply.finish_array(start_of_reply, shown);
    Ok(())
}
