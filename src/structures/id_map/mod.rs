//! An ordered map from stream ids to small values: what is pending in a consumer group, and which of it a consumer has.
//!
//! ```text
//! earlier   base → chunk, base → chunk, …     in rising order
//! tail      one chunk in place                everything behind them: appends, and small maps, touch nothing else
//! chunk     base  [ key key key … ]  [ value value value … ]
//! key       32 bits of milliseconds above the base's, the 32 low bits of the number
//! ```
//!
//! An id takes eight bytes that way. Invariants: the keys of a chunk rise; its ids have the high 32 bits of the base's number
//! and lie less than 2^32 ms above it (an id that does not fit divides a chunk, or begins one); a chunk of `earlier` has an
//! entry, and stands under its base; all ids there are below those of the tail, which is empty only when the map is.

mod chunk;

use std::collections::{BTreeMap, btree_map};
use std::ops::Bound;

use super::stream_log::StreamId;
use crate::base::memory::usable_size;
use chunk::{Chunk, ENTRIES_MAX};

/// A chunk with no more entries than this joins the one behind it, where both fit into half a chunk.
const ENTRIES_FEW: usize = ENTRIES_MAX / 4;
/// Removals from such a chunk between two looks.
const SETTLE_EACH: usize = 8;

/// The map; see the head of the file.
#[derive(Clone)]
pub struct IdMap<V> {
    earlier: BTreeMap<StreamId, Box<Chunk<V>>>,
    tail: Chunk<V>,
    len: usize,
}

impl<V: Copy> Default for IdMap<V> {
    fn default() -> IdMap<V> {
        IdMap { earlier: BTreeMap::new(), tail: Chunk::new(StreamId::MIN), len: 0 }
    }
}

impl<V: Copy> IdMap<V> {
    #[inline]
    pub fn len(&self) -> usize {
        self.len
    }

    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The chunk in which `id` is, if it is anywhere.
    #[inline]
    fn chunk_of(&self, id: StreamId) -> Option<&Chunk<V>> {
        if id >= self.tail.base || self.earlier.is_empty() {
            return Some(&self.tail);
        }
        self.earlier.range(..=id).next_back().map(|(_, chunk)| &**chunk)
    }

    #[inline]
    fn chunk_of_mut(&mut self, id: StreamId) -> Option<&mut Chunk<V>> {
        if id >= self.tail.base || self.earlier.is_empty() {
            return Some(&mut self.tail);
        }
        self.earlier.range_mut(..=id).next_back().map(|(_, chunk)| &mut **chunk)
    }

    #[inline]
    pub fn get(&self, id: StreamId) -> Option<V> {
        let chunk = self.chunk_of(id)?;
        chunk.find(id).map(|index| chunk.value_at(index))
    }

    #[inline]
    pub fn get_mut(&mut self, id: StreamId) -> Option<&mut V> {
        let chunk = self.chunk_of_mut(id)?;
        chunk.find(id).map(|index| chunk.value_mut(index))
    }

    pub fn contains(&self, id: StreamId) -> bool {
        self.get(id).is_some()
    }

    /// Inserts an entry; one that is there already stays as it is, and is given back.
    #[inline]
    pub fn try_insert(&mut self, id: StreamId, value: V) -> Result<(), &mut V> {
        if self.is_empty() {
            self.tail.base = id;
        }
        let in_tail = id >= self.tail.base || self.earlier.is_empty();
        let chunk = match in_tail {
            true => &mut self.tail,
            false => match self.earlier.range_mut(..=id).next_back() {
                Some((_, chunk)) => chunk,
                None => {
                    self.insert_in_front(id, value);
                    return Ok(());
                }
            },
        };
        let index = chunk.before(id);
        match chunk.key_of(id) {
            Some(_) if index < chunk.len() && chunk.id_at(index) == id => {
                // The borrow of the search ends here for the compiler; the second one is as cheap.
                return Err(self.get_mut(id).expect("just found"));
            }
            Some(key) if !chunk.is_full() => chunk.insert(index, key, value),
            _ => {
                let base = chunk.base;
                self.insert_apart(id, value, base, index);
                return Ok(());
            }
        }
        self.len += 1;
        Ok(())
    }

