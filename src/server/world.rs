//! The outside as one trait: files, children, sleep. The event loop implements it over the real thing, a simulator in tests.
//! Commands that run on the whole server are lent it; data commands never see it.

use std::io;
use std::path::Path;

use super::links::Links;
use super::state::Server;
use crate::config::Settings;
use crate::config::choices::LogLevel;
use crate::keyspace::SessionKey;

/// What the system knows of the process, as INFO tells it.
#[derive(Clone, Copy, Debug, Default)]
pub struct ProcessFacts {
    /// Resident bytes.
    pub rss_bytes: u64,
    /// Memory of the whole machine.
    pub machine_bytes: u64,
    /// Processor time in µs: of the process, of its children that ended, of the loop's own thread.
    pub user_us: u64,
    pub system_us: u64,
    pub children_user_us: u64,
    pub children_system_us: u64,
    pub thread_user_us: u64,
    pub thread_system_us: u64,
}

/// What the server may ask of the outside.
pub trait World {
    /// Files and children for snapshots.
    fn persistence(&mut self) -> &mut dyn crate::persist::Outside;

    /// The whole file.
    fn read_file(&mut self, path: &Path) -> io::Result<Vec<u8>>;

    /// Replaces the file as a whole: written beside it, synced, renamed, directory synced.
    fn replace_file(&mut self, path: &Path, bytes: &[u8]) -> io::Result<()>;

    /// Random bytes that nobody can foretell.
    fn secret(&mut self, bytes: &mut [u8]) -> io::Result<()> {
        crate::base::random::fill_from_system(bytes)
    }

    fn remove_file(&mut self, path: &Path) -> io::Result<()>;

    /// Stops the whole server for a while (DEBUG SLEEP).
    fn sleep(&mut self, microseconds: u64);

    /// Makes a directory the working one and gives its absolute path.
    fn change_dir(&mut self, path: &[u8]) -> io::Result<Vec<u8>>;

    /// Listens on the addresses and the port of these settings, and nowhere else. What fails is in the log.
    fn listen(&mut self, settings: &Settings) -> Result<(), String>;

    /// Raises the limit of open files for so many clients; gives back how many it allows.
    fn admit_clients(&mut self, clients: u32) -> u32;

    /// From here on the log holds what is at least this important.
    fn set_log_level(&mut self, level: LogLevel);

    /// While something long runs: takes in who connects and reads what others send, without waiting. Gives the sessions
    /// that have something to execute.
    fn read_while_busy(&mut self, _: &mut Server) -> Vec<SessionKey> {
        Vec::new()
    }

    /// While something long runs: sends what others were answered, and closes who leaves.
    fn write_while_busy(&mut self, _: &mut Server) {}

    /// Links to other servers, where there are any.
    fn links(&mut self) -> Option<&mut dyn Links> {
        None
    }

    /// What the system knows of the process.
    fn process(&mut self) -> ProcessFacts;

    /// Takes over what the settings say of crash reports and of the watchdog.
    fn apply_crash_settings(&mut self, _: &Settings) {}

    /// Brings the kernel's out-of-memory score to what the settings say; the error is in the log.
    fn adjust_oom_score(&mut self, _: &Settings) -> io::Result<()> {
        Ok(())
    }

    /// From here on the process is a replica's, or a master's.
    fn take_role(&mut self, _is_replica: bool) {}

    /// Shows the process under the name that the settings say.
    fn set_process_title(&mut self, _: &Settings) {}

    /// A shutdown was given up: the next signal asks anew, and does not end the process at once.
    fn forget_signals(&mut self) {}

    /// Touches memory that may not be touched (DEBUG SEGFAULT).
    fn touch_forbidden_memory(&mut self) {}
}
