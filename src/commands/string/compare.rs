//! DELEX, DELIFEQ and DIGEST: deleting a string only if it is the one that the client has seen.

use super::condition::Comparison;
use crate::base::digest::digest_text;
use crate::exec::{Call, Command, Outcome, Stop};
use crate::keyspace::{Db, event};
use crate::spec::flag::{FAST, READONLY, WRITE};
use crate::spec::{Group, at, command, key_flag};

pub const COMMANDS: &[Command] = &[
    command(
        "DELEX",
        "key [condition=IFEQ ifeq-value|IFNE ifne-value|IFDEQ ifdeq-digest:integer|IFDNE ifdne-digest:integer]",
        -2,
    )
    .since("8.4.0")
    .group(Group::String)
    .flags(WRITE | FAST)
    .keys(at(1).read_write().delete().with(key_flag::VARIABLE_FLAGS))
    .cost("O(1); O(n) over the bytes of the string where digests are compared")
    .says("Deletes a key if its string, or the digest of it, is the given one or is not.")
    .data(delex),
    command("DELIFEQ", "key value", 3)
        .since("8.4.0")
        .group(Group::String)
        .flags(WRITE | FAST)
        .keys(at(1).remove().delete())
        .cost("O(1)")
        .says("Deletes a key if its string is the given one.")
        .data(delifeq),
    command("DIGEST", "key", 2)
        .since("8.4.0")
        .group(Group::String)
        .flags(READONLY | FAST)
        .keys(at(1).read_only().access())
        .cost("O(n) over the bytes of the string")
        .says("The digest of the string at a key.")
        .data(digest),
];

const NOT_A_STRING: Stop = Stop::error("ERR Key should be of string type if conditions are specified");
const NO_CONDITION: Stop = Stop::error("ERR Invalid condition. Use IFEQ, IFNE, IFDEQ, or IFDNE");

fn delex(call: &mut Call, db: &mut Db) -> Outcome {
    if call.argc() != 2 && call.argc() != 4 {
        return Err(call.wrong_arity());
    }
    let key = call.key(1);
    let agrees = if call.argc() == 2 {
        db.exists(key)
    } else {
        // The comparison reads the key: that counts as hit or miss.
        match db.lookup(key) {
            None => false,
            Some(entry) => {
                let string = entry.string().map_err(|_| NOT_A_STRING)?;
                let comparison = Comparison::parse(call, 2).ok_or(NO_CONDITION)?;
                comparison.holds(call, Some(string))?
            }
        }
    };
    if agrees {
        return delete(call, db);
    }
    call.reply.integer(0);
    Ok(())
}

fn delifeq(call: &mut Call, db: &mut Db) -> Outcome {
    let is_equal = match db.lookup_to_write(call.key(1)) {
        None => false,
        Some(entry) => entry.string()?.with_bytes(|bytes| bytes == call.arg(2)),
    };
    if is_equal {
        return delete(call, db);
    }
    call.reply.integer(0);
    Ok(())
}

/// Deletes the key; others need not know why.
fn delete(call: &mut Call, db: &mut Db) -> Outcome {
    let key = call.key(1);
    db.remove(key, event::DEL);
    let verb: &[u8] = if call.settings.lazyfree_user_del { b"UNLINK" } else { b"DEL" };
    call.propagation.rewrite(&[verb, key.bytes]);
    call.reply.integer(1);
    Ok(())
}

fn digest(call: &mut Call, db: &mut Db) -> Outcome {
    match db.read_string(call.key(1))? {
        Some(string) => {
            let digest = string.with_bytes(digest_text);
            call.reply.bulk(&digest);
        }
        None => call.reply.null(),
    }
    Ok(())
}
