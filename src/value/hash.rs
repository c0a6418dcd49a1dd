//! Hashes: fields with values, as a list pack of pairs while small, as a table of pairs when big.
//!
//! ```text
//! listpack   field, value, field, value, …   in the order they came; at most `hash_pack_entries` pairs,
//!            no text longer than `hash_pack_value_bytes`
//! hashtable  FieldMap                        once it is one, it stays one
//! ```
//! Invariant: a pack has an even number of elements and no field twice.

use super::limits::EncodingLimits;
use super::{Kind, Object};
use crate::base::memory::usable_size;
use crate::base::number::IntegerText;
use crate::base::random::Random;
use crate::structures::field_map::FieldMap;
use crate::structures::list_pack::{Item, ListPack, PackRef, Position};
use std::collections::HashSet;

/// A field and its value as they are stored: numbers in a pack are kept as numbers.
pub type Pair<'a> = (Item<'a>, Item<'a>);

/// See the head of the file.
pub struct Hash {
    fields: Fields,
}

enum Fields {
    Pack(ListPack),
    // Boxed, because a value has 16 bytes in its entry.
    Map(Box<FieldMap>),
}

impl Default for Hash {
    fn default() -> Hash {
        Hash { fields: Fields::Pack(ListPack::new()) }
    }
}

impl Object for Hash {
    const KIND: Kind = Kind::Hash;

    #[inline]
    fn len(&self) -> usize {
        match &self.fields {
            Fields::Pack(pack) => pack.len() / 2,
            Fields::Map(map) => map.len(),
        }
    }

