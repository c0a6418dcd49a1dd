//! The outside as one trait: files, children, sleep. The event loop implements it over the real thing, a simulator in tests.
//! Commands that run on the whole server are lent it; data commands never see it.

use std::io;
use std::path::Path;

/// What the server may ask of the outside.
pub trait World {
    /// Files and children for snapshots.
    fn persistence(&mut self) -> &mut dyn crate::persist::Outside;

    /// The whole file.
    fn read_file(&mut self, path: &Path) -> io::Result<Vec<u8>>;

    /// Replaces the file as a whole: written beside it, synced, renamed, directory synced.
    fn replace_file(&mut self, path: &Path, bytes: &[u8]) -> io::Result<()>;

    fn remove_file(&mut self, path: &Path) -> io::Result<()>;

    /// Stops the whole server for a while (DEBUG SLEEP).
    fn sleep(&mut self, microseconds: u64);
}
