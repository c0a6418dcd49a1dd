//! Expiry: a key with a deadline is removed when it is due, not when it is sampled or touched.
//!
//! The wheel says who is due; removal, event and journal entry are the same whether the wheel or a reader meets the key.
//! Keys that are due while they may not be removed stay on the wheel ("parked") and are no reason to wake.

use std::ptr::NonNull;

use super::db::{Db, Key};
use super::effects::{Gone, Removal};
use super::entry::{Entry, EntryRef};
use super::event;
use crate::base::clock::Ms;
use crate::base::hash::hash;
use crate::structures::wheel::{TimerLink, Wheel};

/// Links moved down the wheel in one piece before the clock is looked at again.
const CASCADE_PIECE_LINKS: usize = 256;

/// Bytes of the link in front of an entry's header.
const LINK_BYTES: usize = size_of::<TimerLink>();

/// What one call of `expire_due` did.
pub struct ExpiryPiece {
    pub removed: usize,
    /// Timers moved down the wheel.
    pub moved: usize,
    /// There may be more to do at this instant.
    pub goes_on: bool,
}

impl Db {
    /// Removes one entry that is due; its key is told as expired.
    pub(super) fn remove_due(&mut self, at: NonNull<Entry>) {
        let key: Box<[u8]> = unsafe { EntryRef::from_raw(at) }.key().into();
        let entry = self.take_at(hash(&key), at);
        self.finish_expiry(key, entry);
    }

    /// Removes a key if it is due, whether keys may go by themselves or not; true if it is gone.
    pub fn expire_key(&mut self, key: Key<'_>) -> bool {
        let Some(at) = self.table.find(key.hash, key.bytes) else { return true };
        // Safety: the table holds live entries, and `self` is borrowed exclusively.
        let entry = unsafe { EntryRef::from_raw(at) };
        if !entry.has_deadline() {
            return true;
        }
        let is_due = self.entry_is_due(entry);
        if is_due {
            self.remove_due(at);
        }
        is_due
    }

    fn finish_expiry(&mut self, key: Box<[u8]>, entry: super::entry::EntryBox) {
        self.discard(entry);
        self.counters.expired += 1;
        if !self.watchers.is_empty() {
            self.touch_watchers(&key, false);
        }
        if !self.awaited.is_empty() {
            self.tell_waiters(&key, false);
        }
        self.notice(&key, event::EXPIRED);
        if self.rules.tracks_changes {
            self.list_change(&key, true);
        }
        self.effects.removals.push(Removal { key, what: Gone::Expired });
    }

    /// When the wheel wants to be looked at next; `None` when nothing is on it. Parked keys do not count.
    pub fn next_wake(&self) -> Option<Ms> {
        let of = |wheel: &Wheel| if self.rules.may_expire { wheel.next_wake() } else { wheel.next_wake_parked() };
        let Some(fields) = &self.field_wheel else { return of(&self.wheel) };
        [of(&self.wheel), of(fields)].into_iter().flatten().min()
    }

    /// Moves the wheels on to `now` and removes up to `keys_max` keys and fields that are due.
    pub fn expire_due(&mut self, now: Ms, keys_max: usize) -> ExpiryPiece {
        self.rules.now = now;
        let moved_keys = self.wheel.advance(now, CASCADE_PIECE_LINKS);
        let moved_hashes = self.field_wheel.as_mut().map_or(0, |wheel| wheel.advance(now, CASCADE_PIECE_LINKS));
        let mut removed = 0;
        if self.rules.may_expire {
            while removed < keys_max {
                // Safety: links on the wheel are in front of live entries of this table (`door` takes them off first).
                let Some(link) = (unsafe { self.wheel.pop_due(now) }) else { break };
                let at = unsafe { NonNull::new_unchecked(link.as_ptr().cast::<u8>().add(LINK_BYTES).cast::<Entry>()) };
                let entry = unsafe { EntryRef::from_raw(at) };
                let key: Box<[u8]> = entry.key().into();
                self.key_sizes.remove(entry.kind(), entry.len());
                self.disarm_fields(at);
                self.table.remove_element(hash(&key), at);
                // Safety: it left wheel and table.
                let entry = unsafe { super::entry::EntryBox::from_raw(at) };
                self.finish_expiry(key, entry);
                removed += 1;
            }
            removed += self.expire_due_fields(now, keys_max - removed);
        }
        let goes_on = removed == keys_max || moved_keys.max(moved_hashes) >= CASCADE_PIECE_LINKS;
        ExpiryPiece { removed, moved: moved_keys + moved_hashes, goes_on }
    }

    /// Timers that wait to be moved down: the length of the wheel's backlog.
    pub fn expiry_backlog(&self) -> usize {
        self.wheel.backlog() + self.field_wheel.as_ref().map_or(0, |wheel| wheel.backlog())
    }
}
