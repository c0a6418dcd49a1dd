//! Deadlines of hash fields: a hash stands on a wheel of its own kind at the deadline of its earliest field, and what is due is removed
//! field by field.
//!
//! The wheel of fields is not that of the keys: `expires`, `avg_ttl` and the volatile policies ask for keys that have a deadline themselves. A
//! hash that has both is on both, by two links. As with keys, event and journal entry are the same whether the wheel or a command meets
//! what is due, and a hash of which a million fields are due gives them up in pieces; until then readers do not find them.
//!
//! Invariant: a hash in the table is on the wheel of fields, at its earliest field's deadline, exactly if one of its fields has one.

use std::ptr::NonNull;

use super::db::{Db, Key};
use super::effects::{Gone, Removal};
use super::entry::{Entry, EntryMut, EntryRef, entry_of_field_link};
use super::event;
use crate::base::clock::Ms;
use crate::base::hash::hash;
use crate::protocol::args::OwnedRequest;
use crate::structures::wheel::Wheel;
use crate::value::hash::Hash;
use crate::value::{Kind, Object, WrongType};

/// Fields past due that a command removes which wants them all gone; others stay for the wheel.
const REMOVED_AT_ONCE_MAX: usize = 256;

impl Db {
    /// Number of hashes with fields that have deadlines.
    pub fn timed_hashes_len(&self) -> usize {
        self.field_wheel.as_ref().map_or(0, |wheel| wheel.len())
    }

    // ---- the wheel ------------------------------------------------------------------------------------------------

    /// Puts an entry with room for it on the wheel of fields, if its hash has a deadline for it.
    pub(super) fn arm_fields(&mut self, at: NonNull<Entry>) {
        // Safety: the entry is in our table; its field link is on no wheel.
        unsafe {
            let entry = EntryRef::from_raw(at);
            let Some(deadline) = entry.earliest_field_deadline() else { return };
            let mut link = entry.field_link();
            link.as_mut().deadline = deadline;
            let now = self.rules.now;
            self.field_wheel.get_or_insert_with(|| Box::new(Wheel::new(now))).insert(link);
        }
    }

    /// Takes an entry off the wheel of fields; true if it was on it.
    pub(super) fn disarm_fields(&mut self, at: NonNull<Entry>) -> bool {
        // Safety: the entry is alive; a linked field link is on our wheel of fields.
        unsafe {
            let entry = EntryRef::from_raw(at);
            if !entry.has_field_link() || !entry.field_link().as_ref().is_linked() {
                return false;
            }
            let wheel = self.field_wheel.as_mut().expect("a linked field link is on a wheel");
            wheel.remove(entry.field_link());
            true
        }
    }

    /// A hash was changed: its place on the wheel follows its earliest field's deadline. The first deadline moves the entry.
    #[inline]
    pub(super) fn follow_fields(&mut self, key: Key<'_>, at: NonNull<Entry>) {
        // Safety: the entry is in our table.
        let entry = unsafe { EntryRef::from_raw(at) };
        let earliest = entry.earliest_field_deadline();
        if earliest.is_some() || entry.has_field_link() {
            self.follow_deadline(key, at, earliest);
        }
    }

    #[cold]
    fn follow_deadline(&mut self, key: Key<'_>, at: NonNull<Entry>, earliest: Option<Ms>) {
        // Safety: the entry is in our table, its links are on our wheels if they are linked.
        let entry = unsafe { EntryRef::from_raw(at) };
        if !entry.has_field_link() {
            return self.make_room_for_field_link(key, at);
        }
        let link = entry.field_link();
        let (is_linked, deadline) = unsafe { (link.as_ref().is_linked(), link.as_ref().deadline) };
        match earliest {
            Some(earliest) if is_linked => {
                if earliest != deadline {
                    let wheel = self.field_wheel.as_mut().expect("a linked field link is on a wheel");
                    unsafe { wheel.change(link, earliest) };
                }
            }
            Some(_) => self.arm_fields(at),
            None => {
                self.disarm_fields(at);
            }
        }
    }

    fn make_room_for_field_link(&mut self, key: Key<'_>, at: NonNull<Entry>) {
        // Safety: the entry is in our table.
        let deadline = unsafe { EntryRef::from_raw(at) }.deadline();
        if deadline.is_some() {
            self.disarm(at);
        }
        // Rebuilding makes room for the link, because the hash has a deadline for it now.
        let at = self.rebuild_at(key, at, deadline.is_some());
        if let Some(ms) = deadline {
            self.arm(at, ms);
        }
        self.arm_fields(at);
    }

    // ---- what is due ----------------------------------------------------------------------------------------------

