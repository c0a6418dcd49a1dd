//! A map from byte strings to byte strings that owns both: the table over one thin allocation a pair.
//!
//! ```text
//! pair: [ length of the field ][ length of the value ][ field ][ value ]      lengths of one byte below 128
//!       10 bytes of field and 10 of value take 22, a size class of 24
//! ```
//! Invariants: whatever the table points to was made by `Pair::allocate` and is freed when it leaves the table; a pair's allocation
//! has the size class of its content; `pair_bytes` is the sum of these classes.

use super::length::Length;
use super::table::{Element, Table};
use super::thin::size_class;
use crate::base::hash::hash;
use crate::base::random::Random;
use std::alloc::{self, Layout};
use std::ptr::NonNull;
use std::slice;

/// The first byte of a pair's allocation; never moved or copied by itself.
struct Pair(#[expect(dead_code, reason = "read through pointers only")] u8);

// Safety: `layout` asks for an alignment of 8; the field is written once, before the pair enters a table.
unsafe impl Element for Pair {
    #[inline]
    unsafe fn key<'a>(pair: NonNull<Pair>) -> &'a [u8] {
        unsafe { Pair::parts(pair) }.0
    }
}

impl Pair {
    fn layout(size: usize) -> Layout {
        // The class and not the size: a value may be overwritten in place by another of the same class.
        Layout::from_size_align(size_class(size), 8).expect("a pair is hardly larger than the slices it was made of")
    }

    /// Field and value.
    #[inline]
    unsafe fn parts<'a>(pair: NonNull<Pair>) -> (&'a [u8], &'a [u8]) {
        // Safety: two lengths stand first and tell how many bytes follow.
        unsafe {
            let at = pair.as_ptr().cast::<u8>();
            let (field_len, skip) = Length::read(at);
            let (value_len, skip_more) = Length::read(at.add(skip));
            let field = at.add(skip + skip_more);
            (slice::from_raw_parts(field, field_len), slice::from_raw_parts(field.add(field_len), value_len))
        }
    }

    /// Bytes in use.
    #[inline]
    unsafe fn size(pair: NonNull<Pair>) -> usize {
        let (_, value) = unsafe { Pair::parts(pair) };
        value.as_ptr().addr() + value.len() - pair.as_ptr().addr()
    }

    #[inline]
    fn size_of(field: &[u8], value: &[u8]) -> usize {
        Length::of(field.len()).as_bytes().len() + Length::of(value.len()).as_bytes().len() + field.len() + value.len()
    }

    fn allocate(field: &[u8], value: &[u8]) -> NonNull<Pair> {
        let layout = Pair::layout(Pair::size_of(field, value));
        // Safety: the layout is not empty and has room for the four parts.
        unsafe {
            let Some(start) = NonNull::new(alloc::alloc(layout)) else { alloc::handle_alloc_error(layout) };
            let mut at = start.as_ptr();
            for part in [Length::of(field.len()).as_bytes(), Length::of(value.len()).as_bytes(), field, value] {
                at.copy_from_nonoverlapping(part.as_ptr(), part.len());
                at = at.add(part.len());
            }
            start.cast()
        }
    }

    /// Writes another value over the present one if the size class stays; the address does too then.
    #[inline]
    unsafe fn try_overwrite(pair: NonNull<Pair>, value: &[u8]) -> bool {
        // Safety: the field's bytes stay where they are, because both values have lengths of equally many bytes; the new value ends
        // within the same size class. `value` is the caller's and not part of the pair, which the caller holds exclusively.
        unsafe {
            let (field, old) = Pair::parts(pair);
            let (length, old_length) = (Length::of(value.len()), Length::of(old.len()));
            let size = Pair::size(pair);
            let same_place = length.as_bytes().len() == old_length.as_bytes().len();
            if !same_place || size_class(size) != size_class(size - old.len() + value.len()) {
                return false;
            }
            let length_at = field.as_ptr().cast_mut().sub(length.as_bytes().len());
            let value_at = field.as_ptr().cast_mut().add(field.len());
            length_at.copy_from_nonoverlapping(length.as_bytes().as_ptr(), length.as_bytes().len());
            value_at.copy_from_nonoverlapping(value.as_ptr(), value.len());
            true
        }
    }

    /// Frees a pair that is in no table any more; returns its size class.
    unsafe fn free(pair: NonNull<Pair>) -> usize {
        // Safety: made by `allocate`, with a layout of the same class.
        unsafe {
            let layout = Pair::layout(Pair::size(pair));
            alloc::dealloc(pair.as_ptr().cast(), layout);
            layout.size()
        }
    }
}

