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

/// Entries from `start` to `end`, no more than `count` if there is a count.
pub fn write_range(reply: &mut Reply, log: &StreamLog, start: StreamId, end: StreamId, count: Option<usize>) {
    let start_of_reply = reply.deferred();
    let mut shown = 0;
    log.visit(start, end, &mut |entry| {
        write_entry(reply, entry);
        shown += 1;
        count != Some(shown)
    });
    reply.finish_array(start_of_reply, shown);
}
