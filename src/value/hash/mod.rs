//! Hashes: fields with values, as a list pack while small, as a table of pairs when big; each field may have a deadline of its own.
//!
//! ```text
//! listpack     field, value, field, value, …   in the order they came; at most `hash_pack_entries` pairs,
//!              no text longer than `hash_pack_value_bytes`
//! listpackex   field, value, deadline, …       the same with deadlines, the earliest in front     `structures::timed_pack`
//! hashtable    FieldMap                        with a heap for the deadlines, if there are any    `structures::field_map`
//! ```
//! A pack becomes one with deadlines when a command first speaks of them, and stays one; a table stays a table.
//!
//! A field that is due counts as a field (`len`) until it is removed, but readers, who say what time it is, do not find it.
//! Invariant: a pack has two (three) elements for each field and no field twice.

use super::limits::EncodingLimits;
use super::{Kind, Object};
use crate::base::clock::Ms;
use crate::base::memory::usable_size;
use crate::base::number::IntegerText;
use crate::structures::field_map::FieldMap;
use crate::structures::list_pack::{Corrupt, Item, ListPack, PackRef, Position};
use crate::structures::timed_pack::{TimedItem, TimedPack};

mod deadlines;
mod sample;
#[cfg(test)]
mod tests;

/// A field and its value as they are stored: numbers in a pack are kept as numbers.
pub type Pair<'a> = (Item<'a>, Item<'a>);

/// See the head of the file.
#[derive(Clone)]
pub struct Hash {
    fields: Fields,
}

// Boxed, because a value has 16 bytes in its entry.
#[derive(Clone)]
enum Fields {
    Pack(ListPack),
    Timed(TimedPack),
    Map(Box<FieldMap>),
}

impl Default for Hash {
    fn default() -> Hash {
        Hash { fields: Fields::Pack(ListPack::new()) }
    }
}

impl Object for Hash {
    const KIND: Kind = Kind::Hash;
    const HAS_DEADLINES: bool = true;

    #[inline]
    fn len(&self) -> usize {
        match &self.fields {
            Fields::Pack(pack) => pack.len() / 2,
            Fields::Timed(pack) => pack.len(),
            Fields::Map(map) => map.len(),
        }
    }

    #[inline]
    fn earliest_deadline(&self) -> Option<Ms> {
        match &self.fields {
            Fields::Pack(_) => None,
            Fields::Timed(pack) => pack.earliest(),
            Fields::Map(map) => map.earliest(),
        }
    }

    fn encoding(&self) -> &'static str {
        match &self.fields {
            Fields::Pack(_) => "listpack",
            Fields::Timed(_) => "listpackex",
            Fields::Map(_) => "hashtable",
        }
    }

    /// Exact without looking at any field, so `samples` plays no part.
    fn bytes(&self, _samples: usize) -> usize {
        match &self.fields {
            Fields::Pack(pack) => pack.allocated_bytes(),
            Fields::Timed(pack) => pack.pack().allocated_bytes(),
            Fields::Map(map) => usable_size(size_of::<FieldMap>()) + map.allocated_bytes(),
        }
    }

    #[inline]
    fn prefetch_place(&self, hash: u64) {
        if let Fields::Map(map) = &self.fields {
            map.prefetch_place(hash);
        }
    }

    #[inline]
    fn prefetch_element(&self, hash: u64) {
        if let Fields::Map(map) = &self.fields {
            map.prefetch_pair(hash);
        }
    }

    fn free_effort(&self) -> usize {
        match &self.fields {
            Fields::Pack(_) | Fields::Timed(_) => 1,
            Fields::Map(map) => map.len(),
        }
    }

    fn free_some(&mut self, budget: usize) -> bool {
        match &mut self.fields {
            Fields::Pack(_) | Fields::Timed(_) => true,
            Fields::Map(map) => map.free_some(budget),
        }
    }
}

impl Hash {
    /// A hash of this pack of pairs, which are as many as the limit allows or become a table.
    pub fn from_pack(pack: ListPack, limits: &EncodingLimits) -> Hash {
        debug_assert!(pack.len() % 2 == 0, "a pack of pairs");
        let mut hash = Hash { fields: Fields::Pack(pack) };
        if hash.len() > limits.hash_pack_entries {
            hash.convert(0);
        }
        hash
    }

