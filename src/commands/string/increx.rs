//! INCREX: a counter with bounds and a time to live, in one step.

use super::get::delete_due;
use super::options::{Expiration, time_option};
use crate::base::long_double::LongDouble;
use crate::base::number::{parse_i64, write_i64};
use crate::exec::call::fault;
use crate::exec::{Call, Command, Outcome, Stop};
use crate::keyspace::event::{self, Event, class, event};
use crate::keyspace::{Db, Str, StringValue};
use crate::server::journal::ms_text;
use crate::spec::flag::{DENYOOM, FAST, WRITE};
use crate::spec::{Group, at, command};

pub const COMMANDS: &[Command] = &[command(
    "INCREX",
    "key [increment=BYFLOAT float:double|BYINT integer:integer] [SATURATE] [LBOUND lowerbound] [UBOUND upperbound] \
     [expiration=EX seconds:integer|PX milliseconds:integer|EXAT unix-time-seconds:unix-time|\
     PXAT unix-time-milliseconds:unix-time|PERSIST] [ENX]",
    -2,
)
.since("8.8.0")
.group(Group::String)
.flags(WRITE | DENYOOM | FAST)
.keys(at(1).read_write().access().update())
.cost("O(1)")
.says("Adds to the number at a key within bounds, and says how long it lives.")
.data(increx)];

const INCRBY: Event = event(class::STRING, "incrby");
const INCRBYFLOAT: Event = event(class::STRING, "incrbyfloat");

const OVERFLOW: Stop = Stop::error("ERR increment or decrement would overflow");
const NOT_FINITE: Stop = Stop::error("ERR increment would produce NaN or Infinity");
const BOUNDS_CROSSED: Stop = Stop::error("ERR LBOUND can't be greater than UBOUND");

/// A request; numbers are words that are read once it is known of which kind they are.
struct Request {
    is_float: bool,
    /// Word of the increment; none: 1.
    increment: Option<usize>,
    lower: Option<usize>,
    upper: Option<usize>,
    saturates: bool,
    expiration: Expiration,
    /// ENX: a time to live that is there stays.
    only_without: bool,
}

impl Request {
    fn parse(call: &Call) -> Result<Request, Stop> {
        let mut request = Request {
            is_float: false,
            increment: None,
            lower: None,
            upper: None,
            saturates: false,
            expiration: Expiration::Unsaid,
            only_without: false,
        };
        let mut index = 2;
        while index < call.argc() {
            let has_value = index + 1 < call.argc();
            let is_float = call.is(index, "BYFLOAT");
            if has_value && request.increment.is_none() && (is_float || call.is(index, "BYINT")) {
                (request.is_float, request.increment) = (is_float, Some(index + 1));
                index += 1;
            } else if has_value && request.lower.is_none() && call.is(index, "LBOUND") {
                request.lower = Some(index + 1);
                index += 1;
            } else if has_value && request.upper.is_none() && call.is(index, "UBOUND") {
                request.upper = Some(index + 1);
                index += 1;
            } else if call.is(index, "SATURATE") {
                request.saturates = true;
            } else if call.is(index, "ENX") {
                request.only_without = true;
            } else if call.is(index, "PERSIST") && !matches!(request.expiration, Expiration::At(_)) {
                request.expiration = Expiration::Persist;
            } else {
                request.expiration = time_option(call, index, request.expiration, Expiration::Persist)?;
                index += 1;
            }
            index += 1;
        }
        if request.only_without && !matches!(request.expiration, Expiration::At(_)) {
            return Err(fault::SYNTAX);
        }
        Ok(request)
    }
}

/// What a step comes to.
enum Step<N> {
    /// The number that is there now, and what was added.
    Taken(N, N),
    /// Out of bounds: the number stays.
    Refused(N),
}

/// A sum cut to the bounds, if that is asked for; with how much then was added.
fn step_integer(old: i64, increment: i64, lower: i64, upper: i64, saturates: bool) -> Result<Step<i64>, Stop> {
    let sum = i128::from(old) + i128::from(increment);
    let within = sum.clamp(lower.into(), upper.into());
    if within != sum && !saturates {
        return Ok(Step::Refused(old));
    }
    let added = i64::try_from(within - i128::from(old)).map_err(|_| OVERFLOW)?;
    Ok(Step::Taken(within as i64, added))
}

fn increx(call: &mut Call, db: &mut Db) -> Outcome {
    let request = Request::parse(call)?;
    if request.is_float { by_float(call, db, &request) } else { by_integer(call, db, &request) }
}

