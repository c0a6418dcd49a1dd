//! Walking a deque of packs, in either direction, from any element.

use super::node::Node;
use crate::structures::list_pack::{self, END, Item, PackRef, Position, Run};
use std::collections::vec_deque;

/// What a walk through a pack finds when there is none.
static NOTHING: u8 = END;

/// Elements front to back.
pub struct Iter<'a> {
    items: list_pack::Iter<'a>,
    nodes: vec_deque::Iter<'a, Node>,
}

impl<'a> Iter<'a> {
    /// From the element at `position` of the first node on; with none, from the first element.
    pub(super) fn new(mut nodes: vec_deque::Iter<'a, Node>, position: Option<Position>) -> Iter<'a> {
        // Safety: an end byte is all that a walk reads of an exhausted pack.
        let mut items = unsafe { list_pack::Iter::at(&raw const NOTHING) };
        if let Some(position) = position
            && let Some(Node::Packed(pack)) = nodes.clone().next()
        {
            nodes.next();
            items = pack.view().iter_from(position);
        }
        Iter { items, nodes }
    }

    /// The strings of one length that come next in the same pack; `None` when something else does.
    #[inline]
    pub fn next_run(&mut self, count_max: usize) -> Option<Run<'a>> {
        self.items.next_run(count_max)
    }

    #[inline(never)]
    fn next_node(&mut self) -> Option<Item<'a>> {
        match self.nodes.next()? {
            Node::Plain(bytes) => Some(Item::Bytes(bytes)),
            Node::Packed(pack) => {
                self.items = pack.view().iter();
                self.items.next()
            }
        }
    }
}

impl<'a> Iterator for Iter<'a> {
    type Item = Item<'a>;

    #[inline(always)]
    fn next(&mut self) -> Option<Item<'a>> {
        match self.items.next() {
            None => self.next_node(),
            item => item,
        }
    }
}

/// Elements back to front.
pub struct IterRev<'a> {
    items: Option<list_pack::IterRev<'a>>,
    nodes: vec_deque::Iter<'a, Node>,
}

impl<'a> IterRev<'a> {
    /// From the element at `position` of the last node back; with none, from the last element.
    pub(super) fn new(mut nodes: vec_deque::Iter<'a, Node>, position: Option<Position>) -> IterRev<'a> {
        let mut items = None;
        if let Some(position) = position
            && let Some(Node::Packed(pack)) = nodes.clone().next_back()
        {
            nodes.next_back();
            items = Some(pack.view().iter_rev_from(position));
        }
        IterRev { items, nodes }
    }
}

impl<'a> Iterator for IterRev<'a> {
    type Item = Item<'a>;

    #[inline]
    fn next(&mut self) -> Option<Item<'a>> {
        if let Some(items) = &mut self.items
            && let Some(item) = items.next()
        {
            return Some(item);
        }
        match self.nodes.next_back()? {
            Node::Plain(bytes) => Some(Item::Bytes(bytes)),
            Node::Packed(pack) => self.items.insert(pack.view().iter_rev()).next(),
        }
    }
}

/// A node as a snapshot writes it.
#[derive(Clone, Copy)]
pub enum NodeRef<'a> {
    Pack(PackRef<'a>),
    /// One element by itself.
    Plain(&'a [u8]),
}
