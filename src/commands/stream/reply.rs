//! Entries and ids as replies.

use crate::base::number::IntegerText;
use crate::protocol::reply::Reply;
use crate::structures::stream_log::{Entry, IdText, StreamId, StreamLog};

/// An id.
#[inline]
pub fn write_id(reply: &mut Reply, id: StreamId) {
    reply.bulk(IdText::new().of(id));
}

/// An entry: its id, then fields and values.
#[inline]
pub fn write_entry(reply: &mut Reply, entry: Entry) {
    reply.array(2);
    write_id(reply, entry.id);
    write_entry_parts(reply, entry);
}

/// Fields and values.
#[inline]
pub fn write_entry_parts(reply: &mut Reply, entry: Entry) {
    let mut text = IntegerText::new();
    reply.array(2 * entry.fields);
    let mut strings = reply.strings();
    for (field, value) in entry.pairs() {
        strings.push(field.to_bytes(&mut text));
        strings.push(value.to_bytes(&mut text));
    }
}

/// How much one stream may add to a reply.
#[derive(Clone, Copy)]
pub struct Room {
    /// So many entries; `None`: as many as there are.
    pub entries: Option<usize>,
    /// Once the reply has so many bytes (by `Output::len`), no entry follows.
    pub reply_end: usize,
}

impl Room {
    /// Room for so many entries.
    pub fn of(entries: Option<usize>) -> Room {
        Room { entries, reply_end: usize::MAX }
    }

    /// Whether another entry follows the `shown` ones.
    #[inline]
    pub fn has_more(&self, shown: usize, reply: &mut Reply) -> bool {
        self.entries != Some(shown) && (self.reply_end == usize::MAX || reply.output().len() < self.reply_end)
    }
}

/// Entries from `start` to `end` as far as there is room; how many.
pub fn write_range(reply: &mut Reply, log: &StreamLog, start: StreamId, end: StreamId, room: Room) -> usize {
    let start_of_reply = reply.deferred();
    let mut shown = 0;
    log.visit(start, end, &mut |entry| {
        write_entry(reply, entry);
        shown += 1;
        room.has_more(shown, reply)
    });
    reply.finish_array(start_of_reply, shown);
    shown
}
