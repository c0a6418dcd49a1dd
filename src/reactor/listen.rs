//! Listening sockets: several addresses of both families, optional ones (`-` prefix), and a Unix socket with permissions.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use mio::net::{TcpListener, TcpStream, UnixListener};

use super::accept::Accepted;
use super::poller::Poller;

/// A listening socket.
pub enum Listener {
    Tcp(TcpListener),
    Unix { listener: UnixListener, path: PathBuf },
}

impl Listener {
    /// The next connection; `WouldBlock` when there is none.
    pub fn accept(&self) -> io::Result<Accepted> {
        match self {
            Listener::Tcp(listener) => listener.accept().map(|(stream, peer)| Accepted::Tcp(stream, peer)),
            Listener::Unix { listener, .. } => listener.accept().map(|(stream, _)| Accepted::Unix(stream)),
        }
    }

    pub fn register(&mut self, poller: &Poller, index: usize) -> io::Result<()> {
        match self {
            Listener::Tcp(listener) => poller.register_listener(listener, index),
            Listener::Unix { listener, .. } => poller.register_listener(listener, index),
        }
    }

    pub fn deregister(&mut self, poller: &Poller) {
        match self {
            Listener::Tcp(listener) => poller.deregister(listener),
            Listener::Unix { listener, .. } => poller.deregister(listener),
        }
    }

    pub fn is_tcp(&self) -> bool {
        matches!(self, Listener::Tcp(_))
    }
}

/// Opens one listener for each of `addresses` (`*` is every IPv4, `::*` every IPv6 address; a leading `-` makes one
/// optional). The error names the address.
pub fn bind_all(addresses: &[Vec<u8>], port: u16, backlog: i32) -> Result<Vec<Listener>, String> {
    let mut listeners = Vec::new();
    for word in addresses {
        let text = String::from_utf8_lossy(word).into_owned();
        let (name, is_optional) = match text.strip_prefix('-') {
            Some(name) => (name, true),
            None => (text.as_str(), false),
        };
        match bind_one(name, port, backlog) {
            Ok(listener) => listeners.push(Listener::Tcp(listener)),
            Err(e) if is_optional && is_absence(&e) => {}
            Err(e) => {
                let reason = io_reason(&e);
                log::warn!("Could not create server TCP listening socket {name}:{port}: bind: {reason}");
                return Err(format!("Failed listening on port {port} (tcp), aborting."));
            }
        }
    }
    Ok(listeners)
}

/// The words of the system for an error, without Rust's number behind them.
fn io_reason(e: &io::Error) -> String {
    let text = e.to_string();
    text.split(" (os error").next().unwrap_or(&text).to_owned()
}

/// The address or its family is not there, which an optional address may be.
fn is_absence(e: &io::Error) -> bool {
    e.kind() == ErrorKind::AddrNotAvailable
        || matches!(e.raw_os_error(), Some(libc::EAFNOSUPPORT | libc::EPROTONOSUPPORT | libc::ENOPROTOOPT))
}

fn bind_one(name: &str, port: u16, backlog: i32) -> io::Result<TcpListener> {
    let address = match name {
        "*" => IpAddr::from([0, 0, 0, 0]),
        "::*" => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        name => match name.parse() {
            Ok(address) => address,
            Err(_) => {
                use std::net::ToSocketAddrs;
                let mut found = (name, port).to_socket_addrs()?;
                found.next().ok_or_else(|| io::Error::from(ErrorKind::AddrNotAvailable))?.ip()
            }
        },
    };
    let socket = socket_for(address)?;
    let mut storage: libc::sockaddr_storage = unsafe { std::mem::zeroed() };
    let len = encode_address(SocketAddr::new(address, port), &mut storage);
    let rc = unsafe { libc::bind(socket.as_raw_fd(), (&raw const storage).cast(), len) };
    if rc < 0 {
        return Err(io::Error::last_os_error());
    }
    if unsafe { libc::listen(socket.as_raw_fd(), backlog) } < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(TcpListener::from_std(std::net::TcpListener::from(socket)))
}

