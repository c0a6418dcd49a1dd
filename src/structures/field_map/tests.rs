//! The map against the standard map, with and without deadlines.

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
        cursor = map.scan(cursor, &mut |(field, value, _)| drop(seen.insert(field.to_vec(), value.to_vec())));
        if cursor == 0 {
            break;
        }
    }
    assert_eq!(&seen, model);
    let sample = map.sample(random);
    assert_eq!(sample.map(|(_, value, _)| value), sample.and_then(|(field, ..)| model.get(field)).map(Vec::as_slice));
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

#[test]
fn deadlines_are_kept_in_order_beside_the_fields() {
    let mut random = Random::new(2);
    let (mut map, mut model) = (FieldMap::new(), HashMap::<Vec<u8>, (Vec<u8>, Option<Ms>)>::new());
    for step in 0..30_000 {
        let variety = if step % 6000 < 3000 { 2000 } else { 30 };
        let field = random_text(&mut random, variety);
        let value = random_text(&mut random, variety);
        let deadline = (random.below(4) > 0).then(|| 1 + random.below(variety) as Ms);
        match random.below(12) {
            0..=1 => {
                assert_eq!(map.set(&field, &value), model.insert(field, (value, None)).is_none());
            }
            2..=3 => {
                let kept = model.get(&field).and_then(|(_, deadline)| *deadline);
                assert_eq!(map.set_keeping(&field, &value), model.insert(field, (value, kept)).is_none());
            }
            4..=8 => {
                assert_eq!(map.set_deadline(&field, deadline), model.contains_key(&field));
                model.entry(field).and_modify(|entry| entry.1 = deadline);
            }
            9 => assert_eq!(map.remove(&field), model.remove(&field).is_some()),
            10 => {
                let now = random.below(variety / 4) as Ms;
                let mut gone = None;
                if map.remove_due(now, |field| gone = Some(field.to_vec())) {
                    let (_, deadline) = model.remove(&gone.expect("it was shown")).expect("it was there");
                    let others = model.values().filter_map(|(_, deadline)| *deadline);
                    let deadline = deadline.expect("it had one");
                    assert!(deadline <= now && others.min().is_none_or(|other| other >= deadline));
                } else {
                    assert!(model.values().all(|(_, deadline)| deadline.is_none_or(|deadline| deadline > now)));
                }
            }
            _ => {
                let found = map.get_timed(&field).map(|(value, deadline)| (value.to_vec(), deadline));
                assert_eq!(found, model.get(&field).cloned());
            }
        }
        if step % 1000 == 0 {
            for map in [&map, &map.clone()] {
                let all: HashMap<_, _> = map.iter_timed().map(|(f, v, d)| (f.to_vec(), (v.to_vec(), d))).collect();
                assert_eq!(all, model);
                let deadlines = || model.values().filter_map(|(_, deadline)| *deadline);
                assert_eq!((map.earliest(), map.timed_len()), (deadlines().min(), deadlines().count()));
            }
        }
    }
    while !map.free_some(7) {}
    assert_eq!(map.allocated_bytes(), 0, "every byte is accounted for");
}

#[test]
fn a_deadline_costs_less_than_24_bytes() {
    let mut map = FieldMap::new();
    let name = |number: u32| format!("field:{number:06}").into_bytes();
    (0..10_000).for_each(|number| assert!(map.set(&name(number), b"0123456789")));
    let before = map.allocated_bytes();
    (0..10_000).for_each(|number| assert!(map.set_deadline(&name(number), Some(1_800_000_000_000 + Ms::from(number)))));
    let each = (map.allocated_bytes() - before) as f64 / 10_000.0;
    assert!(each <= 21.0, "{each}");
    (0..10_000).for_each(|number| assert!(map.set_deadline(&name(number), None)));
    assert_eq!(map.allocated_bytes(), before, "and nothing when it is gone");
}
