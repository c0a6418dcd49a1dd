//! Closing: a session lets go of everything it held (subscriptions, waits, watches, timers), then of its socket.

use super::tick::EventLoop;
use crate::exec::{blocking, transactions};
use crate::keyspace::SessionKey;
use crate::pubsub::Topic;
use crate::server::Server;
use crate::server::sessions::index_of;

impl EventLoop {
    pub(super) fn close(&mut self) {
        while let Some(key) = self.server.sessions.to_close.pop() {
            self.close_session(key);
        }
    }

    fn close_session(&mut self, key: SessionKey) {
        release(&mut self.server, key);
        if self.server.sessions.close(key).is_some() {
            self.outside.connections.remove(&self.outside.poller, index_of(key));
        }
    }
}

/// Takes a session out of everything that knows it.
fn release(server: &mut Server, key: SessionKey) {
    blocking::unpark(server, key);
    transactions::discard(server, key);
    server.monitors.retain(|m| *m != key);
    server.paused.retain(|p| *p != key);
    server.set_standing(crate::server::standing::MONITORED, !server.monitors.is_empty());
    let subscriptions = server.sessions.get_mut(key).and_then(|session| session.subscriptions.take());
    if let Some(held) = subscriptions {
        for (topic, names) in
            [(Topic::Channel, held.channels), (Topic::Pattern, held.patterns), (Topic::Shard, held.shards)]
        {
            for name in names {
                server.pubsub.unsubscribe(topic, &name, key);
            }
        }
    }
}
