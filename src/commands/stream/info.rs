//! XINFO: what a stream, its groups and their consumers are like.

use super::group::no_group_of;
use super::reply::{Room, write_entry, write_id, write_range};
use crate::commands::help::help_row;
use crate::exec::{Call, Command, Outcome, Stop, fault};
use crate::keyspace::{Db, Key};
use crate::protocol::reply::Reply;
use crate::spec::flag::READONLY;
use crate::spec::{Group as CommandGroup, at, command};
use crate::structures::stream_log::StreamId;
use crate::value::stream::{Consumer, Group, Once, Stream, StreamFacts};

pub const COMMANDS: &[Command] = &[command("XINFO", "", -2)
    .since("5.0.0")
    .group(CommandGroup::Stream)
    .cost("Depends on subcommand.")
    .says("Commands that describe streams.")
    .container(&[
        command("CONSUMERS", "key group", 4)
            .since("5.0.0")
            .group(CommandGroup::Stream)
            .flags(READONLY)
            .keys(at(2).read_only().access())
            .tips(&["nondeterministic_output"])
            .cost("O(n) over the consumers")
            .says("The consumers of a group.")
            .data(consumers),
        command("GROUPS", "key", 3)
            .since("5.0.0")
            .group(CommandGroup::Stream)
            .flags(READONLY)
            .keys(at(2).read_only().access())
            .cost("O(n) over the groups")
            .says("The consumer groups of a stream.")
            .data(groups),
        help_row(CommandGroup::Stream, "5.0.0"),
        command("STREAM", "key [full-block=FULL [COUNT count:integer]]", -3)
            .since("5.0.0")
            .group(CommandGroup::Stream)
            .flags(READONLY)
            .keys(at(2).read_only().access())
            .cost("O(1); O(n) over what is shown with FULL")
            .says("A stream's facts, with its first and last entry or, with FULL, entries, groups and consumers.")
            .data(stream),
    ])];

/// Entries and pending ones of each kind that FULL shows where no COUNT says otherwise.
const FULL_COUNT_DEFAULT: usize = 10;

fn look<'d>(db: &'d mut Db, key: Key) -> Result<&'d Stream, Stop> {
    db.read::<Stream>(key)?.ok_or(fault::NO_SUCH_KEY)
}

fn consumers(call: &mut Call, db: &mut Db) -> Outcome {
    let stream = look(db, call.key(2))?;
    let group = stream.group(call.arg(3)).ok_or_else(|| no_group_of(call.arg(3), call.arg(2)))?;
    let (now, reply) = (call.now, &mut call.reply);
    reply.array(group.consumers().len());
    for consumer in group.consumers() {
        reply.map(4);
        reply.bulk(b"name");
        reply.bulk(&consumer.name);
        reply.bulk(b"pending");
        reply.integer(consumer.pending().len() as i64);
        reply.bulk(b"idle");
        reply.integer((now - consumer.seen).max(0));
        reply.bulk(b"inactive");
        reply.integer(consumer.active.map_or(-1, |active| now - active));
    }
    Ok(())
}

fn groups(call: &mut Call, db: &mut Db) -> Outcome {
    let stream = look(db, call.key(2))?;
    let (facts, reply) = (stream.facts(), &mut call.reply);
    reply.array(stream.groups().len());
    for (name, group) in stream.groups() {
        reply.map(6);
        reply.bulk(b"name");
        reply.bulk(name);
        reply.bulk(b"consumers");
        reply.integer(group.consumers().len() as i64);
        reply.bulk(b"pending");
        reply.integer(group.pending().len() as i64);
        write_progress(reply, &facts, group);
    }
    Ok(())
}

/// How far a group has read.
fn write_progress(reply: &mut Reply, facts: &StreamFacts, group: &Group) {
    reply.bulk(b"last-delivered-id");
    write_id(reply, group.last_id);
    for (name, number) in [("entries-read", group.entries_read), ("lag", facts.lag(group))] {
        reply.bulk(name.as_bytes());
        match number {
            Some(number) => reply.integer(number),
            None => reply.null(),
        }
    }
}

/// How many of each kind FULL shows; `Ok(None)` without FULL, an inner `None` for all.
fn parse_full(call: &Call) -> Result<Option<Option<usize>>, Stop> {
    match call.argc() {
        3 => Ok(None),
        4 if call.is(3, "FULL") => Ok(Some(Some(FULL_COUNT_DEFAULT))),
        6 if call.is(3, "FULL") && call.is(4, "COUNT") => match call.integer(5)? {
            0 => Ok(Some(None)),
            count => Ok(Some(Some(usize::try_from(count).unwrap_or(FULL_COUNT_DEFAULT)))),
        },
        _ => Err(call.wrong_subcommand()),
    }
}

