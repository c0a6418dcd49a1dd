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

/// The queue, freed from the front.
#[derive(Default)]
pub struct GarbageQueue {
    waiting: VecDeque<Garbage>,
    /// Entries freed since the last reset of statistics.
    pub freed: u64,
}

/// Elements freed between two looks at the clock.
pub const FREE_SLICE_ELEMENTS: usize = 256;

impl GarbageQueue {
    pub fn push(&mut self, garbage: Garbage) {
        self.waiting.push_back(garbage);
    }

    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Frees everything of `garbage` now, uncounted: for who asked to wait for it.
    pub fn free_now(garbage: Garbage) {
        let mut alone = GarbageQueue::default();
        alone.push(garbage);
        while !alone.free_slice() {}
    }

    /// Entries that wait.
    pub fn pending(&self) -> usize {
        let count = |g: &Garbage| match g {
            Garbage::Entry(_) => 1,
            Garbage::Table(t) => t.len(),
        };
        self.waiting.iter().map(count).sum()
    }

    /// Frees one slice; true when nothing is left.
    pub fn free_slice(&mut self) -> bool {
        let Some(front) = self.waiting.front_mut() else { return true };
        let done = match front {
            Garbage::Entry(entry) => {
                let done = entry.free_some(FREE_SLICE_ELEMENTS);
                self.freed += done as u64;
                done
            }
            Garbage::Table(table) => {
                // An entry of the table may itself be large: it goes to the queue, not to the allocator.
                let mut large = Vec::new();
                let done = table.pop_some(FREE_SLICE_ELEMENTS, &mut |entry| {
                    // Safety: the table gives each entry up once, and no wheel holds them any more.
                    let entry = unsafe { EntryBox::from_raw(entry) };
                    if entry.as_ref().free_effort() > super::door::FREE_AT_ONCE_MAX {
                        large.push(Garbage::Entry(entry));
                    } else {
                        self.freed += 1;
                    }
                });
                self.waiting.extend(large);
                done
            }
        };
        if done {
            self.waiting.pop_front();
        }
        self.waiting.is_empty()
    }
}

impl Drop for GarbageQueue {
    fn drop(&mut self) {
        while !self.free_slice() {}
    }
}
