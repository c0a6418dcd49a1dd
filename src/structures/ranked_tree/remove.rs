//! Removal: of an element, of an end, of a range of ranks; and the merging of nodes that have become small.

use super::branch::{BRANCH_LOW, BRANCH_MAX, BRANCH_MERGED_MAX, Branch, branch_class_for};
use super::leaf::{LEAF_LOW, LEAF_MERGED_MAX, Leaf, leaf_class_for};
use super::order::{Ranked, Target, key_of};
use super::path::Path;
use super::tree::RankedTree;
use crate::structures::prefetch::prefetch;
use std::ptr::NonNull;

/// How far behind a popped element the one is that is given with it, and the one that is sent for.
const POP_NEAR: usize = 3;
const POP_AHEAD: usize = 8;

impl<E: Ranked> RankedTree<E> {
    /// Takes out an element that is in the tree; false if it is not.
    pub fn remove(&mut self, element: NonNull<E>) -> bool {
        if self.is_empty() {
            return false;
        }
        let target = Target::of(element);
        let (path, leaf) = self.path_to(&target);
        let Some(position) = leaf.find(&target) else { return false };
        self.remove_run(path, leaf, position, 1);
        true
    }

    /// Takes out the least element; with it comes one of those that will follow, which is near already, and another is
    /// sent for: who pops one pops more.
    #[inline]
    pub fn pop_first(&mut self) -> Option<(NonNull<E>, Option<NonNull<E>>)> {
        if self.is_empty() {
            return None;
        }
        let (path, leaf, _) = self.path_to_rank(0);
        let elements = leaf.element_slice();
        let popped = (elements[0], elements.get(POP_NEAR).copied());
        elements.get(POP_AHEAD).into_iter().for_each(|ahead| prefetch(ahead.as_ptr()));
        self.remove_run(path, leaf, 0, 1);
        Some(popped)
    }

    /// Takes out the greatest element; what comes with it is as for `pop_first`.
    #[inline]
    pub fn pop_last(&mut self) -> Option<(NonNull<E>, Option<NonNull<E>>)> {
        if self.is_empty() {
            return None;
        }
        let (path, leaf, position) = self.path_to_rank(self.len() - 1);
        let elements = leaf.element_slice();
        let popped = (elements[position], position.checked_sub(POP_NEAR).map(|near| elements[near]));
        position.checked_sub(POP_AHEAD).into_iter().for_each(|ahead| prefetch(elements[ahead].as_ptr()));
        self.remove_run(path, leaf, position, 1);
        Some(popped)
    }

    /// Takes out the `count` elements from `rank` on (fewer if there are fewer), and gives them to `take`, neighbours
    /// together, on their way from memory; it may free them.
    pub fn remove_range(&mut self, rank: usize, count: usize, take: &mut dyn FnMut(&[NonNull<E>])) {
        let mut left = count.min(self.len().saturating_sub(rank));
        while left > 0 {
            let (path, leaf, position) = self.path_to_rank(rank);
            let run = left.min(leaf.len() - position);
            let elements = &leaf.element_slice()[position..position + run];
            elements.iter().for_each(|element| prefetch(element.as_ptr()));
            // What `take` frees is not read again: the branches that name it get another first below.
            take(elements);
            self.remove_run(path, leaf, position, run);
            left -= run;
        }
    }

    /// Takes out up to `budget` elements, for freeing a large tree in slices; true once the tree is empty.
    pub fn pop_some(&mut self, budget: usize, take: &mut dyn FnMut(&[NonNull<E>])) -> bool {
        self.remove_range(self.len().saturating_sub(budget), budget, take);
        self.is_empty()
    }

    /// Takes `count` neighbours out of a leaf and puts the tree in order again.
    fn remove_run(&mut self, path: Path<E>, leaf: Leaf<E>, position: usize, count: usize) {
        for step in path.steps() {
            step.branch.set_count(step.at, step.branch.count(step.at) - count);
        }
        self.len -= count as u32;
        leaf.remove(position, count);
        if leaf.len() == 0 {
            self.free_leaf(leaf);
            return self.drop_child(path);
        }
        if position == 0 {
            let first = leaf.element(0);
            Self::set_first(&path, key_of(first), first);
        }
        if leaf.is_roomy() {
            let class = leaf_class_for(leaf.len()) + 1;
            let leaf = self.resize_leaf(leaf, class);
            self.set_node(&path, leaf.node());
        }
        // A leaf at either end is left to run empty: queues are popped there, and merging would move the next one's
        // elements for nothing.
        if leaf_is_low(&path) && !is_at_end(&path) {
            self.merge_leaf(path);
        }
    }

