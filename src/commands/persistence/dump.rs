//! DUMP and RESTORE: a value on its own, as bytes.

use crate::base::clock::Ms;
use crate::base::number::parse_i64;
use crate::exec::{Call, Outcome, Stop, fault};
use crate::keyspace::event;
use crate::keyspace::{Db, EntryBox, Key};
use crate::rdb::load::{access_of, value_from_payload};
use crate::rdb::payload;
use crate::rdb::record::Preface;
use crate::rdb::write_value::payload_of;
use crate::rdb::writer::Choices;

pub fn dump(call: &mut Call, db: &mut Db) -> Outcome {
    match db.lookup(call.key(1)) {
        None => call.reply.null(),
        Some(entry) => match payload_of(entry.value(), Choices::for_payload(call.settings)) {
            Some(payload) => call.reply.bulk(&payload),
            None => return Err(UNSAYABLE),
        },
    }
    Ok(())
}

/// A payload for an older server is no place to lose something in.
const UNSAYABLE: Stop = Stop::error("ERR The value cannot be written in the RDB version that rdb-version asks for");

/// The options of RESTORE.
#[derive(Default)]
struct Options {
    replaces: bool,
    ttl_is_absolute: bool,
    idle_seconds: Option<u64>,
    frequency: Option<u8>,
}

fn parse_options(call: &Call) -> Result<Options, Stop> {
    let mut options = Options::default();
    let mut index = 4;
    while index < call.argc() {
        let has_more = index + 1 < call.argc();
        if call.is(index, "REPLACE") {
            options.replaces = true;
        } else if call.is(index, "ABSTTL") {
            options.ttl_is_absolute = true;
        } else if call.is(index, "IDLETIME") && has_more && options.frequency.is_none() {
            index += 1;
            let seconds = u64::try_from(call.integer(index)?).ok();
            options.idle_seconds = Some(seconds.ok_or("ERR Invalid IDLETIME value, must be >= 0")?);
        } else if call.is(index, "FREQ") && has_more && options.idle_seconds.is_none() {
            index += 1;
            let frequency = u8::try_from(call.integer(index)?).ok();
            options.frequency = Some(frequency.ok_or("ERR Invalid FREQ value, must be >= 0 and <= 255")?);
        } else {
            return Err(fault::SYNTAX);
        }
        index += 1;
    }
    Ok(options)
}

pub fn restore(call: &mut Call, db: &mut Db) -> Outcome {
    let options = parse_options(call)?;
    let key = call.key(1);
    if !options.replaces && db.exists(key) {
        return Err(Stop::error("BUSYKEY Target key name already exists."));
    }
    let ttl = parse_i64(call.arg(2)).ok_or(fault::NOT_AN_INTEGER)?;
    if ttl < 0 {
        return Err(Stop::error("ERR Invalid TTL value, must be >= 0"));
    }
    let (kind, bytes) = payload::open(call.arg(3), db.rules.checks_payloads).map_err(|refusal| match refusal {
        payload::Refusal::VersionOrChecksum => Stop::error("ERR DUMP payload version or checksum are wrong"),
        payload::Refusal::UnknownKind => BAD_FORMAT,
    })?;
    let deadline: Option<Ms> = match (ttl, options.ttl_is_absolute) {
        (0, _) => None,
        (_, true) => Some(ttl),
        (_, false) => Some(ttl.saturating_add(call.now)),
    };
    let preface = Preface { kind, deadline, idle_seconds: options.idle_seconds, frequency: options.frequency };
    let access = access_of(db, &preface);
    let entry = value_from_payload(kind, bytes, &db.rules.limits, |value| {
        value.into_entry(key.bytes, deadline.is_some(), access)
    });
    let entry = entry.map_err(|fault| {
        log::warn!("Internal error in RDB reading offset {} -> {fault}", fault.offset());
        BAD_FORMAT
    })?;
    put(call, db, key, entry, deadline, options.replaces);
    // That it came is not what it was last used for.
    db.set_access(key, access);
    call.reply.ok();
    Ok(())
}

const BAD_FORMAT: Stop = Stop::error("ERR Bad data format");

/// Puts the value in the place of what is there. One whose time is over already is not put, only makes place.
fn put(call: &mut Call, db: &mut Db, key: Key<'_>, entry: EntryBox, deadline: Option<Ms>, replaces: bool) {
    let is_over = deadline.is_some_and(|deadline| deadline <= call.now) && db.rules.may_expire;
    let old = if replaces { db.take(key) } else { None };
    if is_over {
        if let Some(old) = old {
            db.discard(old);
            db.record(key, event::DEL, 1);
            if call.is_journalled() {
                let verb: &[u8] = if call.settings.lazyfree_server_del { b"UNLINK" } else { b"DEL" };
                call.propagation.rewrite(&[verb, key.bytes]);
            }
        }
        return;
    }
    let now = entry.as_ref().kind();
    let before = old.map(|old| {
        let kind = old.as_ref().kind();
        db.discard(old);
        kind
    });
    db.put(key, entry, deadline);
    db.record(key, event::RESTORE, 1);
    if let Some(before) = before {
        db.notice_overwritten(key.bytes, before, now);
    }
    if let Some(deadline) = deadline
        && call.is_journalled()
    {
        journal_with_deadline(call, deadline);
    }
}

/// The journal has deadlines as points in time.
fn journal_with_deadline(call: &mut Call, deadline: Ms) {
    let text = deadline.to_string();
    let mut words: Vec<&[u8]> = (0..call.argc()).map(|index| call.arg(index)).collect();
    words[2] = text.as_bytes();
    let is_absolute = (4..call.argc()).any(|index| call.is(index, "ABSTTL"));
    if !is_absolute {
        words.push(b"ABSTTL");
    }
    call.propagation.rewrite(&words);
}
