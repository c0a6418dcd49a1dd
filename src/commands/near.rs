//! Commands over many keys: the keys are hashed and their places in the table brought near a few at a time, so that the
//! waits for memory run side by side and not one after the other.

use crate::exec::Call;
use crate::keyspace::{Db, Key};

/// Keys that are brought near at once: enough to hide the wait, few enough to stay in the first cache.
const TOGETHER: usize = 16;

/// Calls `visit` with every key from word `first` on, `step` words apart, and its word index.
pub fn each_key(
    call: &mut Call,
    db: &mut Db,
    first: usize,
    step: usize,
    mut visit: impl FnMut(&mut Call, &mut Db, Key<'_>, usize),
) {
    let mut from = first;
    while from < call.argc() {
        let mut keys = [Key { bytes: &[], hash: 0 }; TOGETHER];
        let count = (call.argc() - from).div_ceil(step).min(TOGETHER);
        for (i, key) in keys[..count].iter_mut().enumerate() {
            *key = call.key(from + i * step);
            db.prefetch_bucket(key.hash);
        }
        for key in &keys[..count] {
            db.prefetch_entry(key.hash);
        }
        for (i, &key) in keys[..count].iter().enumerate() {
            visit(call, db, key, from + i * step);
        }
        from += count * step;
    }
}
