//! Strings: GET and SET in all their forms, ranges, counters, LCS.

mod compare;
mod condition;
mod get;
mod increment;
mod increx;
mod lcs;
mod many;
mod msetex;
mod options;
mod range;
mod set;

pub(in crate::commands) use get::delete_due;
pub(in crate::commands) use options::{When, invalid_expire_time};

use crate::exec::{Call, Command};
use crate::keyspace::Str;

pub const COMMANDS: &[&[Command]] = &[
    compare::COMMANDS,
    get::COMMANDS,
    increment::COMMANDS,
    increx::COMMANDS,
    lcs::COMMANDS,
    many::COMMANDS,
    msetex::COMMANDS,
    range::COMMANDS,
    set::COMMANDS,
];

/// Answers a string as it is stored.
#[inline]
fn reply_string(call: &mut Call, string: Str<'_>) {
    match string {
        Str::Int(n) => call.reply.bulk_integer(n),
        Str::Bytes(bytes) => call.reply.bulk(bytes),
        Str::Shared(shared) => call.reply.shared_bulk(shared),
    }
}
