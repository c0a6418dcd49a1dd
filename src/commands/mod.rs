//! The commands: one file (or folder) a family, its rows above its functions above their tests. Must not keep state.

pub mod connection;
pub mod hash;
pub mod list;
pub mod persistence;
pub mod pubsub;
mod scan_options;
pub mod set;
pub mod string;
pub mod transactions;

use crate::exec::Command;

/// Every command, by family.
pub const ALL: &[&[&[Command]]] = &[
    connection::COMMANDS,
    &[hash::COMMANDS],
    list::COMMANDS,
    &[persistence::COMMANDS],
    &[pubsub::COMMANDS],
    set::COMMANDS,
    string::COMMANDS,
    // The last line is a comment so that every family keeps its own.
    &[transactions::COMMANDS],
];
