//! What goes when memory is full: the ten policies of `maxmemory-policy`, on samples, with a small pool of the best.
//!
//! The access field of an entry is 24 bits. LRU and LRM: seconds of the clock (wraps after 194 days) of the last use, or of
//! the last change. LFU: 16 bits of minutes,
//! 8 bits of a logarithmic counter that decays with time (Morris, "Counting large numbers of events in small registers").

use super::db::{Db, Rules};
use super::effects::{Gone, Removal};
use super::entry::{Entry, EntryRef};
use super::event;
use super::space::Keyspace;
use crate::base::clock::Ms;
use crate::base::hash::hash;
use crate::base::memory::ThreadCounters;
use crate::base::random::Random;
use crate::structures::wheel::Walk;
use std::ptr::NonNull;

/// `maxmemory-policy`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    VolatileLru,
    VolatileRandom,
    VolatileTtl,
    AllKeysLru,
    AllKeysRandom,
    NoEviction,
    // From here on a use does not simply leave its time.
    VolatileLrm,
    AllKeysLrm,
    VolatileLfu,
    AllKeysLfu,
}

impl Policy {
    #[inline]
    pub fn is_lfu(self) -> bool {
        matches!(self, Policy::VolatileLfu | Policy::AllKeysLfu)
    }

    /// Goes by the time of the last use, or of the last change.
    pub fn is_lru(self) -> bool {
        matches!(self, Policy::VolatileLru | Policy::AllKeysLru) || self.is_lrm()
    }

    /// Least recently modified: reading leaves no mark.
    pub fn is_lrm(self) -> bool {
        matches!(self, Policy::VolatileLrm | Policy::AllKeysLrm)
    }

    /// A use leaves its time in the access field.
    #[inline]
    fn marks_time_of_use(self) -> bool {
        (self as u8) < Policy::VolatileLrm as u8
    }

    fn is_volatile(self) -> bool {
        use Policy::{VolatileLfu, VolatileLrm, VolatileLru, VolatileRandom, VolatileTtl};
        matches!(self, VolatileLru | VolatileLfu | VolatileRandom | VolatileTtl | VolatileLrm)
    }

    fn is_random(self) -> bool {
        matches!(self, Policy::VolatileRandom | Policy::AllKeysRandom)
    }
}

const ACCESS_MASK: u32 = 0x00ff_ffff;
/// Counter of a new key under LFU: high enough not to go at once.
const LFU_INITIAL: u32 = 5;
const LFU_MAX: u32 = 255;

#[inline]
fn lru_clock(now: Ms) -> u32 {
    (now / 1000) as u32 & ACCESS_MASK
}

#[inline]
fn lfu_minutes(now: Ms) -> u32 {
    (now / 60_000) as u32 & 0xffff
}

/// The access field of a key that comes.
#[inline]
pub fn access_of_new(rules: &Rules) -> u32 {
    if rules.policy.is_lfu() { lfu_minutes(rules.now) << 8 | LFU_INITIAL } else { lru_clock(rules.now) }
}

/// The access field of a key that is used.
#[inline]
pub fn access_after_use(access: u32, rules: &Rules, random: &mut Random) -> u32 {
    if rules.policy.marks_time_of_use() { lru_clock(rules.now) } else { access_after_other_use(access, rules, random) }
}

#[inline(never)]
fn access_after_other_use(access: u32, rules: &Rules, random: &mut Random) -> u32 {
    if !rules.policy.is_lfu() {
        return access;
    }
    let counter = lfu_grown(lfu_counter(access, rules), rules.lfu_log_factor, random);
    lfu_minutes(rules.now) << 8 | counter
}

/// The LFU counter as it stands now: less one for each decay period that went by.
pub fn lfu_counter(access: u32, rules: &Rules) -> u32 {
    let (minutes, counter) = (access >> 8 & 0xffff, access & 0xff);
    if rules.lfu_decay_minutes == 0 {
        return counter;
    }
    let elapsed = lfu_minutes(rules.now).wrapping_sub(minutes) & 0xffff;
    counter.saturating_sub(elapsed / rules.lfu_decay_minutes)
}

fn lfu_grown(counter: u32, log_factor: u32, random: &mut Random) -> u32 {
    if counter >= LFU_MAX {
        return LFU_MAX;
    }
    let above = counter.saturating_sub(LFU_INITIAL) as f64;
    let chance = 1.0 / (above * f64::from(log_factor) + 1.0);
    let draw = (random.next_u64() >> 11) as f64 / (1u64 << 53) as f64;
    counter + (draw < chance) as u32
}

/// Seconds since the key was used, under LRU.
pub fn idle_seconds(access: u32, rules: &Rules) -> u32 {
    lru_clock(rules.now).wrapping_sub(access) & ACCESS_MASK
}

/// An access field that says `seconds` idle (LRU).
pub fn access_with_idle(seconds: u64, rules: &Rules) -> u32 {
    lru_clock(rules.now).wrapping_sub(seconds as u32) & ACCESS_MASK
}

/// An access field that says `counter` (LFU).
pub fn access_with_frequency(counter: u8, rules: &Rules) -> u32 {
    lfu_minutes(rules.now) << 8 | u32::from(counter)
}

/// Candidates remembered from one eviction to the next.
const POOL_MAX: usize = 16;

struct Candidate {
    /// Higher goes first.
    score: u64,
    db: usize,
    key: Box<[u8]>,
}

/// The best candidates seen so far, in rising order of score.
#[derive(Default)]
pub struct EvictionPool {
    candidates: Vec<Candidate>,
}

