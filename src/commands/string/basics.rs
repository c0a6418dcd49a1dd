//! GET and SET.

use crate::exec::{Call, Command, Outcome};
use crate::keyspace::{Db, Deadline, Str, StringValue, event};
use crate::spec::flag::{DENYOOM, FAST, READONLY, WRITE};
use crate::spec::{Group, at, command};

pub const COMMANDS: &[Command] = &[
    command("GET", "key", 2)
        .group(Group::String)
        .flags(READONLY | FAST)
        .keys(at(1).read_only().access())
        .cost("O(1)")
        .says("The string at a key.")
        .data(get),
    command("SET", "key value", -3)
        .group(Group::String)
        .flags(WRITE | DENYOOM)
        .keys(at(1).overwrite().update())
        .cost("O(1)")
        .says("Sets a key to a string.")
        .data(set),
];

fn get(call: &mut Call, db: &mut Db) -> Outcome {
    match db.read_string(call.key(1))? {
        None => call.reply.null(),
        Some(Str::Int(n)) => call.reply.bulk_integer(n),
        Some(Str::Bytes(bytes)) => call.reply.bulk(bytes),
        Some(Str::Shared(shared)) => call.reply.shared_bulk(shared),
    }
    Ok(())
}

fn set(call: &mut Call, db: &mut Db) -> Outcome {
    db.set_string(call.key(1), StringValue::encode(call.arg(2)), Deadline::Clear, event::SET);
    call.reply.ok();
    Ok(())
}
