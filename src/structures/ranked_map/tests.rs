//! The map's own tests; as a sorted set's large encoding it also runs through the model test of those.

use super::*;
use crate::base::random::Random;

fn names(map: &RankedMap) -> Vec<(Vec<u8>, f64)> {
    map.iter_from(0).map(|(name, score)| (name.to_vec(), score)).collect()
}

#[test]
fn a_score_that_changes_moves_its_name() {
    let mut map = RankedMap::default();
    for (name, score) in [("a", 3.0), ("b", 1.0), ("c", 2.0)] {
        assert_eq!(map.upsert(name.as_bytes(), None, |present| present.or(Some(score))), Outcome::Added);
    }
    assert_eq!(map.upsert(b"b", None, |present| present.map(|score| score + 1.5)), Outcome::Updated);
    assert_eq!(map.upsert(b"b", None, |present| present), Outcome::Unchanged);
    assert_eq!(map.upsert(b"d", None, |_| None), Outcome::Unchanged);
    assert_eq!(names(&map), [(b"c".to_vec(), 2.0), (b"b".to_vec(), 2.5), (b"a".to_vec(), 3.0)]);
    assert_eq!((map.rank(b"a"), map.score(b"c"), map.score(b"d")), (Some((2, 3.0)), Some(2.0), None));
    assert!(map.remove(b"a") && !map.remove(b"a"));
    let mut popped = Vec::new();
    while map.pop_last(&mut |name, score| popped.push((name.to_vec(), score))) {}
    assert_eq!(popped, [(b"b".to_vec(), 2.5), (b"c".to_vec(), 2.0)]);
    assert!(map.is_empty() && map.sample(&mut Random::new(1)).is_none());
}

#[test]
fn a_builder_puts_in_order_what_came_in_any() {
    let orders: [fn(u32) -> f64; 3] =
        [f64::from, |n| -f64::from(n), |n| f64::from(n.wrapping_mul(2_654_435_761) >> 20)];
    for order in orders {
        let mut builder = Builder::with_capacity(10);
        for number in 0..1000u32 {
            assert!(builder.insert(&number.to_be_bytes(), order(number)));
        }
        assert!(!builder.insert(&7u32.to_be_bytes(), 1.0));
        assert!(!builder.merge(&8u32.to_be_bytes(), 0.0, |present| present + 5000.0));
        assert!(builder.sorted().map(|(_, score)| score).is_sorted());
        let map = builder.finish();
        assert_eq!((map.len(), map.score(&8u32.to_be_bytes())), (1000, Some(order(8) + 5000.0)));
        assert!(map.iter_from(0).map(|(_, score)| score).is_sorted());
        let mut copy = map.duplicate();
        assert_eq!(names(&copy), names(&map));
        assert!(copy.bytes(0) > 0 && copy.bytes(0) == map.bytes(0));
        while !copy.free_some(300) {}
    }
    drop(Builder::default());
}

/// The whole cost of a member, as the allocator counts it.
#[test]
fn a_member_costs_what_the_page_says() {
    let (mut map, mut random) = (RankedMap::default(), Random::new(3));
    let count = 100_000;
    for number in 0..count {
        map.upsert(format!("{number:010}").as_bytes(), None, |_| Some(random.below(1 << 31) as f64));
    }
    let each = map.bytes(0) as f64 / f64::from(count);
    assert!(each < 53.0, "{each} bytes a member");
}

/// Run by hand, in release: `cargo test --release --lib ranked_map -- --ignored --nocapture`.
#[test]
#[ignore = "prints times"]
fn times_of_a_million() {
    use std::time::Instant;
    const COUNT: u64 = 1_000_000;
    let (mut map, mut random) = (RankedMap::default(), Random::new(5));
    let mut timed = |what: &str, map: &mut RankedMap, work: &mut dyn FnMut(&mut RankedMap, &mut Random)| {
        let start = Instant::now();
        work(map, &mut random);
        println!("{what}: {} ns each", start.elapsed().as_nanos() as u64 / COUNT);
    };
    let mut upserts = |map: &mut RankedMap, random: &mut Random| {
        for _ in 0..COUNT {
            let name = format!("element:{:012}", random.below(COUNT));
            let score = random.below(COUNT) as f64;
            map.upsert(name.as_bytes(), Some(score), |_| Some(score));
        }
    };
    for round in 0..4 {
        timed(&format!("upsert {round}"), &mut map, &mut upserts);
    }
    println!("{} members, {:.2} bytes each", map.len(), map.bytes(0) as f64 / map.len() as f64);
    timed("pop first, half", &mut map, &mut |map, _| {
        let mut sum = 0.0;
        for _ in 0..COUNT / 2 {
            map.pop_first(&mut |_, score| sum += score);
        }
        assert!(sum > 0.0);
    });
    timed("remove the rest", &mut map, &mut |map, _| map.remove_ranks(0..map.len(), &mut |_, _| ()));
}
