//! Elements of collections as replies.

use crate::protocol::reply::{Reply, Strings};
use crate::structures::list_pack::Item;

/// Writes an element as a string.
#[inline]
pub(super) fn write_item(reply: &mut Reply, item: Item) {
    match item {
        Item::Bytes(bytes) => reply.bulk(bytes),
        Item::Int(number) => reply.bulk_integer(number),
    }
}

/// Writes an element as one of many strings.
#[inline(always)]
pub(super) fn push_item(strings: &mut Strings, item: Item) {
    match item {
        Item::Bytes(bytes) => strings.push(bytes),
        Item::Int(number) => strings.push_integer(number),
    }
}
