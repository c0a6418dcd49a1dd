//! PFMERGE: several united into one.

use super::{PFADD, layout, raise_in};
use crate::exec::{Call, Command, Outcome, Stop};
use crate::keyspace::{Db, StringValue};
use crate::spec::flag::{DENYOOM, WRITE};
use crate::spec::{Group, at, command};
use crate::structures::hyper_log_log::{EMPTY, Encoding, Place, REGISTERS, Raw, dense_of, forget_cardinality, unite};

pub const COMMANDS: &[Command] = &[command("PFMERGE", "destkey [sourcekey]+", -2)
    .since("2.8.9")
    .group(Group::HyperLogLog)
    .flags(WRITE | DENYOOM)
    .keys(at(1).read_write().access().insert())
    .keys(at(2).to(-1).read_only().access())
    .cost("O(n) over the keys, with a large constant")
    .says("Unites HyperLogLogs with that at the first key, which is made if need be.")
    .data(pfmerge)];

fn pfmerge(call: &mut Call, db: &mut Db) -> Outcome {
    let (mut raw, mut is_dense) = ([0; REGISTERS], false);
    let is_wide_allowed = db.rules.unites_wide;
    // The target is one of those that are united.
    for index in 1..call.argc() {
        if let Some(string) = db.read_string(call.key(index))? {
            let (bytes, encoding) = layout(string)?;
            is_dense |= encoding == Encoding::Dense;
            unite(&mut raw, bytes, is_wide_allowed)?;
        }
    }
    let sparse_bytes_max = call.settings.hll_sparse_bytes_max;
    db.edit_or_create_string(
        call.key(1),
        || StringValue::Raw(EMPTY),
        |string| {
            string.make_raw();
            if is_dense {
                string.replace(dense_of(string.bytes(), &raw));
            } else {
                for place in places(&raw) {
                    raise_in(string, place, sparse_bytes_max)?;
                }
            }
            forget_cardinality(string.bytes_mut());
            string.record(PFADD, 1);
            Ok::<_, Stop>(())
        },
    )?;
    call.reply.ok();
    Ok(())
}

/// The registers that are not 0.
fn places(raw: &Raw) -> impl Iterator<Item = Place> + '_ {
    raw.iter().enumerate().filter(|(_, value)| **value > 0).map(|(index, &value)| Place { index, value })
}
