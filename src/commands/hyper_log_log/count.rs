//! PFCOUNT: the estimate for one key, which is kept in its header, or for several united.

use super::{layout, take_hold};
use crate::exec::{Call, Command, Outcome, Stop};
use crate::keyspace::Db;
use crate::spec::flag::{MAY_REPLICATE, READONLY};
use crate::spec::{Group, at, command};
use crate::structures::hyper_log_log::{
    REGISTERS, cache_cardinality, cached_cardinality, cardinality, cardinality_of_raw, unite,
};

pub const COMMANDS: &[Command] = &[command("PFCOUNT", "key+", -2)
    .since("2.8.9")
    .group(Group::HyperLogLog)
    .flags(READONLY | MAY_REPLICATE)
    .keys(
        at(1)
            .to(-1)
            .read_write()
            .access()
            .notes("RW because it may change the internal representation of the key, and propagate to replicas"),
    )
    .cost("O(1) for one key, O(n) over the keys for several, with a large constant")
    .says("Estimates how many different elements were added at a key, or at several together.")
    .data(pfcount)];

fn pfcount(call: &mut Call, db: &mut Db) -> Outcome {
    let count = if call.argc() > 2 { count_united(call, db)? } else { count_one(call, db)? };
    // Beyond 2^63 it is no number that a reply can have; Redis answers what these bits are with a sign.
    call.reply.integer(count as i64);
    Ok(())
}

/// The estimate in the header; made anew if it is out of date, which others have to know: the string changes.
fn count_one(call: &Call, db: &mut Db) -> Result<u64, Stop> {
    let count = db.edit_read_string(call.key(1), |string| {
        take_hold(string)?;
        if let Some(count) = cached_cardinality(string.bytes()) {
            return Ok(count);
        }
        let count = cardinality(string.bytes())?;
        cache_cardinality(string.bytes_mut(), count);
        string.count(1);
        Ok::<_, Stop>(count)
    })?;
    Ok(count.unwrap_or(0))
}

fn count_united(call: &Call, db: &mut Db) -> Result<u64, Stop> {
    let mut raw = [0; REGISTERS];
    let is_wide_allowed = db.rules.unites_wide;
    for index in 1..call.argc() {
        if let Some(string) = db.read_string(call.key(index))? {
            let (bytes, _) = layout(string)?;
            unite(&mut raw, bytes, is_wide_allowed)?;
        }
    }
    Ok(cardinality_of_raw(&raw))
}
