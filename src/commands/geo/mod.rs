//! Points on the earth: members of sorted sets whose scores are geohashes.

mod add;
mod read;
mod request;
mod search;
mod words;

use crate::exec::Command;

pub const COMMANDS: &[&[Command]] = &[add::COMMANDS, read::COMMANDS, search::COMMANDS];
