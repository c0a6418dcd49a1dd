//! Leaving: signals, SHUTDOWN, and what is done last.

use super::tick::EventLoop;
use crate::config::special::ShutdownWords;
use crate::exec::shutdown;
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
        shutdown::ask(&mut self.server, request_of(words), None);
    }

    /// Leaves if somebody asked for it and nothing stands against it. Everything that ran before this in the turn is in the
    /// data that is saved.
    pub(super) fn leave_if_asked(&mut self) {
        // With the periodic jobs paused a signal waits, so that SHUTDOWN ABORT can be tried.
        let Some(asked) = &self.server.shutdown else { return };
        let (request, is_signal, begins) = (asked.request, asked.asked_by.is_empty(), asked.waits_until.is_none());
        if is_signal && self.server.is_cron_paused {
            return;
        }
        // Keys that are on their way are here or there, not lost between: each way ends with its timeout.
        if !self.server.migrations.is_empty() && !request.now {
            return;
        }
        if begins {
            self.outside.supervision.tell("STOPPING=1");
        }
        if !shutdown::is_ready(&mut self.server) {
            // What replicas are asked leaves in the next turn, which is not waited for.
            self.has_backlog |= self.server.journal.unread_bytes() > 0;
            return;
        }
        if shutdown::prepare(&mut self.server, &mut self.outside, request) {
            self.outside.remove_traces();
            log::warn!("Redis is now ready to exit, bye bye...");
            self.leaves_with = Some(0);
            return;
        }
        log::warn!("Errors trying to shut down the server. Check the logs for more information.");
        shutdown::give_up(&mut self.server, &mut self.outside);
    }
}

/// What `shutdown-on-sigterm` and its like say.
fn request_of(words: ShutdownWords) -> ShutdownRequest {
    let save = if words.save { Some(true) } else { words.nosave.then_some(false) };
    ShutdownRequest { save, force: words.force, now: words.now }
}
