//! Migrations under way: which keys go to which server, who waits for it, and what the other side has said so far. And the
//! links that are kept for the next one.
//!
//! ```text
//!   connecting ──connected──▶ talking ──all replies──▶ over
//!       ├───────────────────────┤ link refused or lost before a RESTORE was answered: once more from the start
//!       └───────────────────────┴ again, or later, or silent for too long ──▶ over, with an error
//!
//!   sent       [AUTH] [SELECT] RESTORE RESTORE …
//!   answered   [AUTH] [SELECT] RESTORE RESTORE …      a line each
//! ```
//!
//! Invariant: while a migration is under way its keys are held: no client's command sees or changes them.
//! Knows bytes and times only; `exec::migrate` deals with keys and sessions.

use std::collections::{HashMap, HashSet};

use super::links::LinkKey;
use crate::base::clock::Ms;
use crate::keyspace::SessionKey;

/// A link that nothing was asked of for so long is closed.
pub const IDLE_LINK_MS_MAX: Ms = 10_000;
/// Links kept, at most; Redis keeps as many.
pub const IDLE_LINKS_MAX: usize = 64;
/// Longest line of a reply that is listened to: the other side is no server of this kind.
const LINE_BYTES_MAX: usize = 64 * 1024;

/// A server, as the command names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    pub host: Vec<u8>,
    pub port: Vec<u8>,
}

/// What is to be done.
#[derive(Clone, Debug)]
pub struct Order {
    pub target: Target,
    /// The database here.
    pub db: usize,
    /// The database there.
    pub target_db: i64,
    pub timeout_ms: Ms,
    pub keys: Vec<Vec<u8>>,
    /// Keys stay here.
    pub copies: bool,
    /// Keys take the place of what is there.
    pub replaces: bool,
    /// The words of AUTH, without its name.
    pub credentials: Vec<Vec<u8>>,
}

/// How a migration ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    Done,
    /// The other side's first error, without its dash.
    Refused(Vec<u8>),
    /// A value is more than the version of payloads can say.
    Unsayable,
    CannotConnect,
    CannotWrite,
    CannotRead,
}

/// What was sent is answered line by line.
#[derive(Debug, Default)]
pub struct Talk {
    /// Replies that come before those to RESTORE.
    greetings: usize,
    /// Keys sent, in order.
    pub keys: Vec<Vec<u8>>,
    /// Lines heard so far.
    lines: usize,
    /// The beginning of the next line.
    partial: Vec<u8>,
    /// The error of a greeting counts for every key.
    greeting_error: Option<Vec<u8>>,
    /// The first error.
    error: Option<Vec<u8>>,
    /// Keys that the other side has now.
    pub acknowledged: Vec<Vec<u8>>,
}

impl Talk {
    /// `greetings`: replies to AUTH and SELECT that are awaited before one for each key.
    pub fn new(greetings: usize, keys: Vec<Vec<u8>>) -> Talk {
        Talk { greetings, keys, ..Talk::default() }
    }

    pub fn is_over(&self) -> bool {
        self.lines == self.greetings + self.keys.len()
    }

    /// A RESTORE was answered: the other side has acted, and asking again would be another thing.
    pub fn has_acted(&self) -> bool {
        self.lines > self.greetings
    }

    /// The first error that was heard.
    pub fn error(&self) -> Option<&Vec<u8>> {
        self.error.as_ref()
    }

    /// Takes bytes; false if they are no replies.
    pub fn hear(&mut self, bytes: &[u8]) -> bool {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.partial.extend_from_slice(piece);
            if self.partial.len() > LINE_BYTES_MAX || self.is_over() {
                return false;
            }
            if self.partial.ends_with(b"\n") {
                let line = std::mem::take(&mut self.partial);
                self.take_line(line.trim_ascii_end());
            }
        }
        true
    }

    fn take_line(&mut self, line: &[u8]) {
        let error = line.strip_prefix(b"-").map(<[u8]>::to_vec);
        if self.lines < self.greetings {
            self.greeting_error = self.greeting_error.take().or(error);
        } else {
            match self.greeting_error.clone().or(error) {
                Some(error) => self.error = self.error.take().or(Some(error)),
                None => self.acknowledged.push(self.keys[self.lines - self.greetings].clone()),
            }
        }
        self.lines += 1;
    }
}

/// One migration.
#[derive(Debug)]
pub struct Migration {
    pub order: Order,
    pub link: LinkKey,
    /// Who is to be answered; `None`: a command that waits by standing still.
    pub session: Option<SessionKey>,
    /// `None`: connecting.
    pub talk: Option<Talk>,
    /// Bytes that the other side has not taken yet.
    pub unsent_bytes: usize,
    /// The database that the link has selected, if that is known.
    pub selected: Option<i64>,
    /// It may be tried once more with a new link.
    pub may_retry: bool,
    /// When the other side will have been silent for too long.
    pub deadline: Ms,
}

/// A link that waits for the next migration.
#[derive(Debug)]
pub struct IdleLink {
    pub target: Target,
    pub link: LinkKey,
    pub selected: Option<i64>,
    pub until: Ms,
}

