//! Values that stand element by element in a dump, read some elements at a time: a collection of millions does not keep the
//! loop from its clients.
//!
//! ```text
//! begin ──▶ read_some … until it says that nothing is left ──▶ finish
//! ```

use super::format::{Kind, NODE_PACKED, NODE_PLAIN};
use super::read_value::{open_ziplist, pack_of, read_pack};
use super::reader::{Fault, Reader, Source};
use crate::base::clock::Ms;
use crate::keyspace::Arriving;
use crate::structures::deadline_heap::DEADLINE_END;
use crate::structures::pack_deque::PackDeque;
use crate::value::hash::Hash;
use crate::value::limits::EncodingLimits;
use crate::value::list::List;
use crate::value::set::Set;
use crate::value::zset;

/// Room made ahead for elements that a source of unknown length promises.
const EXPECTED_MAX: u64 = 1 << 16;

/// A value of which some elements are read.
pub struct Growing {
    /// Elements still to come; nodes, of a list in nodes.
    left: u64,
    collection: Collection,
    /// The name that stands before a score or a value.
    name: Vec<u8>,
}

enum Collection {
    List(PackDeque),
    ListOfZiplists(PackDeque),
    ListOfPacks(PackDeque),
    Set(Set),
    Zset { members: zset::Builder, has_text_scores: bool },
    Hash(Hash),
    TimedHash { hash: Hash, deadlines: Deadlines },
}

/// How the deadlines of a hash's fields are told.
#[derive(Clone, Copy)]
enum Deadlines {
    /// As a length before the field: from one before this time on; 0 is none.
    Since(Ms),
    /// As a length before the field, from the epoch; 0 is none.
    Absolute,
    /// As eight bytes behind the value, from the epoch; -1 is none. Valkey's way.
    Behind,
}

impl Growing {
    /// Reads the number of elements; `None` if this kind stands in one piece.
    pub fn begin<S: Source>(
        reader: &mut Reader<S>,
        kind: Kind,
        limits: &EncodingLimits,
    ) -> Result<Option<Growing>, Fault> {
        let bytes_each = match kind {
            Kind::List | Kind::ListOfZiplists | Kind::Set => 1,
            Kind::ListOfPacks | Kind::SortedSet | Kind::SortedSetText | Kind::Hash => 2,
            Kind::HashDeadlines | Kind::HashDeadlinesPreRelease => 3,
            Kind::HashDeadlinesValkey => 10,
            _ => return Ok(None),
        };
        let deadlines = match kind {
            Kind::HashDeadlines => Deadlines::Since(Ms::from_le_bytes(reader.read_array()?)),
            Kind::HashDeadlinesValkey => Deadlines::Behind,
            _ => Deadlines::Absolute,
        };
        if matches!(deadlines, Deadlines::Since(..0)) {
            return Err(reader.corrupt("Hash read invalid minExpire value"));
        }
        let left = reader.read_count(bytes_each)?;
        let expected = if reader.bytes_left().is_some() { left } else { left.min(EXPECTED_MAX) } as usize;
        let collection = match kind {
            Kind::List => Collection::List(PackDeque::new(limits.list)),
            Kind::ListOfZiplists => Collection::ListOfZiplists(PackDeque::new(limits.list)),
            Kind::ListOfPacks => Collection::ListOfPacks(PackDeque::new(limits.list)),
            Kind::Set => {
                let mut set = Set::default();
                set.expect_more(expected, limits);
                Collection::Set(set)
            }
            Kind::Hash => Collection::Hash(Hash::with_expected(expected, limits)),
            Kind::HashDeadlines | Kind::HashDeadlinesPreRelease | Kind::HashDeadlinesValkey => {
                let mut hash = Hash::with_expected(expected, limits);
                hash.make_timed();
                Collection::TimedHash { hash, deadlines }
            }
            _ => Collection::Zset {
                members: zset::Builder::with_capacity(expected),
                has_text_scores: kind == Kind::SortedSetText,
            },
        };
        Ok(Some(Growing { left, collection, name: Vec::new() }))
    }

    /// Reads up to `elements_max` elements; true when nothing is left.
    pub fn read_some<S: Source>(
        &mut self,
        reader: &mut Reader<S>,
        limits: &EncodingLimits,
        elements_max: u64,
    ) -> Result<bool, Fault> {
        let Growing { left, collection, name } = self;
        let count = (*left).min(elements_max);
        match collection {
            Collection::List(deque) => {
                each(left, count, reader, |reader| reader.read_string().map(|element| deque.push_back(element)))
            }
            Collection::ListOfZiplists(deque) => each(left, count, reader, |reader| read_ziplist_node(reader, deque)),
            Collection::ListOfPacks(deque) => each(left, count, reader, |reader| read_node(reader, deque)),
            Collection::Set(set) => each(left, count, reader, |reader| {
                let is_new = set.add(reader.read_item()?, limits);
                if is_new { Ok(()) } else { Err(reader.corrupt("Duplicate set members detected")) }
            }),
            Collection::Zset { members, has_text_scores } => {
                each(left, count, reader, |reader| read_member(reader, members, *has_text_scores, name))
            }
            Collection::Hash(hash) => each(left, count, reader, |reader| {
                name.clear();
                name.extend_from_slice(reader.read_string()?);
                let is_new = hash.set(name, reader.read_string()?, limits);
                if is_new { Ok(()) } else { Err(reader.corrupt("Duplicate hash fields detected")) }
            }),
            Collection::TimedHash { hash, deadlines } => {
                each(left, count, reader, |reader| read_timed_field(reader, hash, *deadlines, limits, name))
            }
        }?;
        Ok(*left == 0)
    }