fn by_integer(call: &mut Call, db: &mut Db, request: &Request) -> Outcome {
    let number = |word: Option<usize>, unsaid: i64| word.map_or(Ok(unsaid), |word| call.integer(word));
    let increment = number(request.increment, 1)?;
    let (lower, upper) = (number(request.lower, i64::MIN)?, number(request.upper, i64::MAX)?);
    if lower > upper {
        return Err(BOUNDS_CROSSED);
    }
    let deadline = deadline_of(call, request)?;
    let old = match db.lookup_to_write(call.key(1)) {
        None => 0,
        Some(entry) => match entry.string()? {
            Str::Int(number) => number,
            text => text.with_bytes(parse_i64).ok_or(fault::NOT_AN_INTEGER)?,
        },
    };
    let (now, added) = match step_integer(old, increment, lower, upper, request.saturates)? {
        Step::Refused(old) => (old, 0),
        Step::Taken(now, added) => {
            let mut text = Vec::new();
            write_i64(&mut text, now);
            set(call, db, &text, StringValue::Int(now), INCRBY, request, deadline)?;
            (now, added)
        }
    };
    call.reply.array(2);
    call.reply.integer(now);
    call.reply.integer(added);
    Ok(())
}

fn by_float(call: &mut Call, db: &mut Db, request: &Request) -> Outcome {
    let number =
        |word: Option<usize>| word.map(|word| LongDouble::parse(call.arg(word)).ok_or(fault::NOT_A_FLOAT)).transpose();
    let increment = number(request.increment)?.unwrap_or(LongDouble::from_i64(1));
    let (lower, upper) = (number(request.lower)?, number(request.upper)?);
    if lower.zip(upper).is_some_and(|(lower, upper)| lower > upper) {
        return Err(BOUNDS_CROSSED);
    }
    let deadline = deadline_of(call, request)?;
    let old = match db.lookup_to_write(call.key(1)) {
        None => LongDouble::from_i64(0),
        Some(entry) => match entry.string()? {
            Str::Int(number) => LongDouble::from_i64(number),
            text => text.with_bytes(LongDouble::parse).ok_or(fault::NOT_A_FLOAT)?,
        },
    };
    let sum = old.plus(increment);
    if !sum.is_finite() {
        return Err(NOT_FINITE);
    }
    let above = lower.map_or(sum, |lower| if sum < lower { lower } else { sum });
    let within = upper.map_or(above, |upper| if above > upper { upper } else { above });
    let is_refused = within != sum && !request.saturates;
    let (now, added) = match () {
        _ if is_refused => (old, LongDouble::from_i64(0)),
        _ if within == sum => (sum, increment),
        _ => (within, within.minus(old)),
    };
    let mut text = Vec::new();
    now.write(&mut text);
    if !is_refused {
        set(call, db, &text, StringValue::Bytes(&text), INCRBYFLOAT, request, deadline)?;
    }
    call.reply.array(2);
    call.reply.double_text(&text);
    text.clear();
    added.write(&mut text);
    call.reply.double_text(&text);
    Ok(())
}

/// The point in time that is asked for, and whether it was told as such.
fn deadline_of(call: &Call, request: &Request) -> Result<Option<(i64, bool)>, Stop> {
    match request.expiration {
        Expiration::At(when) => Ok(Some((when.deadline(call)?, when.is_absolute()))),
        _ => Ok(None),
    }
}

/// Sets the number and then its time to live. The journal has it as it is then.
fn set(
    call: &mut Call,
    db: &mut Db,
    text: &[u8],
    value: StringValue<'_>,
    event: Event,
    request: &Request,
    deadline: Option<(i64, bool)>,
) -> Outcome {
    let key = call.key(1);
    db.update_string(key, event, |_| Ok::<_, Stop>(value))?;
    let has_deadline = db.peek(key).is_some_and(|entry| entry.has_deadline());
    match deadline {
        Some((ms, is_absolute)) if !(request.only_without && has_deadline) => {
            if is_absolute && db.has_passed(ms) {
                delete_due(call, db, key);
                return Ok(());
            }
            db.set_deadline(key, ms);
            db.record(key, event::EXPIRE, 1);
            if call.is_journalled() {
                call.propagation.rewrite(&[b"SET", key.bytes, text, b"PXAT", &ms_text(ms)]);
            }
        }
        _ if request.expiration == Expiration::Persist => {
            if db.clear_deadline(key) {
                db.record(key, event::PERSIST, 1);
            }
            call.propagation.rewrite(&[b"SET", key.bytes, text]);
        }
        _ => call.propagation.rewrite(&[b"SET", key.bytes, text, b"KEEPTTL"]),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(old: i64, increment: i64, bounds: (i64, i64), saturates: bool, expected: Option<(i64, i64)>) {
        let step = step_integer(old, increment, bounds.0, bounds.1, saturates).expect("it fits");
        let taken = match step {
            Step::Taken(now, added) => Some((now, added)),
            Step::Refused(now) => {
                assert_eq!(now, old);
                None
            }
        };
        assert_eq!(taken, expected);
    }

    #[test]
    fn steps_stay_within_bounds() {
        let all = (i64::MIN, i64::MAX);
        check(98, 5, (0, 100), false, None);
        check(98, 5, (0, 100), true, Some((100, 2)));
        check(98, 2, (0, 100), false, Some((100, 2)));
        check(3, -5, (0, 100), true, Some((0, -3)));
        check(i64::MAX, 1, all, false, None);
        check(i64::MAX - 1, 5, all, true, Some((i64::MAX, 1)));
        check(200, 1, (0, 100), true, Some((100, -100)));
        assert!(step_integer(i64::MAX, 0, i64::MIN, i64::MIN, true).is_err());
    }
}
