//! The periodic jobs, `hz` times a second: what need not be done at once, but must not be forgotten.

use super::tick::EventLoop;
use crate::server::Alarm;

impl EventLoop {
    /// Runs the periodic jobs and sets the alarm for the next time.
    pub(super) fn cron(&mut self) {
        let server = &mut self.server;
        server.memory_peak = server.memory_peak.max(server.used_memory());
        crate::exec::output_limits::check_soft(server);
        crate::exec::snapshot::begin_if_due(server, &mut self.outside);
        let period_ms = 1000 / i64::from(server.settings.hz.max(1));
        server.timers.insert(server.now + period_ms.max(1), Alarm::Cron);
    }
}