fn stream(call: &mut Call, db: &mut Db) -> Outcome {
    let stream = look(db, call.key(2))?;
    let full = parse_full(call)?;
    let (facts, reply) = (stream.facts(), &mut call.reply);
    let blocks = stream.log().blocks() as i64;
    let once_fields = if stream.once().is_some() { 6 } else { 0 };
    reply.map(once_fields + if full.is_some() { 9 } else { 10 });
    // Blocks stand in one array, where Redis has a tree of nodes.
    for (name, number) in [("length", facts.len as i64), ("radix-tree-keys", blocks), ("radix-tree-nodes", blocks + 1)]
    {
        reply.bulk(name.as_bytes());
        reply.integer(number);
    }
    reply.bulk(b"last-generated-id");
    write_id(reply, facts.last_id);
    reply.bulk(b"max-deleted-entry-id");
    write_id(reply, facts.max_removed_id);
    reply.bulk(b"entries-added");
    reply.integer(facts.entries_added as i64);
    reply.bulk(b"recorded-first-entry-id");
    write_id(reply, facts.first_id);
    if let Some(once) = stream.once() {
        write_once(reply, once);
    }
    match full {
        Some(count) => write_full(reply, stream, count),
        None => write_ends(reply, stream),
    }
    Ok(())
}

/// What is known of producers; left out where nobody ever asked for it.
fn write_once(reply: &mut Reply, once: &Once) {
    let ids: usize = once.producers().map(|(_, producer)| producer.ids().len()).sum();
    for (name, number) in [
        ("idmp-duration", once.duration_s()),
        ("idmp-maxsize", once.ids_max()),
        ("pids-tracked", once.producers().len() as u64),
        ("iids-tracked", ids as u64),
        ("iids-added", once.added),
        ("iids-duplicates", once.duplicates),
    ] {
        reply.bulk(name.as_bytes());
        reply.integer(number as i64);
    }
}

/// The number of groups, the first and the last entry.
fn write_ends(reply: &mut Reply, stream: &Stream) {
    reply.bulk(b"groups");
    reply.integer(stream.groups().len() as i64);
    let log = stream.log();
    for (name, id) in [("first-entry", log.first_id()), ("last-entry", log.last_id())] {
        reply.bulk(name.as_bytes());
        match id.and_then(|id| log.find(id)) {
            Some(entry) => write_entry(reply, entry),
            None => reply.null(),
        }
    }
}

fn write_full(reply: &mut Reply, stream: &Stream, count: Option<usize>) {
    let facts = stream.facts();
    reply.bulk(b"entries");
    write_range(reply, stream.log(), StreamId::MIN, StreamId::MAX, Room::of(count));
    reply.bulk(b"groups");
    reply.array(stream.groups().len());
    for (name, group) in stream.groups() {
        reply.map(7);
        reply.bulk(b"name");
        reply.bulk(name);
        write_progress(reply, &facts, group);
        reply.bulk(b"pel-count");
        reply.integer(group.pending().len() as i64);
        reply.bulk(b"pending");
        reply.array(count.map_or(group.pending().len(), |count| count.min(group.pending().len())));
        for (id, delivery) in group.pending().iter().take(count.unwrap_or(usize::MAX)) {
            reply.array(4);
            write_id(reply, id);
            reply.bulk(&group.consumer(delivery.consumer).name);
            reply.integer(delivery.time);
            reply.integer({ delivery.count } as i64);
        }
        reply.bulk(b"consumers");
        reply.array(group.consumers().len());
        group.consumers().for_each(|consumer| write_consumer(reply, group, consumer, count));
    }
}

fn write_consumer(reply: &mut Reply, group: &Group, consumer: &Consumer, count: Option<usize>) {
    let pending = consumer.pending();
    reply.map(5);
    reply.bulk(b"name");
    reply.bulk(&consumer.name);
    reply.bulk(b"seen-time");
    reply.integer(consumer.seen);
    reply.bulk(b"active-time");
    reply.integer(consumer.active.unwrap_or(-1));
    reply.bulk(b"pel-count");
    reply.integer(pending.len() as i64);
    reply.bulk(b"pending");
    reply.array(count.map_or(pending.len(), |count| count.min(pending.len())));
    for (id, ()) in pending.iter().take(count.unwrap_or(usize::MAX)) {
        let delivery = group.pending().get(id).expect("what is pending with a consumer is pending in its group");
        reply.array(3);
        write_id(reply, id);
        reply.integer(delivery.time);
        reply.integer({ delivery.count } as i64);
    }
}
