//! Bitmaps: strings whose bits are meant. SETBIT and GETBIT, BITCOUNT and BITPOS, BITOP, BITFIELD.

mod combine;
mod count;
mod field;
mod single;

use crate::base::number::parse_i64;
use crate::base::shared_bytes::LENGTH_MAX;
use crate::config::Settings;
use crate::exec::{Command, Stop};
use crate::keyspace::Event;
use crate::keyspace::event::{class, event};

pub const COMMANDS: &[&[Command]] = &[combine::COMMANDS, count::COMMANDS, field::COMMANDS, single::COMMANDS];

const SETBIT: Event = event(class::STRING, "setbit");

/// Bytes left free behind the highest offset: a field may begin at the last bit and reach eight bytes on.
const FIELD_REACH: u64 = 8;

/// A word as the position of a bit. A string may be as long as one argument, and as long as its length can be told.
#[inline]
fn position(settings: &Settings, word: &[u8], unit: i64) -> Result<usize, Stop> {
    // A position in units is taken modulo 2^64, as Redis takes it.
    let position = parse_i64(word).map(|number| number.wrapping_mul(unit));
    let bytes_max = settings.bulk_bytes_max.min(LENGTH_MAX as u64 - FIELD_REACH);
    match position.map(u64::try_from) {
        Some(Ok(position)) if position / 8 < bytes_max => Ok(position as usize),
        _ => Err(Stop::error("ERR bit offset is not an integer or out of range")),
    }
}
