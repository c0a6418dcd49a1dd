//! The table against the standard library's map, its invariants after every kind of change, and the promise of its scan.

use super::bucket::{SLOTS, element_of, tag_of};
use super::{Element, Table};
use crate::base::hash::hash;
use crate::base::random::Random;
use std::collections::{HashMap, HashSet};
use std::ptr::NonNull;

/// An element as the tests know it: a key and a number to tell its moves.
struct Item {
    key: Vec<u8>,
    number: u64,
}

// Safety: boxed items are aligned to 8 bytes, and tests do not change a key in a table.
unsafe impl Element for Item {
    unsafe fn key<'a>(element: NonNull<Item>) -> &'a [u8] {
        unsafe { &(*element.as_ptr()).key }
    }
}

fn new_item(key: &[u8], number: u64) -> NonNull<Item> {
    NonNull::from(Box::leak(Box::new(Item { key: key.to_vec(), number })))
}

fn free_item(item: NonNull<Item>) -> (Vec<u8>, u64) {
    let item = unsafe { Box::from_raw(item.as_ptr()) };
    (item.key, item.number)
}

fn key_of(item: NonNull<Item>) -> Vec<u8> {
    unsafe { item.as_ref() }.key.clone()
}

/// A table with its model; whatever is done to one is done to the other.
struct Pair {
    table: Table<Item>,
    model: HashMap<Vec<u8>, u64>,
    /// Keys that were ever added, to choose from; some are gone again.
    keys: Vec<Vec<u8>>,
    random: Random,
    serial: u64,
}

impl Pair {
    fn new(seed: u64) -> Pair {
        Pair { table: Table::new(), model: HashMap::new(), keys: Vec::new(), random: Random::new(seed), serial: 0 }
    }

    fn add_new(&mut self) -> Vec<u8> {
        self.serial += 1;
        let key = format!("key:{}", self.serial).into_bytes();
        self.add(&key);
        self.keys.push(key.clone());
        key
    }

    fn add(&mut self, key: &[u8]) {
        self.serial += 1;
        self.table.insert(hash(key), new_item(key, self.serial));
        assert_eq!(self.model.insert(key.to_vec(), self.serial), None);
    }

    fn remove(&mut self, key: &[u8]) {
        let found = match self.table.find(hash(key), key) {
            Some(item) if self.random.chance(0.5) => {
                self.table.remove_element(hash(key), item);
                Some(item)
            }
            _ => self.table.remove(hash(key), key),
        };
        assert_eq!(found.map(free_item), self.model.remove(key).map(|number| (key.to_vec(), number)));
    }

    fn replace(&mut self, key: &[u8]) {
        let Some(old) = self.table.find(hash(key), key) else {
            return assert!(!self.model.contains_key(key));
        };
        self.serial += 1;
        self.table.replace(hash(key), old, new_item(key, self.serial));
        free_item(old);
        self.model.insert(key.to_vec(), self.serial);
    }

    fn pop(&mut self, budget: usize) {
        let mut popped = 0;
        let empty = self.table.pop_some(budget, &mut |item| {
            let (key, number) = free_item(item);
            assert_eq!(self.model.remove(&key), Some(number));
            popped += 1;
        });
        assert!(popped == budget || (popped < budget && empty));
        assert_eq!(empty, self.model.is_empty());
    }

    fn any_key(&mut self) -> Vec<u8> {
        match self.keys.len() {
            0 => b"none".to_vec(),
            len => self.keys[self.random.below(len as u64) as usize].clone(),
        }
    }

    /// One random operation; `growth` is the chance that it adds rather than removes.
    fn step(&mut self, growth: f64) {
        match self.random.below(1000) {
            0 => self.table.set_hold(true),
            1..=3 => self.table.set_hold(false),
            4 => {
                let additional = self.random.below(1 + self.model.len() as u64 / 2) as usize;
                self.table.reserve(additional);
            }
            5 => {
                let budget = self.random.below(1 + self.model.len() as u64 / 8) as usize;
                self.pop(budget);
            }
            6..=200 => {
                let key = self.any_key();
                self.replace(&key);
            }
            201..=300 => {
                let key = self.any_key();
                self.table.prefetch_bucket(hash(&key));
                self.table.prefetch_element(hash(&key));
                let found = self.table.find(hash(&key), &key).map(|item| unsafe { item.as_ref() }.number);
                assert_eq!(found, self.model.get(&key).copied());
            }
            _ if self.random.chance(growth) => {
                let key = self.any_key();
                if self.random.chance(0.1) && !self.model.contains_key(&key) && !self.keys.is_empty() {
                    self.add(&key);
                } else {
                    self.add_new();
                }
            }
            _ => {
                let key = self.any_key();
                self.remove(&key);
            }
        }
    }

