//! The tree itself, and all that reads it: by element, by rank, by score, by a predicate.

use super::branch::Branch;
use super::leaf::Leaf;
use super::order::{Ranked, Target, order_key};
use super::path::Path;
use std::marker::PhantomData;
use std::ptr::NonNull;

/// Elements ordered by score and bytes, with their ranks (from 0). At most 2³² − 1 of them.
pub struct RankedTree<E: Ranked> {
    /// A leaf if the height is 0, otherwise a branch; dangling while the tree is empty.
    pub(super) root: NonNull<u8>,
    pub(super) len: u32,
    /// Levels of branches above the leaves.
    pub(super) height: u8,
    /// Size of all nodes.
    pub(super) node_bytes: usize,
    elements: PhantomData<E>,
}

impl<E: Ranked> Default for RankedTree<E> {
    fn default() -> Self {
        Self::new()
    }
}

impl<E: Ranked> RankedTree<E> {
    /// An empty tree; nothing is allocated.
    pub const fn new() -> Self {
        RankedTree { root: NonNull::dangling(), len: 0, height: 0, node_bytes: 0, elements: PhantomData }
    }

    #[inline]
    pub fn len(&self) -> usize {
        self.len as usize
    }

    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Bytes of the tree's allocations, as the allocator counts them; elements not included.
    #[inline]
    pub fn bytes(&self) -> usize {
        self.node_bytes
    }

    /// The rank of an element that is in the tree.
    pub fn rank_of(&self, element: NonNull<E>) -> usize {
        let target = Target::of(element);
        let (mut node, mut rank) = (self.root, 0);
        for _ in 0..self.height {
            let branch = Branch::<E>::at(node);
            let at = branch.child_for(&target);
            rank += branch.count_before(at);
            node = branch.child(at);
        }
        debug_assert!(!self.is_empty(), "an element of the tree was given");
        rank + Leaf::at(node).find(&target).expect("the element is in the tree, and its score has not changed since")
    }

    /// The element of a rank.
    #[inline]
    pub fn get(&self, rank: usize) -> Option<NonNull<E>> {
        (rank < self.len()).then(|| {
            let (leaf, position) = self.leaf_of_rank(rank);
            leaf.element(position)
        })
    }

    #[inline]
    pub fn first(&self) -> Option<NonNull<E>> {
        self.get(0)
    }

    #[inline]
    pub fn last(&self) -> Option<NonNull<E>> {
        self.get(self.len().wrapping_sub(1))
    }

    /// The leaf that holds a rank below the length, and the position there.
    #[inline]
    pub(super) fn leaf_of_rank(&self, mut rank: usize) -> (Leaf<E>, usize) {
        let mut node = self.root;
        for _ in 0..self.height {
            let branch = Branch::<E>::at(node);
            let (at, below) = branch.child_for_rank(rank);
            (node, rank) = (branch.child(at), below);
        }
        (Leaf::at(node), rank)
    }

    /// The same with the way there.
    pub(super) fn path_to_rank(&self, mut rank: usize) -> (Path<E>, Leaf<E>, usize) {
        let (mut node, mut path) = (self.root, Path::new());
        for _ in 0..self.height {
            let branch = Branch::<E>::at(node);
            let (at, below) = branch.child_for_rank(rank);
            path.push(branch, at);
            (node, rank) = (branch.child(at), below);
        }
        (path, Leaf::at(node), rank)
    }

    /// The way to the leaf where the target is or belongs.
    #[inline]
    pub(super) fn path_to(&self, target: &Target<E>) -> (Path<E>, Leaf<E>) {
        let (mut node, mut path) = (self.root, Path::new());
        for _ in 0..self.height {
            let branch = Branch::<E>::at(node);
            let at = branch.child_for(target);
            path.push(branch, at);
            node = branch.child(at);
        }
        (path, Leaf::at(node))
    }

    /// Starts loading the leaf where an element of this score would be, for who has something to do meanwhile.
    #[inline]
    pub fn prefetch_score(&self, score: f64) {
        let (mut node, key) = (self.root, order_key(score));
        for _ in 0..self.height {
            let branch = Branch::<E>::at(node);
            node = branch.child(branch.child_for_key(key, true));
        }
        if self.height > 0 {
            Leaf::<E>::at(node).prefetch();
        }
    }