    /// The value; `None` if it has no elements.
    pub fn finish(self, limits: &EncodingLimits) -> Option<Arriving<'static>> {
        debug_assert_eq!(self.left, 0, "all elements are read");
        let value = match self.collection {
            Collection::List(deque) | Collection::ListOfZiplists(deque) | Collection::ListOfPacks(deque) => {
                return settled(deque, limits).map(Arriving::List);
            }
            Collection::Set(set) => Arriving::Set(set),
            Collection::Zset { members, .. } => Arriving::Zset(members.finish(limits)),
            Collection::Hash(hash) | Collection::TimedHash { hash, .. } => Arriving::Hash(hash),
        };
        (!value.is_empty()).then_some(value)
    }
}

/// Reads so many elements, one by one: what is taken in is not read again should more have to be waited for.
fn each<S: Source>(
    left: &mut u64,
    count: u64,
    reader: &mut Reader<S>,
    mut read: impl FnMut(&mut Reader<S>) -> Result<(), Fault>,
) -> Result<(), Fault> {
    (0..count).try_for_each(|_| {
        read(reader)?;
        *left -= 1;
        reader.mark();
        Ok(())
    })
}

/// A list of these elements in the encoding that suits them; `None` if there are none.
pub(super) fn settled(deque: PackDeque, limits: &EncodingLimits) -> Option<List> {
    let mut list = List::from_deque(deque);
    if list.is_empty() {
        return None;
    }
    list.settle(&limits.list);
    Some(list)
}

fn read_ziplist_node<S: Source>(reader: &mut Reader<S>, deque: &mut PackDeque) -> Result<(), Fault> {
    let bytes = reader.read_string_owned()?;
    let ziplist = open_ziplist(reader, &bytes, "Ziplist integrity check failed.")?;
    deque.append_pack(pack_of(reader, &ziplist)?);
    Ok(())
}

fn read_node<S: Source>(reader: &mut Reader<S>, deque: &mut PackDeque) -> Result<(), Fault> {
    const FAILED: &str = "Quicklist integrity check failed.";
    match reader.read_length()? {
        NODE_PLAIN => match reader.read_string()? {
            b"" => return Err(reader.corrupt(FAILED)),
            element => deque.append_plain(element),
        },
        NODE_PACKED => deque.append_pack(read_pack(reader, "Listpack integrity check failed.")?),
        _ => return Err(reader.corrupt(FAILED)),
    }
    Ok(())
}

fn read_timed_field<S: Source>(
    reader: &mut Reader<S>,
    hash: &mut Hash,
    deadlines: Deadlines,
    limits: &EncodingLimits,
    name: &mut Vec<u8>,
) -> Result<(), Fault> {
    let before = match deadlines {
        Deadlines::Behind => None,
        Deadlines::Absolute => Some(reader.read_length()?).filter(|&told| told != 0),
        Deadlines::Since(earliest) => match reader.read_length()? {
            0 => None,
            told => Some((earliest as u64).saturating_add(told - 1)),
        },
    };
    name.clear();
    name.extend_from_slice(reader.read_string()?);
    let (is_new, told) = match deadlines {
        // All of an element is read before any of it is taken in.
        Deadlines::Behind => {
            let value = reader.read_string_owned()?;
            let told = u64::from_le_bytes(reader.read_array()?);
            // All below zero is out of range, but for the one number that says that there is none.
            (hash.set(name, &value, limits), Some(told).filter(|&told| told != u64::MAX))
        }
        _ => (hash.set(name, reader.read_string()?, limits), before),
    };
    if !is_new {
        return Err(reader.corrupt("Duplicate hash fields detected"));
    }
    let deadline = told.map(|ms| Ms::try_from(ms).unwrap_or(Ms::MAX));
    if deadline.is_some_and(|deadline| deadline >= DEADLINE_END) {
        return Err(reader.corrupt("Hash field with a deadline out of range"));
    }
    if deadline.is_some() {
        hash.set_deadline(name, deadline);
    }
    Ok(())
}

fn read_member<S: Source>(
    reader: &mut Reader<S>,
    members: &mut zset::Builder,
    has_text_scores: bool,
    name: &mut Vec<u8>,
) -> Result<(), Fault> {
    name.clear();
    name.extend_from_slice(reader.read_string()?);
    let score = if has_text_scores { reader.read_score_text()? } else { reader.read_score()? };
    if score.is_nan() {
        return Err(reader.corrupt("Zset with NAN score detected"));
    }
    if members.insert(name, score) { Ok(()) } else { Err(reader.corrupt("Duplicate zset fields detected")) }
}
