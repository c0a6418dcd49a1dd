//! BITFIELD and BITFIELD_RO: integers of any width at any bit, read, set and counted up in one call.
//!
//! The words are read twice: first all of them, so that a fault anywhere leaves the string alone and the string can grow once
//! to where the last write reaches; then once more to do what they say.

use super::{SETBIT, position};
use crate::base::number::parse_i64;
use crate::config::Settings;
use crate::exec::call::fault;
use crate::exec::{Call, Command, Outcome, Stop};
use crate::keyspace::{Db, StringValue};
use crate::protocol::args::Args;
use crate::spec::flag::{DENYOOM, FAST, READONLY, WRITE};
use crate::spec::{Group, at, command, key_flag};
use crate::structures::bitmap::{FIELD_BITS_MAX, Field, Overflow};

pub const COMMANDS: &[Command] = &[
    command(
        "BITFIELD",
        "key [operation=GET {get-block=encoding offset:integer}|{write=[OVERFLOW {overflow-block=WRAP|SAT|FAIL}] \
         {write-operation=SET {set-block=encoding offset:integer value:integer}|\
         INCRBY {incrby-block=encoding offset:integer increment:integer}}}]+",
        -2,
    )
    .since("3.2.0")
    .group(Group::Bitmap)
    .flags(WRITE | DENYOOM)
    .keys(
        at(1)
            .read_write()
            .access()
            .update()
            .with(key_flag::VARIABLE_FLAGS)
            .notes("This command allows both access and modification of the key"),
    )
    .cost("O(1) an operation")
    .says("Reads, sets and counts up integers of any width in the string at a key.")
    .data(bitfield),
    command("BITFIELD_RO", "key [GET {get-block=encoding offset:integer}]+^", -2)
        .since("6.0.0")
        .group(Group::Bitmap)
        .flags(READONLY | FAST)
        .keys(at(1).read_only().access())
        .cost("O(1) an operation")
        .says("Reads integers of any width in the string at a key.")
        .data(bitfield_ro),
];

/// Index of the first operation's name.
const FIRST: usize = 2;

/// What is done with a field.
#[derive(Clone, Copy)]
enum Act {
    Get,
    Set(i64),
    Increment(i64),
}

#[derive(Clone, Copy)]
struct Operation {
    field: Field,
    position: usize,
    act: Act,
    overflow: Overflow,
}

/// The operations of a call, one after the other; a fault is the last.
#[derive(Clone)]
struct Operations<'a> {
    args: Args<'a>,
    settings: &'a Settings,
    index: usize,
    overflow: Overflow,
}

impl<'a> Operations<'a> {
    fn of(call: &Call<'a>) -> Operations<'a> {
        Operations { args: call.args, settings: call.settings, index: FIRST, overflow: Overflow::Wrap }
    }

    fn is(&self, index: usize, name: &str) -> bool {
        self.args.get(index).eq_ignore_ascii_case(name.as_bytes())
    }

    fn read(&mut self) -> Result<Option<Operation>, Stop> {
        // What holds for the operations behind it.
        while self.index < self.args.len() && self.is(self.index, "OVERFLOW") {
            if self.args.len() - self.index < 2 {
                return Err(fault::SYNTAX);
            }
            self.overflow = match () {
                () if self.is(self.index + 1, "WRAP") => Overflow::Wrap,
                () if self.is(self.index + 1, "SAT") => Overflow::Saturate,
                () if self.is(self.index + 1, "FAIL") => Overflow::Fail,
                () => return Err(Stop::error("ERR Invalid OVERFLOW type specified")),
            };
            self.index += 2;
        }
        let (at, left) = (self.index, self.args.len() - self.index);
        if left == 0 {
            return Ok(None);
        }
        let words = match () {
            () if self.is(at, "GET") => 3,
            () if self.is(at, "SET") || self.is(at, "INCRBY") => 4,
            () => return Err(fault::SYNTAX),
        };
        if left < words {
            return Err(fault::SYNTAX);
        }
        let field = field_named(self.args.get(at + 1))?;
        let position = match self.args.get(at + 2) {
            [b'#', number @ ..] => position(self.settings, number, i64::from(field.bits))?,
            number => position(self.settings, number, 1)?,
        };
        let number = || parse_i64(self.args.get(at + 3)).ok_or(fault::NOT_AN_INTEGER);
        let act = match () {
            () if words == 3 => Act::Get,
            () if self.is(at, "SET") => Act::Set(number()?),
            () => Act::Increment(number()?),
        };
        self.index += words;
        Ok(Some(Operation { field, position, act, overflow: self.overflow }))
    }
}

impl Iterator for Operations<'_> {
    type Item = Result<Operation, Stop>;

