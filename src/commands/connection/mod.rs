//! Commands about the connection itself.

mod auth;
mod basics;
mod client;

use crate::exec::Command;

pub const COMMANDS: &[&[Command]] = &[auth::COMMANDS, basics::COMMANDS, client::COMMANDS];
