//! The real world behind `World`: sockets, files, signals, sleep.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::reactor::{Connections, Listener, Poller, Signals};
use crate::server::World;

/// Everything outside that the loop holds on to.
pub struct Outside {
    pub poller: Poller,
    pub connections: Connections,
    /// By the index in their tokens; `None` where one was closed.
    pub listeners: Vec<Option<Listener>>,
    pub signals: Signals,
    /// Files to remove when leaving: pid file, Unix socket.
    pub traces: Vec<PathBuf>,
}

impl Outside {
    pub fn new() -> io::Result<Outside> {
        let poller = Poller::new()?;
        let signals = Signals::install()?;
        poller.register_signals(signals.descriptor())?;
        Ok(Outside { poller, connections: Connections::default(), listeners: Vec::new(), signals, traces: Vec::new() })
    }

    /// Begins to listen.
    pub fn add_listener(&mut self, mut listener: Listener) -> io::Result<()> {
        listener.register(&self.poller, self.listeners.len())?;
        self.listeners.push(Some(listener));
        Ok(())
    }

    /// Takes away what would tell that the server is still there.
    pub fn remove_traces(&mut self) {
        for path in self.traces.drain(..) {
            // It may have been removed by hand.
            let _ = fs::remove_file(path);
        }
    }
}

impl World for Outside {
    fn read_file(&mut self, path: &Path) -> io::Result<Vec<u8>> {
        fs::read(path)
    }

    fn replace_file(&mut self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let mut beside = path.as_os_str().to_owned();
        beside.push(format!(".{}.tmp", std::process::id()));
        let beside = PathBuf::from(beside);
        let mut file = File::create(&beside)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&beside, path)?;
        let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(folder)?.sync_all()
    }

    fn remove_file(&mut self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn sleep(&mut self, microseconds: u64) {
        std::thread::sleep(std::time::Duration::from_micros(microseconds));
    }
}
