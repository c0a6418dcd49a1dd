//! All the data as commands: a base for whoever wants to read it without the dump's format.
//!
//! A value becomes the commands that make it, a few elements each, so that no command is large because its value is; deadlines
//! follow as points in time.

use super::super::snapshot::Job;
use crate::base::number::{IntegerText, write_f64_17g};
use crate::keyspace::{EntryRef, Str, Value};
use crate::rdb::write_value::payload_of;
use crate::rdb::writer::{Choices, Sink};
use crate::structures::list_pack::Item;
use crate::structures::stream_log::{IdText, StreamId};
use crate::value::Object;
use crate::value::hash::Hash;
use crate::value::list::{End, List};
use crate::value::set::Set;
use crate::value::stream::{Consumer, Group, Stream};
use crate::value::zset::Zset;
use std::io;

/// Elements that one command brings, as in Redis.
const ELEMENTS_PER_COMMAND: usize = 64;

/// Bytes gathered before the sink sees them.
const BUFFER_BYTES: usize = 128 * 1024;

/// Words out.
struct CommandWriter<S> {
    sink: S,
    buffer: Vec<u8>,
    number: IntegerText,
}

impl<S: Sink> CommandWriter<S> {
    fn head(&mut self, mark: u8, number: usize) {
        self.buffer.push(mark);
        self.buffer.extend_from_slice(self.number.of(number as i64));
        self.buffer.extend_from_slice(b"\r\n");
    }

    /// A command of so many words begins.
    fn begin(&mut self, words: usize) -> io::Result<()> {
        self.flush_at(BUFFER_BYTES)?;
        self.head(b'*', words);
        Ok(())
    }

    fn word(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.head(b'$', bytes.len());
        // What is large goes on without a copy.
        if bytes.len() >= BUFFER_BYTES {
            self.flush_at(0)?;
            self.sink.write(bytes)?;
        } else {
            self.buffer.extend_from_slice(bytes);
        }
        self.buffer.extend_from_slice(b"\r\n");
        Ok(())
    }

    fn integer(&mut self, number: i64) -> io::Result<()> {
        self.word(IntegerText::new().of(number))
    }

    fn item(&mut self, item: Item<'_>) -> io::Result<()> {
        self.word(item.to_bytes(&mut IntegerText::new()))
    }

    fn id(&mut self, id: StreamId) -> io::Result<()> {
        self.word(IdText::new().of(id))
    }

    fn command(&mut self, words: &[&[u8]]) -> io::Result<()> {
        self.begin(words.len())?;
        words.iter().try_for_each(|word| self.word(word))
    }

    fn flush_at(&mut self, bytes: usize) -> io::Result<()> {
        if self.buffer.len() >= bytes.max(1) {
            self.sink.write(&self.buffer)?;
            self.buffer.clear();
        }
        Ok(())
    }
}

/// Writes all databases and hands the sink back. `key_written` hears of every key with the number so far.
pub fn write_commands<S: Sink>(
    sink: S,
    job: &Job<'_>,
    timestamp_s: Option<i64>,
    key_written: &mut dyn FnMut(u64) -> io::Result<()>,
) -> io::Result<S> {
    let mut out = CommandWriter { sink, buffer: Vec::with_capacity(2 * BUFFER_BYTES), number: IntegerText::new() };
    if let Some(seconds) = timestamp_s {
        out.buffer.extend_from_slice(format!("#TS:{seconds}\r\n").as_bytes());
    }
    for library in &job.facts.libraries {
        out.command(&[b"FUNCTION", b"LOAD", library])?;
    }
    let mut keys = 0;
    for db in job.keyspace.iter().filter(|db| !db.is_empty()) {
        out.command(&[b"SELECT", db.index().to_string().as_bytes()])?;
        for entry in db.iter_all() {
            write_entry(&mut out, entry, Choices::for_payload(job.settings))?;
            keys += 1;
            key_written(keys)?;
        }
    }
    out.flush_at(0)?;
    Ok(out.sink)
}

fn write_entry<S: Sink>(out: &mut CommandWriter<S>, entry: EntryRef<'_>, choices: Choices) -> io::Result<()> {
    let key = entry.key();
    match entry.value() {
        Value::String(text) => write_string(out, key, text)?,
        Value::List(list) => write_list(out, key, list)?,
        Value::Set(set) => write_set(out, key, set)?,
        Value::Zset(zset) => write_zset(out, key, zset)?,
        Value::Hash(hash) => write_hash(out, key, hash)?,
        // Which entries a producer has added already no command tells.
        value @ Value::Stream(stream) if stream.once().is_some() => match payload_of(value, choices) {
            Some(payload) => out.command(&[b"RESTORE", key, b"0", &payload])?,
            None => write_stream(out, key, stream)?,
        },
        Value::Stream(stream) => write_stream(out, key, stream)?,
    }
    match entry.deadline() {
        Some(deadline) => out.command(&[b"PEXPIREAT", key, IntegerText::new().of(deadline)]),
        None => Ok(()),
    }
}

fn write_string<S: Sink>(out: &mut CommandWriter<S>, key: &[u8], text: Str<'_>) -> io::Result<()> {
    match text {
        Str::Int(number) => out.command(&[b"SET", key, IntegerText::new().of(number)]),
        Str::Bytes(bytes) => out.command(&[b"SET", key, bytes]),
        Str::Shared(bytes) => out.command(&[b"SET", key, bytes]),
    }
}

