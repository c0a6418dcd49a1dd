//! XCLAIM and XAUTOCLAIM: what is pending changes hands.

use super::consume::{find_or_create, has_group, no_group};
use super::ids::{Ids, parse_exact, parse_start};
use super::journal::{self, Place};
use super::reply::{write_entry, write_id};
use crate::base::clock::Ms;
use crate::base::number::parse_i64;
use crate::exec::{Call, Command, Outcome, Stop, fault};
use crate::keyspace::{Changes, Db};
use crate::spec::flag::{FAST, WRITE};
use crate::spec::{Group as CommandGroup, at, command};
use crate::structures::stream_log::{StreamId, StreamLog};
use crate::value::stream::{ConsumerId, Delivery, Group, Stream};

pub const COMMANDS: &[Command] = &[
    command(
        "XCLAIM",
        "key group consumer min-idle-time id+ [IDLE ms:integer] [TIME unix-time-milliseconds:unix-time] \
         [RETRYCOUNT count:integer] [FORCE] [JUSTID] [LASTID lastid]",
        -6,
    )
    .since("5.0.0")
    .group(CommandGroup::Stream)
    .flags(WRITE | FAST)
    .keys(at(1).read_write().update())
    .tips(&["nondeterministic_output"])
    .cost("O(log n) an id over what is pending")
    .says("Makes a consumer the owner of entries that are pending.")
    .data(xclaim),
    command("XAUTOCLAIM", "key group consumer min-idle-time start [COUNT count:integer] [JUSTID]", -6)
        .since("6.2.0")
        .group(CommandGroup::Stream)
        .flags(WRITE | FAST)
        .keys(at(1).read_write().delete())
        .tips(&["nondeterministic_output"])
        .cost("O(n) over the entries looked at")
        .says("Makes a consumer the owner of entries that are pending for long, as found by walking through them.")
        .data(xautoclaim),
];

/// How an entry is claimed.
#[derive(Default)]
struct Manner {
    idle_ms_min: i64,
    /// When it is to count as delivered.
    time: Ms,
    /// How often it is to count as delivered; `None`: once more, or as before with `only_ids`.
    count: Option<u64>,
    only_ids: bool,
    /// XCLAIM: what is not pending becomes so.
    is_forced: bool,
    last_id: StreamId,
}

/// A whole number, or the error that names the option.
fn number(call: &Call, index: usize, fault: &'static str) -> Result<i64, Stop> {
    parse_i64(call.arg(index)).ok_or(fault.into())
}

/// Reads XCLAIM's words behind the ids, which begin at `index`.
fn parse_manner(call: &Call, mut index: usize, idle_ms_min: i64) -> Result<Manner, Stop> {
    let mut manner = Manner { idle_ms_min: idle_ms_min.max(0), ..Manner::default() };
    // -1 is as good as nothing in each of these.
    let (mut time, mut count) = (-1, -1);
    while index < call.argc() {
        let has_more = index + 1 < call.argc();
        let names = |option: &str, takes_word: bool| call.is(index, option) && (has_more || !takes_word);
        if names("FORCE", false) {
            manner.is_forced = true;
        } else if names("JUSTID", false) {
            manner.only_ids = true;
        } else if names("IDLE", true) {
            index += 1;
            time = call.now.wrapping_sub(number(call, index, "ERR Invalid IDLE option argument for XCLAIM")?);
        } else if names("TIME", true) {
            index += 1;
            time = number(call, index, "ERR Invalid TIME option argument for XCLAIM")?;
        } else if names("RETRYCOUNT", true) {
            index += 1;
            count = number(call, index, "ERR Invalid RETRYCOUNT option argument for XCLAIM")?;
        } else if names("LASTID", true) {
            index += 1;
            manner.last_id = parse_exact(call.arg(index), 0)?;
        } else {
            return Err(Stop::quoting("ERR Unrecognized XCLAIM option '", call.arg(index), "'"));
        }
        index += 1;
    }
    // A time that makes no sense is now: clients reckon it from clocks of their own.
    manner.time = if (0..=call.now).contains(&time) { time } else { call.now };
    manner.count = u64::try_from(count).ok();
    Ok(manner)
}

fn xclaim(call: &mut Call, db: &mut Db) -> Outcome {
    let place = Place { key: call.key(1), group: call.arg(2) };
    if !has_group(db, place.key, place.group)? {
        return Err(no_group(place.key.bytes, place.group));
    }
    let idle_ms_min = number(call, 4, "ERR Invalid min-idle-time argument for XCLAIM")?;
    let mut ids = Ids::new();
    let mut index = 5;
    while index < call.argc()
        && let Ok(id) = parse_exact(call.arg(index), 0)
    {
        ids.push(id);
        index += 1;
    }
    let manner = parse_manner(call, index, idle_ms_min)?;
    db.edit(place.key, |stream: &mut Stream, changes| {
        let (log, _, group) = stream.log_and_group(place.group).expect("it was found just now");
        claim_all(call, place, log, group, changes, ids.as_slice(), &manner);
    })?;
    journal::not_as_received(call);
    Ok(())
}

