//! Writing: replies leave at the end of the turn, in one call a session; what the socket does not take waits for room.

use std::io::IoSlice;

use super::outside::Outside;
use super::tick::EventLoop;
use crate::exec::replication;
use crate::keyspace::SessionKey;
use crate::reactor::Connection;
use crate::server::Server;
use crate::server::session::flag as session_flag;
use crate::server::sessions::index_of;

/// Bytes that one session is sent in one turn; the rest goes on in the next, behind the others.
const WRITE_BYTES_PER_TURN: usize = 256 * 1024;
/// Pieces given to one call.
const PIECES_MAX: usize = 64;
/// Emptied reply buffers are kept for the next replies: so many of up to this size, as many again of up to half of it, then of a
/// third, and so on; messages to many subscribers need many small ones.
const KEPT_BYTES_MAX: usize = 64 * 1024;
const KEPT_BUFFERS_STEP: usize = 64;
const KEPT_BUFFERS_MAX: usize = 512;

/// True while an emptied buffer of `capacity` bytes is worth keeping beside `kept` others.
#[inline]
fn is_worth_keeping(capacity: usize, kept: usize) -> bool {
    kept < KEPT_BUFFERS_MAX && capacity <= KEPT_BYTES_MAX / (1 + kept / KEPT_BUFFERS_STEP)
}

impl EventLoop {
    pub(super) fn write(&mut self) {
        let writable = std::mem::take(&mut self.news.writable);
        for &key in &writable {
            self.server.sessions.queue_write(key);
        }
        self.news.writable = writable;
        let to_write = self.server.sessions.take_to_write();
        for &key in &to_write {
            self.write_session(key);
        }
        // Sessions that have more to send than one turn takes queued themselves anew meanwhile.
        let mut emptied = to_write;
        emptied.clear();
        emptied.append(&mut self.server.sessions.to_write);
        self.server.sessions.to_write = emptied;
        self.relieve_pipe();
    }

    fn write_session(&mut self, key: SessionKey) {
        self.has_backlog |= write_session(&mut self.server, &mut self.outside, key);
    }
}

/// Sends what a session was answered, up to a bound; true if there is more and its socket would take it.
#[inline]
pub(super) fn write_session(server: &mut Server, outside: &mut Outside, key: SessionKey) -> bool {
    let Some(session) = server.sessions.get_mut(key) else { return false };
    session.clear(session_flag::WRITE_QUEUED);
    if session.has(session_flag::CLOSE_NOW) {
        return false;
    }
    let Some(connection) = outside.connections.get_mut(index_of(key)) else { return false };
    let mut sent = 0;
    let mut has_more = false;
    while !session.out.is_empty() && !connection.is_write_blocked && sent < WRITE_BYTES_PER_TURN {
        let (wanted, written) = match session.out.only_slice() {
            Some(bytes) => (bytes.len(), connection.write(&[IoSlice::new(bytes)])),
            None => {
                let mut pieces = [IoSlice::new(&[]); PIECES_MAX];
                let count = session.out.slices(&mut pieces);
                let wanted = pieces[..count].iter().map(|piece| piece.len()).sum();
                (wanted, connection.write(&pieces[..count]))
            }
        };
        match written {
            Ok(written) => {
                sent += written;
                session.out.consume(written);
                if written < wanted {
                    // The edge comes when there is room; asking again now would only be refused.
                    connection.is_write_blocked = true;
                }
            }
            Err(e) => {
                log::debug!("Error writing to client: {e}");
                server.sessions.queue_close(key);
                return false;
            }
        }
    }
    if sent > 0 {
        session.last_sent = server.now;
    }
    session.net_output_bytes += sent as u64;
    server.observe.totals.net_output_bytes += sent as u64;
    server.observe.totals.writes_processed += 1;
    if session.has(session_flag::REPLICA) {
        server.observe.totals.net_repl_output_bytes += sent as u64;
        if session.out.is_empty() {
            session.out.clear();
            return write_to_replica(server, connection, key, sent);
        }
    }
    if session.out.is_empty() {
        session.out.clear();
        let buffer = std::mem::take(&mut session.out.bytes);
        if is_worth_keeping(buffer.capacity(), server.spare_buffers.len()) {
            server.spare_buffers.push(buffer);
        }
        session.soft_limit_since = None;
        if session.has(session_flag::CLOSE_AFTER_REPLY) {
            server.sessions.queue_close(key);
        }
    } else if !connection.is_write_blocked {
        server.sessions.queue_write(key);
        has_more = true;
    }
    server.count_client(key);
    has_more
}

/// Sends a replica, which was sent all that it was answered, the next piece of its dump, or of the stream.
#[cold]
fn write_to_replica(server: &mut Server, connection: &mut Connection, key: SessionKey, already: usize) -> bool {
    // Its dump goes out piece by piece.
    if replication::dumps::refill(server, key) {
        server.sessions.queue_write(key);
        return !connection.is_write_blocked;
    }
    if let Some(session) = server.sessions.get_mut(key) {
        // It had room for a piece, which is not needed for the stream.
        session.out.bytes = Vec::new();
    }
    let mut sent = already;
    let is_done = loop {
        let mut pieces = [IoSlice::new(&[]); PIECES_MAX];
        let count = server.replication.unsent(key, &mut pieces);
        if count == 0 || connection.is_write_blocked || sent >= WRITE_BYTES_PER_TURN {
            break count == 0;
        }
        let wanted: usize = pieces[..count].iter().map(|piece| piece.len()).sum();
        match connection.write(&pieces[..count]) {
            Ok(written) => {
                sent += written;
                connection.is_write_blocked = written < wanted;
                server.replication.note_sent(key, written);
            }
            Err(e) => {
                log::debug!("Error writing to client: {e}");
                server.sessions.queue_close(key);
                return false;
            }
        }
    };
    let streamed = (sent - already) as u64;
    let (now, waiting) = (server.now, server.replication.waiting_bytes(key));
    server.observe.totals.net_output_bytes += streamed;
    server.observe.totals.net_repl_output_bytes += streamed;
    let Some(session) = server.sessions.get_mut(key) else { return false };
    session.net_output_bytes += streamed;
    if streamed > 0 {
        session.last_sent = now;
    }
    if waiting == 0 {
        session.soft_limit_since = None;
    }
    if is_done {
        if session.has(session_flag::CLOSE_AFTER_REPLY) {
            server.sessions.queue_close(key);
        }
        return false;
    }
    if connection.is_write_blocked {
        return false;
    }
    server.sessions.queue_write(key);
    true
}
