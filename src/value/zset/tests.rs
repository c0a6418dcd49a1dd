//! Both encodings through the same doors, against a plain map.

use super::*;
use crate::base::random::Random;
use crate::structures::list_pack::{Item, ListPack};
use crate::structures::ranked_map::Outcome;
use crate::value::Object;
use crate::value::limits::EncodingLimits;
use std::collections::BTreeMap;

type Model = BTreeMap<Vec<u8>, f64>;

fn limits(entries: usize) -> EncodingLimits {
    EncodingLimits { zset_pack_entries: entries, ..EncodingLimits::default() }
}

fn sorted(model: &Model) -> Vec<(Vec<u8>, f64)> {
    let mut members = model.iter().map(|(name, &score)| (name.clone(), score)).collect::<Vec<_>>();
    members.sort_by(|left, right| left.1.partial_cmp(&right.1).unwrap().then_with(|| left.0.cmp(&right.0)));
    members
}

fn owned((member, score): (Item<'_>, f64)) -> (Vec<u8>, f64) {
    (member.to_vec(), score)
}

fn agree(zset: &Zset, model: &Model, random: &mut Random) {
    let expected = sorted(model);
    assert_eq!(zset.len(), expected.len());
    assert_eq!(zset.iter_from(0).map(owned).collect::<Vec<_>>(), expected);
    let backward = zset.iter_back_from(expected.len().wrapping_sub(1)).map(owned).collect::<Vec<_>>();
    assert!(backward.iter().eq(expected.iter().rev()));
    if expected.is_empty() {
        assert!(zset.sample(random).is_none());
        return;
    }
    let rank = random.below(expected.len() as u64) as usize;
    let (name, score) = &expected[rank];
    assert_eq!((zset.rank(name), zset.score(name)), (Some((rank, *score)), Some(*score)));
    assert_eq!(zset.get(rank).map(owned).as_ref(), Some(&expected[rank]));
    let (drawn, score) = owned(zset.sample(random).unwrap());
    assert_eq!(model.get(&drawn), Some(&score));
    for (min, max) in [(expected[rank].1, 7.0), (-3.0, expected[rank].1), (2.0, 1.0)] {
        let range = ScoreRange { min: Bound::Inclusive(min), max: Bound::Exclusive(max) };
        let start = expected.iter().filter(|(_, score)| *score < min).count();
        let end = expected.iter().filter(|(_, score)| *score < max).count();
        assert_eq!(zset.ranks_by_score(&range), start..end.max(start));
    }
}

fn run(entries: usize, seed: u64) {
    let (mut zset, mut model, mut random) = (Zset::default(), Model::new(), Random::new(seed));
    let limits = limits(entries);
    for _ in 0..3000 {
        let name = random.below(150).to_string().into_bytes();
        let name = if random.below(2) == 0 { name } else { [b"m", &name[..]].concat() };
        match random.below(10) {
            0..=5 => {
                let score = random.between(-40, 40) as f64 / 4.0;
                let outcome = zset.upsert(&name, &limits, None, |_| Some(score));
                let expected = match model.insert(name, score) {
                    None => Outcome::Added,
                    Some(old) if old == score => Outcome::Unchanged,
                    Some(_) => Outcome::Updated,
                };
                assert_eq!(outcome, expected);
            }
            6..=7 => assert_eq!(zset.remove(&name), model.remove(&name).is_some()),
            8 => {
                let (end, count) = (if random.below(2) == 0 { End::Min } else { End::Max }, random.below(4) as usize);
                let mut popped = Vec::new();
                zset.pop(end, count, &mut |member, score| popped.push((member.to_vec(), score)));
                let mut expected = sorted(&model);
                if end == End::Max {
                    expected.reverse();
                }
                expected.truncate(count);
                assert_eq!(popped, expected);
                popped.iter().for_each(|(name, _)| assert!(model.remove(name).is_some()));
            }
            _ => {
                let start = random.below(zset.len() as u64 + 1) as usize;
                let end = zset.len().min(start + random.below(4) as usize);
                zset.remove_ranks(start..end);
                sorted(&model)[start..end].iter().for_each(|(name, _)| assert!(model.remove(name).is_some()));
            }
        }
        agree(&zset, &model, &mut random);
        if random.below(50) == 0 {
            let copy = zset.duplicate();
            assert_eq!(copy.encoding(), zset.encoding());
            zset = copy;
        }
    }
    let mut seen = Model::new();
    let mut cursor = 0;
    loop {
        cursor = zset.scan(cursor, &mut |member, score| {
            seen.insert(member.to_vec(), score);
        });
        if cursor == 0 {
            break;
        }
    }
    assert_eq!(seen, model);
    while !zset.free_some(10) {}
}

#[test]
fn agrees_with_a_map_in_the_small_encoding() {
    run(1000, 1);
}

#[test]
fn agrees_with_a_map_in_the_large_encoding() {
    run(0, 2);
}

#[test]
fn agrees_with_a_map_across_the_limit() {
    run(60, 3);
}

#[test]
fn scores_are_stored_as_redis_stores_them() {
    let mut zset = Zset::default();
    let limits = limits(128);
    for (name, score) in [("a", 1.0), ("b", -0.0), ("c", 1.5), ("d", 1e30), ("e", f64::INFINITY), ("12", 3.0)] {
        zset.upsert(name.as_bytes(), &limits, None, |_| Some(score));
    }
    let items = zset.as_pack().unwrap().iter().map(|item| format!("{item:?}")).collect::<Vec<_>>();
    let text = |text: &str| format!("{:?}", Item::Bytes(text.as_bytes()));
    let int = |number: i64| format!("{:?}", Item::Int(number));
    let expected = [
        text("b"),
        int(0),
        text("a"),
        int(1),
        text("c"),
        text("1.5"),
        int(12),
        int(3),
        text("d"),
        text("1e+30"),
        text("e"),
        text("inf"),
    ];
    assert_eq!(items, expected);
}

#[test]
fn encodings_change_at_the_limits() {
    let mut zset = Zset::default();
    let limits = limits(2);
    zset.upsert(b"a", &limits, None, |_| Some(1.0));
    zset.upsert(b"b", &limits, None, |_| Some(2.0));
    assert_eq!(zset.encoding(), "listpack");
    zset.upsert(b"b", &limits, None, |_| Some(3.0));
    assert_eq!(zset.encoding(), "listpack");
    zset.upsert(b"c", &limits, None, |_| None);
    assert_eq!(zset.encoding(), "listpack");
    zset.upsert(b"c", &limits, None, |_| Some(0.0));
    assert_eq!(zset.encoding(), "skiplist");
    assert_eq!(zset.iter_from(0).map(owned).map(|pair| pair.0).collect::<Vec<_>>(), [b"c", b"a", b"b"]);

    let mut zset = Zset::default();
    zset.upsert(&[b'x'; 64], &limits, None, |_| Some(1.0));
    assert_eq!(zset.encoding(), "listpack");
    zset.upsert(&[b'x'; 65], &limits, None, |_| Some(1.0));
    assert_eq!(zset.encoding(), "skiplist");

    let mut zset = Zset::default();
    zset.prepare(3, 1, &limits);
    assert_eq!(zset.encoding(), "skiplist");
}

#[test]
fn ranges_by_bytes_need_no_ends() {
    for entries in [0, 128] {
        let mut zset = Zset::default();
        for name in ["a", "b", "c", "d", "5"] {
            zset.upsert(name.as_bytes(), &limits(entries), None, |_| Some(0.0));
        }
        let at = |bound| LexBound::At(bound);
        let ranks = |min, max| {
            let [forward, backward] = [End::Min, End::Max].map(|end| zset.ranks_by_lex(&LexRange { min, max }, end));
            assert!(forward == backward || forward.is_empty() && backward.is_empty());
            forward
        };
        assert_eq!(ranks(LexBound::Lowest, LexBound::Highest), 0..5);
        assert!(ranks(LexBound::Highest, LexBound::Lowest).is_empty());
        assert_eq!(ranks(at(Bound::Inclusive(b"b")), at(Bound::Exclusive(b"d"))), 2..4);
        assert_eq!(ranks(at(Bound::Exclusive(b"5")), LexBound::Highest), 1..5);
        assert!(ranks(at(Bound::Inclusive(b"d")), at(Bound::Inclusive(b"a"))).is_empty());
    }
}

#[test]
fn a_builder_orders_and_merges() {
    for count in [5u32, 500] {
        let mut builder = Builder::with_capacity(10);
        for number in 0..count {
            let score = f64::from(number.wrapping_mul(2_654_435_761) >> 8);
            assert!(builder.insert(&number.to_be_bytes(), score));
        }
        assert!(!builder.insert(&0u32.to_be_bytes(), 1.0));
        builder.merge(&0u32.to_be_bytes(), 9.0, |old| old - 1.0);
        builder.merge(b"new", 1e9, |_| unreachable!());
        let zset = builder.finish(&limits(128));
        assert_eq!(zset.encoding(), if count == 5 { "listpack" } else { "skiplist" });
        assert_eq!(zset.len(), count as usize + 1);
        assert_eq!((zset.score(&0u32.to_be_bytes()), zset.score(b"new")), (Some(-1.0), Some(1e9)));
        let scores = zset.iter_from(0).map(|(_, score)| score).collect::<Vec<_>>();
        assert!(scores.is_sorted());
        assert!(zset.bytes(0) > 0);
    }
}

#[test]
fn foreign_packs_are_checked() {
    let pack = |items: &[&str]| {
        let mut pack = ListPack::new();
        items.iter().for_each(|item| pack.push_back(item.as_bytes()));
        Zset::from_pack(pack, &limits(128)).map(|zset| zset.encoding())
    };
    assert_eq!(pack(&["a", "1", "b", "2.5"]), Ok("listpack"));
    assert_eq!(pack(&["b", "2", "a", "1"]), Ok("skiplist"), "out of order");
    assert_eq!(pack(&["a", "1", "b"]), Err(Corrupt));
    assert_eq!(pack(&["a", "x"]), Err(Corrupt));
    assert_eq!(pack(&["a", "nan"]), Err(Corrupt));
    assert_eq!(pack(&["a", "1", "a", "2"]), Err(Corrupt));
}
