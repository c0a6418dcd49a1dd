//! The list: elements in order, quick at both ends.
//!
//! ```text
//! name        while                       held as
//! listpack    one pack is within limits   ListPack up to SMALL_BYTES, then a deque of one pack that has room at both ends
//! quicklist   otherwise                   a deque of packs
//! ```
//! The names and the limits at which they change are Redis's: a list grows into a quicklist before elements are added that
//! would exceed the limits, and becomes a listpack again when one pack is left, of half of them. That a longer listpack is held
//! in a deque does not show: its single pack takes everything until the name changes.
//! Knows nothing of keys, replies or configuration; limits are passed in.

use super::{Kind, Object};
use crate::base::memory::usable_size;
use crate::structures::list_pack::{self, Item, ListPack, PackRef, Position, Run};
use crate::structures::pack_deque::{self, Cursor, Needle, NodeRef, PackDeque, PackLimits};

/// Packs up to here are moved to push at the front, which costs little and saves the deque. Back from a deque at half of it.
const SMALL_BYTES: usize = 256;

/// The share of the limits, one half, that a quicklist of one pack must be within to be a listpack again.
const SHRUNK_SHARE: u32 = 2;

/// The end at which something happens; Redis says LEFT and RIGHT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    Front,
    Back,
}

/// A list value: a word of tag and a word of pointer.
#[derive(Clone)]
pub enum List {
    Small(ListPack),
    /// With limits [`PackLimits::UNBOUNDED`] a listpack, else a quicklist.
    Deque(Box<PackDeque>),
}

impl Default for List {
    fn default() -> List {
        List::new()
    }
}

impl Object for List {
    const KIND: Kind = Kind::List;

    #[inline]
    fn len(&self) -> usize {
        List::len(self)
    }

    fn encoding(&self) -> &'static str {
        if self.is_quicklist() { "quicklist" } else { "listpack" }
    }

    /// Exact at any number of samples: nodes are few.
    fn bytes(&self, _samples: usize) -> usize {
        match self {
            List::Small(pack) => pack.allocated_bytes(),
            List::Deque(deque) => usable_size(size_of::<PackDeque>()) + deque.allocated_bytes(),
        }
    }

    fn free_effort(&self) -> usize {
        match self {
            List::Small(_) => 1,
            List::Deque(deque) => deque.node_count(),
        }
    }

    fn free_some(&mut self, budget: usize) -> bool {
        match self {
            List::Small(_) => true,
            List::Deque(deque) => deque.free_some(budget),
        }
    }
}

impl List {
    pub fn new() -> List {
        List::Small(ListPack::new())
    }

    /// A listpack as a snapshot holds it; [`List::settle`] then chooses the encoding.
    pub fn from_pack(pack: ListPack) -> List {
        if pack.byte_size() <= SMALL_BYTES { List::Small(pack) } else { List::roomy(pack) }
    }

    /// A quicklist as a snapshot holds it; [`List::settle`] then chooses the encoding.
    pub fn from_deque(deque: PackDeque) -> List {
        List::Deque(Box::new(deque))
    }

    fn roomy(pack: ListPack) -> List {
        let mut deque = PackDeque::new(PackLimits::UNBOUNDED);
        deque.append_pack(pack);
        List::Deque(Box::new(deque))
    }

    pub fn is_quicklist(&self) -> bool {
        matches!(self, List::Deque(deque) if deque.limits() != PackLimits::UNBOUNDED)
    }

