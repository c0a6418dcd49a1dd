//! HINCRBY and HINCRBYFLOAT.

use super::{HINCRBY, HINCRBYFLOAT};
use crate::base::long_double::LongDouble;
use crate::base::number::{IntegerText, parse_i64};
use crate::exec::call::fault;
use crate::exec::{Call, Outcome, Stop};
use crate::keyspace::Db;
use crate::structures::list_pack::Item;
use crate::value::hash::Hash;

pub(super) fn hincrby(call: &mut Call, db: &mut Db) -> Outcome {
    let (field, increment) = (call.arg(2), call.integer(3)?);
    let sum = db.edit_or_create(call.key(1), |hash: &mut Hash, changes| {
        changes.make_way_if_due(hash, field);
        let old = match hash.get(field, changes.now) {
            None => 0,
            Some(Item::Int(number)) => number,
            Some(Item::Bytes(text)) => parse_i64(text).ok_or(Stop::error("ERR hash value is not an integer"))?,
        };
        let sum = old.checked_add(increment).ok_or(Stop::error("ERR increment or decrement would overflow"))?;
        hash.set_keeping(field, IntegerText::new().of(sum), changes.limits);
        changes.name(field);
        changes.record(HINCRBY, 1);
        Ok::<i64, Stop>(sum)
    })??;
    call.reply.integer(sum);
    Ok(())
}

pub(super) fn hincrbyfloat(call: &mut Call, db: &mut Db) -> Outcome {
    let (field, increment) = (call.arg(2), LongDouble::parse(call.arg(3)).ok_or(fault::NOT_A_FLOAT)?);
    if !increment.is_finite() {
        return Err("ERR value is NaN or Infinity".into());
    }
    let text = db.edit_or_create(call.key(1), |hash: &mut Hash, changes| {
        changes.make_way_if_due(hash, field);
        let old = match hash.get(field, changes.now) {
            None => LongDouble::from_i64(0),
            Some(Item::Int(number)) => LongDouble::from_i64(number),
            Some(Item::Bytes(text)) => LongDouble::parse(text).ok_or(Stop::error("ERR hash value is not a float"))?,
        };
        let sum = old.plus(increment);
        if !sum.is_finite() {
            return Err(Stop::error("ERR increment would produce NaN or Infinity"));
        }
        let mut text = Vec::new();
        sum.write(&mut text);
        hash.set_keeping(field, &text, changes.limits);
        changes.name(field);
        changes.record(HINCRBYFLOAT, 1);
        Ok(text)
    })??;
    call.reply.bulk(&text);
    // As the sum and not as the summand: who replays it need not compute in the same precision. The field's deadline stays.
    call.propagation.rewrite(&[b"HSETEX", call.arg(1), b"KEEPTTL", b"FIELDS", b"1", field, &text]);
    Ok(())
}
