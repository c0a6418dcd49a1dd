//! The model: a sorted map; and packs that are not what they should be.

use std::collections::BTreeMap;

use super::*;
use crate::base::random::Random;

type Model = BTreeMap<StreamId, Vec<Vec<u8>>>;

const LIMITS: BlockLimits = BlockLimits { bytes_max: 4096, entries_max: 7 };

fn words(entry: Entry<'_>) -> Vec<Vec<u8>> {
    entry.pairs().flat_map(|(field, value)| [field.to_vec(), value.to_vec()]).collect()
}

fn check(log: &StreamLog, model: &Model, random: &mut Random) {
    assert_eq!(log.len(), model.len() as u64);
    assert_eq!(log.first_id(), model.keys().next().copied());
    assert_eq!(log.last_id(), model.keys().next_back().copied());
    let (a, b) = (random.below(40), random.below(40));
    let (start, end) = (StreamId { ms: a.min(b), seq: 0 }, StreamId { ms: a.max(b), seq: 2 });
    let expected: Vec<_> = model.range(start..=end).map(|(id, words)| (*id, words.clone())).collect();
    let mut forwards = Vec::new();
    log.visit(start, end, &mut |entry| {
        forwards.push((entry.id, words(entry)));
        true
    });
    assert_eq!(forwards, expected);
    let mut backwards = Vec::new();
    log.visit_back(start, end, &mut |entry| {
        backwards.push((entry.id, words(entry)));
        true
    });
    backwards.reverse();
    assert_eq!(backwards, expected);
}

/// A log made of the packs of another: what a dump does.
fn reloaded(log: &StreamLog) -> StreamLog {
    let mut other = StreamLog::default();
    for (first, pack) in log.packs() {
        assert_eq!(other.push_pack(first, pack.as_bytes()), Ok(true));
    }
    other
}

#[test]
fn it_behaves_like_a_sorted_map() {
    for seed in 0..60 {
        let mut random = Random::new(seed);
        let (mut log, mut model) = (StreamLog::default(), Model::new());
        let mut last = StreamId::MIN;
        for _ in 0..300 {
            match random.below(10) {
                0..6 => {
                    last = if random.chance(0.5) {
                        last.next().expect("far from the end")
                    } else {
                        StreamId { ms: last.ms + 1, seq: random.below(3) }
                    };
                    let fields = if random.chance(0.7) { 1 } else { random.between(1, 4) as usize };
                    let pairs: Vec<Vec<u8>> = (0..2 * fields)
                        .map(|i| {
                            if i % 2 == 0 { format!("f{i}") } else { random.below(100_000).to_string() }.into_bytes()
                        })
                        .collect();
                    let slices: Vec<&[u8]> = pairs.iter().map(Vec::as_slice).collect();
                    assert!(log.append(last, &slices, LIMITS));
                    model.insert(last, pairs);
                }
                6..8 => {
                    let id = StreamId { ms: random.below(last.ms + 2), seq: random.below(4) };
                    assert_eq!(log.remove(id), model.remove(&id).is_some(), "{id:?}");
                }
                8 => {
                    let length = random.below(model.len() as u64 + 2);
                    let removed = log.trim(Trim::Length(length), false, 0);
                    assert_eq!(removed, (model.len() as u64).saturating_sub(length));
                    (0..removed).for_each(|_| drop(model.pop_first()));
                }
                _ => {
                    let id = StreamId { ms: random.below(last.ms + 2), seq: random.below(3) };
                    let kept = model.split_off(&id);
                    assert_eq!(log.trim(Trim::Before(id), false, 0), model.len() as u64);
                    model = kept;
                }
            }
            check(&log, &model, &mut random);
        }
        check(&reloaded(&log), &model, &mut random);
    }
}

