//! Insertion: find the leaf, give it the next size class or split it, and carry the split up.

use super::branch::{BRANCH_MAX, Branch, Entry, branch_class_for};
use super::leaf::{LEAF_MAX, Leaf, leaf_class_for};
use super::order::{Ranked, Target, key_of};
use super::path::Path;
use super::tree::RankedTree;
use std::ptr::NonNull;

/// Where in the whole tree an insertion takes place. At either end it is likely to be followed by more of its kind
/// (rising times, falling counters), so a full node is not halved there: the new one begins with one element.
#[derive(Clone, Copy, PartialEq)]
enum Place {
    Front,
    Middle,
    Back,
}

impl<E: Ranked> RankedTree<E> {
    /// Adds an element that is not in the tree.
    pub fn insert(&mut self, element: NonNull<E>) {
        assert!(self.len < u32::MAX, "counts are of 32 bits");
        let target = Target::of(element);
        if self.is_empty() {
            self.root = self.allocate_leaf(0).node();
        }
        let (path, leaf) = self.path_to(&target);
        for step in path.steps() {
            step.branch.set_count(step.at, step.branch.count(step.at) + 1);
        }
        self.len += 1;
        let position = leaf.position_for(&target);
        if position == 0 {
            Self::set_first(&path, target.key, element);
        }
        if leaf.len() < leaf.capacity() {
            leaf.insert(position, target.key, element);
        } else if leaf.len() < LEAF_MAX {
            let leaf = self.resize_leaf(leaf, leaf.class() + 1);
            self.set_node(&path, leaf.node());
            leaf.insert(position, target.key, element);
        } else {
            self.insert_split(path, leaf, position, &target);
        }
    }

    /// Splits a full leaf in two, of which one takes the element.
    fn insert_split(&mut self, path: Path<E>, leaf: Leaf<E>, position: usize, target: &Target<E>) {
        let place = if position == 0 && path.steps().iter().all(|step| step.at == 0) {
            Place::Front
        } else if position == leaf.len() && path.steps().iter().all(|step| step.at + 1 == step.branch.len()) {
            Place::Back
        } else {
            Place::Middle
        };
        let middle = match place {
            Place::Front => 0,
            Place::Middle => leaf.len() / 2,
            Place::Back => leaf.len(),
        };
        let is_left = position < middle || place == Place::Front;
        let (left_len, right_len) = (middle + usize::from(is_left), leaf.len() - middle + usize::from(!is_left));

        let right = self.allocate_leaf(leaf_class_for(right_len));
        leaf.move_tail(middle, right);
        let left = self.resize_leaf(leaf, leaf_class_for(left_len));
        self.set_node(&path, left.node());
        if is_left {
            left.insert(position, target.key, target.element);
        } else {
            right.insert(position - middle, target.key, target.element);
        }
        left.refine();
        right.refine();
        let first = right.element(0);
        let sibling = Entry { key: key_of(first), first, child: right.node(), count: right_len as u32 };
        self.add_sibling(path, left_len, sibling, place);
    }

    /// Enters `sibling` behind the node at the end of the path, which keeps `left_count` elements, splitting branches
    /// that are full on the way up.
    fn add_sibling(&mut self, mut path: Path<E>, mut left_count: usize, mut sibling: Entry<E>, place: Place) {
        while let Some(step) = path.pop() {
            let (branch, at) = (step.branch, step.at + 1);
            branch.set_count(step.at, left_count);
            if branch.len() < BRANCH_MAX {
                let branch = self.resize_branch(branch, branch_class_for(branch.len() + 1).max(branch.class()));
                self.set_node(&path, branch.node());
                return branch.insert(at, sibling);
            }
            let right = self.split_branch(branch, at, sibling, place);
            left_count = branch.total();
            sibling = Entry { child: right.node(), count: right.total() as u32, ..right.entry(0) };
        }
        self.grow_root(left_count, sibling);
    }

    /// Splits a full branch in two, of which one takes the entry; gives back the new right one.
    fn split_branch(&mut self, branch: Branch<E>, at: usize, entry: Entry<E>, place: Place) -> Branch<E> {
        let middle = match place {
            // The front child stays alone, and its new neighbour goes right.
            Place::Front => 1,
            Place::Middle => branch.len() / 2,
            Place::Back => branch.len(),
        };
        let right = self.allocate_branch(branch_class_for(BRANCH_MAX));
        branch.move_tail(middle, right);
        if at < middle {
            branch.insert(at, entry);
        } else {
            right.insert(at - middle, entry);
        }
        right
    }

    /// Puts a branch over the root and its new sibling.
    fn grow_root(&mut self, left_count: usize, sibling: Entry<E>) {
        let first = self.least_below(self.root, self.height);
        let root = self.allocate_branch(0);
        root.insert(0, Entry { key: key_of(first), first, child: self.root, count: left_count as u32 });
        root.insert(1, sibling);
        self.root = root.node();
        self.height += 1;
    }

    fn least_below(&self, node: NonNull<u8>, height: u8) -> NonNull<E> {
        match height {
            0 => Leaf::at(node).element(0),
            _ => Branch::at(node).entry(0).first,
        }
    }
}
