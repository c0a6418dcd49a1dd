//! The deque against `VecDeque`, with limits that make nodes split, merge and stand by themselves all the time.

use super::*;
use proptest::prelude::*;

fn check(deque: &PackDeque, model: &VecDeque<Vec<u8>>) {
    assert_eq!(deque.len(), model.len());
    assert!(deque.iter().map(Item::to_vec).eq(model.iter().cloned()));
    assert!(deque.iter_rev().map(Item::to_vec).eq(model.iter().rev().cloned()));
    let mut len = 0;
    for node in deque.nodes() {
        len += match node {
            NodeRef::Pack(pack) => {
                assert!(!pack.is_empty());
                super::super::list_pack::PackRef::validated(pack.as_bytes()).unwrap();
                pack.len()
            }
            NodeRef::Plain(_) => 1,
        };
    }
    assert_eq!(len, model.len());
    assert_eq!(deque.front().map(Item::to_vec), model.front().cloned());
    assert_eq!(deque.back().map(Item::to_vec), model.back().cloned());
}

#[derive(Clone, Debug)]
enum Step {
    PushBack(Vec<u8>),
    PushFront(Vec<u8>),
    /// Many small ones at an end, then some away from an end: a queue at work.
    Stream {
        in_front: bool,
        count: usize,
        drop: usize,
    },
    DropBack,
    DropFront,
    InsertBefore(usize, Vec<u8>),
    InsertAfter(usize, Vec<u8>),
    Replace(usize, Vec<u8>),
    Remove(usize),
    RemoveRange(usize, usize),
}

fn value() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        6 => (any::<i64>(), 0..64u32).prop_map(|(n, shift)| (n >> shift).to_string().into_bytes()),
        6 => prop::collection::vec(any::<u8>(), 0..30),
        1 => (0..9000usize, any::<u8>()).prop_map(|(len, byte)| vec![byte; len]),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let place = any::<usize>;
    prop_oneof![
        1 => value().prop_map(Step::PushBack),
        1 => value().prop_map(Step::PushFront),
        1 => (any::<bool>(), 0..400usize, 0..400usize).prop_map(|(in_front, count, drop)| Step::Stream { in_front, count, drop }),
        1 => Just(Step::DropBack),
        1 => Just(Step::DropFront),
        3 => (place(), value()).prop_map(|(i, v)| Step::InsertBefore(i, v)),
        3 => (place(), value()).prop_map(|(i, v)| Step::InsertAfter(i, v)),
        3 => (place(), value()).prop_map(|(i, v)| Step::Replace(i, v)),
        3 => place().prop_map(Step::Remove),
        1 => (place(), 0..60usize).prop_map(|(i, n)| Step::RemoveRange(i, n)),
    ]
}

fn stream(deque: &mut PackDeque, model: &mut VecDeque<Vec<u8>>, in_front: bool, count: usize, drop: usize) {
    for i in 0..count {
        let value = (i * 37 % 1000).to_string().into_bytes();
        if in_front {
            deque.push_front(&value);
            model.push_front(value);
        } else {
            deque.push_back(&value);
            model.push_back(value);
        }
    }
    for _ in 0..drop {
        if in_front {
            deque.drop_back();
            model.pop_back();
        } else {
            deque.drop_front();
            model.pop_front();
        }
    }
}

