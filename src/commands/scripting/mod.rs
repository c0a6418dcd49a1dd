//! Scripts and functions: EVAL and its kin, SCRIPT, FUNCTION, FCALL.

mod eval;
mod function;
mod registry;
mod script;

use crate::exec::Command;

pub const COMMANDS: &[&[Command]] = &[eval::COMMANDS, function::COMMANDS, script::COMMANDS];
