//! XGROUP: groups and consumers come and go.

use super::ids::{parse_any, parse_exact};
use crate::commands::help::help_row;
use crate::exec::{Call, Command, Outcome, Stop};
use crate::keyspace::event::{Event, class, event};
use crate::keyspace::{Db, EntryBox};
use crate::spec::flag::{DENYOOM, WRITE};
use crate::spec::{Group as CommandGroup, at, command};
use crate::structures::stream_log::StreamId;
use crate::value::stream::{Group, Stream};

const CREATE: Event = event(class::STREAM, "xgroup-create");
const SET_ID: Event = event(class::STREAM, "xgroup-setid");
const DESTROY: Event = event(class::STREAM, "xgroup-destroy");
pub const CREATE_CONSUMER: Event = event(class::STREAM, "xgroup-createconsumer");
const DELETE_CONSUMER: Event = event(class::STREAM, "xgroup-delconsumer");

pub const COMMANDS: &[Command] = &[command("XGROUP", "", -2)
    .since("5.0.0")
    .group(CommandGroup::Stream)
    .cost("Depends on subcommand.")
    .says("Commands about consumer groups.")
    .container(&[
        command(
            "CREATE",
            "key group {id-selector=id|{new-id=$}} [MKSTREAM] [ENTRIESREAD entriesread<entries-read>:integer]",
            -5,
        )
        .since("5.0.0")
        .group(CommandGroup::Stream)
        .flags(WRITE | DENYOOM)
        .keys(at(2).read_write().insert())
        .cost("O(1)")
        .says("Adds a consumer group to a stream.")
        .data(create),
        command("CREATECONSUMER", "key group consumer", 5)
            .since("6.2.0")
            .group(CommandGroup::Stream)
            .flags(WRITE | DENYOOM)
            .keys(at(2).read_write().insert())
            .cost("O(1)")
            .says("Adds a consumer to a group.")
            .data(create_consumer),
        command("DELCONSUMER", "key group consumer", 5)
            .since("5.0.0")
            .group(CommandGroup::Stream)
            .flags(WRITE)
            .keys(at(2).read_write().delete())
            .cost("O(n) over what is pending with the consumer")
            .says("Removes a consumer from a group, and forgets what is pending with it.")
            .data(delete_consumer),
        command("DESTROY", "key group", 4)
            .since("5.0.0")
            .group(CommandGroup::Stream)
            .flags(WRITE)
            .keys(at(2).read_write().delete())
            .cost("O(n) over what is pending in the group")
            .says("Removes a consumer group.")
            .data(destroy),
        help_row(CommandGroup::Stream, "5.0.0"),
        command("SETID", "key group {id-selector=id|{new-id=$}} [ENTRIESREAD entriesread<entries-read>:integer]", -5)
            .since("5.0.0")
            .group(CommandGroup::Stream)
            .flags(WRITE)
            .keys(at(2).read_write().update())
            .cost("O(1)")
            .says("Sets the last id that a group was given.")
            .data(set_id),
    ])];

const NO_KEY: Stop = Stop::error(
    "ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to use the MKSTREAM option to \
     create an empty stream automatically.",
);

/// The error for a group that is not there, as XGROUP and XINFO tell it.
#[cold]
pub fn no_group_of(group: &[u8], key: &[u8]) -> Stop {
    Stop::quoting_both("NOGROUP No such consumer group '", group, "' for key name '", key, "'")
}

/// The options behind the id.
#[derive(Default)]
struct Options {
    makes_stream: bool,
    entries_read: Option<i64>,
}

fn parse_options(call: &Call, is_create: bool) -> Result<Options, Stop> {
    let mut options = Options::default();
    let mut index = 5;
    while index < call.argc() {
        if is_create && call.is(index, "MKSTREAM") {
            options.makes_stream = true;
        } else if call.is(index, "ENTRIESREAD") && index + 1 < call.argc() {
            index += 1;
            options.entries_read = match call.integer(index)? {
                -1 => None,
                count @ 0.. => Some(count),
                _ => return Err("ERR value for ENTRIESREAD must be positive or -1".into()),
            };
        } else {
            return Err(call.wrong_subcommand());
        }
        index += 1;
    }
    Ok(options)
}

