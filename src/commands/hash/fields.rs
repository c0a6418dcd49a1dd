//! What commands about fields share: the words FIELDS, their number and they themselves; points in time; the order of judgement.

use crate::base::clock::Ms;
use crate::base::number::parse_i64;
use crate::commands::string::{When, invalid_expire_time};
use crate::exec::call::fault;
use crate::exec::{Call, Stop};
use crate::keyspace::Db;
use crate::protocol::args::Args;
use crate::value::hash::Hash;

/// The latest point in time that a field may be given: Redis keeps 46 bits.
const FIELD_DEADLINE_MAX: Ms = (1 << 46) - 1;

pub(super) const FIELDS_MISSING: Stop =
    Stop::error("ERR Mandatory argument FIELDS is missing or not at the right position");
pub(super) const FIELDS_DIFFER: Stop = Stop::error("ERR The `numfields` parameter must match the number of arguments");
const FIELDS_NOT_POSITIVE: Stop = Stop::error("ERR Number of fields must be a positive integer");

/// The fields behind FIELDS at word `index` and their number.
pub(super) fn parse_fields<'a>(call: &Call<'a>, index: usize) -> Result<Args<'a>, Stop> {
    parse_fields_or(call, index, FIELDS_NOT_POSITIVE)
}

/// The same where a number below 1 is told in another way.
pub(super) fn parse_fields_or<'a>(call: &Call<'a>, index: usize, not_positive: Stop) -> Result<Args<'a>, Stop> {
    if !call.is(index, "FIELDS") {
        return Err(FIELDS_MISSING);
    }
    let fields = call.args.from(index + 2);
    match parse_i64(call.arg(index + 1)) {
        Some(count) if count == fields.len() as i64 && count > 0 => Ok(fields),
        Some(1..) => Err(FIELDS_DIFFER),
        _ => Err(not_positive),
    }
}

/// The point in time that the words tell.
pub(super) fn parse_field_deadline(call: &Call, when: When) -> Result<Ms, Stop> {
    let (index, scale, base) = when.measure(call.now);
    let number = call.integer(index)?;
    if number < 0 {
        return Err("ERR invalid expire time, must be >= 0".into());
    }
    let ms = number.checked_mul(scale).and_then(|ms| ms.checked_add(base));
    ms.filter(|&ms| ms <= FIELD_DEADLINE_MAX).ok_or_else(|| invalid_expire_time(call))
}

/// The type of the key is judged before the words, as in Redis: a fault in the words is told only of a hash, or of nothing.
#[cold]
pub(super) fn judge_type_first(call: &Call, db: &mut Db, fault: Stop) -> Stop {
    match db.inspect_quietly(call.key(1)).map(|entry| entry.object::<Hash>()) {
        Some(Err(_)) => fault::WRONG_TYPE,
        _ => fault,
    }
}

/// These fields are gone because of the time they were given: in the journal, an HDEL for each.
pub(super) fn journal_removed(call: &mut Call, removed: &[&[u8]]) {
    let key = call.arg(1);
    removed.iter().for_each(|field| call.propagation.rewrite(&[b"HDEL", key, field]));
}
