//! A deque of list packs: lists of any length, in blocks of a few KiB.
//!
//! ```text
//! ring of nodes: | pack | pack | large element | pack |      elements run front to back through all of them
//! ```
//! Ends cost O(1), and no allocation but one a pack; a seek adds up the nodes' counts from the nearer end. A pack takes
//! elements while [`PackLimits`] admit them; larger elements are nodes of their own.
//! Invariants: no node is empty; `len` is the sum of the nodes' counts.

mod iter;
mod middle;
mod node;

use super::list_pack::{Encoded, Item, ListPack, Position};
use crate::base::number::parse_i64;
pub use iter::{Iter, IterRev, NodeRef};
use node::{Node, Packed};
use std::collections::VecDeque;

/// What an element costs in a pack beyond its bytes, estimated, as Redis does.
const ENTRY_OVERHEAD: usize = 8;
/// Bytes of a pack when only the number of its elements is limited.
const COUNTED_BYTES_MAX: usize = 8192;
/// Most elements that a pack may be limited to.
const COUNT_MAX: i32 = (1 << 15) - 1;

/// When a pack takes one more element, and which elements are too large for any.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PackLimits {
    /// The setting these limits come from.
    fill: i16,
    bytes_max: u32,
    count_max: u32,
    /// Elements of this length and longer stand by themselves.
    plain_from: u32,
}

impl PackLimits {
    /// No limits but those of the format: everything goes into one pack.
    pub const UNBOUNDED: PackLimits = PackLimits {
        fill: 0,
        bytes_max: u32::MAX,
        count_max: u32::MAX,
        plain_from: super::list_pack::BYTES_MAX as u32,
    };

    /// Limits in the terms of `list-max-listpack-size`: -1 to -5 for 4, 8, 16, 32, 64 KiB a pack, else a number of elements.
    pub fn new(fill: i32) -> PackLimits {
        let fill = fill.clamp(-5, COUNT_MAX);
        let (bytes_max, count_max) =
            if fill < 0 { (2048 << -fill, u32::MAX) } else { (COUNTED_BYTES_MAX as u32, fill.max(1) as u32) };
        PackLimits { fill: fill as i16, bytes_max, count_max, plain_from: bytes_max + 1 }
    }

    /// Makes elements of `bytes` and more stand by themselves, whatever a pack could take; 0 leaves the limits as they are.
    pub fn with_plain_from(mut self, bytes: usize) -> PackLimits {
        if bytes > 0 {
            self.plain_from = bytes.min(super::list_pack::BYTES_MAX) as u32;
        }
        self
    }

    pub fn fill(&self) -> i32 {
        i32::from(self.fill)
    }

    #[inline]
    pub fn is_large(&self, value: &[u8]) -> bool {
        value.len() >= self.plain_from as usize
    }

    /// Whether one pack of `bytes` and `count` elements is within a `share`-th of the setting. Here a setting in elements
    /// sets no limit in bytes.
    pub fn allow_share(&self, share: u32, bytes: usize, count: usize) -> bool {
        if self.fill < 0 {
            bytes <= (self.bytes_max / share) as usize
        } else {
            count <= (self.count_max / share) as usize
        }
    }

    /// Whether a pack of `bytes` and `count` elements is over the limits.
    #[inline]
    pub fn exceeded_by(&self, bytes: usize, count: usize) -> bool {
        bytes > self.bytes_max as usize || count > self.count_max as usize
    }

    #[inline]
    fn admit(&self, bytes: usize, count: usize, value: &[u8]) -> bool {
        !self.is_large(value) && !self.exceeded_by(bytes + value.len() + ENTRY_OVERHEAD, count + 1)
    }
}

/// What elements are compared with; its number, if it is one, is read once.
#[derive(Clone, Copy)]
pub struct Needle<'a> {
    text: &'a [u8],
    number: Option<i64>,
}

impl<'a> Needle<'a> {
    pub fn new(text: &'a [u8]) -> Needle<'a> {
        Needle { text, number: parse_i64(text) }
    }

    #[inline]
    pub fn matches(&self, item: Item) -> bool {
        match item {
            Item::Int(value) => self.number == Some(value),
            Item::Bytes(bytes) => bytes == self.text,
        }
    }
}

/// The place of one element; good until the deque is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    node: usize,
    /// Of a plain node: always the same.
    position: Position,
}

/// The position of the first entry of a pack, and the only one of a plain node.
const FIRST: Position = Position(super::list_pack::HEADER as u32);

#[derive(Clone)]
pub struct PackDeque {
    nodes: VecDeque<Node>,
    len: usize,
    limits: PackLimits,
}

