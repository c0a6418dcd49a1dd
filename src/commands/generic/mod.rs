//! Keys whatever they hold: deleting, renaming, copying, time to live, walking through them, and emptying databases.

mod copy;
mod database;
mod expire;
mod keys;
mod migrate;
mod object;
mod rename;
mod scan;
mod ttl;

use crate::exec::Command;

pub const COMMANDS: &[&[Command]] = &[
    copy::COMMANDS,
    database::COMMANDS,
    expire::COMMANDS,
    keys::COMMANDS,
    migrate::COMMANDS,
    object::COMMANDS,
    rename::COMMANDS,
    scan::COMMANDS,
    ttl::COMMANDS,
];
