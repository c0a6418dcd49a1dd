//! What a change means to others: the list that the write door fills and `exec` hands on after each command.

use super::event::Event;
use super::garbage::Garbage;
use crate::protocol::args::OwnedRequest;

/// A client session, as the keyspace knows it: who watches or waits, nothing more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SessionKey(pub u64);

/// A keyspace event that somebody wants to hear of.
#[derive(Clone, Debug)]
pub struct Notice {
    /// The database of the key: a command on two databases lists the events of both in their order.
    pub db: usize,
    pub event: Event,
    pub key: Box<[u8]>,
    /// Fields that it is about, while somebody may hear of them.
    pub fields: Option<Box<OwnedRequest>>,
}

/// What went by itself: its removal is journalled before the command that met it.
#[derive(Clone, Debug)]
pub struct Removal {
    pub key: Box<[u8]>,
    pub what: Gone,
}

/// What of a key went, and why.
#[derive(Clone, Debug)]
pub enum Gone {
    /// The key was due.
    Expired,
    Evicted,
    /// These fields of a hash were due.
    Fields(OwnedRequest),
}

/// A change for those who track keys.
#[derive(Clone, Debug)]
pub enum Changed {
    Key {
        key: Box<[u8]>,
        /// Notices that came before it.
        notices_before: usize,
        /// Nobody changed it: it was due, or evicted.
        by_itself: bool,
    },
    /// The whole database was emptied.
    All,
}

/// Effects of one command on one database.
#[derive(Default)]
pub struct Effects {
    /// Number of changes, as `rdb_changes_since_last_save` counts them.
    pub dirty: u64,
    pub notices: Vec<Notice>,
    /// Sessions whose watched keys changed.
    pub touched: Vec<SessionKey>,
    /// Keys that somebody waits for and that may now serve him.
    pub ready: Vec<Box<[u8]>>,
    pub removals: Vec<Removal>,
    /// What is to be freed in slices.
    pub garbage: Vec<Garbage>,
    /// Keys changed, for clients that track them; filled only while somebody does.
    pub changed: Vec<Changed>,
}

impl Effects {
    /// True when nothing but the count is to be handed on.
    #[inline]
    pub fn is_quiet(&self) -> bool {
        self.notices.is_empty()
            && self.touched.is_empty()
            && self.ready.is_empty()
            && self.removals.is_empty()
            && self.garbage.is_empty()
            && self.changed.is_empty()
    }
}
