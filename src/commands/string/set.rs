//! SET, SETNX, SETEX, PSETEX.

use super::get::reply_old;
use super::options::{Condition, Expiration, Options, When, of_set};
use crate::exec::{Call, Command, Outcome};
use crate::keyspace::{Db, Deadline, Key, StringValue, event};
use crate::server::journal::ms_text;
use crate::spec::flag::{DENYOOM, FAST, WRITE};
use crate::spec::{Group, at, command, key_flag};

/// What SET takes in both of its forms: with a condition as Redis 8.0 knows it, or with a comparison, which excludes that.
macro_rules! get_and_expiration {
    () => {
        "[GET]@6.2.0 [expiration=EX seconds:integer@2.6.12|PX milliseconds:integer@2.6.12|\
         EXAT unix-time-seconds:unix-time@6.2.0|PXAT unix-time-milliseconds:unix-time@6.2.0|KEEPTTL@6.0.0]"
    };
}

pub const COMMANDS: &[Command] = &[
    command("PSETEX", "key milliseconds:integer value", 4)
        .deprecated("2.6.12", "SET")
        .since("2.6.0")
        .group(Group::String)
        .flags(WRITE | DENYOOM)
        .keys(at(1).overwrite().update())
        .cost("O(1)")
        .says("Sets a key to a string that lives so many milliseconds.")
        .data(psetex),
    command(
        "SET",
        concat!(
            "key {form={plain=value [condition=NX|XX]@2.6.12 ",
            get_and_expiration!(),
            "}|{compared=value {comparison=IFEQ ifeq-value@8.4.0|IFNE ifne-value@8.4.0|IFDEQ ifdeq-digest:integer@8.4.0|\
             IFDNE ifdne-digest:integer@8.4.0} ",
            get_and_expiration!(),
            "}}"
        ),
        -3,
    )
    .group(Group::String)
    .flags(WRITE | DENYOOM)
    .keys(
        at(1)
            .read_write()
            .access()
            .update()
            .with(key_flag::VARIABLE_FLAGS)
            .notes("RW and ACCESS due to the optional `GET` argument"),
    )
    .cost("O(1)")
    .says("Sets a key to a string, whatever it held before.")
    .data(set),
    command("SETEX", "key seconds:integer value", 4)
        .deprecated("2.6.12", "SET")
        .since("2.0.0")
        .group(Group::String)
        .flags(WRITE | DENYOOM)
        .keys(at(1).overwrite().update())
        .cost("O(1)")
        .says("Sets a key to a string that lives so many seconds.")
        .data(setex),
    command("SETNX", "key value", 3)
        .deprecated("2.6.12", "SET")
        .group(Group::String)
        .flags(WRITE | DENYOOM | FAST)
        .keys(at(1).overwrite().insert())
        .cost("O(1)")
        .says("Sets a key to a string if there is no such key.")
        .data(setnx),
];

fn set(call: &mut Call, db: &mut Db) -> Outcome {
    if call.argc() > 3 {
        return set_with_options(call, db);
    }
    db.set_string(call.key(1), StringValue::encode(call.arg(2)), Deadline::Clear, event::SET);
    call.reply.ok();
    Ok(())
}

fn set_with_options(call: &mut Call, db: &mut Db) -> Outcome {
    let options = of_set(call)?;
    let deadline = match options.expiration {
        Expiration::At(when) => Deadline::At(when.deadline(call)?),
        Expiration::Keep => Deadline::Keep,
        _ => Deadline::Clear,
    };
    let (key, value) = (call.key(1), call.arg(2));
    // What is compared is looked at before anything is answered: it may be no string, or the digest none.
    let agrees = match options.condition {
        Condition::Compare(comparison) => {
            // A comparison with what is there counts as a hit; that nothing is there, not as a miss.
            let entry = if db.exists(key) { db.lookup(key) } else { None };
            comparison.holds(call, entry.map(|entry| entry.string()).transpose()?)?
        }
        _ => true,
    };
    if options.get {
        reply_old(call, db)?;
    }
    let agrees = match options.condition {
        Condition::IfAbsent => db.lookup_to_write(key).is_none(),
        Condition::IfPresent => db.lookup_to_write(key).is_some(),
        Condition::Always | Condition::Compare(_) => agrees,
    };
    if !agrees {
        if !options.get {
            call.reply.null();
        }
        return Ok(());
    }
    store(db, key, value, deadline);
    if !options.get {
        call.reply.ok();
    }
    if call.is_journalled() {
        propagate(call, options, deadline);
    }
    Ok(())
}

/// Sets the key; a deadline is an event of its own.
#[inline]
fn store(db: &mut Db, key: Key<'_>, value: &[u8], deadline: Deadline) {
    db.set_string(key, StringValue::encode(value), deadline, event::SET);
    if matches!(deadline, Deadline::At(_)) {
        db.notice(key.bytes, event::EXPIRE);
    }
}

/// The journal has points in time, never spans; and neither GET nor comparisons, which are nobody's business there.
fn propagate(call: &mut Call, options: Options, deadline: Deadline) {
    let (key, value) = (call.arg(1), call.arg(2));
    match (options.expiration, deadline) {
        (Expiration::At(When::UnixMilliseconds(_)), _) if !matches!(options.condition, Condition::Compare(_)) => {}
        (_, Deadline::At(ms)) => call.propagation.rewrite(&[b"SET", key, value, b"PXAT", &ms_text(ms)]),
        (Expiration::Keep, _) if matches!(options.condition, Condition::Compare(_)) => {
            call.propagation.rewrite(&[b"SET", key, value, b"KEEPTTL"]);
        }
        _ if matches!(options.condition, Condition::Compare(_)) => call.propagation.rewrite(&[b"SET", key, value]),
        _ if options.get => {
            let is_get = |&(index, word): &(usize, &[u8])| index >= 3 && word.eq_ignore_ascii_case(b"GET");
            let words: Vec<&[u8]> =
                call.args.iter().enumerate().filter(|word| !is_get(word)).map(|(_, word)| word).collect();
            call.propagation.rewrite(&words);
        }
        _ => {}
    }
}

fn setnx(call: &mut Call, db: &mut Db) -> Outcome {
    let key = call.key(1);
    if db.lookup_to_write(key).is_some() {
        call.reply.integer(0);
        return Ok(());
    }
    db.set_string(key, StringValue::encode(call.arg(2)), Deadline::Clear, event::SET);
    call.reply.integer(1);
    Ok(())
}

fn setex(call: &mut Call, db: &mut Db) -> Outcome {
    set_for(call, db, When::Seconds(2))
}

fn psetex(call: &mut Call, db: &mut Db) -> Outcome {
    set_for(call, db, When::Milliseconds(2))
}

/// SETEX and PSETEX: the value stands behind the time.
fn set_for(call: &mut Call, db: &mut Db, when: When) -> Outcome {
    let ms = when.deadline(call)?;
    let (key, value) = (call.key(1), call.arg(3));
    store(db, key, value, Deadline::At(ms));
    call.reply.ok();
    if call.is_journalled() {
        call.propagation.rewrite(&[b"SET", key.bytes, value, b"PXAT", &ms_text(ms)]);
    }
    Ok(())
}
