//! The ground floor: numbers and text, glob, checksums, hashing, the clock, random numbers, memory accounting.
//! Owns no state but the allocator's counters and the hash seed; knows nothing of what stands above.

pub mod clock;
pub mod collate;
pub mod crc;
pub mod digest;
pub mod glob;
pub mod hash;
pub mod long_double;
pub mod lzf;
pub mod memory;
pub mod number;
pub mod random;
pub mod sha;
pub mod shared_bytes;
pub mod slot;
pub mod words;
