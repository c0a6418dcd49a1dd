//! BITCOUNT and BITPOS: how many bits of a range are 1, and where the first one is that is 0 or 1.

use crate::exec::call::fault;
use crate::exec::{Call, Command, Outcome, Stop};
use crate::keyspace::{Db, Str};
use crate::spec::flag::READONLY;
use crate::spec::{Group, at, command};
use crate::structures::bitmap::{Bounds, count_ones, count_ones_within, find_first, find_first_within};

pub const COMMANDS: &[Command] = &[
    command("BITCOUNT", "key [range=start:integer end:integer [unit=BYTE|BIT]@7.0.0]", -2)
        .since("2.6.0")
        .group(Group::Bitmap)
        .flags(READONLY)
        .keys(at(1).read_only().access())
        .cost("O(n) over the bytes of the range")
        .says("How many bits of the string at a key, or of a part of it, are 1.")
        .data(bitcount),
    command("BITPOS", "key bit:integer [range=start:integer [end-unit-block=end:integer [unit=BYTE|BIT]@7.0.0]]", -3)
        .since("2.8.7")
        .group(Group::Bitmap)
        .flags(READONLY)
        .keys(at(1).read_only().access())
        .cost("O(n) over the bytes up to the bit")
        .says("Where the first bit that is 0, or 1, stands in the string at a key or in a part of it.")
        .data(bitpos),
];

/// What the ends of a range count.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Unit {
    Byte,
    Bit,
}

fn unit(call: &Call, index: usize) -> Result<Unit, Stop> {
    match () {
        () if call.argc() <= index || call.is(index, "BYTE") => Ok(Unit::Byte),
        () if call.is(index, "BIT") => Ok(Unit::Bit),
        () => Err(fault::SYNTAX),
    }
}

/// The bits of a string of `len` bytes that a range means; negative ends count from the string's end.
fn bounds(start: i64, end: i64, unit: Unit, len: usize) -> Option<Bounds> {
    let bits = if unit == Unit::Bit { 1 } else { 8 };
    let total = len as i64 * (8 / bits);
    let place = |end: i64| if end < 0 { end.saturating_add(total).max(0) } else { end };
    let (start, end) = (place(start), place(end).min(total - 1));
    (start <= end).then(|| Bounds { first: (start * bits) as usize, last: ((end + 1) * bits - 1) as usize })
}

fn bitcount(call: &mut Call, db: &mut Db) -> Outcome {
    let range = match call.argc() {
        2 => None,
        4 | 5 => Some((call.integer(2)?, call.integer(3)?, unit(call, 4)?)),
        _ => return Err(fault::SYNTAX),
    };
    let string = db.read_string(call.key(1))?;
    let count = string.map_or(0, |string| {
        string.with_bytes(|bytes| match range {
            None => count_ones(bytes),
            // Two ends from behind in the wrong order mean nothing, even where both lie before the start.
            Some((start, end, _)) if start < 0 && end < 0 && start > end => 0,
            Some((start, end, unit)) => {
                bounds(start, end, unit, bytes.len()).map_or(0, |bounds| count_ones_within(bytes, bounds))
            }
        })
    });
    call.reply.integer(count as i64);
    Ok(())
}

fn bitpos(call: &mut Call, db: &mut Db) -> Outcome {
    let value = match call.integer(2)? {
        0 => false,
        1 => true,
        _ => return Err(Stop::error("ERR The bit argument must be 1 or 0.")),
    };
    if call.argc() > 6 {
        return Err(fault::SYNTAX);
    }
    let start = if call.argc() > 3 { call.integer(3)? } else { 0 };
    let unit = unit(call, 5)?;
    let end = if call.argc() > 4 { Some(call.integer(4)?) } else { None };
    let found = match db.read_string(call.key(1))? {
        // A key that is not there is zeros without end.
        None if value => None,
        None => Some(0),
        Some(string) => first_bit(string, start, end, unit, value),
    };
    call.reply.integer(found.map_or(-1, |position| position as i64));
    Ok(())
}

/// The first bit that is `value` from `start` on. Without an end, the string goes on in zeros.
fn first_bit(string: Str<'_>, start: i64, end: Option<i64>, unit: Unit, value: bool) -> Option<usize> {
    string.with_bytes(|bytes| {
        if start == 0 && end.is_none() && !bytes.is_empty() {
            return find_first(bytes, value).or_else(|| (!value).then_some(bytes.len() * 8));
        }
        let bounds = bounds(start, end.unwrap_or(-1), unit, bytes.len())?;
        find_first_within(bytes, bounds, value).or_else(|| (!value && end.is_none()).then_some(bytes.len() * 8))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_from_either_end() {
        let check = |start, end, unit, expected: Option<(usize, usize)>| {
            let expected = expected.map(|(first, last)| Bounds { first, last });
            assert_eq!(bounds(start, end, unit, 3), expected, "{start} {end}");
        };
        check(0, -1, Unit::Byte, Some((0, 23)));
        check(1, 1, Unit::Byte, Some((8, 15)));
        check(-1, 100, Unit::Byte, Some((16, 23)));
        check(3, 10, Unit::Byte, None);
        check(2, 1, Unit::Byte, None);
        check(i64::MIN, i64::MAX, Unit::Bit, Some((0, 23)));
        check(-2, -1, Unit::Bit, Some((22, 23)));
        check(24, 30, Unit::Bit, None);
        assert_eq!(bounds(0, -1, Unit::Byte, 0), None);
    }
}
