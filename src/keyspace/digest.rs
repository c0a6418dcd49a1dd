//! A fingerprint of the data, equal to Redis's own for equal data: DEBUG DIGEST and DIGEST-VALUE.
//!
//! ```text
//! add(d, x)   d = d xor SHA-1(x)                for what has no order: members, fields, keys
//! mix(d, x)   d = SHA-1(d xor SHA-1(x))         for what has one: key before value, elements of a list
//!
//! all    mix(database's number), add each key's digest
//! key    mix(key), mix(type), then   string: mix(text)   list: mix each   set: add each
//!                                    hash, sorted set: add the digest of mix(field), mix(value or score),
//!                                    and add("!!hexpire!!") to that if the field has a deadline
//!        add("!!expire!!") if it has a deadline
//! ```

use super::entry::{EntryRef, Value};
use super::space::Keyspace;
use crate::base::number::{IntegerText, write_f64_shortest};
use crate::base::sha::{hex, sha1};
use crate::structures::stream_log::StreamId;
use crate::value::list::End;

/// Twenty bytes that stand for some data.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Digest([u8; 20]);

impl Digest {
    fn add(&mut self, bytes: &[u8]) {
        self.0.iter_mut().zip(sha1(bytes)).for_each(|(mine, theirs)| *mine ^= theirs);
    }

    fn mix(&mut self, bytes: &[u8]) {
        self.add(bytes);
        self.0 = sha1(&self.0);
    }

    fn add_pair(&mut self, first: &[u8], second: &[u8]) {
        let mut pair = Digest::default();
        pair.mix(first);
        pair.mix(second);
        self.add(&pair.0);
    }

    /// Of all databases.
    pub fn of_all(keyspace: &Keyspace) -> Digest {
        let mut all = Digest::default();
        for db in keyspace.iter().filter(|db| !db.is_empty()) {
            all.mix(&(db.index() as u32).to_be_bytes());
            for entry in db.iter_all() {
                let mut key = Digest::default();
                key.mix(entry.key());
                key.take_in(entry);
                all.add(&key.0);
            }
        }
        all
    }

    /// Of one value, its key's name left out.
    pub fn of_value(entry: EntryRef<'_>) -> Digest {
        let mut digest = Digest::default();
        digest.take_in(entry);
        digest
    }

    fn take_in(&mut self, entry: EntryRef<'_>) {
        self.mix(&(entry.kind() as u32).to_be_bytes());
        let (mut text, mut other) = (IntegerText::new(), IntegerText::new());
        match entry.value() {
            Value::String(string) => string.with_bytes(|bytes| self.mix(bytes)),
            Value::List(list) => list.iter(End::Front).for_each(|item| self.mix(item.to_bytes(&mut text))),
            Value::Set(set) => set.iter().for_each(|item| self.add(item.to_bytes(&mut text))),
            Value::Hash(hash) => {
                for (field, value, deadline) in hash.iter_timed() {
                    let mut pair = Digest::default();
                    pair.mix(field.to_bytes(&mut text));
                    pair.mix(value.to_bytes(&mut other));
                    if deadline.is_some() {
                        pair.add(b"!!hexpire!!");
                    }
                    self.add(&pair.0);
                }
            }
            Value::Stream(stream) => {
                stream.log().visit(StreamId::MIN, StreamId::MAX, &mut |entry| {
                    self.mix(format!("{}.{}", entry.id.ms, entry.id.seq).as_bytes());
                    for (field, value) in entry.pairs() {
                        self.mix(field.to_bytes(&mut text));
                        self.mix(value.to_bytes(&mut other));
                    }
                    true
                });
            }
            Value::Zset(zset) => {
                let mut digits = Vec::new();
                for (member, score) in zset.iter_from(0) {
                    digits.clear();
                    write_f64_shortest(&mut digits, score);
                    self.add_pair(member.to_bytes(&mut text), &digits);
                }
            }
        }
        if entry.has_deadline() {
            self.add(b"!!expire!!");
        }
    }

    /// 40 hexadecimal digits.
    pub fn to_hex(self) -> String {
        hex(&self.0)
    }
}
