//! How many keys of each type have which size, in powers of two: what INFO keysizes prints. Kept true by the write door.

use crate::value::Kind;

/// Powers of two that are told apart: sizes 0, 1, 2–3, 4–7, … up to 2^59.
pub const SIZE_BINS: usize = 61;
const KINDS: usize = 7;

/// The histograms of one database.
#[derive(Clone)]
pub struct KeySizes {
    counts: Box<[[i64; SIZE_BINS]; KINDS]>,
}

impl Default for KeySizes {
    fn default() -> KeySizes {
        KeySizes { counts: Box::new([[0; SIZE_BINS]; KINDS]) }
    }
}

#[inline]
fn bin(size: usize) -> usize {
    ((usize::BITS - size.leading_zeros()) as usize).min(SIZE_BINS - 1)
}

impl KeySizes {
    /// A key of this size came.
    #[inline]
    pub fn add(&mut self, kind: Kind, size: usize) {
        self.counts[kind as usize][bin(size)] += 1;
    }

    /// A key of this size went.
    #[inline]
    pub fn remove(&mut self, kind: Kind, size: usize) {
        self.counts[kind as usize][bin(size)] -= 1;
    }

    /// A key's size changed.
    #[inline]
    pub fn change(&mut self, kind: Kind, from: usize, to: usize) {
        if bin(from) != bin(to) {
            self.remove(kind, from);
            self.add(kind, to);
        }
    }

    /// A key came to hold another value, perhaps of another type.
    #[inline]
    pub fn replace(&mut self, old: Kind, from: usize, new: Kind, to: usize) {
        if old == new {
            self.change(old, from, to);
        } else {
            self.remove(old, from);
            self.add(new, to);
        }
    }

    /// Lower bounds of the non-empty bins with their counts.
    pub fn bins(&self, kind: Kind) -> impl Iterator<Item = (u64, i64)> + '_ {
        let counts = self.counts.get(kind as usize).into_iter().flatten().enumerate();
        counts.filter(|(_, count)| **count != 0).map(|(i, count)| (if i == 0 { 0 } else { 1u64 << (i - 1) }, *count))
    }
}