impl PackDeque {
    pub fn new(limits: PackLimits) -> PackDeque {
        PackDeque { nodes: VecDeque::new(), len: 0, limits }
    }

    #[inline]
    pub fn len(&self) -> usize {
        self.len
    }

    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub fn limits(&self) -> PackLimits {
        self.limits
    }

    pub fn set_limits(&mut self, limits: PackLimits) {
        self.limits = limits;
    }

    /// Takes over from which length on elements stand by themselves; the limits of packs stay.
    #[inline]
    pub fn set_plain_from(&mut self, limits: &PackLimits) {
        self.limits.plain_from = limits.plain_from;
    }

    // Nodes, as snapshots and conversions see them.

    pub fn node_count(&self) -> usize {
        self.nodes.len()
    }

    pub fn nodes(&self) -> impl ExactSizeIterator<Item = NodeRef<'_>> {
        self.nodes.iter().map(|node| match node {
            Node::Packed(pack) => NodeRef::Pack(pack.view()),
            Node::Plain(bytes) => NodeRef::Plain(bytes),
        })
    }

    /// The pack that holds everything, if one does.
    #[inline]
    pub fn only_pack_bytes(&self) -> Option<usize> {
        match self.nodes.front() {
            Some(Node::Packed(pack)) if self.nodes.len() == 1 => Some(pack.byte_size()),
            _ => None,
        }
    }

    /// The only pack, taken out; the deque is empty after that.
    pub fn take_only_pack(&mut self) -> Option<ListPack> {
        self.only_pack_bytes()?;
        match self.nodes.pop_front() {
            Some(Node::Packed(pack)) => {
                self.len = 0;
                Some(pack.into_list_pack())
            }
            _ => None,
        }
    }

    /// Adds a whole pack behind; an empty one adds nothing.
    pub fn append_pack(&mut self, pack: ListPack) {
        let pack = Packed::from(pack);
        if pack.len() > 0 {
            self.len += pack.len();
            self.nodes.push_back(Node::Packed(pack));
        }
    }

    /// Adds an element behind that stands by itself.
    pub fn append_plain(&mut self, value: &[u8]) {
        self.len += 1;
        self.nodes.push_back(Node::Plain(value.into()));
    }

    /// Bytes of heap, by size class.
    pub fn allocated_bytes(&self) -> usize {
        let ring = crate::base::memory::usable_size(self.nodes.capacity() * size_of::<Node>());
        ring + self.nodes.iter().map(Node::allocated_bytes).sum::<usize>()
    }

    /// Frees up to `nodes` nodes; true when nothing is left. For freeing a long list in slices.
    pub fn free_some(&mut self, nodes: usize) -> bool {
        for _ in 0..nodes {
            match self.nodes.pop_back() {
                Some(node) => self.len -= node.len(),
                None => break,
            }
        }
        self.nodes.is_empty()
    }

    // Ends.

    #[inline]
    pub fn push_back(&mut self, value: &[u8]) {
        match self.nodes.back_mut() {
            Some(Node::Packed(pack)) if self.limits.admit(pack.byte_size(), pack.len(), value) => {
                pack.push_back(Encoded::of(value));
            }
            _ => self.push_back_node(value),
        }
        self.len += 1;
    }

    #[cold]
    #[inline(never)]
    fn push_back_node(&mut self, value: &[u8]) {
        if let Some(Node::Packed(pack)) = self.nodes.back_mut() {
            pack.trim();
        }
        let node = self.node_of(value, Packed::growing_backwards);
        self.nodes.push_back(node);
    }

    #[inline]
    pub fn push_front(&mut self, value: &[u8]) {
        match self.nodes.front_mut() {
            Some(Node::Packed(pack)) if self.limits.admit(pack.byte_size(), pack.len(), value) => {
                pack.push_front(Encoded::of(value));
            }
            _ => self.push_front_node(value),
        }
        self.len += 1;
    }

    #[cold]
    #[inline(never)]
    fn push_front_node(&mut self, value: &[u8]) {
        if let Some(Node::Packed(pack)) = self.nodes.front_mut() {
            pack.trim();
        }
        let node = self.node_of(value, Packed::growing_forwards);
        self.nodes.push_front(node);
    }

    fn node_of(&self, value: &[u8], pack: impl Fn(Encoded) -> Packed) -> Node {
        if self.limits.is_large(value) { Node::Plain(value.into()) } else { Node::Packed(pack(Encoded::of(value))) }
    }

    #[inline]
    pub fn front(&self) -> Option<Item<'_>> {
        match self.nodes.front()? {
            Node::Packed(pack) => pack.view().first().map(|at| pack.view().get(at)),
            Node::Plain(bytes) => Some(Item::Bytes(bytes)),
        }
    }

    #[inline]
    pub fn back(&self) -> Option<Item<'_>> {
        match self.nodes.back()? {
            Node::Packed(pack) => pack.view().last().map(|at| pack.view().get(at)),
            Node::Plain(bytes) => Some(Item::Bytes(bytes)),
        }
    }

    /// Removes the first element, if there is one; read it with [`PackDeque::front`] before.
    #[inline]
    pub fn drop_front(&mut self) {
        match self.nodes.front_mut() {
            Some(Node::Packed(pack)) if pack.len() > 1 => pack.pop_front(),
            Some(_) => drop(self.nodes.pop_front()),
            None => return,
        }
        self.len -= 1;
    }

    /// Removes the last element, if there is one; read it with [`PackDeque::back`] before.
    #[inline]
    pub fn drop_back(&mut self) {
        match self.nodes.back_mut() {
            Some(Node::Packed(pack)) if pack.len() > 1 => pack.pop_back(),
            Some(_) => drop(self.nodes.pop_back()),
            None => return,
        }
        self.len -= 1;
    }

    // Places.

    /// The element at `index`, from the front or, below zero, from the back.
    pub fn seek(&self, index: i64) -> Option<Cursor> {
        let index = if index < 0 { index.checked_add_unsigned(self.len as u64)? } else { index };
        let index = usize::try_from(index).ok().filter(|&index| index < self.len)?;
        let (node, rest) = self.node_at(index);
        let position = match &self.nodes[node] {
            Node::Packed(pack) => pack.view().seek_in(rest, pack.len())?,
            Node::Plain(_) => FIRST,
        };
        Some(Cursor { node, position })
    }

    /// The node that holds element `index` < len, and its index there.
    fn node_at(&self, index: usize) -> (usize, usize) {
        let mut before;
        if index <= self.len / 2 {
            before = 0;
            for (number, node) in self.nodes.iter().enumerate() {
                if index < before + node.len() {
                    return (number, index - before);
                }
                before += node.len();
            }
        } else {
            before = self.len;
            for (number, node) in self.nodes.iter().enumerate().rev() {
                before -= node.len();
                if index >= before {
                    return (number, index - before);
                }
            }
        }
        unreachable!("the nodes' counts add up to the length");
    }

    /// The first element that matches.
    pub fn find(&self, needle: &Needle) -> Option<Cursor> {
        let mut cursor = self.head_of(0);
        while let Some(at) = cursor {
            if needle.matches(self.get(at)) {
                return cursor;
            }
            cursor = self.next(at);
        }
        None
    }

    pub fn get(&self, cursor: Cursor) -> Item<'_> {
        match &self.nodes[cursor.node] {
            Node::Packed(pack) => pack.view().get(cursor.position),
            Node::Plain(bytes) => Item::Bytes(bytes),
        }
    }

    pub fn next(&self, cursor: Cursor) -> Option<Cursor> {
        if let Node::Packed(pack) = &self.nodes[cursor.node]
            && let Some(position) = pack.view().next(cursor.position)
        {
            return Some(Cursor { position, ..cursor });
        }
        self.head_of(cursor.node + 1)
    }

    pub fn prev(&self, cursor: Cursor) -> Option<Cursor> {
        if let Node::Packed(pack) = &self.nodes[cursor.node]
            && let Some(position) = pack.view().prev(cursor.position)
        {
            return Some(Cursor { position, ..cursor });
        }
        let node = cursor.node.checked_sub(1)?;
        let position = match &self.nodes[node] {
            Node::Packed(pack) => pack.view().last()?,
            Node::Plain(_) => FIRST,
        };
        Some(Cursor { node, position })
    }

    fn head_of(&self, node: usize) -> Option<Cursor> {
        if node < self.nodes.len() { Some(Cursor { node, position: FIRST }) } else { None }
    }

    /// All elements, front to back.
    pub fn iter(&self) -> Iter<'_> {
        Iter::new(self.nodes.iter(), None)
    }

    /// All elements, back to front.
    pub fn iter_rev(&self) -> IterRev<'_> {
        IterRev::new(self.nodes.iter(), None)
    }

    /// From the element at `cursor` to the last.
    pub fn iter_from(&self, cursor: Cursor) -> Iter<'_> {
        Iter::new(self.nodes.range(cursor.node..), Some(cursor.position))
    }

    /// From the element at `cursor` back to the first.
    pub fn iter_rev_from(&self, cursor: Cursor) -> IterRev<'_> {
        IterRev::new(self.nodes.range(..=cursor.node), Some(cursor.position))
    }
}

impl std::fmt::Debug for PackDeque {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests;
