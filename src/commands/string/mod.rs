//! Strings.

mod basics;

use crate::exec::Command;

pub const COMMANDS: &[&[Command]] = &[basics::COMMANDS];
