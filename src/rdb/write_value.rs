//! Values out: which kind each encoding is written as, and how.
//!
//! Packed encodings are written as they lie in memory; tables element by element; sorted sets from the greatest member
//! down, which is the order in which Redis builds its own fastest. What an older version of the format has no kind for is
//! written by `older`.

use super::format::{
    Kind, NODE_PACKED, NODE_PLAIN, VALKEY_VERSION, VERSION_WITH_FIELD_DEADLINES, VERSION_WITH_LIST_PACKS,
    VERSION_WITH_SET_PACKS,
};
use super::older;
use super::payload;
use super::writer::{Choices, Sink, Writer};
use crate::base::number::IntegerText;
use crate::keyspace::{Str, Value};
use crate::structures::list_pack::ListPack;
use crate::structures::pack_deque::NodeRef;
use crate::value::Object;
use crate::value::hash::Hash;
use crate::value::list::List;
use crate::value::set::Set;
use crate::value::zset::Zset;
use std::io;

/// The kind that a value is written as, in this version of the format.
pub fn kind_of(value: Value<'_>, version: u32) -> Kind {
    let has_packs = version >= VERSION_WITH_LIST_PACKS;
    match value {
        Value::String(_) => Kind::String,
        Value::List(_) if has_packs => Kind::ListOfPacks,
        Value::List(_) => Kind::ListOfZiplists,
        Value::Set(Set::Ints(_)) => Kind::SetIntegers,
        Value::Set(Set::Pack(_)) if version >= VERSION_WITH_SET_PACKS => Kind::SetPack,
        Value::Set(_) => Kind::Set,
        Value::Zset(zset) if zset.as_pack().is_none() => Kind::SortedSet,
        Value::Zset(_) if has_packs => Kind::SortedSetPack,
        Value::Zset(_) => Kind::SortedSetZiplist,
        Value::Hash(hash) if hash.as_pack().is_some() && has_packs => Kind::HashPack,
        Value::Hash(hash) if hash.as_pack().is_some() => Kind::HashZiplist,
        Value::Hash(hash) if hash.as_timed_pack().is_some() && version == VERSION_WITH_FIELD_DEADLINES => {
            Kind::HashPackDeadlines
        }
        Value::Hash(hash) if hash.timed_len() > 0 && version == VERSION_WITH_FIELD_DEADLINES => Kind::HashDeadlines,
        Value::Hash(hash) if hash.timed_len() > 0 && version == VALKEY_VERSION => Kind::HashDeadlinesValkey,
        Value::Hash(_) => Kind::Hash,
        Value::Stream(stream) => stream_kind(stream.once().is_some(), version),
    }
}

fn stream_kind(is_added_once: bool, version: u32) -> Kind {
    match version {
        VERSION_WITH_FIELD_DEADLINES if is_added_once => Kind::Stream4,
        VERSION_WITH_SET_PACKS.. => Kind::Stream3,
        VERSION_WITH_LIST_PACKS => Kind::Stream2,
        _ => Kind::Stream1,
    }
}

/// Writes a value's bytes as this kind, which `kind_of` has told.
#[inline]
pub fn write_value<S: Sink>(writer: &mut Writer<S>, value: Value<'_>, kind: Kind) -> io::Result<()> {
    match (value, kind) {
        (Value::String(Str::Int(number)), _) => writer.write_integer(number),
        (Value::String(Str::Bytes(text)), _) => writer.write_string(text),
        (Value::String(Str::Shared(text)), _) => writer.write_string(text),
        (Value::List(list), Kind::ListOfPacks) => write_list(writer, list),
        (Value::List(list), _) => older::write_list(writer, list),
        (Value::Set(Set::Pack(pack)), Kind::Set) => older::write_members(writer, pack),
        (Value::Set(set), _) => write_set(writer, set),
        (Value::Zset(zset), Kind::SortedSetZiplist) => older::write_items(writer, zset.as_pack().map(ListPack::view)),
        (Value::Zset(zset), _) => write_zset(writer, zset),
        (Value::Hash(hash), Kind::HashZiplist) => older::write_items(writer, hash.as_pack()),
        (Value::Hash(hash), kind) => write_hash(writer, hash, kind),
        (Value::Stream(stream), kind) => super::stream::write_stream(writer, stream, kind),
    }
}

/// A value on its own, as DUMP gives it: kind, value and footer. `None` if the version that is asked for cannot say it.
pub fn payload_of(value: Value<'_>, choices: Choices) -> Option<Vec<u8>> {
    const MEMORY_TAKES_ALL: &str = "writing to memory does not fail";
    if !older::can_say(value, choices.version) {
        return None;
    }
    let mut writer = Writer::with_buffer(Vec::new(), choices, 0);
    let kind = kind_of(value, choices.version);
    writer.write_byte(kind.byte()).expect(MEMORY_TAKES_ALL);
    write_value(&mut writer, value, kind).expect(MEMORY_TAKES_ALL);
    let mut payload = writer.into_sink().expect(MEMORY_TAKES_ALL);
    payload::seal(&mut payload, choices.version);
    Some(payload)
}

/// Bytes that a value takes in a dump, kind and key left out.
pub fn written_bytes(value: Value<'_>, choices: Choices) -> u64 {
    /// A sink that keeps nothing.
    struct Nowhere;
    impl Sink for Nowhere {
        fn write(&mut self, _: &[u8]) -> io::Result<()> {
            Ok(())
        }
    }
    let mut writer = Writer::with_buffer(Nowhere, choices, 0);
    write_value(&mut writer, value, kind_of(value, choices.version)).expect("nothing can fail nowhere");
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

fn write_hash<S: Sink>(writer: &mut Writer<S>, hash: &Hash, kind: Kind) -> io::Result<()> {
    let earliest = hash.earliest_deadline();
    match kind {
        Kind::HashPack => return writer.write_string(hash.as_pack().expect("told by its kind").as_bytes()),
        Kind::HashPackDeadlines => {
            writer.write_raw(&earliest.unwrap_or(0).to_le_bytes())?;
            return writer.write_string(hash.as_timed_pack().expect("told by its kind").as_bytes());
        }
        Kind::HashDeadlines => writer.write_raw(&earliest.unwrap_or(0).to_le_bytes())?,
        _ => {}
    }
    writer.write_length(hash.len() as u64)?;
    let (mut field_text, mut value_text) = (IntegerText::new(), IntegerText::new());
    for (field, value, deadline) in hash.iter_timed() {
        if kind == Kind::HashDeadlines {
            let earliest = earliest.unwrap_or(0);
            writer.write_length(deadline.map_or(0, |deadline| (deadline - earliest + 1) as u64))?;
        }
        writer.write_string(field.to_bytes(&mut field_text))?;
        writer.write_string(value.to_bytes(&mut value_text))?;
        if kind == Kind::HashDeadlinesValkey {
            writer.write_raw(&deadline.unwrap_or(-1).to_le_bytes())?;
        }
    }
    Ok(())
}