fn apply(deque: &mut PackDeque, model: &mut VecDeque<Vec<u8>>, step: Step) {
    let len = model.len().max(1);
    match step {
        Step::PushBack(value) => {
            deque.push_back(&value);
            model.push_back(value);
        }
        Step::PushFront(value) => {
            deque.push_front(&value);
            model.push_front(value);
        }
        Step::Stream { in_front, count, drop } => stream(deque, model, in_front, count, drop),
        Step::DropBack => {
            deque.drop_back();
            model.pop_back();
        }
        Step::DropFront => {
            deque.drop_front();
            model.pop_front();
        }
        Step::RemoveRange(index, count) => {
            let index = index % (len + 1);
            deque.remove_range(index, count);
            if index < model.len() {
                model.drain(index..(index + count).min(model.len()));
            }
        }
        _ if model.is_empty() => assert!(deque.seek(0).is_none() && deque.seek(-1).is_none()),
        Step::InsertBefore(index, value) => {
            deque.insert_before(deque.seek((index % len) as i64).unwrap(), &value);
            model.insert(index % len, value);
        }
        Step::InsertAfter(index, value) => {
            deque.insert_after(deque.seek((index % len) as i64 - len as i64).unwrap(), &value);
            model.insert(index % len + 1, value);
        }
        Step::Replace(index, value) => {
            deque.replace(deque.seek((index % len) as i64).unwrap(), &value);
            model[index % len] = value;
        }
        Step::Remove(index) => {
            let next = deque.remove(deque.seek((index % len) as i64).unwrap());
            model.remove(index % len);
            assert_eq!(next.map(|at| deque.get(at).to_vec()), model.get(index % len).cloned());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn behaves_like_a_deque(
        fill in prop_oneof![Just(-1), Just(-2), Just(-5), 0..6i32, Just(128)],
        plain_from in prop_oneof![3 => Just(0usize), 1 => 1..20usize],
        steps in prop::collection::vec(step(), 1..80),
    ) {
        let mut deque = PackDeque::new(PackLimits::new(fill).with_plain_from(plain_from));
        let mut model = VecDeque::new();
        for step in steps {
            apply(&mut deque, &mut model, step);
            assert_eq!(deque.len(), model.len());
        }
        check(&deque, &model);
        check(&deque.clone(), &model);
        for index in (0..model.len()).step_by(7) {
            let at = deque.seek(index as i64).unwrap();
            assert_eq!(deque.get(at).to_vec(), model[index]);
            assert!(deque.iter_from(at).map(Item::to_vec).eq(model.iter().skip(index).cloned()));
            assert_eq!(deque.iter_rev_from(at).count(), index + 1);
            assert_eq!(deque.next(at).map(|next| deque.get(next).to_vec()), model.get(index + 1).cloned());
            assert_eq!(deque.prev(at).is_none(), index == 0);
        }
        while !deque.free_some(3) {}
        assert_eq!(deque.len(), 0);
    }
}

#[test]
fn ends_fill_packs_to_the_limit() {
    for in_front in [false, true] {
        let mut deque = PackDeque::new(PackLimits::new(-2));
        for _ in 0..100_000 {
            if in_front {
                deque.push_front(b"abc")
            } else {
                deque.push_back(b"abc")
            };
        }
        // Five bytes an element, 8 KiB a pack.
        assert_eq!(deque.node_count(), (100_000f64 / 1635.0).ceil() as usize);
        assert!(deque.allocated_bytes() < 100_000 * 5 + 20_000, "{}", deque.allocated_bytes());
    }
}

#[test]
fn large_elements_stand_by_themselves() {
    let mut deque = PackDeque::new(PackLimits::new(-1));
    let large = vec![b'x'; 4097];
    deque.push_back(b"a");
    deque.push_back(&large);
    deque.push_back(b"b");
    assert_eq!(deque.node_count(), 3);
    deque.replace(deque.seek(1).unwrap(), b"small");
    deque.replace(deque.seek(0).unwrap(), &large);
    assert!(matches!(deque.nodes().next(), Some(NodeRef::Plain(bytes)) if bytes == large));
    assert_eq!(deque.back(), Some(Item::Bytes(b"b")));
}

#[test]
fn a_pack_comes_and_goes_whole() {
    let mut pack = ListPack::new();
    for i in 0..10 {
        pack.push_back_int(i);
    }
    let bytes = pack.as_bytes().to_vec();
    let mut deque = PackDeque::new(PackLimits::new(-2));
    deque.append_pack(pack);
    deque.push_front(b"x");
    deque.drop_front();
    assert_eq!(deque.only_pack_bytes(), Some(bytes.len()));
    assert_eq!(deque.take_only_pack().unwrap().as_bytes(), bytes);
    assert!(deque.is_empty());
}

#[test]
fn a_queue_in_one_pack_stays_small() {
    let mut deque = PackDeque::new(PackLimits::new(-2));
    for i in 0..100_000u32 {
        deque.push_front(i.to_string().as_bytes());
        if i >= 50 {
            assert_eq!(deque.back().map(Item::to_vec), Some((i - 50).to_string().into_bytes()));
            deque.drop_back();
        }
    }
    assert!(deque.allocated_bytes() < 3000, "{}", deque.allocated_bytes());
}

/// Not a promise, a yardstick: `cargo test --release -- --ignored --nocapture speed`.
#[test]
#[ignore = "a measurement"]
fn speed_of_the_ends() {
    use std::hint::black_box;
    let mut deque = PackDeque::new(PackLimits::new(-2));
    let count = 3_000_000;
    let measure = |what: &str, times: usize, run: &mut dyn FnMut()| {
        let start = std::time::Instant::now();
        for _ in 0..times {
            run();
        }
        println!("{what}: {:.1} ns", start.elapsed().as_nanos() as f64 / times as f64);
    };
    measure("push_front", count, &mut || deque.push_front(black_box(b"xxx")));
    let mut items = deque.iter();
    measure("iterate", count, &mut || assert!(black_box(items.next()).is_some()));
    measure("drop_back", count, &mut || {
        black_box(deque.back());
        deque.drop_back();
    });
    measure("push_back", count, &mut || deque.push_back(black_box(b"xxx")));
    measure("seek middle", 1000, &mut || assert!(deque.seek(black_box(count as i64 / 2)).is_some()));
}
