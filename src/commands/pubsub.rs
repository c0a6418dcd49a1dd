//! Publishing and subscribing. The subscriptions are `pubsub::PubSub`; a message goes to its receivers through the outbox,
//! behind the reply of whoever sent it.
//!
//! Each channel that a command names is confirmed by a push of its own: kind, name, and how many the session has left.

use crate::base::glob;
use crate::base::shared_bytes::SharedBytes;
use crate::commands::help::help_row;
use crate::exec::effects::{encode_push, publish as deliver};
use crate::exec::{Call, Command, Outcome, Stop};
use crate::protocol::output::Output;
use crate::protocol::reply::Reply;
use crate::pubsub::Topic;
use crate::server::journal::Readers;
use crate::server::session::flag::{REPLY_OFF, REPLY_SKIP, SUBSCRIBED};
use crate::server::{Server, World};
use crate::spec::flag::{ENDS_BATCH, FAST, LOADING, MAY_REPLICATE, NOSCRIPT, PUBSUB, STALE};
use crate::spec::key_flag::NOT_KEY;
use crate::spec::{Group, at, command};

/// They change what the session may send next.
const SUBSCRIBES: u32 = PUBSUB | NOSCRIPT | LOADING | STALE | ENDS_BATCH;
const PUBLISHES: u32 = PUBSUB | LOADING | STALE | FAST | MAY_REPLICATE;
const ASKS: u32 = PUBSUB | LOADING | STALE;

const EACH_CHANNEL: &str = "O(n), n the channels named";
const EACH_PATTERN: &str = "O(n), n the patterns named";

pub const COMMANDS: &[Command] = &[
    command("SUBSCRIBE", "channel+", -2)
        .since("2.0.0")
        .group(Group::PubSub)
        .flags(SUBSCRIBES)
        .cost(EACH_CHANNEL)
        .says("Listens to channels.")
        .server(|call, server, _| subscribe(call, server, Topic::Channel)),
    command("UNSUBSCRIBE", "[channel]+", -1)
        .since("2.0.0")
        .group(Group::PubSub)
        .flags(SUBSCRIBES)
        .cost(EACH_CHANNEL)
        .says("Listens no more to some channels, or to any.")
        .server(|call, server, _| unsubscribe(call, server, Topic::Channel)),
    command("PSUBSCRIBE", "pattern:pattern+", -2)
        .since("2.0.0")
        .group(Group::PubSub)
        .flags(SUBSCRIBES)
        .cost(EACH_PATTERN)
        .says("Listens to all channels whose names match patterns.")
        .server(|call, server, _| subscribe(call, server, Topic::Pattern)),
    command("PUNSUBSCRIBE", "[pattern:pattern]+", -1)
        .since("2.0.0")
        .group(Group::PubSub)
        .flags(SUBSCRIBES)
        .cost(EACH_PATTERN)
        .says("Listens no more to some patterns, or to any.")
        .server(|call, server, _| unsubscribe(call, server, Topic::Pattern)),
    command("SSUBSCRIBE", "shardchannel+", -2)
        .since("7.0.0")
        .group(Group::PubSub)
        .flags(SUBSCRIBES)
        .keys(at(1).to(-1).with(NOT_KEY))
        .cost(EACH_CHANNEL)
        .says("Listens to shard channels.")
        .server(|call, server, _| subscribe(call, server, Topic::Shard)),
    command("SUNSUBSCRIBE", "[shardchannel]+", -1)
        .since("7.0.0")
        .group(Group::PubSub)
        .flags(SUBSCRIBES)
        .keys(at(1).to(-1).with(NOT_KEY))
        .cost(EACH_CHANNEL)
        .says("Listens no more to some shard channels, or to any.")
        .server(|call, server, _| unsubscribe(call, server, Topic::Shard)),
    command("PUBLISH", "channel message", 3)
        .since("2.0.0")
        .group(Group::PubSub)
        .flags(PUBLISHES)
        .cost("O(n + m), n those who listen to the channel, m all patterns that anybody listens to")
        .says("Sends a message to all who listen to a channel.")
        .server(publish),
    command("SPUBLISH", "shardchannel message", 3)
        .since("7.0.0")
        .group(Group::PubSub)
        .flags(PUBLISHES)
        .keys(at(1).with(NOT_KEY))
        .cost("O(n), n those who listen to the shard channel")
        .says("Sends a message to all who listen to a shard channel.")
        .server(spublish),
    command("PUBSUB", "", -2)
        .since("2.8.0")
        .group(Group::PubSub)
        .cost("Depends on the subcommand.")
        .says("Asks who listens to what.")
        .container(SUBCOMMANDS),
];

const SUBCOMMANDS: &[Command] = &[
    command("CHANNELS", "[pattern:pattern]", -2)
        .since("2.8.0")
        .group(Group::PubSub)
        .flags(ASKS)
        .cost("O(n), n the channels that anybody listens to")
        .says("Lists the channels that anybody listens to.")
        .server(|call, server, _| names(call, server, Topic::Channel)),
    command("NUMSUB", "[channel]+", -2)
        .since("2.8.0")
        .group(Group::PubSub)
        .flags(ASKS)
        .cost(EACH_CHANNEL)
        .says("Counts those who listen to channels.")
        .server(|call, server, _| listener_counts(call, server, Topic::Channel)),
    command("NUMPAT", "", 2)
        .since("2.8.0")
        .group(Group::PubSub)
        .flags(ASKS)
        .cost("O(1)")
        .says("Counts the patterns that anybody listens to.")
        .server(pattern_count),
    command("SHARDCHANNELS", "[pattern:pattern]", -2)
        .since("7.0.0")
        .group(Group::PubSub)
        .flags(ASKS)
        .cost("O(n), n the shard channels that anybody listens to")
        .says("Lists the shard channels that anybody listens to.")
        .server(|call, server, _| names(call, server, Topic::Shard)),
    command("SHARDNUMSUB", "[shardchannel]+", -2)
        .since("7.0.0")
        .group(Group::PubSub)
        .flags(ASKS)
        .cost(EACH_CHANNEL)
        .says("Counts those who listen to shard channels.")
        .server(|call, server, _| listener_counts(call, server, Topic::Shard)),
    help_row(Group::PubSub, "6.2.0"),
];