/// See the head of the file.
#[derive(Default)]
pub struct FieldMap {
    table: Table<Pair>,
    pair_bytes: usize,
}

impl FieldMap {
    pub fn new() -> FieldMap {
        FieldMap::default()
    }

    #[inline]
    pub fn len(&self) -> usize {
        self.table.len()
    }

    #[inline]
    pub fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    /// Bytes of heap, by size class: the table and every pair.
    pub fn allocated_bytes(&self) -> usize {
        self.table.bytes() + self.pair_bytes
    }

    /// Makes room for `additional` more fields.
    pub fn reserve(&mut self, additional: usize) {
        self.table.reserve(additional);
    }

    /// While a child shares the memory: see `Table::set_hold`.
    pub fn set_hold(&mut self, hold: bool) {
        self.table.set_hold(hold);
    }

    #[inline]
    pub fn get(&self, field: &[u8]) -> Option<&[u8]> {
        let pair = self.table.find(hash(field), field)?;
        // Safety: pairs live as long as they are in the table, which is borrowed.
        Some(unsafe { Pair::parts(pair) }.1)
    }

    #[inline]
    pub fn contains(&self, field: &[u8]) -> bool {
        self.table.find(hash(field), field).is_some()
    }

    /// Starts loading what the next call for a field of this hash reads first.
    #[inline]
    pub fn prefetch_place(&self, hash: u64) {
        self.table.prefetch_bucket(hash);
    }

    /// Starts loading the pair itself; its place should be near by now.
    #[inline]
    pub fn prefetch_pair(&self, hash: u64) {
        self.table.prefetch_element(hash);
    }

    /// Sets a field, new or not; true when it is new.
    pub fn set(&mut self, field: &[u8], value: &[u8]) -> bool {
        let hash = hash(field);
        let Some(old) = self.table.find(hash, field) else {
            self.insert(hash, field, value);
            return true;
        };
        // Safety: the table is borrowed exclusively, so nobody looks at the pair.
        if !unsafe { Pair::try_overwrite(old, value) } {
            let new = Pair::allocate(field, value);
            self.table.replace(hash, old, new);
            // Safety: the new one is in the table and the old one is not.
            unsafe { self.pair_bytes = self.pair_bytes + size_class(Pair::size(new)) - Pair::free(old) };
        }
        false
    }

    /// Sets a field that is not there yet; false, and nothing is done, when it is.
    pub fn set_new(&mut self, field: &[u8], value: &[u8]) -> bool {
        let hash = hash(field);
        let is_new = self.table.find(hash, field).is_none();
        if is_new {
            self.insert(hash, field, value);
        }
        is_new
    }

    fn insert(&mut self, hash: u64, field: &[u8], value: &[u8]) {
        let pair = Pair::allocate(field, value);
        self.pair_bytes += size_class(Pair::size_of(field, value));
        self.table.insert(hash, pair);
    }

    /// Removes a field; false when it was not there.
    pub fn remove(&mut self, field: &[u8]) -> bool {
        let Some(pair) = self.table.remove(hash(field), field) else { return false };
        // Safety: it has left the table.
        self.pair_bytes -= unsafe { Pair::free(pair) };
        true
    }

