//! WATCH: which sessions are to be told that a key changed.

use std::collections::HashMap;

use super::db::{Db, Key};
use super::effects::SessionKey;

/// One session's interest in one key.
#[derive(Clone, Copy, Debug)]
pub(super) struct Watcher {
    session: SessionKey,
    /// The key was due already when it was watched: its removal is no change.
    was_due: bool,
}

/// Watchers by key.
#[derive(Default)]
pub(super) struct Watchers {
    by_key: HashMap<Box<[u8]>, Vec<Watcher>>,
}

impl Watchers {
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.by_key.is_empty()
    }
}

impl Db {
    /// `session` wants to know of the next change of `key`.
    pub fn watch(&mut self, key: Key<'_>, session: SessionKey) {
        let was_due = self.is_due(key);
        let watchers = self.watchers.by_key.entry(key.bytes.into()).or_default();
        if !watchers.iter().any(|w| w.session == session) {
            watchers.push(Watcher { session, was_due });
        }
    }

    /// `session` watches `key` no more.
    pub fn unwatch(&mut self, key: &[u8], session: SessionKey) {
        if let Some(watchers) = self.watchers.by_key.get_mut(key) {
            watchers.retain(|w| w.session != session);
            if watchers.is_empty() {
                self.watchers.by_key.remove(key);
            }
        }
    }

    /// True when `key` was live when `session` began to watch it, and is due now.
    pub fn watched_key_became_due(&self, key: &[u8], session: SessionKey) -> bool {
        let Some(watchers) = self.watchers.by_key.get(key) else { return false };
        watchers.iter().any(|w| w.session == session && !w.was_due) && self.is_due(Key::new(key))
    }

    /// Tells the watchers of `key` that it changed; `exists` after the change.
    pub(super) fn touch_watchers(&mut self, key: &[u8], exists: bool) {
        let Some(watchers) = self.watchers.by_key.get_mut(key) else { return };
        for watcher in watchers {
            if watcher.was_due && !exists {
                // It was as good as absent when it was watched, and is absent now.
                watcher.was_due = false;
                continue;
            }
            self.effects.touched.push(watcher.session);
        }
    }

    /// The database is about to be emptied (`other` is `None`) or to change places with `other`: who watches a key that
    /// exists in either is told, unless it is as good as absent before and after.
    pub(super) fn touch_all_watchers(&mut self, other: Option<&Db>) {
        let mut touched = Vec::new();
        for (bytes, watchers) in &mut self.watchers.by_key {
            let key = Key::new(bytes);
            let exists_here = self.table.find(key.hash, key.bytes).is_some();
            let exists_there = other.is_some_and(|db| db.table.find(key.hash, key.bytes).is_some());
            let is_due_there = other.is_some_and(|db| db.is_due(key));
            if !exists_here && !exists_there {
                continue;
            }
            for watcher in watchers {
                match (watcher.was_due, exists_there) {
                    // Due then, gone now.
                    (true, false) => watcher.was_due = false,
                    // Due then, due now.
                    (true, true) if is_due_there => {}
                    // Absent then, due now.
                    (false, true) if !exists_here && is_due_there => watcher.was_due = true,
                    _ => touched.push(watcher.session),
                }
            }
        }
        self.effects.touched.extend(touched);
    }
}
