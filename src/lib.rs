//! Gyre: a Redis-compatible in-memory data structure server. One thread, one loop, one owner of the data.
//!
//! The map, ground first; a module may use only what stands above it in this list (`tests/house.rs` holds it to that).

/// Numbers and text, glob, checksums, hashing, the clock, random numbers, the allocator's accounts.
pub mod base;
/// Every directive of the configuration, and every way of setting one.
pub mod config;
/// RESP2 and RESP3: the incremental request parser and the one reply writer.
pub mod protocol;
/// The dump format: every version of it in, version 12 out.
pub mod rdb;
/// Pure containers: table, list pack, integer set, deque of packs, ranked tree, timer wheel.
pub mod structures;