const NOT_IN_TRANSACTION: Stop = Stop::error("ERR SSUBSCRIBE isn't allowed for a DENY BLOCKING client");

/// The first word of a confirmation.
fn confirmation(topic: Topic, subscribes: bool) -> &'static [u8] {
    match (topic, subscribes) {
        (Topic::Channel, true) => b"subscribe",
        (Topic::Channel, false) => b"unsubscribe",
        (Topic::Pattern, true) => b"psubscribe",
        (Topic::Pattern, false) => b"punsubscribe",
        (Topic::Shard, true) => b"ssubscribe",
        (Topic::Shard, false) => b"sunsubscribe",
    }
}

/// Confirms a change to the session that asked for it. As a push it goes out even while the session wants no replies.
fn confirm(call: &mut Call, server: &mut Server, topic: Topic, subscribes: bool, name: Option<&[u8]>) {
    let count = server.pubsub.confirmed_count(topic, call.session);
    let write = |reply: &mut Reply| {
        reply.push(3);
        reply.bulk(confirmation(topic, subscribes));
        match name {
            Some(name) => reply.bulk(name),
            None => reply.null(),
        }
        reply.integer(count as i64);
    };
    let is_muted = server.sessions.get(call.session).is_some_and(|s| s.has(REPLY_OFF | REPLY_SKIP));
    if is_muted {
        let mut out = Output::new();
        write(&mut Reply::new(&mut out, call.reply.is_resp3()));
        server.outbox.send(call.session, SharedBytes::from_slice(&out.to_vec()));
    } else {
        write(&mut call.reply);
    }
}

fn subscribe(call: &mut Call, server: &mut Server, topic: Topic) -> Outcome {
    // Shard channels alone may not be subscribed to from inside a transaction.
    if topic == Topic::Shard && !call.may_block {
        return Err(NOT_IN_TRANSACTION);
    }
    for name in call.args.from(1).iter() {
        server.pubsub.subscribe(topic, name, call.session);
        confirm(call, server, topic, true, Some(name));
    }
    if let Some(session) = server.sessions.get_mut(call.session) {
        session.set(SUBSCRIBED);
    }
    Ok(())
}

fn unsubscribe(call: &mut Call, server: &mut Server, topic: Topic) -> Outcome {
    if call.argc() > 1 {
        for name in call.args.from(1).iter() {
            server.pubsub.unsubscribe(topic, name, call.session);
            confirm(call, server, topic, false, Some(name));
        }
    } else {
        let names = server.pubsub.names_of(topic, call.session);
        for name in &names {
            server.pubsub.unsubscribe(topic, name, call.session);
            confirm(call, server, topic, false, Some(name));
        }
        // Who listens to nothing is answered all the same.
        if names.is_empty() {
            confirm(call, server, topic, false, None);
        }
    }
    if !server.pubsub.is_subscriber(call.session)
        && let Some(session) = server.sessions.get_mut(call.session)
    {
        session.clear(SUBSCRIBED);
    }
    Ok(())
}

fn publish(call: &mut Call, server: &mut Server, _: &mut dyn World) -> Outcome {
    let receivers = deliver(server, call.arg(1), call.arg(2));
    // Who listens at a replica hears it there.
    call.propagation.force_for(Readers::REPLICAS);
    call.reply.integer(receivers as i64);
    Ok(())
}

fn spublish(call: &mut Call, server: &mut Server, _: &mut dyn World) -> Outcome {
    let (channel, message) = (call.arg(1), call.arg(2));
    let listeners = server.pubsub.listeners(Topic::Shard, channel);
    if !listeners.is_empty() {
        server.outbox.push_all(listeners, encode_push(&[b"smessage", channel, message]));
    }
    call.reply.integer(listeners.len() as i64);
    call.propagation.force_for(Readers::REPLICAS);
    Ok(())
}

fn names(call: &mut Call, server: &mut Server, topic: Topic) -> Outcome {
    if call.argc() > 3 {
        return Err(call.wrong_subcommand());
    }
    let pattern = (call.argc() == 3).then(|| call.arg(2));
    let start = call.reply.deferred();
    let mut count = 0;
    for (name, _) in server.pubsub.names(topic) {
        if pattern.is_none_or(|pattern| glob::matches(pattern, name)) {
            call.reply.bulk(name);
            count += 1;
        }
    }
    call.reply.finish_array(start, count);
    Ok(())
}

fn listener_counts(call: &mut Call, server: &mut Server, topic: Topic) -> Outcome {
    call.reply.array(2 * (call.argc() - 2));
    for name in call.args.from(2).iter() {
        call.reply.bulk(name);
        call.reply.integer(server.pubsub.listeners(topic, name).len() as i64);
    }
    Ok(())
}

fn pattern_count(call: &mut Call, server: &mut Server, _: &mut dyn World) -> Outcome {
    call.reply.integer(server.pubsub.len(Topic::Pattern) as i64);
    Ok(())
}
