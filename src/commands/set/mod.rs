//! The commands of sets. `members` adds, removes and asks; `random` draws; `algebra` combines several sets; `scan` walks.

mod algebra;
mod members;
mod random;
mod scan;

use crate::exec::Command;
use crate::keyspace::event::{Event, class, event};

/// The rows of the family, file by file.
pub const COMMANDS: &[&[Command]] = &[members::COMMANDS, random::COMMANDS, algebra::COMMANDS, scan::COMMANDS];

const SADD: Event = event(class::SET, "sadd");
const SREM: Event = event(class::SET, "srem");
const SPOP: Event = event(class::SET, "spop");
const SINTERSTORE: Event = event(class::SET, "sinterstore");
const SUNIONSTORE: Event = event(class::SET, "sunionstore");
const SDIFFSTORE: Event = event(class::SET, "sdiffstore");
