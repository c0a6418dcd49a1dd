//! The log of what was refused: the newest first, what is alike and near in time counted together.

use super::check::Reason;
use crate::base::clock::Ms;
use std::collections::VecDeque;

/// What happened within this time and is alike is one entry.
const MERGE_MS_MAX: Ms = 60_000;
/// So many of the newest entries are looked at for one that is alike.
const MERGE_ENTRIES_MAX: usize = 10;

/// Where something was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Context {
    TopLevel,
    Transaction,
    Script,
}

impl Context {
    /// As ACL LOG names it.
    pub fn name(self) -> &'static str {
        match self {
            Context::TopLevel => "toplevel",
            Context::Transaction => "multi",
            Context::Script => "lua",
        }
    }
}

/// One refusal.
#[derive(Clone, Debug)]
pub struct Occurrence {
    pub reason: Reason,
    pub context: Context,
    /// The command, key or channel; of a failed authentication the command that tried it.
    pub object: Vec<u8>,
    pub user: Vec<u8>,
    /// The client's line of CLIENT LIST.
    pub client: String,
}

/// One or several that are alike.
#[derive(Clone, Debug)]
pub struct Entry {
    pub id: u64,
    pub count: u64,
    pub created: Ms,
    pub updated: Ms,
    pub occurrence: Occurrence,
}

impl Entry {
    fn is_like(&self, other: &Occurrence, now: Ms) -> bool {
        let own = &self.occurrence;
        (own.reason, own.context) == (other.reason, other.context)
            && (now - self.updated).abs() <= MERGE_MS_MAX
            && own.object == other.object
            && own.user == other.user
    }
}

/// How often what was refused since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub auth: u64,
    pub command: u64,
    pub key: u64,
    pub channel: u64,
}

/// The log.
#[derive(Debug, Default)]
pub struct Log {
    entries: VecDeque<Entry>,
    next_id: u64,
    counts: Counts,
}

impl Log {
    /// Counts a refusal, and keeps it, of at most `len_max` entries. Its text is made only if it is kept.
    pub fn add(&mut self, reason: Reason, len_max: u64, now: Ms, occurrence: impl FnOnce() -> Occurrence) {
        match reason {
            Reason::Auth => self.counts.auth += 1,
            Reason::Command => self.counts.command += 1,
            Reason::Key => self.counts.key += 1,
            Reason::Channel => self.counts.channel += 1,
        }
        match usize::try_from(len_max).unwrap_or(usize::MAX) {
            0 => self.entries.clear(),
            len_max => self.keep(occurrence(), len_max, now),
        }
    }

    fn keep(&mut self, occurrence: Occurrence, len_max: usize, now: Ms) {
        let alike = self.entries.iter().take(MERGE_ENTRIES_MAX).position(|entry| entry.is_like(&occurrence, now));
        let entry = match alike.and_then(|place| self.entries.remove(place)) {
            Some(known) => {
                let client = occurrence.client;
                let occurrence = Occurrence { client, ..known.occurrence };
                Entry { count: known.count + 1, updated: now, occurrence, ..known }
            }
            None => {
                self.next_id += 1;
                Entry { id: self.next_id - 1, count: 1, created: now, updated: now, occurrence }
            }
        };
        let is_new = entry.count == 1;
        self.entries.push_front(entry);
        // A log that was made shorter is cut when something is added to it.
        if is_new {
            self.entries.truncate(len_max);
        }
    }

    /// The entries, the newest first.
    pub fn entries(&self) -> impl ExactSizeIterator<Item = &Entry> {
        self.entries.iter()
    }

    /// Forgets the entries; counts and numbers go on.
    pub fn clear(&mut self) {
        self.entries.clear();
    }

    pub fn counts(&self) -> Counts {
        self.counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn occurrence(reason: Reason, object: &str, client: &str) -> Occurrence {
        let (object, user) = (object.as_bytes().to_vec(), b"bob".to_vec());
        Occurrence { reason, context: Context::TopLevel, object, user, client: client.to_owned() }
    }

    #[test]
    fn what_is_alike_and_near_in_time_is_counted_together() {
        let mut log = Log::default();
        let mut add = |object: &str, now| {
            log.add(Reason::Key, 3, now, || occurrence(Reason::Key, object, &now.to_string()));
            let shown: Vec<(u64, u64, Ms, Ms)> =
                log.entries().map(|entry| (entry.id, entry.count, entry.created, entry.updated)).collect();
            (shown, log.entries().next().expect("there is one").occurrence.client.clone())
        };
        assert_eq!(add("a", 5), (vec![(0, 1, 5, 5)], "5".to_owned()));
        assert_eq!(add("b", 6), (vec![(1, 1, 6, 6), (0, 1, 5, 5)], "6".to_owned()));
        assert_eq!(add("a", 60_005), (vec![(0, 2, 5, 60_005), (1, 1, 6, 6)], "60005".to_owned()));
        assert_eq!(add("b", 60_007).0, [(2, 1, 60_007, 60_007), (0, 2, 5, 60_005), (1, 1, 6, 6)]);
        assert_eq!(add("c", 60_008).0.len(), 3, "the oldest goes");
        assert_eq!(log.counts(), Counts { key: 5, ..Counts::default() });
    }

    #[test]
    fn a_log_of_no_length_counts_all_the_same() {
        let mut log = Log::default();
        log.add(Reason::Auth, 9, 1, || occurrence(Reason::Auth, "AUTH", ""));
        log.add(Reason::Auth, 0, 2, || unreachable!("nobody will read it"));
        assert_eq!((log.entries().len(), log.counts().auth), (0, 2));
        log.add(Reason::Auth, 9, 3, || occurrence(Reason::Auth, "AUTH", ""));
        assert_eq!(log.entries().next().expect("there is one").id, 1, "numbers go on");
    }
}