    /// Inserts an id for which its chunk (that of `base`, where it would be the `index`-th) has no room, or which does not
    /// fit there.
    #[cold]
    fn insert_apart(&mut self, id: StreamId, value: V, base: StreamId, index: usize) {
        let in_tail = base == self.tail.base;
        let chunk = if in_tail { &mut self.tail } else { self.earlier.get_mut(&base).expect("the caller found it") };
        let fits = chunk.key_of(id).is_some();
        // 1. What is behind the id becomes a chunk of its own; in the middle of a full chunk half of it does.
        let cut = if fits && index < chunk.len() { chunk.len() / 2 } else { index };
        let rest = (cut < chunk.len()).then(|| chunk.split_off(cut));
        let is_cut_clean = chunk.is_empty();
        // 2. In the middle there is room now, in one half or the other.
        let rest_base = rest.as_ref().map(|rest| rest.base);
        // 3. An id behind all, or that does not fit, begins a chunk.
        let own = if fits && rest.is_some() {
            None
        } else {
            let mut own = Chunk::new(id);
            own.insert(0, own.key_of(id).expect("an id fits to itself"), value);
            self.len += 1;
            Some(own)
        };
        // 4. The chunks stand in order, the last of them in the tail's place.
        if is_cut_clean && !in_tail {
            self.earlier.remove(&base);
        }
        for next in own.into_iter().chain(rest) {
            if in_tail {
                let before = std::mem::replace(&mut self.tail, next);
                if !before.is_empty() {
                    self.earlier.insert(before.base, Box::new(before));
                }
            } else {
                self.earlier.insert(next.base, Box::new(next));
            }
        }
        if fits && let Some(rest_base) = rest_base {
            let into_rest = id > rest_base;
            let target = if into_rest { rest_base } else { base };
            let chunk = if target == self.tail.base {
                &mut self.tail
            } else {
                self.earlier.get_mut(&target).expect("both halves have entries")
            };
            let (index, key) = (chunk.before(id), chunk.key_of(id).expect("it fitted to the whole"));
            chunk.insert(index, key, value);
            self.len += 1;
        }
    }

    /// Inserts an id below all chunks.
    #[cold]
    fn insert_in_front(&mut self, id: StreamId, value: V) {
        let mut front = Chunk::new(id);
        front.insert(0, front.key_of(id).expect("an id fits to itself"), value);
        if let Some(first) = self.earlier.first_entry()
            && front.append(first.get().as_ref())
        {
            first.remove();
        }
        self.earlier.insert(id, Box::new(front));
        self.len += 1;
    }

    /// Removes an entry.
    #[inline]
    pub fn remove(&mut self, id: StreamId) -> Option<V> {
        let chunk = self.chunk_of_mut(id)?;
        let index = chunk.find(id)?;
        let value = chunk.remove(index);
        let (base, left) = (chunk.base, chunk.len());
        self.len -= 1;
        // A small chunk looks for company now and then, not each time.
        if left <= ENTRIES_FEW && left % SETTLE_EACH == 0 && !self.earlier.is_empty() {
            self.settle(base, left);
        }
        Some(value)
    }

    /// Keeps the invariants, and chunks from being many and small, after a removal from the chunk of `base`.
    #[cold]
    fn settle(&mut self, base: StreamId, left: usize) {
        let is_tail = base == self.tail.base;
        if left == 0 {
            if is_tail {
                let (_, last) = self.earlier.pop_last().expect("the caller looked");
                self.tail = *last;
            } else {
                self.earlier.remove(&base);
            }
            return;
        }
        // The chunk before, then the one behind: what fits into half a chunk with either becomes one with it.
        let fits = |chunk: &Chunk<V>| left + chunk.len() <= ENTRIES_MAX / 2;
        if is_tail {
            if let Some((_, before)) = self.earlier.iter_mut().next_back()
                && fits(before)
                && before.append(&self.tail)
            {
                let (_, joined) = self.earlier.pop_last().expect("it was the last one");
                self.tail = *joined;
            }
            return;
        }
        let chunk = self.earlier.remove(&base).expect("the caller removed from it");
        if let Some((_, before)) = self.earlier.range_mut(..base).next_back()
            && fits(before)
            && before.append(&chunk)
        {
            return;
        }
        self.join_next(chunk);
    }

