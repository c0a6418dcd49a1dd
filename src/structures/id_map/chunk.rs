//! One run of ids and values in two columns; see the head of the folder for what fits into one.

use crate::base::memory::usable_size;
use crate::structures::stream_log::StreamId;

/// Entries of a chunk: moving half of them costs less than a look-up, and their overhead is spread over many.
pub(super) const ENTRIES_MAX: usize = 128;
/// Room for fewer entries than this is not given back.
const ROOM_MIN: usize = 4;

const LOW_HALF: u64 = 0xffff_ffff;

#[derive(Clone)]
pub(super) struct Chunk<V> {
    pub base: StreamId,
    keys: Vec<u64>,
    values: Vec<V>,
}

impl<V: Copy> Chunk<V> {
    pub const fn new(base: StreamId) -> Chunk<V> {
        Chunk { base, keys: Vec::new(), values: Vec::new() }
    }

    #[inline]
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    #[inline]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    pub fn is_full(&self) -> bool {
        self.len() >= ENTRIES_MAX
    }

    /// The id as a key of this chunk; `None` when it does not fit.
    #[inline]
    pub fn key_of(&self, id: StreamId) -> Option<u64> {
        let ms = id.ms.checked_sub(self.base.ms)?;
        (ms <= LOW_HALF && id.seq >> 32 == self.base.seq >> 32).then_some(ms << 32 | id.seq & LOW_HALF)
    }

    #[inline]
    pub fn id_at(&self, index: usize) -> StreamId {
        let key = self.keys[index];
        StreamId { ms: self.base.ms + (key >> 32), seq: self.base.seq & !LOW_HALF | key & LOW_HALF }
    }

    pub fn last_id(&self) -> Option<StreamId> {
        self.len().checked_sub(1).map(|index| self.id_at(index))
    }

    #[inline]
    pub fn value_at(&self, index: usize) -> V {
        self.values[index]
    }

    #[inline]
    pub fn value_mut(&mut self, index: usize) -> &mut V {
        &mut self.values[index]
    }

    /// How many entries are before `id`, which need not fit.
    #[inline]
    pub fn before(&self, id: StreamId) -> usize {
        if let Some(key) = self.key_of(id) {
            // What comes last is what is asked for most: new ids are greater than all others.
            return match self.keys.last() {
                Some(last) if *last >= key => self.keys.partition_point(|k| *k < key),
                _ => self.len(),
            };
        }
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = (low + high) / 2;
            if self.id_at(middle) < id { low = middle + 1 } else { high = middle }
        }
        low
    }

    #[inline]
    pub fn find(&self, id: StreamId) -> Option<usize> {
        let key = self.key_of(id)?;
        // Acknowledgements mostly come in the order of the entries.
        if self.keys.first() == Some(&key) { Some(0) } else { self.keys.binary_search(&key).ok() }
    }

    #[inline]
    pub fn insert(&mut self, index: usize, key: u64, value: V) {
        self.keys.insert(index, key);
        self.values.insert(index, value);
    }

    #[inline]
    pub fn remove(&mut self, index: usize) -> V {
        let value = self.values.remove(index);
        self.keys.remove(index);
        if self.keys.capacity() > ROOM_MIN.max(4 * self.len()) {
            self.keys.shrink_to(ROOM_MIN.max(2 * self.len()));
            self.values.shrink_to(ROOM_MIN.max(2 * self.len()));
        }
        value
    }

    /// The entries from `index` on, at least one, as a chunk of their own.
    pub fn split_off(&mut self, index: usize) -> Chunk<V> {
        let mut rest = Chunk::new(self.id_at(index));
        for at in index..self.len() {
            rest.keys.push(rest.key_of(self.id_at(at)).expect("what fits to an earlier base fits to a later one"));
        }
        rest.values.extend_from_slice(&self.values[index..]);
        self.keys.truncate(index);
        self.values.truncate(index);
        self.keys.shrink_to_fit();
        self.values.shrink_to_fit();
        rest
    }

    /// Takes in what stands behind these entries, if there is room for all of it and it fits; false otherwise.
    pub fn append(&mut self, other: &Chunk<V>) -> bool {
        let fits = other.last_id().is_none_or(|last| self.key_of(last).is_some());
        if !fits || self.len() + other.len() > ENTRIES_MAX || other.base.seq >> 32 != self.base.seq >> 32 {
            return false;
        }
        for at in 0..other.len() {
            self.keys.push(self.key_of(other.id_at(at)).expect("the last one fits, and so does what is before it"));
        }
        self.values.extend_from_slice(&other.values);
        true
    }

    pub fn allocated_bytes(&self) -> usize {
        let of = |bytes: usize| if bytes == 0 { 0 } else { usable_size(bytes) };
        of(self.keys.capacity() * size_of::<u64>()) + of(self.values.capacity() * size_of::<V>())
    }
}