    #[inline]
    pub fn len(&self) -> usize {
        match self {
            List::Small(pack) => pack.len(),
            List::Deque(deque) => deque.len(),
        }
    }

    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The pack of a listpack.
    pub fn only_pack(&self) -> Option<PackRef<'_>> {
        match self {
            List::Small(pack) => Some(pack.view()),
            List::Deque(deque) => match deque.nodes().next() {
                Some(NodeRef::Pack(pack)) if deque.limits() == PackLimits::UNBOUNDED => Some(pack),
                _ => None,
            },
        }
    }

    /// The nodes of a quicklist, or the one pack of a listpack.
    pub fn nodes(&self) -> impl Iterator<Item = NodeRef<'_>> {
        let (pack, deque) = match self {
            List::Small(pack) => (Some(NodeRef::Pack(pack.view())), None),
            List::Deque(deque) => (None, Some(deque.nodes())),
        };
        pack.into_iter().chain(deque.into_iter().flatten())
    }

    // Encodings.

    /// To be called before elements are added: `bytes` in all, `count` of them.
    #[inline]
    pub fn make_room(&mut self, bytes: usize, count: usize, limits: &PackLimits) {
        match self {
            // The common cases: far from every limit, or a quicklist already.
            List::Small(pack) => {
                let after = pack.byte_size() + bytes;
                if limits.exceeded_by(after, pack.len() + count) {
                    self.become_quicklist(limits);
                } else if after > SMALL_BYTES {
                    self.become_roomy();
                }
            }
            List::Deque(deque) => {
                if deque.limits() != PackLimits::UNBOUNDED {
                    // A quicklist keeps the limits it was made with.
                    deque.set_plain_from(limits);
                } else if limits.exceeded_by(deque.only_pack_bytes().unwrap_or(0) + bytes, deque.len() + count) {
                    deque.set_limits(*limits);
                }
            }
        }
    }

    #[cold]
    #[inline(never)]
    fn become_roomy(&mut self) {
        if let List::Small(pack) = self {
            *self = List::roomy(std::mem::take(pack));
        }
    }

    #[cold]
    #[inline(never)]
    fn become_quicklist(&mut self, limits: &PackLimits) {
        self.become_roomy();
        if let List::Deque(deque) = self {
            deque.set_limits(*limits);
        }
    }

    /// To be called after elements were removed or replaced, and only if some are left.
    #[inline]
    pub fn shrink(&mut self, limits: &PackLimits) {
        if let List::Deque(deque) = self
            && let Some(bytes) = deque.only_pack_bytes()
        {
            if deque.limits() != PackLimits::UNBOUNDED && limits.allow_share(SHRUNK_SHARE, bytes, deque.len()) {
                deque.set_limits(PackLimits::UNBOUNDED);
            }
            if bytes <= SMALL_BYTES / 2 && deque.limits() == PackLimits::UNBOUNDED {
                self.become_small();
            }
        }
    }

    #[cold]
    #[inline(never)]
    fn become_small(&mut self) {
        if let List::Deque(deque) = self
            && let Some(pack) = deque.take_only_pack()
        {
            *self = List::Small(pack);
        }
    }

    /// Chooses the encoding of a list that was made elsewhere.
    pub fn settle(&mut self, limits: &PackLimits) {
        match self {
            List::Small(pack) => {
                if limits.exceeded_by(pack.byte_size(), pack.len()) {
                    self.become_quicklist(limits);
                }
            }
            List::Deque(deque) => {
                let one_pack = deque.only_pack_bytes().is_some_and(|bytes| limits.allow_share(1, bytes, deque.len()));
                deque.set_limits(if one_pack { PackLimits::UNBOUNDED } else { *limits });
                self.shrink(limits);
            }
        }
    }

    // Ends.

    /// Adds one element; [`List::make_room`] comes before.
    #[inline]
    pub fn push(&mut self, end: End, value: &[u8]) {
        match (self, end) {
            (List::Deque(deque), End::Front) => deque.push_front(value),
            (List::Deque(deque), End::Back) => deque.push_back(value),
            (List::Small(pack), End::Front) => pack.push_front(value),
            (List::Small(pack), End::Back) => pack.push_back(value),
        }
    }

    #[inline]
    pub fn peek(&self, end: End) -> Option<Item<'_>> {
        match (self, end) {
            (List::Deque(deque), End::Front) => deque.front(),
            (List::Deque(deque), End::Back) => deque.back(),
            (List::Small(pack), End::Front) => pack.first().map(|at| pack.get(at)),
            (List::Small(pack), End::Back) => pack.last().map(|at| pack.get(at)),
        }
    }

    /// Removes what [`List::peek`] shows; [`List::shrink`] comes after.
    #[inline]
    pub fn drop_end(&mut self, end: End) {
        match (self, end) {
            (List::Deque(deque), End::Front) => deque.drop_front(),
            (List::Deque(deque), End::Back) => deque.drop_back(),
            (List::Small(pack), end) => {
                let at = if end == End::Front { pack.first() } else { pack.last() };
                if let Some(at) = at {
                    pack.remove(at);
                }
            }
        }
    }

    // Anywhere.

    /// The element at `index`, from the front or, below zero, from the back.
    pub fn get(&self, index: i64) -> Option<Item<'_>> {
        match self {
            List::Small(pack) => pack.seek(index).map(|at| pack.get(at)),
            List::Deque(deque) => deque.seek(index).map(|at| deque.get(at)),
        }
    }

    /// Shows `count` elements from `start` on; both within the list. Strings of one length come together.
    #[inline]
    pub fn for_range(&self, start: usize, count: usize, show: impl FnMut(Piece)) {
        match self {
            List::Small(pack) => {
                if let Some(at) = pack.seek(start as i64) {
                    let items = &mut pack.view().iter_from(at);
                    show_pieces(items, count, list_pack::Iter::next_run, show);
                }
            }
            List::Deque(deque) => {
                if let Some(at) = deque.seek(start as i64) {
                    let items = &mut deque.iter_from(at);
                    show_pieces(items, count, pack_deque::Iter::next_run, show);
                }
            }
        }
    }

    /// The elements from the front, or from the back.
    pub fn iter(&self, from: End) -> Iter<'_> {
        match (self, from) {
            (List::Small(pack), End::Front) => Iter::Pack(pack.iter()),
            (List::Small(pack), End::Back) => Iter::PackRev(pack.iter_rev()),
            (List::Deque(deque), End::Front) => Iter::Deque(deque.iter()),
            (List::Deque(deque), End::Back) => Iter::DequeRev(deque.iter_rev()),
        }
    }

    /// Puts another element in the place of the one at `index`; false when there is none. Comes between
    /// [`List::make_room`] and [`List::shrink`].
    pub fn set(&mut self, index: i64, value: &[u8]) -> bool {
        match self {
            List::Small(pack) => pack.seek(index).map(|at| pack.replace(at, value)).is_some(),
            List::Deque(deque) => deque.seek(index).map(|at| deque.replace(at, value)).is_some(),
        }
    }

    /// Inserts before (`End::Front`) or after the first element equal to `pivot`; false when there is none.
    pub fn insert(&mut self, pivot: &[u8], side: End, value: &[u8]) -> bool {
        match self {
            List::Small(pack) => {
                let Some(at) = pack.first().and_then(|first| pack.find(first, pivot, 0)) else { return false };
                match side {
                    End::Front => pack.insert_before(at, value),
                    End::Back => pack.insert_after(at, value),
                };
            }
            List::Deque(deque) => {
                let Some(at) = deque.find(&Needle::new(pivot)) else { return false };
                match side {
                    End::Front => deque.insert_before(at, value),
                    End::Back => deque.insert_after(at, value),
                }
            }
        }
        true
    }

    /// Removes up to `max` elements equal to `value`, counted from an end; how many there were.
    pub fn remove_equal(&mut self, value: &[u8], from: End, max: usize) -> usize {
        let needle = Needle::new(value);
        match self {
            List::Small(pack) => remove_from_pack(pack, &needle, from, max),
            List::Deque(deque) => remove_from_deque(deque, &needle, from, max),
        }
    }

    /// Removes `count` elements from `start` on.
    pub fn remove_range(&mut self, start: usize, count: usize) {
        match self {
            List::Small(pack) => pack.remove_range(start as i64, count),
            List::Deque(deque) => deque.remove_range(start, count),
        }
    }
}

