//! The busy turn: while a script runs for too long, the loop goes on beside it, as far as that needs nothing of what the script
//! holds.
//!
//! ```text
//! script … every 100,000 instructions ─▶ read (accept, read what others send) ─▶ their requests, mostly refused ─▶ write ─▶ close
//! ```
//!
//! Who leaves is let go of at once: a script may wait for just that (a replica that INFO does not count any more). What belongs to
//! whole turns waits for the end of the script: timers, children, links, signals. News of them is kept, so that no edge is lost.

use std::time::Duration;

use super::accept;
use super::close::close_session;
use super::links::key_of;
use super::outside::Outside;
use super::read::read_behind;
use super::write::write_session;
use crate::keyspace::SessionKey;
use crate::reactor::{ReadOutcome, Wake};
use crate::server::Server;
use crate::server::session::{HELD, flag as session_flag};
use crate::server::sessions::index_of;

/// Takes in who connects, and reads once from everybody who sends; gives the sessions with something to execute.
pub fn read(outside: &mut Outside, server: &mut Server) -> Vec<SessionKey> {
    let mut news = std::mem::take(&mut outside.missed);
    let mut listeners = std::mem::take(&mut news.listeners_left);
    let (poller, connections) = (&mut outside.poller, &mut outside.connections);
    let polled = poller.wait(Some(Duration::ZERO), |wake| match wake {
        Wake::Connection { index, generation, is_readable, is_writable, is_read_closed } => {
            let Some(connection) = connections.get_mut(index) else { return };
            let Some(session) = server.sessions.at_mut(index) else { return };
            if connection.generation != generation {
                return;
            }
            connection.is_read_closed |= is_read_closed;
            if is_readable || is_read_closed {
                news.readable.push(session.key);
            }
            if is_writable && connection.is_write_blocked {
                connection.is_write_blocked = false;
                let key = session.key;
                server.sessions.queue_write(key);
            }
        }
        Wake::Link { index, generation } => news.links.push(key_of(index, generation)),
        Wake::Listener(index) => listeners.push(index),
        Wake::Pipe(index) => news.pipes.push(index),
        Wake::Signal => news.signal = true,
        Wake::Helper | Wake::Timer => {}
    });
    if let Err(error) = polled {
        log::error!("poll failed: {error}");
    }
    for listener in listeners {
        accept::accept_from(server, outside, &mut news, listener);
    }
    let readable = std::mem::take(&mut news.readable);
    let with_requests = readable.into_iter().filter(|key| match read_session(outside, server, *key) {
        After::Execute { has_more } => {
            if has_more {
                news.readable.push(*key);
            }
            true
        }
        After::Later => {
            news.readable.push(*key);
            false
        }
        After::Nothing => false,
    });
    let with_requests = with_requests.collect();
    outside.missed = news;
    with_requests
}

/// What is to be done with a session that was to be read.
enum After {
    Execute {
        has_more: bool,
    },
    /// It may not be read now.
    Later,
    Nothing,
}

fn read_session(outside: &mut Outside, server: &mut Server, key: SessionKey) -> After {
    let Some(session) = server.sessions.get_mut(key) else { return After::Nothing };
    if session.has(session_flag::CLOSE_NOW | session_flag::CLOSE_AFTER_REPLY) {
        return After::Nothing;
    }
    // The script's own client, those parsed together with it, and those who wait.
    if session.has(HELD | session_flag::IN_BATCH) {
        return After::Later;
    }
    let Some(connection) = outside.connections.get_mut(index_of(key)) else { return After::Nothing };
    let (outcome, _) = read_behind(connection, &mut session.pending, &session.progress);
    let (count, has_more) = match outcome {
        ReadOutcome::More(count) => (count, true),
        ReadOutcome::Drained(count) => (count, false),
        ReadOutcome::Closed => {
            server.sessions.queue_close(key);
            return After::Nothing;
        }
    };
    session.net_input_bytes += count as u64;
    server.observe.totals.net_input_bytes += count as u64;
    server.observe.totals.reads_processed += 1;
    server.count_client(key);
    if count == 0 { After::Nothing } else { After::Execute { has_more } }
}

/// Sends what others were answered.
pub fn write(outside: &mut Outside, server: &mut Server) {
    for key in server.sessions.take_to_write() {
        // What its socket does not take goes on when there is room, or in the next turn.
        write_session(server, outside, key);
    }
}

/// Closes who is to be closed, but for those whose requests the script's own turn holds: they are closed with the turn.
pub fn close(outside: &mut Outside, server: &mut Server) {
    let held = session_flag::IN_BATCH | session_flag::IN_SCRIPT;
    for key in std::mem::take(&mut server.sessions.to_close) {
        match server.sessions.get(key) {
            Some(session) if session.has(held) => server.sessions.to_close.push(key),
            _ => close_session(server, outside, key),
        }
    }
}
