//! Changes in the middle of a deque: insertion, replacement, removal; how nodes are split and joined for them.
//!
//! All of them end the life of cursors, but those that they return.

use super::node::{Node, Packed};
use super::{Cursor, FIRST, PackDeque};
use crate::structures::list_pack::{EMPTY_BYTES, Encoded, Position};

/// On which side of an element a new one goes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Before,
    After,
}

impl PackDeque {
    pub fn insert_before(&mut self, cursor: Cursor, value: &[u8]) {
        self.insert(cursor, Side::Before, value);
    }

    pub fn insert_after(&mut self, cursor: Cursor, value: &[u8]) {
        self.insert(cursor, Side::After, value);
    }

    /// Where a new element goes, and when nodes are split and joined, is Redis's order of preference, so that as many nodes
    /// are left as there: whether a list that shrank is one pack again depends on it.
    fn insert(&mut self, at: Cursor, side: Side, value: &[u8]) {
        self.len += 1;
        let node = at.node;
        let (place, is_outermost) = self.place_beside(at, side);
        let neighbour = match side {
            Side::Before => node.wrapping_sub(1),
            Side::After => node + 1,
        };
        // 1. The node itself takes it, or 2. the neighbour does, if the place is between the two.
        if let Node::Packed(pack) = &mut self.nodes[node]
            && self.limits.admit(pack.byte_size(), pack.len(), value)
        {
            pack.insert(place, Encoded::of(value));
        } else if is_outermost && self.nodes.get(neighbour).is_some_and(|next| next.admits(&self.limits, value)) {
            let pack = self.pack_mut(neighbour);
            match side {
                Side::Before => pack.push_back(Encoded::of(value)),
                Side::After => pack.push_front(Encoded::of(value)),
            }
        // 3. A node of its own stands between the two, or 4. between the halves of this one.
        } else if is_outermost {
            let new = self.node_of(value, Packed::growing_backwards);
            self.nodes.insert(if side == Side::Before { node } else { node + 1 }, new);
        } else {
            self.split(node, place);
            self.insert_between_halves(node, side, value);
        }
    }

    /// The place in the node's pack, and whether it is the node's outermost one on that side.
    fn place_beside(&self, at: Cursor, side: Side) -> (Position, bool) {
        match (&self.nodes[at.node], side) {
            (Node::Plain(_), _) => (FIRST, true),
            (Node::Packed(_), Side::Before) => (at.position, at.position == FIRST),
            (Node::Packed(pack), Side::After) => {
                let place = pack.view().after(at.position);
                (place, place == pack.view().end())
            }
        }
    }

    /// Cuts a pack in two; the second half is the next node.
    fn split(&mut self, node: usize, place: Position) {
        let pack = self.pack_mut(node);
        let kept = pack.view().count_before(place);
        let rest = pack.split_off(place, kept);
        self.nodes.insert(node + 1, Node::Packed(rest));
    }

    /// Puts a value between `node` and the next, which were one: into the half that does not hold the element beside which
    /// it was to be inserted.
    fn insert_between_halves(&mut self, node: usize, side: Side, value: &[u8]) {
        if self.limits.is_large(value) {
            self.nodes.insert(node + 1, Node::Plain(value.into()));
        } else if side == Side::After {
            self.pack_mut(node + 1).push_front(Encoded::of(value));
            self.merge_around(node);
        } else {
            self.pack_mut(node).push_back(Encoded::of(value));
            self.merge_around(node + 1);
        }
    }

    fn pack_mut(&mut self, node: usize) -> &mut Packed {
        match &mut self.nodes[node] {
            Node::Packed(pack) => pack,
            Node::Plain(_) => unreachable!("the caller knows this node for a pack"),
        }
    }

    /// After a split: joins neighbours that fit into one, 1. before `center`, 2. behind it, 3. it with the one before,
    /// 4. the outcome with the one behind.
    fn merge_around(&mut self, mut center: usize) {
        if center >= 2 && self.merge_with_next(center - 2) {
            center -= 1;
        }
        self.merge_with_next(center + 1);
        if center >= 1 && self.merge_with_next(center - 1) {
            center -= 1;
        }
        self.merge_with_next(center);
    }

    fn merge_with_next(&mut self, left: usize) -> bool {
        let fits = match (self.nodes.get(left), self.nodes.get(left + 1)) {
            (Some(Node::Packed(a)), Some(Node::Packed(b))) => {
                let bytes = a.byte_size() + b.byte_size() - EMPTY_BYTES;
                !self.limits.exceeded_by(bytes, a.len() + b.len())
            }
            _ => false,
        };
        if fits && let Some(Node::Packed(right)) = self.nodes.remove(left + 1) {
            self.pack_mut(left).append(&right);
        }
        fits
    }

    /// Puts another element in the place of the one at `cursor`. A pack may grow over its limits by this, as in Redis.
    pub fn replace(&mut self, cursor: Cursor, value: &[u8]) {
        let node = cursor.node;
        let large = self.limits.is_large(value);
        match &mut self.nodes[node] {
            Node::Packed(pack) if !large => pack.replace(cursor.position, Encoded::of(value)),
            Node::Plain(old) if large => *old = value.into(),
            Node::Plain(_) => {
                self.insert_after(cursor, value);
                self.nodes.remove(node);
                self.len -= 1;
            }
            Node::Packed(pack) if pack.len() == 1 => self.nodes[node] = Node::Plain(value.into()),
            Node::Packed(_) => self.replace_by_plain(cursor, value),
        }
    }

    /// An element of a pack of several gives way to a large one, which stands by itself between what was before and after.
    fn replace_by_plain(&mut self, cursor: Cursor, value: &[u8]) {
        let node = cursor.node;
        let (place, is_last) = self.place_beside(cursor, Side::After);
        if !is_last {
            self.split(node, place);
        }
        let pack = self.pack_mut(node);
        let mut plain = node + 1;
        if pack.len() > 1 {
            let end = pack.view().end();
            pack.remove(cursor.position, end, 1);
        } else {
            self.nodes.remove(node);
            plain = node;
        }
        self.nodes.insert(plain, Node::Plain(value.into()));
        if plain > node {
            self.merge_around(plain);
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
