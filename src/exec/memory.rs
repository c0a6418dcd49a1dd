//! `maxmemory`: room is made before a command runs, within a bounded time.

use crate::config::Settings;
use crate::keyspace::SessionKey;
use crate::server::Server;

/// Longest time that one command may wait for eviction, by `maxmemory-eviction-tenacity` 0 to 100: 500 µs a step of ten
/// up to 10, then growing by 15 % a step, as Redis spends it; at 100 without bound.
fn time_limit_ns(tenacity: i64) -> u64 {
    match tenacity {
        100.. => u64::MAX,
        0..=10 => 50_000 * tenacity.max(0) as u64,
        _ => (500_000.0 * 1.15f64.powi((tenacity - 10) as i32)) as u64,
    }
}

/// Evictions between two looks at the clock.
const EVICTIONS_PER_LOOK: usize = 16;

/// Brings memory below `maxmemory`, for the command of a session (`by`) or for nobody's, as far as policy and time allow; false
/// when it is above and nothing can be done.
pub fn make_room(server: &mut Server, settings: &Settings, by: Option<SessionKey>) -> bool {
    if settings.maxmemory_bytes == 0 || server.used_memory() <= settings.maxmemory_bytes {
        return true;
    }
    // A replica's keys go when its master says so.
    if server.replication.is_replica() && settings.replica_ignore_maxmemory {
        return true;
    }
    if counted_bytes(server) <= settings.maxmemory_bytes {
        return true;
    }
    // What goes is for the server to say that the data comes from.
    if settings.import_mode {
        return false;
    }
    // Not counted, but what is of no use goes before any key does.
    server.spare_buffers = Vec::new();
    let started = server.clock.monotonic_ns();
    let fits = evict(server, settings, by, started);
    server.observe.note_latency("eviction-cycle", server.clock.monotonic_ns() - started, server.now);
    fits
}

/// What is held against `maxmemory`.
fn counted_bytes(server: &Server) -> u64 {
    server.used_memory().saturating_sub(server.uncounted_bytes())
}

fn evict(server: &mut Server, settings: &Settings, by: Option<SessionKey>, started: u64) -> bool {
    let limit = time_limit_ns(i64::from(settings.eviction_tenacity));
    let mut rounds = 0;
    // What the news of an eviction takes is not counted: telling those who track keys must not lead to more evictions.
    let mut left = counted_bytes(server).saturating_sub(settings.maxmemory_bytes);
    while left > 0 {
        // What lies on the way out already is room, too.
        let freed = if !server.keyspace.garbage.is_empty() {
            let before = server.used_memory();
            server.keyspace.garbage.free_slice();
            before.saturating_sub(server.used_memory())
        } else if let Some(freed) = server.keyspace.evict_one() {
            freed as u64
        } else {
            return false;
        };
        left = left.saturating_sub(freed);
        super::effects::hand_on_all(server, by);
        rounds += 1;
        if rounds % EVICTIONS_PER_LOOK == 0 && server.clock.monotonic_ns() - started > limit {
            // Out of time, yet getting there: the periodic job goes on with it.
            server.eviction_goes_on = true;
            return true;
        }
    }
    true
}
