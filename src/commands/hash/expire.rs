//! HEXPIRE, HPEXPIRE, HEXPIREAT, HPEXPIREAT, HPERSIST: giving fields deadlines and taking them away.
//!
//! All four are HPEXPIREAT in the journal, with the fields that they changed; a field that is given a time which is over goes at once, and is
//! an HDEL there.

use super::fields::{journal_removed, judge_type_first, parse_field_deadline, parse_fields, parse_fields_or};
use super::{HDEL, HEXPIRE, HPERSIST};
use crate::base::clock::Ms;
use crate::commands::generic::Condition;
use crate::commands::string::When;
use crate::exec::{Call, Outcome, Stop};
use crate::keyspace::Db;
use crate::protocol::args::Args;
use crate::server::journal::ms_text;
use crate::value::hash::Hash;

/// What is answered for a field.
const NO_FIELD: i64 = -2;
const NO_DEADLINE: i64 = -1;
const NOT_ALLOWED: i64 = 0;
const DONE: i64 = 1;
const REMOVED: i64 = 2;

pub(super) fn hexpire(call: &mut Call, db: &mut Db) -> Outcome {
    give_deadline(call, db, When::Seconds(2))
}

pub(super) fn hpexpire(call: &mut Call, db: &mut Db) -> Outcome {
    give_deadline(call, db, When::Milliseconds(2))
}

pub(super) fn hexpireat(call: &mut Call, db: &mut Db) -> Outcome {
    give_deadline(call, db, When::UnixSeconds(2))
}

pub(super) fn hpexpireat(call: &mut Call, db: &mut Db) -> Outcome {
    give_deadline(call, db, When::UnixMilliseconds(2))
}

/// The words of one call.
struct Request<'a> {
    deadline: Ms,
    condition: Condition,
    /// Where FIELDS stands.
    fields_at: usize,
    fields: Args<'a>,
}

fn parse<'a>(call: &Call<'a>, when: When) -> Result<Request<'a>, Stop> {
    let deadline = parse_field_deadline(call, when)?;
    let mut condition = Condition::default();
    let fields_at = if condition.add(call.arg(3)) { 4 } else { 3 };
    let fields = parse_fields_or(call, fields_at, "ERR Parameter `numFields` should be greater than 0".into())?;
    Ok(Request { deadline, condition, fields_at, fields })
}

fn give_deadline(call: &mut Call, db: &mut Db, when: When) -> Outcome {
    let request = match parse(call, when) {
        Ok(request) => request,
        Err(fault) => return Err(judge_type_first(call, db, fault)),
    };
    let Request { deadline, condition, fields_at, fields } = request;
    let (key, is_over, journalled) = (call.key(1), db.has_passed(deadline), call.is_journalled());
    let reply = &mut call.reply;
    // The fields that were changed, for the journal.
    let mut changed: Vec<&[u8]> = Vec::new();
    let count = db.edit(key, |hash: &mut Hash, changes| {
        reply.array(fields.len());
        hash.make_timed();
        let mut count = 0;
        for field in fields.iter() {
            let answer = match hash.deadline(field) {
                None => NO_FIELD,
                Some(current) if !condition.allows(current, deadline) => NOT_ALLOWED,
                Some(_) if is_over => {
                    hash.remove(field);
                    REMOVED
                }
                Some(_) => {
                    hash.set_deadline(field, Some(deadline));
                    DONE
                }
            };
            if answer > 0 {
                count += 1;
                changes.name(field);
                if journalled {
                    changed.push(field);
                }
            }
            reply.integer(answer);
        }
        if count > 0 {
            changes.record(if is_over { HDEL } else { HEXPIRE }, count);
        }
        count
    })?;
    let Some(count) = count else {
        answer_none(call, fields.len());
        return Ok(());
    };
    if is_over {
        db.counters.expired_fields += count;
        journal_removed(call, &changed);
    } else if !changed.is_empty() {
        let (ms, number) = (ms_text(deadline), changed.len().to_string());
        let mut words: Vec<&[u8]> = vec![b"HPEXPIREAT", key.bytes, &ms];
        words.extend((3..=fields_at).map(|index| call.arg(index)));
        words.push(number.as_bytes());
        words.extend(changed);
        call.propagation.rewrite(&words);
    }
    Ok(())
}

/// The answer where there is no key: no field of it is there.
fn answer_none(call: &mut Call, fields: usize) {
    call.reply.array(fields);
    (0..fields).for_each(|_| call.reply.integer(NO_FIELD));
}

pub(super) fn hpersist(call: &mut Call, db: &mut Db) -> Outcome {
    let fields = match parse_fields(call, 2) {
        Ok(fields) => fields,
        Err(fault) => return Err(judge_type_first(call, db, fault)),
    };
    let key = call.key(1);
    let reply = &mut call.reply;
    let edited = db.edit(key, |hash: &mut Hash, changes| {
        reply.array(fields.len());
        let mut is_changed = false;
        for field in fields.iter() {
            let answer = match hash.deadline(field) {
                None => NO_FIELD,
                Some(None) => NO_DEADLINE,
                Some(Some(deadline)) if deadline <= changes.now => NO_FIELD,
                Some(Some(_)) => {
                    hash.set_deadline(field, None);
                    is_changed = true;
                    changes.name(field);
                    DONE
                }
            };
            reply.integer(answer);
        }
        if is_changed {
            changes.record(HPERSIST, 1);
        }
    })?;
    if edited.is_none() {
        answer_none(call, fields.len());
    }
    Ok(())
}