    /// The rank of the first element with at least this score (above it if `exclusive`); the length if there is none.
    pub fn lower_bound_score(&self, score: f64, exclusive: bool) -> usize {
        // Open ends are asked for often, and need no search.
        if self.is_empty() || (score == f64::NEG_INFINITY && !exclusive) {
            return 0;
        }
        if score == f64::INFINITY && exclusive {
            return self.len();
        }
        let key = order_key(score);
        let (mut node, mut rank) = (self.root, 0);
        for _ in 0..self.height {
            let branch = Branch::<E>::at(node);
            let at = branch.child_for_key(key, exclusive);
            rank += branch.count_before(at);
            node = branch.child(at);
        }
        rank + Leaf::<E>::at(node).count_below(key, exclusive)
    }

    /// The rank of the first element for which the predicate is false; it must be true before and false from there on.
    pub fn partition_point(&self, mut is_before: impl FnMut(NonNull<E>) -> bool) -> usize {
        if self.is_empty() {
            return 0;
        }
        let (mut node, mut rank) = (self.root, 0);
        for _ in 0..self.height {
            let branch = Branch::<E>::at(node);
            let at = branch.first_slice().partition_point(|&first| is_before(first)).saturating_sub(1);
            rank += branch.count_before(at);
            node = branch.child(at);
        }
        rank + Leaf::<E>::at(node).element_slice().partition_point(|&element| is_before(element))
    }

    /// Tells the tree that an element lives at another address now; score and bytes are the same, and `old` is not read.
    pub fn replace(&mut self, old: NonNull<E>, new: NonNull<E>) {
        let target = Target { element: old, ..Target::of(new) };
        let (path, leaf) = self.path_to(&target);
        let position = leaf.find(&target).expect("the element is in the tree");
        leaf.set_element(position, new);
        if position == 0 {
            Self::set_first(&path, target.key, new);
        }
    }

    /// Writes the least element of the path's leaf into all branches for which it is the least below their child.
    #[inline]
    pub(super) fn set_first(path: &Path<E>, key: u64, first: NonNull<E>) {
        for step in path.steps().iter().rev() {
            step.branch.set_first(step.at, key, first);
            if step.at > 0 {
                break;
            }
        }
    }

    /// Puts a node that was allocated anew in the place of the one at the end of the path.
    #[inline]
    pub(super) fn set_node(&mut self, path: &Path<E>, node: NonNull<u8>) {
        match path.last() {
            Some(step) => step.branch.set_child(step.at, node),
            None => self.root = node,
        }
    }

    pub(super) fn allocate_leaf(&mut self, class: usize) -> Leaf<E> {
        let leaf = Leaf::allocate(class);
        self.node_bytes += leaf.size();
        leaf
    }

    pub(super) fn free_leaf(&mut self, leaf: Leaf<E>) {
        self.node_bytes -= leaf.size();
        leaf.free();
    }

    pub(super) fn allocate_branch(&mut self, class: usize) -> Branch<E> {
        let branch = Branch::allocate(class);
        self.node_bytes += branch.size();
        branch
    }

    pub(super) fn free_branch(&mut self, branch: Branch<E>) {
        self.node_bytes -= branch.size();
        branch.free();
    }

    /// Moves a leaf to another size class; the caller puts it in the old one's place.
    pub(super) fn resize_leaf(&mut self, leaf: Leaf<E>, class: usize) -> Leaf<E> {
        if leaf.class() == class {
            return leaf;
        }
        let resized = self.allocate_leaf(class);
        leaf.move_tail(0, resized);
        self.free_leaf(leaf);
        resized
    }

    /// Moves a branch to another size class; the caller puts it in the old one's place.
    pub(super) fn resize_branch(&mut self, branch: Branch<E>, class: usize) -> Branch<E> {
        if branch.class() == class {
            return branch;
        }
        let resized = self.allocate_branch(class);
        branch.move_tail(0, resized);
        self.free_branch(branch);
        resized
    }

    fn free_below(&mut self, node: NonNull<u8>, height: u8) {
        if height == 0 {
            return self.free_leaf(Leaf::at(node));
        }
        let branch = Branch::<E>::at(node);
        for at in 0..branch.len() {
            self.free_below(branch.child(at), height - 1);
        }
        self.free_branch(branch);
    }
}

/// Frees the nodes. The elements are not the tree's.
impl<E: Ranked> Drop for RankedTree<E> {
    fn drop(&mut self) {
        if !self.is_empty() {
            self.free_below(self.root, self.height);
        }
    }
}