impl EvictionPool {
    fn offer(&mut self, score: u64, db: usize, key: &[u8]) {
        if self.candidates.len() == POOL_MAX && score <= self.candidates[0].score {
            return;
        }
        if self.candidates.iter().any(|c| c.db == db && *c.key == *key) {
            return;
        }
        let at = self.candidates.partition_point(|c| c.score < score);
        self.candidates.insert(at, Candidate { score, db, key: key.into() });
        if self.candidates.len() > POOL_MAX {
            self.candidates.remove(0);
        }
    }
}

/// How much the policy wants an entry gone: higher goes first.
fn eviction_score(entry: EntryRef<'_>, rules: &Rules) -> u64 {
    match rules.policy {
        Policy::VolatileTtl => u64::MAX - entry.deadline().unwrap_or(Ms::MAX) as u64,
        policy if policy.is_lfu() => u64::from(LFU_MAX - lfu_counter(entry.access(), rules)),
        _ => u64::from(idle_seconds(entry.access(), rules)),
    }
}

/// Draws for one wanted sample before the wheel is asked instead (few keys with a deadline among many).
const DRAWS_PER_SAMPLE_MAX: usize = 4;

impl Db {
    /// Shows `count` sampled entries that the policy may take.
    fn sample_for_eviction(&mut self, count: usize, mut show: impl FnMut(EntryRef<'_>)) {
        let volatile = self.rules.policy.is_volatile();
        let mut shown = 0;
        if !volatile || self.wheel.len() * DRAWS_PER_SAMPLE_MAX >= self.table.len() {
            for _ in 0..count * DRAWS_PER_SAMPLE_MAX {
                let Some(at) = self.table.sample(&mut self.random) else { return };
                let entry = unsafe { EntryRef::from_raw(at) };
                if volatile && !entry.has_deadline() {
                    continue;
                }
                show(entry);
                shown += 1;
                if shown == count {
                    return;
                }
            }
        }
        if volatile && shown == 0 {
            let walk = if self.rules.policy == Policy::VolatileTtl { Walk::Soonest } else { Walk::Anywhere };
            self.wheel.walk(walk, &mut self.random, count, |link| {
                // Safety: links on the wheel are in front of live entries.
                let at = unsafe { link.as_ptr().cast::<u8>().add(24).cast::<Entry>() };
                show(unsafe { EntryRef::from_raw(NonNull::new_unchecked(at)) });
            });
        }
    }

    fn candidates_left(&self) -> usize {
        if self.rules.policy.is_volatile() { self.wheel.len() } else { self.table.len() }
    }

    /// Removes a key to make room; gives the bytes that came free at once (what is large goes in slices), `None` when it cannot go.
    fn evict(&mut self, key: &[u8]) -> Option<usize> {
        let hash = hash(key);
        let at = self.table.find(hash, key)?;
        if self.rules.policy.is_volatile() && !unsafe { EntryRef::from_raw(at) }.has_deadline() {
            return None;
        }
        let entry = self.take_at(hash, at);
        let counters = ThreadCounters::of_this_thread();
        let before = counters.net();
        self.discard(entry);
        let freed = (before - counters.net()).max(0) as usize;
        self.counters.evicted += 1;
        if !self.watchers.is_empty() {
            self.touch_watchers(key, false);
        }
        if !self.awaited.is_empty() {
            self.tell_waiters(key, false);
        }
        if self.rules.tracks_changes {
            self.list_change(key, true);
        }
        self.notice(key, event::EVICTED);
        self.effects.removals.push(Removal { key: key.into(), what: Gone::Evicted });
        Some(freed)
    }
}

impl Keyspace {
    /// Removes one key by the policy in force; gives the bytes that came free at once, `None` when there is no key that it may take.
    pub fn evict_one(&mut self) -> Option<usize> {
        let policy = self.dbs[0].rules.policy;
        match policy {
            Policy::NoEviction => None,
            policy if policy.is_random() => self.evict_random(),
            _ => self.evict_best(),
        }
    }

    fn evict_random(&mut self) -> Option<usize> {
        for _ in 0..self.dbs.len() {
            let index = self.next_eviction_db;
            self.next_eviction_db = (index + 1) % self.dbs.len();
            let db = self.db_mut(index);
            if db.candidates_left() == 0 {
                continue;
            }
            let mut found: Option<Box<[u8]>> = None;
            db.sample_for_eviction(1, |entry| found = Some(entry.key().into()));
            let freed = found.and_then(|key| db.evict(&key));
            if freed.is_some() {
                return freed;
            }
        }
        None
    }

    fn evict_best(&mut self) -> Option<usize> {
        /// Rounds of sampling before giving up: each ends with a candidate unless the pool held only keys that are gone.
        const ROUNDS_MAX: usize = 64;
        for _ in 0..ROUNDS_MAX {
            let mut total = 0;
            for index in 0..self.dbs.len() {
                let db = self.db_mut(index);
                total += db.candidates_left();
                if db.candidates_left() == 0 {
                    continue;
                }
                let mut seen: Vec<(u64, Box<[u8]>)> = Vec::with_capacity(db.rules.eviction_samples);
                let rules = db.rules.clone();
                db.sample_for_eviction(rules.eviction_samples, |entry| {
                    seen.push((eviction_score(entry, &rules), entry.key().into()));
                });
                for (score, key) in seen {
                    self.pool.offer(score, index, &key);
                }
            }
            if total == 0 {
                return None;
            }
            while let Some(best) = self.pool.candidates.pop() {
                let is_there = best.db < self.dbs.len();
                let freed = is_there.then(|| self.db_mut(best.db).evict(&best.key)).flatten();
                if freed.is_some() {
                    return freed;
                }
            }
        }
        None
    }
}
