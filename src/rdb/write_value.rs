//! Values out: which kind each encoding is written as, and how.
//!
//! Packed encodings are written as they lie in memory; tables element by element; sorted sets from the greatest member
//! down, which is the order in which Redis builds its own fastest.

use super::format::{Kind, NODE_PACKED, NODE_PLAIN};
use super::payload;
use super::writer::{Choices, Sink, Writer};
use crate::base::number::IntegerText;
use crate::keyspace::{Str, Value};
use crate::structures::pack_deque::NodeRef;
use crate::value::Object;
use crate::value::hash::Hash;
use crate::value::list::List;
use crate::value::set::Set;
use crate::value::zset::Zset;
use std::io;

/// The kind that a value is written as.
pub fn kind_of(value: Value<'_>) -> Kind {
    match value {
        Value::String(_) => Kind::String,
        Value::List(_) => Kind::ListOfPacks,
        Value::Set(Set::Ints(_)) => Kind::SetIntegers,
        Value::Set(Set::Pack(_)) => Kind::SetPack,
        Value::Set(Set::Table(_)) => Kind::Set,
        Value::Zset(zset) if zset.as_pack().is_some() => Kind::SortedSetPack,
        Value::Zset(_) => Kind::SortedSet,
        Value::Hash(hash) if hash.as_pack().is_some() => Kind::HashPack,
        Value::Hash(hash) if hash.as_timed_pack().is_some() => Kind::HashPackDeadlines,
        Value::Hash(hash) if hash.timed_len() > 0 => Kind::HashDeadlines,
        Value::Hash(_) => Kind::Hash,
        Value::Stream(stream) if stream.once().is_some() => Kind::Stream4,
        Value::Stream(_) => Kind::Stream3,
    }
}

/// Writes a value's bytes, without its kind and key.
#[inline]
pub fn write_value<S: Sink>(writer: &mut Writer<S>, value: Value<'_>) -> io::Result<()> {
    match value {
        Value::String(Str::Int(number)) => writer.write_integer(number),
        Value::String(Str::Bytes(text)) => writer.write_string(text),
        Value::String(Str::Shared(text)) => writer.write_string(text),
        Value::List(list) => write_list(writer, list),
        Value::Set(set) => write_set(writer, set),
        Value::Zset(zset) => write_zset(writer, zset),
        Value::Hash(hash) => write_hash(writer, hash),
        Value::Stream(stream) => super::stream::write_stream(writer, stream),
    }
}

/// A value on its own, as DUMP gives it: kind, value and footer.
pub fn payload_of(value: Value<'_>, compress: bool) -> Vec<u8> {
    const MEMORY_TAKES_ALL: &str = "writing to memory does not fail";
    // Checksum and version are the footer's matter.
    let mut writer = Writer::with_buffer(Vec::new(), Choices { compress, checksum: false }, 0);
    writer.write_byte(kind_of(value) as u8).expect(MEMORY_TAKES_ALL);
    write_value(&mut writer, value).expect(MEMORY_TAKES_ALL);
    let mut payload = writer.into_sink().expect(MEMORY_TAKES_ALL);
    payload::seal(&mut payload);
    payload
}

/// Bytes that a value takes in a dump, kind and key left out.
pub fn written_bytes(value: Value<'_>, compress: bool) -> u64 {
    /// A sink that keeps nothing.
    struct Nowhere;
    impl Sink for Nowhere {
        fn write(&mut self, _: &[u8]) -> io::Result<()> {
            Ok(())
        }
    }
    let mut writer = Writer::with_buffer(Nowhere, Choices { compress, checksum: false }, 0);
    write_value(&mut writer, value).expect("nothing can fail nowhere");
    writer.offset()
}

fn write_set<S: Sink>(writer: &mut Writer<S>, set: &Set) -> io::Result<()> {
    match set {
        Set::Ints(ints) => writer.write_string(ints.as_bytes()),
        Set::Pack(pack) => writer.write_string(pack.as_bytes()),
        Set::Table(table) => {
            writer.write_length(table.len() as u64)?;
            table.iter().try_for_each(|member| writer.write_string(member))
        }
    }
}

fn write_zset<S: Sink>(writer: &mut Writer<S>, zset: &Zset) -> io::Result<()> {
    if let Some(pack) = zset.as_pack() {
        return writer.write_string(pack.as_bytes());
    }
    writer.write_length(zset.len() as u64)?;
    let mut text = IntegerText::new();
    for (member, score) in zset.iter_back_from(zset.len() - 1) {
        writer.write_string(member.to_bytes(&mut text))?;
        writer.write_score(score)?;
    }
    Ok(())
}

fn write_list<S: Sink>(writer: &mut Writer<S>, list: &List) -> io::Result<()> {
    writer.write_length(list.nodes().count() as u64)?;
    for node in list.nodes() {
        let (container, bytes) = match node {
            NodeRef::Plain(element) => (NODE_PLAIN, element),
            NodeRef::Pack(pack) => (NODE_PACKED, pack.as_bytes()),
        };
        writer.write_length(container)?;
        writer.write_string(bytes)?;
    }
    Ok(())
}

fn write_hash<S: Sink>(writer: &mut Writer<S>, hash: &Hash) -> io::Result<()> {
    if let Some(pack) = hash.as_pack() {
        return writer.write_string(pack.as_bytes());
    }
    let earliest = hash.earliest_deadline();
    if let Some(pack) = hash.as_timed_pack() {
        writer.write_raw(&earliest.unwrap_or(0).to_le_bytes())?;
        return writer.write_string(pack.as_bytes());
    }
    if let Some(earliest) = earliest {
        writer.write_raw(&earliest.to_le_bytes())?;
    }
    writer.write_length(hash.len() as u64)?;
    let (mut field_text, mut value_text) = (IntegerText::new(), IntegerText::new());
    for (field, value, deadline) in hash.iter_timed() {
        if let Some(earliest) = earliest {
            writer.write_length(deadline.map_or(0, |deadline| (deadline - earliest + 1) as u64))?;
        }
        writer.write_string(field.to_bytes(&mut field_text))?;
        writer.write_string(value.to_bytes(&mut value_text))?;
    }
    Ok(())
}
