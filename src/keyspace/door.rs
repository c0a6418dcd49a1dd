//! The write door: the one place where a change becomes visible.
//!
//! Whatever a command does to a key ends in `changed`, which in one visible place
//!   1. counts it (`dirty`),  2. marks the sessions that watch the key,  3. wakes those that wait for it,
//!   4. lists it for those that track it,  5. records its event.
//!
//! `edit` and `edit_or_create` wrap that around a closure over a collection and drop the key when it is left empty;
//! `set_string`, `remove`, `put` and the deadline calls are the same door for what has no closure; strings that are edited in
//! place come through `string_edit`.

use std::ptr::NonNull;

use super::db::{Db, Key};
use super::effects::{Changed, Notice};
use super::entry::{Entry, EntryBox, EntryMut, EntryRef, Held, INLINE_BYTES_MAX, Str};
use super::event::{self, Event};
use super::eviction;
use super::garbage::Garbage;
use crate::base::clock::Ms;
use crate::base::number::{integer_length, parse_i64};
use crate::base::random::Random;
use crate::base::shared_bytes::SharedBytes;
use crate::protocol::args::OwnedRequest;
use crate::structures::wheel::Wheel;
use crate::value::hash::Hash;
use crate::value::limits::EncodingLimits;
use crate::value::{Kind, Object, WrongType};

/// A value of more allocations than this is freed in slices, not at once.
pub(super) const FREE_AT_ONCE_MAX: usize = 64;

/// Events that one edit may record.
const EDIT_EVENTS_MAX: usize = 4;

/// What a closure under `edit` says of its change.
pub struct Changes<'d> {
    pub limits: &'d EncodingLimits,
    pub random: &'d mut Random,
    /// The time of the command.
    pub now: Ms,
    may_expire: bool,
    dirty: u64,
    /// The key changed for those who watch, wait for or track it.
    is_seen: bool,
    /// Those who wait for the key are to look at it, though it did not change.
    wakes: bool,
    events: [Option<Event>; EDIT_EVENTS_MAX],
    /// Fields of the hash that were due and are removed.
    expired: Option<Box<OwnedRequest>>,
    /// They were all that it had: what the key holds after that is new.
    is_renewed: bool,
}

impl Changes<'_> {
    /// `count` changes that one event stands for; with 0 the key still counts as changed for those who watch it.
    #[inline]
    pub fn record(&mut self, event: Event, count: u64) {
        self.is_seen = true;
        self.record_unseen(event, count);
    }

    /// As `record`, but to those who watch or track the key it is as before: consumer groups are beside a stream's data.
    #[inline]
    pub fn record_unseen(&mut self, event: Event, count: u64) {
        self.dirty += count;
        let free = self.events.iter_mut().find(|e| e.is_none());
        *free.expect("no command has more than EDIT_EVENTS_MAX events for one key") = Some(event);
    }

    /// Removes a field that is due, where it may be; true if it did.
    pub fn remove_if_due(&mut self, hash: &mut Hash, field: &[u8]) -> bool {
        let is_gone = self.may_expire && hash.is_due_field(field, self.now) && hash.remove(field);
        if is_gone {
            self.expired.get_or_insert_default().push(field);
        }
        is_gone
    }

    /// The same for a command that sets the field then: with the last field the key goes, deadline and all, and comes anew.
    pub fn make_way_if_due(&mut self, hash: &mut Hash, field: &[u8]) {
        if self.remove_if_due(hash, field) && hash.is_empty() {
            *hash = Hash::default();
            self.is_renewed = true;
        }
    }

    /// Removes the field that was due first, where it may be; true if there was one.
    pub fn remove_first_due(&mut self, hash: &mut Hash) -> bool {
        let expired = &mut self.expired;
        self.may_expire && hash.remove_due(self.now, |field| expired.get_or_insert_default().push(field))
    }

    /// Changes without an event of their own.
    #[inline]
    pub fn count(&mut self, count: u64) {
        self.is_seen |= count > 0;
        self.dirty += count;
    }

    /// Changes without an event, beside what is watched.
    #[inline]
    pub fn count_unseen(&mut self, count: u64) {
        self.dirty += count;
    }

    /// Those who wait for the key look at it again.
    pub fn wake(&mut self) {
        self.wakes = true;
    }
}

/// What is left of `Changes` when its borrows are over.
struct EditOutcome {
    dirty: u64,
    is_seen: bool,
    wakes: bool,
    events: [Option<Event>; EDIT_EVENTS_MAX],
    expired: Option<Box<OwnedRequest>>,
    is_renewed: bool,
}