/// Begins a command when the elements of the one before are there: of `left` elements it takes as many as it may.
fn begin_piece<S: Sink>(
    out: &mut CommandWriter<S>,
    verb: &[u8],
    key: &[u8],
    index: usize,
    len: usize,
    words_each: usize,
) -> io::Result<()> {
    if index % ELEMENTS_PER_COMMAND != 0 {
        return Ok(());
    }
    out.begin(2 + words_each * (len - index).min(ELEMENTS_PER_COMMAND))?;
    out.word(verb)?;
    out.word(key)
}

fn write_list<S: Sink>(out: &mut CommandWriter<S>, key: &[u8], list: &List) -> io::Result<()> {
    for (index, item) in list.iter(End::Front).enumerate() {
        begin_piece(out, b"RPUSH", key, index, list.len(), 1)?;
        out.item(item)?;
    }
    Ok(())
}

fn write_set<S: Sink>(out: &mut CommandWriter<S>, key: &[u8], set: &Set) -> io::Result<()> {
    for (index, item) in set.iter().enumerate() {
        begin_piece(out, b"SADD", key, index, set.len(), 1)?;
        out.item(item)?;
    }
    Ok(())
}

fn write_zset<S: Sink>(out: &mut CommandWriter<S>, key: &[u8], zset: &Zset) -> io::Result<()> {
    let mut digits = Vec::new();
    for (index, (member, score)) in zset.iter_from(0).enumerate() {
        begin_piece(out, b"ZADD", key, index, zset.len(), 2)?;
        digits.clear();
        write_f64_17g(&mut digits, score);
        out.word(&digits)?;
        out.item(member)?;
    }
    Ok(())
}

fn write_hash<S: Sink>(out: &mut CommandWriter<S>, key: &[u8], hash: &Hash) -> io::Result<()> {
    for (index, (field, value, _)) in hash.iter_timed().enumerate() {
        begin_piece(out, b"HMSET", key, index, hash.len(), 2)?;
        out.item(field)?;
        out.item(value)?;
    }
    if hash.earliest_deadline().is_none() {
        return Ok(());
    }
    for (field, _, deadline) in hash.iter_timed() {
        let Some(deadline) = deadline else { continue };
        let (mut text, mut name) = (IntegerText::new(), IntegerText::new());
        out.command(&[b"HPEXPIREAT", key, text.of(deadline), b"FIELDS", b"1", field.to_bytes(&mut name)])?;
    }
    Ok(())
}

fn write_stream<S: Sink>(out: &mut CommandWriter<S>, key: &[u8], stream: &Stream) -> io::Result<()> {
    let facts = stream.facts();
    if facts.len == 0 {
        // There is no other way to make a stream without entries.
        out.command(&[b"XADD", key, b"MAXLEN", b"0", b"0-1", b"x", b"y"])?;
    }
    let mut written: io::Result<()> = Ok(());
    stream.log().visit(StreamId::MIN, StreamId::MAX, &mut |entry| {
        written = (|| {
            out.begin(3 + 2 * entry.fields)?;
            out.word(b"XADD")?;
            out.word(key)?;
            out.id(entry.id)?;
            for (field, value) in entry.pairs() {
                out.item(field)?;
                out.item(value)?;
            }
            Ok(())
        })();
        written.is_ok()
    });
    written?;
    out.begin(7)?;
    out.word(b"XSETID")?;
    out.word(key)?;
    out.id(facts.last_id)?;
    out.word(b"ENTRIESADDED")?;
    out.integer(facts.entries_added as i64)?;
    out.word(b"MAXDELETEDID")?;
    out.id(facts.max_removed_id)?;
    for (name, group) in stream.groups() {
        write_group(out, key, name, group)?;
    }
    Ok(())
}

fn write_group<S: Sink>(out: &mut CommandWriter<S>, key: &[u8], name: &[u8], group: &Group) -> io::Result<()> {
    out.begin(7)?;
    out.word(b"XGROUP")?;
    out.word(b"CREATE")?;
    out.word(key)?;
    out.word(name)?;
    out.id(group.last_id)?;
    out.word(b"ENTRIESREAD")?;
    out.integer(group.entries_read.unwrap_or(-1))?;
    for consumer in group.consumers() {
        if consumer.pending().is_empty() {
            out.command(&[b"XGROUP", b"CREATECONSUMER", key, name, &consumer.name])?;
        } else {
            write_pending(out, key, name, group, consumer)?;
        }
    }
    Ok(())
}

/// What was delivered to a consumer and is not acknowledged.
fn write_pending<S: Sink>(
    out: &mut CommandWriter<S>,
    key: &[u8],
    name: &[u8],
    group: &Group,
    consumer: &Consumer,
) -> io::Result<()> {
    for (id, ()) in consumer.pending().iter() {
        let Some(delivery) = group.pending().get(id) else { continue };
        out.begin(12)?;
        for word in [b"XCLAIM", key, name, &consumer.name, b"0"] {
            out.word(word)?;
        }
        out.id(id)?;
        out.word(b"TIME")?;
        out.integer(delivery.time)?;
        out.word(b"RETRYCOUNT")?;
        out.integer(delivery.count as i64)?;
        out.word(b"JUSTID")?;
        out.word(b"FORCE")?;
    }
    Ok(())
}