    /// Fields and values in the table's order.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        // Safety: as for `get`.
        self.table.iter().map(|pair| unsafe { Pair::parts(pair) })
    }

    /// A field and its value, drawn with equal chances.
    pub fn sample(&self, random: &mut Random) -> Option<(&[u8], &[u8])> {
        // Safety: as for `get`.
        self.table.sample(random).map(|pair| unsafe { Pair::parts(pair) })
    }

    /// One step of a scan: see `Table::scan`.
    pub fn scan<'a>(&'a self, cursor: u64, visit: &mut dyn FnMut(&'a [u8], &'a [u8])) -> u64 {
        self.table.scan(cursor, &mut |pair| {
            // Safety: as for `get`.
            let (field, value) = unsafe { Pair::parts(pair) };
            visit(field, value);
        })
    }

    /// Frees up to `budget` pairs; true when none is left.
    pub fn free_some(&mut self, budget: usize) -> bool {
        let mut freed = 0;
        // Safety: what is shown has left the table.
        let empty = self.table.pop_some(budget, &mut |pair| freed += unsafe { Pair::free(pair) });
        self.pair_bytes -= freed;
        empty
    }
}

impl Clone for FieldMap {
    fn clone(&self) -> FieldMap {
        let mut copy = FieldMap::new();
        copy.reserve(self.len());
        for (field, value) in self.iter() {
            copy.insert(hash(field), field, value);
        }
        copy
    }
}

impl Drop for FieldMap {
    fn drop(&mut self) {
        self.free_some(usize::MAX);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    /// Texts of many lengths, some of which need lengths of two and three bytes.
    fn random_text(random: &mut Random, variety: u64) -> Vec<u8> {
        let number = random.below(variety);
        number.to_string().into_bytes().repeat([1, 1, 2, 3, 40, 9000][number as usize % 6])
    }

    #[test]
    fn behaves_as_the_standard_map() {
        let mut random = Random::new(1);
        let (mut map, mut model) = (FieldMap::new(), HashMap::new());
        for step in 0..30_000 {
            let variety = if step % 6000 < 3000 { 3000 } else { 40 };
            let field = random_text(&mut random, variety);
            let value = random_text(&mut random, variety);
            match random.below(10) {
                0..=4 => assert_eq!(map.set(&field, &value), model.insert(field, value).is_none()),
                5..=6 => assert_eq!(map.remove(&field), model.remove(&field).is_some()),
                7 => {
                    assert_eq!(map.set_new(&field, &value), !model.contains_key(&field));
                    model.entry(field).or_insert(value);
                }
                _ => {
                    assert_eq!(map.contains(&field), model.contains_key(&field));
                    assert_eq!(map.get(&field), model.get(&field).map(Vec::as_slice));
                }
            }
            assert_eq!(map.len(), model.len());
            if step % 3000 == 0 {
                check(&map, &model, &mut random);
            }
        }
        while !map.free_some(7) {}
        assert_eq!(map.allocated_bytes(), 0, "every byte is accounted for");
    }

    fn check(map: &FieldMap, model: &HashMap<Vec<u8>, Vec<u8>>, random: &mut Random) {
        let all = |map: &FieldMap| map.iter().map(|(f, v)| (f.to_vec(), v.to_vec())).collect::<HashMap<_, _>>();
        assert_eq!(&all(map), model);
        let copy = map.clone();
        assert_eq!(&all(&copy), model);
        assert_eq!(copy.pair_bytes, map.pair_bytes);
        let (mut cursor, mut seen) = (0, HashMap::new());
        loop {
            cursor = map.scan(cursor, &mut |field, value| drop(seen.insert(field.to_vec(), value.to_vec())));
            if cursor == 0 {
                break;
            }
        }
        assert_eq!(&seen, model);
        let sample = map.sample(random);
        assert_eq!(sample.map(|(_, value)| value), sample.and_then(|(field, _)| model.get(field)).map(Vec::as_slice));
        assert_eq!(sample.is_none(), model.is_empty());
    }

    #[test]
    fn a_short_pair_costs_its_size_class() {
        let mut map = FieldMap::new();
        map.set(b"0123456789", b"0123456789");
        assert_eq!(map.pair_bytes, 24);
        map.set(b"0123456789", b"");
        assert_eq!(map.pair_bytes, 16, "a shorter value gives bytes back");
        map.set(b"", &[7; 128]);
        assert_eq!(map.pair_bytes, 16 + 160);
        assert_eq!(map.get(b""), Some(&[7; 128][..]));
    }
}
