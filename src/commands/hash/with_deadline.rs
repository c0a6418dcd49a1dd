//! HGETEX and HSETEX: reading and setting fields together with their deadlines.

use super::fields::{journal_removed, judge_type_first, parse_field_deadline, parse_fields};
use super::{HDEL, HEXPIRE, HPERSIST, HSET, answer};
use crate::base::clock::Ms;
use crate::base::number::parse_i64;
use crate::commands::string::When;
use crate::exec::{Call, Outcome, Stop};
use crate::keyspace::{Changes, Db};
use crate::protocol::args::Args;
use crate::server::journal::ms_text;
use crate::value::hash::Hash;

/// What becomes of the fields' deadlines.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Expiration {
    Unsaid,
    At(Ms),
    /// PERSIST of HGETEX.
    Persist,
    /// KEEPTTL of HSETEX.
    Keep,
}

// ---- HGETEX -----------------------------------------------------------------------------------------------------------

/// The option and the fields, and where FIELDS stands.
fn parse_hgetex<'a>(call: &Call<'a>) -> Result<(Expiration, usize, Args<'a>), Stop> {
    let (expiration, fields_at) = if let Some(when) = When::of_option(call, 2) {
        (Expiration::At(parse_field_deadline(call, when)?), 4)
    } else if call.is(2, "PERSIST") {
        (Expiration::Persist, 3)
    } else {
        (Expiration::Unsaid, 2)
    };
    if call.argc() < fields_at + 2 {
        return Err(call.wrong_arity());
    }
    Ok((expiration, fields_at, parse_fields(call, fields_at)?))
}

pub(super) fn hgetex(call: &mut Call, db: &mut Db) -> Outcome {
    let (expiration, fields_at, fields) = match parse_hgetex(call) {
        Ok(parsed) => parsed,
        Err(fault) => return Err(judge_type_first(call, db, fault)),
    };
    let key = call.key(1);
    let is_over = matches!(expiration, Expiration::At(deadline) if db.has_passed(deadline));
    let reply = &mut call.reply;
    let mut removed: Vec<&[u8]> = Vec::new();
    let count = db.edit(key, |hash: &mut Hash, changes| {
        reply.array(fields.len());
        if expiration != Expiration::Unsaid {
            hash.make_timed();
        }
        let mut count = 0;
        for field in fields.iter() {
            changes.remove_if_due(hash, field);
            match hash.get(field, changes.now) {
                Some(value) => answer(reply, value),
                None => {
                    reply.null();
                    continue;
                }
            }
            match expiration {
                Expiration::At(_) if is_over => {
                    hash.remove(field);
                    removed.push(field);
                }
                Expiration::At(deadline) => {
                    hash.set_deadline(field, Some(deadline));
                }
                Expiration::Persist if hash.deadline(field).flatten().is_some() => {
                    hash.set_deadline(field, None);
                }
                _ => continue,
            }
            changes.name(field);
            count += 1;
        }
        if count > 0 {
            let event = match expiration {
                Expiration::Persist => HPERSIST,
                _ if is_over => HDEL,
                _ => HEXPIRE,
            };
            changes.record(event, count);
        }
        count
    })?;
    let Some(count) = count else {
        call.reply.array(fields.len());
        (0..fields.len()).for_each(|_| call.reply.null());
        return Ok(());
    };
    if count == 0 {
        return Ok(());
    }
    if is_over {
        db.counters.expired_fields += count;
        journal_removed(call, &removed);
    } else if call.is_journalled() {
        let ms = if let Expiration::At(deadline) = expiration { ms_text(deadline) } else { Vec::new() };
        let mut words: Vec<&[u8]> = match expiration {
            Expiration::At(_) => vec![b"HPEXPIREAT", key.bytes, &ms],
            _ => vec![b"HPERSIST", key.bytes],
        };
        words.extend(call.args.from(fields_at).iter());
        call.propagation.rewrite(&words);
    }
    Ok(())
}

// ---- HSETEX -----------------------------------------------------------------------------------------------------------

/// When HSETEX does nothing.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Condition {
    Always,
    /// FNX: none of the fields may be there.
    IfNoneIsThere,
    /// FXX: all of them must be.
    IfAllAreThere,
}

/// The words of one call.
struct Setting<'a> {
    condition: Condition,
    expiration: Expiration,
    /// The word that tells how the time is told: EX, PX, EXAT or PXAT.
    time_at: Option<usize>,
    pairs: Args<'a>,
}

