//! SETBIT and GETBIT: one bit.

use super::{SETBIT, position};
use crate::exec::{Call, Command, Outcome, Stop};
use crate::keyspace::{Db, StringValue};
use crate::spec::flag::{DENYOOM, FAST, READONLY, WRITE};
use crate::spec::{Group, at, command};
use crate::structures::bitmap::{bit, set_bit};

pub const COMMANDS: &[Command] = &[
    command("GETBIT", "key offset:integer", 3)
        .since("2.2.0")
        .group(Group::Bitmap)
        .flags(READONLY | FAST)
        .keys(at(1).read_only().access())
        .cost("O(1)")
        .says("A bit of the string at a key.")
        .data(getbit),
    command("SETBIT", "key offset:integer value:integer", 4)
        .since("2.2.0")
        .group(Group::Bitmap)
        .flags(WRITE | DENYOOM)
        .keys(at(1).read_write().access().update())
        .cost("O(1), or O(n) over the zeros by which the string grows")
        .says("Sets or clears a bit of the string at a key, which grows with zeros if need be; answers what it was.")
        .data(setbit),
];

fn getbit(call: &mut Call, db: &mut Db) -> Outcome {
    let position = position(call.settings, call.arg(2), 1)?;
    let is_set = match db.read_string(call.key(1))? {
        Some(string) => string.with_bytes(|bytes| bit(bytes, position)),
        None => false,
    };
    call.reply.integer(is_set.into());
    Ok(())
}

fn setbit(call: &mut Call, db: &mut Db) -> Outcome {
    let position = position(call.settings, call.arg(2), 1)?;
    let value = match call.arg(3) {
        b"0" => false,
        b"1" => true,
        _ => return Err(Stop::error("ERR bit is not an integer or out of range")),
    };
    let len_min = position / 8 + 1;
    let was = db.edit_or_create_string(
        call.key(1),
        || StringValue::zeros(len_min),
        |string| {
            let is_longer = string.grow(len_min) || string.is_new();
            let was = bit(string.bytes(), position);
            if was != value {
                set_bit(string.bytes_mut(), position, value);
            }
            if is_longer || was != value {
                string.record(SETBIT, 1);
            }
            Ok::<_, Stop>(was)
        },
    )?;
    call.reply.integer(was.into());
    Ok(())
}