/// Begins to connect from an address of ours.
pub(super) fn connect_from(from: IpAddr, to: SocketAddr) -> io::Result<TcpStream> {
    let socket = socket_for(from)?;
    let mut storage: libc::sockaddr_storage = unsafe { std::mem::zeroed() };
    let len = encode_address(SocketAddr::new(from, 0), &mut storage);
    if unsafe { libc::bind(socket.as_raw_fd(), (&raw const storage).cast(), len) } < 0 {
        return Err(io::Error::last_os_error());
    }
    let len = encode_address(to, &mut storage);
    if unsafe { libc::connect(socket.as_raw_fd(), (&raw const storage).cast(), len) } < 0 {
        let error = io::Error::last_os_error();
        if error.raw_os_error() != Some(libc::EINPROGRESS) {
            return Err(error);
        }
    }
    Ok(TcpStream::from_std(std::net::TcpStream::from(socket)))
}

fn socket_for(address: IpAddr) -> io::Result<OwnedFd> {
    let family = if address.is_ipv4() { libc::AF_INET } else { libc::AF_INET6 };
    let raw = unsafe { libc::socket(family, libc::SOCK_STREAM | libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC, 0) };
    if raw < 0 {
        return Err(io::Error::last_os_error());
    }
    // Safety: the descriptor was just made and is nobody else's.
    let socket = unsafe { OwnedFd::from_raw_fd(raw) };
    set_option(&socket, libc::SOL_SOCKET, libc::SO_REUSEADDR, 1)?;
    if address.is_ipv6() {
        set_option(&socket, libc::IPPROTO_IPV6, libc::IPV6_V6ONLY, 1)?;
    }
    Ok(socket)
}

fn set_option(socket: &impl AsRawFd, level: i32, name: i32, value: i32) -> io::Result<()> {
    let len = size_of::<i32>() as libc::socklen_t;
    let rc = unsafe { libc::setsockopt(socket.as_raw_fd(), level, name, (&raw const value).cast(), len) };
    if rc < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

fn encode_address(address: SocketAddr, storage: &mut libc::sockaddr_storage) -> libc::socklen_t {
    // Safety: sockaddr_storage is large enough and aligned for either kind of address.
    unsafe {
        match address {
            SocketAddr::V4(v4) => {
                let to = &mut *(&raw mut *storage).cast::<libc::sockaddr_in>();
                to.sin_family = libc::AF_INET as libc::sa_family_t;
                to.sin_port = v4.port().to_be();
                to.sin_addr.s_addr = u32::from_ne_bytes(v4.ip().octets());
                size_of::<libc::sockaddr_in>() as libc::socklen_t
            }
            SocketAddr::V6(v6) => {
                let to = &mut *(&raw mut *storage).cast::<libc::sockaddr_in6>();
                to.sin6_family = libc::AF_INET6 as libc::sa_family_t;
                to.sin6_port = v6.port().to_be();
                to.sin6_addr.s6_addr = v6.ip().octets();
                size_of::<libc::sockaddr_in6>() as libc::socklen_t
            }
        }
    }
}

/// Opens the Unix socket at `path`, in place of an old one; `mode` 0 leaves the permissions to the umask.
pub fn bind_unix(path: &Path, mode: u32) -> io::Result<Listener> {
    // Left behind by a server that is gone, or nothing: binding tells if it is something else.
    let _ = std::fs::remove_file(path);
    let listener = UnixListener::bind(path)?;
    if mode != 0 {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))?;
    }
    Ok(Listener::Unix { listener, path: path.to_owned() })
}

/// Nodelay, and keepalive after `keepalive_s` idle seconds (0: none), with the intervals that Redis uses.
pub fn tune_accepted(stream: &TcpStream, keepalive_s: i32) -> io::Result<()> {
    stream.set_nodelay(true)?;
    if keepalive_s > 0 {
        set_option(stream, libc::SOL_SOCKET, libc::SO_KEEPALIVE, 1)?;
        set_option(stream, libc::IPPROTO_TCP, libc::TCP_KEEPIDLE, keepalive_s)?;
        set_option(stream, libc::IPPROTO_TCP, libc::TCP_KEEPINTVL, (keepalive_s / 3).max(1))?;
        set_option(stream, libc::IPPROTO_TCP, libc::TCP_KEEPCNT, 3)?;
    }
    Ok(())
}
