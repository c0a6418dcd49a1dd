//! Ids as commands write them.

use crate::exec::Stop;
use crate::structures::stream_log::StreamId;

pub const INVALID: Stop = Stop::error("ERR Invalid stream ID specified as stream command argument");

/// A whole id, or a time alone, whose number is then `missing_seq`.
pub fn parse_exact(word: &[u8], missing_seq: u64) -> Result<StreamId, Stop> {
    let (ms, seq) = StreamId::parse(word).ok_or(INVALID)?;
    Ok(StreamId { ms, seq: seq.unwrap_or(missing_seq) })
}

/// An id that XADD may be given: whole, a time alone, or a time with `*` for the number.
pub fn check_new_id(word: &[u8]) -> Result<(), Stop> {
    let word = word.strip_suffix(b"-*").unwrap_or(word);
    StreamId::parse(word).map(drop).ok_or(INVALID)
}

/// One end of an interval: `-`, `+`, an id, or an id behind `(` that does not belong to it.
fn parse_end(word: &[u8], missing_seq: u64) -> Result<(StreamId, bool), Stop> {
    match word {
        b"-" => Ok((StreamId::MIN, false)),
        b"+" => Ok((StreamId::MAX, false)),
        [b'(', id @ ..] => Ok((parse_exact(id, missing_seq)?, true)),
        id => Ok((parse_exact(id, missing_seq)?, false)),
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
