//! The option CLAIM of XREADGROUP: what is pending for long is given to who reads, before what is new.

use std::collections::BinaryHeap;

use super::journal::{self, Place};
use super::read::note_delivery;
use super::reply::{Room, write_entry_parts, write_id};
use crate::base::clock::Ms;
use crate::exec::Call;
use crate::keyspace::{Db, Key};
use crate::structures::stream_log::{StreamId, StreamLog};
use crate::value::stream::{ConsumerId, Delivery, Group, Stream, StreamFacts};

/// Entries that are pending since `since` or longer, those that are pending longest first, up to `count`.
pub fn longest(log: &StreamLog, group: &Group, since: Ms, count: Option<usize>) -> Vec<StreamId> {
    // The latest of those found so far stands on top, and gives way to what is pending for longer.
    let mut found: BinaryHeap<(Ms, StreamId)> = BinaryHeap::new();
    let most = count.unwrap_or(usize::MAX);
    for (id, delivery) in group.pending().iter().filter(|(_, delivery)| delivery.time <= since) {
        let candidate = (delivery.time, id);
        let is_full = found.len() == most;
        if is_full && found.peek().is_some_and(|latest| *latest <= candidate) || log.find(id).is_none() {
            continue;
        }
        if is_full {
            found.pop();
        }
        found.push(candidate);
    }
    found.into_sorted_vec().into_iter().map(|(_, id)| id).collect()
}

/// Gives a consumer what is idle, then what is new while there is room. Each entry stands with how long it was idle, and how
/// often it was delivered before.
pub fn deliver(
    call: &mut Call,
    place: Place,
    (log, facts): (&StreamLog, StreamFacts),
    group: &mut Group,
    consumer: ConsumerId,
    (idle, room, is_unacknowledged): (Vec<StreamId>, Room, bool),
) -> usize {
    const FOUND: &str = "it was found among what is pending";
    let start_of_reply = call.reply.deferred();
    let mut shown = 0;
    for id in idle {
        if shown > 0 && !room.has_more(shown, &mut call.reply) {
            break;
        }
        let before = group.pending().get(id).expect(FOUND);
        let entry = log.find(id).expect("it was found in the log");
        let delivery = Delivery { time: call.now, count: { before.count }.wrapping_add(1), consumer };
        write(call, id, entry, call.now.saturating_sub(before.time), before.count);
        group.deliver(id, delivery);
        journal::claimed(call, place, group, id, delivery);
        group.consumer_mut(consumer).active = Some(call.now);
        shown += 1;
    }
    let behind = group.last_id;
    if (shown == 0 || room.has_more(shown, &mut call.reply)) && facts.last_entry_id > behind {
        let mut cursor = group.cursor;
        log.visit_behind(behind, &mut cursor, &mut |entry| {
            facts.advance(group, entry.id);
            write(call, entry.id, entry, 0, 0);
            if !is_unacknowledged {
                note_delivery(call, place, group, entry.id, consumer);
                group.consumer_mut(consumer).active = Some(call.now);
            }
            shown += 1;
            room.has_more(shown, &mut call.reply)
        });
        group.cursor = cursor;
        journal::went_on(call, place, group);
    }
    call.reply.finish_array(start_of_reply, shown);
    shown
}

fn write(call: &mut Call, id: StreamId, entry: crate::structures::stream_log::Entry, idle_ms: Ms, count: u64) {
    call.reply.array(4);
    write_id(&mut call.reply, id);
    write_entry_parts(&mut call.reply, entry);
    call.reply.integer(idle_ms);
    call.reply.integer(count as i64);
}

/// When one of the keys may have something that is idle for long enough: the first that is pending now, or what may be
/// delivered from now on.
pub fn next_look<'k>(
    db: &Db,
    keys: impl Iterator<Item = Key<'k>>,
    group: &[u8],
    now: Ms,
    idle_ms_min: i64,
) -> Option<Ms> {
    let oldest = keys.filter_map(|key| {
        let group = db.peek_object::<Stream>(key).ok()??.group(group)?;
        group.pending().iter().map(|(_, delivery)| delivery.time).min()
    });
    // A moment later at least: what is idle already but gone from the log is no reason to look at once.
    let first = oldest.min().unwrap_or(now).checked_add(idle_ms_min)?;
    Some(first.max(now + 1))
}