/// All of them.
#[derive(Debug, Default)]
pub struct Migrations {
    under_way: Vec<Migration>,
    idle: Vec<IdleLink>,
    /// Keys of those under way, by database.
    held: HashMap<usize, HashSet<Vec<u8>>>,
    /// Keys whose waiters could not be served while others of their keys were held.
    pub unserved: Vec<(usize, Box<[u8]>)>,
}

impl Migrations {
    pub fn is_empty(&self) -> bool {
        self.under_way.is_empty()
    }

    /// Links that are open.
    pub fn links(&self) -> usize {
        self.under_way.len() + self.idle.len()
    }

    /// Is this key on its way, from whatever database?
    pub fn holds(&self, key: &[u8]) -> bool {
        self.held.values().any(|keys| keys.contains(key))
    }

    /// A migration begins: its keys are held.
    pub fn begin(&mut self, migration: Migration) {
        self.held.entry(migration.order.db).or_default().extend(migration.order.keys.iter().cloned());
        self.under_way.push(migration);
    }

    pub fn by_link(&mut self, link: LinkKey) -> Option<&mut Migration> {
        self.under_way.iter_mut().find(|migration| migration.link == link)
    }

    /// Somebody waits for the end of the migration on this link.
    pub fn awaited_by(&mut self, link: LinkKey, session: SessionKey) {
        if let Some(migration) = self.by_link(link) {
            migration.session = Some(session);
        }
    }

    /// The migration for which the server stands still.
    pub fn unawaited(&self) -> Option<&Migration> {
        self.under_way.iter().find(|migration| migration.session.is_none())
    }

    /// A migration is over: its keys are held no more. (No two have a key in common: the second was held back.)
    pub fn end(&mut self, link: LinkKey) -> Option<Migration> {
        let at = self.under_way.iter().position(|migration| migration.link == link)?;
        let migration = self.under_way.swap_remove(at);
        if let Some(held) = self.held.get_mut(&migration.order.db) {
            for key in &migration.order.keys {
                held.remove(key);
            }
            if held.is_empty() {
                self.held.remove(&migration.order.db);
            }
        }
        Some(migration)
    }

    /// Takes a link to this server out of those that wait.
    pub fn take_idle(&mut self, target: &Target) -> Option<IdleLink> {
        let at = self.idle.iter().position(|idle| idle.target == *target)?;
        Some(self.idle.swap_remove(at))
    }

    /// Keeps a link; gives back the one that has to go for it, if one has.
    pub fn keep(&mut self, idle: IdleLink) -> Option<LinkKey> {
        let is_known = |other: &IdleLink| other.target == idle.target;
        let goes = match self.idle.iter().position(is_known) {
            Some(at) => Some(self.idle.swap_remove(at).link),
            None if self.idle.len() == IDLE_LINKS_MAX => Some(self.idle.swap_remove(0).link),
            None => None,
        };
        self.idle.push(idle);
        goes
    }

    /// Takes an idle link out: it is gone, or its time is over.
    pub fn forget_idle(&mut self, link: LinkKey) -> Option<IdleLink> {
        let at = self.idle.iter().position(|idle| idle.link == link)?;
        Some(self.idle.swap_remove(at))
    }

    /// When an idle link is to be closed.
    pub fn idle_until(&self, link: LinkKey) -> Option<Ms> {
        self.idle.iter().find(|idle| idle.link == link).map(|idle| idle.until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(greetings: usize, keys: &[&str], text: &str) -> Talk {
        let whole = |step: usize| {
            let keys = keys.iter().map(|key| key.as_bytes().to_vec()).collect();
            let mut talk = Talk::new(greetings, keys);
            assert!(text.as_bytes().chunks(step).all(|piece| talk.hear(piece)));
            talk
        };
        let talk = whole(text.len().max(1));
        for step in 1..text.len() {
            assert_eq!(format!("{:?}", whole(step)), format!("{talk:?}"), "any split gives the same");
        }
        talk
    }

    #[test]
    fn keys_are_acknowledged_one_by_one() {
        let talk = heard(1, &["a", "b", "c"], "+OK\r\n+OK\r\n-BUSYKEY Target\r\n+OK\r\n");
        assert!(talk.is_over());
        assert_eq!(talk.acknowledged, [b"a".to_vec(), b"c".to_vec()]);
        assert_eq!(talk.error(), Some(&b"BUSYKEY Target".to_vec()));
        let talk = heard(0, &["a", "b"], "+OK\r\n+O");
        assert!(!talk.is_over() && talk.has_acted());
        assert_eq!(talk.acknowledged, [b"a".to_vec()]);
    }

    /// What RESTORE answers after a refused AUTH or SELECT does not count: it may have gone to another database.
    #[test]
    fn a_refused_greeting_counts_for_every_key() {
        let talk = heard(2, &["a"], "-WRONGPASS no\r\n-NOAUTH no\r\n+OK\r\n");
        assert_eq!(talk.error(), Some(&b"WRONGPASS no".to_vec()));
        assert!(talk.acknowledged.is_empty() && talk.is_over());
    }

    #[test]
    fn what_nobody_asked_for_is_no_reply() {
        let mut talk = Talk::new(0, vec![b"a".to_vec()]);
        assert!(!talk.hear(b"+OK\r\n+OK\r\n"));
        let mut talk = Talk::new(1, Vec::new());
        assert!(!talk.hear(&vec![b'x'; LINE_BYTES_MAX + 1]));
    }
}