    fn check(&mut self) {
        check_invariants(&self.table);
        assert_eq!(self.table.len(), self.model.len());
        let seen: HashMap<Vec<u8>, u64> =
            self.table.iter().map(|item| (key_of(item), unsafe { item.as_ref() }.number)).collect();
        assert_eq!(seen, self.model);
        assert_eq!(self.table.iter().count(), self.model.len(), "nothing is shown twice");
        let mut sample = Vec::new();
        self.table.sample_run(&mut self.random, 20, &mut sample);
        sample.extend(self.table.sample(&mut self.random));
        assert_eq!(sample.is_empty(), self.model.is_empty());
        assert!(sample.into_iter().all(|item| self.model.contains_key(&key_of(item))));
    }
}

impl Drop for Pair {
    fn drop(&mut self) {
        self.table.pop_some(usize::MAX, &mut |item| drop(free_item(item)));
        assert_eq!(self.table.bytes(), 0);
    }
}

/// Everything that the module's page says must hold.
fn check_invariants(table: &Table<Item>) {
    let (mut len, mut bytes, mut deepest) = (0, 0, 0);
    for (first, segment) in table.segments() {
        assert_eq!(table.first_index(first), first);
        let showing = table.entries_showing(&segment);
        assert!((first..first + showing).all(|index| table.entry(index).is_same(&segment)));
        assert!(first + showing > table.drained as usize || segment.is_unallocated(), "what was drained is empty");
        let mut passed = vec![0; segment.buckets()];
        let mut count = 0;
        for index in 0..segment.buckets() {
            for slot in segment.bucket(index).taken() {
                let (word, tag) = (segment.bucket(index).word(slot), segment.bucket(index).tag(slot));
                let key_hash = hash(&key_of(element_of(word)));
                assert_eq!(table.first_index(table.entry_of(key_hash)), first, "in the segment of its hash");
                assert_eq!(tag, tag_of(key_hash));
                assert_eq!(word >> 48, segment.stored(key_hash));
                let unknown = u64::MAX >> 16 >> segment.origin();
                assert_eq!(segment.known_hash(table.start_of(first), word), key_hash & !unknown);
                let mut on_the_way = segment.home(word >> 48);
                while on_the_way != index {
                    passed[on_the_way] += 1;
                    on_the_way = segment.after(on_the_way);
                }
                count += 1;
            }
        }
        for (index, &passed) in passed.iter().enumerate() {
            let counted = segment.bucket(index).overflow();
            assert!(counted == passed || (counted == 255 && !segment.is_unallocated()), "{counted} for {passed}");
        }
        assert_eq!(segment.count(), count);
        assert!(count <= segment.buckets() * SLOTS * 15 / 16 + 1);
        len += count;
        bytes += segment.bytes();
        deepest += u32::from(segment.depth() == u32::from(table.depth) && table.depth > 0);
    }
    if table.depth > 0 {
        bytes += crate::base::memory::usable_size((16 << table.depth).max(64));
        assert!(deepest > 0, "the directory is no deeper than a segment");
    }
    assert_eq!((len, bytes, deepest), (table.len, table.bytes(), table.deepest));
}

/// Whole scans by steps; `between` may change the table after each.
fn scan_all(pair: &mut Pair, mut between: impl FnMut(&mut Pair)) -> Vec<Vec<u8>> {
    let (mut cursor, mut seen) = (0, Vec::new());
    loop {
        let next = pair.table.scan(cursor, &mut |item| seen.push(key_of(item)));
        assert!(next == 0 || next > cursor, "a scan goes forward");
        if next == 0 {
            return seen;
        }
        cursor = next;
        between(pair);
    }
}

