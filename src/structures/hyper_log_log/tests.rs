//! The whole against plain registers: random elements, small limits, unions, and bytes that make no sense.

use super::*;
use crate::base::random::Random;

/// Raises a register of a string, as its owner does.
fn raise_in(bytes: &mut Vec<u8>, place: Place, sparse_bytes_max: usize) -> Result<bool, Corrupt> {
    match raise(bytes, place, sparse_bytes_max)? {
        Raise::Done => Ok(false),
        Raise::Splice(splice) => {
            bytes.splice(splice.at..splice.at + splice.removed, splice.inserted().iter().copied());
            forget_cardinality(bytes);
            Ok(true)
        }
        Raise::ToDense => {
            *bytes = to_dense(bytes)?.to_vec();
            raise_in(bytes, place, sparse_bytes_max)
        }
    }
}

fn registers_of(bytes: &[u8]) -> Box<Raw> {
    let mut raw = Box::new([0; REGISTERS]);
    unite(&mut raw, bytes, true).expect("the registers are whole");
    raw
}

#[test]
fn a_model_test_against_one_byte_a_register() {
    let mut random = Random::new(9);
    for round in 0..60 {
        let mut bytes = EMPTY.to_vec();
        let mut model = Box::new([0u8; REGISTERS]);
        let sparse_bytes_max = [0, 30, 200, 3000][round % 4];
        // Registers close together meet splitting and joining; those of real elements meet all.
        let crowd = [40, 2000, REGISTERS as u64][round % 3];
        for _ in 0..random.below(1500) {
            let value = 1 + random.below([3, 34][round % 2]) as u8;
            let place = Place { index: random.below(crowd) as usize, value };
            let is_raised = raise_in(&mut bytes, place, sparse_bytes_max).expect("nothing is corrupt");
            assert_eq!(is_raised, model[place.index] < value);
            model[place.index] = model[place.index].max(value);
            if encoding_of(&bytes) == Some(Encoding::Sparse) {
                assert!(bytes.len() <= sparse_bytes_max.max(EMPTY.len() + 1));
                assert_eq!(opcodes(&bytes).map(Opcode::run).sum::<usize>(), REGISTERS);
            }
        }
        assert!(registers_of(&bytes) == model);
        assert_eq!(cardinality(&bytes), Ok(cardinality_of_raw(&model)));
        let dense = dense_of(&bytes, &model);
        assert!(registers_of(&dense) == model);
        if encoding_of(&bytes) == Some(Encoding::Sparse) {
            assert!(to_dense(&bytes).expect("whole")[..] == dense[..]);
        }
    }
}

#[test]
fn a_count_of_many_is_close() {
    let mut bytes = EMPTY.to_vec();
    let mut next_check = 1;
    for number in 1..=200_000u32 {
        raise_in(&mut bytes, place_of(&number.to_le_bytes()), 3000).expect("nothing is corrupt");
        if number == next_check {
            let found = cardinality(&bytes).expect("whole");
            assert!(found.abs_diff(u64::from(number)) as f64 <= f64::from(number) * 0.05, "{found} of {number}");
            next_check *= 10;
        }
    }
}

#[test]
fn the_header_keeps_a_count_until_it_is_stale() {
    let mut bytes = EMPTY.to_vec();
    assert_eq!(cached_cardinality(&bytes), Some(0));
    forget_cardinality(&mut bytes);
    assert_eq!(cached_cardinality(&bytes), None);
    cache_cardinality(&mut bytes, 77);
    assert_eq!(cached_cardinality(&bytes), Some(77));
}

#[test]
fn what_is_no_header_is_none() {
    assert_eq!(encoding_of(EMPTY), Some(Encoding::Sparse));
    assert_eq!(encoding_of(&EMPTY[..15]), None);
    assert_eq!(encoding_of(b""), None);
    for (at, byte) in [(0, b'h'), (3, 0), (4, 2), (4, 0)] {
        let mut bytes = EMPTY.to_vec();
        bytes[at] = byte;
        assert_eq!(encoding_of(&bytes), None, "byte {at} is {byte}");
    }
    let mut dense = to_dense(EMPTY).expect("whole").to_vec();
    assert_eq!(encoding_of(&dense), Some(Encoding::Dense));
    dense.push(0);
    assert_eq!(encoding_of(&dense), None);
}

#[test]
fn corrupt_runs_are_found_and_never_left() {
    let with = |opcodes: &[u8]| [&EMPTY[..HEADER_BYTES], opcodes].concat();
    let corrupt: [&[u8]; 6] = [b"", b"\x7f", b"\x7f\xff\x00", b"\x7f\xff\x7f\xff", b"\x7f\xfe\xff", b"\x3f"];
    for opcodes in corrupt {
        let bytes = with(opcodes);
        assert_eq!(cardinality(&bytes), Err(Corrupt), "{opcodes:x?}");
        assert!(to_dense(&bytes).is_err());
        assert_eq!(unite(&mut [0; REGISTERS], &bytes, true), Err(Corrupt));
    }
    // A register that some opcode covers can be raised, whatever comes behind.
    let mut bytes = with(b"\x7f\xff\x7f\xff");
    assert_eq!(raise_in(&mut bytes, place_of(b"a"), 3000), Ok(true));
    assert_eq!(raise_in(&mut with(b""), place_of(b"a"), 3000), Err(Corrupt));
    // Whatever the bytes are, they are not left.
    let mut random = Random::new(10);
    for _ in 0..20_000 {
        let mut opcodes = vec![0; random.below(40) as usize];
        random.fill(&mut opcodes);
        let mut bytes = with(&opcodes);
        for _ in 0..4 {
            let place = Place { index: random.below(REGISTERS as u64) as usize, value: 1 + random.below(33) as u8 };
            let _ = raise_in(&mut bytes, place, 60);
        }
        let _ = cardinality(&bytes);
    }
}