    /// A hash of this pack of fields, values and deadlines, in the same way; they are checked and put in order.
    pub fn from_triples(pack: ListPack, limits: &EncodingLimits) -> Result<Hash, Corrupt> {
        let mut hash = Hash { fields: Fields::Timed(TimedPack::of_triples(pack)?) };
        if hash.len() > limits.hash_pack_entries {
            hash.convert(0);
        }
        Ok(hash)
    }

    /// An empty hash that expects so many fields.
    pub fn with_expected(fields: usize, limits: &EncodingLimits) -> Hash {
        let mut hash = Hash::default();
        if fields > limits.hash_pack_entries {
            hash.convert(fields);
        }
        hash
    }

    /// The pack, while it is one of pairs.
    pub fn as_pack(&self) -> Option<PackRef<'_>> {
        match &self.fields {
            Fields::Pack(pack) => Some(pack.view()),
            Fields::Timed(_) | Fields::Map(_) => None,
        }
    }

    /// The pack, while it is one with deadlines.
    pub fn as_timed_pack(&self) -> Option<PackRef<'_>> {
        match &self.fields {
            Fields::Timed(pack) => Some(pack.pack().view()),
            Fields::Pack(_) | Fields::Map(_) => None,
        }
    }

    #[inline]
    pub fn get(&self, field: &[u8], now: Ms) -> Option<Item<'_>> {
        match &self.fields {
            Fields::Pack(pack) => value_position(pack, field).map(|at| pack.get(at)),
            Fields::Timed(pack) => {
                pack.get(field).filter(|(_, deadline)| !is_due(*deadline, now)).map(|(value, _)| value)
            }
            Fields::Map(map) => map.get(field).filter(|_| !self.is_due_field(field, now)).map(Item::Bytes),
        }
    }

    #[inline]
    pub fn contains(&self, field: &[u8], now: Ms) -> bool {
        match &self.fields {
            Fields::Pack(pack) => value_position(pack, field).is_some(),
            Fields::Timed(pack) => pack.get(field).is_some_and(|(_, deadline)| !is_due(deadline, now)),
            Fields::Map(map) => map.contains(field) && !self.is_due_field(field, now),
        }
    }

    /// Becomes a table before a write if these fields and values, all of one command, do not suit a pack. The limit holds
    /// for the words as they are given: a field that is given twice counts twice.
    pub fn make_fit<'w>(&mut self, words: impl ExactSizeIterator<Item = &'w [u8]>, limits: &EncodingLimits) {
        let pack = match &self.fields {
            Fields::Pack(pack) => pack,
            Fields::Timed(pack) => pack.pack(),
            Fields::Map(_) => return,
        };
        let new_fields = words.len() / 2;
        if new_fields > limits.hash_pack_entries {
            return self.convert(new_fields);
        }
        let mut bytes = 0;
        for word in words {
            bytes += word.len();
            if word.len() > limits.hash_pack_value_bytes || !pack.would_fit(bytes) {
                return self.convert(0);
            }
        }
    }

    /// Sets a field, which has no deadline from here on; true when it is new.
    #[inline]
    pub fn set(&mut self, field: &[u8], value: &[u8], limits: &EncodingLimits) -> bool {
        self.make_word_fit(field, value, limits);
        match &mut self.fields {
            Fields::Map(map) => map.set(field, value),
            Fields::Pack(pack) => set_in_pack(pack, field, value) && self.settle_size(limits),
            Fields::Timed(pack) => pack.set(field, value) && self.settle_size(limits),
        }
    }

    /// Sets a field and lets it keep its deadline; true when it is new.
    #[inline]
    pub fn set_keeping(&mut self, field: &[u8], value: &[u8], limits: &EncodingLimits) -> bool {
        self.make_word_fit(field, value, limits);
        match &mut self.fields {
            Fields::Map(map) => map.set_keeping(field, value),
            Fields::Pack(pack) => set_in_pack(pack, field, value) && self.settle_size(limits),
            Fields::Timed(pack) => pack.set_keeping(field, value) && self.settle_size(limits),
        }
    }

    #[inline]
    fn make_word_fit(&mut self, field: &[u8], value: &[u8], limits: &EncodingLimits) {
        if field.len().max(value.len()) > limits.hash_pack_value_bytes {
            self.convert(0);
        }
    }

    /// After a field came: a pack of too many becomes a table. True, because a field came.
    #[inline]
    fn settle_size(&mut self, limits: &EncodingLimits) -> bool {
        if !matches!(self.fields, Fields::Map(_)) && self.len() > limits.hash_pack_entries {
            self.convert(0);
        }
        true
    }

    /// Removes a field, due or not; false when it was not there.
    pub fn remove(&mut self, field: &[u8]) -> bool {
        match &mut self.fields {
            Fields::Map(map) => map.remove(field),
            Fields::Timed(pack) => pack.remove(field),
            Fields::Pack(pack) => match field_position(pack, field) {
                Some(at) => {
                    pack.remove_many(at, 2);
                    true
                }
                None => false,
            },
        }
    }

    fn convert(&mut self, expected: usize) {
        if matches!(self.fields, Fields::Map(_)) {
            return;
        }
        let mut map = Box::new(FieldMap::new());
        map.reserve(expected.max(self.len()));
        let (mut field_text, mut value_text) = (IntegerText::new(), IntegerText::new());
        for (field, value, deadline) in self.iter_timed() {
            let field = field.to_bytes(&mut field_text);
            map.set_new(field, value.to_bytes(&mut value_text));
            if deadline.is_some() {
                map.set_deadline(field, deadline);
            }
        }
        self.fields = Fields::Map(map);
    }

    /// All fields and values with their deadlines, in the encoding's order; those that are due, too.
    pub fn iter_timed(&self) -> impl Iterator<Item = TimedItem<'_>> {
        let (pack, timed, map) = match &self.fields {
            Fields::Pack(pack) => (Some(pack.pairs().map(|(field, value)| (field, value, None))), None, None),
            Fields::Timed(pack) => (None, Some(pack.iter()), None),
            Fields::Map(map) => (None, None, Some(map.iter_timed().map(as_items))),
        };
        pack.into_iter().flatten().chain(timed.into_iter().flatten()).chain(map.into_iter().flatten())
    }

    /// Shows all pairs that are not due, in the encoding's order.
    #[inline]
    pub fn visit<'a>(&'a self, now: Ms, mut show: impl FnMut(Pair<'a>)) {
        match &self.fields {
            Fields::Pack(pack) => pack.pairs().for_each(show),
            Fields::Map(map) if !self.has_due(now) => {
                map.iter().for_each(|(field, value)| show((Item::Bytes(field), Item::Bytes(value))));
            }
            Fields::Timed(_) | Fields::Map(_) => self
                .iter_timed()
                .filter(|(.., deadline)| !is_due(*deadline, now))
                .for_each(|(field, value, _)| show((field, value))),
        }
    }

    /// One step of a scan: a pack is shown as a whole, a table as `Table::scan` does; those that are due left out. Gives back how many
    /// were looked at, too.
    pub fn scan<'a>(&'a self, cursor: u64, now: Ms, show: &mut dyn FnMut(Pair<'a>)) -> (u64, u64) {
        let Fields::Map(map) = &self.fields else {
            self.visit(now, show);
            return (0, self.len() as u64);
        };
        let mut seen = 0;
        let next = map.scan(cursor, &mut |field| {
            seen += 1;
            let (field, value, deadline) = as_items(field);
            if !is_due(deadline, now) {
                show((field, value));
            }
        });
        (next, seen)
    }
}

