//! PFADD: elements are seen.

use super::{PFADD, raise_in, take_hold};
use crate::exec::{Call, Command, Outcome, Stop};
use crate::keyspace::{Db, StringValue};
use crate::spec::flag::{DENYOOM, FAST, WRITE};
use crate::spec::{Group, at, command};
use crate::structures::hyper_log_log::{EMPTY, forget_cardinality, place_of};

pub const COMMANDS: &[Command] = &[command("PFADD", "key [element]+", -2)
    .since("2.8.9")
    .group(Group::HyperLogLog)
    .flags(WRITE | DENYOOM | FAST)
    .keys(at(1).read_write().insert())
    .cost("O(1) an element")
    .says("Adds elements to the HyperLogLog at a key, which is made if need be; tells whether its estimate may have changed.")
    .data(pfadd)];

fn pfadd(call: &mut Call, db: &mut Db) -> Outcome {
    let sparse_bytes_max = call.settings.hll_sparse_bytes_max;
    let changes = db.edit_or_create_string(
        call.key(1),
        || StringValue::Raw(EMPTY),
        |string| {
            take_hold(string)?;
            let mut changes = u64::from(string.is_new());
            for element in call.args.from(2).iter() {
                changes += u64::from(raise_in(string, place_of(element), sparse_bytes_max)?);
            }
            if changes > 0 {
                forget_cardinality(string.bytes_mut());
                string.record(PFADD, changes);
            }
            Ok::<_, Stop>(changes)
        },
    )?;
    call.reply.integer((changes > 0).into());
    Ok(())
}
