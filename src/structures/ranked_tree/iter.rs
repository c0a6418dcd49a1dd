//! Walking the elements from a rank on, forward or backward, with those ahead on their way from memory.

use super::leaf::Leaf;
use super::order::Ranked;
use super::tree::RankedTree;
use crate::structures::prefetch::prefetch;
use std::ptr::NonNull;

/// Elements asked for ahead of the one given out: enough to cover a miss with the work on a few replies.
const AHEAD: usize = 8;

/// Elements in rising order.
pub struct Forward<'a, E: Ranked> {
    tree: &'a RankedTree<E>,
    leaf: Option<Leaf<E>>,
    position: usize,
    /// Rank of the next element.
    rank: usize,
}

/// Elements in falling order.
pub struct Backward<'a, E: Ranked> {
    tree: &'a RankedTree<E>,
    leaf: Option<Leaf<E>>,
    /// Elements of the leaf that are still to come.
    position: usize,
    /// Elements of the tree that are still to come.
    left: usize,
}

impl<E: Ranked> RankedTree<E> {
    /// The elements from `rank` up to the greatest.
    pub fn iter_from(&self, rank: usize) -> Forward<'_, E> {
        Forward { tree: self, leaf: None, position: 0, rank: rank.min(self.len()) }
    }

    /// The elements from `rank` down to the least; nothing if there is no such rank.
    pub fn iter_back_from(&self, rank: usize) -> Backward<'_, E> {
        let left = if rank < self.len() { rank + 1 } else { 0 };
        Backward { tree: self, leaf: None, position: 0, left }
    }
}

impl<E: Ranked> Iterator for Forward<'_, E> {
    type Item = NonNull<E>;

    #[inline]
    fn next(&mut self) -> Option<NonNull<E>> {
        let leaf = match self.leaf {
            Some(leaf) if self.position < leaf.len() => leaf,
            _ if self.rank == self.tree.len() => return None,
            _ => {
                let (leaf, position) = self.tree.leaf_of_rank(self.rank);
                (self.leaf, self.position) = (Some(leaf), position);
                leaf.element_slice()[position..].iter().take(AHEAD).for_each(|ahead| prefetch(ahead.as_ptr()));
                leaf
            }
        };
        let element = leaf.element(self.position);
        if let Some(ahead) = leaf.element_slice().get(self.position + AHEAD) {
            prefetch(ahead.as_ptr());
        }
        self.position += 1;
        self.rank += 1;
        Some(element)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.tree.len() - self.rank;
        (left, Some(left))
    }
}

impl<E: Ranked> Iterator for Backward<'_, E> {
    type Item = NonNull<E>;

    #[inline]
    fn next(&mut self) -> Option<NonNull<E>> {
        let leaf = match self.leaf {
            Some(leaf) if self.position > 0 => leaf,
            _ if self.left == 0 => return None,
            _ => {
                let (leaf, position) = self.tree.leaf_of_rank(self.left - 1);
                (self.leaf, self.position) = (Some(leaf), position + 1);
                leaf.element_slice()[..=position].iter().rev().take(AHEAD).for_each(|ahead| prefetch(ahead.as_ptr()));
                leaf
            }
        };
        self.position -= 1;
        self.left -= 1;
        if let Some(ahead) = self.position.checked_sub(AHEAD) {
            prefetch(leaf.element(ahead).as_ptr());
        }
        Some(leaf.element(self.position))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl<E: Ranked> ExactSizeIterator for Forward<'_, E> {}
impl<E: Ranked> ExactSizeIterator for Backward<'_, E> {}
