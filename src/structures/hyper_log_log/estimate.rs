//! From how many registers have which value to a cardinality: the improved raw estimator of Otmar Ertl, "New cardinality
//! estimation algorithms for HyperLogLog sketches" (arXiv:1702.01284), which needs no correction at either end.

use super::{REGISTER_INDEX_BITS, REGISTERS, VALUES};

/// The highest value that is not cut off.
const VALUE_MAX: usize = (u64::BITS - REGISTER_INDEX_BITS) as usize;
/// 1 / (2 ln 2)
const ALPHA: f64 = 0.721_347_520_444_481_7;
/// What stands for an infinite estimate: Redis's, which as a signed number is the lowest.
const BEYOND_COUNTING: u64 = 1 << 63;

/// `counts[v]`: how many registers have value v.
pub(super) fn cardinality(counts: &[u32; VALUES]) -> u64 {
    let registers = REGISTERS as f64;
    let mut sum = registers * tau((registers - f64::from(counts[VALUE_MAX + 1])) / registers);
    for count in counts[1..=VALUE_MAX].iter().rev() {
        sum = (sum + f64::from(*count)) * 0.5;
    }
    sum += registers * sigma(f64::from(counts[0]) / registers);
    if sum == 0.0 { BEYOND_COUNTING } else { (ALPHA * registers * registers / sum).round() as u64 }
}

/// x + Σ x^(2^k) · 2^(k-1), until it grows no more; infinite at 1.
fn sigma(mut x: f64) -> f64 {
    if x == 1.0 {
        return f64::INFINITY;
    }
    let (mut weight, mut sum) = (1.0, x);
    loop {
        x *= x;
        let before = sum;
        sum += x * weight;
        weight += weight;
        if sum == before {
            return sum;
        }
    }
}

/// (1 - x - Σ (1 - x^(2^-k))² · 2^-k) / 3, until it shrinks no more.
fn tau(mut x: f64) -> f64 {
    if x == 0.0 || x == 1.0 {
        return 0.0;
    }
    let (mut weight, mut sum) = (1.0, 1.0 - x);
    loop {
        x = x.sqrt();
        let before = sum;
        weight *= 0.5;
        sum -= (1.0 - x) * (1.0 - x) * weight;
        if sum == before {
            return sum / 3.0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ends_are_exact() {
        let mut counts = [0; VALUES];
        counts[0] = REGISTERS as u32;
        assert_eq!(cardinality(&counts), 0);
        (counts[0], counts[1]) = (REGISTERS as u32 - 1, 1);
        assert_eq!(cardinality(&counts), 1);
        counts = [0; VALUES];
        counts[VALUE_MAX + 1] = REGISTERS as u32;
        assert_eq!(cardinality(&counts), BEYOND_COUNTING);
    }
}
