//! Values in: every kind that a dump may hold, checked from end to end, made into the encoding that today's limits ask for.
//!
//! ```text
//! one by one    list, set, hash, zset (text or binary scores)      built through the type's own face
//! packed now    list packs, integer sets                           checked, then taken over as they are
//! packed then   ziplist, zipmap, lists of ziplists                 checked, then unpacked item by item
//! ```
//!
//! `None` is a value without elements: such keys were written by mistake once, and are passed over. What fails a check is a
//! `Fault`: an element twice, a score that is no number, a structure that contradicts itself.

use super::format::{Kind, NODE_PACKED, NODE_PLAIN};
use super::legacy::{ziplist::Ziplist, zipmap::Zipmap};
use super::reader::{Fault, Reader, Source};
use crate::base::hash::hash;
use crate::base::number::{IntegerText, parse_f64};
use crate::keyspace::{Arriving, StringValue};
use crate::structures::int_set::IntSet;
use crate::structures::list_pack::{Item, ListPack, PackRef};
use crate::structures::pack_deque::{PackDeque, PackLimits};
use crate::value::Object;
use crate::value::hash::Hash;
use crate::value::limits::EncodingLimits;
use crate::value::list::List;
use crate::value::set::Set;
use crate::value::zset::{self, Zset};

/// Room made ahead for elements that a source of unknown length promises.
const EXPECTED_MAX: u64 = 1 << 16;

/// Up to so many elements are compared each with each; more are compared by their hashes, sorted.
const COMPARE_EACH_MAX: usize = 16;

/// A value, none because it has no elements, or a fault.
type Read<T> = Result<Option<T>, Fault>;

/// Reads a value of this kind.
pub fn read_value<'r, S: Source>(reader: &'r mut Reader<S>, kind: Kind, limits: &EncodingLimits) -> Read<Arriving<'r>> {
    match kind {
        Kind::String => return read_string(reader).map(|text| Some(Arriving::String(text))),
        Kind::List => read_list(reader, limits).map(|list| list.map(Arriving::List)),
        Kind::ListZiplist | Kind::ListOfZiplists | Kind::ListOfPacks => {
            read_list_nodes(reader, kind, limits).map(|list| list.map(Arriving::List))
        }
        Kind::Set => read_set(reader, limits).map(|set| set.map(Arriving::Set)),
        Kind::SetIntegers | Kind::SetPack => read_packed_set(reader, kind, limits).map(|set| set.map(Arriving::Set)),
        Kind::SortedSet | Kind::SortedSetText => read_zset(reader, kind, limits).map(|zset| zset.map(Arriving::Zset)),
        Kind::SortedSetZiplist | Kind::SortedSetPack => {
            read_packed_zset(reader, kind, limits).map(|zset| zset.map(Arriving::Zset))
        }
        Kind::Hash => read_hash(reader, limits).map(|hash| hash.map(Arriving::Hash)),
        Kind::HashZipmap | Kind::HashZiplist | Kind::HashPack => {
            read_packed_hash(reader, kind, limits).map(|hash| hash.map(Arriving::Hash))
        }
        Kind::Stream1 | Kind::Stream2 | Kind::Stream3 => {
            return super::stream::read_stream(reader, kind).map(|stream| Some(Arriving::Stream(stream)));
        }
        Kind::ModulePreRelease
        | Kind::Module
        | Kind::HashDeadlinesPreRelease
        | Kind::HashPackDeadlinesPreRelease
        | Kind::HashDeadlines
        | Kind::HashPackDeadlines => Err(reader.not_served(format!("values of type '{}'", kind.name()))),
    }
}

/// The number of elements, and how many to make room for at once.
fn read_count<S: Source>(reader: &mut Reader<S>, bytes_each: u64) -> Result<(u64, usize), Fault> {
    let count = reader.read_count(bytes_each)?;
    Ok((count, if reader.bytes_left().is_some() { count } else { count.min(EXPECTED_MAX) } as usize))
}

#[inline]
fn read_string<S: Source>(reader: &mut Reader<S>) -> Result<StringValue<'_>, Fault> {
    Ok(match reader.read_item()? {
        Item::Int(number) => StringValue::Int(number),
        Item::Bytes(text) => StringValue::encode(text),
    })
}

// ---- lists --------------------------------------------------------------------------------------------------------

fn pack_limits(limits: &EncodingLimits) -> PackLimits {
    limits.list
}

fn settled(deque: PackDeque, limits: &EncodingLimits) -> Option<List> {
    let mut list = List::from_deque(deque);
    if list.is_empty() {
        return None;
    }
    list.settle(&pack_limits(limits));
    Some(list)
}

fn read_list<S: Source>(reader: &mut Reader<S>, limits: &EncodingLimits) -> Read<List> {
    let (count, _) = read_count(reader, 1)?;
    let mut deque = PackDeque::new(pack_limits(limits));
    for _ in 0..count {
        deque.push_back(reader.read_string()?);
    }
    Ok(settled(deque, limits))
}

