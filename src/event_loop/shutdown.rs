//! Leaving: signals, SHUTDOWN, and what is done last.

use super::tick::EventLoop;
use crate::server::ShutdownRequest;

impl EventLoop {
    pub(super) fn handle_signals(&mut self) {
        let received = self.outside.signals.take();
        let pid = self.server.identity.pid;
        if received.term || received.int {
            let name = if received.term { "SIGTERM" } else { "SIGINT" };
            log::warn!("Received {name} scheduling shutdown...");
            log::debug!("process {pid} asked to leave");
            self.server.shutdown = Some(ShutdownRequest::default());
        }
    }

    /// Leaves if somebody asked for it and nothing stands against it.
    pub(super) fn leave_if_asked(&mut self) {
        let Some(_request) = self.server.shutdown.take() else { return };
        log::warn!("User requested shutdown...");
        self.outside.remove_traces();
        log::warn!("Gyre is now ready to exit, bye bye...");
        self.leaves_with = Some(0);
    }

    /// Children that finished, and what they said meanwhile.
    pub(super) fn children(&mut self) {}
}