    /// Removes the entry of the node at the end of the path, which is gone, and of every branch that this empties.
    fn drop_child(&mut self, mut path: Path<E>) {
        while let Some(step) = path.pop() {
            step.branch.remove(step.at);
            if step.branch.len() > 0 {
                if step.at == 0 {
                    let least = step.branch.entry(0);
                    Self::set_first(&path, least.key, least.first);
                }
                return self.settle_branch(path, step.branch);
            }
            self.free_branch(step.branch);
        }
        (self.root, self.height) = (NonNull::dangling(), 0);
    }

    /// Merges the leaf at the end of the path with a sibling, if the two make one good leaf.
    fn merge_leaf(&mut self, mut path: Path<E>) {
        let Some(step) = path.pop() else { return };
        let (parent, at) = (step.branch, step.at);
        let Some(at) = mergeable(parent, at, LEAF_MERGED_MAX, |child| Leaf::<E>::at(child).len()) else { return };
        let (left, right) = (Leaf::<E>::at(parent.child(at)), Leaf::<E>::at(parent.child(at + 1)));
        let len = left.len() + right.len();
        let left = self.resize_leaf(left, leaf_class_for(len));
        right.move_tail(0, left);
        left.encode();
        self.free_leaf(right);
        parent.set_child(at, left.node());
        parent.set_count(at, len);
        parent.remove(at + 1);
        self.settle_branch(path, parent);
    }

    /// After a branch at the end of the path has lost an entry: merge it, resize it, or take it away if it is the root
    /// and has one child.
    fn settle_branch(&mut self, mut path: Path<E>, branch: Branch<E>) {
        if path.last().is_none() {
            return self.shrink_root();
        }
        if branch.len() >= BRANCH_LOW {
            return;
        }
        let step = path.pop().expect("looked at above");
        let (parent, at) = (step.branch, step.at);
        let Some(at) = mergeable(parent, at, BRANCH_MERGED_MAX, |child| Branch::<E>::at(child).len()) else { return };
        let (left, right) = (Branch::<E>::at(parent.child(at)), Branch::<E>::at(parent.child(at + 1)));
        let left = self.resize_branch(left, branch_class_for(left.len() + right.len()));
        right.move_tail(0, left);
        self.free_branch(right);
        parent.set_child(at, left.node());
        parent.set_count(at, left.total());
        parent.remove(at + 1);
        self.settle_branch(path, parent);
    }

    /// Takes away roots with one child, and gives the root the class it needs.
    fn shrink_root(&mut self) {
        while self.height > 0 {
            let root = Branch::<E>::at(self.root);
            if root.len() > 1 {
                let class = branch_class_for((root.len() + 1).min(BRANCH_MAX)).min(root.class());
                self.root = self.resize_branch(root, class).node();
                return;
            }
            self.root = root.child(0);
            self.height -= 1;
            self.free_branch(root);
        }
    }
}

fn leaf_is_low<E: Ranked>(path: &Path<E>) -> bool {
    path.last().is_some_and(|step| step.branch.count(step.at) < LEAF_LOW)
}

/// Whether the path leads to the first leaf of the tree, or the last.
fn is_at_end<E: Ranked>(path: &Path<E>) -> bool {
    path.steps().iter().all(|step| step.at == 0) || path.steps().iter().all(|step| step.at + 1 == step.branch.len())
}

/// The left one of two neighbours, of which one is `at`, that together have no more than `max`.
fn mergeable<E: Ranked>(
    parent: Branch<E>,
    at: usize,
    max: usize,
    len_of: impl Fn(NonNull<u8>) -> usize,
) -> Option<usize> {
    let fits = |left: usize| len_of(parent.child(left)) + len_of(parent.child(left + 1)) <= max;
    if at + 1 < parent.len() && fits(at) {
        Some(at)
    } else if at > 0 && fits(at - 1) {
        Some(at - 1)
    } else {
        None
    }
}