    /// Removes up to `fields_max` fields that are due, as far as the wheel has found their hashes; gives back how many.
    pub(super) fn expire_due_fields(&mut self, now: Ms, fields_max: usize) -> usize {
        let mut removed = 0;
        while removed < fields_max {
            // Safety: links on the wheel of fields are in front of live entries of this table.
            let due = self.field_wheel.as_mut().and_then(|wheel| unsafe { wheel.pop_due(now) });
            let Some(link) = due else { break };
            removed += self.remove_due_fields(unsafe { entry_of_field_link(link) }, now, fields_max - removed);
        }
        removed
    }

    /// Removes up to `fields_max` due fields of one hash, which is off the wheel of fields and goes back to it if there are others.
    fn remove_due_fields(&mut self, at: NonNull<Entry>, now: Ms, fields_max: usize) -> usize {
        let key: Box<[u8]> = unsafe { EntryRef::from_raw(at) }.key().into();
        let hash = hash(&key);
        // Safety: the entry is in our table, and nobody else looks at it.
        let object: &mut Hash = unsafe { EntryMut::from_raw(at) }.object().ok().expect("hashes alone have fields");
        let (before, mut gone, mut removed) = (object.len(), OwnedRequest::default(), 0);
        while removed < fields_max && object.remove_due(now, |field| gone.push(field)) {
            removed += 1;
        }
        let after = object.len();
        self.key_sizes.change(Kind::Hash, before, after);
        let is_empty = after == 0;
        if is_empty {
            let entry = self.take_at(hash, at);
            self.discard(entry);
        } else {
            self.arm_fields(at);
        }
        self.tell_fields_expired(&key, gone);
        if !self.watchers.is_empty() {
            self.touch_watchers(&key, !is_empty);
        }
        if self.rules.tracks_changes {
            self.list_change(&key, true);
        }
        if is_empty {
            self.notice(&key, event::DEL);
        }
        removed
    }

    /// Fields of a key were due and are removed: counted, told once, journalled each.
    pub(super) fn tell_fields_expired(&mut self, key: &[u8], fields: OwnedRequest) {
        if fields.args().is_empty() {
            return;
        }
        self.counters.expired_fields += fields.args().len() as u64;
        let named = self.rules.names_fields().then(|| fields.clone());
        self.notice_of_fields(key, event::FIELDS_EXPIRED, named);
        self.effects.removals.push(Removal { key: key.into(), what: Gone::Fields(fields) });
    }

    // ---- readers --------------------------------------------------------------------------------------------------

    /// The hash of a command that reads these fields: those of them that are due are removed first, where they may be.
    #[inline]
    pub fn read_fields<'f>(
        &mut self,
        key: Key<'_>,
        fields: impl Iterator<Item = &'f [u8]>,
    ) -> Result<Option<&Hash>, WrongType> {
        let Some(at) = self.look(key) else { return Ok(None) };
        self.mark_used(at);
        // Safety: the entry is in our table, which is borrowed for as long as what is given back.
        let entry = unsafe { EntryRef::from_raw(at) };
        if !entry.has_field_link() || !self.has_due_fields(entry) {
            return entry.object().map(Some);
        }
        self.expire_named(key, fields);
        self.peek_object(key)
    }

    /// The hash of a command that draws from its fields: those that are due are removed first, where they may be, if they are not very many.
    pub fn read_without_due_fields(&mut self, key: Key<'_>) -> Result<Option<&Hash>, WrongType> {
        let Some(at) = self.look(key) else { return Ok(None) };
        self.mark_used(at);
        // Safety: the entry is in our table.
        if self.has_due_fields(unsafe { EntryRef::from_raw(at) }) {
            self.edit(key, |hash: &mut Hash, changes| {
                for _ in 0..REMOVED_AT_ONCE_MAX {
                    if !changes.remove_first_due(hash) {
                        break;
                    }
                }
            })?;
        }
        self.peek_object(key)
    }

    /// Whether fields of a hash are due and may be removed.
    fn has_due_fields(&self, entry: EntryRef<'_>) -> bool {
        let earliest = entry.earliest_field_deadline();
        self.rules.may_expire && earliest.is_some_and(|deadline| deadline <= self.rules.now)
    }

    #[cold]
    fn expire_named<'f>(&mut self, key: Key<'_>, fields: impl Iterator<Item = &'f [u8]>) {
        let edited = self.edit(key, |hash: &mut Hash, changes| {
            for field in fields {
                changes.remove_if_due(hash, field);
            }
        });
        debug_assert!(edited.is_ok(), "only a hash has due fields");
    }
}
