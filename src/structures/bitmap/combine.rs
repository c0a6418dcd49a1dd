//! Several strings combined bit by bit into one that is as long as the longest; shorter ones go on as zeros.
//!
//! Worked off in blocks that stay in the first cache: each source is read once, and the result written once, whatever the
//! number of sources.

use crate::structures::wide::in_two_widths;

/// How the bits of the sources at one position make the bit of the result. X is the first source, Y the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    And,
    Or,
    Xor,
    /// Of one source: the opposite.
    Not,
    /// In X and in no Y.
    Diff,
    /// In some Y and not in X.
    Diff1,
    /// In X and in some Y.
    AndOr,
    /// In exactly one source.
    One,
}

/// Bytes worked off at a time: a handful of blocks fits in the first cache.
const BLOCK: usize = 4096;

in_two_widths! {
    fn and(target: &mut [u8], source: &[u8]) {
        target.iter_mut().zip(source).for_each(|(t, s)| *t &= s);
    }
}
in_two_widths! {
    fn and_not(target: &mut [u8], source: &[u8]) {
        target.iter_mut().zip(source).for_each(|(t, s)| *t &= !s);
    }
}
in_two_widths! {
    fn or(target: &mut [u8], source: &[u8]) {
        target.iter_mut().zip(source).for_each(|(t, s)| *t |= s);
    }
}
in_two_widths! {
    fn xor(target: &mut [u8], source: &[u8]) {
        target.iter_mut().zip(source).for_each(|(t, s)| *t ^= s);
    }
}
in_two_widths! {
    fn invert(target: &mut [u8]) {
        target.iter_mut().for_each(|t| *t = !*t);
    }
}
in_two_widths! {
    /// Bits of `source` go into `seen`, those that were there already into `again`.
    fn note(seen: &mut [u8], again: &mut [u8], source: &[u8]) {
        for ((seen, again), s) in seen.iter_mut().zip(again).zip(source) {
            *again |= *seen & s;
            *seen |= s;
        }
    }
}

/// Combines `sources` and hands the result on piece by piece, in order.
pub fn combine(operation: Operation, sources: &[&[u8]], mut hand_on: impl FnMut(&[u8])) {
    let length = sources.iter().map(|source| source.len()).max().unwrap_or(0);
    let (mut block, mut other) = ([0u8; BLOCK], [0u8; BLOCK]);
    for from in (0..length).step_by(BLOCK) {
        let size = BLOCK.min(length - from);
        let part = |index: usize| piece(sources[index], from, size);
        let (block, other) = (&mut block[..size], &mut other[..size]);
        let rest = 1..sources.len();
        match operation {
            Operation::And => {
                fill(block, part(0));
                for source in rest.map(part) {
                    and(block, source);
                    block[source.len()..].fill(0);
                }
            }
            Operation::Or => {
                fill(block, part(0));
                rest.for_each(|index| or(block, part(index)));
            }
            Operation::Xor => {
                fill(block, part(0));
                rest.for_each(|index| xor(block, part(index)));
            }
            Operation::Not => {
                fill(block, part(0));
                invert(block);
            }
            Operation::Diff => {
                fill(block, part(0));
                rest.for_each(|index| and_not(block, part(index)));
            }
            Operation::Diff1 => {
                block.fill(0);
                rest.for_each(|index| or(block, part(index)));
                and_not(block, part(0));
            }
            Operation::AndOr => {
                block.fill(0);
                rest.for_each(|index| or(block, part(index)));
                and(block, part(0));
                block[part(0).len()..].fill(0);
            }
            Operation::One => {
                block.fill(0);
                other.fill(0);
                (0..sources.len()).for_each(|index| note(block, other, part(index)));
                and_not(block, other);
            }
        }
        hand_on(block);
    }
}

/// What a source has of the `size` bytes from `from` on.
fn piece(source: &[u8], from: usize, size: usize) -> &[u8] {
    let rest = source.get(from..).unwrap_or_default();
    &rest[..rest.len().min(size)]
}

/// The source, and zeros behind it.
fn fill(target: &mut [u8], source: &[u8]) {
    target[..source.len()].copy_from_slice(source);
    target[source.len()..].fill(0);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::random::Random;
    use crate::structures::wide::in_both_widths;

    const ALL: [Operation; 8] = [
        Operation::And,
        Operation::Or,
        Operation::Xor,
        Operation::Not,
        Operation::Diff,
        Operation::Diff1,
        Operation::AndOr,
        Operation::One,
    ];

    /// A byte of the result, from a byte of each source.
    fn model(operation: Operation, bytes: &[u8]) -> u8 {
        let (x, rest) = bytes.split_first().expect("there is a source");
        let union = rest.iter().fold(0, |sum, byte| sum | byte);
        match operation {
            Operation::And => bytes.iter().fold(0xff, |sum, byte| sum & byte),
            Operation::Or => x | union,
            Operation::Xor => bytes.iter().fold(0, |sum, byte| sum ^ byte),
            Operation::Not => !x,
            Operation::Diff => x & !union,
            Operation::Diff1 => union & !x,
            Operation::AndOr => x & union,
            Operation::One => {
                let is_once = |bit: &u32| bytes.iter().filter(|byte| **byte >> bit & 1 == 1).count() == 1;
                (0..8).filter(is_once).fold(0, |sum, bit| sum | 1 << bit)
            }
        }
    }

    #[test]
    fn a_model_test_against_single_bytes() {
        in_both_widths(|| {
            let mut random = Random::new(11);
            for round in 0..400 {
                let operation = ALL[round % ALL.len()];
                let count = if operation == Operation::Not { 1 } else { 1 + random.below(5) };
                let lengths_max = if random.below(4) == 0 { 3 * BLOCK as u64 } else { 100 };
                let sources: Vec<Vec<u8>> = (0..count)
                    .map(|_| {
                        let mut source = vec![0; random.below(lengths_max) as usize];
                        random.fill(&mut source);
                        source
                    })
                    .collect();
                let slices: Vec<&[u8]> = sources.iter().map(Vec::as_slice).collect();
                let mut result = Vec::new();
                combine(operation, &slices, |piece| result.extend_from_slice(piece));
                let length = slices.iter().map(|source| source.len()).max().unwrap_or(0);
                let at = |index: usize| -> Vec<u8> {
                    slices.iter().map(|source| source.get(index).copied().unwrap_or(0)).collect()
                };
                let expected: Vec<u8> = (0..length).map(|index| model(operation, &at(index))).collect();
                assert!(result == expected, "{operation:?} of {count} sources, {length} bytes");
            }
        });
    }
}