    fn next(&mut self) -> Option<Result<Operation, Stop>> {
        self.read().transpose()
    }
}

/// `i8`, `u63`: a type by name.
fn field_named(word: &[u8]) -> Result<Field, Stop> {
    const FAULT: &str =
        "ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.";
    let (is_signed, width) = match word {
        [b'i', width @ ..] => (true, width),
        [b'u', width @ ..] => (false, width),
        _ => return Err(Stop::error(FAULT)),
    };
    // The name ends at a zero byte, as C's strings do.
    let width = &width[..memchr::memchr(0, width).unwrap_or(width.len())];
    let widest = if is_signed { FIELD_BITS_MAX } else { FIELD_BITS_MAX - 1 };
    match parse_i64(width) {
        Some(bits) if (1..=i64::from(widest)).contains(&bits) => Ok(Field { bits: bits as u32, is_signed }),
        _ => Err(Stop::error(FAULT)),
    }
}

fn bitfield(call: &mut Call, db: &mut Db) -> Outcome {
    run(call, db, false)
}

fn bitfield_ro(call: &mut Call, db: &mut Db) -> Outcome {
    run(call, db, true)
}

fn run(call: &mut Call, db: &mut Db, only_reads: bool) -> Outcome {
    let operations = Operations::of(call);
    // 1. All words make sense; how many operations, and how far the writes reach.
    let (mut count, mut len_min) = (0, 0);
    for operation in operations.clone() {
        let Operation { field, position, act, .. } = operation?;
        count += 1;
        if !matches!(act, Act::Get) {
            len_min = len_min.max((position + field.bits as usize).div_ceil(8));
        }
    }
    // 2. Nothing is written: the string stays as it is stored.
    if len_min == 0 {
        let string = db.read_string(call.key(1))?;
        call.reply.array(count);
        return match string {
            Some(string) => string.with_bytes(|bytes| read_all(call, operations, bytes)),
            None => read_all(call, operations, &[]),
        };
    }
    if only_reads {
        return Err(Stop::error("ERR BITFIELD_RO only supports the GET subcommand"));
    }
    // 3. The string reaches to the last write, whether or not that will fit.
    db.edit_or_create_string(
        call.key(1),
        || StringValue::zeros(len_min),
        |string| {
            let is_longer = string.grow(len_min) || string.is_new();
            call.reply.array(count);
            let changes = run_all(call, operations, string.bytes_mut(), is_longer)?;
            if changes > 0 {
                string.record(SETBIT, changes);
            }
            Ok(())
        },
    )
}

fn read_all(call: &mut Call, operations: Operations, bytes: &[u8]) -> Outcome {
    for operation in operations {
        let Operation { field, position, .. } = operation?;
        call.reply.integer(field.get(bytes, position));
    }
    Ok(())
}

/// Runs operations on a string that reaches far enough; gives back the number of changes. In one that `is_longer` now, every
/// write is a change.
fn run_all(call: &mut Call, operations: Operations, bytes: &mut [u8], is_longer: bool) -> Result<u64, Stop> {
    let mut changes = 0;
    for operation in operations {
        let Operation { field, position, act, overflow } = operation?;
        let old = field.get(bytes, position);
        let new = match act {
            Act::Get => {
                call.reply.integer(old);
                continue;
            }
            Act::Set(number) => field.fit(number, 0, overflow),
            Act::Increment(increment) => field.fit(old, increment, overflow),
        };
        let Some(new) = new else {
            call.reply.null();
            continue;
        };
        field.set(bytes, position, new);
        changes += u64::from(is_longer || new != old);
        call.reply.integer(if matches!(act, Act::Set(_)) { old } else { new });
    }
    Ok(changes)
}
