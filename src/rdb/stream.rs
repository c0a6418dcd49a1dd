//! Streams in a dump.
//!
//! ```text
//! blocks     count, then for each: its first id (a string of 16 bytes, most significant first), its pack (a string)
//! facts      length, last id; from type 19 on also first id, greatest removed id, entries ever added
//! groups     count, then for each: name, last id; from type 19 on also entries read
//!   pending    count, then for each: its id (16 bytes), when it was delivered (8 bytes, least significant first), how often
//!   consumers  count, then for each: name, seen time; from type 21 on also active time (8 bytes each)
//!     pending    count, then the ids (16 bytes each), each of them one of the group's
//! once       only in type 26: seconds, ids of a producer at most
//!   producers  count, then for each: name
//!     ids        count, then for each: the id (a string), the id of its entry
//!              then how many ids there ever were, and how many entries were not added again
//! ```

use super::format::Kind;
use super::reader::{Fault, Reader, Source};
use super::writer::{Sink, Writer};
use crate::base::clock::Ms;
use crate::structures::stream_log::{StreamId, StreamLog};
use crate::value::stream::{Group, Once, Stream, StreamFacts};
use std::collections::BTreeMap;
use std::io;

/// Bytes of a block's key, and of a pending id.
const ID_BYTES: usize = 16;
/// The least that a block takes in a dump: both strings' lengths, the id and a pack.
const BLOCK_BYTES_MIN: u64 = 2 + ID_BYTES as u64 + 7;
/// The least that a group takes: the length of its name, two numbers of its id, two counts.
const GROUP_BYTES_MIN: u64 = 5;
/// The least that a pending entry takes: its id, a time, a count.
const PENDING_BYTES_MIN: u64 = ID_BYTES as u64 + 8 + 1;
/// The least that a consumer takes: the length of its name, a time, a count.
const CONSUMER_BYTES_MIN: u64 = 1 + 8 + 1;
/// The least that a producer takes: the length of its name, a count.
const PRODUCER_BYTES_MIN: u64 = 2;
/// The least that one of its ids takes: the length of its text, two numbers of its entry.
const SENT_BYTES_MIN: u64 = 3;

fn write_id<S: Sink>(writer: &mut Writer<S>, id: StreamId) -> io::Result<()> {
    writer.write_length(id.ms)?;
    writer.write_length(id.seq)
}

/// Writes a stream as type 15, 19, 21 or 26.
pub fn write_stream<S: Sink>(writer: &mut Writer<S>, stream: &Stream, kind: Kind) -> io::Result<()> {
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
    if kind != Kind::Stream1 {
        write_id(writer, log.first_id().unwrap_or_default())?;
        write_id(writer, facts.max_removed_id)?;
        writer.write_length(facts.entries_added)?;
    }
    writer.write_length(stream.groups().len() as u64)?;
    stream.groups().try_for_each(|(name, group)| write_group(writer, name, group, kind))?;
    match stream.once() {
        Some(once) if kind == Kind::Stream4 => write_once(writer, once),
        _ => Ok(()),
    }
}

fn write_once<S: Sink>(writer: &mut Writer<S>, once: &Once) -> io::Result<()> {
    writer.write_length(once.duration_s())?;
    writer.write_length(once.ids_max())?;
    writer.write_length(once.producers().len() as u64)?;
    for (name, producer) in once.producers() {
        writer.write_string(name)?;
        writer.write_length(producer.ids().len() as u64)?;
        for (id, entry) in producer.ids() {
            writer.write_string(id)?;
            write_id(writer, entry)?;
        }
    }
    writer.write_length(once.added)?;
    writer.write_length(once.duplicates)
}

fn write_group<S: Sink>(writer: &mut Writer<S>, name: &[u8], group: &Group, kind: Kind) -> io::Result<()> {
    writer.write_string(name)?;
    write_id(writer, group.last_id)?;
    if kind != Kind::Stream1 {
        writer.write_length(group.entries_read.unwrap_or(UNKNOWN) as u64)?;
    }
    writer.write_length(group.pending().len() as u64)?;
    for (id, delivery) in group.pending().iter() {
        writer.write_raw(&id.to_be_bytes())?;
        writer.write_raw(&{ delivery.time }.to_le_bytes())?;
        writer.write_length(delivery.count)?;
    }
    writer.write_length(group.consumers().len() as u64)?;
    for consumer in group.consumers() {
        writer.write_string(&consumer.name)?;
        writer.write_raw(&consumer.seen.to_le_bytes())?;
        if matches!(kind, Kind::Stream3 | Kind::Stream4) {
            writer.write_raw(&consumer.active.unwrap_or(UNKNOWN).to_le_bytes())?;
        }
        writer.write_length(consumer.pending().len() as u64)?;
        consumer.pending().iter().try_for_each(|(id, ())| writer.write_raw(&id.to_be_bytes()))?;
    }
    Ok(())
}

