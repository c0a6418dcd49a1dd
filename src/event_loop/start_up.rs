//! What a start says and does around the server proper: warnings, banner, going to the background, the pid file.

use std::fs;
use std::io::{self, IsTerminal};
use std::path::PathBuf;

use crate::acl::UserLines;
use crate::config::Settings;
use crate::config::choices::Allowed;
use crate::config::load::system_text;
use crate::config::reference::set_without_effect;
use crate::exec::user_file;
use crate::observe::host;
use crate::server::{REDIS_VERSION, Server, World};

/// Where the pid goes if the server runs in the background and `pidfile` does not say.
const PID_FILE_DEFAULT: &str = "/var/run/redis.pid";

/// Says what is wrong with the machine and with the configuration, and what begins now.
pub fn announce(settings: &Settings, has_config_file: bool, has_options: bool) {
    if let Some(text) = fs::read_to_string(host::OVERCOMMIT_PATH).ok().and_then(|text| host::overcommit_warning(&text))
    {
        log::warn!("{text}");
    }
    let pid = std::process::id();
    log::info!("oO0OoO0OoO0Oo Gyre is starting oO0OoO0OoO0Oo");
    log::info!(
        "Gyre version={}, Redis version={REDIS_VERSION}, bits={}, pid={pid}, just started",
        env!("CARGO_PKG_VERSION"),
        usize::BITS
    );
    if has_config_file || has_options {
        log::info!("Configuration loaded");
    } else {
        log::warn!(
            "Warning: no config file specified, using the default config. In order to specify a config file use \
             gyre-server /path/to/redis.conf"
        );
    }
    for (row, why) in set_without_effect(settings) {
        log::warn!("{} is accepted without effect: {why}", row.name);
    }
}

/// Makes the users that the configuration or the ACL file declares. An error ends the start.
pub fn load_users(server: &mut Server, world: &mut dyn World, lines: &UserLines) -> Result<(), String> {
    let path = server.settings.acl_file.clone();
    if !path.is_empty() && !lines.is_empty() {
        return Err("Configuring Redis with users defined in redis.conf and at the same setting an ACL file path is invalid. \
             This setup is very likely to lead to configuration errors and security holes, please define either an ACL file \
             or declare users directly in your redis.conf, but not both."
            .to_owned());
    }
    if let Err(text) = lines.apply(&mut server.acl) {
        log::error!("{text}");
        return Err("Critical error while loading ACLs. Exiting.".to_owned());
    }
    if !path.is_empty() {
        user_file::load(server, world, None).map_err(|text| {
            format!("Aborting Redis startup because of ACL errors: {}", String::from_utf8_lossy(&text))
        })?;
    }
    server.users_changed();
    Ok(())
}

/// Shows the banner, or one line where nobody looks at it, and warns of what concerns the sockets.
pub fn show(settings: &Settings) {
    let pid = std::process::id();
    let is_watched = settings.log_file.is_empty() && io::stdout().is_terminal();
    if settings.always_show_logo || is_watched {
        print!("{}", banner(settings.port, pid));
    } else {
        log::info!("Running mode=standalone, port={}.", settings.port);
    }
    let somaxconn = fs::read_to_string(host::SOMAXCONN_PATH).unwrap_or_default();
    if let Some(text) = host::backlog_warning(&somaxconn, settings.tcp_backlog) {
        log::warn!("{text}");
    }
    let huge_pages = fs::read_to_string(host::HUGE_PAGES_PATH).unwrap_or_default();
    if let Some(text) = host::huge_pages_warning(&huge_pages)
        && !(settings.disable_thp && disable_huge_pages())
    {
        log::warn!("{text}");
    }
    if (1..1 << 20).contains(&settings.maxmemory_bytes) {
        log::warn!(
            "WARNING: You specified a maxmemory value that is less than 1MB (current value is {} bytes). Are you sure this \
             is what you really want?",
            settings.maxmemory_bytes
        );
    }
    if settings.debug_command == Allowed::Yes && !settings.is_protected {
        log::warn!("WARNING: everybody who can connect may use DEBUG, because protected-mode is off.");
    }
}

fn banner(port: u16, pid: u32) -> String {
    format!(
        r"
        .-~~~~~-.
      .'  .---.  '.        Gyre {version} (Redis {REDIS_VERSION})
     /  .'  _  '.  \
    |  |  ( _`\  |  |      Running in standalone mode
    |  |   `--'  |  |      Port: {port}
     \  '.     .'  /       PID: {pid}
      '.  '~~~'  .'
        '-.___.-'          One thread, one loop.

",
        version = env!("CARGO_PKG_VERSION")
    )
}

/// Asks the kernel to leave huge pages alone for this process.
fn disable_huge_pages() -> bool {
    // Safety: the call changes a flag of the process and nothing else.
    unsafe { libc::prctl(libc::PR_SET_THP_DISABLE, 1, 0, 0, 0) == 0 }
}

/// Goes to the background: the caller's terminal is let go, and what was the process ends.
pub fn daemonize() {
    // Safety: no thread but this one has been started by us, and the parent leaves at once without running destructors.
    unsafe {
        if libc::fork() != 0 {
            libc::_exit(0);
        }
        libc::setsid();
        let null = libc::open(c"/dev/null".as_ptr(), libc::O_RDWR);
        if null >= 0 {
            for descriptor in 0..=2 {
                libc::dup2(null, descriptor);
            }
            if null > 2 {
                libc::close(null);
            }
        }
    }
}

/// Writes the pid where it was asked for; gives back the file, to be removed when leaving. Failing is no reason not to start.
pub fn write_pid_file(settings: &Settings) -> Option<PathBuf> {
    let path = match settings.pid_file.as_slice() {
        b"" if settings.daemonize => PathBuf::from(PID_FILE_DEFAULT),
        b"" => return None,
        path => PathBuf::from(String::from_utf8_lossy(path).into_owned()),
    };
    match fs::write(&path, format!("{}\n", std::process::id())) {
        Ok(()) => Some(path),
        Err(error) => {
            log::debug!("Failed to write PID file: {}: {}", path.display(), system_text(&error));
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_banner_tells_the_pid_as_scripts_look_for_it() {
        let banner = banner(6379, 4711);
        assert!(banner.contains(" PID: 4711\n") && banner.contains(" Port: 6379\n"));
    }
}
