//! Streams: the log (adding, reading ranges, removing, trimming), reading by waiting, and consumer groups.

mod ack;
mod add;
mod claim;
mod consume;
mod delete;
mod group;
mod idle;
mod ids;
mod info;
mod journal;
mod once;
mod pending;
mod range;
mod read;
mod reply;
mod setid;
mod trim;

use crate::exec::Command;

pub const COMMANDS: &[&[Command]] = &[
    ack::COMMANDS,
    add::COMMANDS,
    claim::COMMANDS,
    delete::COMMANDS,
    group::COMMANDS,
    info::COMMANDS,
    once::COMMANDS,
    pending::COMMANDS,
    range::COMMANDS,
    read::COMMANDS,
    setid::COMMANDS,
    trim::COMMANDS,
];
