//! XREAD and XREADGROUP: reading behind an id, or on from where a group stands, and waiting for what comes.

use super::consume::find_or_create;
use super::idle;
use super::ids::{Ids, id_text, parse_exact};
use super::journal::{self, Place};
use super::reply::{Room, write_entry, write_id, write_range};
use crate::base::clock::Ms;
use crate::base::number::parse_i64;
use crate::exec::{Block, Call, Command, Outcome, Stop, WhenDenied, fault};
use crate::keyspace::Db;
use crate::protocol::args::OwnedRequest;
use crate::spec::flag::{BLOCKING, MOVABLE_KEYS, READONLY, WRITE};
use crate::spec::{Group as CommandGroup, behind, command};
use crate::structures::stream_log::{StreamId, StreamLog};
use crate::value::Kind;
use crate::value::stream::{ConsumerId, Delivery, Group, Stream, StreamFacts};

const READ_GRAMMAR: &str = "[COUNT count:integer] [MAXCOUNT maxcount:integer@8.10.0] \
                            [MAXSIZE maxsize:integer@8.10.0] [BLOCK milliseconds:integer] STREAMS {streams=key+ id+}";

pub const COMMANDS: &[Command] = &[
    command("XREAD", READ_GRAMMAR, -4)
        .since("5.0.0")
        .group(CommandGroup::Stream)
        .flags(READONLY | BLOCKING | MOVABLE_KEYS)
        .keys(behind("STREAMS", 1).to(-1).share(2).read_only().access())
        .cost("O(n) over the entries read")
        .says("Reads entries behind an id of each stream, or waits for one.")
        .data(|call, db| read(call, db, false)),
    command(
        "XREADGROUP",
        "GROUP {group-block=group consumer} [COUNT count:integer] [MAXCOUNT maxcount:integer@8.10.0] \
         [MAXSIZE maxsize:integer@8.10.0] [BLOCK milliseconds:integer] [CLAIM min-idle-time:integer@8.4.0] [NOACK] \
         STREAMS {streams=key+ id+}",
        -7,
    )
    .since("5.0.0")
    .group(CommandGroup::Stream)
    .flags(WRITE | BLOCKING | MOVABLE_KEYS)
    .keys(behind("STREAMS", 4).to(-1).share(2).read_only().access())
    .cost("O(n) over the entries read")
    .says("Reads, as a consumer of a group, entries that nobody of the group was given yet, or waits for one.")
    .data(|call, db| read(call, db, true)),
];

/// What is asked for.
#[derive(Default)]
struct Wanted {
    /// Entries of one stream at most.
    count: Option<usize>,
    /// Entries of all streams at most.
    entries_max: Option<usize>,
    /// Bytes of the reply from which on no entry follows.
    reply_bytes_max: Option<usize>,
    /// `None`: no waiting; an inner `None`: for ever.
    deadline: Option<Option<Ms>>,
    is_unacknowledged: bool,
    /// What is pending for at least so long is given first; `None`: only what is new.
    idle_ms_min: Option<i64>,
    /// Word index of the group's name; the consumer's follows. 0: none.
    group_at: usize,
    /// Word index of the first key, and how many there are; the ids follow.
    keys_at: usize,
    keys: usize,
}

/// The id that stands for `>`.
const NEW: StreamId = StreamId::MAX;

