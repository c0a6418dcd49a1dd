//! Streams in a dump.
//!
//! ```text
//! blocks   count, then for each: its first id (a string of 16 bytes, most significant first), its pack (a string)
//! facts    length, last id; from type 19 on also first id, greatest removed id, entries ever added
//! groups   count, then the consumer groups, which are not served yet: a dump that has some is refused by name
//! ```

use super::format::Kind;
use super::reader::{Fault, Reader, Source};
use super::writer::{Sink, Writer};
use crate::structures::stream_log::{StreamId, StreamLog};
use crate::value::stream::{Stream, StreamFacts};
use std::io;

/// Bytes of a block's key.
const ID_BYTES: usize = 16;
/// The least that a block takes in a dump: both strings' lengths, the id and a pack.
const BLOCK_BYTES_MIN: u64 = 2 + ID_BYTES as u64 + 7;

fn write_id<S: Sink>(writer: &mut Writer<S>, id: StreamId) -> io::Result<()> {
    writer.write_length(id.ms)?;
    writer.write_length(id.seq)
}

/// Writes a stream as type 21, without groups.
pub fn write_stream<S: Sink>(writer: &mut Writer<S>, stream: &Stream) -> io::Result<()> {
    let log = stream.log();
    let packs = log.packs();
    writer.write_length(packs.len() as u64)?;
    for (first, pack) in packs {
        writer.write_string(&first.to_be_bytes())?;
        writer.write_string(pack.as_bytes())?;
    }
    let facts = stream.facts();
    writer.write_length(log.len())?;
    write_id(writer, facts.last_id)?;
    write_id(writer, log.first_id().unwrap_or_default())?;
    write_id(writer, facts.max_removed_id)?;
    writer.write_length(facts.entries_added)?;
    writer.write_length(0)
}

fn read_id<S: Source>(reader: &mut Reader<S>) -> Result<StreamId, Fault> {
    Ok(StreamId { ms: reader.read_length()?, seq: reader.read_length()? })
}

/// Reads a stream of type 15, 19 or 21.
pub fn read_stream<S: Source>(reader: &mut Reader<S>, kind: Kind) -> Result<Stream, Fault> {
    let mut log = StreamLog::default();
    for _ in 0..reader.read_count(BLOCK_BYTES_MIN)? {
        let key = reader.read_string_owned()?;
        let Ok(key) = <[u8; ID_BYTES]>::try_from(key.as_slice()) else {
            return Err(reader.corrupt("Stream node key entry is not the size of a stream ID"));
        };
        let pack = reader.read_string_owned()?;
        if log.push_pack(StreamId::from_be_bytes(key), &pack) != Ok(true) {
            return Err(reader.corrupt("Stream listpack integrity check failed."));
        }
    }
    let length = reader.read_length()?;
    if length != log.len() {
        return Err(reader.corrupt("Stream object metadata loading failed: wrong length"));
    }
    let last_id = read_id(reader)?;
    let mut facts = StreamFacts { last_id, max_removed_id: StreamId::MIN, entries_added: length };
    if kind != Kind::Stream1 {
        // The first id is known from the entries themselves.
        read_id(reader)?;
        facts.max_removed_id = read_id(reader)?;
        facts.entries_added = reader.read_length()?;
    }
    if log.last_id().is_some_and(|last| last > last_id) {
        return Err(reader.corrupt("Stream last entry ID is greater than the stream's last ID"));
    }
    if reader.read_length()? != 0 {
        return Err(reader.not_served("a stream with consumer groups"));
    }
    Ok(Stream::from_parts(log, facts))
}
