//! Values in: every kind that a dump may hold, checked from end to end, made into the encoding that today's limits ask for.
//!
//! ```text
//! one by one    list, set, hash, zset (text or binary scores)      `growing`
//! packed now    list packs, integer sets                           checked, then taken over as they are
//! packed then   ziplist, zipmap, lists of ziplists                 checked, then unpacked item by item
//! ```
//!
//! `None` is a value without elements: such keys were written by mistake once, and are passed over. What fails a check is a
//! `Fault`: an element twice, a score that is no number, a structure that contradicts itself.

use super::format::Kind;
use super::growing::{Growing, settled};
use super::legacy::{ziplist::Ziplist, zipmap::Zipmap};
use super::reader::{Fault, Reader, Source};
use crate::base::hash::hash;
use crate::base::number::{IntegerText, parse_f64};
use crate::keyspace::{Arriving, StringValue};
use crate::structures::int_set::IntSet;
use crate::structures::list_pack::{Item, ListPack, PackRef};
use crate::structures::pack_deque::PackDeque;
use crate::value::Object;
use crate::value::hash::Hash;
use crate::value::limits::EncodingLimits;
use crate::value::list::List;
use crate::value::set::Set;
use crate::value::zset::{self, Zset};

/// Up to so many elements are compared each with each; more are compared by their hashes, sorted.
const COMPARE_EACH_MAX: usize = 16;

/// A value, none because it has no elements, or a fault.
type Read<T> = Result<Option<T>, Fault>;

/// Reads a value of this kind, all of it.
pub fn read_value<'r, S: Source>(reader: &'r mut Reader<S>, kind: Kind, limits: &EncodingLimits) -> Read<Arriving<'r>> {
    match Growing::begin(reader, kind, limits)? {
        Some(mut growing) => {
            while !growing.read_some(reader, limits, u64::MAX)? {}
            Ok(growing.finish(limits))
        }
        None => read_piece(reader, kind, limits),
    }
}

/// Reads a value that stands in one piece: a string, or what is packed.
pub(super) fn read_piece<'r, S: Source>(
    reader: &'r mut Reader<S>,
    kind: Kind,
    limits: &EncodingLimits,
) -> Read<Arriving<'r>> {
    match kind {
        Kind::String => read_string(reader).map(|text| Some(Arriving::String(text))),
        Kind::ListZiplist => read_list(reader, limits).map(|list| list.map(Arriving::List)),
        Kind::SetIntegers | Kind::SetPack => read_set(reader, kind, limits).map(|set| set.map(Arriving::Set)),
        Kind::SortedSetZiplist | Kind::SortedSetPack => {
            read_zset(reader, kind, limits).map(|zset| zset.map(Arriving::Zset))
        }
        Kind::HashPackDeadlines | Kind::HashPackDeadlinesPreRelease => {
            read_timed_hash(reader, kind, limits).map(|hash| hash.map(Arriving::Hash))
        }
        Kind::HashZipmap | Kind::HashZiplist | Kind::HashPack => {
            read_hash(reader, kind, limits).map(|hash| hash.map(Arriving::Hash))
        }
        Kind::Stream1 | Kind::Stream2 | Kind::Stream3 | Kind::Stream4 => {
            super::stream::read_stream(reader, kind).map(|stream| Some(Arriving::Stream(stream)))
        }
        Kind::List
        | Kind::ListOfZiplists
        | Kind::ListOfPacks
        | Kind::Set
        | Kind::SortedSet
        | Kind::SortedSetText
        | Kind::Hash
        | Kind::HashDeadlines
        | Kind::HashDeadlinesPreRelease
        | Kind::HashDeadlinesValkey => unreachable!("these come element by element"),
        Kind::ModulePreRelease => Err(reader.not_served("Pre-release module format not supported")),
        Kind::Module => Err(super::module::refuse_value(reader)),
    }
}

