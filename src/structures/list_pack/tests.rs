//! The pack against a vector of byte strings, against bytes captured from Redis 8.0.6, and against corrupted bytes.

use super::*;
use proptest::prelude::*;

fn values(pack: PackRef) -> Vec<Vec<u8>> {
    pack.iter().map(Item::to_vec).collect()
}

fn check(pack: &ListPack, model: &[Vec<u8>]) {
    assert_eq!(values(pack.view()), model);
    assert_eq!(pack.len(), model.len());
    let mut backwards: Vec<Vec<u8>> = pack.iter_rev().map(Item::to_vec).collect();
    backwards.reverse();
    assert_eq!(backwards, model);
    assert!(PackRef::validated(pack.as_bytes()).is_ok());
}

fn hex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap()).collect()
}

#[test]
fn bytes_are_those_that_redis_writes() {
    // HSET h name gyre n 12, taken out of DUMP.
    let mut hash = ListPack::new();
    for field in ["name", "gyre", "n", "12"] {
        hash.push_back(field.as_bytes());
    }
    assert_eq!(hash.as_bytes(), hex("180000000400846e616d6505846779726505816e020c01ff"));

    let (x, y, z) = ("x".repeat(63), "y".repeat(64), "z".repeat(130));
    let mut list = ListPack::new();
    for value in [
        "0",
        "127",
        "128",
        "-1",
        "-4096",
        "4095",
        "4096",
        "-4097",
        "32767",
        "-32768",
        "32768",
        "8388607",
        "-8388608",
        "8388608",
        "2147483647",
        "-2147483648",
        "2147483648",
        "9223372036854775807",
        "-9223372036854775808",
        "9223372036854775808",
        "",
        "a",
        &x,
        &y,
        &z,
        "007",
        "-0",
        "+1",
        " 1",
        "1.0",
    ] {
        list.push_back(value.as_bytes());
    }
    let redis = [
        "a00100001e0000017f01c08002dfff02d00002cfff02f1001003f1ffef03f1ff7f03f1008003f200800004f2ffff7f04f200008004",
        "f30000800005f3ffffff7f05f30000008005f4000000800000000009f4ffffffffffffff7f09f40000000000000080099339323233",
        "333732303336383534373735383038148001816102bf",
        &"78".repeat(63),
        "40e040",
        &"79".repeat(64),
        "42e082",
        &"7a".repeat(130),
        "01848330303704822d3003822b31038220310383312e3004ff",
    ];
    assert_eq!(list.as_bytes(), hex(&redis.concat()));
}

#[test]
fn long_elements_close_as_in_redis() {
    for (len, closing) in [(16_376, "7ffd"), (16_377, "7ffe"), (16_378, "00ffff"), (16_379, "018080")] {
        let mut pack = ListPack::new();
        pack.push_back(&vec![b'x'; len]);
        pack.push_back(b"1");
        assert_eq!(pack.as_bytes()[HEADER + 5 + len..], hex(&format!("{closing}0101ff")));
        check(&pack, &[vec![b'x'; len], b"1".to_vec()]);
    }
}

#[test]
fn the_count_gives_up_and_the_pack_does_not() {
    let mut pack = ListPack::new();
    for i in 0..66_000 {
        pack.push_back_int(i % 100);
    }
    assert_eq!(pack.view().header_count(), LEN_UNKNOWN);
    assert_eq!(pack.len(), 66_000);
    assert_eq!(pack.get(pack.seek(-1).unwrap()), Item::Int(65_999 % 100));
    assert_eq!(pack.get(pack.seek(65_998).unwrap()), Item::Int(98));
    pack.remove_range(10, 65_990);
    assert_eq!(pack.len(), 10);
    assert!(PackRef::validated(pack.as_bytes()).is_ok());
}

#[test]
fn find_looks_at_fields_only() {
    let mut pack = ListPack::new();
    for text in ["a", "b", "b", "7", "7", "a", "odd"] {
        pack.push_back(text.as_bytes());
    }
    let first = pack.first().unwrap();
    assert_eq!(pack.find(first, b"b", 1), pack.seek(2));
    assert_eq!(pack.find(first, b"b", 0), pack.seek(1));
    assert_eq!(pack.find(first, b"7", 1), pack.seek(4));
    assert_eq!(pack.find(first, b"none", 1), None);
    assert_eq!(pack.pairs().count(), 3);
}

#[test]
fn an_empty_pack_has_no_positions() {
    let mut pack = ListPack::new();
    assert!(pack.is_empty() && pack.first().is_none() && pack.last().is_none() && pack.seek(-1).is_none());
    pack.push_front(b"");
    assert_eq!(pack.remove(pack.first().unwrap()), None);
    check(&pack, &[]);
    assert_eq!(size_of::<Option<ListPack>>(), 8);
}

