//! Names and their listeners, in both directions: from a name to the sessions, and from a session to its names.
//!
//! ```text
//! by_name     name ─▶ [session, session, …]           in no order: a removal fills the gap with the last
//! by_session  session ─▶ { name ─▶ place in the list above }
//! ```
//! Invariants: a session is in a name's list exactly if the name is in the session's map, with its place there; no list
//! and no map is empty, so that a channel that nobody listens to costs nothing.

use crate::keyspace::SessionKey;
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

type Name = Rc<[u8]>;

/// The names that one session listens to, each with its place in the name's list.
#[derive(Default)]
struct Names {
    places: BTreeMap<Name, usize>,
    /// Estimate of the bytes that they take.
    bytes: usize,
}

/// What a name takes for one listener, beside its bytes.
const NAME_OVERHEAD_BYTES: usize = 4 * size_of::<usize>();

/// One kind of names (channels, patterns or shard channels) and those who listen to them.
#[derive(Default)]
pub struct Topics {
    by_name: HashMap<Name, Vec<SessionKey>, foldhash::quality::RandomState>,
    by_session: HashMap<SessionKey, Names, foldhash::fast::RandomState>,
}

impl Topics {
    /// Adds a listener; false if it listens already.
    pub fn subscribe(&mut self, session: SessionKey, name: &[u8]) -> bool {
        let names = self.by_session.entry(session).or_default();
        if names.places.contains_key(name) {
            return false;
        }
        let name = match self.by_name.get_key_value(name) {
            Some((name, _)) => name.clone(),
            None => Name::from(name),
        };
        let listeners = self.by_name.entry(name.clone()).or_default();
        names.bytes += name.len() + NAME_OVERHEAD_BYTES;
        names.places.insert(name, listeners.len());
        listeners.push(session);
        true
    }

    /// Removes a listener; false if it did not listen.
    pub fn unsubscribe(&mut self, session: SessionKey, name: &[u8]) -> bool {
        let Some(names) = self.by_session.get_mut(&session) else { return false };
        let Some(place) = names.places.remove(name) else { return false };
        names.bytes -= name.len() + NAME_OVERHEAD_BYTES;
        if names.places.is_empty() {
            self.by_session.remove(&session);
        }
        let listeners = self.by_name.get_mut(name).expect("a session's names have listeners");
        listeners.swap_remove(place);
        if let Some(moved) = listeners.get(place) {
            let names = self.by_session.get_mut(moved).expect("a listener has names");
            *names.places.get_mut(name).expect("a listener has the name it listens to") = place;
        } else if listeners.is_empty() {
            self.by_name.remove(name);
        }
        true
    }

    /// The sessions that listen to `name`.
    #[inline]
    pub fn listeners(&self, name: &[u8]) -> &[SessionKey] {
        self.by_name.get(name).map_or(&[], Vec::as_slice)
    }

    /// All names with their listeners.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[SessionKey])> {
        self.by_name.iter().map(|(name, listeners)| (&name[..], listeners.as_slice()))
    }

    /// Number of names that somebody listens to.
    pub fn len(&self) -> usize {
        self.by_name.len()
    }

    pub fn is_empty(&self) -> bool {
        self.by_name.is_empty()
    }

    /// Number of names that a session listens to.
    pub fn count_of(&self, session: SessionKey) -> usize {
        self.by_session.get(&session).map_or(0, |names| names.places.len())
    }

    /// The names that a session listens to, in byte order.
    pub fn names_of(&self, session: SessionKey) -> Vec<Rc<[u8]>> {
        self.by_session.get(&session).map_or_else(Vec::new, |names| names.places.keys().cloned().collect())
    }

    /// Estimate of the bytes that a session's names take, for the client's memory figures.
    pub fn bytes_of(&self, session: SessionKey) -> usize {
        self.by_session.get(&session).map_or(0, |names| names.bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::random::Random;
    use std::collections::BTreeSet;

    #[test]
    fn both_directions_agree_with_a_plain_set_of_pairs() {
        let mut topics = Topics::default();
        let mut model: BTreeSet<(u64, Vec<u8>)> = BTreeSet::new();
        let mut random = Random::new(3);
        for _ in 0..20_000 {
            let (session, name) = (random.below(12), vec![b'a' + random.below(9) as u8]);
            if random.below(2) == 0 {
                assert_eq!(topics.subscribe(SessionKey(session), &name), model.insert((session, name)));
            } else {
                assert_eq!(topics.unsubscribe(SessionKey(session), &name), model.remove(&(session, name)));
            }
            let session = random.below(12);
            let expected: Vec<&[u8]> = model.iter().filter(|(s, _)| *s == session).map(|(_, n)| &n[..]).collect();
            assert_eq!(topics.names_of(SessionKey(session)).iter().map(|n| &n[..]).collect::<Vec<_>>(), expected);
            assert_eq!(topics.count_of(SessionKey(session)), expected.len());
            let name = [b'a' + random.below(9) as u8];
            let mut listeners: Vec<u64> = topics.listeners(&name).iter().map(|s| s.0).collect();
            listeners.sort_unstable();
            let expected: Vec<u64> = model.iter().filter(|(_, n)| n[..] == name).map(|(s, _)| *s).collect();
            assert_eq!(listeners, expected);
        }
        let names: BTreeSet<&[u8]> = model.iter().map(|(_, n)| &n[..]).collect();
        assert_eq!(topics.len(), names.len());
    }
}