#[test]
fn a_cursor_goes_on_where_it_was() {
    for seed in 0..40 {
        let mut random = Random::new(seed);
        let (mut log, mut model) = (StreamLog::default(), Model::new());
        let (mut behind, mut cursor) = (StreamId::MIN, None);
        let mut ms = 0;
        for _ in 0..600 {
            match random.below(8) {
                0..4 => {
                    ms += 1;
                    let id = StreamId { ms, seq: 0 };
                    // Longer than a count of one byte goes: the places behind it move.
                    let limits = BlockLimits { bytes_max: 0, entries_max: if seed % 2 == 0 { 5 } else { 300 } };
                    assert!(log.append(id, &[b"f", b"v"], limits));
                    model.insert(id, vec![b"f".to_vec(), b"v".to_vec()]);
                }
                4 => {
                    let id = StreamId { ms: random.below(ms + 1), seq: 0 };
                    if random.chance(0.3) {
                        assert_eq!(log.remove(id), model.remove(&id).is_some());
                    }
                }
                5 if random.chance(0.2) => {
                    let removed = log.trim(Trim::Length(random.below(60)), random.chance(0.5), 0);
                    (0..removed).for_each(|_| drop(model.pop_first()));
                }
                _ => {
                    let count = random.below(4) as usize + 1;
                    let mut seen = Vec::new();
                    log.visit_behind(behind, &mut cursor, &mut |entry| {
                        seen.push(entry.id);
                        seen.len() < count
                    });
                    let from = behind.next().expect("far from the end");
                    let expected: Vec<StreamId> = model.range(from..).take(count).map(|(id, _)| *id).collect();
                    assert_eq!(seen, expected, "seed {seed}");
                    behind = seen.last().copied().unwrap_or(behind);
                }
            }
        }
    }
}

#[test]
fn trimming_one_by_one_leaves_what_may_not_go() {
    let mut log = StreamLog::default();
    for ms in 1..=20 {
        assert!(log.append(StreamId { ms, seq: 0 }, &[b"f", b"v"], BlockLimits { bytes_max: 0, entries_max: 3 }));
    }
    let removed = log.trim_chosen(Trim::Before(StreamId { ms: 15, seq: 0 }), 0, &mut |id| id.ms % 5 != 0);
    let mut left = Vec::new();
    log.visit(StreamId::MIN, StreamId::MAX, &mut |entry| {
        left.push(entry.id.ms);
        true
    });
    assert_eq!((removed, left), (12, vec![5, 10, 15, 16, 17, 18, 19, 20]));
    assert_eq!(log.trim_chosen(Trim::Length(2), 0, &mut |_| true), 6);
    assert_eq!((log.len(), log.last_id()), (2, Some(StreamId { ms: 20, seq: 0 })));
}

#[test]
fn rough_trimming_takes_whole_blocks_only() {
    let mut log = StreamLog::default();
    for ms in 1..=100 {
        assert!(log.append(StreamId { ms, seq: 0 }, &[b"f", b"v"], LIMITS));
    }
    assert_eq!(log.trim(Trim::Length(50), true, 0), 49, "seven blocks of seven");
    assert_eq!(log.trim(Trim::Length(0), true, 10), 7, "no more than the limit");
    assert_eq!(log.len(), 44);
}

#[test]
fn corrupt_packs_are_refused() {
    let mut log = StreamLog::default();
    for ms in 1..=7 {
        assert!(log.append(StreamId { ms, seq: 0 }, &[b"field", b"value"], LIMITS));
    }
    let (first, bytes) = log.packs().next().map(|(id, pack)| (id, pack.as_bytes().to_vec())).expect("one block");
    let mut random = Random::new(5);
    for _ in 0..20_000 {
        let mut broken = bytes.clone();
        for _ in 0..random.between(1, 3) {
            let at = random.below(broken.len() as u64) as usize;
            broken[at] = random.next_u64() as u8;
        }
        // Refused, or well-formed by chance: then every entry can be read.
        let mut other = StreamLog::default();
        if other.push_pack(first, &broken) == Ok(true) {
            other.visit(StreamId::MIN, StreamId::MAX, &mut |entry| words(entry).len() == 2 * entry.fields);
            other.visit_back(StreamId::MIN, StreamId::MAX, &mut |entry| words(entry).len() == 2 * entry.fields);
        }
    }
}
