//! Who watches over the process: systemd is told by datagrams, upstart by stopping once.

use std::env;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::net::{SocketAddr, UnixDatagram};

use crate::config::choices::Supervised;

/// The socket that systemd listens on.
const NOTIFY_SOCKET: &str = "NOTIFY_SOCKET";
/// Set by upstart for what it starts.
const UPSTART_JOB: &str = "UPSTART_JOB";

/// What was found at the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Supervision {
    #[default]
    None,
    Systemd,
    Upstart,
}

impl Supervision {
    /// Looks for the supervisor that the settings name, or for any; says in the log what was found.
    pub fn find(wanted: Supervised) -> Supervision {
        let has = |name: &str| env::var_os(name).is_some_and(|value| !value.is_empty());
        match wanted {
            Supervised::Auto if has(UPSTART_JOB) => {
                log::info!("Upstart supervision detected.");
                Supervision::Upstart.begin()
            }
            Supervised::Auto if has(NOTIFY_SOCKET) => {
                log::info!("Systemd supervision detected.");
                Supervision::Systemd.begin()
            }
            Supervised::Upstart if has(UPSTART_JOB) => Supervision::Upstart.begin(),
            Supervised::Upstart => {
                log::warn!("upstart supervision requested, but UPSTART_JOB not found!");
                Supervision::None
            }
            Supervised::Systemd if has(NOTIFY_SOCKET) => Supervision::Systemd.begin(),
            Supervised::Systemd => {
                log::warn!("systemd supervision error: NOTIFY_SOCKET not found!");
                Supervision::None
            }
            Supervised::Auto | Supervised::No => Supervision::None,
        }
    }

    fn begin(self) -> Supervision {
        match self {
            Supervision::Systemd => {
                log::info!(
                    "Supervised by systemd. Please make sure you set appropriate values for TimeoutStartSec and \
                     TimeoutStopSec in your service unit."
                );
                self.tell("STATUS=Gyre is loading...");
            }
            Supervision::Upstart => {
                log::info!("supervised by upstart, will stop to signal readiness.");
                // Safety: stops this process until the supervisor continues it.
                unsafe { libc::raise(libc::SIGSTOP) };
            }
            Supervision::None => {}
        }
        self
    }

    /// As INFO tells it.
    pub fn name(self) -> &'static str {
        match self {
            Supervision::None => "no",
            Supervision::Systemd => "systemd",
            Supervision::Upstart => "upstart",
        }
    }

    /// Everybody may come in.
    pub fn tell_ready(self) {
        self.tell("STATUS=Ready to accept connections\nREADY=1");
    }

    /// Tells systemd a line or two; nobody else listens.
    pub fn tell(self, state: &str) {
        if self != Supervision::Systemd {
            return;
        }
        if let Err(error) = send(state) {
            let name = env::var_os(NOTIFY_SOCKET).unwrap_or_default();
            log::warn!("systemd supervision error: sd_notify: {}: {error}", name.display());
        }
    }
}

/// One datagram to the socket of that name; one that begins with `@` is no file.
fn send(state: &str) -> std::io::Result<()> {
    let name = env::var_os(NOTIFY_SOCKET).unwrap_or_default();
    let address = match name.as_bytes().strip_prefix(b"@") {
        Some(abstract_name) => SocketAddr::from_abstract_name(abstract_name)?,
        None => SocketAddr::from_pathname(std::ffi::OsString::from_vec(name.clone().into_vec()))?,
    };
    UnixDatagram::unbound()?.send_to_addr(state.as_bytes(), &address).map(drop)
}
