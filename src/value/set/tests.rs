//! Sets against the standard set, in all encodings and across their limits.

use super::*;
use crate::base::random::Random;
use crate::structures::list_pack::Item;
use crate::value::Object;
use crate::value::limits::EncodingLimits;
use std::collections::BTreeSet;

type Model = BTreeSet<Vec<u8>>;

fn small_limits() -> EncodingLimits {
    EncodingLimits { set_int_entries: 24, set_pack_entries: 16, set_pack_value_bytes: 12, ..EncodingLimits::default() }
}

fn set_of(members: &[&str], limits: &EncodingLimits) -> Set {
    let mut set = Set::for_members(members[0].as_bytes(), members.len(), limits);
    members.iter().for_each(|member| _ = set.add(Item::Bytes(member.as_bytes()), limits));
    set
}

fn numbers(range: std::ops::Range<i64>, limits: &EncodingLimits) -> Set {
    let mut set = Set::default();
    range.for_each(|number| _ = set.add(Item::Int(number), limits));
    set
}

fn texts(set: &Set) -> Model {
    let all: Vec<Vec<u8>> = set.iter().map(Item::to_vec).collect();
    let distinct: Model = all.iter().cloned().collect();
    assert_eq!(all.len(), distinct.len(), "no member twice");
    distinct
}

fn random_member(random: &mut Random) -> Vec<u8> {
    match random.below(12) {
        0 => format!("text{}", random.below(9)).into_bytes(),
        1 => b"a text of more than twelve".to_vec(),
        2 => (i64::MAX - random.below(3) as i64).to_string().into_bytes(),
        _ => (random.below(40) as i64 - 20).to_string().into_bytes(),
    }
}

#[test]
fn behaves_as_the_standard_set_in_every_encoding() {
    let limits = small_limits();
    let mut random = Random::new(1);
    let mut encodings = BTreeSet::new();
    for _ in 0..300 {
        let (mut set, mut model) = (Set::default(), Model::new());
        for _ in 0..random.below(150) {
            let member = random_member(&mut random);
            let item = Item::Bytes(&member);
            assert_eq!(set.contains(item), model.contains(&member));
            if random.below(3) > 0 {
                assert_eq!(set.add(item, &limits), model.insert(member));
            } else {
                assert_eq!(set.remove(item), model.remove(&member));
            }
            assert_eq!(set.len(), model.len());
            encodings.insert(set.encoding());
        }
        assert_eq!(texts(&set), model);
        let mut seen = Model::new();
        let mut cursor = 0;
        loop {
            cursor = set.scan(cursor, &mut |member| _ = seen.insert(member.to_vec()));
            if cursor == 0 {
                break;
            }
        }
        assert_eq!(seen, model);
        while !set.free_some(3) {}
    }
    assert_eq!(encodings.len(), 3);
}

#[test]
fn encodings_change_at_the_limits() {
    let limits = EncodingLimits::default();
    let mut set = numbers(0..512, &limits);
    assert_eq!(set.encoding(), "intset");
    assert!(!set.add(Item::Int(7), &limits));
    set.add(Item::Int(512), &limits);
    assert_eq!(set.encoding(), "hashtable");

    let mut set = numbers(0..127, &limits);
    set.add(Item::Bytes(b"a"), &limits);
    assert_eq!(set.encoding(), "listpack");
    set.add(Item::Bytes(b"b"), &limits);
    assert_eq!((set.encoding(), set.len()), ("hashtable", 129));

    let mut set = numbers(0..128, &limits);
    set.add(Item::Bytes(b"a"), &limits);
    assert_eq!(set.encoding(), "hashtable");

    let long = [b'x'; 65];
    let mut set = set_of(&["1"], &limits);
    set.add(Item::Bytes(&long[..64]), &limits);
    assert_eq!(set.encoding(), "listpack");
    set.add(Item::Bytes(&long), &limits);
    assert_eq!(set.encoding(), "hashtable");

    assert_eq!(Set::for_members(b"1", 513, &limits).encoding(), "hashtable");
    assert_eq!(Set::for_members(b"1", 512, &limits).encoding(), "intset");
    assert_eq!(Set::for_members(b"x", 128, &limits).encoding(), "listpack");
    let mut set = set_of(&["1"], &limits);
    set.expect_more(513, &limits);
    assert_eq!(set.encoding(), "hashtable");
}

