//! GET, and those that read and change in one: GETDEL, GETEX, GETSET.

use super::options::{Expiration, of_getex};
use super::reply_string;
use crate::exec::{Call, Command, Outcome};
use crate::keyspace::{Db, Deadline, Key, StringValue, event};
use crate::server::journal::ms_text;
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
    command("GETDEL", "key", 2)
        .since("6.2.0")
        .group(Group::String)
        .flags(WRITE | FAST)
        .keys(at(1).read_write().access().delete())
        .cost("O(1)")
        .says("The string at a key, which is deleted.")
        .data(getdel),
    command(
        "GETEX",
        "key [expiration=EX seconds:integer|PX milliseconds:integer|EXAT unix-time-seconds:unix-time|\
         PXAT unix-time-milliseconds:unix-time|PERSIST]",
        -2,
    )
    .since("6.2.0")
    .group(Group::String)
    .flags(WRITE | FAST)
    .keys(at(1).read_write().access().update().notes("RW and UPDATE because it changes the TTL"))
    .cost("O(1)")
    .says("The string at a key, whose time to live is changed.")
    .data(getex),
    command("GETSET", "key value", 3)
        .deprecated("6.2.0", "SET")
        .group(Group::String)
        .flags(WRITE | DENYOOM | FAST)
        .keys(at(1).read_write().access().update())
        .cost("O(1)")
        .says("The string at a key, which is set to another.")
        .data(getset),
];

fn get(call: &mut Call, db: &mut Db) -> Outcome {
    reply_old(call, db)
}

/// Answers the string at the first key, or null.
#[inline]
pub(super) fn reply_old(call: &mut Call, db: &mut Db) -> Outcome {
    match db.read_string(call.key(1))? {
        Some(string) => reply_string(call, string),
        None => call.reply.null(),
    }
    Ok(())
}

fn getdel(call: &mut Call, db: &mut Db) -> Outcome {
    let key = call.key(1);
    reply_old(call, db)?;
    if db.remove(key, event::DEL) && call.is_journalled() {
        let verb: &[u8] = if call.settings.lazyfree_user_del { b"UNLINK" } else { b"DEL" };
        call.propagation.rewrite(&[verb, key.bytes]);
    }
    Ok(())
}

fn getset(call: &mut Call, db: &mut Db) -> Outcome {
    let (key, value) = (call.key(1), call.arg(2));
    reply_old(call, db)?;
    db.set_string(key, StringValue::encode(value), Deadline::Clear, event::SET);
    call.propagation.rewrite(&[b"SET", key.bytes, value]);
    Ok(())
}

fn getex(call: &mut Call, db: &mut Db) -> Outcome {
    let expiration = of_getex(call)?;
    let key = call.key(1);
    let Some(string) = db.read_string(key)? else {
        call.reply.null();
        return Ok(());
    };
    let deadline = match expiration {
        Expiration::At(when) => Some((when, when.deadline(call)?)),
        _ => None,
    };
    reply_string(call, string);
    match deadline {
        Some((when, ms)) if when.is_absolute() && db.has_passed(ms) => delete_due(call, db, key),
        Some((_, ms)) => {
            db.set_deadline(key, ms);
            db.record(key, event::EXPIRE, 1);
            if call.is_journalled() {
                call.propagation.rewrite(&[b"PEXPIREAT", key.bytes, &ms_text(ms)]);
            }
        }
        None if expiration == Expiration::Persist && db.clear_deadline(key) => {
            db.record(key, event::PERSIST, 1);
            call.propagation.rewrite(&[b"PERSIST", key.bytes]);
        }
        None => {}
    }
    Ok(())
}

/// Removes a key that was given a deadline in the past: for those who hear of it, it was deleted.
pub(in crate::commands) fn delete_due(call: &mut Call, db: &mut Db, key: Key<'_>) {
    db.remove(key, event::DEL);
    let verb: &[u8] = if call.settings.lazyfree_expire { b"UNLINK" } else { b"DEL" };
    call.propagation.rewrite(&[verb, key.bytes]);
}
