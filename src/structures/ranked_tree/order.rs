//! The order of elements: by score, then by bytes; and the score as an integer that sorts the same way.

use std::cmp::Ordering;
use std::ptr::NonNull;

/// What can stand in a [`RankedTree`](super::RankedTree): something behind a thin pointer with a score and bytes.
///
/// # Safety
/// For as long as an element is in a tree, `score` and `bytes` give the same values for it each time, the score is
/// not a NaN, and the memory read stays valid.
pub unsafe trait Ranked {
    /// The score of the element.
    /// # Safety
    /// `element` points to a live element.
    unsafe fn score(element: NonNull<Self>) -> f64;

    /// The bytes that order elements of one score.
    /// # Safety
    /// `element` points to a live element that outlives `'a`.
    unsafe fn bytes<'a>(element: NonNull<Self>) -> &'a [u8];
}

/// The score as an unsigned integer of the same order; both zeros give one key.
#[inline]
pub(super) fn order_key(score: f64) -> u64 {
    debug_assert!(!score.is_nan(), "a NaN has no place in an order");
    let bits = (score + 0.0).to_bits();
    if bits >> 63 == 1 { !bits } else { bits | 1 << 63 }
}

/// The order key of an element's score.
#[inline]
pub(super) fn key_of<E: Ranked>(element: NonNull<E>) -> u64 {
    // Safety: only live elements are handed to the tree, and it reads those it holds or was just given.
    order_key(unsafe { E::score(element) })
}

/// What is searched for: the place of an element, which itself may be in the tree or not yet.
pub(super) struct Target<'a, E> {
    pub key: u64,
    pub bytes: &'a [u8],
    /// The pointer under which the tree knows the element; it is compared, and never read.
    pub element: NonNull<E>,
}

impl<'a, E: Ranked> Target<'a, E> {
    #[inline]
    pub fn of(element: NonNull<E>) -> Self {
        // Safety: as in `key_of`.
        Target { key: key_of(element), bytes: unsafe { E::bytes(element) }, element }
    }

    /// How `other`, an element of the tree with the same order key, stands to the target.
    #[inline]
    pub fn cmp_bytes(&self, other: NonNull<E>) -> Ordering {
        if other == self.element {
            return Ordering::Equal;
        }
        // Safety: the tree holds live elements only.
        unsafe { E::bytes(other) }.cmp(self.bytes)
    }

    /// How `other`, an element of the tree, stands to the target.
    #[inline]
    pub fn cmp(&self, other: NonNull<E>) -> Ordering {
        if other == self.element {
            return Ordering::Equal;
        }
        key_of(other).cmp(&self.key).then_with(|| self.cmp_bytes(other))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_sort_as_scores_do() {
        let scores = [f64::NEG_INFINITY, f64::MIN, -2.5, -1.0, -f64::MIN_POSITIVE, -5e-324, 0.0, 5e-324, 1.0, 2.5];
        let scores = scores.iter().chain(&[1e18, f64::MAX, f64::INFINITY]).copied().collect::<Vec<_>>();
        assert!(scores.windows(2).all(|pair| order_key(pair[0]) < order_key(pair[1])));
        assert_eq!(order_key(-0.0), order_key(0.0));
    }
}
