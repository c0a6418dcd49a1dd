//! What consumer groups did, in the forms in which the journal has it: they come to the same however often they are applied.

use crate::exec::Call;
use crate::keyspace::Key;
use crate::structures::stream_log::{IdText, StreamId};
use crate::value::stream::{Delivery, Group};

/// A group of a key, as the request named them.
#[derive(Clone, Copy)]
pub struct Place<'a> {
    pub key: Key<'a>,
    pub group: &'a [u8],
}

/// `XCLAIM key group consumer 0 id TIME ms RETRYCOUNT n FORCE JUSTID LASTID id`: an entry became pending, or changed hands, or
/// (when it is there no more) is to be forgotten.
pub fn claimed(call: &mut Call, place: Place, group: &Group, id: StreamId, delivery: Delivery) {
    if !call.is_journalled() {
        return;
    }
    let (mut id_text, mut last_text) = (IdText::new(), IdText::new());
    let (time, count) = ({ delivery.time }.to_string(), { delivery.count }.to_string());
    let consumer = group.consumer(delivery.consumer);
    call.propagation.rewrite(&[
        b"XCLAIM",
        place.key.bytes,
        place.group,
        &consumer.name,
        b"0",
        id_text.of(id),
        b"TIME",
        time.as_bytes(),
        b"RETRYCOUNT",
        count.as_bytes(),
        b"FORCE",
        b"JUSTID",
        b"LASTID",
        last_text.of(group.last_id),
    ]);
}

/// `XGROUP SETID key group id ENTRIESREAD n`: the group went on.
pub fn went_on(call: &mut Call, place: Place, group: &Group) {
    if !call.is_journalled() {
        return;
    }
    let read = group.entries_read.unwrap_or(-1).to_string();
    let mut text = IdText::new();
    let last_id = text.of(group.last_id);
    let words: [&[u8]; 7] =
        [b"XGROUP", b"SETID", place.key.bytes, place.group, last_id, b"ENTRIESREAD", read.as_bytes()];
    call.propagation.rewrite(&words);
}

/// `XGROUP CREATECONSUMER key group consumer`: it came without anything being given to it.
pub fn consumer_came(call: &mut Call, place: Place, consumer: &[u8]) {
    call.propagation.rewrite(&[b"XGROUP", b"CREATECONSUMER", place.key.bytes, place.group, consumer]);
}

/// Nothing of the request itself goes to the journal; what was written above does.
pub fn not_as_received(call: &mut Call) {
    if call.propagation.is_plain() {
        call.propagation.suppress();
    }
}
