//! Values that were taken out and are freed in slices, so that no command waits for a million deallocations.

use std::collections::VecDeque;

use super::entry::{Entry, EntryBox};
use crate::structures::table::Table;

/// Something large on its way out.
pub enum Garbage {
    Entry(EntryBox),
    /// A whole database's table with all its entries; their wheel is gone already.
    Table(Box<Table<Entry>>),
}

/// The queue, freed from the front: whole databases first, because most of their keys are small and soon done; then the
/// large entry at hand, a slice at a time.
#[derive(Default)]
pub struct GarbageQueue {
    tables: VecDeque<Box<Table<Entry>>>,
    at_hand: Option<EntryBox>,
    waiting: VecDeque<EntryBox>,
    /// Entries taken from the queue to be freed, since the last reset of statistics.
    pub freed: u64,
}

/// Elements freed between two looks at the clock. Few, for the last elements of a large value that was built in another order than it is
/// freed in are each the last of their page, and giving a page back to the system takes microseconds.
pub const FREE_SLICE_ELEMENTS: usize = 32;

impl GarbageQueue {
    pub fn push(&mut self, garbage: Garbage) {
        match garbage {
            Garbage::Entry(entry) => self.waiting.push_back(entry),
            Garbage::Table(table) => self.tables.push_back(table),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.tables.is_empty() && self.at_hand.is_none() && self.waiting.is_empty()
    }

    /// Frees everything of `garbage` now, uncounted: for who asked to wait for it.
    pub fn free_now(garbage: Garbage) {
        let mut alone = GarbageQueue::default();
        alone.push(garbage);
        while !alone.free_slice() {}
    }

    /// Entries that wait, the one at hand left out.
    pub fn pending(&self) -> usize {
        self.tables.iter().map(|table| table.len()).sum::<usize>() + self.waiting.len()
    }

    /// Frees one slice; true when nothing is left.
    pub fn free_slice(&mut self) -> bool {
        if let Some(table) = self.tables.front_mut() {
            let (freed, waiting) = (&mut self.freed, &mut self.waiting);
            let is_empty = table.pop_some(FREE_SLICE_ELEMENTS, &mut |entry| {
                // Safety: the table gives each entry up once, and no wheel holds them any more.
                let entry = unsafe { EntryBox::from_raw(entry) };
                // An entry of the table may itself be large: it waits in its turn.
                if entry.as_ref().free_effort() > super::door::FREE_AT_ONCE_MAX {
                    waiting.push_back(entry);
                } else {
                    *freed += 1;
                }
            });
            if is_empty {
                self.tables.pop_front();
            }
            return self.is_empty();
        }
        if self.at_hand.is_none() {
            self.at_hand = self.waiting.pop_front();
            self.freed += self.at_hand.is_some() as u64;
        }
        if self.at_hand.as_mut().is_some_and(|entry| entry.free_some(FREE_SLICE_ELEMENTS)) {
            self.at_hand = None;
        }
        self.is_empty()
    }
}

impl Drop for GarbageQueue {
    fn drop(&mut self) {
        while !self.free_slice() {}
    }
}
