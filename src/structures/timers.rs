//! Timers that own what they time: the loop's periodic jobs, idle and blocked clients. The same wheel as for the keys.
//!
//! A timer is a boxed node (link first, then the value) that the wheel points into; a slab gives it a stable index, and
//! a generation in the id makes the id of a timer that fired or was cancelled mean nothing, even when its index is used again.
//! Invariant: exactly the nodes in the slab are on the wheel.

use super::wheel::{TimerLink, Wheel};
use crate::base::clock::Ms;
use slab::Slab;
use std::ptr::NonNull;

/// Names one timer; worthless once it has fired or was cancelled.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct TimerId {
    index: u32,
    generation: u32,
}

#[repr(C)]
struct Node<T> {
    /// First, so that the wheel's pointer to the link is the pointer to the node.
    link: TimerLink,
    id: TimerId,
    value: T,
}

/// A wheel with values on it.
pub struct Timers<T> {
    wheel: Wheel,
    nodes: Slab<NonNull<Node<T>>>,
    generation: u32,
}

// Safety: the nodes are owned by the slab alone, like boxes.
unsafe impl<T: Send> Send for Timers<T> {}

impl<T> Timers<T> {
    pub fn new(now: Ms) -> Timers<T> {
        Timers { wheel: Wheel::new(now), nodes: Slab::new(), generation: 0 }
    }

    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// Starts a timer.
    pub fn insert(&mut self, deadline: Ms, value: T) -> TimerId {
        self.generation = self.generation.wrapping_add(1);
        let slot = self.nodes.vacant_entry();
        let index = u32::try_from(slot.key()).expect("there is no memory for four billion timers");
        let id = TimerId { index, generation: self.generation };
        let node = NonNull::from(Box::leak(Box::new(Node { link: TimerLink::new(deadline), id, value })));
        slot.insert(node);
        // Safety: the node stays where it is until `release`, which takes it off the wheel first or was given it by the wheel.
        unsafe { self.wheel.insert(node.cast()) };
        id
    }

    fn find(&self, id: TimerId) -> Option<NonNull<Node<T>>> {
        let node = *self.nodes.get(id.index as usize)?;
        // Safety: what is in the slab is alive.
        unsafe { (*node.as_ptr()).id == id }.then_some(node)
    }

    /// Stops a timer and gives its value back; `None` if it has fired or was cancelled.
    pub fn cancel(&mut self, id: TimerId) -> Option<T> {
        let node = self.find(id)?;
        // Safety: a node in the slab is on the wheel.
        unsafe { self.wheel.remove(node.cast()) };
        Some(self.release(node).1)
    }

    /// Gives a running timer another deadline; false if there is none. Pushing it on costs next to nothing.
    pub fn reschedule(&mut self, id: TimerId, deadline: Ms) -> bool {
        let Some(node) = self.find(id) else { return false };
        // Safety: as above.
        unsafe { self.wheel.change(node.cast(), deadline) };
        true
    }

    /// When a running timer will fire.
    pub fn deadline(&self, id: TimerId) -> Option<Ms> {
        // Safety: what is in the slab is alive.
        self.find(id).map(|node| unsafe { (*node.as_ptr()).link.deadline })
    }

    /// When `pop_due` has something to do; it may then turn out that nothing is due yet.
    pub fn next_wake(&self) -> Option<Ms> {
        self.wheel.next_wake()
    }

    /// Ends one timer that is due, earlier milliseconds first. The wheel is moved without a budget: there are at most a
    /// few timers a client here, and a link costs some nanoseconds.
    pub fn pop_due(&mut self, now: Ms) -> Option<(TimerId, T)> {
        self.wheel.advance(now, usize::MAX);
        // Safety: the nodes on the wheel are those in the slab, and alive.
        let link = unsafe { self.wheel.pop_due(now)? };
        Some(self.release(link.cast()))
    }

    /// Frees a node that is no longer on the wheel.
    fn release(&mut self, node: NonNull<Node<T>>) -> (TimerId, T) {
        // Safety: the node was leaked from a box in `insert`, and leaves the slab here.
        let node = unsafe { Box::from_raw(node.as_ptr()) };
        self.nodes.remove(node.id.index as usize);
        (node.id, node.value)
    }
}

impl<T> Drop for Timers<T> {
    fn drop(&mut self) {
        for node in self.nodes.drain() {
            // Safety: as in `release`; the wheel forgets its links without touching them.
            drop(unsafe { Box::from_raw(node.as_ptr()) });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timers_fire_in_order_of_time() {
        let mut timers = Timers::new(1000);
        for delay in [50, 3, 7_000, 0, 900] {
            timers.insert(1000 + delay, delay);
        }
        assert_eq!(timers.pop_due(1000).map(|(_, delay)| delay), Some(0));
        assert_eq!(timers.pop_due(1000), None);
        assert_eq!(timers.next_wake(), Some(1003));
        let fired: Vec<i64> = std::iter::from_fn(|| timers.pop_due(100_000)).map(|(_, delay)| delay).collect();
        assert_eq!(fired, [3, 50, 900, 7_000]);
        assert!(timers.is_empty() && timers.next_wake().is_none());
    }

    #[test]
    fn an_id_dies_with_its_timer() {
        let mut timers = Timers::new(0);
        let first = timers.insert(10, "first".to_string());
        assert_eq!(timers.cancel(first).as_deref(), Some("first"));
        let second = timers.insert(10, "second".to_string());
        assert_eq!(first.index, second.index, "the index is used again");
        assert_eq!(timers.cancel(first), None);
        assert!(!timers.reschedule(first, 5));
        assert_eq!(timers.deadline(second), Some(10));
        assert_eq!(timers.pop_due(10), Some((second, "second".to_string())));
        assert_eq!(timers.cancel(second), None);
    }

    #[test]
    fn rescheduling_moves_a_timer_both_ways() {
        let mut timers = Timers::new(0);
        let id = timers.insert(100, ());
        let other = timers.insert(1_000_000, ());
        assert!(timers.reschedule(id, 5_000));
        assert_eq!(timers.pop_due(4_999), None);
        assert!(timers.reschedule(id, 10_000));
        assert_eq!(timers.pop_due(9_999), None);
        assert!(timers.reschedule(other, 9_999));
        assert_eq!(timers.pop_due(9_999), Some((other, ())));
        assert_eq!(timers.pop_due(10_000), Some((id, ())));
    }

    #[test]
    fn values_left_are_dropped_with_the_timers() {
        let witness = std::rc::Rc::new(());
        let mut timers = Timers::new(0);
        for deadline in 0..10 {
            timers.insert(deadline, witness.clone());
        }
        assert!(timers.pop_due(5).is_some());
        drop(timers);
        assert_eq!(std::rc::Rc::strong_count(&witness), 1);
    }
}
