//! An order-statistic B+ tree over elements that live elsewhere: ordered by score, then by bytes, and counted.
//!
//! ```text
//!   branch   keys    k0 k1 k2 …      order key of the least element below each child (full 64 bits)
//!            firsts  e0 e1 e2 …      that element, to settle equal scores by their bytes
//!            childs  c0 c1 c2 …      branches, or leaves on the lowest level
//!            counts  n0 n1 n2 …      elements below each child: a rank is a sum on the way down
//!   leaf     window (base, shift) · prefixes p0 p1 p2 … (4 bytes) · elements e0 e1 e2 … (8 bytes)
//! ```
//!
//! A leaf keeps 4 bytes of every score, relative to its own window, so that a search reads an element only to tell
//! apart scores that share a prefix. Memory is held low not by moving elements between neighbours but by allocating
//! each node in the smallest size class that holds it: a leaf takes 12 bytes a member and wastes half a class step.
//!
//! Invariants: (1) all leaves are equally deep; no node is empty; (2) entry `i` of a branch names the least element
//! below child `i` and counts all of them; (3) prefixes within a leaf never fall, and neither do the elements' keys;
//! (4) a node below a quarter full has no sibling with which it would fill four fifths (nodes are merged, never
//! balanced, and the first and last leaf not at all: a queue that is drained from one end frees leaf after leaf without
//! moving anything).
//!
//! The tree owns its nodes, never the elements. It knows no commands, no members' table, no allocator of elements.

mod branch;
mod build;
mod insert;
mod iter;
mod leaf;
mod order;
mod path;
mod remove;
mod tree;

pub use iter::{Backward, Forward};
pub use order::Ranked;
pub use tree::RankedTree;

#[cfg(test)]
mod model;
