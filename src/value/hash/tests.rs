//! The hash against the standard map in all its encodings.

use super::*;
use crate::base::random::Random;
use std::collections::{HashMap, HashSet};

const NOW: Ms = 0;

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
    hash.iter_timed().map(|(field, value, _)| (field.to_vec(), value.to_vec())).collect()
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
                    assert_eq!(hash.get(&field, NOW).map(Item::to_vec), model.get(&field).cloned());
                    assert_eq!(hash.contains(&field, NOW), model.contains_key(&field));
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
    assert!(before.iter().all(|(field, value)| hash.get(field, NOW).is_some_and(|item| item.eq_bytes(value))));
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
        _ => panic!("nine pairs are few"),
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
            hash.sample_distinct(&mut random, NOW, count, &mut |(field, value)| {
                assert_eq!([b"v", &field.to_vec()[..]].concat(), value.to_vec());
                *drawn.entry(field.to_vec()).or_default() += 1;
                assert!(seen.insert(field.to_vec()));
            });
            assert_eq!(seen.len(), count.min(fields));
        }
        let mean = 1000.0 * count.min(fields) as f64 / fields as f64;
        assert!(drawn.values().all(|&times| (f64::from(times) - mean).abs() <= 6.0 * mean.sqrt()), "{drawn:?}");
        let mut repeated = 0;
        hash.sample_repeated(&mut random, NOW, 300, &mut |_| repeated += 1);
        assert_eq!((repeated, hash.sample(&mut random, NOW).is_some()), (300, true));
    }
    assert!(Hash::default().sample(&mut random, NOW).is_none());
    Hash::default().sample_repeated(&mut random, NOW, 5, &mut |_| panic!("there is none"));
    Hash::default().sample_distinct(&mut random, NOW, 5, &mut |_| panic!("there is none"));
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

#[test]
fn fields_past_their_deadline_are_not_found_in_any_encoding() {
    let mut random = Random::new(3);
    for limits in [small(), EncodingLimits { hash_pack_entries: 1000, ..small() }] {
        let (mut hash, mut model) = (Hash::default(), HashMap::<Vec<u8>, (Vec<u8>, Option<Ms>)>::new());
        let mut now = 0;
        for step in 0..6000 {
            let field = random.below(50).to_string().into_bytes();
            let value = random.below(1 << 40).to_string().into_bytes();
            let deadline = (random.below(4) > 0).then(|| now + 1 + random.below(30) as Ms);
            let is_due = |deadline: Option<Ms>, now: Ms| deadline.is_some_and(|deadline| deadline <= now);
            match random.below(8) {
                0..=1 => {
                    let is_new = model.insert(field.clone(), (value.clone(), None)).is_none();
                    assert_eq!(hash.set(&field, &value, &limits), is_new);
                }
                2 => {
                    let kept = model.get(&field).and_then(|entry| entry.1);
                    let is_new = model.insert(field.clone(), (value.clone(), kept)).is_none();
                    assert_eq!(hash.set_keeping(&field, &value, &limits), is_new);
                }
                3..=4 => {
                    hash.make_timed();
                    assert_eq!(hash.set_deadline(&field, deadline), model.contains_key(&field));
                    model.entry(field).and_modify(|entry| entry.1 = deadline);
                }
                5 => assert_eq!(hash.remove(&field), model.remove(&field).is_some()),
                6 => {
                    now += random.below(5) as Ms;
                    // Half of the time what is due stays.
                    while step % 2 == 0 && hash.remove_due(now, |field| drop(model.remove(field).expect("was there"))) {
                    }
                    assert!(step % 2 == 1 || model.values().all(|entry| !is_due(entry.1, now)));
                }
                _ => {
                    let found = model.get(&field);
                    let live = found.filter(|entry| !is_due(entry.1, now));
                    assert_eq!(hash.get(&field, now).map(Item::to_vec), live.map(|entry| entry.0.clone()));
                    assert_eq!(hash.contains(&field, now), live.is_some());
                    assert_eq!(hash.deadline(&field), found.map(|entry| entry.1));
                }
            }
            assert_eq!(hash.len(), model.len());
            assert_eq!(hash.earliest_deadline(), model.values().filter_map(|entry| entry.1).min());
            if step % 100 == 0 {
                let live: HashMap<_, _> = model
                    .iter()
                    .filter(|(_, entry)| !is_due(entry.1, now))
                    .map(|(f, e)| (f.clone(), e.0.clone()))
                    .collect();
                let (mut seen, mut scanned) = (HashMap::new(), HashMap::new());
                hash.clone().visit(now, |(field, value)| drop(seen.insert(field.to_vec(), value.to_vec())));
                assert_eq!((&seen, hash.live_len(now)), (&live, live.len()));
                let mut cursor = 0;
                loop {
                    let show = &mut |(f, v): Pair<'_>| drop(scanned.insert(f.to_vec(), v.to_vec()));
                    cursor = hash.scan(cursor, now, show).0;
                    if cursor == 0 {
                        break;
                    }
                }
                assert_eq!(scanned, live);
                let mut drawn = HashSet::new();
                hash.sample_distinct(&mut random, now, 1000, &mut |(field, _)| {
                    drawn.insert(field.to_vec());
                });
                assert_eq!(drawn, live.keys().cloned().collect());
                assert_eq!(hash.sample(&mut random, now).is_some(), !live.is_empty());
                hash.sample_repeated(&mut random, now, 5, &mut |(f, _)| assert!(live.contains_key(&f.to_vec())));
                assert_eq!(hash.timed_len(), model.values().filter(|entry| entry.1.is_some()).count());
            }
        }
    }
}

#[test]
fn a_pack_gets_deadlines_when_they_are_spoken_of() {
    let mut hash = filled(3, &small());
    hash.make_timed();
    assert_eq!((hash.encoding(), hash.len(), hash.timed_len()), ("listpackex", 3, 0));
    assert!(hash.set_deadline(b"1", Some(5)) && !hash.set_deadline(b"9", Some(5)));
    let triples = hash.as_timed_pack().map(ListPack::from_ref).expect("it is one");
    assert_eq!(Hash::from_triples(triples, &small()).map(|hash| hash.timed_len()), Ok(1));
    (3..9).for_each(|number| assert!(hash.set(format!("{number}").as_bytes(), b"v", &small())));
    assert_eq!((hash.encoding(), hash.timed_len(), hash.deadline(b"1")), ("hashtable", 1, Some(Some(5))));
}