#[test]
fn behaves_as_the_standard_map() {
    for (seed, size, steps) in
        [(1, 30, 20_000), (2, 400, 20_000), (3, 3000, 60_000), (4, 20_000, 200_000), (5, 100_000, 400_000)]
    {
        let mut pair = Pair::new(seed);
        let check_every = steps / 50;
        for step in 0..steps {
            // Up and down around the size, so that splits and merges alternate.
            let wave = if step / (steps / 5) % 2 == 0 { 0.8 } else { 0.2 };
            pair.step(if pair.model.len() > size { 0.1 } else { wave });
            if step % check_every == 0 || (size < 100 && step % 10 == 0) {
                pair.check();
            }
        }
        pair.check();
    }
}

#[test]
fn grows_and_shrinks_with_its_load_in_bounds() {
    let mut pair = Pair::new(5);
    let load = |pair: &Pair| pair.table.len() as f64 / (pair.table.bytes() / 64 * SLOTS) as f64;
    while pair.model.len() < 100_000 {
        pair.add_new();
        let floor = match pair.model.len() {
            0..8 => continue,
            8..20 => 0.57,
            20..38 => 0.71,
            _ => 0.75,
        };
        assert!(load(&pair) >= floor, "{} at {}", load(&pair), pair.model.len());
    }
    check_invariants(&pair.table);
    assert!(pair.table.bytes() < 1_200_000, "{} bytes", pair.table.bytes());
    for key in std::mem::take(&mut pair.keys) {
        pair.remove(&key);
        if pair.model.len() % 5000 == 0 {
            check_invariants(&pair.table);
        }
        assert!(load(&pair) > 0.5 || pair.model.len() < 200, "{} at {}", load(&pair), pair.model.len());
    }
    assert_eq!(pair.table.bytes(), 0, "nothing is kept in the end");
}

#[test]
fn scan_shows_each_element_once_while_the_table_stays() {
    for size in [0, 1, 7, 8, 60, 1500, 1600, 30_000] {
        let mut pair = Pair::new(size);
        (0..size).for_each(|_| drop(pair.add_new()));
        let mut seen = scan_all(&mut pair, |_| ());
        assert_eq!(seen.len(), size as usize);
        seen.sort();
        seen.dedup();
        assert_eq!(seen.len(), size as usize);
    }
}

#[test]
fn scan_shows_what_stays_while_everything_else_changes() {
    // (elements at first, changes between two steps, chance that a change adds)
    let courses = [(500, 2, 0.5), (3000, 5, 0.9), (3000, 40, 0.95), (20_000, 4, 0.05), (9000, 20, 0.1), (40, 1, 0.7)];
    for (seed, (size, changes, growth)) in courses.into_iter().enumerate() {
        let mut pair = Pair::new(seed as u64);
        (0..size).for_each(|_| drop(pair.add_new()));
        // The stable ones are out of reach of the random changes, which draw from `keys`.
        let mut stable: Vec<_> = pair.keys.split_off(size - size / 20);
        let mut steps = 0;
        let mut seen = scan_all(&mut pair, |pair| {
            steps += 1;
            // After a while the other way round, so that scans end.
            let growth = if steps / 300 % 2 == 0 { growth } else { 1.0 - growth };
            (0..changes).for_each(|_| match pair.random.chance(growth) {
                true => drop(pair.add_new()),
                false => {
                    let key = pair.any_key();
                    pair.remove(&key);
                }
            });
            if steps % 50 == 0 {
                let hold = pair.random.chance(0.2);
                pair.table.set_hold(hold);
                check_invariants(&pair.table);
            }
        });
        let stable_set: HashSet<_> = stable.iter().cloned().collect();
        seen.retain(|key| stable_set.contains(key));
        seen.sort();
        stable.sort();
        assert_eq!(seen, stable, "course {seed}: every stable element once");
    }
}

#[test]
fn scan_bears_any_cursor() {
    let mut pair = Pair::new(6);
    (0..5000).for_each(|_| drop(pair.add_new()));
    for _ in 0..2000 {
        let cursor = pair.random.next_u64() >> pair.random.below(64);
        let next = pair.table.scan(cursor, &mut |item| assert!(hash(&key_of(item)) >> 16 >= cursor));
        assert!(next == 0 || next > cursor);
    }
    assert_eq!(pair.table.scan(u64::MAX, &mut |_| panic!("beyond the end there is nothing")), 0);
}

