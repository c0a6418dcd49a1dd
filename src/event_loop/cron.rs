//! The periodic jobs, `hz` times a second: what need not be done at once, but must not be forgotten.

use super::tick::EventLoop;
use crate::base::clock::Ms;
use crate::server::{Alarm, Server, standing};

/// Rates are sampled this often, so that INFO's `instantaneous_*` is the mean of the last 1.6 seconds, as in Redis.
const SAMPLE_PERIOD_MS: Ms = 100;

impl EventLoop {
    /// Runs the periodic jobs and sets the alarm for the next time.
    pub(super) fn cron(&mut self) {
        let server = &mut self.server;
        let period_ms = (1000 / i64::from(server.settings.hz.max(1))).clamp(1, SAMPLE_PERIOD_MS);
        server.timers.insert(server.now + period_ms, Alarm::Cron);
        if server.settings.watchdog_period_ms > 0 {
            super::crash::arm_watchdog(server.settings.watchdog_period_ms);
        }
        if server.is_cron_paused {
            return;
        }
        let began = server.clock.monotonic_ns();
        server.memory_peak = server.memory_peak.max(server.used_memory());
        crate::exec::output_limits::check_soft(server);
        if server.standing & standing::TRACKING_FULL != 0 {
            crate::exec::tracking::make_room(server, None);
            crate::exec::effects::drain_outbox(server);
        }
        crate::exec::replication::own::expire(server);
        crate::exec::replication::cron::run(server, &mut self.outside);
        crate::exec::append_only::rewrite_if_due(server, &mut self.outside);
        crate::exec::snapshot::begin_if_due(server, &mut self.outside);
        sample_rates(server);
        // Told in microseconds, of which each that was begun counts: a job of half of one is not nothing.
        let took_ns = server.clock.monotonic_ns() - began;
        server.observe.totals.cron_ns += took_ns.next_multiple_of(1000);
    }
}

/// Takes a sample of every rate that INFO tells.
fn sample_rates(server: &mut Server) {
    let now_us = server.clock.monotonic_ns() / 1000;
    let observe = &mut server.observe;
    if now_us.saturating_sub(observe.rates.sampled_us) < SAMPLE_PERIOD_MS as u64 * 1000 {
        return;
    }
    let (calls, totals) = (observe.calls(), observe.totals);
    let rates = &mut observe.rates;
    rates.sampled_us = now_us;
    const PER_SECOND: u64 = 1_000_000;
    rates.commands.sample(calls, now_us, PER_SECOND);
    rates.input_bytes.sample(totals.net_input_bytes, now_us, PER_SECOND);
    rates.output_bytes.sample(totals.net_output_bytes, now_us, PER_SECOND);
    rates.replication_input_bytes.sample(totals.net_repl_input_bytes, now_us, PER_SECOND);
    rates.replication_output_bytes.sample(totals.net_repl_output_bytes, now_us, PER_SECOND);
    rates.turns.sample(totals.loop_turns, now_us, PER_SECOND);
    rates.turn_us.sample(totals.loop_busy_ns / 1000, totals.loop_turns, 1);
}
