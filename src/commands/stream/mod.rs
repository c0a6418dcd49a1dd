//! Streams as logs: adding, reading ranges, removing, trimming. Reading by waiting and consumer groups are not served yet.

mod add;
mod ids;
mod range;
mod trim;

use crate::exec::Command;

pub const COMMANDS: &[&[Command]] = &[add::COMMANDS, range::COMMANDS, trim::COMMANDS];