#[test]
fn keys_in_hash_order_are_borne() {
    let mut keys: Vec<Vec<u8>> = (0..20_000).map(|number| format!("ordered {number}").into_bytes()).collect();
    keys.sort_by_key(|key| hash(key));
    for reserve in [false, true] {
        let mut pair = Pair::new(7);
        if reserve {
            pair.table.reserve(keys.len());
            check_invariants(&pair.table);
        }
        for (index, key) in keys.iter().enumerate() {
            pair.add(key);
            if index % 1000 == 0 {
                check_invariants(&pair.table);
            }
        }
        pair.check();
        for key in &keys {
            pair.remove(key);
        }
        assert_eq!(pair.table.bytes(), 0);
    }
}

#[test]
fn sample_is_even() {
    for size in [1, 5, 8, 50, 1600, 2400] {
        let mut pair = Pair::new(8);
        (0..size).for_each(|_| drop(pair.add_new()));
        check_even(&mut pair);
    }
    // Segments of very different fill and depth: in hash order, then the lower ones nearly emptied under hold.
    let mut pair = Pair::new(9);
    let mut keys: Vec<Vec<u8>> = (0..4000).map(|number| format!("skewed {number}").into_bytes()).collect();
    keys.sort_by_key(|key| hash(key));
    keys.iter().for_each(|key| pair.add(key));
    pair.table.set_hold(true);
    keys.iter().take(2500).step_by(2).for_each(|key| pair.remove(key));
    check_even(&mut pair);
    let nearly_all: Vec<_> = pair.model.keys().skip(3).cloned().collect();
    nearly_all.iter().for_each(|key| pair.remove(key));
    check_even(&mut pair);
}

/// Chi-square of many draws, against its mean (degrees of freedom) plus five standard deviations.
fn check_even(pair: &mut Pair) {
    let size = pair.model.len() as f64;
    let draws = 60 * pair.model.len();
    let mut drawn: HashMap<Vec<u8>, f64> = HashMap::new();
    for _ in 0..draws {
        let item = pair.table.sample(&mut pair.random).expect("the table is not empty");
        *drawn.entry(key_of(item)).or_default() += 1.0;
    }
    let square = |count: f64| (count - 60.0).powi(2) / 60.0;
    let missing = size - drawn.len() as f64;
    let chi: f64 = drawn.values().map(|&count| square(count)).sum::<f64>() + missing * square(0.0);
    assert!(chi <= size + 5.0 * (2.0 * size).sqrt(), "chi-square {chi} over {size}");
}

#[test]
fn sample_run_gives_different_neighbours() {
    for size in [1, 3, 12, 40, 2000, 5000] {
        let mut pair = Pair::new(10);
        (0..size).for_each(|_| drop(pair.add_new()));
        for _ in 0..200 {
            let mut sample = Vec::new();
            pair.table.sample_run(&mut pair.random, 16, &mut sample);
            assert_eq!(sample.len(), size.min(16));
            sample.sort();
            sample.dedup();
            assert_eq!(sample.len(), size.min(16));
        }
    }
}

#[test]
fn pop_some_empties_and_frees_as_it_goes() {
    let mut pair = Pair::new(11);
    (0..20_000).for_each(|_| drop(pair.add_new()));
    let mut bytes = pair.table.bytes();
    for round in 0.. {
        pair.pop(700);
        check_invariants(&pair.table);
        assert!(pair.table.bytes() <= bytes, "it only becomes less");
        bytes = pair.table.bytes();
        if pair.model.is_empty() {
            assert_eq!((round, bytes), (28, 0));
            break;
        }
    }
    let mut table: Table<Item> = Table::new();
    assert!(table.pop_some(5, &mut |_| panic!("there is none")));
}

#[test]
fn holding_back_copies_and_shrinks_nothing_early() {
    let mut pair = Pair::new(12);
    (0..1568).for_each(|_| drop(pair.add_new()));
    let bytes = pair.table.bytes();
    pair.table.set_hold(true);
    (0..100).for_each(|_| drop(pair.add_new()));
    assert_eq!(pair.table.bytes(), bytes, "15/16 of the slots are used before anything is copied");
    let keys = pair.keys.clone();
    keys.iter().skip(10).for_each(|key| pair.remove(key));
    assert_eq!(pair.table.bytes(), bytes, "and nothing shrinks");
    pair.table.set_hold(false);
    pair.remove(&keys[0]);
    assert_eq!(pair.table.bytes(), 128, "until it may again");
}
