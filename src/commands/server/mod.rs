//! Commands about the server itself: what it is, how it fares, how it is configured.

mod command;
mod config;
mod debug;
mod info;
mod latency;
mod lolwut;
mod memory;
mod monitor;
mod slowlog;

use crate::exec::Command;

pub const COMMANDS: &[&[Command]] = &[
    command::COMMANDS,
    config::COMMANDS,
    debug::COMMANDS,
    info::COMMANDS,
    latency::COMMANDS,
    lolwut::COMMANDS,
    memory::COMMANDS,
    monitor::COMMANDS,
    slowlog::COMMANDS,
];
