//! Sorted sets.

pub(super) mod add;
mod bounds;
mod combine;
mod pop;
mod random;
mod range;
mod read;
mod remove;
mod scan;

use crate::commands::items::write_item;
use crate::exec::Command;
use crate::protocol::reply::Reply;
use crate::structures::list_pack::Item;

pub const COMMANDS: &[&[Command]] = &[
    add::COMMANDS,
    combine::COMMANDS,
    pop::COMMANDS,
    random::COMMANDS,
    range::COMMANDS,
    read::COMMANDS,
    remove::COMMANDS,
    scan::COMMANDS,
];

/// The start of an array of members, each with its score or without: pairs in RESP3, one flat list in RESP2.
fn reply_members_start(reply: &mut Reply, count: usize, with_scores: bool) {
    reply.array(if with_scores && !reply.is_resp3() { count * 2 } else { count });
}

/// One member of such an array.
#[inline]
fn reply_scored(reply: &mut Reply, member: Item<'_>, score: f64, with_scores: bool) {
    if !with_scores {
        return write_item(reply, member);
    }
    if reply.is_resp3() {
        reply.array(2);
    }
    write_item(reply, member);
    reply.double(score);
}
