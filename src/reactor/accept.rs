//! An accepted socket before it becomes a connection.

use std::io::{self, Write};
use std::net::SocketAddr;

use mio::net::{TcpStream, UnixStream};

use super::listen;

/// Somebody who connected.
pub enum Accepted {
    Tcp(TcpStream, SocketAddr),
    Unix(UnixStream),
}

impl Accepted {
    /// One last line, as far as the socket takes it, and goodbye.
    pub fn say_and_close(mut self, line: &[u8]) {
        // Whoever is not there to read it does not miss it.
        let _ = match &mut self {
            Accepted::Tcp(stream, _) => stream.write(line),
            Accepted::Unix(stream) => stream.write(line),
        };
    }

    /// Our side of it, as CLIENT LIST names it (`path:0` for a Unix socket).
    pub fn local_name(&self, unix_path: &[u8]) -> Box<str> {
        match self {
            Accepted::Tcp(stream, _) => stream.local_addr().map(|a| a.to_string()).unwrap_or_default().into(),
            Accepted::Unix(_) => format!("{}:0", String::from_utf8_lossy(unix_path)).into(),
        }
    }
}

/// Nodelay, and keepalive after `keepalive_s` idle seconds (0: none).
pub fn tune(stream: &TcpStream, keepalive_s: i32) -> io::Result<()> {
    listen::tune_accepted(stream, keepalive_s)
}