fn parse_wanted(call: &Call, by_group: bool) -> Result<Wanted, Stop> {
    let mut wanted = Wanted::default();
    let mut index = 1;
    while index < call.argc() {
        let more = call.argc() - 1 - index;
        if call.is(index, "BLOCK") && more > 0 {
            index += 1;
            wanted.deadline = Some(parse_wait(call, index)?);
        } else if call.is(index, "COUNT") && more > 0 {
            index += 1;
            wanted.count = usize::try_from(call.integer(index)?).ok().filter(|count| *count > 0);
        } else if call.is(index, "MAXCOUNT") && more > 0 {
            index += 1;
            wanted.entries_max = Some(parse_positive(call, index, "ERR MAXCOUNT must be a positive integer")?);
        } else if call.is(index, "MAXSIZE") && more > 0 {
            index += 1;
            wanted.reply_bytes_max = Some(parse_positive(call, index, "ERR MAXSIZE must be a positive integer")?);
        } else if call.is(index, "STREAMS") && more > 0 {
            wanted.keys_at = index + 1;
            if more % 2 == 1 {
                return Err(unbalanced(by_group));
            }
            wanted.keys = more / 2;
            break;
        } else if call.is(index, "GROUP") && more >= 2 {
            if !by_group {
                let text = "ERR The GROUP option is only supported by XREADGROUP. You called XREAD instead.";
                return Err(text.into());
            }
            wanted.group_at = index + 1;
            index += 2;
        } else if call.is(index, "CLAIM") && more > 0 {
            if !by_group {
                let text = "ERR The CLAIM option is only supported by XREADGROUP. You called XREAD instead.";
                return Err(text.into());
            }
            index += 1;
            wanted.idle_ms_min = Some(parse_idle(call, index)?);
        } else if call.is(index, "NOACK") {
            if !by_group {
                let text = "ERR The NOACK option is only supported by XREADGROUP. You called XREAD instead.";
                return Err(text.into());
            }
            wanted.is_unacknowledged = true;
        } else {
            return Err(fault::SYNTAX);
        }
        index += 1;
    }
    if wanted.keys_at == 0 {
        return Err(fault::SYNTAX);
    }
    if let (Some(entries_max), Some(count)) = (wanted.entries_max, wanted.count)
        && entries_max < count
    {
        return Err("ERR MAXCOUNT must be greater than or equal to COUNT".into());
    }
    if by_group && wanted.group_at == 0 {
        return Err("ERR Missing GROUP option for XREADGROUP".into());
    }
    Ok(wanted)
}

#[cold]
fn unbalanced(by_group: bool) -> Stop {
    let (name, special) = if by_group { ("xreadgroup", "or '>'") } else { ("xread", "'+', or '$'") };
    let comma = if by_group { "" } else { "," };
    Stop::error_owned(format!(
        "ERR Unbalanced '{name}' list of streams: for each stream key an ID{comma} {special} must be specified."
    ))
}

fn parse_positive(call: &Call, index: usize, fault: &'static str) -> Result<usize, Stop> {
    let number = parse_i64(call.arg(index)).and_then(|number| usize::try_from(number).ok());
    number.filter(|number| *number > 0).ok_or(fault.into())
}

/// Milliseconds for which an entry is pending at least.
fn parse_idle(call: &Call, index: usize) -> Result<i64, Stop> {
    match parse_i64(call.arg(index)) {
        Some(ms @ 0..) => Ok(ms),
        Some(_) => Err("ERR min-idle-time must be a positive integer".into()),
        None => Err("ERR min-idle-time is not an integer or out of range".into()),
    }
}

/// Milliseconds to wait (0: for ever) as a deadline.
fn parse_wait(call: &Call, index: usize) -> Result<Option<Ms>, Stop> {
    let ms = parse_i64(call.arg(index)).ok_or("ERR timeout is not an integer or out of range")?;
    match ms {
        0 => Ok(None),
        1.. => call.now.checked_add(ms).map(Some).ok_or(fault::TIMEOUT_OUT_OF_RANGE),
        _ => Err(fault::TIMEOUT_NEGATIVE),
    }
}

fn read(call: &mut Call, db: &mut Db, by_group: bool) -> Outcome {
    let wanted = parse_wanted(call, by_group)?;
    let ids = find_ids(call, db, &wanted)?;
    let ids = ids.as_slice();
    let (mut served, mut shown) = (0, 0);
    let mut start_of_reply = None;
    let reply_end = wanted.reply_bytes_max.map_or(usize::MAX, |bytes| call.reply.output().len().saturating_add(bytes));
    for (at, id) in ids.iter().enumerate() {
        // What all streams may give together is used up by those before; whatever its size, one entry is given.
        let left = wanted.entries_max.map(|entries_max| entries_max - shown);
        if shown > 0 && !(Room { entries: left, reply_end }).has_more(0, &mut call.reply) {
            break;
        }
        let room = Room { entries: wanted.count.into_iter().chain(left).min(), reply_end };
        let index = wanted.keys_at + at;
        let given = if by_group {
            serve_consumer(call, db, &wanted, room, (index, *id), &mut start_of_reply)?
        } else {
            serve_reader(call, db, room, (index, *id), &mut start_of_reply)?
        };
        served += usize::from(given.is_some());
        shown += given.unwrap_or(0);
    }
    if by_group {
        journal::not_as_received(call);
    }
    if let Some(start) = start_of_reply {
        if call.reply.is_resp3() {
            call.reply.finish_map(start, served)
        } else {
            call.reply.finish_array(start, served)
        }
        return Ok(());
    }
    match wanted.deadline {
        None => {
            call.reply.null_array();
            Ok(())
        }
        Some(deadline) => Err(wait(call, db, &wanted, ids, deadline)),
    }
}

