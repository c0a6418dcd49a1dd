//! Dumps for servers of before: how values are written in versions that lack today's kinds, and what those cannot say.
//!
//! | version | for | writes instead | cannot say |
//! |---|---|---|---|
//! | 12 | Redis 8.0 | | |
//! | 11 | Redis 7.2, Valkey | fields of hashes without their deadlines | these, and what producers sent to streams |
//! | 10 | Redis 7.0 | sets member by member, streams of type 19 | the same, and when a consumer last succeeded |
//! | 9 | Redis 5 to 6.2 | ziplists, streams of type 15 | the same, libraries, and what a stream knows of its past |
//! | 80 | Valkey 9 | hashes of Valkey's own kind | what producers sent to streams |
//!
//! A file leaves out what cannot be said, and `Losses` says so for the log: a snapshot that is not taken would be worse. A
//! payload of DUMP or MIGRATE is refused, for who asks can choose. The base of an append-only file leaves nothing out: it is
//! written in another version, for it is this server itself that will begin with it.

use super::format::{VALKEY_VERSION, VERSION, VERSION_WITH_FIELD_DEADLINES, VERSION_WITH_LIST_PACKS};
use super::legacy::ziplist::Builder;
use super::writer::{Sink, Writer};
use crate::base::number::IntegerText;
use crate::keyspace::{Keyspace, Value};
use crate::structures::list_pack::{Item, ListPack, PackRef};
use crate::structures::pack_deque::NodeRef;
use crate::value::list::List;
use std::fmt;
use std::io;

/// What a dump leaves out, because its version has no words for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Losses {
    version: u32,
    /// Hashes some of whose fields have deadlines, and those fields.
    hashes: u64,
    fields: u64,
    /// Streams that know what their producers sent.
    streams: u64,
    libraries: u64,
}

impl Losses {
    /// What a dump of all this will leave out. Looks at every key, but only where the version asks for it.
    pub fn of(keyspace: &Keyspace, libraries: usize, version: u32) -> Losses {
        let mut losses = Losses { version, ..Losses::default() };
        if version == VERSION_WITH_FIELD_DEADLINES {
            return losses;
        }
        if version < VERSION_WITH_LIST_PACKS {
            losses.libraries = libraries as u64;
        }
        for entry in keyspace.iter().flat_map(|db| db.iter_all()) {
            match entry.value() {
                Value::Hash(hash) if !says_field_deadlines(version) && hash.timed_len() > 0 => {
                    losses.hashes += 1;
                    losses.fields += hash.timed_len() as u64;
                }
                Value::Stream(stream) if stream.once().is_some() => losses.streams += 1,
                _ => {}
            }
        }
        losses
    }

    pub fn is_none(&self) -> bool {
        self.hashes == 0 && self.streams == 0 && self.libraries == 0
    }
}

impl fmt::Display for Losses {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "RDB version {} cannot hold everything; the dump leaves out", self.version)?;
        let mut link = " ";
        let mut part = |count: u64, what: &str| {
            let shown = if count > 0 { write!(out, "{link}{count} {what}") } else { Ok(()) };
            if count > 0 {
                link = ", ";
            }
            shown
        };
        part(self.fields, "deadlines of hash fields")?;
        part(self.libraries, "function libraries")?;
        part(self.streams, "streams' ids of producers")
    }
}

/// The version in which all of this can be said: the one that is asked for, or else the newest.
pub fn version_for_all(keyspace: &Keyspace, libraries: usize, asked: u32) -> u32 {
    let has_streams = || keyspace.iter().flat_map(|db| db.iter_all()).any(|e| matches!(e.value(), Value::Stream(_)));
    let forgets = !Losses::of(keyspace, libraries, asked).is_none() || asked < VERSION_WITH_LIST_PACKS && has_streams();
    if forgets { VERSION } else { asked }
}

fn says_field_deadlines(version: u32) -> bool {
    version == VERSION_WITH_FIELD_DEADLINES || version == VALKEY_VERSION
}

/// Whether a version can say all that a value is.
pub fn can_say(value: Value<'_>, version: u32) -> bool {
    match value {
        Value::Hash(hash) => says_field_deadlines(version) || hash.timed_len() == 0,
        Value::Stream(stream) => version == VERSION_WITH_FIELD_DEADLINES || stream.once().is_none(),
        _ => true,
    }
}

/// A packed set, member by member.
pub(super) fn write_members<S: Sink>(writer: &mut Writer<S>, pack: &ListPack) -> io::Result<()> {
    let mut text = IntegerText::new();
    writer.write_length(pack.len() as u64)?;
    pack.iter().try_for_each(|member| writer.write_string(member.to_bytes(&mut text)))
}

/// The items of a list pack as a ziplist.
pub(super) fn write_items<S: Sink>(writer: &mut Writer<S>, pack: Option<PackRef<'_>>) -> io::Result<()> {
    let mut ziplist = Builder::default();
    pack.expect("told by its kind").iter().for_each(|item| ziplist.push(item));
    writer.write_string(&ziplist.finish())
}

/// A list as a list of ziplists.
pub(super) fn write_list<S: Sink>(writer: &mut Writer<S>, list: &List) -> io::Result<()> {
    writer.write_length(list.nodes().count() as u64)?;
    for node in list.nodes() {
        let mut ziplist = Builder::default();
        match node {
            NodeRef::Plain(element) => ziplist.push(Item::Bytes(element)),
            NodeRef::Pack(pack) => pack.iter().for_each(|item| ziplist.push(item)),
        }
        writer.write_string(&ziplist.finish())?;
    }
    Ok(())
}
