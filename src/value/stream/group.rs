//! Consumer groups: how far a group has read, what it delivered that is not acknowledged yet, and to whom.
//!
//! ```text
//! Group     last_id, entries_read     pending: id → Delivery { time, count, consumer }
//! Consumer  name, seen, active        pending: id            of the group's, those with this consumer
//! ```
//!
//! Invariant: an id is pending with a consumer if, and only if, the group's delivery of it names that consumer. So a delivery
//! is stored once, and a consumer's share of it is its id.

use std::collections::BTreeMap;
use std::rc::Rc;

use crate::base::clock::Ms;
use crate::base::memory::usable_size;
use crate::structures::id_map::IdMap;
use crate::structures::stream_log::{Cursor, StreamId};

/// An entry that was delivered and is not acknowledged. Packed, because there may be millions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C, packed(4))]
pub struct Delivery {
    /// When it was delivered last.
    pub time: Ms,
    /// How many times it was delivered.
    pub count: u64,
    pub consumer: ConsumerId,
}

const _: () = assert!(size_of::<Delivery>() == 20);

/// Where a consumer stands in its group; good as long as the consumer is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConsumerId(u32);

/// Who reads for a group.
#[derive(Clone)]
pub struct Consumer {
    pub name: Rc<[u8]>,
    /// When it last tried to read or claim.
    pub seen: Ms,
    /// When it last was given something; `None`: never.
    pub active: Option<Ms>,
    pending: IdMap<()>,
}

impl Consumer {
    /// The ids that were delivered to it and are not acknowledged.
    pub fn pending(&self) -> &IdMap<()> {
        &self.pending
    }
}

/// The consumers of a group: by place, and by name in byte order.
#[derive(Clone, Default)]
struct Consumers {
    places: Vec<Option<Box<Consumer>>>,
    free: Vec<u32>,
    by_name: BTreeMap<Rc<[u8]>, u32>,
}

/// A consumer group.
#[derive(Clone)]
pub struct Group {
    /// The last id that was delivered.
    pub last_id: StreamId,
    /// How many entries there ever were up to `last_id`; `None`: not known.
    pub entries_read: Option<i64>,
    /// Where in the log it stands, if it is known.
    pub cursor: Option<Cursor>,
    pending: IdMap<Delivery>,
    consumers: Consumers,
}

const PLACE_IS_TAKEN: &str = "a consumer's id is used only while the consumer is there";

impl Group {
    pub fn new(last_id: StreamId, entries_read: Option<i64>) -> Group {
        Group { last_id, entries_read, cursor: None, pending: IdMap::default(), consumers: Consumers::default() }
    }

    // ---- consumers ------------------------------------------------------------------------------------------------

    pub fn find_consumer(&self, name: &[u8]) -> Option<ConsumerId> {
        self.consumers.by_name.get(name).map(|place| ConsumerId(*place))
    }

    pub fn consumer(&self, id: ConsumerId) -> &Consumer {
        self.consumers.places[id.0 as usize].as_ref().expect(PLACE_IS_TAKEN)
    }

    pub fn consumer_mut(&mut self, id: ConsumerId) -> &mut Consumer {
        self.consumers.places[id.0 as usize].as_mut().expect(PLACE_IS_TAKEN)
    }

    /// Consumers in the order of their names.
    pub fn consumers(&self) -> impl ExactSizeIterator<Item = &Consumer> {
        self.consumers.by_name.values().map(|place| self.consumer(ConsumerId(*place)))
    }

    /// A new consumer; `None` when there is one of this name.
    pub fn create_consumer(&mut self, name: &[u8], now: Ms) -> Option<ConsumerId> {
        let consumers = &mut self.consumers;
        if consumers.by_name.contains_key(name) {
            return None;
        }
        let name: Rc<[u8]> = name.into();
        let consumer = Box::new(Consumer { name: name.clone(), seen: now, active: None, pending: IdMap::default() });
        let place = match consumers.free.pop() {
            Some(place) => {
                consumers.places[place as usize] = Some(consumer);
                place
            }
            None => {
                consumers.places.push(Some(consumer));
                u32::try_from(consumers.places.len() - 1).expect("memory ends before four thousand million consumers")
            }
        };
        consumers.by_name.insert(name, place);
        Some(ConsumerId(place))
    }

    /// Removes a consumer with what is pending with it; gives back how much that was.
    pub fn remove_consumer(&mut self, name: &[u8]) -> Option<usize> {
        let place = self.consumers.by_name.remove(name)?;
        let consumer = self.consumers.places[place as usize].take().expect(PLACE_IS_TAKEN);
        self.consumers.free.push(place);
        for (id, ()) in consumer.pending.iter() {
            self.pending.remove(id);
        }
        Some(consumer.pending.len())
    }

    // ---- what is pending ------------------------------------------------------------------------------------------

    /// What was delivered to anybody.
    pub fn pending(&self) -> &IdMap<Delivery> {
        &self.pending
    }

    /// True when an entry of this id is pending, or still to be delivered.
    pub fn refers_to(&self, id: StreamId) -> bool {
        self.last_id < id || self.pending.contains(id)
    }

    /// Notes a delivery; one of the same id that was pending with anybody is replaced.
    #[inline]
    pub fn deliver(&mut self, id: StreamId, delivery: Delivery) {
        let owner = delivery.consumer;
        if let Err(known) = self.pending.try_insert(id, delivery) {
            let before = std::mem::replace(known, delivery).consumer;
            if before == owner {
                return;
            }
            self.consumer_mut(before).pending.remove(id);
        }
        let inserted = self.consumer_mut(owner).pending.try_insert(id, ());
        debug_assert!(inserted.is_ok(), "it was not pending with this consumer");
    }