/// The ids as numbers; keys and groups are checked on the way.
fn find_ids(call: &Call, db: &mut Db, wanted: &Wanted) -> Result<Ids, Stop> {
    let by_group = wanted.group_at > 0;
    let mut ids = Ids::new();
    for index in wanted.keys_at..wanted.keys_at + wanted.keys {
        let key = call.key(index);
        let stream = db.read::<Stream>(key)?;
        if by_group {
            let group = call.arg(wanted.group_at);
            if stream.is_none_or(|stream| stream.group(group).is_none()) {
                let between = "' or consumer group '";
                let after = "' in XREADGROUP with GROUP option";
                return Err(Stop::quoting_both("NOGROUP No such key '", key.bytes, between, group, after));
            }
        }
        ids.push(match id_text(call.arg(index + wanted.keys)) {
            b">" if by_group => NEW,
            b">" => {
                let text = "ERR The > ID can be specified only when calling XREADGROUP using the GROUP <group> \
                            <consumer> option.";
                return Err(text.into());
            }
            b"$" if by_group => return Err(meaningless("$")),
            b"+" if by_group => return Err(meaningless("+")),
            b"$" => stream.map_or(StreamId::MIN, Stream::last_id),
            b"+" => stream.map_or(StreamId::MIN, before_last),
            _ => parse_exact(call.arg(index + wanted.keys), 0)?,
        });
    }
    Ok(ids)
}

/// The id behind which the last entry is the only one.
fn before_last(stream: &Stream) -> StreamId {
    let facts = stream.facts();
    if facts.len > 0 { facts.last_entry_id.prev().unwrap_or_default() } else { facts.last_id }
}

#[cold]
fn meaningless(id: &str) -> Stop {
    Stop::error_owned(format!(
        "ERR The {id} ID is meaningless in the context of XREADGROUP: you want to read the history of this consumer by \
         specifying a proper ID, or use the > ID to get new messages. The {id} ID would just return an empty result set."
    ))
}

/// Where the whole reply begins, once there is one.
type Start = Option<crate::protocol::reply::Deferred>;

/// A stream's part of the reply begins.
fn begin_stream(call: &mut Call, key: &[u8], start: &mut Start) {
    if start.is_none() {
        *start = Some(call.reply.deferred());
    }
    if !call.reply.is_resp3() {
        call.reply.array(2);
    }
    call.reply.bulk(key);
}

/// Shows the entries behind `id` of the stream whose key is word `index`; how many, `None` when there are none.
fn serve_reader(
    call: &mut Call,
    db: &mut Db,
    room: Room,
    (index, id): (usize, StreamId),
    start: &mut Start,
) -> Result<Option<usize>, Stop> {
    let key = call.key(index);
    let Some(stream) = db.read::<Stream>(key)? else { return Ok(None) };
    if stream.facts().last_entry_id <= id {
        return Ok(None);
    }
    begin_stream(call, key.bytes, start);
    let from = id.next().expect("an entry is behind it");
    Ok(Some(write_range(&mut call.reply, stream.log(), from, StreamId::MAX, room)))
}

/// Gives a consumer what nobody of its group was given yet, or shows it what is pending with it; how many entries, `None` when it
/// is to wait.
fn serve_consumer(
    call: &mut Call,
    db: &mut Db,
    wanted: &Wanted,
    room: Room,
    (index, id): (usize, StreamId),
    start: &mut Start,
) -> Result<Option<usize>, Stop> {
    let place = Place { key: call.key(index), group: call.arg(wanted.group_at) };
    let name = call.arg(wanted.group_at + 1);
    let served = db.edit_looking(place.key, |stream: &mut Stream, changes| {
        let (log, facts, group) = stream.log_and_group(place.group)?;
        let (consumer, is_new) = find_or_create(group, changes, name, call);
        if is_new && wanted.is_unacknowledged {
            journal::consumer_came(call, place, name);
        }
        if id != NEW {
            begin_stream(call, place.key.bytes, start);
            return Some(show_pending(call, log, group, consumer, id, room));
        }
        let has_news = facts.last_entry_id > group.last_id;
        let Some(idle_ms_min) = wanted.idle_ms_min else {
            return has_news.then(|| {
                begin_stream(call, place.key.bytes, start);
                changes.count_unseen(1);
                deliver(call, place, (log, facts), group, consumer, (room, wanted.is_unacknowledged))
            });
        };
        let idle = idle::longest(log, group, call.now.saturating_sub(idle_ms_min), room.entries);
        if idle.is_empty() && !has_news {
            return None;
        }
        begin_stream(call, place.key.bytes, start);
        changes.count_unseen(1);
        Some(idle::deliver(call, place, (log, facts), group, consumer, (idle, room, wanted.is_unacknowledged)))
    })?;
    Ok(served.flatten())
}

