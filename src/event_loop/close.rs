//! Closing: a session lets go of everything it held (subscriptions, waits, watches, timers), then of its socket.

use super::outside::Outside;
use super::tick::EventLoop;
use crate::exec::{blocking, client_memory, replication, transactions};
use crate::keyspace::SessionKey;
use crate::server::Server;
use crate::server::sessions::index_of;

impl EventLoop {
    pub(super) fn close(&mut self) {
        self.close_queued();
        // After the replies have left, and those who leave anyway, so that nobody is closed for what was on its way.
        if self.server.client_memory.is_above() {
            client_memory::evict(&mut self.server, &self.dispatcher.commands);
            self.close_queued();
        }
    }

    fn close_queued(&mut self) {
        while let Some(key) = self.server.sessions.to_close.pop() {
            close_session(&mut self.server, &mut self.outside, key);
        }
    }
}

/// Ends one session, and its connection with it.
pub(super) fn close_session(server: &mut Server, outside: &mut Outside, key: SessionKey) {
    release(server, key);
    replication::released(server, outside, key);
    // It is to be closed, and so leaves the account.
    server.count_client(key);
    if server.sessions.close(key).is_some() {
        outside.connections.remove(&outside.poller, index_of(key));
    }
}

/// Takes a session out of everything that knows it.
fn release(server: &mut Server, key: SessionKey) {
    blocking::unpark(server, key);
    if let Some(timer) = server.sessions.get_mut(key).and_then(|session| session.idle_timer.take()) {
        server.timers.cancel(timer);
    }
    transactions::discard(server, key);
    server.paused.retain(|paused| *paused != key);
    server.stop_monitoring(key);
    server.unsubscribe_all(key);
    server.tracking.forget(key);
    server.update_tracking();
}