/// What stands for a number or time that is not known.
const UNKNOWN: i64 = -1;

fn known(number: i64) -> Option<i64> {
    (number != UNKNOWN).then_some(number)
}

fn read_id<S: Source>(reader: &mut Reader<S>) -> Result<StreamId, Fault> {
    Ok(StreamId { ms: reader.read_length()?, seq: reader.read_length()? })
}

/// Reads a stream of type 15, 19, 21 or 26.
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
    let mut facts = StreamFacts { last_id, entries_added: length, len: length, ..StreamFacts::default() };
    facts.first_id = log.first_id().unwrap_or_default();
    if kind != Kind::Stream1 {
        // The first id is known from the entries themselves.
        read_id(reader)?;
        facts.max_removed_id = read_id(reader)?;
        facts.entries_added = reader.read_length()?;
    }
    if log.last_id().is_some_and(|last| last > last_id) {
        return Err(reader.corrupt("Stream last entry ID is greater than the stream's last ID"));
    }
    let mut groups = BTreeMap::new();
    for _ in 0..reader.read_count(GROUP_BYTES_MIN)? {
        let name = reader.read_string_owned()?.into_boxed_slice();
        let group = Box::new(read_group(reader, kind, &facts)?);
        if groups.insert(name, group).is_some() {
            return Err(reader.corrupt("Duplicated consumer group name"));
        }
    }
    let once = if kind == Kind::Stream4 { Some(Box::new(read_once(reader)?)) } else { None };
    Ok(Stream::from_parts(log, facts, groups, once))
}

fn read_once<S: Source>(reader: &mut Reader<S>) -> Result<Once, Fault> {
    let mut once = Once::new(reader.read_length()?, reader.read_length()?);
    for _ in 0..reader.read_count(PRODUCER_BYTES_MIN)? {
        let producer = reader.read_string_owned()?;
        for _ in 0..reader.read_count(SENT_BYTES_MIN)? {
            let id = reader.read_string_owned()?;
            let entry = read_id(reader)?;
            if !once.add(&producer, &id, entry) {
                return Err(reader.corrupt("Duplicate idempotent ID of a stream producer"));
            }
        }
    }
    (once.added, once.duplicates) = (reader.read_length()?, reader.read_length()?);
    Ok(once)
}

fn read_group<S: Source>(reader: &mut Reader<S>, kind: Kind, facts: &StreamFacts) -> Result<Group, Fault> {
    let last_id = read_id(reader)?;
    let entries_read = match kind {
        Kind::Stream1 => facts.distance_of(last_id),
        _ => known(reader.read_length()? as i64),
    };
    let mut group = Group::new(last_id, entries_read);
    for _ in 0..reader.read_count(PENDING_BYTES_MIN)? {
        let id = StreamId::from_be_bytes(reader.read_array()?);
        let (time, count) = (read_time(reader)?, reader.read_length()?);
        if !group.load_delivery(id, time, count) {
            return Err(reader.corrupt("Duplicated global PEL entry loading stream consumer group"));
        }
    }
    for _ in 0..reader.read_count(CONSUMER_BYTES_MIN)? {
        read_consumer(reader, kind, &mut group)?;
    }
    if !group.is_whole() {
        return Err(reader.corrupt("Stream CG PEL entry without consumer"));
    }
    Ok(group)
}

fn read_consumer<S: Source>(reader: &mut Reader<S>, kind: Kind, group: &mut Group) -> Result<(), Fault> {
    let name = reader.read_string_owned()?;
    let seen = read_time(reader)?;
    let Some(id) = group.create_consumer(&name, seen) else {
        return Err(reader.corrupt("Duplicate stream consumer detected."));
    };
    // Where it is not told, the last try is the best guess.
    let active = if matches!(kind, Kind::Stream3 | Kind::Stream4) { read_time(reader)? } else { seen };
    group.consumer_mut(id).active = known(active);
    for _ in 0..reader.read_count(ID_BYTES as u64)? {
        let pending = StreamId::from_be_bytes(reader.read_array()?);
        if !group.load_owner(pending, id) {
            return Err(reader.corrupt("Consumer entry not found in group global PEL"));
        }
    }
    Ok(())
}

