//! One database: its table, its wheel, who watches and who waits; and the reading of it.
//!
//! A key that is due is absent for every reader, whether or not it has been removed yet; where it may be removed, the
//! reader that meets it removes it first.

use std::collections::HashMap;
use std::ptr::NonNull;

use super::effects::Effects;
use super::entry::{Entry, EntryMut, EntryRef, Held, Str};
use super::event::{self, class};
use super::eviction::{self, Policy};
use super::key_sizes::KeySizes;
use super::watch::Watchers;
use crate::base::clock::Ms;
use crate::base::hash::hash;
use crate::base::random::Random;
use crate::structures::table::Table;
use crate::structures::wheel::Wheel;
use crate::value::WrongType;
use crate::value::limits::EncodingLimits;

/// A key with its hash: computed while parsing, used by every look-up after that.
#[derive(Clone, Copy, Debug)]
pub struct Key<'k> {
    pub bytes: &'k [u8],
    pub hash: u64,
}

impl<'k> Key<'k> {
    #[inline]
    pub fn new(bytes: &'k [u8]) -> Key<'k> {
        Key { bytes, hash: hash(bytes) }
    }
}

/// What decides how a database behaves; rewritten by whoever owns the decision (configuration, loading, pause).
#[derive(Clone, Debug)]
pub struct Rules {
    /// The time of the command at hand, milliseconds since the epoch.
    pub now: Ms,
    pub policy: Policy,
    pub lfu_log_factor: u32,
    pub lfu_decay_minutes: u32,
    /// Keys looked at for each eviction (`maxmemory-samples`).
    pub eviction_samples: usize,
    /// Reading a key marks it as used; off for clients with NO-TOUCH.
    pub touches: bool,
    /// Keys that are due may be removed; off on replicas, while paused and while loading.
    pub may_expire: bool,
    /// Keys that are due are found all the same: a master's commands meet the data as the master saw it.
    pub finds_due: bool,
    /// Classes of events that somebody hears.
    pub notify: u32,
    /// Changed keys are listed in the effects.
    pub tracks_changes: bool,
    /// A change is what the policy goes by: each marks its key.
    pub stamps_changes: bool,
    pub limits: EncodingLimits,
    /// Registers of HyperLogLogs may be united by wide registers of the machine.
    pub unites_wide: bool,
    /// RESTORE compares checksums; off for who tests what broken payloads do.
    pub checks_payloads: bool,
}

impl Default for Rules {
    fn default() -> Rules {
        Rules {
            now: 0,
            policy: Policy::NoEviction,
            lfu_log_factor: 10,
            lfu_decay_minutes: 1,
            eviction_samples: 5,
            touches: true,
            may_expire: true,
            finds_due: false,
            notify: 0,
            tracks_changes: false,
            stamps_changes: false,
            limits: EncodingLimits::default(),
            unites_wide: true,
            checks_payloads: true,
        }
    }
}

/// Counters since the last reset of statistics.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counters {
    pub hits: u64,
    pub misses: u64,
    pub expired: u64,
    pub expired_fields: u64,
    pub evicted: u64,
}

/// How many sessions wait for a key, and how many of them are to be told, too, when it is there no more.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Awaited {
    pub sessions: usize,
    pub on_absence: usize,
}

/// One database.
pub struct Db {
    pub(super) index: usize,
    pub(super) table: Table<Entry>,
    pub(super) wheel: Wheel,
    /// Of hashes with fields that have deadlines; made when there is the first.
    pub(super) field_wheel: Option<Box<Wheel>>,
    pub(super) key_sizes: KeySizes,
    pub(super) watchers: Watchers,
    /// Keys that blocked sessions wait for.
    pub(super) awaited: HashMap<Box<[u8]>, Awaited>,
    pub rules: Rules,
    pub effects: Effects,
    pub counters: Counters,
    pub random: Random,
}

impl Db {
    pub(super) fn new(index: usize, now: Ms, seed: u64) -> Db {
        Db {
            index,
            table: Table::new(),
            wheel: Wheel::new(now),
            field_wheel: None,
            key_sizes: KeySizes::default(),
            watchers: Watchers::default(),
            awaited: HashMap::new(),
            rules: Rules { now, ..Rules::default() },
            effects: Effects::default(),
            counters: Counters::default(),
            random: Random::new(seed ^ (index as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15)),
        }
    }

    pub fn index(&self) -> usize {
        self.index
    }

    /// Number of keys, those included that are due but not yet removed.
    pub fn len(&self) -> usize {
        self.table.len()
    }

    pub fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    /// Number of keys with a deadline.
    pub fn volatile_len(&self) -> usize {
        self.wheel.len()
    }

    /// Mean time to live of the keys with a deadline, in milliseconds; 0 without any.
    pub fn mean_ttl_ms(&self) -> i64 {
        if self.wheel.is_empty() {
            return 0;
        }
        ((self.wheel.deadline_sum() / self.wheel.len() as i128) as i64 - self.rules.now).max(0)
    }

