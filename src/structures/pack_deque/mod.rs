//! A deque of list packs: lists of any length, in blocks of a few KiB.
//!
//! ```text
//! ring of nodes: | pack | pack | large element | pack |      elements run front to back through all of them
//! ```
//! Ends cost O(1), and no allocation but one a pack; a seek adds up the nodes' counts from the nearer end. A pack takes
//! elements while [`PackLimits`] admit them; larger elements are nodes of their own.
//! Invariants: no node is empty; `len` is the sum of the nodes' counts.

mod iter;
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

    /// The same, halved: below these a list that shrank goes back into one pack for good.
    pub fn halved(mut self) -> PackLimits {
        self.bytes_max /= 2;
        self.count_max /= 2;
        self
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

    // Changes in the middle. All of them end the life of cursors, but those that they return.

    pub fn insert_before(&mut self, cursor: Cursor, value: &[u8]) {
        self.insert_at(cursor.node, Boundary::Before(cursor.position), value);
    }

    pub fn insert_after(&mut self, cursor: Cursor, value: &[u8]) {
        self.insert_at(cursor.node, Boundary::After(cursor.position), value);
    }

    fn insert_at(&mut self, node: usize, boundary: Boundary, value: &[u8]) {
        self.len += 1;
        let (at_head, at_tail, place) = match &self.nodes[node] {
            Node::Plain(_) => (boundary == Boundary::Before(FIRST), boundary == Boundary::After(FIRST), FIRST),
            Node::Packed(pack) => {
                let place = match boundary {
                    Boundary::Before(position) => position,
                    Boundary::After(position) => pack.view().after(position),
                };
                (place == FIRST, place == pack.view().end(), place)
            }
        };
        // 1. The node itself takes it, or 2. the neighbour does, if the place is between the two.
        if let Node::Packed(pack) = &mut self.nodes[node]
            && self.limits.admit(pack.byte_size(), pack.len(), value)
        {
            return pack.insert(place, Encoded::of(value));
        }
        if at_tail && self.nodes.get(node + 1).is_some_and(|next| next.admits(&self.limits, value)) {
            return self.pack_mut(node + 1).push_front(Encoded::of(value));
        }
        if at_head && node > 0 && self.nodes[node - 1].admits(&self.limits, value) {
            return self.pack_mut(node - 1).push_back(Encoded::of(value));
        }
        // 3. A node of its own stands between the two, or between the halves of this one.
        let new = self.node_of(value, Packed::growing_backwards);
        if at_head {
            self.nodes.insert(node, new);
        } else if at_tail {
            self.nodes.insert(node + 1, new);
        } else {
            let pack = self.pack_mut(node);
            let kept = pack.view().count_before(place);
            let rest = pack.split_off(place, kept);
            self.nodes.insert(node + 1, Node::Packed(rest));
            self.nodes.insert(node + 1, new);
            self.merge_around(node + 1);
        }
    }

    fn pack_mut(&mut self, node: usize) -> &mut Packed {
        match &mut self.nodes[node] {
            Node::Packed(pack) => pack,
            Node::Plain(_) => unreachable!("the caller knows this node for a pack"),
        }
    }

    /// After a split: joins `node` and those around it while two neighbours fit into one.
    fn merge_around(&mut self, node: usize) {
        let first = node.saturating_sub(2);
        for left in (first..=node + 1).rev() {
            self.merge_with_next(left);
        }
    }

    fn merge_with_next(&mut self, left: usize) {
        let fits = match (self.nodes.get(left), self.nodes.get(left + 1)) {
            (Some(Node::Packed(a)), Some(Node::Packed(b))) => {
                let bytes = a.byte_size() + b.byte_size() - super::list_pack::EMPTY_BYTES;
                !self.limits.exceeded_by(bytes, a.len() + b.len())
            }
            _ => false,
        };
        if fits && let Some(Node::Packed(right)) = self.nodes.remove(left + 1) {
            self.pack_mut(left).append(&right);
        }
    }

    /// Puts another element in the place of the one at `cursor`.
    pub fn replace(&mut self, cursor: Cursor, value: &[u8]) {
        let large = self.limits.is_large(value);
        match &mut self.nodes[cursor.node] {
            Node::Packed(pack) if !large && (pack.len() == 1 || fits_replaced(pack, cursor, value, &self.limits)) => {
                pack.replace(cursor.position, Encoded::of(value));
            }
            Node::Packed(pack) if pack.len() > 1 => {
                // It would make the pack too large, or stands by itself: the old one goes, then the new one is inserted.
                let end = pack.view().after(cursor.position);
                let was_last = end == pack.view().end();
                pack.remove(cursor.position, end, 1);
                let boundary = match pack.view().last() {
                    Some(last) if was_last => Boundary::After(last),
                    _ => Boundary::Before(cursor.position),
                };
                self.len -= 1;
                self.insert_at(cursor.node, boundary, value);
            }
            _ => self.nodes[cursor.node] = self.node_of(value, Packed::growing_backwards),
        }
    }

    /// Removes the element at `cursor`; the next one's place, if there is one.
    pub fn remove(&mut self, cursor: Cursor) -> Option<Cursor> {
        self.len -= 1;
        match &mut self.nodes[cursor.node] {
            Node::Packed(pack) if pack.len() > 1 => {
                let end = pack.view().after(cursor.position);
                pack.remove(cursor.position, end, 1);
                let is_last = cursor.position == pack.view().end();
                if is_last { self.head_of(cursor.node + 1) } else { Some(cursor) }
            }
            _ => {
                self.nodes.remove(cursor.node);
                self.head_of(cursor.node)
            }
        }
    }

    /// Removes `count` elements from `index` on, or as many as there are.
    pub fn remove_range(&mut self, index: usize, count: usize) {
        let count = count.min(self.len.saturating_sub(index));
        if count == 0 {
            return;
        }
        // 1. The rest of the first node, 2. whole nodes in one go, 3. the beginning of the last.
        let (mut node, offset) = self.node_at(index);
        let mut left = count;
        if offset > 0 {
            left -= self.remove_in_node(node, offset, left);
            node += 1;
        }
        let mut whole = node;
        while whole < self.nodes.len() && left >= self.nodes[whole].len() {
            left -= self.nodes[whole].len();
            whole += 1;
        }
        self.nodes.drain(node..whole);
        if left > 0 {
            self.remove_in_node(node, 0, left);
        }
        self.len -= count;
    }

    /// Removes up to `count` elements from `offset` on in a pack of which some element stays; the number removed.
    fn remove_in_node(&mut self, node: usize, offset: usize, count: usize) -> usize {
        let pack = self.pack_mut(node);
        let count = count.min(pack.len() - offset);
        let view = pack.view();
        let from = view.seek_in(offset, pack.len()).expect("the offset is within the pack");
        let to = view.seek_in(offset + count, pack.len()).unwrap_or(view.end());
        pack.remove(from, to, count);
        count
    }
}

/// On which side of which element a new one goes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Boundary {
    Before(Position),
    After(Position),
}

fn fits_replaced(pack: &Packed, cursor: Cursor, value: &[u8], limits: &PackLimits) -> bool {
    let old = (pack.view().after(cursor.position).0 - cursor.position.0) as usize;
    let bytes = pack.byte_size() - old + Encoded::of(value).size();
    // Packs from elsewhere may be over the limits as they are; shrinking them is always right.
    !limits.exceeded_by(bytes, 0) || bytes <= pack.byte_size()
}

impl std::fmt::Debug for PackDeque {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests;