/// The stream at word 2, which must be there, and its group at word 3, which need not.
fn look<'d>(call: &Call, db: &'d mut Db) -> Result<(&'d Stream, Option<&'d Group>), Stop> {
    let stream = match db.lookup_to_write(call.key(2)) {
        Some(entry) => entry.object::<Stream>()?,
        None => return Err(NO_KEY),
    };
    Ok((stream, stream.group(call.arg(3))))
}

/// The same for a group that must be there.
fn look_for_group<'d>(call: &Call, db: &'d mut Db) -> Result<(&'d Stream, &'d Group), Stop> {
    match look(call, db)? {
        (stream, Some(group)) => Ok((stream, group)),
        _ => Err(no_group_of(call.arg(3), call.arg(2))),
    }
}

const CHECKED: &str = "the stream and its group were found just now";

fn create(call: &mut Call, db: &mut Db) -> Outcome {
    /// Most words: both options, the second with its number.
    const WORDS_MAX: usize = 8;
    let options = parse_options(call, true)?;
    let key = call.key(2);
    let stream = match db.lookup_to_write(key) {
        Some(entry) => Some(entry.object::<Stream>()?),
        None if options.makes_stream => None,
        None => return Err(NO_KEY),
    };
    if call.argc() > WORDS_MAX {
        return Err(call.wrong_subcommand());
    }
    let is_new = stream.is_none();
    let id = match call.arg(4) {
        b"$" => stream.map_or(StreamId::MIN, Stream::last_id),
        word => parse_exact(word, 0)?,
    };
    let created = db.edit_or_create(key, |stream: &mut Stream, changes| {
        let created = stream.create_group(call.arg(3), Group::new(id, options.entries_read));
        if is_new {
            changes.record(CREATE, 1);
        } else if created {
            changes.record_unseen(CREATE, 1);
        }
        created
    })?;
    if !created {
        return Err("BUSYGROUP Consumer Group name already exists".into());
    }
    call.reply.ok();
    Ok(())
}

fn set_id(call: &mut Call, db: &mut Db) -> Outcome {
    let options = parse_options(call, false)?;
    let (stream, _) = look_for_group(call, db)?;
    // An option that is given twice makes too many words.
    if !matches!(call.argc(), 5 | 7) {
        return Err(call.wrong_subcommand());
    }
    let id = match call.arg(4) {
        b"$" => stream.last_id(),
        word => parse_any(word, 0)?,
    };
    db.edit(call.key(2), |stream: &mut Stream, changes| {
        let group = stream.group_mut(call.arg(3)).expect(CHECKED);
        group.last_id = id;
        group.entries_read = options.entries_read;
        changes.record_unseen(SET_ID, 1);
    })?;
    call.reply.ok();
    Ok(())
}

fn destroy(call: &mut Call, db: &mut Db) -> Outcome {
    look(call, db)?;
    let removed = db.edit(call.key(2), |stream: &mut Stream, changes| {
        let group = stream.remove_group(call.arg(3));
        if group.is_some() {
            changes.record_unseen(DESTROY, 1);
            // Those who wait as its consumers are told that it is gone.
            changes.wake();
        }
        group
    })?;
    let group = removed.flatten();
    call.reply.integer(i64::from(group.is_some()));
    if let Some(group) = group {
        db.discard(EntryBox::object(b"", Stream::of_group(group), false, 0));
    }
    Ok(())
}

fn create_consumer(call: &mut Call, db: &mut Db) -> Outcome {
    look_for_group(call, db)?;
    let created = db.edit(call.key(2), |stream: &mut Stream, changes| {
        let created = stream.group_mut(call.arg(3)).expect(CHECKED).create_consumer(call.arg(4), call.now).is_some();
        if created {
            changes.record_unseen(CREATE_CONSUMER, 1);
        }
        created
    })?;
    call.reply.integer(i64::from(created.unwrap_or(false)));
    Ok(())
}

fn delete_consumer(call: &mut Call, db: &mut Db) -> Outcome {
    look_for_group(call, db)?;
    let pending = db.edit(call.key(2), |stream: &mut Stream, changes| {
        let pending = stream.group_mut(call.arg(3)).expect(CHECKED).remove_consumer(call.arg(4));
        if pending.is_some() {
            changes.record_unseen(DELETE_CONSUMER, 1);
        }
        pending
    })?;
    call.reply.integer(pending.flatten().unwrap_or(0) as i64);
    Ok(())
}
