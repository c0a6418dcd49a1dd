//! Gyre: a Redis-compatible in-memory data structure server. One thread, one loop, one owner of the data.
//!
//! The map, ground first; a module may use only what stands above it in this list (`tests/house` holds it to that).

/// Numbers and text, glob, checksums, hashing, the clock, random numbers, the allocator's accounts.
pub mod base;

/// Pure containers: table, list pack, integer set, deque of packs, ranked tree, bitmap, HyperLogLog, timer wheel.
pub mod structures;

/// RESP2 and RESP3: the incremental request parser and the one reply writer.
pub mod protocol;

/// Readiness: poll, listeners, connections, signals, and all that can wake the loop.
pub mod reactor;

/// What a command is: name, grammar, arity, flags, categories, keys.
pub mod spec;

/// Values: one type a file, with its encodings.
pub mod value;

/// Databases: table, expiry, eviction, watchers, events, and the one write door.
pub mod keyspace;

/// Every directive, declared once, and every way of setting it.
pub mod config;

/// What the server observes of itself.
pub mod observe;

/// Users, and what they may do.
pub mod acl;

/// Who listens to which channel.
pub mod pubsub;

/// Who may hold which keys in a cache of his own.
pub mod tracking;

/// The dump format.
pub mod rdb;

/// Snapshots on disk: writing them, in the foreground and by a child, and loading them.
pub mod persist;

/// The history of the data for replicas, and the master that is followed.
pub mod replication;

/// Scripts and functions: Lua in its sandbox, what was compiled, what is registered.
pub mod script;

/// The server's state.
pub mod server;

/// The call: gates, dispatch, transactions, waiting, effects.
pub mod exec;

/// The commands, one family a file.
pub mod commands;

/// The loop: the tick and its phases, boot and shutdown.
pub mod event_loop;
