//! A whole dump out: header, facts, libraries, databases, trailer.

use super::format::{VERSION_WITH_LIST_PACKS, opcode};
use super::write_value::{kind_of, write_value};
use super::writer::{Sink, Writer};
use crate::keyspace::eviction::{idle_seconds, lfu_counter};
use crate::keyspace::{Db, EntryRef, Keyspace};
use std::io;

/// Where in the history of the data a dump stands.
#[derive(Clone, Copy, Debug)]
pub struct Place<'f> {
    pub id: &'f str,
    pub offset: i64,
    /// The database that the stream has selected there.
    pub stream_db: usize,
}

/// What the file says of itself.
#[derive(Clone, Debug)]
pub struct Facts<'f> {
    /// `None`: nobody follows.
    pub place: Option<Place<'f>>,
    /// Keys are left out: only functions are wanted.
    pub without_keys: bool,
    /// The version of Redis whose dumps are like this one.
    pub redis_version: &'f str,
    /// Seconds since the epoch.
    pub now_s: i64,
    pub used_memory: u64,
    /// The file is the base of an append-only file.
    pub is_aof_base: bool,
    /// Sources of function libraries.
    pub libraries: Vec<&'f [u8]>,
}

/// Writes a dump of all databases and hands the sink back. What its version cannot hold is left out (see `older::Losses`). `key_written` hears of every key with the number so far.
pub fn write_dump<S: Sink>(
    mut writer: Writer<S>,
    keyspace: &Keyspace,
    facts: &Facts<'_>,
    key_written: &mut dyn FnMut(u64) -> io::Result<()>,
) -> io::Result<S> {
    writer.write_header()?;
    writer.write_aux(b"redis-ver", facts.redis_version.as_bytes())?;
    writer.write_aux(b"redis-bits", b"64")?;
    writer.write_aux(b"ctime", facts.now_s.to_string().as_bytes())?;
    writer.write_aux(b"used-mem", facts.used_memory.to_string().as_bytes())?;
    if let Some(place) = &facts.place {
        writer.write_aux(b"repl-stream-db", place.stream_db.to_string().as_bytes())?;
        writer.write_aux(b"repl-id", place.id.as_bytes())?;
        writer.write_aux(b"repl-offset", place.offset.to_string().as_bytes())?;
    }
    let has_libraries = writer.version() >= VERSION_WITH_LIST_PACKS;
    writer.write_aux(
        if has_libraries { b"aof-base" } else { b"aof-preamble" },
        if facts.is_aof_base { b"1" } else { b"0" },
    )?;
    for library in facts.libraries.iter().filter(|_| has_libraries) {
        writer.write_byte(opcode::FUNCTION)?;
        writer.write_string(library)?;
    }
    let mut keys = 0;
    for db in keyspace.iter().filter(|db| !db.is_empty() && !facts.without_keys) {
        writer.write_byte(opcode::SELECT_DB)?;
        writer.write_length(db.index() as u64)?;
        writer.write_byte(opcode::RESIZE_DB)?;
        writer.write_length(db.len() as u64)?;
        writer.write_length(db.volatile_len() as u64)?;
        for entry in db.iter_all() {
            write_key(&mut writer, db, entry)?;
            keys += 1;
            key_written(keys)?;
        }
    }
    writer.finish()
}

/// Writes one key with all that belongs to it.
#[inline]
fn write_key<S: Sink>(writer: &mut Writer<S>, db: &Db, entry: EntryRef<'_>) -> io::Result<()> {
    if let Some(deadline) = entry.deadline() {
        writer.write_deadline(deadline)?;
    }
    if db.rules.policy.is_lru() {
        writer.write_byte(opcode::IDLE)?;
        writer.write_length(idle_seconds(entry.access(), &db.rules).into())?;
    } else if db.rules.policy.is_lfu() {
        writer.write_byte(opcode::FREQUENCY)?;
        writer.write_byte(lfu_counter(entry.access(), &db.rules) as u8)?;
    }
    let value = entry.value();
    let kind = kind_of(value, writer.version());
    writer.write_byte(kind.byte())?;
    writer.write_string(entry.key())?;
    write_value(writer, value, kind)
}
