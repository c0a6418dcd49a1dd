//! All databases, and what concerns more than one of them.

use super::db::{Counters, Db, Rules};
use super::eviction::EvictionPool;
use super::garbage::GarbageQueue;
use crate::base::clock::Ms;

/// The bit of a database in `visited`.
#[inline]
fn visit_bit(index: usize) -> u64 {
    1 << index.min(u64::BITS as usize - 1)
}

/// The data of one server.
pub struct Keyspace {
    pub(super) dbs: Vec<Db>,
    pub garbage: GarbageQueue,
    pub(super) pool: EvictionPool,
    pub(super) next_eviction_db: usize,
    /// The time of the command at hand.
    now: Ms,
    /// It finds keys that are due.
    finds_due: bool,
    /// A bit for each database lent to be changed; the last bit stands for all from there on.
    visited: u64,
    /// Changes since the last snapshot.
    pub dirty: u64,
}

impl Keyspace {
    /// `databases` empty databases (at least 1).
    pub fn new(databases: usize, now: Ms, seed: u64) -> Keyspace {
        assert!(databases > 0, "a server has at least one database");
        Keyspace {
            dbs: (0..databases).map(|index| Db::new(index, now, seed)).collect(),
            garbage: GarbageQueue::default(),
            pool: EvictionPool::default(),
            next_eviction_db: 0,
            now,
            finds_due: false,
            visited: 0,
            dirty: 0,
        }
    }

    pub fn databases(&self) -> usize {
        self.dbs.len()
    }

    #[inline]
    pub fn db(&self, index: usize) -> &Db {
        &self.dbs[index]
    }

    #[inline]
    pub fn db_mut(&mut self, index: usize) -> &mut Db {
        self.visited |= visit_bit(index);
        let db = &mut self.dbs[index];
        (db.rules.now, db.rules.finds_due) = (self.now, self.finds_due);
        db
    }

    pub fn iter(&self) -> impl Iterator<Item = &Db> {
        self.dbs.iter()
    }

    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut Db> {
        self.visited = u64::MAX;
        let (now, finds_due) = (self.now, self.finds_due);
        self.dbs.iter_mut().for_each(|db| (db.rules.now, db.rules.finds_due) = (now, finds_due));
        self.dbs.iter_mut()
    }

    /// Two different databases at once.
    pub fn pair(&mut self, a: usize, b: usize) -> (&mut Db, &mut Db) {
        self.visited |= visit_bit(a) | visit_bit(b);
        let (now, finds_due) = (self.now, self.finds_due);
        let [a, b] = self.dbs.get_disjoint_mut([a, b]).expect("two different databases");
        for db in [&mut *a, &mut *b] {
            (db.rules.now, db.rules.finds_due) = (now, finds_due);
        }
        (a, b)
    }

    /// Keys of all databases.
    pub fn len(&self) -> usize {
        self.dbs.iter().map(Db::len).sum()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Rewrites the rules of every database.
    pub fn set_rules(&mut self, rewrite: impl Fn(&mut Rules)) {
        self.dbs.iter_mut().for_each(|db| rewrite(&mut db.rules));
    }

    /// The time of the command at hand: every database that is looked at from here on goes by it.
    #[inline]
    pub fn set_now(&mut self, now: Ms) {
        self.now = now;
    }

    /// Whether the command at hand finds keys that are due.
    #[inline]
    pub fn set_finds_due(&mut self, finds_due: bool) {
        self.finds_due = finds_due;
    }

    /// The databases that were lent to be changed since the last call: those that may have effects to hand on.
    pub fn take_visited(&mut self) -> impl Iterator<Item = usize> + use<> {
        let visited = std::mem::take(&mut self.visited);
        let last = self.dbs.len() - 1;
        (0..=last).filter(move |&index| visited & visit_bit(index) != 0)
    }

    /// Sum of the databases' counters.
    pub fn counters(&self) -> Counters {
        let mut sum = Counters::default();
        for db in &self.dbs {
            sum.hits += db.counters.hits;
            sum.misses += db.counters.misses;
            sum.expired += db.counters.expired;
            sum.expired_fields += db.counters.expired_fields;
            sum.evicted += db.counters.evicted;
        }
        sum
    }

    pub fn reset_counters(&mut self) {
        self.dbs.iter_mut().for_each(|db| db.counters = Counters::default());
        self.garbage.freed = 0;
    }

    /// Exchanges what two databases hold. Watchers and waiters stay with the index; both sides' are told.
    pub fn swap(&mut self, a: usize, b: usize) {
        if a == b {
            return;
        }
        let (x, y) = self.pair(a, b);
        x.touch_all_watchers(Some(y));
        y.touch_all_watchers(Some(x));
        std::mem::swap(&mut x.table, &mut y.table);
        std::mem::swap(&mut x.wheel, &mut y.wheel);
        std::mem::swap(&mut x.field_wheel, &mut y.field_wheel);
        std::mem::swap(&mut x.key_sizes, &mut y.key_sizes);
        x.tell_all_waiters();
        y.tell_all_waiters();
    }

    /// An empty one that others' data can be gathered in: as many databases, under the same rules.
    pub fn like(&self, seed: u64) -> Keyspace {
        let mut other = Keyspace::new(self.dbs.len(), self.now, seed);
        other.dbs.iter_mut().zip(&self.dbs).for_each(|(db, own)| db.rules = own.rules.clone());
        other
    }

    /// Takes over what another gathered, in the place of its own data, which must have been cleared. Watchers and waiters stay.
    pub fn adopt(&mut self, mut other: Keyspace) {
        for (own, db) in self.iter_mut().zip(&mut other.dbs) {
            debug_assert!(own.is_empty(), "nobody's data is dropped unseen");
            std::mem::swap(&mut own.table, &mut db.table);
            std::mem::swap(&mut own.wheel, &mut db.wheel);
            std::mem::swap(&mut own.field_wheel, &mut db.field_wheel);
            std::mem::swap(&mut own.key_sizes, &mut db.key_sizes);
            own.tell_all_waiters();
        }
    }

    /// What another gathered is of no use: it is freed in slices.
    pub fn discard(&mut self, mut other: Keyspace) {
        for db in &mut other.dbs {
            db.clear();
            db.effects.garbage.drain(..).for_each(|garbage| self.garbage.push(garbage));
        }
    }

    /// Appends the events of database `from` to those of `to`, so that they are told in the order in which they came.
    pub fn join_events(&mut self, from: usize, to: usize) {
        if from != to {
            let (from, to) = self.pair(from, to);
            to.effects.notices.append(&mut from.effects.notices);
        }
    }

    /// When a wheel wants to be looked at next.
    pub fn next_wake(&self) -> Option<Ms> {
        self.dbs.iter().filter_map(Db::next_wake).min()
    }
}
