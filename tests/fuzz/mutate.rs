//! Mutations: bits and bytes set, numbers of the edge put in, stretches cut, doubled, moved, or taken from another case.

use gyre::base::random::Random;

/// Cases do not grow beyond this.
const CASE_BYTES_MAX: usize = 1 << 17;

/// Mutations of one case at most.
const MUTATIONS_MAX: i64 = 6;

/// Bytes with a meaning in one of the formats: lengths, opcodes, ends, signs.
const BYTES: &[u8] = &[
    0, 1, 2, 0x3f, 0x40, 0x7f, 0x80, 0x81, 0xbf, 0xc0, 0xc1, 0xc2, 0xc3, 0xdf, 0xe0, 0xf0, 0xf1, 0xf4, 0xf7, 0xf8,
    0xf9, 0xfa, 0xfb, 0xfc, 0xfd, 0xfe, 0xff, b'\r', b'\n', b'*', b'$', b'-', b'"', b'\'', b'\\', b' ', b'0', b'9',
];

/// Numbers at an edge of some type.
const NUMBERS: &[i64] = &[
    0,
    1,
    -1,
    127,
    128,
    255,
    256,
    32_767,
    32_768,
    65_535,
    65_536,
    8_388_607,
    2_147_483_647,
    2_147_483_648,
    4_294_967_295,
    i64::MAX,
    i64::MIN,
];

/// Changes `case` in some places.
pub fn mutate(random: &mut Random, case: &mut Vec<u8>, other: &[u8]) {
    for _ in 0..random.between(1, MUTATIONS_MAX) {
        once(random, case, other);
        case.truncate(CASE_BYTES_MAX);
    }
}

fn once(random: &mut Random, case: &mut Vec<u8>, other: &[u8]) {
    let at = random.below(case.len() as u64 + 1) as usize;
    let stretch = stretch(random, case.len() - at);
    match random.below(10) {
        0 | 1 if at < case.len() => case[at] ^= 1 << random.below(8),
        2 if at < case.len() => case[at] = BYTES[random.below(BYTES.len() as u64) as usize],
        3 if at < case.len() => case[at] = case[at].wrapping_add(random.between(-4, 4) as u8),
        4 => drop(case.drain(at..at + stretch)),
        5 => {
            let doubled = case[at..at + stretch].to_vec();
            insert(case, at, &doubled);
        }
        6 => {
            let noise: Vec<u8> = (0..random.between(1, 9)).map(|_| random.next_u64() as u8).collect();
            insert(case, at, &noise);
        }
        7 => {
            let number = NUMBERS[random.below(NUMBERS.len() as u64) as usize];
            put_number(random, case, at, number);
        }
        8 if !other.is_empty() => {
            let from = random.below(other.len() as u64) as usize;
            let length = self::stretch(random, other.len() - from);
            let taken = other[from..from + length].to_vec();
            if random.below(2) == 0 {
                case.drain(at..at + stretch.min(taken.len()));
            }
            insert(case, at, &taken);
        }
        _ if random.below(8) == 0 => case.truncate(at),
        _ => insert(case, at, &[BYTES[random.below(BYTES.len() as u64) as usize]]),
    }
}

/// A length of at most `most`, rather short.
fn stretch(random: &mut Random, most: usize) -> usize {
    let bound = [1, 2, 4, 8, 32, 256, most as u64][random.below(7) as usize];
    random.below(bound + 1).min(most as u64) as usize
}

fn insert(case: &mut Vec<u8>, at: usize, bytes: &[u8]) {
    case.splice(at..at, bytes.iter().copied());
}

/// A number as one of the formats would have it: as text, or as some bytes in either order.
fn put_number(random: &mut Random, case: &mut Vec<u8>, at: usize, number: i64) {
    if random.below(3) == 0 {
        return insert(case, at, number.to_string().as_bytes());
    }
    let width = [1, 2, 4, 8][random.below(4) as usize];
    let mut bytes = number.to_le_bytes()[..width].to_vec();
    if random.below(2) == 0 {
        bytes.reverse();
    }
    for (place, byte) in case[at..].iter_mut().zip(bytes) {
        *place = byte;
    }
}
