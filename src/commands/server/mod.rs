//! Commands about the server itself: what it is, how it fares, how it is configured.

mod command;
mod commandlog;
mod config;
mod debug;
mod hotkeys;
pub mod info;
mod latency;
mod lolwut;
mod memory;
mod module;
mod monitor;
mod slowlog;

use crate::exec::Command;

pub const COMMANDS: &[&[Command]] = &[
    command::COMMANDS,
    commandlog::COMMANDS,
    config::COMMANDS,
    debug::COMMANDS,
    hotkeys::COMMANDS,
    info::COMMANDS,
    latency::COMMANDS,
    lolwut::COMMANDS,
    memory::COMMANDS,
    module::COMMANDS,
    monitor::COMMANDS,
    slowlog::COMMANDS,
];