impl Changes<'_> {
    #[inline(always)]
    fn outcome(self) -> EditOutcome {
        let Changes { dirty, is_seen, wakes, events, expired, is_renewed, .. } = self;
        EditOutcome { dirty, is_seen, wakes, events, expired, is_renewed }
    }
}

/// A string to be stored.
pub enum StringValue<'v> {
    Int(i64),
    /// Stored as these bytes, even if they are a number.
    Bytes(&'v [u8]),
    /// As `Bytes`, and `raw` however short: what was put together, not received.
    Raw(&'v [u8]),
    Shared(SharedBytes),
}

/// Longest text that can be a 64-bit integer.
const INTEGER_TEXT_MAX: usize = 20;

impl<'v> StringValue<'v> {
    /// As SET stores it: canonical integers as numbers.
    #[inline]
    pub fn encode(bytes: &'v [u8]) -> StringValue<'v> {
        if bytes.len() <= INTEGER_TEXT_MAX
            && matches!(bytes.first(), Some(b'-' | b'0'..=b'9'))
            && let Some(number) = parse_i64(bytes)
        {
            return StringValue::Int(number);
        }
        StringValue::Bytes(bytes)
    }

    fn len(&self) -> usize {
        match self {
            StringValue::Int(n) => Str::Int(*n).len(),
            StringValue::Bytes(b) | StringValue::Raw(b) => b.len(),
            StringValue::Shared(s) => s.len(),
        }
    }
}

/// What becomes of a key's deadline when its value is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deadline {
    Clear,
    Keep,
    At(Ms),
}

impl Db {
    // ---- the door itself ------------------------------------------------------------------------------------------

    /// A key changed: the one visible place (see the head of the file). `exists` after the change.
    #[inline(always)]
    pub(super) fn changed(&mut self, key: &[u8], exists: bool, count: u64) {
        self.effects.dirty += count;
        let rules = &self.rules;
        if rules.tracks_changes | rules.stamps_changes || !self.watchers.is_empty() || !self.awaited.is_empty() {
            self.tell_change(key, exists);
        }
    }

    /// Somebody watches, waits or tracks: perhaps this key.
    #[cold]
    fn tell_change(&mut self, key: &[u8], exists: bool) {
        if !self.watchers.is_empty() {
            self.touch_watchers(key, exists);
        }
        if !self.awaited.is_empty() {
            self.tell_waiters(key, exists);
        }
        if self.rules.tracks_changes {
            self.list_change(key, false);
        }
        if self.rules.stamps_changes && exists {
            self.set_access(Key::new(key), eviction::access_of_new(&self.rules));
        }
    }

    /// Lists a change for those who track keys.
    pub(super) fn list_change(&mut self, key: &[u8], by_itself: bool) {
        let notices_before = self.effects.notices.len();
        self.effects.changed.push(Changed::Key { key: key.into(), notices_before, by_itself });
    }

    /// Records an event without a change of its own ("expire" behind "set", "rename_to" behind "rename_from", …).
    #[inline]
    pub fn notice(&mut self, key: &[u8], event: Event) {
        if self.rules.notify & event.class != 0 {
            self.effects.notices.push(Notice { db: self.index, event, key: key.into() });
        }
    }

    /// Records that a key of one type was put in the place of another key: for those who ask for that alone.
    pub fn notice_overwritten(&mut self, key: &[u8], before: Kind, now: Kind) {
        self.notice(key, event::OVERWRITTEN);
        if before != now {
            self.notice(key, event::TYPE_CHANGED);
        }
    }

    /// Records the event of a value that was set, and before it that something was overwritten, if something was.
    #[inline(never)]
    fn notice_set(&mut self, key: &[u8], before: Option<Kind>, now: Kind, event: Event) {
        if let Some(before) = before {
            self.notice_overwritten(key, before, now);
        }
        self.notice(key, event);
    }

    /// A change that was made through `put`, `take` or the deadline calls: counted, told and recorded.
    pub fn record(&mut self, key: Key<'_>, event: Event, count: u64) {
        let exists = self.table.find(key.hash, key.bytes).is_some();
        self.changed(key.bytes, exists, count);
        self.notice(key.bytes, event);
    }

    // ---- collections ----------------------------------------------------------------------------------------------

    /// Changes the collection at `key`, if there is one; `None` if not. Left empty, the key goes.
    #[inline]
    pub fn edit<T: Held, R>(
        &mut self,
        key: Key<'_>,
        change: impl FnOnce(&mut T, &mut Changes<'_>) -> R,
    ) -> Result<Option<R>, WrongType> {
        let Some(at) = self.live(key) else { return Ok(None) };
        self.mark_used(at);
        self.edit_at(key, at, change).map(Some)
    }

    /// As `edit`, for what Redis counts as a look (hit, miss) though it changes something: commands on consumer groups.
    #[inline]
    pub fn edit_looking<T: Held, R>(
        &mut self,
        key: Key<'_>,
        change: impl FnOnce(&mut T, &mut Changes<'_>) -> R,
    ) -> Result<Option<R>, WrongType> {
        let Some(at) = self.look(key) else { return Ok(None) };
        self.mark_used(at);
        self.edit_at(key, at, change).map(Some)
    }

    /// Changes the collection at `key`, made empty first if there is none. Left empty, the key goes (or never comes).
    #[inline]
    pub fn edit_or_create<T: Held, R>(
        &mut self,
        key: Key<'_>,
        change: impl FnOnce(&mut T, &mut Changes<'_>) -> R,
    ) -> Result<R, WrongType> {
        if let Some(at) = self.live(key) {
            self.mark_used(at);
            return self.edit_at(key, at, change);
        }
        let mut object = T::default();
        let mut changes = self.changes();
        let result = change(&mut object, &mut changes);
        let outcome = changes.outcome();
        // Fields that were given a time which is over: the key came and went.
        let is_gone = object.is_empty() && outcome.events[0].is_some();
        if is_gone {
            self.notice(key.bytes, event::NEW);
        } else if !object.is_empty() {
            let entry = EntryBox::object(key.bytes, object, false, eviction::access_of_new(&self.rules));
            self.insert(key, entry);
        }
        self.finish_edit(key, outcome, is_gone);
        Ok(result)
    }

    #[inline]
    fn changes(&mut self) -> Changes<'_> {
        Changes {
            limits: &self.rules.limits,
            random: &mut self.random,
            now: if self.rules.finds_due { Ms::MIN } else { self.rules.now },
            may_expire: self.rules.may_expire,
            dirty: 0,
            is_seen: false,
            wakes: false,
            events: [None; EDIT_EVENTS_MAX],
            expired: None,
            is_renewed: false,
        }
    }

    fn edit_at<T: Held, R>(
        &mut self,
        key: Key<'_>,
        at: NonNull<Entry>,
        change: impl FnOnce(&mut T, &mut Changes<'_>) -> R,
    ) -> Result<R, WrongType> {
        // Safety: the entry is in our table, `self` is borrowed exclusively, and the closure cannot reach the table.
        let object: &mut T = unsafe { EntryMut::from_raw(at) }.object()?;
        let before = object.len();
        let mut changes = self.changes();
        let result = change(object, &mut changes);
        let mut outcome = changes.outcome();
        let (after, is_gone) = (object.len(), object.is_empty());
        self.key_sizes.change(T::KIND, before, after);
        if is_gone {
            drop(self.take_at(key.hash, at));
        } else if T::HAS_DEADLINES {
            self.follow_fields(key, at);
            if outcome.is_renewed
                && let Some(fields) = outcome.expired.take()
            {
                self.clear_deadline(key);
                self.tell_fields_expired(key.bytes, *fields);
                self.notice(key.bytes, event::DEL);
                self.notice(key.bytes, event::NEW);
            }
        }
        self.finish_edit(key, outcome, is_gone);
        Ok(result)
    }

    #[inline]
    fn finish_edit(&mut self, key: Key<'_>, outcome: EditOutcome, emptied: bool) {
        let EditOutcome { dirty, is_seen, wakes, events, expired, .. } = outcome;
        let is_changed = is_seen || expired.is_some();
        if let Some(fields) = expired {
            self.tell_fields_expired(key.bytes, *fields);
        }
        // An event without a count is a change too: LMOVE counts one for two keys.
        if is_changed {
            self.changed(key.bytes, !emptied, dirty);
        } else {
            self.effects.dirty += dirty;
        }
        if wakes && !self.awaited.is_empty() {
            self.tell_waiters(key.bytes, true);
        }
        if self.rules.notify != 0 {
            for event in events.into_iter().flatten() {
                self.notice(key.bytes, event);
            }
            if emptied {
                self.notice(key.bytes, event::DEL);
            }
        }
    }

    /// Puts a whole collection at `key` in place of whatever is there (…STORE commands); an empty one removes the key.
    /// Gives back whether something was there. Counts one change with `event`, or with "del" when nothing is stored.
    pub fn store<T: Held>(&mut self, key: Key<'_>, object: T, event: Event) -> bool {
        self.store_counting(key, object, event, 1)
    }

    /// As `store`, for commands that count each element stored as a change.
    pub fn store_counting<T: Held>(&mut self, key: Key<'_>, object: T, event: Event, changes: u64) -> bool {
        let before = self.live(key).map(|at| unsafe { EntryRef::from_raw(at) }.kind());
        if object.is_empty() {
            return before.is_some() && self.remove(key, event::DEL);
        }
        let access = eviction::access_of_new(&self.rules);
        let entry = EntryBox::object(key.bytes, object, false, access);
        if before.is_some() {
            let old = self.take(key).expect("alive just now");
            self.discard(old);
            self.insert_quietly(key, entry);
        } else {
            self.insert(key, entry);
        }
        self.changed(key.bytes, true, changes);
        self.notice_set(key.bytes, before, T::KIND, event);
        before.is_some()
    }

    // ---- strings --------------------------------------------------------------------------------------------------

    /// Sets a key to a string, whatever it held before; one change, with `event`.
    #[inline]
    pub fn set_string(&mut self, key: Key<'_>, value: StringValue<'_>, deadline: Deadline, event: Event) {
        let before = match self.live(key) {
            Some(at) => Some(self.overwrite(key, at, value, deadline)),
            None => {
                let with_deadline = matches!(deadline, Deadline::At(_));
                let access = eviction::access_of_new(&self.rules);
                let entry = Self::string_entry(key.bytes, value, with_deadline, access);
                let at = self.insert(key, entry);
                if let Deadline::At(ms) = deadline {
                    self.arm(at, ms);
                }
                None
            }
        };
        self.changed(key.bytes, true, 1);
        if self.rules.notify != 0 {
            self.notice_set(key.bytes, before, Kind::String, event);
        }
    }

    /// Changes the string at `key`, or makes it: `change` is given what is there and says what comes. The deadline stays.
    /// One change, with `event`.
    #[inline]
    pub fn update_string<'v, E: From<WrongType>>(
        &mut self,
        key: Key<'_>,
        event: Event,
        change: impl FnOnce(Option<Str<'_>>) -> Result<StringValue<'v>, E>,
    ) -> Result<(), E> {
        match self.live(key) {
            Some(at) => {
                // Safety: `at` is in our table, and the closure cannot reach it.
                let old = unsafe { EntryRef::from_raw(at) }.string()?;
                match (change(Some(old))?, old) {
                    (StringValue::Int(number), Str::Int(before)) => self.renumber(at, before, number),
                    (value, _) => _ = self.overwrite(key, at, value, Deadline::Keep),
                }
            }
            None => {
                let access = eviction::access_of_new(&self.rules);
                let entry = Self::string_entry(key.bytes, change(None)?, false, access);
                self.insert(key, entry);
            }
        }
        self.changed(key.bytes, true, 1);
        self.notice(key.bytes, event);
        Ok(())
    }

    /// Counters are what `update_string` is mostly for: the number changes where it stands.
    #[inline]
    fn renumber(&mut self, at: NonNull<Entry>, before: i64, number: i64) {
        // Safety: `at` is in our table and nobody else looks at it.
        let mut entry = unsafe { EntryMut::from_raw(at) };
        let access = eviction::access_after_use(entry.as_ref().access(), &self.rules, &mut self.random);
        let is_number = entry.try_set_integer(number);
        debug_assert!(is_number, "the caller read a number");
        entry.set_access(access);
        let (from, to) = (integer_length(before), integer_length(number));
        if from != to {
            self.key_sizes.change(Kind::String, from, to);
        }
    }

    pub(super) fn string_entry(key: &[u8], value: StringValue<'_>, with_deadline: bool, access: u32) -> EntryBox {
        match value {
            StringValue::Int(n) => EntryBox::integer(key, n, with_deadline, access),
            StringValue::Bytes(b) if b.len() <= INLINE_BYTES_MAX => EntryBox::inline(key, b, with_deadline, access),
            StringValue::Raw(b) if b.len() <= INLINE_BYTES_MAX => {
                let mut entry = EntryBox::inline(key, b, with_deadline, access);
                entry.as_mut().mark_edited();
                entry
            }
            StringValue::Bytes(b) | StringValue::Raw(b) => {
                EntryBox::shared(key, SharedBytes::from_slice(b), with_deadline, access)
            }
            StringValue::Shared(s) => EntryBox::shared(key, s, with_deadline, access),
        }
    }

    /// Overwrites in place where layout and size class allow it, else with a new entry at the same place of the table. Gives
    /// back what was there.
    #[inline]
    fn overwrite(&mut self, key: Key<'_>, at: NonNull<Entry>, value: StringValue<'_>, deadline: Deadline) -> Kind {
        // Safety: `at` is in our table and nobody else looks at it.
        let mut entry = unsafe { EntryMut::from_raw(at) };
        let old = entry.as_ref();
        let (had_deadline, before) = (old.has_deadline(), old.kind());
        let with_deadline = match deadline {
            Deadline::Clear => false,
            Deadline::Keep => had_deadline,
            Deadline::At(_) => true,
        };
        let access = eviction::access_after_use(old.access(), &self.rules, &mut self.random);
        self.key_sizes.replace(before, old.len(), Kind::String, value.len());
        if had_deadline == with_deadline {
            let written = match &value {
                StringValue::Int(n) => entry.try_set_integer(*n),
                StringValue::Bytes(b) => entry.try_set_inline(b),
                StringValue::Raw(_) | StringValue::Shared(_) => false,
            };
            if written {
                entry.set_access(access);
                if let Deadline::At(ms) = deadline {
                    self.rearm(at, ms);
                }
                return before;
            }
        }
        let kept = if deadline == Deadline::Keep { entry.as_ref().deadline() } else { None };
        let new = Self::string_entry(key.bytes, value, with_deadline, access).into_raw();
        if had_deadline {
            self.disarm(at);
        }
        self.disarm_fields(at);
        self.table.replace(key.hash, at, new);
        // Safety: the old entry left table and wheel.
        let old = unsafe { EntryBox::from_raw(at) };
        self.discard(old);
        match (deadline, kept) {
            (Deadline::At(ms), _) | (_, Some(ms)) => self.arm(new, ms),
            _ => {}
        }
        before
    }

    // ---- whole keys -----------------------------------------------------------------------------------------------

    /// Removes a key; one change, with `event`. False when there is none.
    pub fn remove(&mut self, key: Key<'_>, event: Event) -> bool {
        let Some(entry) = self.live(key).map(|at| self.take_at(key.hash, at)) else { return false };
        self.discard(entry);
        self.changed(key.bytes, false, 1);
        self.notice(key.bytes, event);
        true
    }

    /// Takes a live key out, value and all; nothing is told (see `record`). Its deadline is in the entry.
    pub fn take(&mut self, key: Key<'_>) -> Option<EntryBox> {
        let at = self.live(key)?;
        Some(self.take_at(key.hash, at))
    }

    /// Puts an entry at `key`, renamed if need be, over nothing: the key must be absent. Nothing is told (see `record`).
    pub fn put(&mut self, key: Key<'_>, entry: EntryBox, deadline: Option<Ms>) {
        let fits = entry.as_ref().key() == key.bytes && entry.as_ref().has_deadline() == deadline.is_some();
        let entry = if fits { entry } else { entry.rebuilt(key.bytes, deadline.is_some()) };
        let at = self.insert(key, entry);
        if let Some(ms) = deadline {
            self.arm(at, ms);
        }
    }

    /// Sets a live key's deadline. False when there is no such key. Nothing is told (see `record`).
    pub fn set_deadline(&mut self, key: Key<'_>, ms: Ms) -> bool {
        let Some(at) = self.live(key) else { return false };
        if unsafe { EntryRef::from_raw(at) }.has_deadline() {
            self.rearm(at, ms);
            return true;
        }
        // Room for the link is made by rebuilding the entry; the value moves with it.
        let entry = self.rebuild_at(key, at, true);
        self.arm(entry, ms);
        true
    }

    /// Takes a live key's deadline away. False when it has none. Nothing is told (see `record`).
    pub fn clear_deadline(&mut self, key: Key<'_>) -> bool {
        let Some(at) = self.live(key) else { return false };
        if !unsafe { EntryRef::from_raw(at) }.has_deadline() {
            return false;
        }
        self.disarm(at);
        self.rebuild_at(key, at, false);
        true
    }

    /// Makes or takes away the room for a deadline: the entry moves, its place in the table stays.
    pub(super) fn rebuild_at(&mut self, key: Key<'_>, at: NonNull<Entry>, with_deadline: bool) -> NonNull<Entry> {
        let has_fields = self.disarm_fields(at);
        // Safety: it is on no wheel, and its slot is rewritten, by address alone, before anybody looks at it again.
        let entry = unsafe { EntryBox::from_raw(at) }.rebuilt(key.bytes, with_deadline).into_raw();
        self.table.replace(key.hash, at, entry);
        if has_fields {
            self.arm_fields(entry);
        }
        entry
    }

    /// Sets the access field of a live key (RESTORE with IDLETIME or FREQ, loading).
    pub fn set_access(&mut self, key: Key<'_>, access: u32) {
        if let Some(at) = self.live(key) {
            unsafe { EntryMut::from_raw(at) }.set_access(access);
        }
    }

    /// Empties the database; what it held is freed in slices. Tells watchers; gives back the number of keys.
    pub fn clear(&mut self) -> usize {
        self.touch_all_watchers(None);
        if self.rules.tracks_changes {
            self.effects.changed.push(Changed::All);
        }
        let keys = self.table.len();
        if keys > 0 {
            let table = std::mem::take(&mut self.table);
            self.effects.garbage.push(Garbage::Table(Box::new(table)));
        }
        self.wheel = Wheel::new(self.rules.now);
        self.field_wheel = None;
        self.key_sizes = Default::default();
        self.tell_all_waiters();
        keys
    }

    /// A value on its way out: freed now if that is cheap, else in slices.
    pub fn discard(&mut self, entry: EntryBox) {
        if entry.as_ref().free_effort() > FREE_AT_ONCE_MAX {
            self.effects.garbage.push(Garbage::Entry(entry));
        }
    }

    // ---- the table and the wheel ----------------------------------------------------------------------------------

    /// Enters a new key.
    #[inline]
    pub(super) fn insert(&mut self, key: Key<'_>, entry: EntryBox) -> NonNull<Entry> {
        let at = self.insert_quietly(key, entry);
        self.notice(key.bytes, event::NEW);
        if !self.awaited.is_empty() {
            self.tell_waiters(key.bytes, true);
        }
        at
    }

    /// Enters a key in table and statistics.
    #[inline]
    fn insert_quietly(&mut self, key: Key<'_>, entry: EntryBox) -> NonNull<Entry> {
        self.key_sizes.add(entry.as_ref().kind(), entry.as_ref().len());
        let at = entry.into_raw();
        self.table.insert(key.hash, at);
        if unsafe { EntryRef::from_raw(at) }.has_field_link() {
            self.arm_fields(at);
        }
        at
    }

    /// Takes an entry out of table, wheels and statistics.
    pub(super) fn take_at(&mut self, hash: u64, at: NonNull<Entry>) -> EntryBox {
        let entry = unsafe { EntryRef::from_raw(at) };
        self.key_sizes.remove(entry.kind(), entry.len());
        if entry.has_deadline() {
            self.disarm(at);
        }
        self.disarm_fields(at);
        self.take_out_quietly(hash, at)
    }

    /// Takes an entry out of the table alone.
    fn take_out_quietly(&mut self, hash: u64, at: NonNull<Entry>) -> EntryBox {
        self.table.remove_element(hash, at);
        // Safety: it left the table, and the caller has seen to the wheel.
        unsafe { EntryBox::from_raw(at) }
    }

    pub(super) fn arm(&mut self, at: NonNull<Entry>, ms: Ms) {
        // Safety: the entry has room for a link, and it is on no wheel yet.
        unsafe {
            let mut link = EntryRef::from_raw(at).link();
            link.as_mut().deadline = ms;
            self.wheel.insert(link);
        }
    }

    fn rearm(&mut self, at: NonNull<Entry>, ms: Ms) {
        // Safety: the entry is on our wheel.
        unsafe { self.wheel.change(EntryRef::from_raw(at).link(), ms) };
    }

    pub(super) fn disarm(&mut self, at: NonNull<Entry>) {
        // Safety: the entry is on our wheel.
        unsafe { self.wheel.remove(EntryRef::from_raw(at).link()) };
    }
}

impl Drop for Db {
    fn drop(&mut self) {
        // The table does not own its entries; the wheel forgets them with it.
        while !self.table.pop_some(1024, &mut |at| drop(unsafe { EntryBox::from_raw(at) })) {}
    }
}
