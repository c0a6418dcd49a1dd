//! The commands: one file (or folder) a family, its rows above its functions above their tests. Must not keep state.

pub mod acl;
pub mod bitmap;
pub mod cluster;
pub mod connection;
pub mod generic;
pub mod geo;
pub mod hash;
pub mod help;
pub mod hyper_log_log;
mod items;
pub mod list;
mod near;
pub mod persistence;
pub mod pubsub;
pub mod replication;
mod scan_options;
pub mod scripting;
pub mod server;
pub mod set;
pub mod sort;
pub mod stream;
pub mod string;
pub mod transactions;
pub mod zset;

use crate::exec::Command;

/// Every command, by family.
pub const ALL: &[&[&[Command]]] = &[
    &[acl::COMMANDS],
    bitmap::COMMANDS,
    &[cluster::COMMANDS],
    connection::COMMANDS,
    generic::COMMANDS,
    geo::COMMANDS,
    &[hash::COMMANDS],
    hyper_log_log::COMMANDS,
    list::COMMANDS,
    &[persistence::COMMANDS],
    &[pubsub::COMMANDS],
    &[replication::COMMANDS],
    scripting::COMMANDS,
    server::COMMANDS,
    set::COMMANDS,
    sort::COMMANDS,
    stream::COMMANDS,
    string::COMMANDS,
    // The last line is a comment so that every family keeps its own.
    &[transactions::COMMANDS],
    zset::COMMANDS,
];