fn read_list_nodes<S: Source>(reader: &mut Reader<S>, kind: Kind, limits: &EncodingLimits) -> Read<List> {
    let mut deque = PackDeque::new(pack_limits(limits));
    match kind {
        Kind::ListZiplist => {
            // One ziplist of any length: its items find their nodes themselves.
            let bytes = reader.read_string_owned()?;
            let ziplist = open_ziplist(reader, &bytes, "List ziplist integrity check failed.")?;
            let mut text = IntegerText::new();
            ziplist.iter().for_each(|item| deque.push_back(item.to_bytes(&mut text)));
        }
        Kind::ListOfZiplists => {
            for _ in 0..read_count(reader, 1)?.0 {
                let bytes = reader.read_string_owned()?;
                let ziplist = open_ziplist(reader, &bytes, "Ziplist integrity check failed.")?;
                deque.append_pack(pack_of(reader, &ziplist)?);
            }
        }
        _ => {
            for _ in 0..read_count(reader, 2)?.0 {
                match reader.read_length()? {
                    NODE_PLAIN => match reader.read_string()? {
                        b"" => return Err(reader.corrupt("Quicklist integrity check failed.")),
                        element => deque.append_plain(element),
                    },
                    NODE_PACKED => deque.append_pack(read_pack(reader, "Listpack integrity check failed.")?),
                    _ => return Err(reader.corrupt("Quicklist integrity check failed.")),
                }
            }
        }
    }
    Ok(settled(deque, limits))
}

// ---- sets ---------------------------------------------------------------------------------------------------------

fn read_set<S: Source>(reader: &mut Reader<S>, limits: &EncodingLimits) -> Read<Set> {
    let (count, expected) = read_count(reader, 1)?;
    let mut set = Set::default();
    set.expect_more(expected, limits);
    for _ in 0..count {
        if !set.add(reader.read_item()?, limits) {
            return Err(reader.corrupt("Duplicate set members detected"));
        }
    }
    Ok((count > 0).then_some(set))
}

fn read_packed_set<S: Source>(reader: &mut Reader<S>, kind: Kind, limits: &EncodingLimits) -> Read<Set> {
    let mut set = if kind == Kind::SetIntegers {
        let ints = IntSet::from_bytes(reader.read_string()?);
        Set::Ints(ints.map_err(|_| reader.corrupt("Intset integrity check failed."))?)
    } else {
        const FAILED: &str = "Set listpack integrity check failed.";
        let pack = read_pack(reader, FAILED)?;
        if has_twins(pack.iter()) {
            return Err(reader.corrupt(FAILED));
        }
        Set::Pack(pack)
    };
    if set.is_empty() {
        return Ok(None);
    }
    set.expect_more(set.len(), limits);
    Ok(Some(set))
}

// ---- sorted sets --------------------------------------------------------------------------------------------------

fn read_zset<S: Source>(reader: &mut Reader<S>, kind: Kind, limits: &EncodingLimits) -> Read<Zset> {
    let (count, expected) = read_count(reader, 2)?;
    let mut builder = zset::Builder::with_capacity(expected);
    let mut name = Vec::new();
    for _ in 0..count {
        name.clear();
        name.extend_from_slice(reader.read_string()?);
        let score = if kind == Kind::SortedSet { reader.read_score()? } else { reader.read_score_text()? };
        if score.is_nan() {
            return Err(reader.corrupt("Zset with NAN score detected"));
        }
        if !builder.insert(&name, score) {
            return Err(reader.corrupt("Duplicate zset fields detected"));
        }
    }
    Ok((count > 0).then(|| builder.finish(limits)))
}

fn read_packed_zset<S: Source>(reader: &mut Reader<S>, kind: Kind, limits: &EncodingLimits) -> Read<Zset> {
    if kind == Kind::SortedSetPack {
        const FAILED: &str = "Zset listpack integrity check failed.";
        let pack = read_pack(reader, FAILED)?;
        let zset = Zset::from_pack(pack, limits).map_err(|_| reader.corrupt(FAILED))?;
        return Ok((!zset.is_empty()).then_some(zset));
    }
    const FAILED: &str = "Zset ziplist integrity check failed.";
    let bytes = reader.read_string_owned()?;
    let ziplist = open_ziplist(reader, &bytes, FAILED)?;
    let mut builder = zset::Builder::with_capacity(ziplist.count() / 2);
    let (mut items, mut text) = (ziplist.iter(), IntegerText::new());
    while let Some(name) = items.next() {
        let score = items.next().and_then(score_of);
        if !score.is_some_and(|score| builder.insert(name.to_bytes(&mut text), score)) {
            return Err(reader.corrupt(FAILED));
        }
    }
    Ok((!builder.is_empty()).then(|| builder.finish(limits)))
}