#[derive(Clone, Debug)]
enum Step {
    PushBack(Vec<u8>),
    PushFront(Vec<u8>),
    InsertBefore(usize, Vec<u8>),
    InsertAfter(usize, Vec<u8>),
    Replace(usize, Vec<u8>),
    Remove(usize),
    RemoveRange(i64, usize),
}

fn value() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => any::<i64>().prop_map(|n| n.to_string().into_bytes()),
        4 => (any::<i64>(), 0..64u32).prop_map(|(n, shift)| (n >> shift).to_string().into_bytes()),
        4 => prop::collection::vec(any::<u8>(), 0..80),
        1 => (0..20_000usize, any::<u8>()).prop_map(|(len, byte)| vec![byte; len]),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        value().prop_map(Step::PushBack),
        value().prop_map(Step::PushFront),
        (any::<usize>(), value()).prop_map(|(i, v)| Step::InsertBefore(i, v)),
        (any::<usize>(), value()).prop_map(|(i, v)| Step::InsertAfter(i, v)),
        (any::<usize>(), value()).prop_map(|(i, v)| Step::Replace(i, v)),
        any::<usize>().prop_map(Step::Remove),
        (-30..30i64, 0..5usize).prop_map(|(i, n)| Step::RemoveRange(i, n)),
    ]
}

fn apply(pack: &mut ListPack, model: &mut Vec<Vec<u8>>, step: Step) {
    let place = |index: usize, model: &Vec<Vec<u8>>| index % model.len();
    match step {
        Step::PushBack(value) => {
            pack.push_back(&value);
            model.push(value);
        }
        Step::PushFront(value) => {
            pack.push_front(&value);
            model.insert(0, value);
        }
        Step::RemoveRange(index, count) => {
            pack.remove_range(index, count);
            let len = model.len() as i64;
            let from = if index < 0 { index + len } else { index };
            if (0..len).contains(&from) {
                let from = from as usize;
                model.drain(from..(from + count).min(model.len()));
            }
        }
        _ if model.is_empty() => {}
        Step::InsertBefore(index, value) => {
            let index = place(index, model);
            let at = pack.insert_before(pack.seek(index as i64).unwrap(), &value);
            assert!(pack.get(at).eq_bytes(&value));
            model.insert(index, value);
        }
        Step::InsertAfter(index, value) => {
            let index = place(index, model);
            let at = pack.insert_after(pack.seek(index as i64).unwrap(), &value);
            assert!(pack.get(at).eq_bytes(&value));
            model.insert(index + 1, value);
        }
        Step::Replace(index, value) => {
            let index = place(index, model);
            pack.replace(pack.seek(index as i64 - model.len() as i64).unwrap(), &value);
            model[index] = value;
        }
        Step::Remove(index) => {
            let index = place(index, model);
            let next = pack.remove(pack.seek(index as i64).unwrap());
            model.remove(index);
            assert_eq!(next.map(|at| pack.get(at).to_vec()), model.get(index).cloned());
        }
    }
}

proptest! {
    #[test]
    fn behaves_like_a_vector(steps in prop::collection::vec(step(), 1..120)) {
        let mut pack = ListPack::new();
        let mut model = Vec::new();
        for step in steps {
            apply(&mut pack, &mut model, step);
            assert_eq!(pack.len(), model.len());
        }
        check(&pack, &model);
        check(&pack.clone(), &model);
        check(&ListPack::from_bytes(pack.as_bytes()).unwrap(), &model);
        for value in &model {
            let found = pack.find(pack.first().unwrap(), value, 0).unwrap();
            let expected = model.iter().position(|other| other == value).unwrap();
            assert_eq!(Some(found), pack.seek(expected as i64));
        }
    }

    /// Whatever validates can be read to both ends; nothing panics.
    #[test]
    fn corrupt_bytes_are_refused_or_readable(
        elements in prop::collection::vec(value(), 0..12),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        cut in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let mut pack = ListPack::new();
        for element in &elements {
            pack.push_back(element);
        }
        let mut bytes = pack.as_bytes().to_vec();
        for (index, byte) in changes {
            let at = index.index(bytes.len().min(64));
            bytes[at] = byte;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        if let Ok(mut foreign) = ListPack::from_bytes(&bytes) {
            let forwards = values(foreign.view());
            assert_eq!(foreign.iter_rev().count(), forwards.len());
            for _ in 0..forwards.len() {
                foreign.remove(foreign.last().unwrap());
            }
            assert_eq!(foreign.byte_size(), EMPTY_BYTES);
        }
    }
}
