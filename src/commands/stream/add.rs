//! XADD.

use super::ids::INVALID;
use super::trim::{self, Options};
use crate::base::number::parse_u64;
use crate::exec::{Call, Command, Outcome, Stop};
use crate::keyspace::Db;
use crate::keyspace::event::{Event, class, event};
use crate::spec::flag::{DENYOOM, FAST, WRITE};
use crate::spec::{Group, at, command};
use crate::structures::stream_log::StreamId;
use crate::value::stream::Stream;

const XADD: Event = event(class::STREAM, "xadd");

pub const COMMANDS: &[Command] = &[command(
    "XADD",
    "key [NOMKSTREAM]@6.2.0 [trim={strategy=MAXLEN|MINID@6.2.0} [operator={equal==}|{approximately=~}] threshold [LIMIT count:integer@6.2.0]] {id-selector={auto-id=*}|id} {data=field value}+",
    -5,
)
.since("5.0.0")
.group(Group::Stream)
.flags(WRITE | DENYOOM | FAST)
.keys(at(1).read_write().update().notes("UPDATE instead of INSERT because of the optional trimming feature"))
.tips(&["nondeterministic_output"])
.cost("O(1) for an entry, O(n) over those that trimming removes")
.says("Adds an entry to a stream, which is made if there is none.")
.data(xadd)];

const NOT_GREATER: Stop =
    Stop::error("ERR The ID specified in XADD is equal or smaller than the target stream top item");
const EXHAUSTED: Stop = Stop::error("ERR The stream has exhausted the last possible ID, unable to add more items");
const TOO_LARGE: Stop = Stop::error("ERR Elements are too large to be stored");

/// The id of the new entry, as far as it was given.
#[derive(Clone, Copy)]
enum NewId {
    /// `*`
    Any,
    /// `ms-*`
    At(u64),
    /// `ms-seq`, or `ms` for `ms-0`
    Exactly(StreamId),
}

fn parse_new_id(word: &[u8]) -> Result<NewId, Stop> {
    if word == b"*" {
        return Ok(NewId::Any);
    }
    if let Some(ms) = word.strip_suffix(b"-*") {
        return parse_u64(ms).map(NewId::At).ok_or(INVALID);
    }
    let (ms, seq) = StreamId::parse(word).ok_or(INVALID)?;
    let id = StreamId { ms, seq: seq.unwrap_or(0) };
    if id == StreamId::MIN {
        return Err("ERR The ID specified in XADD must be greater than 0-0".into());
    }
    Ok(NewId::Exactly(id))
}

/// The id that follows `last`.
fn choose_id(new: NewId, last: StreamId, now: i64) -> Result<StreamId, Stop> {
    if last == StreamId::MAX {
        return Err(EXHAUSTED);
    }
    let now = now.max(0) as u64;
    let id = match new {
        NewId::Any if now > last.ms => StreamId { ms: now, seq: 0 },
        NewId::Any => last.next().ok_or(EXHAUSTED)?,
        NewId::At(ms) if ms == last.ms => StreamId { ms, seq: last.seq.checked_add(1).ok_or(NOT_GREATER)? },
        NewId::At(ms) => StreamId { ms, seq: 0 },
        NewId::Exactly(id) => id,
    };
    if id > last { Ok(id) } else { Err(NOT_GREATER) }
}

fn xadd(call: &mut Call, db: &mut Db) -> Outcome {
    let options = trim::parse_options(call, true)?;
    let pairs_at = options.id_at + 1;
    if options.id_at == 0 || pairs_at >= call.argc() || (call.argc() - pairs_at) % 2 == 1 {
        return Err(call.wrong_arity());
    }
    let new = parse_new_id(call.arg(options.id_at))?;
    let key = call.key(1);
    if options.no_make && db.lookup_to_write(key).is_none() {
        call.reply.null();
        return Ok(());
    }
    // A stream that an entry fails to begin is not begun: the id is judged first.
    let last = match db.lookup_to_write(key) {
        Some(entry) => entry.object::<Stream>()?.last_id(),
        None => StreamId::MIN,
    };
    let id = choose_id(new, last, call.now)?;
    let words = append(call, db, &options, id, pairs_at)?;
    if let Some(words) = words {
        trim::rewrite(call, &words);
    }
    let mut text = Vec::with_capacity(24);
    id.write(&mut text);
    call.reply.bulk(&text);
    Ok(())
}

/// Appends and trims; gives back the words for the journal, where somebody reads it.
fn append(
    call: &Call,
    db: &mut Db,
    options: &Options,
    id: StreamId,
    pairs_at: usize,
) -> Result<Option<Vec<Vec<u8>>>, Stop> {
    /// Words of an entry that need no memory of their own.
    const FEW_WORDS: usize = 16;
    let count = call.argc() - pairs_at;
    let mut few: [&[u8]; FEW_WORDS] = [b""; FEW_WORDS];
    let many: Vec<&[u8]>;
    let pairs: &[&[u8]] = if count <= FEW_WORDS {
        few.iter_mut().zip(call.args.from(pairs_at).iter()).for_each(|(place, word)| *place = word);
        &few[..count]
    } else {
        many = call.args.from(pairs_at).iter().collect();
        &many
    };
    let journalled = call.is_journalled();
    db.edit_or_create(call.key(1), |stream: &mut Stream, changes| {
        if !stream.append(id, pairs, changes.limits.stream_block) {
            return Err(TOO_LARGE);
        }
        changes.record(XADD, 1);
        if let Some(trimming) = &options.trimming {
            trim::trim(stream, changes, trimming);
        }
        Ok(journalled.then(|| trim::exact_words(call, options, stream, Some(id))))
    })?
}