#[inline]
fn read_string<S: Source>(reader: &mut Reader<S>) -> Result<StringValue<'_>, Fault> {
    Ok(match reader.read_item()? {
        Item::Int(number) => StringValue::Int(number),
        Item::Bytes(text) => StringValue::encode(text),
    })
}

/// A list in one ziplist of any length: its items find their nodes themselves.
fn read_list<S: Source>(reader: &mut Reader<S>, limits: &EncodingLimits) -> Read<List> {
    let bytes = reader.read_string_owned()?;
    let ziplist = open_ziplist(reader, &bytes, "List ziplist integrity check failed.")?;
    let (mut deque, mut text) = (PackDeque::new(limits.list), IntegerText::new());
    ziplist.iter().for_each(|item| deque.push_back(item.to_bytes(&mut text)));
    Ok(settled(deque, limits))
}

fn read_set<S: Source>(reader: &mut Reader<S>, kind: Kind, limits: &EncodingLimits) -> Read<Set> {
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

fn read_zset<S: Source>(reader: &mut Reader<S>, kind: Kind, limits: &EncodingLimits) -> Read<Zset> {
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

fn read_hash<S: Source>(reader: &mut Reader<S>, kind: Kind, limits: &EncodingLimits) -> Read<Hash> {
    let hash = match kind {
        Kind::HashPack => {
            const FAILED: &str = "Hash listpack integrity check failed.";
            let pack = read_pack(reader, FAILED)?;
            if pack.len() % 2 == 1 {
                return Err(reader.corrupt(FAILED));
            }
            if has_twins(pack.iter().step_by(2)) {
                return Err(reader.corrupt("Hash listpack with dup elements: integrity check failed."));
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

/// A list pack of fields, values and deadlines, behind the earliest deadline, which is not needed.
fn read_timed_hash<S: Source>(reader: &mut Reader<S>, kind: Kind, limits: &EncodingLimits) -> Read<Hash> {
    const FAILED: &str = "Hash listpack integrity check failed.";
    if kind == Kind::HashPackDeadlines {
        reader.read_array::<8>()?;
    }
    let pack = read_pack(reader, FAILED)?;
    if has_twins(pack.iter().step_by(3)) {
        return Err(reader.corrupt(FAILED));
    }
    let hash = Hash::from_triples(pack, limits).map_err(|_| reader.corrupt(FAILED))?;
    Ok((!hash.is_empty()).then_some(hash))
}

pub(super) fn read_pack<S: Source>(reader: &mut Reader<S>, failed: &'static str) -> Result<ListPack, Fault> {
    let pack = PackRef::validated(reader.read_string()?).map(ListPack::from_ref);
    pack.map_err(|_| reader.corrupt(failed))
}

pub(super) fn open_ziplist<'b, S: Source>(
    reader: &Reader<S>,
    bytes: &'b [u8],
    failed: &'static str,
) -> Result<Ziplist<'b>, Fault> {
    Ziplist::open(bytes).map_err(|_| reader.corrupt(failed))
}

/// The items of a ziplist as a list pack.
pub(super) fn pack_of<S: Source>(reader: &Reader<S>, ziplist: &Ziplist<'_>) -> Result<ListPack, Fault> {
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
    for (index, item) in items.clone().enumerate() {
        if index == COMPARE_EACH_MAX {
            // Too many for that: neighbours among the sorted hashes are twins, but for a chance of 2^-64 or so a pair.
            let mut hashes: Vec<u64> = items.map(|item| hash(item.to_bytes(&mut text))).collect();
            hashes.sort_unstable();
            return hashes.windows(2).any(|pair| pair[0] == pair[1]);
        }
        if items.clone().take(index).any(|earlier| is_twin(earlier, item)) {
            return true;
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rdb::legacy::ziplist::tests::{build, text};
    use crate::value::list::End;

    /// A string of the format, of any length.
    fn string(bytes: &[u8]) -> Vec<u8> {
        let length = u16::try_from(bytes.len()).expect("test data is short") | 0x4000;
        [&length.to_be_bytes(), bytes].concat()
    }

    /// A value's encoding and its elements as text, in order where they have one.
    fn read(kind: Kind, body: &[u8]) -> Result<Option<(&'static str, Vec<String>)>, String> {
        let mut reader = Reader::over_bytes(body);
        let value = read_value(&mut reader, kind, &EncodingLimits::default()).map_err(|fault| fault.to_string())?;
        let show = |item: Item| String::from_utf8_lossy(&item.to_vec()).into_owned();
        let Some(value) = value else { return Ok(None) };
        let (encoding, mut elements, is_ordered) = match &value {
            Arriving::List(x) => (x.encoding(), x.iter(End::Front).map(show).collect::<Vec<_>>(), true),
            Arriving::Set(x) => (x.encoding(), x.iter().map(show).collect(), false),
            Arriving::Zset(x) => {
                (x.encoding(), x.iter_from(0).map(|(m, s)| format!("{}={s}", show(m))).collect(), true)
            }
            Arriving::Hash(x) => {
                (x.encoding(), x.iter_timed().map(|(f, v, _)| format!("{}={}", show(f), show(v))).collect(), false)
            }
            _ => unreachable!("collections only"),
        };
        if !is_ordered {
            elements.sort();
        }
        Ok(Some((encoding, elements)))
    }

    fn check(kind: Kind, body: &[u8], encoding: &'static str, elements: &[&str]) {
        let elements = elements.iter().map(|e| e.to_string()).collect();
        assert_eq!(read(kind, body), Ok(Some((encoding, elements))), "{kind:?}");
    }

    #[test]
    fn every_old_kind_becomes_a_value_of_today() {
        check(Kind::List, b"\x03\x01b\x01a\xc0\x07", "listpack", &["b", "a", "7"]);
        check(Kind::Set, b"\x02\x01b\x01a", "listpack", &["a", "b"]);
        check(Kind::Set, b"\x02\xc0\x05\xc0\x01", "intset", &["1", "5"]);
        check(Kind::SortedSetText, b"\x03\x01b\x031.5\x01a\x012\x01c\xff", "listpack", &["c=-inf", "b=1.5", "a=2"]);
        check(Kind::SortedSet, b"\x01\x01b\0\0\0\0\0\0\xf8\x3f", "listpack", &["b=1.5"]);
        check(Kind::Hash, b"\x02\x01f\x01v\x01g\xc0\x07", "listpack", &["f=v", "g=7"]);
        let zipmap = string(b"\x02\x03foo\x03\x00bar\x05hello\x05\x02world__\xff");
        check(Kind::HashZipmap, &zipmap, "listpack", &["foo=bar", "hello=world"]);
        let pairs = string(&build(&[&text(b"one"), &[0xf2], &text(b"two"), &text(b"2.5")]));
        check(Kind::ListZiplist, &pairs, "listpack", &["one", "1", "two", "2.5"]);
        check(Kind::HashZiplist, &pairs, "listpack", &["one=1", "two=2.5"]);
        check(Kind::SortedSetZiplist, &pairs, "listpack", &["one=1", "two=2.5"]);
        let nodes = [&b"\x02"[..], &pairs, &pairs].concat();
        check(Kind::ListOfZiplists, &nodes, "quicklist", &["one", "1", "two", "2.5", "one", "1", "two", "2.5"]);
        let integers = string(b"\x02\0\0\0\x02\0\0\0\x01\0\x05\0");
        check(Kind::SetIntegers, &integers, "intset", &["1", "5"]);
    }

    #[test]
    fn what_contradicts_itself_is_refused() {
        let odd = string(&build(&[&text(b"one"), &[0xf2], &text(b"two")]));
        let twice = string(&build(&[&text(b"one"), &[0xf2], &text(b"one"), &[0xf3]]));
        let wordy = string(&build(&[&text(b"one"), &text(b"two")]));
        let descending = string(b"\x02\0\0\0\x02\0\0\0\x05\0\x01\0");
        let field_twice = string(b"\x02\x01f\x01\0v\x01f\x01\0w\xff");
        let number_twice = [&build(&[&[0xf2], &[0xf2], &text(b"1"), &[0xf2]])[..]].concat();
        let faults: [(Kind, &[u8], &str); 12] = [
            (Kind::Set, b"\x02\x01a\x01a", "Duplicate set members detected"),
            (Kind::Hash, b"\x02\x01a\x01b\x01a\x01c", "Duplicate hash fields detected"),
            (Kind::SortedSetText, b"\x02\x01a\x011\x01a\x012", "Duplicate zset fields detected"),
            (Kind::SortedSetText, b"\x01\x01a\xfd", "Zset with NAN score detected"),
            (Kind::HashZiplist, &odd, "Hash ziplist integrity check failed."),
            (Kind::HashZiplist, &twice, "Hash ziplist integrity check failed."),
            (Kind::HashZiplist, &string(&number_twice), "Hash ziplist integrity check failed."),
            (Kind::SortedSetZiplist, &twice, "Zset ziplist integrity check failed."),
            (Kind::SortedSetZiplist, &wordy, "Zset ziplist integrity check failed."),
            (Kind::SetIntegers, &descending, "Intset integrity check failed."),
            (Kind::HashZipmap, &field_twice, "Hash zipmap with dup elements, or big length"),
            (Kind::ListOfPacks, b"\x01\x03\x01a", "Quicklist integrity check failed."),
        ];
        for (kind, body, text) in faults {
            assert_eq!(read(kind, body), Err(text.to_owned()), "{kind:?}");
        }
    }

    #[test]
    fn a_value_without_elements_is_none() {
        for kind in [Kind::List, Kind::Set, Kind::SortedSet, Kind::Hash, Kind::ListOfZiplists, Kind::ListOfPacks] {
            assert_eq!(read(kind, b"\0"), Ok(None), "{kind:?}");
        }
        let empty_pack = string(&[7, 0, 0, 0, 0, 0, 255]);
        for kind in [Kind::SetPack, Kind::HashPack, Kind::SortedSetPack] {
            assert_eq!(read(kind, &empty_pack), Ok(None), "{kind:?}");
        }
        let empty_ziplist = string(&build(&[]));
        for kind in [Kind::ListZiplist, Kind::HashZiplist, Kind::SortedSetZiplist] {
            assert_eq!(read(kind, &empty_ziplist), Ok(None), "{kind:?}");
        }
        assert_eq!(read(Kind::ListOfZiplists, &[&[1], &empty_ziplist[..]].concat()), Ok(None));
    }

    #[test]
    fn counts_that_lie_cost_nothing() {
        for kind in [Kind::List, Kind::Set, Kind::SortedSet, Kind::Hash, Kind::ListOfZiplists, Kind::ListOfPacks] {
            let fault = read(kind, b"\x81\x7f\xff\xff\xff\xff\xff\xff\xff\x01a").expect_err("nobody has so many");
            assert_eq!(fault, "Unexpected EOF reading RDB file", "{kind:?}");
        }
    }

    #[test]
    fn many_items_are_told_apart_by_hash() {
        let names: Vec<Vec<u8>> = (0..100).map(|number| format!("name {number}").into_bytes()).collect();
        let items = || names.iter().map(|name| Item::Bytes(name));
        assert!(!has_twins(items()));
        assert!(has_twins(items().chain([Item::Bytes(b"name 50")])));
        assert!(has_twins([Item::Int(5), Item::Bytes(b"5")].into_iter()));
        assert!(!has_twins([Item::Int(5), Item::Bytes(b"05")].into_iter()));
    }
}
