//! The sessions that track keys, how each wants it, and the keys.
//!
//! ```text
//! off ──on──▶ by reads ◀──on──▶ by reads, OPTIN or OPTOUT          only `off` leads from one half to the other
//!   └──on──▶ by prefixes ──on──▶ by more prefixes
//! ```

use std::collections::{BTreeSet, HashMap};

use super::prefixes::{self, Overlap, Prefixes};
use super::remembered::Remembered;
use crate::keyspace::SessionKey;
use crate::spec::FoundKey;

/// What CLIENT TRACKING ON chooses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Modes {
    /// By prefixes; else by reads.
    pub is_broadcast: bool,
    /// Only reads behind CLIENT CACHING YES count.
    pub is_opt_in: bool,
    /// Reads behind CLIENT CACHING NO do not count.
    pub is_opt_out: bool,
    /// Its own changes are not told.
    pub is_no_loop: bool,
}

/// Who is told instead of the session that tracks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Redirection {
    /// Its number, by which it stays named when it is gone.
    pub id: u64,
    pub session: SessionKey,
}

/// One session that tracks keys.
#[derive(Default)]
pub struct Tracker {
    pub modes: Modes,
    pub redirection: Option<Redirection>,
    prefixes: BTreeSet<Box<[u8]>>,
    prefix_bytes: usize,
}

impl Tracker {
    /// The prefixes that it listens to, in byte order.
    pub fn prefixes(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        self.prefixes.iter().map(|prefix| &**prefix)
    }
}

/// Bytes that a prefix takes beside its name, both in the tracker and in the table of prefixes: two nodes' shares and an account
/// of listeners.
const PREFIX_OVERHEAD_BYTES: usize = 6 * size_of::<usize>();

/// All that is tracked.
#[derive(Default)]
pub struct Tracking {
    trackers: HashMap<SessionKey, Tracker, foldhash::fast::RandomState>,
    pub remembered: Remembered,
    pub prefixes: Prefixes,
    /// The keys of the read at hand: kept so that a read takes no memory of its own.
    pub found: Vec<FoundKey>,
    /// Rounds in a row after which more keys were remembered than may be.
    pub rounds_above_limit: u32,
}

impl Tracking {
    /// A session tracks from now on, or in another way, or also `prefixes` (which may be none only where it tracks by reads).
    pub fn begin(&mut self, session: SessionKey, modes: Modes, redirection: Option<Redirection>, prefixes: &[&[u8]]) {
        let tracker = self.trackers.entry(session).or_default();
        tracker.modes = modes;
        tracker.redirection = redirection;
        for &prefix in prefixes {
            if tracker.prefixes.insert(prefix.into()) {
                tracker.prefix_bytes += prefix.len() + PREFIX_OVERHEAD_BYTES;
                self.prefixes.listen(prefix, session);
            }
        }
    }

    /// A session tracks no more. What it read stays remembered: it may begin again.
    pub fn end(&mut self, session: SessionKey) {
        let Some(tracker) = self.trackers.remove(&session) else { return };
        for prefix in &tracker.prefixes {
            self.prefixes.leave(prefix, session);
        }
    }

    /// A session is gone for good. When nobody is left who could be told, nothing needs to be known.
    pub fn forget(&mut self, session: SessionKey) {
        self.end(session);
        if self.trackers.is_empty() {
            self.remembered.clear();
        }
    }

    /// True while changes of keys matter to anybody.
    pub fn is_active(&self) -> bool {
        !self.trackers.is_empty() || !self.remembered.is_empty()
    }

    pub fn tracker(&self, session: SessionKey) -> Option<&Tracker> {
        self.trackers.get(&session)
    }

    /// The number of whoever is told for a session: 0 for itself, -1 where nothing is tracked.
    pub fn redirection_id(&self, session: SessionKey) -> i64 {
        match self.trackers.get(&session) {
            None => -1,
            Some(tracker) => tracker.redirection.map_or(0, |redirection| redirection.id as i64),
        }
    }

    /// Every session that tracks.
    pub fn sessions(&self) -> Vec<SessionKey> {
        let mut sessions: Vec<SessionKey> = self.trackers.keys().copied().collect();
        sessions.sort_unstable();
        sessions
    }

    /// Number of sessions that track.
    pub fn len(&self) -> usize {
        self.trackers.len()
    }

    pub fn is_empty(&self) -> bool {
        self.trackers.is_empty()
    }

    /// Two prefixes of which one begins with the other, among those that the session has and those that it asks for.
    pub fn find_overlap<'p>(&self, session: SessionKey, given: &[&'p [u8]]) -> Option<Overlap<'p>> {
        let none = BTreeSet::new();
        let existing = self.trackers.get(&session).map_or(&none, |tracker| &tracker.prefixes);
        prefixes::find_overlap(existing, given)
    }

    /// Bytes that a session's prefixes take.
    pub fn bytes_of(&self, session: SessionKey) -> usize {
        self.trackers.get(&session).map_or(0, |tracker| tracker.prefix_bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALICE: SessionKey = SessionKey(1);
    const BOB: SessionKey = SessionKey(2);

    #[test]
    fn prefixes_add_up_and_go_with_their_session() {
        let mut tracking = Tracking::default();
        let broadcast = Modes { is_broadcast: true, ..Modes::default() };
        tracking.begin(ALICE, broadcast, None, &[b"a", b"b"]);
        tracking.begin(ALICE, broadcast, None, &[b"c"]);
        tracking.begin(BOB, broadcast, None, &[b"c"]);
        assert_eq!((tracking.len(), tracking.prefixes.len()), (2, 3));
        assert_eq!(tracking.bytes_of(ALICE), 3 * (1 + PREFIX_OVERHEAD_BYTES));
        assert_eq!(tracking.find_overlap(ALICE, &[b"cc"]), Some(Overlap::WithExisting(b"cc", b"c".to_vec())));
        assert_eq!(tracking.find_overlap(SessionKey(3), &[b"cc"]), None);
        tracking.end(ALICE);
        assert_eq!((tracking.len(), tracking.prefixes.len()), (1, 1));
        tracking.forget(BOB);
        assert!(!tracking.is_active() && tracking.prefixes.is_empty());
    }

    #[test]
    fn what_was_read_outlives_a_pause_but_not_the_last_session() {
        let mut tracking = Tracking::default();
        tracking.begin(ALICE, Modes::default(), None, &[]);
        tracking.remembered.remember(b"k", ALICE);
        tracking.end(ALICE);
        assert!(tracking.is_active());
        tracking.begin(ALICE, Modes::default(), None, &[]);
        tracking.forget(ALICE);
        assert!(!tracking.is_active());
    }
}
