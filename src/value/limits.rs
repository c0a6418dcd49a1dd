//! The sizes at which the small encodings give way to the large ones; CONFIG SET rewrites them.

use crate::structures::pack_deque::PackLimits;
use crate::structures::stream_log::BlockLimits;

/// Limits of the compact encodings. Counts are elements (pairs for hashes), values are bytes of one element.
#[derive(Clone, Copy, Debug)]
pub struct EncodingLimits {
    pub hash_pack_entries: usize,
    pub hash_pack_value_bytes: usize,
    pub set_int_entries: usize,
    pub set_pack_entries: usize,
    pub set_pack_value_bytes: usize,
    pub zset_pack_entries: usize,
    pub zset_pack_value_bytes: usize,
    /// Of a list in one pack, and of each pack of a longer one.
    pub list: PackLimits,
    /// Of each block of a stream.
    pub stream_block: BlockLimits,
}

impl Default for EncodingLimits {
    /// The defaults of Redis 8.0.
    fn default() -> EncodingLimits {
        EncodingLimits {
            hash_pack_entries: 512,
            hash_pack_value_bytes: 64,
            set_int_entries: 512,
            set_pack_entries: 128,
            set_pack_value_bytes: 64,
            zset_pack_entries: 128,
            zset_pack_value_bytes: 64,
            list: PackLimits::new(-2),
            stream_block: BlockLimits { bytes_max: 4096, entries_max: 100 },
        }
    }
}