    fn encoding(&self) -> &'static str {
        match &self.fields {
            Fields::Pack(_) => "listpack",
            Fields::Map(_) => "hashtable",
        }
    }

    /// Exact without looking at any field, so `samples` plays no part.
    fn bytes(&self, _samples: usize) -> usize {
        match &self.fields {
            Fields::Pack(pack) => pack.allocated_bytes(),
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
            Fields::Pack(_) => 1,
            Fields::Map(map) => map.len(),
        }
    }

    fn free_some(&mut self, budget: usize) -> bool {
        match &mut self.fields {
            Fields::Pack(_) => true,
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

    /// An empty hash that expects so many fields.
    pub fn with_expected(fields: usize, limits: &EncodingLimits) -> Hash {
        let mut hash = Hash::default();
        if fields > limits.hash_pack_entries {
            hash.convert(fields);
        }
        hash
    }

    /// The pack, while it is one.
    pub fn as_pack(&self) -> Option<PackRef<'_>> {
        match &self.fields {
            Fields::Pack(pack) => Some(pack.view()),
            Fields::Map(_) => None,
        }
    }

    #[inline]
    pub fn get(&self, field: &[u8]) -> Option<Item<'_>> {
        match &self.fields {
            Fields::Pack(pack) => value_position(pack, field).map(|at| pack.get(at)),
            Fields::Map(map) => map.get(field).map(Item::Bytes),
        }
    }

    #[inline]
    pub fn contains(&self, field: &[u8]) -> bool {
        match &self.fields {
            Fields::Pack(pack) => value_position(pack, field).is_some(),
            Fields::Map(map) => map.contains(field),
        }
    }

    /// Becomes a table before a write if these fields and values, all of one command, do not suit a pack. The limit holds
    /// for the words as they are given: a field that is given twice counts twice.
    pub fn make_fit<'w>(&mut self, words: impl ExactSizeIterator<Item = &'w [u8]>, limits: &EncodingLimits) {
        let Fields::Pack(pack) = &self.fields else { return };
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

    /// Sets a field; true when it is new.
    #[inline]
    pub fn set(&mut self, field: &[u8], value: &[u8], limits: &EncodingLimits) -> bool {
        if field.len().max(value.len()) > limits.hash_pack_value_bytes {
            self.convert(0);
        }
        match &mut self.fields {
            Fields::Map(map) => map.set(field, value),
            Fields::Pack(pack) => match value_position(pack, field) {
                Some(at) => {
                    pack.replace(at, value);
                    false
                }
                None => {
                    pack.push_back(field);
                    pack.push_back(value);
                    if pack.len() / 2 > limits.hash_pack_entries {
                        self.convert(0);
                    }
                    true
                }
            },
        }
    }

    /// Removes a field; false when it was not there.
    pub fn remove(&mut self, field: &[u8]) -> bool {
        match &mut self.fields {
            Fields::Map(map) => map.remove(field),
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
        let Fields::Pack(pack) = &self.fields else { return };
        let mut map = Box::new(FieldMap::new());
        map.reserve(expected.max(pack.len() / 2));
        let (mut field_text, mut value_text) = (IntegerText::new(), IntegerText::new());
        for (field, value) in pack.pairs() {
            map.set_new(field.to_bytes(&mut field_text), value.to_bytes(&mut value_text));
        }
        self.fields = Fields::Map(map);
    }

    /// All pairs, in the encoding's order.
    pub fn iter(&self) -> impl Iterator<Item = Pair<'_>> {
        let (pack, map) = match &self.fields {
            Fields::Pack(pack) => (Some(pack.pairs()), None),
            Fields::Map(map) => (None, Some(map.iter().map(as_items))),
        };
        pack.into_iter().flatten().chain(map.into_iter().flatten())
    }

    /// One step of a scan: a pack is shown as a whole, a table as `Table::scan` does.
    pub fn scan<'a>(&'a self, cursor: u64, visit: &mut dyn FnMut(Pair<'a>)) -> u64 {
        match &self.fields {
            Fields::Pack(pack) => {
                pack.pairs().for_each(visit);
                0
            }
            Fields::Map(map) => map.scan(cursor, &mut |field, value| visit(as_items((field, value)))),
        }
    }

    /// A pair drawn with equal chances; `None` if there is none.
    pub fn sample(&self, random: &mut Random) -> Option<Pair<'_>> {
        match &self.fields {
            Fields::Pack(pack) if pack.is_empty() => None,
            Fields::Pack(pack) => {
                let number = random.below(pack.len() as u64 / 2) as i64;
                let at = pack.seek(2 * number).expect("the pack has so many pairs");
                Some(pair_at(pack, at))
            }
            Fields::Map(map) => map.sample(random).map(as_items),
        }
    }

    /// Shows so many different pairs, every choice of them with equal chances; all when there are fewer.
    pub fn sample_distinct(&self, random: &mut Random, count: usize, show: &mut dyn FnMut(Pair<'_>)) {
        // Drawing until enough are different is worth it while most draws are: below a third of a table.
        if let Fields::Map(map) = &self.fields
            && count < map.len() / 3
        {
            let mut seen = HashSet::with_capacity(count);
            while seen.len() < count {
                let Some((field, value)) = map.sample(random) else { return };
                // The address stands for the field: nothing moves while the hash is borrowed.
                if seen.insert(field.as_ptr()) {
                    show(as_items((field, value)));
                }
            }
            return;
        }
        // Selection sampling: each pair is taken with the chance "still wanted" in "still to come".
        let (mut wanted, mut left) = (count.min(self.len()), self.len());
        for pair in self.iter() {
            if random.below(left as u64) < wanted as u64 {
                show(pair);
                wanted -= 1;
                if wanted == 0 {
                    return;
                }
            }
            left -= 1;
        }
    }

    /// Shows so many pairs, each drawn from all with equal chances, so that some may come twice; none if the hash is empty.
    pub fn sample_repeated(&self, random: &mut Random, count: usize, show: &mut dyn FnMut(Pair<'_>)) {
        match &self.fields {
            Fields::Map(map) => (0..count).filter_map(|_| map.sample(random)).map(as_items).for_each(show),
            Fields::Pack(pack) => {
                // One walk through the pack finds all pairs; then any number of draws costs nothing.
                let pairs: Vec<Pair> = pack.pairs().collect();
                if !pairs.is_empty() {
                    (0..count).for_each(|_| show(pairs[random.below(pairs.len() as u64) as usize]));
                }
            }
        }
    }
}

impl Clone for Hash {
    fn clone(&self) -> Hash {
        let fields = match &self.fields {
            Fields::Pack(pack) => Fields::Pack(pack.clone()),
            Fields::Map(map) => Fields::Map(map.clone()),
        };
        Hash { fields }
    }
}

fn as_items<'a>((field, value): (&'a [u8], &'a [u8])) -> Pair<'a> {
    (Item::Bytes(field), Item::Bytes(value))
}

fn field_position(pack: &ListPack, field: &[u8]) -> Option<Position> {
    pack.find(pack.first()?, field, 1)
}

#[inline]
fn value_position(pack: &ListPack, field: &[u8]) -> Option<Position> {
    let at = field_position(pack, field)?;
    Some(pack.next(at).expect("a field is followed by its value"))
}

fn pair_at(pack: &ListPack, field: Position) -> Pair<'_> {
    let value = pack.next(field).expect("a field is followed by its value");
    (pack.get(field), pack.get(value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    /// A pack of at most 8 pairs, texts of at most 16 bytes.
    fn small() -> EncodingLimits {
        EncodingLimits { hash_pack_entries: 8, hash_pack_value_bytes: 16, ..EncodingLimits::default() }
    }

    fn filled(fields: usize, limits: &EncodingLimits) -> Hash {
        let mut hash = Hash::default();
        for number in 0..fields {
            assert!(hash.set(number.to_string().as_bytes(), format!("v{number}").as_bytes(), limits));
        }
        hash
    }

    fn contents(hash: &Hash) -> HashMap<Vec<u8>, Vec<u8>> {
        hash.iter().map(|(field, value)| (field.to_vec(), value.to_vec())).collect()
    }

    #[test]
    fn behaves_as_the_standard_map_in_both_encodings() {
        let mut random = Random::new(1);
        for limits in [small(), EncodingLimits { hash_pack_entries: 1000, ..small() }] {
            let (mut hash, mut model) = (Hash::default(), HashMap::new());
            for _ in 0..5000 {
                let field = random.below(60).to_string().into_bytes();
                let value = random.below(1 << 40).to_string().into_bytes();
                match random.below(4) {
                    0 | 1 => assert_eq!(hash.set(&field, &value, &limits), model.insert(field, value).is_none()),
                    2 => assert_eq!(hash.remove(&field), model.remove(&field).is_some()),
                    _ => {
                        assert_eq!(hash.get(&field).map(Item::to_vec), model.get(&field).cloned());
                        assert_eq!(hash.contains(&field), model.contains_key(&field));
                    }
                }
                assert_eq!(hash.len(), model.len());
            }
            assert_eq!(contents(&hash), model);
            assert_eq!(contents(&hash.clone()), model);
            assert_eq!(hash.encoding(), if limits.hash_pack_entries == 8 { "hashtable" } else { "listpack" });
        }
    }

    #[test]
    fn becomes_a_table_beyond_the_limits() {
        let mut hash = filled(8, &small());
        assert_eq!(hash.encoding(), "listpack");
        hash.set(b"0", b"again", &small());
        assert_eq!(hash.encoding(), "listpack");
        let before = contents(&hash);
        hash.set(b"nine", b"1", &small());
        assert_eq!((hash.encoding(), hash.len()), ("hashtable", 9));
        assert!(before.iter().all(|(field, value)| hash.get(field).is_some_and(|item| item.eq_bytes(value))));
        for (field, value) in [(&b"0123456789abcdefg"[..], &b"v"[..]), (b"f", b"0123456789abcdefg")] {
            let mut hash = filled(2, &small());
            hash.set(field, value, &small());
            assert_eq!((hash.encoding(), hash.len()), ("hashtable", 3));
        }
    }

    #[test]
    fn the_words_of_a_command_decide_before_it_writes() {
        let encoding_after = |words: &[&[u8]]| {
            let mut hash = filled(1, &small());
            hash.make_fit(words.iter().copied(), &small());
            hash.encoding()
        };
        assert_eq!(encoding_after(&[&b"f"[..]; 16]), "listpack");
        assert_eq!(encoding_after(&[&b"f"[..]; 18]), "hashtable");
        assert_eq!(encoding_after(&[b"f", b"0123456789abcdefg"]), "hashtable");
        assert_eq!(Hash::with_expected(9, &small()).encoding(), "hashtable");
        let pack = || match filled(9, &EncodingLimits::default()).fields {
            Fields::Pack(pack) => pack,
            Fields::Map(_) => panic!("nine pairs are few"),
        };
        assert_eq!(Hash::from_pack(pack(), &small()).encoding(), "hashtable");
        assert_eq!(Hash::from_pack(pack(), &EncodingLimits::default()).as_pack().map(|pack| pack.len()), Some(18));
    }

    #[test]
    fn samples_are_even_and_distinct_where_promised() {
        let mut random = Random::new(2);
        for (fields, count) in [(8, 3), (8, 8), (8, 20), (90, 10), (90, 80)] {
            let hash = filled(fields, &small());
            let mut drawn: HashMap<Vec<u8>, u32> = HashMap::new();
            for _ in 0..1000 {
                let mut seen = HashSet::new();
                hash.sample_distinct(&mut random, count, &mut |(field, value)| {
                    assert_eq!([b"v", &field.to_vec()[..]].concat(), value.to_vec());
                    *drawn.entry(field.to_vec()).or_default() += 1;
                    assert!(seen.insert(field.to_vec()));
                });
                assert_eq!(seen.len(), count.min(fields));
            }
            let mean = 1000.0 * count.min(fields) as f64 / fields as f64;
            assert!(drawn.values().all(|&times| (f64::from(times) - mean).abs() <= 6.0 * mean.sqrt()), "{drawn:?}");
            let mut repeated = 0;
            hash.sample_repeated(&mut random, 300, &mut |_| repeated += 1);
            assert_eq!((repeated, hash.sample(&mut random).is_some()), (300, true));
        }
        assert!(Hash::default().sample(&mut random).is_none());
        Hash::default().sample_repeated(&mut random, 5, &mut |_| panic!("there is none"));
        Hash::default().sample_distinct(&mut random, 5, &mut |_| panic!("there is none"));
    }

    #[test]
    fn memory_is_accounted_for_and_freed_in_pieces() {
        let mut hash = filled(1000, &small());
        assert!(hash.bytes(0) > 1000 * 16 && hash.free_effort() == 1000);
        let mut pieces = 1;
        while !hash.free_some(100) {
            pieces += 1;
        }
        assert_eq!((pieces, hash.len()), (10, 0));
        assert_eq!(filled(2, &small()).bytes(0), 24);
        assert!(filled(2, &small()).free_some(1));
    }
}
