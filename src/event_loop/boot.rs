//! From arguments to a running loop: configuration, limits, state, listeners, data.

use std::ffi::CString;
use std::io;
use std::os::unix::ffi::OsStringExt;
use std::rc::Rc;

use super::crash;
use super::descriptors;
use super::logging;
use super::outside::Outside;
use super::process;
use super::start_up;
use super::tick::{EventLoop, News};
use crate::acl::UserLines;
use crate::base::clock::Clock;
use crate::base::collate;
use crate::base::random::Random;
use crate::config::Settings;
use crate::config::load::system_text;
use crate::exec::batch::Batch;
use crate::exec::dispatch::Dispatcher;
use crate::exec::{Command, CommandTable};
use crate::reactor::bind_unix;
use crate::server::{Alarm, Identity, Server, World};

/// Why the server could not start; displays as the operator sees it.
#[derive(Debug)]
pub struct BootError(pub String);

/// What start-up needs: settings as loaded, renamed commands, where the settings came from.
pub struct Start {
    /// The first word of the command line.
    pub program: Vec<u8>,
    pub settings: Settings,
    pub renamed_commands: Vec<(Vec<u8>, Vec<u8>)>,
    /// The `user` lines.
    pub users: UserLines,
    pub config_file: Option<std::path::PathBuf>,
    /// The command line or standard input held directives.
    pub has_options: bool,
}

/// Boots and runs the server; gives back the exit code.
pub fn run(start: Start, families: &[&'static [&'static [Command]]]) -> Result<i32, BootError> {
    let mut event_loop = boot(start, families)?;
    Ok(event_loop.run())
}

fn boot(start: Start, families: &[&'static [&'static [Command]]]) -> Result<EventLoop, BootError> {
    let mut settings = start.settings;
    logging::install(&settings);
    let title = process::Title::prepare(start.program, start.config_file.clone());
    // A supervisor minds the process that it started: that one stays in the foreground.
    let supervision = process::Supervision::find(settings.supervised);
    settings.daemonize &= supervision == process::Supervision::None;
    start_up::announce(&settings, start.config_file.is_some(), start.has_options);
    if settings.daemonize {
        start_up::daemonize();
    }
    let failed = |what: &str| {
        let what = what.to_owned();
        move |e: io::Error| BootError(format!("{what}: {}", system_text(&e)))
    };
    crash::install(&settings.log_file).map_err(failed("Can't install the handlers of faults"))?;
    crash::apply(&settings);
    if let Err(error) = process::pin(&settings.server_cpus) {
        let list = String::from_utf8_lossy(&settings.server_cpus).into_owned();
        log::warn!("Can't keep to the processors of server-cpulist {list}: {}", system_text(&error));
    }
    // 1. Chance first: the seed of the hash must stand before the first table.
    let mut random = Random::from_system().map_err(failed("Can't read random numbers from the system"))?;
    crate::base::hash::set_seed(random.next_u64());
    if !collate::set_locale(&settings.collation) && !settings.collation.is_empty() {
        return Err(BootError("Failed to configure LOCALE for invalid locale name.".to_owned()));
    }
    // 2. As many descriptors as clients may come, or fewer clients.
    adjust_open_files(&mut settings);
    let commands = CommandTable::new(families, &start.renamed_commands).map_err(BootError)?;
    let commands = Rc::new(commands);
    let clock = Clock::real();
    let settings = Rc::new(settings);
    let identity = Identity {
        run_id: random.hex(40),
        replication_id: random.hex(40),
        system: process::system_name(),
        pid: std::process::id(),
        executable: std::env::current_exe().map(|p| p.display().to_string()).unwrap_or_default(),
        config_file: start.config_file,
        supervised: supervision.name(),
        started: clock.wall_ms(),
    };
    let server = Server::new(Rc::clone(&settings), commands.catalog(), clock, random.next_u64(), identity);
    let mut outside = Outside::new().map_err(failed("Can't set up the event loop"))?;
    outside.title = title;
    outside.supervision = supervision;
    outside.set_process_title(&settings);
    // Failing is in the log, and no reason not to start.
    let _ = outside.adjust_oom_score(&settings);
    let dispatcher = Dispatcher::new(commands, Rc::clone(&settings), Random::new(random.next_u64()));
    let mut event_loop = EventLoop {
        server,
        outside,
        dispatcher,
        batch: Batch::default(),
        news: News::default(),
        loading: None,
        arrival: None,
        congested_pipe: None,
        leaves_with: None,
        leaves_at_once: false,
        ran: 0,
        turn_began: 0,
        has_backlog: false,
    };
    let pid_file = start_up::write_pid_file(&event_loop.server.settings);
    event_loop.outside.traces.extend(pid_file);
    start_up::show(&event_loop.server.settings);
    start_up::load_users(&mut event_loop.server, &mut event_loop.outside, &start.users).map_err(BootError)?;
    // 3. Listening comes before loading, as in Redis: a port in use is known at once.
    listen(&mut event_loop)?;
    let now = event_loop.server.now;
    event_loop.server.timers.insert(now, Alarm::Cron);
    event_loop.server.memory_startup = event_loop.server.used_memory();
    log::info!("Server initialized");
    let unfinished = crate::persist::unfinished_path(std::process::id()).into_os_string().into_vec();
    event_loop.outside.signals.remove_when_killed(CString::new(unfinished).expect("digits and letters"));
    // 4. Then the data.
    event_loop.begin_loading();
    Ok(event_loop)
}

/// Raises the limit of open files to what `maxclients` needs, or lowers `maxclients` to what the limit allows.
fn adjust_open_files(settings: &mut Settings) {
    let reached = descriptors::admit(settings.clients_max);
    if reached < settings.clients_max {
        let wanted = u64::from(settings.clients_max) + descriptors::RESERVED;
        log::warn!(
            "You requested maxclients of {} requiring at least {wanted} max file descriptors. Current maximum open files is \
             {}. maxclients has been reduced to {reached} to compensate for low ulimit.",
            settings.clients_max,
            u64::from(reached) + descriptors::RESERVED
        );
        settings.clients_max = reached;
    }
}

fn listen(event_loop: &mut EventLoop) -> Result<(), BootError> {
    let settings = Rc::clone(&event_loop.server.settings);
    event_loop.outside.listen(&settings).map_err(BootError)?;
    if !settings.unix_socket.is_empty() {
        let path = std::path::PathBuf::from(String::from_utf8_lossy(&settings.unix_socket).into_owned());
        let listener = bind_unix(&path, settings.unix_socket_mode.0).map_err(|e| {
            BootError(format!("Failed opening Unix socket: bind: {}: {}", path.display(), system_text(&e)))
        })?;
        let registered = event_loop.outside.add_listener(listener);
        registered.map_err(|e| BootError(format!("Can't watch a listening socket: {e}")))?;
        event_loop.outside.traces.push(path);
    }
    if event_loop.outside.listeners.iter().all(Option::is_none) {
        return Err(BootError("Configured to not listen anywhere, exiting.".to_owned()));
    }
    Ok(())
}
