//! The one hash of keys, fields and members, seeded once at boot so that nobody outside can choose collisions.
//!
//! The seed is the only process-wide value here: it is set before the first table exists and never changes,
//! so that a hash computed while parsing is good for every table.

use std::hash::{BuildHasher, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};

static SEED: AtomicU64 = AtomicU64::new(0x9e37_79b9_7f4a_7c15);

/// Sets the seed; called once, at boot, before any table holds an element.
pub fn set_seed(seed: u64) {
    SEED.store(seed, Ordering::Relaxed);
}

/// The 64-bit hash of a key; all bits are good, the top ones choose the segment of a table.
#[inline]
pub fn hash(key: &[u8]) -> u64 {
    let mut hasher = foldhash::quality::FixedState::with_seed(SEED.load(Ordering::Relaxed)).build_hasher();
    hasher.write(key);
    hasher.finish()
}
