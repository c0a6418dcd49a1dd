//! XPENDING: what a group delivered and nobody acknowledged yet.

use super::consume::no_group;
use super::ids::{parse_start, parse_stop};
use super::reply::write_id;
use crate::exec::{Call, Command, Outcome, Stop, fault};
use crate::keyspace::Db;
use crate::protocol::reply::Reply;
use crate::spec::flag::READONLY;
use crate::spec::{Group as CommandGroup, at, command};
use crate::structures::stream_log::StreamId;
use crate::value::stream::{Delivery, Group, Stream};

pub const COMMANDS: &[Command] = &[command(
    "XPENDING",
    "key group [filters=[IDLE min-idle-time:integer@6.2.0] start end count:integer [consumer]]",
    -3,
)
.since("5.0.0")
.group(CommandGroup::Stream)
.flags(READONLY)
.keys(at(1).read_only().access())
.tips(&["nondeterministic_output"])
.cost("O(n) over the entries looked at; O(consumers) for the summary")
.says("Entries that a group delivered and that are not acknowledged: how many, or which.")
.data(xpending)];

/// Which of them are shown.
struct Filter {
    idle_ms_min: i64,
    start: StreamId,
    stop: StreamId,
    count: usize,
    /// Word index of the consumer; 0: of all.
    consumer_at: usize,
}

fn parse_filter(call: &Call) -> Result<Option<Filter>, Stop> {
    match call.argc() {
        3 => return Ok(None),
        6..=9 => {}
        _ => return Err(fault::SYNTAX),
    }
    let (mut idle_ms_min, mut at) = (0, 3);
    if call.is(3, "IDLE") {
        idle_ms_min = call.integer(4)?;
        if call.argc() < 8 {
            return Err(fault::SYNTAX);
        }
        at = 5;
    }
    let count = usize::try_from(call.integer(at + 2)?).unwrap_or(0);
    let (start, stop) = (parse_start(call.arg(at))?, parse_stop(call.arg(at + 1))?);
    let consumer_at = if at + 3 < call.argc() { at + 3 } else { 0 };
    Ok(Some(Filter { idle_ms_min, start, stop, count, consumer_at }))
}

fn xpending(call: &mut Call, db: &mut Db) -> Outcome {
    let filter = parse_filter(call)?;
    let key = call.key(1);
    let group = db.read::<Stream>(key)?.and_then(|stream| stream.group(call.arg(2)));
    let Some(group) = group else { return Err(no_group(key.bytes, call.arg(2))) };
    match filter {
        None => write_summary(&mut call.reply, group),
        Some(filter) => write_deliveries(call, group, &filter),
    }
    Ok(())
}

/// How many, the least and the greatest id, and how many with each consumer that has some.
fn write_summary(reply: &mut Reply, group: &Group) {
    let pending = group.pending();
    reply.array(4);
    reply.integer(pending.len() as i64);
    let (Some(first), Some(last)) = (pending.first_id(), pending.last_id()) else {
        reply.null();
        reply.null();
        reply.null_array();
        return;
    };
    write_id(reply, first);
    write_id(reply, last);
    let with_pending = || group.consumers().filter(|consumer| !consumer.pending().is_empty());
    reply.array(with_pending().count());
    for consumer in with_pending() {
        reply.array(2);
        reply.bulk(&consumer.name);
        reply.bulk_integer(consumer.pending().len() as i64);
    }
}

fn write_deliveries(call: &mut Call, group: &Group, filter: &Filter) {
    let now = call.now;
    let consumer = match filter.consumer_at {
        0 => None,
        at => match group.find_consumer(call.arg(at)) {
            Some(consumer) => Some(group.consumer(consumer)),
            None => {
                call.reply.array(0);
                return;
            }
        },
    };
    const PENDING: &str = "what is pending with a consumer is pending in its group";
    let (mut of_consumer, mut of_group);
    let deliveries: &mut dyn Iterator<Item = (StreamId, Delivery)> = match consumer {
        Some(consumer) => {
            let ids = consumer.pending().iter_from(filter.start);
            of_consumer = ids.map(|(id, ())| (id, group.pending().get(id).expect(PENDING)));
            &mut of_consumer
        }
        None => {
            of_group = group.pending().iter_from(filter.start);
            &mut of_group
        }
    };
    let idle_ms = |delivery: &Delivery| now.wrapping_sub(delivery.time);
    let shown = deliveries
        .take_while(|(id, _)| *id <= filter.stop)
        .filter(|(_, delivery)| filter.idle_ms_min == 0 || idle_ms(delivery) >= filter.idle_ms_min)
        .take(filter.count);
    let reply = &mut call.reply;
    let start_of_reply = reply.deferred();
    let mut count = 0;
    for (id, delivery) in shown {
        reply.array(4);
        write_id(reply, id);
        reply.bulk(&group.consumer(delivery.consumer).name);
        reply.integer(idle_ms(&delivery).max(0));
        reply.integer({ delivery.count } as i64);
        count += 1;
    }
    reply.finish_array(start_of_reply, count);
}
