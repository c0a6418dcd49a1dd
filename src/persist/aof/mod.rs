//! The append-only file: what changed the data, as commands, in the files of Redis 7 and later.
//!
//! ```text
//! appendonlydir/
//!   appendonly.aof.manifest          which files there are, and what for
//!   appendonly.aof.2.base.rdb   b    all the data at one moment: a dump, or commands (`base.aof`)
//!   appendonly.aof.2.incr.aof   i    what changed since; the last one grows
//!   appendonly.aof.1.*          h    history: what the base makes superfluous, soon to be removed
//!   appendonly.aof.open              there while a server has them open, and after one that did not end well
//! ```
//!
//! Owns the manifest, the writing of what the journal recorded, the rewriting, and the reading of it all. A state machine: bytes,
//! settings and the time come in, the files are asked for through `Files`. Must not know commands: who replays them is handed
//! their words.

pub mod check;
mod limiter;
mod load;
mod manifest;
mod mark;
mod reader;
mod rewrite;
mod state;
mod write_commands;

pub use load::{Plan, PlannedFile, Tail, cannot_open, find_plan, judge, upgrade};
pub use manifest::{Manifest, ManifestFault, make_folder, path_in_folder};
pub use reader::{CommandReader, ReadFault, ReadNext};
pub use rewrite::{base_in_child, unfinished_base, write_base};
pub use state::{AppendOnly, Desk, FlushFailure, State};
