//! Adding an entry once, however often its producer sends it (IDMP): the ids that producers gave to what they sent, with the
//! entries they became.
//!
//! A producer's ids are kept for a while and up to a number, the newest of them. The age of one is that of its entry, whose id
//! is a time.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::rc::Rc;

use crate::base::clock::Ms;
use crate::base::memory::usable_size;
use crate::structures::stream_log::StreamId;

/// How long an id is kept, in seconds, and how many of a producer, unless XCFGSET says otherwise.
const DURATION_DEFAULT_S: u64 = 100;
const IDS_DEFAULT_MAX: u64 = 100;

/// See the head of the file.
#[derive(Clone)]
pub struct Once {
    duration_s: u64,
    ids_max: u64,
    producers: BTreeMap<Box<[u8]>, Producer>,
    /// Ids that were ever taken in, and entries that were not added again.
    pub added: u64,
    pub duplicates: u64,
}

/// What one producer sent.
#[derive(Clone, Default)]
pub struct Producer {
    by_id: HashMap<Rc<[u8]>, StreamId>,
    /// Oldest first.
    order: VecDeque<Rc<[u8]>>,
}

impl Default for Once {
    fn default() -> Once {
        Once::new(DURATION_DEFAULT_S, IDS_DEFAULT_MAX)
    }
}

impl Once {
    pub fn new(duration_s: u64, ids_max: u64) -> Once {
        Once { duration_s, ids_max, producers: BTreeMap::new(), added: 0, duplicates: 0 }
    }

    pub fn duration_s(&self) -> u64 {
        self.duration_s
    }

    pub fn ids_max(&self) -> u64 {
        self.ids_max
    }

    /// Sets how long and how many; false when that is as it was. Otherwise everything is forgotten.
    pub fn configure(&mut self, duration_s: u64, ids_max: u64) -> bool {
        if (self.duration_s, self.ids_max) == (duration_s, ids_max) {
            return false;
        }
        (self.duration_s, self.ids_max) = (duration_s, ids_max);
        self.producers.clear();
        true
    }

    /// The entry that this id of this producer became, if it is known still.
    pub fn find(&mut self, producer: &[u8], id: &[u8], now: Ms) -> Option<StreamId> {
        let kept_ms = self.duration_s.saturating_mul(1000);
        let known = self.producers.get_mut(producer)?;
        known.forget_before((now.max(0) as u64).saturating_sub(kept_ms));
        known.by_id.get(id).copied()
    }

    /// An id became an entry. False when the id is known already.
    pub fn add(&mut self, producer: &[u8], id: &[u8], entry: StreamId) -> bool {
        let known = match self.producers.get_mut(producer) {
            Some(known) => known,
            None => self.producers.entry(producer.into()).or_default(),
        };
        if known.by_id.contains_key(id) {
            return false;
        }
        let id: Rc<[u8]> = id.into();
        known.by_id.insert(id.clone(), entry);
        known.order.push_back(id);
        while known.order.len() as u64 > self.ids_max {
            known.forget_oldest();
        }
        true
    }

    /// Producers in the order of their names.
    pub fn producers(&self) -> impl ExactSizeIterator<Item = (&[u8], &Producer)> {
        self.producers.iter().map(|(name, producer)| (&**name, producer))
    }

    pub fn allocated_bytes(&self) -> usize {
        /// What an id takes in the map and the queue besides its text, roughly.
        const ID_BYTES: usize = 80;
        let of_producer = |(name, producer): (&[u8], &Producer)| {
            let ids = producer.order.iter().map(|id| usable_size(id.len() + 2 * size_of::<usize>()) + ID_BYTES);
            usable_size(name.len().max(1)) + size_of::<Producer>() + ids.sum::<usize>()
        };
        usable_size(size_of::<Once>()) + self.producers().map(of_producer).sum::<usize>()
    }
}

impl Producer {
    /// Ids with their entries, oldest first.
    pub fn ids(&self) -> impl ExactSizeIterator<Item = (&[u8], StreamId)> {
        self.order.iter().map(|id| (&**id, self.by_id[id]))
    }

    fn forget_oldest(&mut self) {
        if let Some(id) = self.order.pop_front() {
            self.by_id.remove(&id);
        }
    }

    fn forget_before(&mut self, ms: u64) {
        while self.order.front().is_some_and(|id| self.by_id[id].ms < ms) {
            self.forget_oldest();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_kept_for_a_while_and_up_to_a_number() {
        let entry = |ms| StreamId { ms, seq: 0 };
        let mut once = Once::new(1, 2);
        for (id, ms) in [("a", 1000), ("b", 1001), ("c", 1002)] {
            assert!(once.add(b"p", id.as_bytes(), entry(ms)));
        }
        assert!(!once.add(b"p", b"c", entry(1003)));
        assert_eq!(once.find(b"p", b"a", 1003), None, "the oldest of three");
        assert_eq!(once.find(b"p", b"b", 1003), Some(entry(1001)));
        assert_eq!(once.find(b"q", b"b", 1003), None);
        assert_eq!(once.find(b"p", b"b", 2002), None, "a second later");
        assert_eq!(once.find(b"p", b"c", 2002), Some(entry(1002)));
        assert!(!once.configure(1, 2) && once.configure(5, 2));
        assert_eq!(once.find(b"p", b"c", 2002), None);
    }
}
