//! Keeping the data on disk: snapshots in the foreground and by a forked child, the append-only file, and loading them again.
//!
//! Owns the state of it all (`Persist`) and the files' ways: written beside, synced, renamed. What it needs from the outside
//! (files, a child, its pipe) it asks through `Outside`, so that it runs on a simulated disk too. Must not know the server:
//! it is handed the keyspace, the settings and the time.

pub mod aof;
pub mod check;
mod child;
mod files;
mod helper;
mod loading;
mod outside;
mod report;
pub mod simulated;
mod snapshot;
mod state;
mod transfer;

#[cfg(test)]
mod tests;

pub use child::{Child, ChildEnd};
pub use files::RealFiles;
pub use helper::Helper;
pub use loading::{LoadFailure, Loading, STEP_NS_MAX, Step};
pub use outside::{AppendFile, Files, OutputFile, Outside, Pipe, Purpose, ShortWrite};
pub use snapshot::{Job, SaveFailure, delay, dump_path, save, save_in_child};
pub use state::{LoadProgress, LoadedPlace, Persist, UNWANTED_SIGNAL, remove_unfinished, unfinished_path};
pub use transfer::send_in_child;
