//! Who waits for which key, in the order in which they came.

use std::collections::{HashMap, VecDeque};

use crate::keyspace::SessionKey;

/// Queues of waiters by database and key.
#[derive(Default)]
pub struct Waiters {
    queues: HashMap<(usize, Box<[u8]>), VecDeque<SessionKey>>,
    /// Sessions that wait for at least one key.
    pub sessions: usize,
}

impl Waiters {
    /// `session` waits for `key`, behind those who wait already.
    pub fn join(&mut self, db: usize, key: &[u8], session: SessionKey) {
        self.queues.entry((db, key.into())).or_default().push_back(session);
    }

    /// `session` waits for `key` no more.
    pub fn leave(&mut self, db: usize, key: &[u8], session: SessionKey) {
        let place = (db, Box::from(key));
        if let Some(queue) = self.queues.get_mut(&place) {
            // Who is served, or gives up first, stands mostly in front.
            match queue.front() {
                Some(front) if *front == session => drop(queue.pop_front()),
                _ => queue.retain(|s| *s != session),
            }
            if queue.is_empty() {
                self.queues.remove(&place);
            }
        }
    }

    /// How many wait for `key`.
    pub fn len(&self, db: usize, key: &[u8]) -> usize {
        self.queues.get(&(db, Box::from(key))).map_or(0, VecDeque::len)
    }

    /// Who waits for `key` at `place` of its queue, first come first.
    pub fn at(&self, db: usize, key: &[u8], place: usize) -> Option<SessionKey> {
        self.queues.get(&(db, Box::from(key)))?.get(place).copied()
    }

    /// Keys that somebody waits for.
    pub fn keys(&self) -> usize {
        self.queues.len()
    }
}