fn claim_all(
    call: &mut Call,
    place: Place,
    log: &StreamLog,
    group: &mut Group,
    changes: &mut Changes,
    ids: &[StreamId],
    manner: &Manner,
) {
    let goes_on = manner.last_id > group.last_id;
    if goes_on {
        group.last_id = manner.last_id;
    }
    let (consumer, _) = find_or_create(group, changes, call.arg(3), call);
    let start_of_reply = call.reply.deferred();
    let (mut claimed, mut recorded) = (0, false);
    for id in ids {
        match claim(call, place, log, group, consumer, *id, manner) {
            Claim::Refused => continue,
            Claim::Gone => {}
            Claim::Done => claimed += 1,
        }
        changes.count_unseen(1);
        recorded = true;
    }
    // What was claimed is journalled with the group's last id.
    if goes_on && !recorded {
        journal::went_on(call, place, group);
        changes.count_unseen(1);
    }
    call.reply.finish_array(start_of_reply, claimed);
}

enum Claim {
    Done,
    /// The entry is there no more, and is not pending any longer.
    Gone,
    Refused,
}

/// Claims one entry for `consumer`, and writes it.
fn claim(
    call: &mut Call,
    place: Place,
    log: &StreamLog,
    group: &mut Group,
    consumer: ConsumerId,
    id: StreamId,
    manner: &Manner,
) -> Claim {
    let known = group.pending().get(id);
    let Some(entry) = log.find(id) else {
        let Some(delivery) = known else { return Claim::Refused };
        journal::claimed(call, place, group, id, delivery);
        group.acknowledge(id);
        return Claim::Gone;
    };
    let count_before = match known {
        None if !manner.is_forced => return Claim::Refused,
        // It begins as one that was delivered once, just now.
        None => 1,
        Some(delivery) => {
            if manner.idle_ms_min > 0 && call.now.wrapping_sub(delivery.time) < manner.idle_ms_min {
                return Claim::Refused;
            }
            delivery.count
        }
    };
    let count = manner.count.unwrap_or(if manner.only_ids { count_before } else { count_before.wrapping_add(1) });
    let delivery = Delivery { time: manner.time, count, consumer };
    group.deliver(id, delivery);
    group.consumer_mut(consumer).active = Some(call.now);
    if manner.only_ids {
        write_id(&mut call.reply, id)
    } else {
        write_entry(&mut call.reply, entry)
    }
    journal::claimed(call, place, group, id, delivery);
    Claim::Done
}

/// Entries looked at for each that is to be claimed, so that a call is bounded where few are idle for long enough.
const LOOKS_PER_CLAIM: i64 = 10;
/// Entries claimed where no COUNT says otherwise.
const COUNT_DEFAULT: i64 = 100;
/// The greatest COUNT: Redis keeps an id of 16 bytes for each.
const COUNT_MAX: i64 = i64::MAX / 16;

fn xautoclaim(call: &mut Call, db: &mut Db) -> Outcome {
    let place = Place { key: call.key(1), group: call.arg(2) };
    // The look counts even if the words turn out to make no sense.
    let is_there = db.lookup(place.key).is_some();
    let idle_ms_min = number(call, 4, "ERR Invalid min-idle-time argument for XAUTOCLAIM")?.max(0);
    let start = parse_start(call.arg(5))?;
    let mut manner = Manner { idle_ms_min, time: call.now, ..Manner::default() };
    let mut count = COUNT_DEFAULT;
    let mut index = 6;
    while index < call.argc() {
        if call.is(index, "COUNT") && index + 1 < call.argc() {
            index += 1;
            count = parse_i64(call.arg(index))
                .filter(|count| (1..=COUNT_MAX).contains(count))
                .ok_or("ERR COUNT must be > 0")?;
        } else if call.is(index, "JUSTID") {
            manner.only_ids = true;
        } else {
            return Err(fault::SYNTAX);
        }
        index += 1;
    }
    let has_group =
        is_there && db.peek_object::<Stream>(place.key)?.is_some_and(|stream| stream.group(place.group).is_some());
    if !has_group {
        return Err(no_group(place.key.bytes, place.group));
    }
    db.edit(place.key, |stream: &mut Stream, changes| {
        let (log, _, group) = stream.log_and_group(place.group).expect("it was found just now");
        walk_and_claim(call, place, log, group, changes, (start, count), &manner);
    })?;
    journal::not_as_received(call);
    Ok(())
}

/// Claims up to `count` entries from `start` on; the reply says where the next call is to go on, and what was forgotten.
fn walk_and_claim(
    call: &mut Call,
    place: Place,
    log: &StreamLog,
    group: &mut Group,
    changes: &mut Changes,
    (start, count): (StreamId, i64),
    manner: &Manner,
) {
    let (consumer, _) = find_or_create(group, changes, call.arg(3), call);
    let mut looks = count.saturating_mul(LOOKS_PER_CLAIM);
    let mut left = count;
    let mut gone = Vec::new();
    call.reply.array(3);
    // The cursor stands in front of the entries, and is known behind them.
    let cursor = call.reply.deferred();
    let start_of_reply = call.reply.deferred();
    let mut claimed = 0;
    let mut from = Some(start);
    while looks > 0
        && left > 0
        && let Some((id, _)) = from.and_then(|from| group.pending().seek(from))
    {
        looks -= 1;
        from = id.next();
        match claim(call, place, log, group, consumer, id, manner) {
            Claim::Refused => continue,
            Claim::Gone => gone.push(id),
            Claim::Done => claimed += 1,
        }
        changes.count_unseen(1);
        left -= 1;
    }
    call.reply.finish_array(start_of_reply, claimed);
    let next = from.and_then(|from| group.pending().seek(from)).map_or(StreamId::MIN, |(id, _)| id);
    call.reply.insert_bulk(cursor, &next.to_vec());
    call.reply.array(gone.len());
    gone.into_iter().for_each(|id| write_id(&mut call.reply, id));
}