fn parse_hsetex<'a>(call: &Call<'a>) -> Result<Setting<'a>, Stop> {
    let mut setting =
        Setting { condition: Condition::Always, expiration: Expiration::Unsaid, time_at: None, pairs: call.args };
    let one_time = || Stop::error("ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified");
    let mut index = 2;
    while index < call.argc() {
        if call.is(index, "FIELDS") {
            setting.pairs = parse_pairs(call, index)?;
            return Ok(setting);
        }
        if call.is(index, "FNX") || call.is(index, "FXX") {
            if setting.condition != Condition::Always {
                return Err("ERR Only one of FXX or FNX arguments can be specified".into());
            }
            let is_fnx = call.is(index, "FNX");
            setting.condition = if is_fnx { Condition::IfNoneIsThere } else { Condition::IfAllAreThere };
        } else if call.is(index, "KEEPTTL") {
            if setting.expiration != Expiration::Unsaid {
                return Err(one_time());
            }
            setting.expiration = Expiration::Keep;
        } else if let Some(when) = When::of_option(call, index) {
            if setting.expiration != Expiration::Unsaid {
                return Err(one_time());
            }
            if index + 1 == call.argc() {
                return Err(call.wrong_arity());
            }
            setting.expiration = Expiration::At(parse_field_deadline(call, when)?);
            setting.time_at = Some(index);
            index += 1;
        } else {
            return Err(Stop::quoting("ERR unknown argument: ", call.arg(index), ""));
        }
        index += 1;
    }
    Err(call.wrong_arity())
}

/// Fields and values behind FIELDS and their number.
fn parse_pairs<'a>(call: &Call<'a>, fields_at: usize) -> Result<Args<'a>, Stop> {
    /// Words from FIELDS on to the first value.
    const WORDS_MIN: usize = 4;
    if call.argc() < fields_at + WORDS_MIN {
        return Err(call.wrong_arity());
    }
    let count = parse_i64(call.arg(fields_at + 1)).and_then(|count| i32::try_from(count).ok());
    let Some(count @ 1..) = count else { return Err("ERR invalid number of fields".into()) };
    let pairs = call.args.from(fields_at + 2);
    if pairs.len() as i64 == 2 * i64::from(count) { Ok(pairs) } else { Err(call.wrong_arity()) }
}

pub(super) fn hsetex(call: &mut Call, db: &mut Db) -> Outcome {
    let Setting { condition, expiration, time_at, pairs } = parse_hsetex(call)?;
    let (key, journalled) = (call.key(1), call.is_journalled());
    let over = matches!(expiration, Expiration::At(deadline) if db.has_passed(deadline));
    let mut removed: Vec<&[u8]> = Vec::new();
    let done = db.edit_or_create(key, |hash: &mut Hash, changes| {
        if !is_allowed(condition, hash, changes, pairs) {
            return None;
        }
        hash.make_fit(pairs.iter(), changes.limits);
        if matches!(expiration, Expiration::At(_)) {
            hash.make_timed();
        }
        let mut gone = 0;
        for index in (0..pairs.len()).step_by(2) {
            let (field, value) = (pairs.get(index), pairs.get(index + 1));
            match expiration {
                Expiration::Keep => hash.set_keeping(field, value, changes.limits),
                _ => hash.set(field, value, changes.limits),
            };
            match expiration {
                // All are set before the first is removed; a field that is named twice is removed once.
                Expiration::At(deadline) if !over => {
                    hash.set_deadline(field, Some(deadline));
                }
                _ => {}
            }
        }
        pairs.iter().step_by(2).for_each(|field| changes.name(field));
        changes.record(HSET, pairs.len() as u64 / 2);
        if over {
            for field in pairs.iter().step_by(2) {
                if hash.remove(field) {
                    gone += 1;
                    removed.push(field);
                    changes.name(field);
                }
            }
            changes.record(HDEL, 0);
        } else if matches!(expiration, Expiration::At(_)) {
            pairs.iter().step_by(2).for_each(|field| changes.name(field));
            changes.record(HEXPIRE, 0);
        }
        Some(gone)
    })?;
    call.reply.integer(i64::from(done.is_some()));
    let Some(gone) = done else { return Ok(()) };
    db.counters.expired_fields += gone;
    if over {
        journal_removed(call, &removed);
    } else if journalled && let (Expiration::At(deadline), Some(time_at)) = (expiration, time_at) {
        let ms = ms_text(deadline);
        let mut words: Vec<&[u8]> = call.args.iter().collect();
        (words[time_at], words[time_at + 1]) = (b"PXAT", &ms);
        call.propagation.rewrite(&words);
    }
    Ok(())
}

/// Whether the fields are there as the condition wants; the ones that are due go first.
fn is_allowed(condition: Condition, hash: &mut Hash, changes: &mut Changes<'_>, pairs: Args<'_>) -> bool {
    condition == Condition::Always
        || pairs.iter().step_by(2).all(|field| {
            changes.remove_if_due(hash, field);
            hash.contains(field, changes.now) == (condition == Condition::IfAllAreThere)
        })
}
