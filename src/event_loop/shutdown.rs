//! Leaving: signals, SHUTDOWN, and what is done last.

use super::tick::EventLoop;
use crate::config::special::ShutdownWords;
use crate::exec::{blocking, snapshot};
use crate::server::ShutdownRequest;

impl EventLoop {
    pub(super) fn handle_signals(&mut self) {
        let received = self.outside.signals.take();
        let settings = &self.server.settings;
        let (name, words) = match (received.term, received.int) {
            (true, _) => ("SIGTERM", settings.shutdown_on_sigterm),
            (_, true) => ("SIGINT", settings.shutdown_on_sigint),
            _ => return,
        };
        log::warn!("Received {name} scheduling shutdown...");
        self.server.shutdown = Some(request_of(words));
    }

    /// Leaves if somebody asked for it and nothing stands against it. Everything that ran before this in the turn is in the
    /// data that is saved.
    pub(super) fn leave_if_asked(&mut self) {
        // With the periodic jobs paused a signal waits, so that SHUTDOWN ABORT can be tried.
        let waits = |request: &ShutdownRequest| request.asked_by.is_none() && self.server.is_cron_paused;
        if self.server.shutdown.as_ref().is_none_or(waits) {
            return;
        }
        // Keys that are on their way are here or there, not lost between: each way ends with its timeout.
        if !self.server.migrations.is_empty() && !self.server.shutdown.is_some_and(|request| request.now) {
            return;
        }
        let Some(request) = self.server.shutdown.take() else { return };
        log::warn!("User requested shutdown...");
        self.outside.supervision.tell("STOPPING=1");
        if snapshot::prepare_to_leave(&mut self.server, &mut self.outside, request) {
            self.outside.remove_traces();
            log::warn!("Redis is now ready to exit, bye bye...");
            self.leaves_with = Some(0);
            return;
        }
        log::warn!("Errors trying to shut down the server. Check the logs for more information.");
        self.outside.signals.forget();
        if let Some(session) = request.asked_by {
            blocking::end_with_error(&mut self.server, session, "ERR Errors trying to SHUTDOWN. Check logs.");
        }
    }
}

/// What `shutdown-on-sigterm` and its like say.
fn request_of(words: ShutdownWords) -> ShutdownRequest {
    let save = if words.save { Some(true) } else { words.nosave.then_some(false) };
    ShutdownRequest { save, force: words.force, now: words.now, asked_by: None }
}
