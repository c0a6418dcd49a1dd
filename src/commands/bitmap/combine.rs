//! BITOP: strings combined bit by bit.

use std::borrow::Cow;

use crate::base::shared_bytes::SharedBytes;
use crate::exec::call::fault;
use crate::exec::{Call, Command, Outcome, Stop};
use crate::keyspace::{Db, Deadline, Key, Str, StringValue, event};
use crate::spec::flag::{DENYOOM, WRITE};
use crate::spec::{Group, at, command};
use crate::structures::bitmap::{Operation, combine};
use crate::value::WrongType;

pub const COMMANDS: &[Command] =
    &[command("BITOP", "{operation=AND|OR|XOR|NOT|DIFF|DIFF1|ANDOR|ONE} destkey key+", -4)
        .since("2.6.0")
        .group(Group::Bitmap)
        .flags(WRITE | DENYOOM)
        .keys(at(2).overwrite().update())
        .keys(at(3).to(-1).read_only().access())
        .cost("O(n·m) over the keys and the bytes of the longest")
        .says("Combines strings bit by bit and stores the result.")
        .data(bitop)];

/// The operations by name, and how many sources each takes at least; NOT takes one alone.
const OPERATIONS: &[(&str, Operation, usize)] = &[
    ("AND", Operation::And, 1),
    ("OR", Operation::Or, 1),
    ("XOR", Operation::Xor, 1),
    ("NOT", Operation::Not, 1),
    ("DIFF", Operation::Diff, 2),
    ("DIFF1", Operation::Diff1, 2),
    ("ANDOR", Operation::AndOr, 2),
    ("ONE", Operation::One, 1),
];

/// Index of the first source.
const SOURCES: usize = 3;

fn bitop(call: &mut Call, db: &mut Db) -> Outcome {
    let named = OPERATIONS.iter().find(|(name, ..)| call.is(1, name));
    let &(name, operation, sources_min) = named.ok_or(fault::SYNTAX)?;
    let sources = call.argc() - SOURCES;
    if operation == Operation::Not && sources != 1 {
        return Err(Stop::error("ERR BITOP NOT must be called with a single source key."));
    }
    if sources < sources_min {
        return Err(Stop::error_owned(format!("ERR BITOP {name} must be called with at least two source keys.")));
    }
    let result = combined(call, db, operation)?;
    call.reply.integer(result.len() as i64);
    let target = call.key(2);
    if result.is_empty() {
        db.remove_even_due(target, event::DEL);
    } else {
        // A short one goes into its entry, a long one is the value as it is.
        db.set_string(target, StringValue::raw(&result), Deadline::Clear, event::SET);
    }
    Ok(())
}

/// The sources combined; a key that is not there is an empty string.
fn combined(call: &Call, db: &mut Db, operation: Operation) -> Result<SharedBytes, WrongType> {
    let keys: Vec<Key<'_>> = (SOURCES..call.argc()).map(|index| call.key(index)).collect();
    // 1. Each is looked up as a command looks a key up, which may remove it; the first of another type ends it.
    for key in &keys {
        db.read_string(*key)?;
    }
    // 2. All are borrowed at once.
    let mut sources: Vec<Cow<'_, [u8]>> = Vec::with_capacity(keys.len());
    for key in &keys {
        sources.push(match db.peek(*key).map(|entry| entry.string()).transpose()? {
            None => Cow::Borrowed(&[]),
            Some(Str::Bytes(bytes)) => Cow::Borrowed(bytes),
            Some(Str::Shared(bytes)) => Cow::Borrowed(bytes),
            Some(number) => Cow::Owned(number.to_vec()),
        });
    }
    let sources: Vec<&[u8]> = sources.iter().map(|source| &**source).collect();
    let length = sources.iter().map(|source| source.len()).max().unwrap_or(0);
    let mut result = SharedBytes::with_capacity(length);
    combine(operation, &sources, |piece| result.extend_from_slice(piece));
    Ok(result)
}
