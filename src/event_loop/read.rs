//! Reading and executing: every session with news or with bytes left is read once, up to a bound; when the arena is full,
//! what was read is executed and reading goes on.

use super::tick::EventLoop;
use crate::exec::batch::READ_BYTES_MAX;
use crate::exec::replication;
use crate::keyspace::SessionKey;
use crate::protocol::request::Progress;
use crate::reactor::ReadOutcome;
use crate::server::session::{HELD, flag as session_flag};
use crate::server::sessions::index_of;

impl EventLoop {
    pub(super) fn read(&mut self) {
        self.refresh_settings();
        // 1. Sessions that have bytes left from a bound, a wait or a pause.
        let to_run = std::mem::take(&mut self.server.sessions.to_run);
        for key in to_run {
            self.run_pending(key);
        }
        // 2. Sessions with news from their sockets.
        let readable = std::mem::take(&mut self.news.readable);
        for &key in &readable {
            self.read_session(key);
        }
        self.news.readable = readable;
        self.execute();
    }

    /// CONFIG SET put new settings in place: commands see them from here on.
    pub(super) fn refresh_settings(&mut self) {
        if !std::rc::Rc::ptr_eq(&self.dispatcher.settings, &self.server.settings) {
            self.dispatcher.settings = std::rc::Rc::clone(&self.server.settings);
        }
    }

    fn run_pending(&mut self, key: SessionKey) {
        let Some(session) = self.server.sessions.get_mut(key) else { return };
        session.clear(session_flag::RUN_QUEUED);
        if session.has(HELD) {
            return;
        }
        self.batch.take_pending(&self.dispatcher.context(), &mut self.server, key);
        // What the socket holds beyond that (a bound stopped the last read) is read in the same turn.
        self.execute();
        // What was applied counts at once: the next command may ask for the offset, or for a dump.
        if self.server.replication.master_session() == Some(key) {
            replication::stream_applied(&mut self.server, &mut self.outside);
        }
        self.read_session(key);
    }

    /// Reads a session once.
    fn read_session(&mut self, key: SessionKey) {
        // A session may have news twice in a turn; its first bytes are executed before its next ones are read.
        let is_in_batch = self.server.sessions.get(key).is_some_and(|s| s.has(session_flag::IN_BATCH));
        if is_in_batch || !self.batch.has_room() {
            self.execute();
        }
        let Some(session) = self.server.sessions.get_mut(key) else { return };
        let Some(connection) = self.outside.connections.get_mut(index_of(key)) else { return };
        if session.has(session_flag::CLOSE_NOW | session_flag::CLOSE_AFTER_REPLY) {
            return;
        }
        session.last_active = self.server.now;
        let is_fresh = session.pending.is_empty() && !session.has(HELD);
        let (outcome, limit) = if is_fresh {
            (connection.read(self.batch.room()), READ_BYTES_MAX)
        } else {
            read_behind(connection, &mut session.pending, &session.progress)
        };
        let (count, is_more) = match outcome {
            ReadOutcome::More(count) => (count, true),
            ReadOutcome::Drained(count) => (count, false),
            ReadOutcome::Closed => {
                log::debug!("Client closed connection id={} addr={}", session.id, session.peer);
                self.server.sessions.queue_close(key);
                return;
            }
        };
        let _ = limit;
        session.net_input_bytes += count as u64;
        let totals = &mut self.server.observe.totals;
        totals.net_input_bytes += count as u64;
        totals.reads_processed += 1;
        if is_more {
            self.server.sessions.queue_run(key);
        }
        if count == 0 {
            return;
        }
        if !is_fresh {
            self.server.count_client(key);
        }
        if is_fresh {
            self.batch.take_read(&self.dispatcher.context(), &mut self.server, key, count);
            return;
        }
        let session = self.server.sessions.get_mut(key).expect("the session at hand");
        let limit = self.server.settings.query_buffer_bytes_max as usize;
        if session.pending.len() > limit && !session.has(session_flag::INTERNAL) {
            log::warn!(
                "Closing client that reached max query buffer length: id={} addr={} (qbuf={})",
                session.id,
                session.peer,
                session.pending.len()
            );
            self.server.observe.totals.query_buffer_limit_disconnections += 1;
            self.server.sessions.queue_close(key);
        } else if !session.has(HELD) {
            self.batch.take_pending(&self.dispatcher.context(), &mut self.server, key);
        }
    }

    /// Executes what was read.
    pub(super) fn execute(&mut self) {
        if self.batch.is_empty() {
            return;
        }
        let mut context = self.dispatcher.context();
        self.ran += self.batch.execute(&mut context, &mut self.server, &mut self.outside);
        self.refresh_settings();
    }
}

/// Reads behind the bytes that a session has already; a buffer that grows does so in doubling steps, up to what the argument that
/// is waited for needs.
pub(super) fn read_behind(
    connection: &mut crate::reactor::Connection,
    pending: &mut Vec<u8>,
    progress: &Progress,
) -> (ReadOutcome, usize) {
    let old = pending.len();
    let needed = progress.needed().filter(|needed| *needed > old).map_or(usize::MAX, |needed| needed - old);
    let room = READ_BYTES_MAX.max(old).min(needed);
    pending.reserve_exact(room);
    pending.resize(old + room, 0);
    let outcome = connection.read(&mut pending[old..]);
    let count = match outcome {
        ReadOutcome::More(count) | ReadOutcome::Drained(count) => count,
        ReadOutcome::Closed => 0,
    };
    pending.truncate(old + count);
    (outcome, room)
}
