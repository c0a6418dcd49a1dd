//! The databases: table of entries, expiry on the wheel, eviction, watchers, events, and the one write door (`door`).
//!
//! A command changes data here and nowhere else; what the change means to others (clients that watch or wait, subscribers
//! of events, the journal) goes out as a list, `effects`, which `exec` hands on. Must not call upwards.

mod arrival;
mod db;
mod door;
mod expiry;
mod fields;
mod garbage;
mod key_sizes;
mod space;
mod string_edit;
mod watch;

pub mod digest;
pub mod effects;
pub mod entry;
pub mod event;
pub mod eviction;

pub use arrival::{Arriving, Newcomer};
pub use db::{Db, Key, Rules};
pub use door::{Changes, Deadline, StringValue};
pub use effects::{Changed, Effects, Notice, SessionKey};
pub use entry::{EntryBox, EntryRef, Str, Value};
pub use event::Event;
pub use eviction::{Policy, idle_seconds};
pub use garbage::{Garbage, GarbageQueue};
pub use key_sizes::KeySizes;
pub use space::Keyspace;
pub use string_edit::StringEdit;
