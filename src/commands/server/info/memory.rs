//! Where memory goes: one account that INFO memory, MEMORY STATS and MEMORY DOCTOR all tell of.

use crate::base::memory::allocator_stat;
use crate::server::session::flag;
use crate::server::{ProcessFacts, Server};

/// Bytes by purpose and by layer of the system.
pub struct Account {
    pub used: u64,
    pub peak: u64,
    /// Used before there was any data.
    pub startup: u64,
    /// Buffers of clients.
    pub clients: u64,
    /// The replication stream: as much of it as is kept in any case, and what is there because replicas are behind.
    pub backlog: u64,
    pub replicas: u64,
    /// The databases' tables, without the entries.
    pub tables: u64,
    pub keys: u64,
    /// As the allocator counts: handed out, in pages that hold something, mapped, given back lazily.
    pub allocated: u64,
    pub active: u64,
    pub resident: u64,
    pub muzzy: u64,
    /// As the system counts.
    pub rss: u64,
}

/// How much more one layer holds than the one above asked for.
pub struct Ratio {
    pub ratio: f64,
    pub bytes: i64,
    /// Names in MEMORY STATS.
    pub stat_names: (&'static str, &'static str),
    /// Names in INFO.
    pub info_names: (&'static str, &'static str),
    pub advice: &'static str,
    bad_from: f64,
}

/// Below this many bytes a bad ratio does no harm.
const BAD_BYTES_MIN: i64 = 10 << 20;

impl Ratio {
    pub fn is_bad(&self) -> bool {
        self.ratio > self.bad_from && self.bytes > BAD_BYTES_MIN
    }
}

impl Account {
    /// Takes stock.
    pub fn of(server: &Server, process: &ProcessFacts) -> Account {
        let used = server.used_memory();
        let (stream, beyond) = server.replication.stream_memory();
        let behind = if server.replication.has_replicas() { beyond } else { 0 };
        let clients = server.sessions.iter().filter(|session| !session.has(flag::REPLICA));
        Account {
            used,
            peak: server.memory_peak.max(used),
            startup: server.memory_startup,
            clients: clients.map(|session| server.client_bytes(session).total as u64).sum(),
            backlog: (stream - behind) as u64,
            replicas: behind as u64,
            tables: server.keyspace.iter().filter(|db| !db.is_empty()).map(|db| db.table_bytes() as u64).sum(),
            keys: server.keyspace.len() as u64,
            allocated: allocator_stat(c"stats.allocated"),
            active: allocator_stat(c"stats.active"),
            resident: allocator_stat(c"stats.resident"),
            muzzy: 0,
            rss: process.rss_bytes,
        }
    }

    /// What is not data: what was there before, clients, tables.
    pub fn overhead(&self) -> u64 {
        self.startup + self.backlog + self.clients + self.replicas + self.tables
    }

    pub fn dataset(&self) -> u64 {
        self.used.saturating_sub(self.overhead())
    }

    /// The data's share of what was used since the start.
    pub fn dataset_percent(&self) -> f64 {
        percent(self.dataset(), self.used.saturating_sub(self.startup))
    }

    pub fn peak_percent(&self) -> f64 {
        percent(self.used, self.peak)
    }

    /// Resident bytes over used ones: what people look at first.
    pub fn fragmentation(&self) -> (f64, i64) {
        (quotient(self.rss, self.used), self.rss as i64 - self.used as i64)
    }

    /// Layer by layer, the allocator's first.
    pub fn ratios(&self) -> [Ratio; 4] {
        let between = |above: u64, below: u64| (quotient(below, above), below as i64 - above as i64);
        let layer = |(ratio, bytes), stat_names, info_names, bad_from, advice| Ratio {
            ratio,
            bytes,
            stat_names,
            info_names,
            advice,
            bad_from,
        };
        [
            layer(
                between(self.allocated, self.active),
                ("allocator-fragmentation.ratio", "allocator-fragmentation.bytes"),
                ("allocator_frag_ratio", "allocator_frag_bytes"),
                1.1,
                "Fragmentation: pages are held by few values that are left in them. A restart would pack them.",
            ),
            layer(
                between(self.active, self.resident),
                ("allocator-rss.ratio", "allocator-rss.bytes"),
                ("allocator_rss_ratio", "allocator_rss_bytes"),
                1.1,
                "Allocator: it holds pages without any value in them. MEMORY PURGE gives them back.",
            ),
            layer(
                between(self.resident, self.rss),
                ("rss-overhead.ratio", "rss-overhead.bytes"),
                ("rss_overhead_ratio", "rss_overhead_bytes"),
                1.1,
                "Process: much is resident beside the allocator's pages. Look at huge pages.",
            ),
            layer(
                self.fragmentation(),
                ("fragmentation", "fragmentation.bytes"),
                ("mem_fragmentation_ratio", "mem_fragmentation_bytes"),
                1.4,
                "Resident: the process holds far more than is in use.",
            ),
        ]
    }
}

fn percent(part: u64, whole: u64) -> f64 {
    quotient(part, whole) * 100.0
}

fn quotient(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}