#[test]
fn algebra_agrees_with_the_standard_set() {
    let limits = small_limits();
    let mut random = Random::new(2);
    for _ in 0..400 {
        let sets: Vec<Set> = (0..1 + random.below(6))
            .map(|_| {
                let mut set = Set::default();
                for _ in 0..random.below(60) {
                    let member = random_member(&mut random);
                    set.add(Item::Bytes(&member), &limits);
                }
                set
            })
            .collect();
        // Some sets are named twice.
        let mut named: Vec<&Set> = sets.iter().collect();
        if random.below(4) == 0 {
            named.push(&sets[random.below(sets.len() as u64) as usize]);
        }
        let models: Vec<Model> = named.iter().map(|set| texts(set)).collect();
        let all: Model = models.iter().flatten().cloned().collect();
        let common: Model = all.iter().filter(|m| models.iter().all(|model| model.contains(*m))).cloned().collect();
        let rest: Model = models[0].iter().filter(|m| !models[1..].iter().any(|o| o.contains(*m))).cloned().collect();

        let mut shown = Model::new();
        union(&named, |member| assert!(shown.insert(member.to_vec())));
        assert_eq!(shown, all);
        assert_eq!(texts(&Set::of_union(&named, &limits)), all);
        let mut shown = Model::new();
        difference(named[0], &named[1..], |member| assert!(shown.insert(member.to_vec())));
        assert_eq!(shown, rest);
        assert_eq!(texts(&Set::of_difference(named[0], &named[1..], &limits)), rest);
        let mut shown = Model::new();
        intersection(&mut named.clone(), |member| shown.insert(member.to_vec()));
        assert_eq!(shown, common);
        let stored = Set::of_intersection(&mut named, &limits);
        assert_eq!(texts(&stored), common);
        if common.len() <= limits.set_int_entries && common.iter().all(|m| m.len() < 4 && m[0] != b't') {
            assert_eq!(stored.encoding(), "intset");
        }
    }
}

#[test]
fn draws_are_distinct_and_even() {
    let limits = EncodingLimits::default();
    let mut random = Random::new(3);
    let mut pack = numbers(0..9, &limits);
    pack.add(Item::Bytes(b"text"), &limits);
    let mut table = numbers(0..10, &limits);
    table.become_table(0);
    for set in [numbers(0..10, &limits), pack, table] {
        for count in [1, 2, 5, 9] {
            let mut drawn = std::collections::HashMap::<Vec<u8>, u32>::new();
            for _ in 0..6000 / count {
                let mut once = Model::new();
                set.sample_distinct(&mut random, count, |m| assert!(once.insert(m.to_vec())));
                assert_eq!(once.len(), count);
                once.into_iter().for_each(|m| *drawn.entry(m).or_default() += 1);
            }
            // 600 each are expected, give or take 24.
            assert!(drawn.len() == 10 && drawn.values().all(|&n| (480..720).contains(&n)), "{drawn:?}");
        }
        let mut drawn = 0;
        set.sample_with_repeats(&mut random, 100, |_| {
            drawn += 1;
            drawn < 60
        });
        assert_eq!(drawn, 60, "a reply that is full ends it");
    }
}

#[test]
fn popping_shows_what_it_removes() {
    let limits = EncodingLimits::default();
    let mut random = Random::new(4);
    let mut big = numbers(0..500, &limits);
    big.become_table(0);
    let mut pack = numbers(0..50, &limits);
    pack.add(Item::Bytes(b"text"), &limits);
    for (set, then) in [(numbers(0..200, &limits), "intset"), (pack, "listpack"), (big, "hashtable")] {
        for count in [1, 20, 40] {
            let (mut set, before) = (set.clone(), texts(&set));
            let mut popped = Model::new();
            set.pop_distinct(&mut random, count, &limits, |m| assert!(popped.insert(m.to_vec())));
            assert_eq!(popped.len(), count);
            assert_eq!(before.difference(&popped).cloned().collect::<Model>(), texts(&set));
            assert_eq!(set.encoding(), then);
            while let Some(member) = set.pop_sample(&mut random, |m| m.to_vec()) {
                assert!(popped.insert(member));
            }
            assert_eq!(popped, before);
        }
    }
    // Nearly all of a table: the little that is left is a pack, although it is all integers.
    let mut set = numbers(0..600, &limits);
    let mut popped = 0;
    set.pop_distinct(&mut random, 550, &limits, |_| popped += 1);
    assert_eq!((popped, set.len(), set.encoding()), (550, 50, "listpack"));
}

#[test]
fn bytes_are_those_of_the_allocations() {
    let limits = EncodingLimits::default();
    assert_eq!(numbers(0..10, &limits).bytes(0), 32, "eight bytes of header, two a number");
    let mut table = set_of(&["a", "b", "c"], &limits);
    table.become_table(0);
    assert_eq!(table.bytes(0), 56 + 64 + 3 * 8);
    assert!(size_of::<Set>() <= 16);
}
