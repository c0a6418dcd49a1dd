//! HyperLogLogs: strings of a layout of their own that estimate how many different elements were added to them.

mod add;
mod count;
mod debug;
mod merge;
mod self_test;

use crate::exec::{Command, Stop};
use crate::keyspace::Event;
use crate::keyspace::event::{class, event};
use crate::keyspace::{Str, StringEdit};
use crate::structures::hyper_log_log::{
    Corrupt, Encoding, Place, Raise, encoding_of, forget_cardinality, raise, to_dense,
};

pub const COMMANDS: &[&[Command]] =
    &[add::COMMANDS, count::COMMANDS, debug::COMMANDS, merge::COMMANDS, self_test::COMMANDS];

/// Of every command that may change registers: united ones count as added, too.
const PFADD: Event = event(class::STRING, "pfadd");

const NOT_ONE: Stop = Stop::error("WRONGTYPE Key is not a valid HyperLogLog string value.");
const CORRUPT: Stop = Stop::error("INVALIDOBJ Corrupted HLL object detected");

impl From<Corrupt> for Stop {
    fn from(_: Corrupt) -> Stop {
        CORRUPT
    }
}

/// The bytes and the layout of a string that is a HyperLogLog.
fn layout(string: Str<'_>) -> Result<(&[u8], Encoding), Stop> {
    let bytes = match string {
        Str::Bytes(bytes) => bytes,
        Str::Shared(bytes) => bytes,
        Str::Int(_) => &[],
    };
    Ok((bytes, encoding_of(bytes).ok_or(NOT_ONE)?))
}

/// Takes hold of a string that is to be changed, once it is known to be a HyperLogLog.
fn take_hold(string: &mut StringEdit) -> Result<Encoding, Stop> {
    let (_, encoding) = layout(string.string())?;
    string.make_raw();
    Ok(encoding)
}

/// Raises a register; false when it was that high already.
#[inline]
fn raise_in(string: &mut StringEdit, place: Place, sparse_bytes_max: usize) -> Result<bool, Corrupt> {
    let mut raised = raise(string.bytes(), place, sparse_bytes_max)?;
    if matches!(raised, Raise::ToDense) {
        string.replace(to_dense(string.bytes())?);
        raised = raise(string.bytes(), place, sparse_bytes_max)?;
    }
    let Raise::Splice(splice) = raised else { return Ok(false) };
    string.splice(splice.at, splice.removed, splice.inserted());
    forget_cardinality(string.bytes_mut());
    Ok(true)
}
