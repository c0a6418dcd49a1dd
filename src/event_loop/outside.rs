//! The real world behind `World`: sockets, files, signals, sleep.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use super::children::LiveChild;
use super::tick::News;
use super::{busy, crash, descriptors, logging, process};
use crate::config::Settings;
use crate::config::choices::LogLevel;
use crate::config::load::system_text;
use crate::keyspace::SessionKey;
use crate::persist::{self, AppendFile, Files, Helper, OutputFile, Pipe, Purpose, RealFiles};
use crate::reactor::{self, Connections, Listener, Poller, Signals, bind_all};
use crate::server::links::Links;
use crate::server::{ProcessFacts, Server, World};

/// Everything outside that the loop holds on to.
pub struct Outside {
    pub poller: Poller,
    pub connections: Connections,
    /// By the index in their tokens; `None` where one was closed.
    pub listeners: Vec<Option<Listener>>,
    /// Towards other servers.
    pub(super) links: reactor::Links,
    pub signals: Signals,
    /// Children by the index in their pipes' tokens; `None` where one is gone.
    pub children: Vec<Option<LiveChild>>,
    /// What came while something long ran, and is left for the loop.
    pub(super) missed: News,
    /// Files to remove when leaving: pid file, Unix socket.
    pub traces: Vec<PathBuf>,
    pub title: process::Title,
    pub oom_score: process::OomScore,
    pub supervision: process::Supervision,
    /// What the next child does with itself first.
    pub child_setups: process::ChildSetups,
    /// The threads that sync and remove beside the loop.
    helper: Helper,
}

impl Outside {
    pub fn new() -> io::Result<Outside> {
        let poller = Poller::new()?;
        let signals = Signals::install()?;
        poller.register_signals(signals.descriptor())?;
        // Safety: makes a descriptor and touches no memory.
        let wake = unsafe { libc::eventfd(0, libc::EFD_NONBLOCK | libc::EFD_CLOEXEC) };
        if wake < 0 {
            return Err(io::Error::last_os_error());
        }
        poller.register_helper(wake)?;
        Ok(Outside {
            poller,
            connections: Connections::default(),
            listeners: Vec::new(),
            links: reactor::Links::default(),
            signals,
            children: Vec::new(),
            missed: News::default(),
            traces: Vec::new(),
            title: process::Title::default(),
            oom_score: process::OomScore::default(),
            supervision: process::Supervision::default(),
            child_setups: process::ChildSetups::default(),
            helper: Helper::new(wake),
        })
    }

    /// Begins to listen; takes the place of a listener that was closed, if there is one.
    pub fn add_listener(&mut self, mut listener: Listener) -> io::Result<()> {
        let free = self.listeners.iter().position(Option::is_none).unwrap_or(self.listeners.len());
        listener.register(&self.poller, free)?;
        if free == self.listeners.len() {
            self.listeners.push(None);
        }
        self.listeners[free] = Some(listener);
        Ok(())
    }

    /// What the settings say of children is noted for the next one.
    pub fn ready_children(&mut self, settings: &Settings) {
        self.child_setups = process::ChildSetups::new(settings, &self.oom_score, &self.title);
        let processors = settings.helper_cpus.clone();
        // A list that cannot be kept is no reason not to work: the thread runs where the loop may.
        self.helper.set_up_by(std::sync::Arc::new(move || drop(process::pin(&processors))));
    }

    fn close_tcp_listeners(&mut self) {
        for place in &mut self.listeners {
            if let Some(mut listener) = place.take_if(|listener| listener.is_tcp()) {
                listener.deregister(&self.poller);
            }
        }
    }

    /// Takes away what would tell that the server is still there: who sees their connection end finds nobody to connect to.
    pub fn remove_traces(&mut self) {
        for mut listener in self.listeners.drain(..).flatten() {
            listener.deregister(&self.poller);
        }
        for path in self.traces.drain(..) {
            // It may have been removed by hand.
            let _ = fs::remove_file(path);
        }
    }
}

fn write_synced(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

impl Files for Outside {
    fn create(&mut self, path: &Path) -> io::Result<Box<dyn OutputFile>> {
        RealFiles.create(path)
    }

    fn append(&mut self, path: &Path) -> io::Result<Box<dyn AppendFile>> {
        RealFiles.append_with(path, Some(&mut self.helper))
    }

    fn open(&mut self, path: &Path) -> io::Result<(Box<dyn io::Read>, u64)> {
        RealFiles.open(path)
    }

    fn length(&mut self, path: &Path) -> io::Result<u64> {
        RealFiles.length(path)
    }

    fn cut(&mut self, path: &Path, length: u64) -> io::Result<()> {
        RealFiles.cut(path, length)
    }

    fn make_folder(&mut self, path: &Path) -> io::Result<()> {
        RealFiles.make_folder(path)
    }

    fn names_in(&mut self, folder: &Path) -> io::Result<Vec<OsString>> {
        RealFiles.names_in(folder)
    }

    fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        RealFiles.rename(from, to)
    }

    fn remove(&mut self, path: &Path) -> io::Result<()> {
        RealFiles.remove(path)
    }

    fn discard(&mut self, path: &Path) {
        // Its name is free at once; its room comes back when it is closed.
        let file = File::open(path);
        if RealFiles.remove(path).is_ok()
            && let Ok(file) = file
        {
            self.helper.close(file);
        }
    }

    fn sync_folder_of(&mut self, path: &Path) -> io::Result<()> {
        RealFiles.sync_folder_of(path)
    }

    fn private_dirty_bytes(&mut self) -> u64 {
        RealFiles.private_dirty_bytes()
    }

    fn sleep(&mut self, microseconds: u64) {
        RealFiles.sleep(microseconds);
    }
}