/// Whether what has this deadline is gone for a reader.
#[inline]
fn is_due(deadline: Option<Ms>, now: Ms) -> bool {
    deadline.is_some_and(|deadline| deadline <= now)
}

fn as_items<'a>((field, value, deadline): (&'a [u8], &'a [u8], Option<Ms>)) -> TimedItem<'a> {
    (Item::Bytes(field), Item::Bytes(value), deadline)
}

fn field_position(pack: &ListPack, field: &[u8]) -> Option<Position> {
    pack.find(pack.first()?, field, 1)
}

#[inline]
fn value_position(pack: &ListPack, field: &[u8]) -> Option<Position> {
    let at = field_position(pack, field)?;
    Some(pack.next(at).expect("a field is followed by its value"))
}

/// Sets a field in a pack of pairs; true when it is new.
#[inline]
fn set_in_pack(pack: &mut ListPack, field: &[u8], value: &[u8]) -> bool {
    match value_position(pack, field) {
        Some(at) => {
            pack.replace(at, value);
            false
        }
        None => {
            pack.push_back(field);
            pack.push_back(value);
            true
        }
    }
}

fn pair_at(pack: &ListPack, field: Position) -> Pair<'_> {
    let value = pack.next(field).expect("a field is followed by its value");
    (pack.get(field), pack.get(value))
}
