//! Parts of strings: APPEND, GETRANGE (SUBSTR of old), SETRANGE, STRLEN.

use crate::base::shared_bytes::LENGTH_MAX;
use crate::exec::{Call, Command, Outcome, Stop};
use crate::keyspace::event::{Event, class, event};
use crate::keyspace::{Db, Deadline, StringValue};
use crate::spec::flag::{DENYOOM, FAST, READONLY, WRITE};
use crate::spec::{Group, at, command};

const APPEND: Event = event(class::STRING, "append");
const SETRANGE: Event = event(class::STRING, "setrange");

pub const COMMANDS: &[Command] = &[
    command("APPEND", "key value", 3)
        .since("2.0.0")
        .group(Group::String)
        .flags(WRITE | DENYOOM | FAST)
        .keys(at(1).read_write().insert())
        .cost("O(1) amortised: the room doubles as the string grows")
        .says("Appends to the string at a key, which is made if need be.")
        .data(append),
    command("GETRANGE", "key start:integer end:integer", 4)
        .since("2.4.0")
        .group(Group::String)
        .flags(READONLY)
        .keys(at(1).read_only().access())
        .cost("O(n) over the bytes answered")
        .says("A part of the string at a key.")
        .data(getrange),
    command("SETRANGE", "key offset:integer value", 4)
        .since("2.2.0")
        .group(Group::String)
        .flags(WRITE | DENYOOM)
        .keys(at(1).read_write().update())
        .cost("O(n) over the bytes written")
        .says("Overwrites a part of the string at a key, which grows with zeros if need be.")
        .data(setrange),
    command("STRLEN", "key", 2)
        .since("2.2.0")
        .group(Group::String)
        .flags(READONLY | FAST)
        .keys(at(1).read_only())
        .cost("O(1)")
        .says("The length of the string at a key.")
        .data(strlen),
    command("SUBSTR", "key start:integer end:integer", 4)
        .deprecated("2.0.0", "GETRANGE")
        .group(Group::String)
        .flags(READONLY)
        .keys(at(1).read_only().access())
        .cost("O(n) over the bytes answered")
        .says("GETRANGE by its first name.")
        .data(getrange),
];

/// A string may be as long as one argument, and as long as its length can be told in 32 bits.
fn check_length(call: &Call, length: usize, more: usize) -> Outcome {
    let total = (length as u64).saturating_add(more as u64);
    if total > call.settings.bulk_bytes_max.min(LENGTH_MAX as u64) {
        return Err(Stop::error("ERR string exceeds maximum allowed size (proto-max-bulk-len)"));
    }
    Ok(())
}

fn append(call: &mut Call, db: &mut Db) -> Outcome {
    let (key, tail) = (call.key(1), call.arg(2));
    let Some(entry) = db.lookup_to_write(key) else {
        db.set_string(key, StringValue::encode(tail), Deadline::Clear, APPEND);
        call.reply.integer(tail.len() as i64);
        return Ok(());
    };
    let length = entry.string()?.len();
    check_length(call, length, tail.len())?;
    let total = db.edit_string(key, length + tail.len(), APPEND, |bytes| bytes[length..].copy_from_slice(tail))?;
    call.reply.integer(total as i64);
    Ok(())
}

fn setrange(call: &mut Call, db: &mut Db) -> Outcome {
    let offset = call.integer(2)?;
    let Ok(offset) = usize::try_from(offset) else {
        return Err(Stop::error("ERR offset is out of range"));
    };
    let (key, part) = (call.key(1), call.arg(3));
    let length = match db.lookup_to_write(key) {
        Some(entry) => entry.string()?.len(),
        None => 0,
    };
    if part.is_empty() {
        call.reply.integer(length as i64);
        return Ok(());
    }
    check_length(call, offset, part.len())?;
    let end = offset + part.len();
    let total = db.edit_string(key, end, SETRANGE, |bytes| bytes[offset..end].copy_from_slice(part))?;
    call.reply.integer(total as i64);
    Ok(())
}

fn strlen(call: &mut Call, db: &mut Db) -> Outcome {
    let length = db.read_string(call.key(1))?.map_or(0, |string| string.len());
    call.reply.integer(length as i64);
    Ok(())
}

fn getrange(call: &mut Call, db: &mut Db) -> Outcome {
    let (start, end) = (call.integer(2)?, call.integer(3)?);
    match db.read_string(call.key(1))? {
        Some(string) => string.with_bytes(|bytes| call.reply.bulk(part(bytes, start, end))),
        None => call.reply.bulk(b""),
    }
    Ok(())
}

/// The bytes from `start` to `end`, that one included; negative positions count from the end.
fn part(bytes: &[u8], start: i64, end: i64) -> &[u8] {
    if start < 0 && end < 0 && start > end {
        return b"";
    }
    let length = bytes.len() as i64;
    let position = |index: i64| if index < 0 { index.saturating_add(length).max(0) } else { index };
    let (start, end) = (position(start), position(end).min(length - 1));
    if start > end { b"" } else { &bytes[start as usize..=end as usize] }
}

#[cfg(test)]
mod tests {
    use super::part;

    #[test]
    fn positions_count_from_either_end() {
        let all = &b"0123456789"[..];
        let cases: &[(i64, i64, &[u8])] = &[
            (0, -1, all),
            (0, 100, all),
            (-3, -1, b"789"),
            (-100, 2, b"012"),
            (2, 1, b""),
            (-1, -2, b""),
            (100, 200, b""),
            (0, -100, b"0"),
            (i64::MIN, i64::MAX, all),
        ];
        for &(start, end, expected) in cases {
            assert_eq!(part(all, start, end), expected, "{start} {end}");
        }
        assert_eq!(part(b"", 0, -1), b"");
    }
}
