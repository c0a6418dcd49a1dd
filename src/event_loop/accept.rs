//! Accepting: a bounded number a turn, the limit of clients, protected mode, and life without free descriptors.

use std::io::ErrorKind;
use std::net::SocketAddr;

use super::outside::Outside;
use super::tick::{EventLoop, News};
use crate::acl::UserId;
use crate::reactor::accept::Accepted;
use crate::server::session::flag as session_flag;
use crate::server::{Alarm, Server};

/// Connections accepted from one listener in one turn; what is left goes to the next.
const ACCEPTS_PER_TURN_MAX: usize = 1000;

impl EventLoop {
    pub(super) fn accept(&mut self) {
        for i in 0..self.news.listeners.len() {
            let listener = self.news.listeners[i];
            accept_from(&mut self.server, &mut self.outside, &mut self.news, listener);
        }
    }
}

/// Accepts from one listener, up to a bound.
pub(super) fn accept_from(server: &mut Server, outside: &mut Outside, news: &mut News, listener: usize) {
    for _ in 0..ACCEPTS_PER_TURN_MAX {
        let Some(Some(socket)) = outside.listeners.get(listener) else { return };
        match socket.accept() {
            Ok(accepted) => take_in(server, outside, news, accepted),
            Err(e) if e.kind() == ErrorKind::WouldBlock => return,
            Err(e) if matches!(e.raw_os_error(), Some(libc::EMFILE | libc::ENFILE)) => {
                // Still waiting there: tried again in each turn, with a nap so that the wait does not spin.
                log::warn!("Accepting client connection: accept: {e}");
                server.timers.insert(server.now + 10, Alarm::AcceptAgain(listener));
                return;
            }
            // One peer's failure is not the listener's.
            Err(e) => log::debug!("Accepting client connection: accept: {e}"),
        }
    }
    news.listeners_left.push(listener);
}

fn take_in(server: &mut Server, outside: &mut Outside, news: &mut News, accepted: Accepted) {
    let (mut refusal, peer) = (None, peer_of(&accepted));
    let settings = &server.settings;
    if outside.connections.len() >= settings.clients_max as usize {
        refusal = Some("-ERR max number of clients reached\r\n");
        server.observe.totals.connections_rejected += 1;
    } else if is_protected_from(server, peer) {
        refusal = Some(PROTECTED_MODE);
        server.observe.totals.connections_rejected += 1;
    }
    if let Some(text) = refusal {
        accepted.say_and_close(text.as_bytes());
        return;
    }
    let is_unix = matches!(accepted, Accepted::Unix(_));
    let local = accepted.local_name(&server.settings.unix_socket);
    let keepalive_s = server.settings.tcp_keepalive_s as i32;
    let inserted = match accepted {
        Accepted::Tcp(stream, _) => {
            // A peer that is gone already is found out by the first read.
            let _ = crate::reactor::accept::tune(&stream, keepalive_s);
            outside.connections.insert_tcp(&outside.poller, stream)
        }
        Accepted::Unix(stream) => outside.connections.insert_unix(&outside.poller, stream),
    };
    let index = match inserted {
        Ok(index) => index,
        Err(e) => {
            log::warn!("Error registering client connection: {e}");
            return;
        }
    };
    let descriptor = outside.connections.get_mut(index).map_or(-1, |c| c.descriptor());
    let now = server.now;
    let session = server.sessions.open(index, now);
    session.descriptor = descriptor;
    session.local = local.clone();
    session.peer = match peer {
        Some(peer) => peer.to_string().into(),
        None => local,
    };
    if is_unix {
        session.set(session_flag::UNIX_SOCKET);
    }
    let key = session.key;
    // Whoever comes while no password is asked for stays welcome when one is.
    server.reset_session_user(key);
    server.observe.totals.connections_received += 1;
    server.watch_idle(key);
    // What it sent with the handshake is there already: the edge may be long past.
    news.readable.push(key);
}

/// Protected mode: without a password and without an address chosen, only this machine is served.
fn is_protected_from(server: &Server, peer: Option<SocketAddr>) -> bool {
    let settings = &server.settings;
    let is_foreign = peer.is_some_and(|peer| !peer.ip().to_canonical().is_loopback());
    settings.is_protected && server.acl.user(UserId::DEFAULT).needs_no_password() && is_foreign
}

fn peer_of(accepted: &Accepted) -> Option<SocketAddr> {
    match accepted {
        Accepted::Tcp(_, peer) => Some(*peer),
        Accepted::Unix(_) => None,
    }
}

const PROTECTED_MODE: &str = "-DENIED Redis is running in protected mode because protected mode is enabled and no password \
is set for the default user. In this mode connections are only accepted from the loopback interface. If you want to connect \
from external computers to Redis you may adopt one of the following solutions: 1) Just disable protected mode sending the \
command 'CONFIG SET protected-mode no' from the loopback interface by connecting to Redis from the same host the server is \
running, however MAKE SURE Redis is not publicly accessible from internet if you do so. Use CONFIG REWRITE to make this \
change permanent. 2) Alternatively you can just disable the protected mode by editing the Redis configuration file, and \
setting the protected mode option to 'no', and then restarting the server. 3) If you started the server manually just for \
testing, restart it with the '--protected-mode no' option. 4) Set up an authentication password for the default user. NOTE: \
You only need to do one of the above things in order for the server to start accepting connections from the outside.\r\n";
