//! Prefixes of keys that sessions want to hear of whether or not they read them, and the keys that changed under each since they
//! were told last.
//!
//! Invariants: a prefix without sessions is not there; `lengths` counts the prefixes of each length, so that the prefixes of a key
//! are found by one look-up a length; `has_news` is true exactly if some prefix has keys to tell.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use crate::keyspace::SessionKey;

/// One prefix: who listens, and what is to be told. With each key stands the session that changed it last, if one did.
#[derive(Default)]
struct Listened {
    sessions: BTreeSet<SessionKey>,
    keys: BTreeMap<Box<[u8]>, Option<SessionKey>>,
}

/// What is to be told of one prefix.
pub struct Broadcast {
    pub sessions: Vec<SessionKey>,
    /// In byte order.
    pub keys: Vec<(Box<[u8]>, Option<SessionKey>)>,
}

/// Why a session may not have a prefix: one message for each changed key is enough.
#[derive(Debug, PartialEq, Eq)]
pub enum Overlap<'p> {
    /// The prefix it asks for, and one that it has.
    WithExisting(&'p [u8], Vec<u8>),
    /// Two that it asks for.
    AmongGiven(&'p [u8], &'p [u8]),
}

/// All prefixes by name.
#[derive(Default)]
pub struct Prefixes {
    by_name: BTreeMap<Box<[u8]>, Listened>,
    lengths: BTreeMap<usize, usize>,
    has_news: bool,
}

impl Prefixes {
    /// Adds a listener.
    pub fn listen(&mut self, prefix: &[u8], session: SessionKey) {
        if !self.by_name.contains_key(prefix) {
            *self.lengths.entry(prefix.len()).or_default() += 1;
        }
        self.by_name.entry(prefix.into()).or_default().sessions.insert(session);
    }

    /// Removes a listener; with the last one goes the prefix, and what was to be told of it.
    pub fn leave(&mut self, prefix: &[u8], session: SessionKey) {
        let Some(listened) = self.by_name.get_mut(prefix) else { return };
        listened.sessions.remove(&session);
        if listened.sessions.is_empty() {
            self.by_name.remove(prefix);
            let count = self.lengths.get_mut(&prefix.len()).expect("the length of every prefix is counted");
            *count -= 1;
            if *count == 0 {
                self.lengths.remove(&prefix.len());
            }
        }
    }

    /// A key changed, by a session or by itself.
    pub fn note(&mut self, key: &[u8], by: Option<SessionKey>) {
        for &length in self.lengths.range(..=key.len()).map(|(length, _)| length) {
            if let Some(listened) = self.by_name.get_mut(&key[..length]) {
                listened.keys.insert(key.into(), by);
                self.has_news = true;
            }
        }
    }

    #[inline]
    pub fn has_news(&self) -> bool {
        self.has_news
    }

    /// What is to be told, by prefix in byte order; it is told then.
    pub fn take_news(&mut self) -> Vec<Broadcast> {
        self.has_news = false;
        let with_news = self.by_name.values_mut().filter(|listened| !listened.keys.is_empty());
        with_news
            .map(|listened| Broadcast {
                sessions: listened.sessions.iter().copied().collect(),
                keys: std::mem::take(&mut listened.keys).into_iter().collect(),
            })
            .collect()
    }

    /// Number of prefixes that anybody listens to.
    pub fn len(&self) -> usize {
        self.by_name.len()
    }

    pub fn is_empty(&self) -> bool {
        self.by_name.is_empty()
    }
}

/// Looks for two prefixes of which one begins with the other, among those that a session has and those that it asks for.
pub fn find_overlap<'p>(existing: &BTreeSet<Box<[u8]>>, given: &[&'p [u8]]) -> Option<Overlap<'p>> {
    let overlaps = |one: &[u8], other: &[u8]| one.starts_with(other) || other.starts_with(one);
    for (at, &prefix) in given.iter().enumerate() {
        // Those of a session do not overlap, so that one that begins with `prefix` is the next in byte order, and one that
        // `prefix` begins with is the last one before it.
        let before = existing.range::<[u8], _>((Bound::Unbounded, Bound::Included(prefix))).next_back();
        let next = existing.range::<[u8], _>((Bound::Included(prefix), Bound::Unbounded)).next();
        // The empty prefix is added without being asked for by name, and stands in front of all.
        let first = existing.first();
        if let Some(other) = first.into_iter().chain(before).chain(next).find(|other| overlaps(other, prefix)) {
            return Some(Overlap::WithExisting(prefix, other.to_vec()));
        }
        if let Some(&other) = given[at + 1..].iter().find(|other| overlaps(other, prefix)) {
            return Some(Overlap::AmongGiven(prefix, other));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALICE: SessionKey = SessionKey(1);
    const BOB: SessionKey = SessionKey(2);

    #[test]
    fn each_prefix_of_a_key_is_told_once() {
        let mut prefixes = Prefixes::default();
        prefixes.listen(b"", ALICE);
        prefixes.listen(b"ab", BOB);
        prefixes.listen(b"ax", BOB);
        prefixes.note(b"abc", Some(ALICE));
        prefixes.note(b"abc", None);
        prefixes.note(b"a", None);
        let news = prefixes.take_news();
        let names = |news: &Broadcast| news.keys.iter().map(|(key, _)| key.to_vec()).collect::<Vec<_>>();
        assert_eq!(news.len(), 2);
        assert_eq!((names(&news[0]), &news[0].sessions[..]), (vec![b"a".to_vec(), b"abc".to_vec()], &[ALICE][..]));
        assert_eq!((names(&news[1]), &news[1].sessions[..]), (vec![b"abc".to_vec()], &[BOB][..]));
        assert_eq!(news[1].keys[0].1, None, "the last one counts");
        assert!(!prefixes.has_news() && prefixes.take_news().is_empty());
        prefixes.leave(b"ab", BOB);
        prefixes.leave(b"ax", BOB);
        prefixes.note(b"ab", None);
        assert_eq!(prefixes.take_news().len(), 1);
        prefixes.leave(b"", ALICE);
        assert!(prefixes.is_empty() && prefixes.lengths.is_empty());
    }

    #[test]
    fn overlaps_are_found_in_any_order() {
        let existing: BTreeSet<Box<[u8]>> = [&b"FOO"[..], b"BAR"].into_iter().map(Box::from).collect();
        assert_eq!(find_overlap(&existing, &[b"B2", b"FO"]), Some(Overlap::WithExisting(b"FO", b"FOO".to_vec())));
        assert_eq!(find_overlap(&existing, &[b"BARB"]), Some(Overlap::WithExisting(b"BARB", b"BAR".to_vec())));
        assert_eq!(find_overlap(&existing, &[b"BAR"]), Some(Overlap::WithExisting(b"BAR", b"BAR".to_vec())));
        assert_eq!(find_overlap(&existing, &[b""]), Some(Overlap::WithExisting(b"", b"BAR".to_vec())));
        assert_eq!(find_overlap(&existing, &[b"x", b"y", b"xz"]), Some(Overlap::AmongGiven(b"x", b"xz")));
        assert_eq!(
            find_overlap(&existing, &[b"BA\xff", b"BAQ", b"F", b"G"]),
            Some(Overlap::WithExisting(b"F", b"FOO".to_vec()))
        );
        assert_eq!(find_overlap(&existing, &[b"x", b"y"]), None);
        assert_eq!(find_overlap(&BTreeSet::new(), &[]), None);
    }
}