    /// Puts a small chunk back, together with the one behind it if both fit into half a chunk.
    fn join_next(&mut self, mut chunk: Box<Chunk<V>>) {
        let base = chunk.base;
        let next = self.earlier.range((Bound::Excluded(base), Bound::Unbounded)).next().map(|(base, _)| *base);
        let behind = next.map_or(&self.tail, |base| self.earlier.get(&base).expect("just found"));
        if chunk.len() + behind.len() > ENTRIES_MAX / 2 || !chunk.append(behind) {
            self.earlier.insert(base, chunk);
            return;
        }
        match next {
            Some(next) => {
                self.earlier.remove(&next);
                self.earlier.insert(base, chunk);
            }
            None => self.tail = *chunk,
        }
    }

    /// The first entry at or behind `id`.
    pub fn seek(&self, id: StreamId) -> Option<(StreamId, V)> {
        self.iter_from(id).next()
    }

    pub fn first_id(&self) -> Option<StreamId> {
        self.iter_from(StreamId::MIN).next().map(|(id, _)| id)
    }

    pub fn last_id(&self) -> Option<StreamId> {
        self.tail.last_id()
    }

    /// Entries in rising order, from the first one at or behind `id` on.
    pub fn iter_from(&self, id: StreamId) -> Iter<'_, V> {
        if id >= self.tail.base || self.earlier.is_empty() {
            return Iter { chunk: &self.tail, index: self.tail.before(id), more: None, tail: None };
        }
        let at = self.earlier.range(..=id).next_back().map(|(base, _)| *base);
        let mut more = self.earlier.range((at.map_or(Bound::Unbounded, Bound::Included), Bound::Unbounded));
        let (_, chunk) = more.next().expect("`earlier` is not empty");
        Iter { chunk, index: chunk.before(id), more: Some(more), tail: Some(&self.tail) }
    }

    pub fn iter(&self) -> Iter<'_, V> {
        self.iter_from(StreamId::MIN)
    }

    /// Bytes of all allocations, in size classes; the nodes of the tree of chunks by what a full one takes.
    pub fn allocated_bytes(&self) -> usize {
        /// Children of a node of the standard library's tree, of which about three quarters are in use.
        const NODE_CHUNKS: usize = 8;
        const NODE_BYTES: usize = 11 * (size_of::<StreamId>() + size_of::<usize>()) + 16;
        let nodes = self.earlier.len().div_ceil(NODE_CHUNKS) * usable_size(NODE_BYTES);
        let chunks = self.earlier.values().map(|chunk| usable_size(size_of::<Chunk<V>>()) + chunk.allocated_bytes());
        nodes + chunks.sum::<usize>() + self.tail.allocated_bytes()
    }

    /// Number of chunks: what freeing takes.
    pub fn chunks(&self) -> usize {
        self.earlier.len() + usize::from(!self.tail.is_empty())
    }

    /// Frees up to `budget` chunks; true when none is left.
    pub fn free_some(&mut self, budget: usize) -> bool {
        for _ in 0..budget {
            let Some((_, chunk)) = self.earlier.pop_first() else {
                *self = IdMap::default();
                return true;
            };
            self.len -= chunk.len();
        }
        false
    }
}

/// Entries in rising order.
pub struct Iter<'m, V> {
    chunk: &'m Chunk<V>,
    index: usize,
    more: Option<btree_map::Range<'m, StreamId, Box<Chunk<V>>>>,
    tail: Option<&'m Chunk<V>>,
}

impl<V: Copy> Iterator for Iter<'_, V> {
    type Item = (StreamId, V);

    fn next(&mut self) -> Option<(StreamId, V)> {
        while self.index == self.chunk.len() {
            self.chunk = match self.more.as_mut().and_then(|more| more.next()) {
                Some((_, chunk)) => chunk,
                None => self.tail.take()?,
            };
            self.index = 0;
        }
        let item = (self.chunk.id_at(self.index), self.chunk.value_at(self.index));
        self.index += 1;
        Some(item)
    }
}

#[cfg(test)]
mod tests;
