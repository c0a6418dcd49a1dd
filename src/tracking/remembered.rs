//! Keys that were read, with the sessions that read them.
//!
//! ```text
//! places   key ──▶ place        keys   [ key | sessions, rising ] [ … ] …
//! ```
//! Invariants: both sides hold the same keys; no key has no sessions; `items` is the sum of the sessions of all keys. A session that
//! is gone is not looked for: its name in the lists is met when the key changes, and then nobody is there.

use std::collections::HashMap;
use std::rc::Rc;

use crate::base::random::Random;
use crate::keyspace::SessionKey;

struct Entry {
    key: Rc<[u8]>,
    sessions: Vec<SessionKey>,
}

/// Who read what.
#[derive(Default)]
pub struct Remembered {
    places: HashMap<Rc<[u8]>, usize, foldhash::quality::RandomState>,
    entries: Vec<Entry>,
    items: usize,
}

impl Remembered {
    /// `session` has read `key`.
    pub fn remember(&mut self, key: &[u8], session: SessionKey) {
        if let Some(&place) = self.places.get(key) {
            let sessions = &mut self.entries[place].sessions;
            if let Err(at) = sessions.binary_search(&session) {
                sessions.insert(at, session);
                self.items += 1;
            }
            return;
        }
        let key = Rc::<[u8]>::from(key);
        self.places.insert(key.clone(), self.entries.len());
        self.entries.push(Entry { key, sessions: vec![session] });
        self.items += 1;
    }

    /// Nobody holds `key` any more; gives those who did.
    pub fn forget(&mut self, key: &[u8]) -> Vec<SessionKey> {
        let Some(place) = self.places.remove(key) else { return Vec::new() };
        let entry = self.entries.swap_remove(place);
        if let Some(moved) = self.entries.get(place) {
            *self.places.get_mut(&moved.key).expect("every entry has its place noted") = place;
        }
        self.items -= entry.sessions.len();
        entry.sessions
    }

    /// A key by chance.
    pub fn any(&self, random: &mut Random) -> Option<Rc<[u8]>> {
        match self.entries.len() {
            0 => None,
            len => Some(self.entries[random.below(len as u64) as usize].key.clone()),
        }
    }

    /// Forgets everything, and gives the memory back.
    pub fn clear(&mut self) {
        *self = Remembered::default();
    }

    /// Number of keys.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Pairs of a key and a session that read it.
    pub fn items(&self) -> usize {
        self.items
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::{BTreeMap, BTreeSet};

    #[test]
    fn it_agrees_with_a_plain_map_of_sets() {
        let mut remembered = Remembered::default();
        let mut model: BTreeMap<Vec<u8>, BTreeSet<SessionKey>> = BTreeMap::new();
        let mut random = Random::new(5);
        for _ in 0..20_000 {
            let key = vec![b'a' + random.below(20) as u8];
            match random.below(4) {
                0 => {
                    let told = remembered.forget(&key);
                    let expected: Vec<SessionKey> = model.remove(&key).unwrap_or_default().into_iter().collect();
                    assert_eq!(told, expected);
                }
                1 => match remembered.any(&mut random) {
                    Some(key) => assert!(model.contains_key(&key[..])),
                    None => assert!(model.is_empty()),
                },
                _ => {
                    let session = SessionKey(random.below(7));
                    remembered.remember(&key, session);
                    model.entry(key).or_default().insert(session);
                }
            }
            assert_eq!(remembered.len(), model.len());
            assert_eq!(remembered.items(), model.values().map(BTreeSet::len).sum::<usize>());
        }
        remembered.clear();
        assert!(remembered.is_empty() && remembered.items() == 0);
    }
}