impl persist::Outside for Outside {
    fn fork(
        &mut self,
        purpose: Purpose,
        work: &mut dyn FnMut(&mut dyn Files, &mut dyn Pipe) -> i32,
    ) -> io::Result<u32> {
        self.fork_child(purpose, work)
    }

    fn kill_child(&mut self, pid: u32) {
        self.signal_child(pid);
    }

    fn reap_child(&mut self, pid: u32) {
        self.forget_child(pid);
    }
}

impl World for Outside {
    fn persistence(&mut self) -> &mut dyn persist::Outside {
        self
    }

    fn read_file(&mut self, path: &Path) -> io::Result<Vec<u8>> {
        fs::read(path)
    }

    fn replace_file(&mut self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let mut beside = path.as_os_str().to_owned();
        beside.push(format!(".{}.tmp", std::process::id()));
        let beside = PathBuf::from(beside);
        let written = write_synced(&beside, bytes).and_then(|()| {
            // Who may read it stays the same. (A new file is as the process makes files.)
            if let Ok(old) = fs::metadata(path) {
                fs::set_permissions(&beside, old.permissions())?;
            }
            fs::rename(&beside, path)
        });
        if let Err(error) = written {
            // What was begun is of no use, and may not even be there.
            let _ = fs::remove_file(&beside);
            // A file that is mounted by itself, as into a container, cannot be replaced, but it can be written.
            return match error.raw_os_error() {
                Some(libc::EBUSY | libc::EXDEV) => write_synced(path, bytes),
                _ => Err(error),
            };
        }
        let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(folder)?.sync_all()
    }

    fn remove_file(&mut self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn sleep(&mut self, microseconds: u64) {
        std::thread::sleep(std::time::Duration::from_micros(microseconds));
    }

    fn change_dir(&mut self, path: &[u8]) -> io::Result<Vec<u8>> {
        std::env::set_current_dir(std::ffi::OsStr::from_bytes(path))?;
        std::env::current_dir().map(|here| here.into_os_string().into_vec())
    }

    /// The old sockets are closed first, because the new ones may want their port.
    fn listen(&mut self, settings: &Settings) -> Result<(), String> {
        self.close_tcp_listeners();
        if settings.port == 0 {
            return Ok(());
        }
        let listeners = bind_all(&settings.bind, settings.port, settings.tcp_backlog)?;
        if listeners.is_empty() && !settings.bind.is_empty() {
            return Err(format!("Failed listening on port {} (tcp), aborting.", settings.port));
        }
        for listener in listeners {
            let added = self.add_listener(listener);
            added.map_err(|error| format!("Can't watch a listening socket: {}", system_text(&error)))?;
        }
        Ok(())
    }

    fn admit_clients(&mut self, clients: u32) -> u32 {
        descriptors::admit(clients)
    }

    fn set_log_level(&mut self, level: LogLevel) {
        log::set_max_level(logging::filter_of(level));
    }

    fn read_while_busy(&mut self, server: &mut Server) -> Vec<SessionKey> {
        busy::read(self, server)
    }

    fn write_while_busy(&mut self, server: &mut Server) {
        busy::write(self, server);
        busy::close(self, server);
    }

    fn links(&mut self) -> Option<&mut dyn Links> {
        Some(self)
    }

    fn process(&mut self) -> ProcessFacts {
        process::facts()
    }

    fn apply_crash_settings(&mut self, settings: &Settings) {
        crash::apply(settings);
    }

    fn adjust_oom_score(&mut self, settings: &Settings) -> io::Result<()> {
        let adjusted = self.oom_score.adjust(settings);
        self.ready_children(settings);
        adjusted
    }

    fn take_role(&mut self, is_replica: bool) {
        self.oom_score.is_replica = is_replica;
    }

    fn set_process_title(&mut self, settings: &Settings) {
        self.title.show(settings);
        self.ready_children(settings);
    }

    fn forget_signals(&mut self) {
        self.signals.forget();
    }

    fn touch_forbidden_memory(&mut self) {
        // Safety: none is wanted: the page is new, is nobody's, and may only be read.
        unsafe {
            let private = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
            let page = libc::mmap(std::ptr::null_mut(), 4096, libc::PROT_READ, private, -1, 0);
            page.cast::<u8>().write_volatile(1);
        }
    }
}
