//! MSETEX: many keys that live as long as each other, if all of them exist or none does.

use super::options::{Condition, Expiration, of_set_from};
use crate::base::number::parse_i64;
use crate::commands::near::each_key;
use crate::exec::call::fault;
use crate::exec::{Call, Command, Outcome, Stop};
use crate::keyspace::{Db, Deadline, StringValue, event};
use crate::server::journal::ms_text;
use crate::spec::flag::{DENYOOM, MOVABLE_KEYS, WRITE};
use crate::spec::{Group, command, counted};

pub const COMMANDS: &[Command] = &[command(
    "MSETEX",
    "numkeys:integer {data=key value}+ [condition=NX|XX] [expiration=EX seconds:integer|PX milliseconds:integer|\
     EXAT unix-time-seconds:unix-time|PXAT unix-time-milliseconds:unix-time|KEEPTTL]",
    -4,
)
.since("8.4.0")
.group(Group::String)
.flags(WRITE | DENYOOM | MOVABLE_KEYS)
.keys(counted(1).step(2).overwrite().update())
.cost("O(n) over the keys")
.says("Sets many keys to strings that live equally long, if all or none of them exist.")
.tips(&["request_policy:multi_shard", "response_policy:all_succeeded"])
.data(msetex)];

const NOT_A_NUMBER_OF_KEYS: Stop = Stop::error("ERR invalid numkeys value");
const KEYS_MISSING: Stop = Stop::error("ERR wrong number of key-value pairs");

fn msetex(call: &mut Call, db: &mut Db) -> Outcome {
    let count = parse_i64(call.arg(1)).filter(|count| (1..=i64::from(i32::MAX)).contains(count));
    let count = count.ok_or(NOT_A_NUMBER_OF_KEYS)? as usize;
    if count > (call.argc() - 2) / 2 {
        return Err(KEYS_MISSING);
    }
    let end = 2 + 2 * count;
    let options = of_set_from(call, end)?;
    if options.get || matches!(options.condition, Condition::Compare(_)) {
        return Err(fault::SYNTAX);
    }
    let deadline = match options.expiration {
        Expiration::At(when) => Deadline::At(when.deadline(call)?),
        Expiration::Keep => Deadline::Keep,
        _ => Deadline::Clear,
    };
    if options.condition != Condition::Always {
        let wants_there = options.condition == Condition::IfPresent;
        let keys = (2..end).step_by(2);
        if !keys.into_iter().all(|index| db.lookup_to_write(call.key(index)).is_some() == wants_there) {
            call.reply.integer(0);
            return Ok(());
        }
    }
    each_key(call, db, 2, 2, |call, db, key, index| {
        if index < end {
            set(call, db, key, index + 1, deadline);
        }
    });
    call.reply.integer(1);
    Ok(())
}

/// Sets one key to the word at `value`. The journal has it as a SET, which every reader knows.
fn set(call: &mut Call, db: &mut Db, key: crate::keyspace::Key<'_>, value: usize, deadline: Deadline) {
    let value = call.arg(value);
    match deadline {
        Deadline::At(ms) => {
            // In this order Redis tells of them.
            db.set_string(key, StringValue::encode(value), deadline, event::EXPIRE);
            db.notice(key.bytes, event::SET);
            if call.is_journalled() {
                call.propagation.rewrite(&[b"SET", key.bytes, value, b"PXAT", &ms_text(ms)]);
            }
        }
        Deadline::Keep => {
            db.set_string(key, StringValue::encode(value), deadline, event::SET);
            call.propagation.rewrite(&[b"SET", key.bytes, value, b"KEEPTTL"]);
        }
        Deadline::Clear => {
            db.set_string(key, StringValue::encode(value), deadline, event::SET);
            call.propagation.rewrite(&[b"SET", key.bytes, value]);
        }
    }
}
