//! XADD.

use super::ids::{INVALID, id_text, parse_exact};
use super::once::{Sent, parse_sent};
use super::reply::write_id;
use super::trim::{self, Options};
use crate::exec::{Call, Command, Outcome, Stop};
use crate::keyspace::event::{Event, class, event};
use crate::keyspace::{Changes, Db};
use crate::server::session::flag as session_flag;
use crate::spec::flag::{DENYOOM, FAST, WRITE};
use crate::spec::{Group, at, command};
use crate::structures::stream_log::StreamId;
use crate::value::stream::Stream;

const XADD: Event = event(class::STREAM, "xadd");

pub const COMMANDS: &[Command] = &[command(
    "XADD",
    "key [NOMKSTREAM]@6.2.0 [condition=KEEPREF|DELREF|ACKED]@8.2.0 [idmp=IDMPAUTO pid|IDMP pid iid]@8.6.0 [trim={strategy=MAXLEN|MINID@6.2.0} [operator={equal==}|{approximately=~}] threshold [LIMIT count:integer@6.2.0]] {id-selector={auto-id=*}|id} {data=field value}+",
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
    let word = id_text(word);
    if word == b"*" {
        return Ok(NewId::Any);
    }
    if let Some(ms) = word.strip_suffix(b"-*") {
        return match StreamId::parse(ms) {
            Some((ms, None)) => Ok(NewId::At(ms)),
            _ => Err(INVALID),
        };
    }
    let id = parse_exact(word, 0)?;
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
    /// Words of an entry that need no memory of their own.
    const FEW_WORDS: usize = 16;
    let options = trim::parse_options(call, true)?;
    let pairs_at = options.id_at + 1;
    if options.id_at == 0 || pairs_at >= call.argc() || (call.argc() - pairs_at) % 2 == 1 {
        return Err(call.wrong_arity());
    }
    let new = parse_new_id(call.arg(options.id_at))?;
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
    let sent = parse_sent(call, &options, pairs)?;
    if sent.is_some() && !matches!(new, NewId::Any) && call.session_flags & session_flag::INTERNAL == 0 {
        return Err("ERR syntax error, IDMP/IDMPAUTO can be used only with auto-generated IDs".into());
    }
    let key = call.key(1);
    let asked = Asked { options, new, pairs, sent };
    let added = db.edit(key, |stream, changes| add(call, stream, changes, &asked))?;
    let (id, words) = match added {
        Some(added) => added?,
        None if asked.options.no_make => {
            call.reply.null();
            return Ok(());
        }
        None => {
            // A stream that an entry fails to begin is not begun: the id is judged first.
            choose_id(new, StreamId::MIN, call.now)?;
            db.edit_or_create(key, |stream, changes| add(call, stream, changes, &asked))??
        }
    };
    if let Some(words) = words {
        trim::rewrite(call, &words);
    }
    write_id(&mut call.reply, id);
    Ok(())
}

/// What is asked for.
struct Asked<'a> {
    options: Options,
    new: NewId,
    pairs: &'a [&'a [u8]],
    sent: Option<Sent<'a>>,
}

/// The id of the entry, and the words for the journal where somebody reads it.
type Added = (StreamId, Option<Vec<Vec<u8>>>);

/// Adds the entry, unless its producer sent it before.
#[inline]
fn add(call: &Call, stream: &mut Stream, changes: &mut Changes, asked: &Asked) -> Result<Added, Stop> {
    let Some(sent) = &asked.sent else { return append(call, stream, changes, asked) };
    let once = stream.once_mut();
    if let Some(id) = once.find(sent.producer, sent.id(), call.now) {
        once.duplicates += 1;
        changes.count_unseen(1);
        return Ok((id, None));
    }
    let (id, words) = append(call, stream, changes, asked)?;
    let once = stream.once_mut();
    once.added += u64::from(once.add(sent.producer, sent.id(), id));
    Ok((id, words))
}

/// Appends and trims.
#[inline]
fn append(call: &Call, stream: &mut Stream, changes: &mut Changes, asked: &Asked) -> Result<Added, Stop> {
    let &Asked { ref options, new, pairs, .. } = asked;
    let id = choose_id(new, stream.last_id(), call.now)?;
    if !stream.append(id, pairs, changes.limits.stream_block) {
        return Err(TOO_LARGE);
    }
    changes.record(XADD, 1);
    if let Some(trimming) = &options.trimming {
        // The entries that go are not counted as changes of their own.
        trim::trim(stream, changes, trimming, options.references, false);
    }
    let words = call.is_journalled().then(|| trim::exact_words(call, options, stream, Some(id)));
    Ok((id, words))
}