fn score_of(item: Item<'_>) -> Option<f64> {
    match item {
        Item::Int(number) => Some(number as f64),
        Item::Bytes(text) => parse_f64(text),
    }
}

// ---- hashes -------------------------------------------------------------------------------------------------------

fn read_hash<S: Source>(reader: &mut Reader<S>, limits: &EncodingLimits) -> Read<Hash> {
    let (count, expected) = read_count(reader, 2)?;
    let mut hash = Hash::with_expected(expected, limits);
    let mut field = Vec::new();
    for _ in 0..count {
        field.clear();
        field.extend_from_slice(reader.read_string()?);
        if !hash.set(&field, reader.read_string()?, limits) {
            return Err(reader.corrupt("Duplicate hash fields detected"));
        }
    }
    Ok((count > 0).then_some(hash))
}

fn read_packed_hash<S: Source>(reader: &mut Reader<S>, kind: Kind, limits: &EncodingLimits) -> Read<Hash> {
    let hash = match kind {
        Kind::HashPack => {
            const FAILED: &str = "Hash listpack integrity check failed.";
            let pack = read_pack(reader, FAILED)?;
            if pack.len() % 2 == 1 || has_twins(pack.iter().step_by(2)) {
                return Err(reader.corrupt(FAILED));
            }
            Hash::from_pack(pack, limits)
        }
        Kind::HashZiplist => {
            const FAILED: &str = "Hash ziplist integrity check failed.";
            let bytes = reader.read_string_owned()?;
            let ziplist = open_ziplist(reader, &bytes, FAILED)?;
            let pack = pack_of(reader, &ziplist)?;
            if pack.len() % 2 == 1 || has_twins(pack.iter().step_by(2)) {
                return Err(reader.corrupt(FAILED));
            }
            Hash::from_pack(pack, limits)
        }
        _ => {
            let bytes = reader.read_string_owned()?;
            let zipmap = Zipmap::open(&bytes).map_err(|_| reader.corrupt("Zipmap integrity check failed."))?;
            let mut hash = Hash::with_expected(zipmap.count(), limits);
            for (field, value) in zipmap.iter() {
                if !hash.set(field, value, limits) {
                    return Err(reader.corrupt("Hash zipmap with dup elements, or big length"));
                }
            }
            hash
        }
    };
    Ok((!hash.is_empty()).then_some(hash))
}

// ---- packs --------------------------------------------------------------------------------------------------------

fn read_pack<S: Source>(reader: &mut Reader<S>, failed: &'static str) -> Result<ListPack, Fault> {
    let pack = PackRef::validated(reader.read_string()?).map(ListPack::from_ref);
    pack.map_err(|_| reader.corrupt(failed))
}

fn open_ziplist<'b, S: Source>(
    reader: &Reader<S>,
    bytes: &'b [u8],
    failed: &'static str,
) -> Result<Ziplist<'b>, Fault> {
    Ziplist::open(bytes).map_err(|_| reader.corrupt(failed))
}

/// The items of a ziplist as a list pack.
fn pack_of<S: Source>(reader: &Reader<S>, ziplist: &Ziplist<'_>) -> Result<ListPack, Fault> {
    let mut pack = ListPack::new();
    for item in ziplist.iter() {
        match item {
            Item::Int(number) => pack.push_back_int(number),
            Item::Bytes(text) if pack.would_fit(text.len()) => pack.push_back(text),
            Item::Bytes(_) => return Err(reader.corrupt("Ziplist too big for a listpack")),
        }
    }
    Ok(pack)
}

/// Whether two of these items are the same as text.
fn has_twins<'i>(items: impl Iterator<Item = Item<'i>> + Clone) -> bool {
    let mut text = IntegerText::new();
    let mut seen = 0;
    for (index, item) in items.clone().enumerate() {
        if index == COMPARE_EACH_MAX {
            // Too many for that: neighbours among the sorted hashes are twins, but for a chance of 2^-64 or so a pair.
            let mut hashes: Vec<u64> = items.map(|item| hash(item.to_bytes(&mut text))).collect();
            hashes.sort_unstable();
            return hashes.windows(2).any(|pair| pair[0] == pair[1]);
        }
        if items.clone().take(seen).any(|earlier| is_twin(earlier, item)) {
            return true;
        }
        seen += 1;
    }
    false
}

fn is_twin(a: Item<'_>, b: Item<'_>) -> bool {
    match (a, b) {
        (Item::Int(a), Item::Int(b)) => a == b,
        (Item::Bytes(a), Item::Bytes(b)) => a == b,
        // A number that somebody stored as text reads the same.
        (Item::Bytes(text), number) | (number, Item::Bytes(text)) => number.eq_bytes(text),
    }
}
