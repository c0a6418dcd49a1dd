//! Keys on their way in from a dump: made outside the table, then entered without anybody being told.
//!
//! A loader makes some ahead, so that the table's buckets are on their way from memory while it reads on.

use super::db::{Db, Key};
use super::door::StringValue;
use super::entry::{EntryBox, EntryRef};
use crate::base::clock::Ms;
use crate::value::Object;
use crate::value::hash::Hash;
use crate::value::list::List;
use crate::value::set::Set;
use crate::value::stream::Stream;
use crate::value::zset::Zset;

/// A value that was read.
pub enum Arriving<'v> {
    String(StringValue<'v>),
    List(List),
    Set(Set),
    Zset(Zset),
    Hash(Hash),
    Stream(Stream),
}

impl Arriving<'_> {
    /// A collection without elements. A string never is: it may be of no bytes.
    pub fn is_empty(&self) -> bool {
        match self {
            Arriving::String(_) => false,
            Arriving::List(list) => list.is_empty(),
            Arriving::Set(set) => set.is_empty(),
            Arriving::Zset(zset) => zset.is_empty(),
            Arriving::Hash(hash) => hash.is_empty(),
            Arriving::Stream(stream) => stream.is_empty(),
        }
    }

    /// An entry of its own; with a deadline it has room for one.
    pub fn into_entry(self, key: &[u8], with_deadline: bool, access: u32) -> EntryBox {
        match self {
            Arriving::String(value) => Db::string_entry(key, value, with_deadline, access),
            Arriving::List(list) => EntryBox::object(key, list, with_deadline, access),
            Arriving::Set(set) => EntryBox::object(key, set, with_deadline, access),
            Arriving::Zset(zset) => EntryBox::object(key, zset, with_deadline, access),
            Arriving::Hash(hash) => EntryBox::object(key, hash, with_deadline, access),
            Arriving::Stream(stream) => EntryBox::object(key, stream, with_deadline, access),
        }
    }
}

/// A key with all that belongs to it, ready to be entered.
pub struct Newcomer {
    entry: EntryBox,
    hash: u64,
    deadline: Option<Ms>,
}

impl Newcomer {
    pub fn new(key: Key<'_>, value: Arriving<'_>, deadline: Option<Ms>, access: u32) -> Newcomer {
        Newcomer { entry: value.into_entry(key.bytes, deadline.is_some(), access), hash: key.hash, deadline }
    }

    pub fn key(&self) -> &[u8] {
        self.entry.as_ref().key()
    }
}

impl Db {
    /// Enters a key that came from a dump: no event, no change counted. It comes back if the key is there already.
    pub fn admit(&mut self, newcomer: Newcomer) -> Result<(), Newcomer> {
        if self.table.find(newcomer.hash, newcomer.key()).is_some() {
            return Err(newcomer);
        }
        let Newcomer { entry, hash, deadline } = newcomer;
        self.key_sizes.add(entry.as_ref().kind(), entry.as_ref().len());
        let at = entry.into_raw();
        self.table.insert(hash, at);
        if let Some(ms) = deadline {
            self.arm(at, ms);
        }
        if unsafe { EntryRef::from_raw(at) }.has_field_link() {
            self.arm_fields(at);
        }
        Ok(())
    }

    /// Enters a key in place of whatever is there.
    pub fn admit_over(&mut self, newcomer: Newcomer) {
        let key = Key { bytes: newcomer.key(), hash: newcomer.hash };
        if let Some(at) = self.table.find(key.hash, key.bytes) {
            let old = self.take_at(key.hash, at);
            self.discard(old);
        }
        let entered = self.admit(newcomer);
        debug_assert!(entered.is_ok(), "its place was just cleared");
    }
}
