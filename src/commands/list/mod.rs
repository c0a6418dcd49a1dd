//! Lists. What the commands share stands here: events, and what a range of indices means.

mod change;
mod lmovem;
mod moves;
mod pop;
mod push;
mod read;

use crate::exec::{Call, Command, Stop, fault};
use crate::keyspace::event::{Event, class, event};
use crate::value::list::End;

pub const COMMANDS: &[&[Command]] =
    &[push::COMMANDS, pop::COMMANDS, read::COMMANDS, change::COMMANDS, moves::COMMANDS, lmovem::COMMANDS];

const LPUSH: Event = event(class::LIST, "lpush");
const RPUSH: Event = event(class::LIST, "rpush");
const LPOP: Event = event(class::LIST, "lpop");
const RPOP: Event = event(class::LIST, "rpop");

/// The event of adding elements at an end.
const fn push_event(end: End) -> Event {
    match end {
        End::Front => LPUSH,
        End::Back => RPUSH,
    }
}

/// The event of removing elements from an end.
const fn pop_event(end: End) -> Event {
    match end {
        End::Front => LPOP,
        End::Back => RPOP,
    }
}

/// The indices `start` to `stop`, both included and negative ones counted from the end, in a list of `len` elements:
/// the first index and the number of elements, which may be none.
fn range_of(start: i64, stop: i64, len: usize) -> (usize, usize) {
    let len = len as i64;
    let from_front = |index: i64| if index < 0 { index + len } else { index };
    let start = from_front(start).max(0);
    let stop = from_front(stop).min(len - 1);
    if start > stop { (0, 0) } else { (start as usize, (stop - start + 1) as usize) }
}

/// The word at `index` as LEFT or RIGHT.
fn end_at(call: &Call, index: usize) -> Result<End, Stop> {
    if call.is(index, "RIGHT") {
        Ok(End::Back)
    } else if call.is(index, "LEFT") {
        Ok(End::Front)
    } else {
        Err(fault::SYNTAX)
    }
}

/// The word at `index` as a number of which the negative is a number too.
fn symmetric_integer(call: &Call, index: usize) -> Result<i64, Stop> {
    match call.integer(index)? {
        i64::MIN => {
            Err("ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807".into())
        }
        number => Ok(number),
    }
}

#[cfg(test)]
mod tests {
    use super::range_of;

    #[test]
    fn ranges_are_cut_to_the_list() {
        for (start, stop, expected) in [
            (0, -1, (0, 5)),
            (1, 2, (1, 2)),
            (-2, 10, (3, 2)),
            (-100, 0, (0, 1)),
            (3, 1, (0, 0)),
            (5, 9, (0, 0)),
            (0, -6, (0, 0)),
            (i64::MIN, i64::MAX, (0, 5)),
        ] {
            assert_eq!(range_of(start, stop, 5), expected, "{start} {stop}");
        }
    }
}