fn read_time<S: Source>(reader: &mut Reader<S>) -> Result<Ms, Fault> {
    Ok(Ms::from_le_bytes(reader.read_array()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::random::Random;
    use crate::rdb::format::VERSION;
    use crate::rdb::writer::Choices;
    use crate::structures::stream_log::BlockLimits;
    use crate::value::stream::Delivery;

    /// Two groups with consumers, deliveries and what a producer sent.
    fn stream() -> Stream {
        let mut stream = Stream::default();
        for ms in 1..=9 {
            assert!(stream.append(
                StreamId { ms, seq: 1 },
                &[b"f", b"v"],
                BlockLimits { bytes_max: 0, entries_max: 4 }
            ));
        }
        for (name, entries_read) in [(&b"g"[..], Some(3)), (b"h", None)] {
            let mut group = Group::new(StreamId { ms: 3, seq: 1 }, entries_read);
            let a = group.create_consumer(b"a", 5).expect("new");
            let b = group.create_consumer(b"b", 6).expect("new");
            group.consumer_mut(b).active = Some(7);
            for ms in 1..=3 {
                let consumer = if ms == 2 { b } else { a };
                group.deliver(StreamId { ms, seq: 1 }, Delivery { time: 8, count: ms, consumer });
            }
            assert!(stream.create_group(name, group));
        }
        stream
    }

    fn written(stream: &Stream) -> Vec<u8> {
        written_as(stream, if stream.once().is_some() { Kind::Stream4 } else { Kind::Stream3 })
    }

    fn written_as(stream: &Stream, kind: Kind) -> Vec<u8> {
        let choices = Choices { compress: false, checksum: false, version: VERSION };
        let mut writer = Writer::with_buffer(Vec::new(), choices, 0);
        write_stream(&mut writer, stream, kind).expect("memory takes all");
        writer.into_sink().expect("memory takes all")
    }

    #[test]
    fn groups_come_back_as_they_were() {
        let bytes = written(&stream());
        let back = read_stream(&mut Reader::over_bytes(&bytes), Kind::Stream3).expect("as written");
        assert_eq!(written(&back), bytes);
        let group = back.group(b"h").expect("two groups");
        assert_eq!((group.entries_read, group.pending().len(), group.consumers().len()), (None, 3, 2));
        let b = group.find_consumer(b"b").expect("two consumers");
        assert_eq!((group.consumer(b).active, group.consumer(b).pending().len()), (Some(7), 1));
    }

    #[test]
    fn older_types_keep_all_that_they_know() {
        for (kind, has_active_time) in [(Kind::Stream1, false), (Kind::Stream2, false), (Kind::Stream3, true)] {
            let bytes = written_as(&stream(), kind);
            let back = read_stream(&mut Reader::over_bytes(&bytes), kind).expect("as written");
            assert_eq!(written_as(&back, kind), bytes, "{kind:?}");
            let group = back.group(b"g").expect("two groups");
            let b = group.consumer(group.find_consumer(b"b").expect("two consumers"));
            // Where it is not told it can only be guessed at the ends of the stream.
            let entries_read = if kind == Kind::Stream1 { None } else { Some(3) };
            assert_eq!((group.entries_read, b.seen), (entries_read, 6));
            assert_eq!(b.active, Some(if has_active_time { 7 } else { 6 }));
        }
    }

    #[test]
    fn what_producers_sent_comes_back() {
        let mut stream = stream();
        assert!(stream.once_mut().add(b"p", b"i", StreamId { ms: 9, seq: 1 }));
        stream.once_mut().added = 1;
        let bytes = written(&stream);
        let mut back = read_stream(&mut Reader::over_bytes(&bytes), Kind::Stream4).expect("as written");
        assert_eq!(written(&back), bytes);
        assert_eq!(back.once_mut().find(b"p", b"i", 9), Some(StreamId { ms: 9, seq: 1 }));
    }

    #[test]
    fn whatever_is_broken_is_refused_or_whole() {
        let mut once = stream();
        assert!(once.once_mut().add(b"p", b"i", StreamId { ms: 9, seq: 1 }));
        for (stream, kind) in [(stream(), Kind::Stream3), (once, Kind::Stream4)] {
            let bytes = written(&stream);
            let mut random = Random::new(3);
            for _ in 0..20_000 {
                let mut broken = bytes.clone();
                for _ in 0..random.between(1, 3) {
                    let at = random.below(broken.len() as u64) as usize;
                    broken[at] = random.next_u64() as u8;
                }
                broken.truncate(broken.len() - random.below(2) as usize * random.below(9) as usize);
                if let Ok(stream) = read_stream(&mut Reader::over_bytes(&broken), kind) {
                    assert!(stream.groups().all(|(_, group)| group.is_whole()));
                    written(&stream);
                }
            }
        }
    }
}