fn remove_from_pack(pack: &mut ListPack, needle: &Needle, from: End, max: usize) -> usize {
    let mut removed = 0;
    let mut place: Option<Position> = if from == End::Front { pack.first() } else { pack.last() };
    while let Some(at) = place {
        let before = if from == End::Back { pack.prev(at) } else { None };
        if needle.matches(pack.get(at)) {
            let next = pack.remove(at);
            removed += 1;
            place = if from == End::Front { next } else { before };
            if removed == max {
                break;
            }
        } else {
            place = if from == End::Front { pack.next(at) } else { before };
        }
    }
    removed
}

fn remove_from_deque(deque: &mut PackDeque, needle: &Needle, from: End, max: usize) -> usize {
    let mut removed = 0;
    let mut place: Option<Cursor> = deque.seek(if from == End::Front { 0 } else { -1 });
    while let Some(at) = place {
        // A place before the removed one stays good.
        let before = if from == End::Back { deque.prev(at) } else { None };
        if needle.matches(deque.get(at)) {
            let next = deque.remove(at);
            removed += 1;
            place = if from == End::Front { next } else { before };
            if removed == max {
                break;
            }
        } else {
            place = if from == End::Front { deque.next(at) } else { before };
        }
    }
    removed
}

/// What `for_range` shows at a time.
#[derive(Clone, Copy)]
pub enum Piece<'a> {
    One(Item<'a>),
    Run(Run<'a>),
}

#[inline]
fn show_pieces<'a, I: Iterator<Item = Item<'a>>>(
    items: &mut I,
    count: usize,
    next_run: impl Fn(&mut I, usize) -> Option<Run<'a>>,
    mut show: impl FnMut(Piece),
) {
    let mut left = count;
    while left > 0 {
        if let Some(run) = next_run(items, left) {
            left -= run.count();
            show(Piece::Run(run));
        } else if let Some(item) = items.next() {
            left -= 1;
            show(Piece::One(item));
        } else {
            return;
        }
    }
}

/// Elements of a list in one direction.
pub enum Iter<'a> {
    Pack(list_pack::Iter<'a>),
    PackRev(list_pack::IterRev<'a>),
    Deque(pack_deque::Iter<'a>),
    DequeRev(pack_deque::IterRev<'a>),
}

impl<'a> Iterator for Iter<'a> {
    type Item = Item<'a>;

    #[inline]
    fn next(&mut self) -> Option<Item<'a>> {
        match self {
            Iter::Pack(items) => items.next(),
            Iter::PackRev(items) => items.next(),
            Iter::Deque(items) => items.next(),
            Iter::DequeRev(items) => items.next(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn push(list: &mut List, end: End, value: &[u8], limits: &PackLimits) {
        list.make_room(value.len(), 1, limits);
        list.push(end, value);
    }

    fn texts(list: &List) -> Vec<Vec<u8>> {
        list.iter(End::Front).map(Item::to_vec).collect()
    }

    #[test]
    fn a_list_made_elsewhere_settles() {
        let (three, many) = (PackLimits::new(3), PackLimits::new(-2));
        let mut list = List::new();
        (0..7).for_each(|i| push(&mut list, End::Back, &[b'a' + i], &three));
        assert_eq!((list.is_quicklist(), list.nodes().count()), (true, 3));
        list.settle(&three);
        assert_eq!((list.is_quicklist(), list.nodes().count()), (true, 3));
        let mut short = List::new();
        (0..7).for_each(|i| push(&mut short, End::Back, &[b'a' + i], &many));
        short.settle(&many);
        assert!(!short.is_quicklist());
        assert_eq!(texts(&list), texts(&short));
    }

    #[test]
    fn encodings_change_where_redis_changes_them() {
        let limits = PackLimits::new(3);
        let mut list = List::new();
        for value in [b"a", b"b", b"c"] {
            push(&mut list, End::Back, value, &limits);
            assert_eq!(list.encoding(), "listpack");
        }
        push(&mut list, End::Front, b"d", &limits);
        assert_eq!(list.encoding(), "quicklist");
        // Two nodes of one and three: the last of one node is not enough, half of the limit has to be left.
        for left in [3, 2, 1] {
            list.drop_end(End::Front);
            list.shrink(&limits);
            assert_eq!(list.len(), left);
            assert_eq!(list.encoding(), if left > 1 { "quicklist" } else { "listpack" });
        }

        let limits = PackLimits::new(-1);
        let mut list = List::new();
        push(&mut list, End::Back, &[b'x'; 4089], &limits);
        assert_eq!(list.encoding(), "listpack");
        push(&mut list, End::Back, b"y", &limits);
        assert_eq!(list.encoding(), "quicklist");
    }

    #[derive(Clone, Debug)]
    enum Step {
        Push(bool, Vec<u8>),
        Pop(bool),
        Set(usize, Vec<u8>),
        Insert(usize, bool, Vec<u8>),
        RemoveEqual(usize, bool, usize),
        RemoveRange(usize, usize),
    }

    fn value() -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![
            5 => (0..20i64).prop_map(|n| n.to_string().into_bytes()),
            5 => "[a-d]{0,2}".prop_map(String::into_bytes),
            1 => (0..5000usize).prop_map(|len| vec![b'z'; len]),
        ]
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            8 => (any::<bool>(), value()).prop_map(|(front, v)| Step::Push(front, v)),
            3 => any::<bool>().prop_map(Step::Pop),
            2 => (any::<usize>(), value()).prop_map(|(i, v)| Step::Set(i, v)),
            2 => (any::<usize>(), any::<bool>(), value()).prop_map(|(i, front, v)| Step::Insert(i, front, v)),
            1 => (any::<usize>(), any::<bool>(), 0..4usize).prop_map(|(i, front, max)| Step::RemoveEqual(i, front, max)),
            1 => (any::<usize>(), 0..6usize).prop_map(|(i, n)| Step::RemoveRange(i, n)),
        ]
    }

    fn end(front: bool) -> End {
        if front { End::Front } else { End::Back }
    }

    fn remove_equal(model: &mut Vec<Vec<u8>>, value: &[u8], from: End, max: usize) -> usize {
        let mut places: Vec<usize> = (0..model.len()).filter(|&i| model[i] == value).collect();
        if from == End::Back {
            places.reverse();
        }
        places.truncate(if max == 0 { usize::MAX } else { max });
        places.sort_unstable();
        places.iter().rev().for_each(|&i| drop(model.remove(i)));
        places.len()
    }

    fn apply(list: &mut List, model: &mut Vec<Vec<u8>>, limits: &PackLimits, step: Step) {
        let len = model.len().max(1);
        match step {
            Step::Push(front, value) => {
                push(list, end(front), &value, limits);
                model.insert(if front { 0 } else { model.len() }, value);
            }
            _ if model.is_empty() => {}
            Step::Pop(front) => {
                let popped = model.remove(if front { 0 } else { model.len() - 1 });
                assert!(list.peek(end(front)).unwrap().eq_bytes(&popped));
                list.drop_end(end(front));
            }
            Step::Set(index, value) => {
                list.make_room(value.len(), 1, limits);
                assert!(list.set((index % len) as i64 - len as i64, &value));
                model[index % len] = value;
            }
            Step::Insert(index, front, value) => {
                let pivot = model[index % len].clone();
                let at = model.iter().position(|v| *v == pivot).unwrap();
                list.make_room(value.len(), 1, limits);
                assert!(list.insert(&pivot, end(front), &value));
                model.insert(if front { at } else { at + 1 }, value);
            }
            Step::RemoveEqual(index, front, max) => {
                let value = model[index % len].clone();
                let expected = remove_equal(model, &value, end(front), max);
                assert_eq!(list.remove_equal(&value, end(front), max), expected);
            }
            Step::RemoveRange(index, count) => {
                list.remove_range(index % len, count);
                model.drain(index % len..(index % len + count).min(model.len()));
            }
        }
        if !list.is_empty() {
            list.shrink(limits);
        }
    }

    proptest! {
        #[test]
        fn every_encoding_behaves_like_a_vector(
            fill in prop_oneof![Just(-1), Just(-2), 1..5i32, Just(128)],
            plain_from in prop_oneof![3 => Just(0usize), 1 => 1..20usize],
            steps in prop::collection::vec(step(), 1..150),
        ) {
            let limits = PackLimits::new(fill).with_plain_from(plain_from);
            let mut list = List::new();
            let mut model = Vec::new();
            for step in steps {
                apply(&mut list, &mut model, &limits, step);
                assert_eq!(texts(&list), model);
            }
            assert!(list.iter(End::Back).map(Item::to_vec).eq(model.iter().rev().cloned()));
            let mut shown = Vec::new();
            list.for_range(model.len() / 3, model.len() / 2, |piece| match piece {
                Piece::One(item) => shown.push(item.to_vec()),
                Piece::Run(run) => {
                    let strings = run.entries.chunks_exact(run.stride).map(|entry| &entry[Run::HEAD..][..run.len]);
                    shown.extend(strings.map(<[u8]>::to_vec));
                }
            });
            assert_eq!(shown, model.iter().skip(model.len() / 3).take(model.len() / 2).cloned().collect::<Vec<_>>());
        }
    }
}