    pub fn key_sizes(&self) -> &KeySizes {
        &self.key_sizes
    }

    /// Bytes of the table itself.
    pub fn table_bytes(&self) -> usize {
        self.table.bytes()
    }

    #[inline]
    pub fn prefetch_bucket(&self, hash: u64) {
        self.table.prefetch_bucket(hash);
    }

    #[inline]
    pub fn prefetch_entry(&self, hash: u64) {
        self.table.prefetch_element(hash);
    }

    /// Starts loading the place of a collection's element; for when the entry was fetched a while ago.
    #[inline]
    pub fn prefetch_element_place(&self, key_hash: u64, element_hash: u64) {
        if let Some(entry) = self.probable_entry(key_hash) {
            entry.prefetch_element_place(element_hash);
        }
    }

    /// Starts loading the element itself; for when its place was fetched a while ago.
    #[inline]
    pub fn prefetch_element(&self, key_hash: u64, element_hash: u64) {
        if let Some(entry) = self.probable_entry(key_hash) {
            entry.prefetch_element(element_hash);
        }
    }

    /// The first entry whose tag fits the hash; no key is compared.
    #[inline]
    fn probable_entry(&self, hash: u64) -> Option<EntryRef<'_>> {
        // Safety: the table holds live entries.
        self.table.find_probable(hash).map(|at| unsafe { EntryRef::from_raw(at) })
    }

    #[inline]
    pub(super) fn entry_is_due(&self, entry: EntryRef<'_>) -> bool {
        entry.deadline().is_some_and(|deadline| deadline <= self.rules.now) && !self.rules.finds_due
    }

    /// True when a key that is given this deadline now is to go at once.
    pub fn has_passed(&self, deadline: Ms) -> bool {
        self.rules.may_expire && deadline <= self.rules.now
    }

    /// The access field of a key that comes.
    pub fn access_of_new(&self) -> u32 {
        eviction::access_of_new(&self.rules)
    }

    /// True when the key stands in the table but is due.
    pub(super) fn is_due(&self, key: Key<'_>) -> bool {
        let found = self.table.find(key.hash, key.bytes);
        found.is_some_and(|at| self.entry_is_due(unsafe { EntryRef::from_raw(at) }))
    }

    /// The live entry of a key; one that is due is removed if it may be.
    #[inline]
    pub(super) fn live(&mut self, key: Key<'_>) -> Option<NonNull<Entry>> {
        let at = self.table.find(key.hash, key.bytes)?;
        // Safety: the table holds live entries, and `self` is borrowed exclusively.
        let entry = unsafe { EntryRef::from_raw(at) };
        if entry.has_deadline() && self.entry_is_due(entry) {
            if self.rules.may_expire {
                self.remove_due(at);
            }
            return None;
        }
        Some(at)
    }

    /// Marks an entry as used now.
    #[inline]
    pub(super) fn mark_used(&mut self, at: NonNull<Entry>) {
        if self.rules.touches {
            let mut entry = unsafe { EntryMut::from_raw(at) };
            let access = eviction::access_after_use(entry.as_ref().access(), &self.rules, &mut self.random);
            entry.set_access(access);
        }
    }

    /// The entry of a key that a command reads: counted as hit or miss and marked as used.
    #[inline]
    pub fn lookup(&mut self, key: Key<'_>) -> Option<EntryRef<'_>> {
        let at = self.look(key)?;
        self.mark_used(at);
        Some(unsafe { EntryRef::from_raw(at) })
    }

    /// The entry of a key that a command asks about without using it: counted as hit or miss, not marked.
    #[inline]
    pub fn inspect(&mut self, key: Key<'_>) -> Option<EntryRef<'_>> {
        let at = self.look(key)?;
        Some(unsafe { EntryRef::from_raw(at) })
    }

    /// As `inspect`, and a miss is no event.
    pub fn inspect_quietly(&mut self, key: Key<'_>) -> Option<EntryRef<'_>> {
        match self.live(key) {
            Some(at) => {
                self.counters.hits += 1;
                Some(unsafe { EntryRef::from_raw(at) })
            }
            None => {
                self.counters.misses += 1;
                None
            }
        }
    }

    /// The live entry of a key, counted as hit or miss.
    #[inline]
    pub(super) fn look(&mut self, key: Key<'_>) -> Option<NonNull<Entry>> {
        match self.live(key) {
            Some(at) => {
                self.counters.hits += 1;
                Some(at)
            }
            None => {
                self.counters.misses += 1;
                if self.rules.notify & class::KEY_MISS != 0 {
                    self.notice(key.bytes, event::KEY_MISS);
                }
                None
            }
        }
    }

    /// The entry of a key that a command is about to change: marked as used, not counted.
    #[inline]
    pub fn lookup_to_write(&mut self, key: Key<'_>) -> Option<EntryRef<'_>> {
        let at = self.live(key)?;
        self.mark_used(at);
        Some(unsafe { EntryRef::from_raw(at) })
    }

    /// The entry as it is, without any trace of the look; absent when due. For several keys at once: `lookup` each first.
    #[inline]
    pub fn peek(&self, key: Key<'_>) -> Option<EntryRef<'_>> {
        let entry = unsafe { EntryRef::from_raw(self.table.find(key.hash, key.bytes)?) };
        (!self.entry_is_due(entry)).then_some(entry)
    }

    /// True when the key exists for a reader; removes it if due, leaves no other trace.
    pub fn exists(&mut self, key: Key<'_>) -> bool {
        self.live(key).is_some()
    }

    /// A collection that a command reads.
    #[inline]
    pub fn read<T: Held>(&mut self, key: Key<'_>) -> Result<Option<&T>, WrongType> {
        self.lookup(key).map(EntryRef::object).transpose()
    }

    /// A string that a command reads.
    #[inline]
    pub fn read_string(&mut self, key: Key<'_>) -> Result<Option<Str<'_>>, WrongType> {
        self.lookup(key).map(EntryRef::string).transpose()
    }

    /// A collection of a command that reads several: after `lookup` of each key, this borrows shared.
    pub fn peek_object<T: Held>(&self, key: Key<'_>) -> Result<Option<&T>, WrongType> {
        self.peek(key).map(EntryRef::object).transpose()
    }

    /// A random key, uniformly; due ones are not given (they are removed where they may be).
    pub fn random_key(&mut self) -> Option<Vec<u8>> {
        /// Due keys met before giving up on finding a live one, where they may not be removed.
        const TRIES_MAX: usize = 100;
        let mut due = None;
        for _ in 0..TRIES_MAX {
            let at = self.table.sample(&mut self.random)?;
            let key = unsafe { EntryRef::from_raw(at) }.key().to_vec();
            if self.live(Key::new(&key)).is_some() {
                return Some(key);
            }
            due = Some(key);
        }
        // Where they may not be removed, all there is may be due.
        due.filter(|_| !self.rules.may_expire && self.volatile_len() == self.len())
    }

    /// One step of SCAN: visits every entry of one interval in hash order, due ones included; 0 is the end.
    pub fn scan(&self, cursor: u64, visit: &mut dyn FnMut(EntryRef<'_>)) -> u64 {
        self.table.scan(cursor, &mut |at| visit(unsafe { EntryRef::from_raw(at) }))
    }

    /// All entries in hash order, those that are due left out.
    pub fn iter(&self) -> impl Iterator<Item = EntryRef<'_>> {
        let entries = self.table.iter().map(|at| unsafe { EntryRef::from_raw(at) });
        entries.filter(|entry| !self.entry_is_due(*entry))
    }

    /// All entries, due ones too: what a dump holds.
    pub fn iter_all(&self) -> impl Iterator<Item = EntryRef<'_>> {
        self.table.iter().map(|at| unsafe { EntryRef::from_raw(at) })
    }

    /// Segments are copied only when full, and nothing shrinks: kind to pages shared with a forked child.
    pub fn hold_table(&mut self, hold: bool) {
        self.table.set_hold(hold);
    }

    /// Makes room for `additional` keys ahead of a load.
    pub fn reserve(&mut self, additional: usize) {
        self.table.reserve(additional);
    }

    /// Somebody waits for `key`; `on_absence`: for its end, too.
    pub fn await_key(&mut self, key: &[u8], on_absence: bool) {
        let awaited = self.awaited.entry(key.into()).or_default();
        awaited.sessions += 1;
        awaited.on_absence += usize::from(on_absence);
    }

    /// One session fewer waits for `key`.
    pub fn unawait_key(&mut self, key: &[u8], on_absence: bool) {
        if let Some(awaited) = self.awaited.get_mut(key) {
            awaited.sessions -= 1;
            awaited.on_absence -= usize::from(on_absence);
            if awaited.sessions == 0 {
                self.awaited.remove(key);
            }
        }
    }

    /// A key changed, or is gone: those who wait for that are told.
    pub(super) fn tell_waiters(&mut self, key: &[u8], exists: bool) {
        if self.awaited.get(key).is_some_and(|awaited| exists || awaited.on_absence > 0) {
            self.effects.ready.push(key.into());
        }
    }

    /// Whatever is awaited is looked at: the database holds something else than before.
    pub(super) fn tell_all_waiters(&mut self) {
        let table = &self.table;
        let exists = |key: &[u8]| table.find(hash(key), key).is_some();
        let told = self.awaited.iter().filter(|(key, awaited)| awaited.on_absence > 0 || exists(key));
        self.effects.ready.extend(told.map(|(key, _)| key.clone()));
    }

    /// Keys that somebody waits for.
    pub fn awaited_len(&self) -> usize {
        self.awaited.len()
    }

    /// Those of them whose end somebody waits for, too.
    pub fn awaited_on_absence_len(&self) -> usize {
        self.awaited.values().filter(|awaited| awaited.on_absence > 0).count()
    }
}
