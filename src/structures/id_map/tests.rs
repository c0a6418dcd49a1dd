//! The model: a sorted map of the standard library.

use std::collections::BTreeMap;

use super::*;
use crate::base::random::Random;

impl<V: Copy + PartialEq + std::fmt::Debug> IdMap<V> {
    fn check(&self) {
        let mut before = None;
        let chunks = self.earlier.iter().map(|(base, chunk)| (*base, &**chunk)).chain([(self.tail.base, &self.tail)]);
        for (base, chunk) in chunks {
            assert_eq!(base, chunk.base);
            assert!(chunk.len() <= ENTRIES_MAX);
            for index in 0..chunk.len() {
                let id = chunk.id_at(index);
                assert!(id >= base && before.is_none_or(|before| before < id), "ids rise");
                before = Some(id);
            }
        }
        assert!(self.earlier.values().all(|chunk| !chunk.is_empty()));
        assert!(!self.tail.is_empty() || self.is_empty());
    }
}

/// Ids near each other, far apart, and with numbers of 64 bits.
fn some_id(random: &mut Random, span: u64) -> StreamId {
    match random.below(10) {
        0 => StreamId { ms: random.below(6) << 32, seq: random.below(3) },
        1 => StreamId { ms: random.below(span), seq: random.below(3) << 32 | random.below(2) },
        2 => StreamId { ms: u64::MAX - random.below(3), seq: u64::MAX - random.below(3) },
        _ => StreamId { ms: random.below(span), seq: random.below(4) },
    }
}

#[test]
fn it_behaves_like_a_sorted_map() {
    for seed in 0..40 {
        let mut random = Random::new(seed);
        let span = [20, 400, 5000][seed as usize % 3];
        let (mut map, mut model) = (IdMap::default(), BTreeMap::new());
        let mut grows = true;
        for step in 0..6000u32 {
            if step % 1500 == 1499 {
                grows = !grows;
            }
            let id = some_id(&mut random, span);
            if random.chance(if grows { 0.7 } else { 0.2 }) {
                let known = model.get(&id).copied();
                assert_eq!(map.try_insert(id, step).map_err(|value| *value), known.map_or(Ok(()), Err));
                model.entry(id).or_insert(step);
            } else {
                assert_eq!(map.remove(id), model.remove(&id));
            }
            assert_eq!(map.len(), model.len());
            if step % 50 == 0 {
                map.check();
                assert_eq!(map.first_id(), model.keys().next().copied());
                assert_eq!(map.last_id(), model.keys().next_back().copied());
                let from = some_id(&mut random, span);
                assert!(map.iter_from(from).eq(model.range(from..).map(|(id, value)| (*id, *value))), "from {from:?}");
                assert_eq!(map.get(from), model.get(&from).copied());
                if let Some(value) = map.get_mut(from) {
                    *value += 1;
                    *model.get_mut(&from).expect("both have it") += 1;
                }
            }
        }
        let mut copy = map.clone();
        for id in model.keys() {
            assert!(copy.remove(*id).is_some());
        }
        assert!(copy.is_empty());
        while !map.free_some(3) {
            map.check();
        }
        assert!(map.is_empty() && map.iter().next().is_none());
    }
}

#[test]
fn a_queue_stays_small() {
    let mut map = IdMap::default();
    for ms in 1..=100_000u64 {
        assert!(map.try_insert(StreamId { ms, seq: 0 }, ()).is_ok());
    }
    map.check();
    assert!(map.allocated_bytes() < 10 * 100_000, "{} bytes", map.allocated_bytes());
    for ms in 1..=99_990u64 {
        assert!(map.remove(StreamId { ms, seq: 0 }).is_some());
    }
    map.check();
    assert!(map.allocated_bytes() < 2000, "{} bytes", map.allocated_bytes());
    // Every tenth of many is left: chunks join.
    let mut map = IdMap::default();
    for ms in 1..=100_000u64 {
        assert!(map.try_insert(StreamId { ms, seq: 0 }, ()).is_ok());
    }
    for ms in (1..=100_000u64).filter(|ms| ms % 10 != 0) {
        assert!(map.remove(StreamId { ms, seq: 0 }).is_some());
    }
    map.check();
    assert!(map.chunks() < 100_000 / 10 / ENTRIES_FEW + 10, "{} chunks", map.chunks());
}