/// Shows what is pending with a consumer behind `id`; what is there still counts as delivered once more.
fn show_pending(
    call: &mut Call,
    log: &StreamLog,
    group: &mut Group,
    consumer: ConsumerId,
    id: StreamId,
    room: Room,
) -> usize {
    let start_of_reply = call.reply.deferred();
    let mut shown = 0;
    let mut from = id.next();
    while let Some(at) = from
        && (shown == 0 || room.has_more(shown, &mut call.reply))
        && let Some((id, ())) = group.consumer(consumer).pending().seek(at)
    {
        match log.find(id) {
            Some(entry) => {
                write_entry(&mut call.reply, entry);
                group.touch(id, call.now);
            }
            None => {
                call.reply.array(2);
                write_id(&mut call.reply, id);
                call.reply.null_array();
            }
        }
        shown += 1;
        from = id.next();
    }
    call.reply.finish_array(start_of_reply, shown);
    shown
}

/// Gives a consumer the next entries of its group; there is at least one.
fn deliver(
    call: &mut Call,
    place: Place,
    (log, facts): (&StreamLog, StreamFacts),
    group: &mut Group,
    consumer: ConsumerId,
    (room, is_unacknowledged): (Room, bool),
) -> usize {
    // Of one entry it is known that there is one.
    let start_of_reply = (room.entries != Some(1)).then(|| call.reply.deferred());
    if start_of_reply.is_none() {
        call.reply.array(1);
    }
    let mut shown = 0;
    let (behind, mut cursor) = (group.last_id, group.cursor);
    log.visit_behind(behind, &mut cursor, &mut |entry| {
        facts.advance(group, entry.id);
        write_entry(&mut call.reply, entry);
        if !is_unacknowledged {
            note_delivery(call, place, group, entry.id, consumer);
        }
        shown += 1;
        room.has_more(shown, &mut call.reply)
    });
    if !is_unacknowledged {
        group.consumer_mut(consumer).active = Some(call.now);
    }
    group.cursor = cursor;
    journal::went_on(call, place, group);
    if let Some(start) = start_of_reply {
        call.reply.finish_array(start, shown);
    }
    shown
}

/// Notes that an entry went to a consumer for the first time.
pub fn note_delivery(call: &mut Call, place: Place, group: &mut Group, id: StreamId, consumer: ConsumerId) {
    let delivery = Delivery { time: call.now, count: 1, consumer };
    group.deliver(id, delivery);
    journal::claimed(call, place, group, id, delivery);
}

/// Waits for what comes; `$` is the end as it is now.
fn wait(call: &Call, db: &Db, wanted: &Wanted, ids: &[StreamId], deadline: Option<Ms>) -> Stop {
    let ids_at = wanted.keys_at + wanted.keys;
    let mut words = OwnedRequest::default();
    for (index, word) in call.args.iter().enumerate() {
        match index.checked_sub(ids_at).map(|at| ids[at]) {
            Some(id) if id_text(word) == b"$" => words.push(&id.to_vec()),
            _ => words.push(word),
        }
    }
    let keys = (wanted.keys_at..ids_at).map(|index| call.arg(index).to_vec()).collect();
    let block = Block::on(keys, Kind::Stream, deadline, WhenDenied::NullArray);
    let again = wanted.idle_ms_min.and_then(|idle_ms_min| {
        let keys = (wanted.keys_at..ids_at).map(|index| call.key(index));
        idle::next_look(db, keys, call.arg(wanted.group_at), call.now, idle_ms_min)
    });
    Stop::wait(Block { on_absence: wanted.group_at > 0, words: Some(words), again, ..block })
}
