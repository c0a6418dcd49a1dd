//! Ids as commands write them.

use crate::exec::{Call, Stop};
use crate::structures::stream_log::StreamId;

pub const INVALID: Stop = Stop::error("ERR Invalid stream ID specified as stream command argument");

/// Longer words are no ids.
const ID_BYTES_MAX: usize = 127;

/// A word as far as it may be an id: it ends at a zero byte, as C's strings do.
#[inline]
pub fn id_text(word: &[u8]) -> &[u8] {
    match memchr::memchr(0, word) {
        Some(end) if word.len() <= ID_BYTES_MAX => &word[..end],
        _ => word,
    }
}

/// A whole id, or a time alone, whose number is then `missing_seq`.
#[inline]
pub fn parse_exact(word: &[u8], missing_seq: u64) -> Result<StreamId, Stop> {
    if word.len() > ID_BYTES_MAX {
        return Err(INVALID);
    }
    let (ms, seq) = StreamId::parse(id_text(word)).ok_or(INVALID)?;
    Ok(StreamId { ms, seq: seq.unwrap_or(missing_seq) })
}

/// An id that XADD may be given: whole, a time alone, or a time with `*` for the number.
pub fn check_new_id(word: &[u8]) -> Result<(), Stop> {
    let word = id_text(word);
    parse_exact(word.strip_suffix(b"-*").unwrap_or(word), 0).map(drop)
}

/// `-`, `+`, or an id.
pub fn parse_any(word: &[u8], missing_seq: u64) -> Result<StreamId, Stop> {
    match id_text(word) {
        b"-" => Ok(StreamId::MIN),
        b"+" => Ok(StreamId::MAX),
        id => parse_exact(id, missing_seq),
    }
}

/// One end of an interval: `-`, `+`, an id, or one of these behind `(`, when it does not belong to it.
fn parse_end(word: &[u8], missing_seq: u64) -> Result<(StreamId, bool), Stop> {
    match word {
        [b'(', id @ ..] => Ok((parse_exact(id, missing_seq)?, true)),
        id => Ok((parse_any(id, missing_seq)?, false)),
    }
}

/// The first id of an interval.
pub fn parse_start(word: &[u8]) -> Result<StreamId, Stop> {
    let (id, is_open) = parse_end(word, 0)?;
    if is_open { id.next().ok_or(Stop::error("ERR invalid start ID for the interval")) } else { Ok(id) }
}

/// The last id of an interval.
pub fn parse_stop(word: &[u8]) -> Result<StreamId, Stop> {
    let (id, is_open) = parse_end(word, u64::MAX)?;
    if is_open { id.prev().ok_or(Stop::error("ERR invalid end ID for the interval")) } else { Ok(id) }
}

/// Ids that need no memory of their own.
const FEW: usize = 8;

/// The ids of a request, all of them read before anything is done: a few in place, many in memory.
pub struct Ids {
    few: [StreamId; FEW],
    many: Vec<StreamId>,
    len: usize,
}

impl Ids {
    pub fn new() -> Ids {
        Ids { few: [StreamId::MIN; FEW], many: Vec::new(), len: 0 }
    }

    #[inline]
    pub fn push(&mut self, id: StreamId) {
        if self.len < FEW {
            self.few[self.len] = id;
        } else {
            if self.len == FEW {
                self.many.extend_from_slice(&self.few);
            }
            self.many.push(id);
        }
        self.len += 1;
    }

    #[inline]
    pub fn as_slice(&self) -> &[StreamId] {
        if self.len <= FEW { &self.few[..self.len] } else { &self.many }
    }

    /// The words from `from` to `to`, each a whole id or a time alone.
    pub fn parse(call: &Call, from: usize, to: usize) -> Result<Ids, Stop> {
        let mut ids = Ids::new();
        for index in from..to {
            ids.push(parse_exact(call.arg(index), 0)?);
        }
        Ok(ids)
    }
}
