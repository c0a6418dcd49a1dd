//! XTRIM and XDEL, and the trimming options that XADD shares.

use super::ids::{check_new_id, id_text, parse_exact};
use crate::base::number::parse_i64;
use crate::exec::call::fault;
use crate::exec::{Call, Command, Outcome, Stop};
use crate::keyspace::event::{Event, class, event};
use crate::keyspace::{Changes, Db};
use crate::server::session::flag as session_flag;
use crate::spec::flag::{FAST, WRITE};
use crate::spec::{Group, at, command};
use crate::structures::stream_log::{StreamId, Trim};
use crate::value::stream::{References, Stream};

pub const XTRIM: Event = event(class::STREAM, "xtrim");
pub const XDEL: Event = event(class::STREAM, "xdel");

pub const COMMANDS: &[Command] = &[
    command("XDEL", "key id+", -3)
        .since("5.0.0")
        .group(Group::Stream)
        .flags(WRITE | FAST)
        .keys(at(1).read_write().delete())
        .cost("O(1) an entry")
        .says("Removes entries by id.")
        .data(xdel),
    command("XTRIM", "key {trim={strategy=MAXLEN|MINID@6.2.0} [operator={equal==}|{approximately=~}] threshold [LIMIT count:integer@6.2.0]} [condition=KEEPREF|DELREF|ACKED]@8.2.0", -4)
        .since("5.0.0")
        .group(Group::Stream)
        .flags(WRITE)
        .keys(at(1).read_write().delete())
        .tips(&["nondeterministic_output"])
        .cost("O(n) over the removed entries")
        .says("Removes the oldest entries.")
        .data(xtrim),
];

/// How to trim.
#[derive(Clone, Copy)]
pub struct Trimming {
    pub until: Trim,
    pub is_rough: bool,
    /// Entries removed at most by one call; 0: no limit.
    limit: u64,
    /// Word index of the threshold.
    threshold_at: usize,
    /// Word index of `=` or `~`, if there is one.
    sign_at: Option<usize>,
}

/// The options of XADD and XTRIM.
#[derive(Default)]
pub struct Options {
    pub trimming: Option<Trimming>,
    /// KEEPREF, DELREF or ACKED, once one of them was given.
    pub references: Option<References>,
    /// XADD: word index of IDMP or IDMPAUTO; 0: neither.
    pub once_at: usize,
    pub no_make: bool,
    /// XADD: where the id stands.
    pub id_at: usize,
}

/// Entries of a rough trimming without LIMIT: so many blocks of the configured size, within bounds.
fn default_limit(call: &Call) -> u64 {
    const BLOCKS: u64 = 100;
    const WITHOUT_BLOCK_SIZE: u64 = 10_000;
    const MOST: u64 = 1_000_000;
    match BLOCKS.saturating_mul(call.settings.stream_node_entries_max) {
        0 => WITHOUT_BLOCK_SIZE,
        entries => entries.min(MOST),
    }
}

const LIMIT_WITHOUT_ROUGH: Stop = Stop::error("ERR syntax error, LIMIT cannot be used without the special ~ option");

/// Reads the options from word 2 on; for XADD up to the id.
pub fn parse_options(call: &Call, is_add: bool) -> Result<Options, Stop> {
    let mut options = Options::default();
    let mut limit = None;
    let mut index = 2;
    while index < call.argc() {
        let more = call.argc() - 1 - index;
        if is_add && id_text(call.arg(index)) == b"*" {
            options.id_at = index;
            break;
        } else if (call.is(index, "MAXLEN") || call.is(index, "MINID")) && more > 0 {
            if options.trimming.is_some() {
                let text = "ERR syntax error, MAXLEN and MINID options at the same time are not compatible";
                return Err(text.into());
            }
            let by_length = call.is(index, "MAXLEN");
            let has_sign = more >= 2 && matches!(call.arg(index + 1), b"~" | b"=");
            let threshold_at = index + 1 + has_sign as usize;
            options.trimming = Some(Trimming {
                until: parse_threshold(call, threshold_at, by_length)?,
                is_rough: has_sign && call.arg(index + 1) == b"~",
                limit: 0,
                threshold_at,
                sign_at: has_sign.then_some(index + 1),
            });
            index = threshold_at;
        } else if call.is(index, "LIMIT") && more > 0 {
            let count = call.integer(index + 1)?;
            if count < 0 {
                return Err("ERR The LIMIT argument must be >= 0.".into());
            }
            limit = Some(count as u64);
            index += 1;
        } else if let Some(references) = references_at(call, index).filter(|_| options.references.is_none()) {
            options.references = Some(references);
        } else if is_add && call.is(index, "IDMPAUTO") && more > 0 || is_add && call.is(index, "IDMP") && more > 1 {
            if options.once_at > 0 {
                return Err("ERR syntax error, IDMP/IDMPAUTO specified multiple times".into());
            }
            options.once_at = index;
            index += if call.is(index, "IDMP") { 2 } else { 1 };
        } else if is_add && call.is(index, "NOMKSTREAM") {
            options.no_make = true;
        } else if is_add {
            // What is no option is the id; one that makes no sense is told of before options that do not fit.
            check_new_id(call.arg(index))?;
            options.id_at = index;
            break;
        } else {
            return Err(fault::SYNTAX);
        }
        index += 1;
    }
    let default = default_limit(call);
    // What a file or a master says was made exact there; its LIMIT was the client's.
    let is_obeyed = call.session_flags & session_flag::INTERNAL != 0;
    match (&mut options.trimming, limit) {
        (None, Some(1..)) => {
            Err("ERR syntax error, LIMIT cannot be used without specifying a trimming strategy".into())
        }
        (None, None) if !is_add => Err("ERR syntax error, XTRIM must be called with a trimming strategy".into()),
        (None, Some(0)) => Err(LIMIT_WITHOUT_ROUGH),
        (Some(trimming), _) if is_obeyed => {
            trimming.limit = 0;
            Ok(options)
        }
        (Some(trimming), Some(_)) if !trimming.is_rough => Err(LIMIT_WITHOUT_ROUGH),
        (Some(trimming), limit) => {
            trimming.limit = limit.unwrap_or(if trimming.is_rough { default } else { 0 });
            Ok(options)
        }
        _ => Ok(options),
    }
}

