//! Building a tree from elements in order, with full nodes: what a dump holds is in order already.

use super::branch::{BRANCH_MAX, Entry, branch_class_for};
use super::leaf::{LEAF_MAX, leaf_class_for};
use super::order::{Ranked, key_of};
use super::tree::RankedTree;
use std::ptr::NonNull;

impl<E: Ranked> RankedTree<E> {
    /// A tree of elements that come in strictly rising order.
    pub fn from_sorted(elements: impl IntoIterator<Item = NonNull<E>>) -> Self {
        let mut tree = RankedTree::new();
        let mut level = tree.build_leaves(elements.into_iter());
        while level.len() > 1 {
            level = tree.build_branches(level);
            tree.height += 1;
        }
        if let Some(root) = level.pop() {
            (tree.root, tree.len) = (root.child, root.count);
        }
        tree
    }

    fn build_leaves(&mut self, elements: impl Iterator<Item = NonNull<E>>) -> Vec<Entry<E>> {
        let mut level = Vec::new();
        let mut elements = elements.peekable();
        while elements.peek().is_some() {
            let leaf = self.allocate_leaf(leaf_class_for(LEAF_MAX));
            elements.by_ref().take(LEAF_MAX).for_each(|element| leaf.push(element));
            leaf.encode();
            let leaf = self.resize_leaf(leaf, leaf_class_for(leaf.len()));
            let first = leaf.element(0);
            level.push(Entry { key: key_of(first), first, child: leaf.node(), count: leaf.len() as u32 });
        }
        level
    }

    fn build_branches(&mut self, entries: Vec<Entry<E>>) -> Vec<Entry<E>> {
        let mut level = Vec::with_capacity(entries.len().div_ceil(BRANCH_MAX));
        let mut entries = entries.into_iter();
        while entries.len() > 0 {
            let branch = self.allocate_branch(branch_class_for(entries.len().min(BRANCH_MAX)));
            for entry in entries.by_ref().take(BRANCH_MAX) {
                branch.insert(branch.len(), entry);
            }
            level.push(Entry { child: branch.node(), count: branch.total() as u32, ..branch.entry(0) });
        }
        level
    }
}