    /// Time and count of a pending delivery, to be changed; its consumer changes through `deliver` only.
    #[inline]
    pub fn touch(&mut self, id: StreamId, now: Ms) {
        if let Some(delivery) = self.pending.get_mut(id) {
            delivery.time = now;
            delivery.count += 1;
        }
    }

    /// Forgets a delivery; false when there is none.
    #[inline]
    pub fn acknowledge(&mut self, id: StreamId) -> bool {
        let Some(delivery) = self.pending.remove(id) else { return false };
        let removed = self.consumer_mut(delivery.consumer).pending.remove(id);
        debug_assert!(removed.is_some(), "what is pending is pending with its consumer");
        true
    }

    /// Forgets a delivery, if there is one.
    pub fn forget(&mut self, id: StreamId) {
        self.acknowledge(id);
    }

    // ---- dumps ----------------------------------------------------------------------------------------------------

    /// A delivery of a dump, whose consumer is not known yet; false when there is one of this id.
    pub fn load_delivery(&mut self, id: StreamId, time: Ms, count: u64) -> bool {
        self.pending.try_insert(id, Delivery { time, count, consumer: NOBODY }).is_ok()
    }

    /// Says whose a delivery of a dump is; false when there is no such delivery, or it is somebody's already.
    pub fn load_owner(&mut self, id: StreamId, consumer: ConsumerId) -> bool {
        match self.pending.get_mut(id) {
            Some(delivery) if delivery.consumer == NOBODY => delivery.consumer = consumer,
            _ => return false,
        }
        self.consumer_mut(consumer).pending.try_insert(id, ()).is_ok()
    }

    /// True when every delivery is somebody's.
    pub fn is_whole(&self) -> bool {
        self.consumers().map(|consumer| consumer.pending.len()).sum::<usize>() == self.pending.len()
    }

    // ---- memory ---------------------------------------------------------------------------------------------------

    /// Bytes of all allocations, in size classes.
    pub fn allocated_bytes(&self) -> usize {
        /// What one name takes in the standard library's tree, filled to three quarters.
        const NAME_BYTES: usize = 40;
        let Consumers { places, free, .. } = &self.consumers;
        let of_consumers: usize = self
            .consumers()
            .map(|consumer| {
                let name = usable_size(consumer.name.len() + 2 * size_of::<usize>());
                usable_size(size_of::<Consumer>()) + name + NAME_BYTES + consumer.pending.allocated_bytes()
            })
            .sum();
        let of = |bytes: usize| if bytes == 0 { 0 } else { usable_size(bytes) };
        of(places.capacity() * size_of::<Option<Box<Consumer>>>())
            + of(free.capacity() * size_of::<u32>())
            + of_consumers
            + self.pending.allocated_bytes()
    }

    /// Number of allocations that freeing takes, roughly.
    pub fn free_effort(&self) -> usize {
        self.pending.chunks() + self.consumers.by_name.len()
    }

    /// Frees up to `budget` pieces; true when what is left is cheap to drop.
    pub fn free_some(&mut self, budget: usize) -> bool {
        if !self.pending.free_some(budget) {
            return false;
        }
        for _ in 0..budget {
            let Some((_, place)) = self.consumers.by_name.first_key_value() else { return true };
            let consumer = self.consumers.places[*place as usize].as_mut().expect(PLACE_IS_TAKEN);
            if !consumer.pending.free_some(budget) {
                return false;
            }
            let (_, place) = self.consumers.by_name.pop_first().expect("looked at just now");
            self.consumers.places[place as usize] = None;
        }
        false
    }
}

/// The consumer of a delivery while a dump is read.
const NOBODY: ConsumerId = ConsumerId(u32::MAX);

#[cfg(test)]
mod tests {
    use super::*;

    fn id(ms: u64) -> StreamId {
        StreamId { ms, seq: 0 }
    }

    fn pending_with(group: &Group, name: &[u8]) -> Vec<u64> {
        let consumer = group.find_consumer(name).expect("there is such a consumer");
        group.consumer(consumer).pending().iter().map(|(id, ())| id.ms).collect()
    }

    #[test]
    fn a_delivery_has_one_owner() {
        let mut group = Group::new(StreamId::MIN, None);
        let a = group.create_consumer(b"a", 1).expect("new");
        let b = group.create_consumer(b"b", 1).expect("new");
        assert_eq!(group.create_consumer(b"a", 1), None);
        for ms in 1..=300 {
            group.deliver(id(ms), Delivery { time: 5, count: 1, consumer: a });
        }
        for ms in (1..=300).step_by(2) {
            group.deliver(id(ms), Delivery { time: 6, count: 2, consumer: b });
        }
        assert!(group.is_whole());
        assert_eq!(pending_with(&group, b"a"), (2..=300).step_by(2).collect::<Vec<_>>());
        assert_eq!(pending_with(&group, b"b"), (1..=300).step_by(2).collect::<Vec<_>>());
        assert!(group.acknowledge(id(2)) && !group.acknowledge(id(2)) && group.acknowledge(id(1)));
        assert_eq!(group.remove_consumer(b"a"), Some(149));
        assert_eq!(group.pending().len(), 149);
        // The place of a consumer that is gone is used again.
        assert_eq!(group.create_consumer(b"c", 1), Some(a));
        assert_eq!(group.consumers().map(|c| c.name.to_vec()).collect::<Vec<_>>(), [b"b".to_vec(), b"c".to_vec()]);
        while !group.free_some(1) {}
    }
}
