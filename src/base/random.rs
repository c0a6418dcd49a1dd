//! Random numbers: a fast generator (xoshiro256++, Blackman and Vigna 2018) that is always seeded and always passed in.
//!
//! There is no global one: who draws at random takes `&mut Random`, so that a run can be repeated from its seed.
//! Not for secrets: seeds and identifiers that others must not guess come from the system (`Random::from_system`).

use std::io::Read;

/// The generator; 32 bytes of state, never all zero.
#[derive(Clone, Debug)]
pub struct Random {
    state: [u64; 4],
}

/// Bytes from the system's entropy: for secrets.
pub fn fill_from_system(bytes: &mut [u8]) -> std::io::Result<()> {
    std::fs::File::open("/dev/urandom")?.read_exact(bytes)
}

impl Random {
    /// The generator of this seed; equal seeds give equal sequences. The seed is spread by splitmix64,
    /// so that neighbouring seeds share nothing.
    pub fn new(seed: u64) -> Random {
        let mut z = seed;
        let state = std::array::from_fn(|_| {
            z = z.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut word = z;
            word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            word ^ (word >> 31)
        });
        Random { state }
    }

    /// A generator that nobody can foretell: seeded from the system's entropy, at boot.
    pub fn from_system() -> std::io::Result<Random> {
        let mut seed = [0; 8];
        fill_from_system(&mut seed)?;
        Ok(Random::new(u64::from_le_bytes(seed)))
    }

    /// The next 64 bits.
    #[inline]
    pub fn next_u64(&mut self) -> u64 {
        let [a, b, c, d] = self.state;
        let result = a.wrapping_add(d).rotate_left(23).wrapping_add(a);
        let c = c ^ a;
        let d = d ^ b;
        self.state = [a ^ d, b ^ c, c ^ (b << 17), d.rotate_left(45)];
        result
    }

    /// A number in `0..n`, each equally likely; `n` must not be 0.
    #[inline]
    pub fn below(&mut self, n: u64) -> u64 {
        debug_assert!(n > 0, "nothing lies below 0");
        // Lemire's method: the high word of a product; the low word tells the few draws that would favour small numbers.
        let mut product = u128::from(self.next_u64()) * u128::from(n);
        if (product as u64) < n {
            let unfair = n.wrapping_neg() % n;
            while (product as u64) < unfair {
                product = u128::from(self.next_u64()) * u128::from(n);
            }
        }
        (product >> 64) as u64
    }

    /// A number in `low..=high`.
    #[inline]
    pub fn between(&mut self, low: i64, high: i64) -> i64 {
        debug_assert!(low <= high, "the range is not empty");
        let span = (high as u64).wrapping_sub(low as u64);
        let step = if span == u64::MAX { self.next_u64() } else { self.below(span + 1) };
        low.wrapping_add(step as i64)
    }

    /// A fraction in `0.0..1.0`, a multiple of 2⁻⁵³.
    #[inline]
    pub fn fraction(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// True with this probability (0 never, 1 always).
    #[inline]
    pub fn chance(&mut self, probability: f64) -> bool {
        self.fraction() < probability
    }

    /// Fills the bytes at random.
    pub fn fill(&mut self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            let word = self.next_u64().to_le_bytes();
            chunk.copy_from_slice(&word[..chunk.len()]);
        }
    }

    /// `length` random lowercase hexadecimal digits, the form of run and replication identifiers.
    pub fn hex(&mut self, length: usize) -> String {
        (0..length).map(|_| char::from(b"0123456789abcdef"[self.below(16) as usize])).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequence_is_the_published_one() {
        // The first outputs of xoshiro256++ from the state 1, 2, 3, 4, as its authors' code gives them.
        let mut random = Random { state: [1, 2, 3, 4] };
        let first: Vec<u64> = (0..4).map(|_| random.next_u64()).collect();
        assert_eq!(first, [41_943_041, 58_720_359, 3_588_806_011_781_223, 3_591_011_842_654_386]);
    }

    #[test]
    fn equal_seeds_agree_and_others_do_not() {
        let draw =
            |seed| (0..10).map(|_| 0).scan(Random::new(seed), |r, _: i32| Some(r.next_u64())).collect::<Vec<_>>();
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(8));
    }

    #[test]
    fn below_is_even() {
        let mut random = Random::new(1);
        let mut seen = [0u32; 7];
        for _ in 0..70_000 {
            seen[random.below(7) as usize] += 1;
        }
        assert!(seen.iter().all(|&n| (9_500..10_500).contains(&n)), "{seen:?}");
        assert_eq!(random.below(1), 0);
        assert!((0..100).all(|_| random.below(u64::MAX) < u64::MAX));
    }

    #[test]
    fn between_holds_its_ends() {
        let mut random = Random::new(2);
        let drawn: Vec<i64> = (0..200).map(|_| random.between(-2, 2)).collect();
        assert!(drawn.contains(&-2) && drawn.contains(&2) && drawn.iter().all(|n| (-2..=2).contains(n)));
        random.between(i64::MIN, i64::MAX);
    }

    #[test]
    fn chance_and_fill() {
        let mut random = Random::new(3);
        assert!(!random.chance(0.0) && random.chance(1.0));
        let hits = (0..10_000).filter(|_| random.chance(0.25)).count();
        assert!((2_300..2_700).contains(&hits), "{hits}");
        let mut bytes = [0u8; 61];
        random.fill(&mut bytes);
        assert!(bytes.iter().filter(|&&b| b == 0).count() < 5);
        assert_eq!(random.hex(40).len(), 40);
    }
}
