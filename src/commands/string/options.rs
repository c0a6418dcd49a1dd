//! The options that SET and GETEX share: conditions, GET, and when the key is to go.

use super::condition::Comparison;
use crate::base::clock::Ms;
use crate::exec::call::fault;
use crate::exec::{Call, Stop};

/// When SET and its like do nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    Always,
    IfAbsent,
    IfPresent,
    /// IFEQ and its kin: what is there is compared.
    Compare(Comparison),
}

/// How a point in time is told; the number stands at the word index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    Seconds(usize),
    Milliseconds(usize),
    UnixSeconds(usize),
    UnixMilliseconds(usize),
}

/// What becomes of the key's deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expiration {
    Unsaid,
    At(When),
    /// KEEPTTL of SET.
    Keep,
    /// PERSIST of GETEX.
    Persist,
}

/// The options of one call.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    pub condition: Condition,
    /// GET of SET: the old value is the reply.
    pub get: bool,
    pub expiration: Expiration,
}

/// Reads the options of SET from word 3 on.
pub fn of_set(call: &Call) -> Result<Options, Stop> {
    of_set_from(call, 3)
}

/// The same from another word on, for MSETEX.
pub fn of_set_from(call: &Call, first: usize) -> Result<Options, Stop> {
    let mut options = Options { condition: Condition::Always, get: false, expiration: Expiration::Unsaid };
    let mut index = first;
    while index < call.argc() {
        let word = call.arg(index);
        let may_be = |condition| options.condition == Condition::Always || options.condition == condition;
        if word.eq_ignore_ascii_case(b"NX") && may_be(Condition::IfAbsent) {
            options.condition = Condition::IfAbsent;
        } else if word.eq_ignore_ascii_case(b"XX") && may_be(Condition::IfPresent) {
            options.condition = Condition::IfPresent;
        } else if options.condition == Condition::Always
            && index + 1 < call.argc()
            && let Some(comparison) = Comparison::parse(call, index)
        {
            options.condition = Condition::Compare(comparison);
            index += 1;
        } else if word.eq_ignore_ascii_case(b"GET") {
            options.get = true;
        } else if word.eq_ignore_ascii_case(b"KEEPTTL") && !matches!(options.expiration, Expiration::At(_)) {
            options.expiration = Expiration::Keep;
        } else {
            options.expiration = time_option(call, index, options.expiration, Expiration::Keep)?;
            index += 1;
        }
        index += 1;
    }
    Ok(options)
}

/// Reads the options of GETEX from word 2 on.
pub fn of_getex(call: &Call) -> Result<Expiration, Stop> {
    let mut expiration = Expiration::Unsaid;
    let mut index = 2;
    while index < call.argc() {
        if call.is(index, "PERSIST") && !matches!(expiration, Expiration::At(_)) {
            expiration = Expiration::Persist;
        } else {
            expiration = time_option(call, index, expiration, Expiration::Persist)?;
            index += 1;
        }
        index += 1;
    }
    Ok(expiration)
}

/// Reads EX, PX, EXAT or PXAT with its number. The same one may come again, the last counts; no other may stand beside it,
/// nor `rival` (KEEPTTL or PERSIST).
pub(super) fn time_option(
    call: &Call,
    index: usize,
    before: Expiration,
    rival: Expiration,
) -> Result<Expiration, Stop> {
    let value = index + 1;
    let when = When::of_option(call, index).ok_or(fault::SYNTAX)?;
    let agrees = match before {
        Expiration::Unsaid => true,
        Expiration::At(other) => std::mem::discriminant(&other) == std::mem::discriminant(&when),
        other => other != rival,
    };
    if value < call.argc() && agrees { Ok(Expiration::At(when)) } else { Err(fault::SYNTAX) }
}

impl When {
    /// EX, PX, EXAT or PXAT at word `index`; the number stands behind it.
    pub fn of_option(call: &Call, index: usize) -> Option<When> {
        let (word, value) = (call.arg(index), index + 1);
        let is = |option: &str| word.eq_ignore_ascii_case(option.as_bytes());
        if is("EX") {
            Some(When::Seconds(value))
        } else if is("PX") {
            Some(When::Milliseconds(value))
        } else if is("EXAT") {
            Some(When::UnixSeconds(value))
        } else if is("PXAT") {
            Some(When::UnixMilliseconds(value))
        } else {
            None
        }
    }

    /// The word of the number, how many milliseconds its unit has, and where it counts from.
    pub fn measure(self, now: Ms) -> (usize, i64, Ms) {
        match self {
            When::Seconds(index) => (index, 1000, now),
            When::Milliseconds(index) => (index, 1, now),
            When::UnixSeconds(index) => (index, 1000, 0),
            When::UnixMilliseconds(index) => (index, 1, 0),
        }
    }

    /// Whether the time is told as a point in time, not as a span from now.
    pub fn is_absolute(self) -> bool {
        matches!(self, When::UnixSeconds(_) | When::UnixMilliseconds(_))
    }

    /// The point in time, in milliseconds since the epoch; must lie after the epoch.
    pub fn deadline(self, call: &Call) -> Result<Ms, Stop> {
        let (index, scale, base) = self.measure(call.now);
        let number = call.integer(index)?;
        let ms = if number > 0 { number.checked_mul(scale).and_then(|ms| ms.checked_add(base)) } else { None };
        ms.ok_or_else(|| invalid_expire_time(call))
    }
}

/// The error of every command that is given a time it cannot use.
#[cold]
pub(in crate::commands) fn invalid_expire_time(call: &Call) -> Stop {
    let name = &call.commands.row(call.command_id).full_name;
    Stop::error_owned(format!("ERR invalid expire time in '{name}' command"))
}