/// KEEPREF, DELREF or ACKED.
pub fn references_at(call: &Call, index: usize) -> Option<References> {
    if call.is(index, "KEEPREF") {
        Some(References::Keep)
    } else if call.is(index, "DELREF") {
        Some(References::Drop)
    } else if call.is(index, "ACKED") {
        Some(References::Acknowledged)
    } else {
        None
    }
}

fn parse_threshold(call: &Call, index: usize, by_length: bool) -> Result<Trim, Stop> {
    if !by_length {
        return parse_exact(call.arg(index), 0).map(Trim::Before);
    }
    let length = parse_i64(call.arg(index)).ok_or(fault::NOT_AN_INTEGER)?;
    if length < 0 {
        return Err("ERR The MAXLEN argument must be >= 0.".into());
    }
    Ok(Trim::Length(length as u64))
}

/// Trims and records; gives back how many entries went. They count as changes if it is they that were asked for.
pub fn trim(
    stream: &mut Stream,
    changes: &mut Changes,
    trimming: &Trimming,
    references: Option<References>,
    counts: bool,
) -> u64 {
    let references = references.unwrap_or_default();
    let removed = stream.trim_by(trimming.until, trimming.is_rough, trimming.limit, references);
    if removed > 0 {
        changes.record(XTRIM, if counts { removed } else { 0 });
    }
    removed
}

/// The words of the call with a rough trimming made exact: what it came to, so that it comes to the same elsewhere.
/// `id`: the id that XADD chose.
pub fn exact_words(call: &Call, options: &Options, stream: &Stream, id: Option<StreamId>) -> Vec<Vec<u8>> {
    let mut words: Vec<Vec<u8>> = call.args.iter().map(<[u8]>::to_vec).collect();
    if let Some(trimming) = options.trimming.filter(|trimming| trimming.is_rough) {
        words[trimming.threshold_at] = match trimming.until {
            Trim::Length(_) => stream.log().len().to_string().into_bytes(),
            Trim::Before(_) => stream.log().first_id().unwrap_or_default().to_vec(),
        };
        if let Some(sign_at) = trimming.sign_at {
            words[sign_at] = b"=".to_vec();
        }
    }
    if let Some(id) = id {
        words[options.id_at] = id.to_vec();
    }
    words
}

/// Rewrites what the journal gets.
pub fn rewrite(call: &mut Call, words: &[Vec<u8>]) {
    let slices: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
    call.propagation.rewrite(&slices);
}

fn xtrim(call: &mut Call, db: &mut Db) -> Outcome {
    let options = parse_options(call, false)?;
    let trimming = options.trimming.expect("XTRIM has no options without it");
    let journalled = call.is_journalled();
    let done = db.edit(call.key(1), |stream: &mut Stream, changes| {
        let removed = trim(stream, changes, &trimming, options.references, true);
        let words = (journalled && removed > 0 && trimming.is_rough).then(|| exact_words(call, &options, stream, None));
        (removed, words)
    })?;
    let (removed, words) = done.unwrap_or_default();
    if let Some(words) = words {
        rewrite(call, &words);
    }
    call.reply.integer(removed as i64);
    Ok(())
}

fn xdel(call: &mut Call, db: &mut Db) -> Outcome {
    let key = call.key(1);
    match db.lookup_to_write(key) {
        Some(entry) => entry.object::<Stream>()?,
        None => {
            call.reply.integer(0);
            return Ok(());
        }
    };
    let ids: Vec<StreamId> =
        (2..call.argc()).map(|index| parse_exact(call.arg(index), 0)).collect::<Result<_, Stop>>()?;
    let removed = db.edit(key, |stream: &mut Stream, changes| {
        let removed = ids.iter().filter(|id| stream.remove(**id)).count();
        if removed > 0 {
            changes.record(XDEL, removed as u64);
        }
        removed
    })?;
    call.reply.integer(removed.unwrap_or(0) as i64);
    Ok(())
}
