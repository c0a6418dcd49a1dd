//! Sections about the data: persistence, replication, cluster, keyspace, keysizes.

use super::Page;
use crate::base::clock::Ms;
use crate::persist::aof::State;
use crate::persist::{LoadProgress, Purpose};
use crate::value::Kind;

pub(super) fn persistence(page: &mut Page) {
    let (server, now) = (&*page.server, page.server.now);
    let persist = &server.persist;
    let (dirty, is_loading) = (server.keyspace.dirty, server.standing & crate::server::standing::LOADING != 0);
    let is_loading_aside = server.standing & crate::server::standing::ASYNC_LOADING != 0;
    let (loading, last_is_good, saves) = (persist.loading, persist.last_is_good, persist.saves);
    let (last_save, last_duration, last_copied) =
        (persist.last_save / 1000, persist.last_duration_s.unwrap_or(-1), persist.last_copied_bytes);
    let (expired, loaded) = (persist.last_load_keys_expired, persist.last_load_keys_loaded);
    let child = persist.child.as_ref();
    let copied = child.map_or((0, 0), |child| (child.copied_bytes_peak, child.copied_bytes));
    let told_s = child.and_then(|child| child.told).map_or(0, |told| (now - told) / 1000);
    let progress = child.map_or((0.0, 0, 0), |child| (child.percent_done(), child.keys_done, child.keys_total));
    let is_snapshot = persist.has_child_for(Purpose::Snapshot);
    let running_s = child.filter(|_| is_snapshot).map(|child| (now - child.started) / 1000);
    page.line("loading", u8::from(is_loading));
    page.line("async_loading", u8::from(is_loading_aside));
    page.line("current_cow_peak", copied.0);
    page.line("current_cow_size", copied.1);
    page.line("current_cow_size_age", told_s);
    page.line("current_fork_perc", format_args!("{:.2}", progress.0));
    page.line("current_save_keys_processed", progress.1);
    page.line("current_save_keys_total", progress.2);
    page.line("rdb_changes_since_last_save", dirty);
    page.line("rdb_bgsave_in_progress", u8::from(running_s.is_some()));
    page.line("rdb_last_save_time", last_save);
    page.line("rdb_last_bgsave_status", status(last_is_good));
    page.line("rdb_last_bgsave_time_sec", last_duration);
    page.line("rdb_current_bgsave_time_sec", running_s.unwrap_or(-1));
    page.line("rdb_saves", saves);
    page.line("rdb_last_cow_size", last_copied);
    page.line("rdb_last_load_keys_expired", expired);
    page.line("rdb_last_load_keys_loaded", loaded);
    append_only(page);
    page.line("module_fork_in_progress", 0);
    page.line("module_fork_last_cow_size", 0);
    if page.server.persist.aof.state != State::Off {
        append_only_sizes(page);
    }
    if let Some(progress) = loading {
        loading_progress(page, &progress, now);
    }
}

fn status(is_good: bool) -> &'static str {
    if is_good { "ok" } else { "err" }
}

/// What is always told of the append-only file.
fn append_only(page: &mut Page) {
    let (server, now) = (&*page.server, page.server.now);
    let (is_rewriting, file) = (server.persist.has_child_for(Purpose::Rewrite), &server.persist.aof);
    let lines: [(&str, i64); 5] = [
        ("aof_enabled", (file.state != State::Off).into()),
        ("aof_rewrite_in_progress", is_rewriting.into()),
        ("aof_rewrite_scheduled", file.is_scheduled.into()),
        ("aof_last_rewrite_time_sec", file.last_rewrite_s.unwrap_or(-1)),
        ("aof_current_rewrite_time_sec", file.rewrite_began.map_or(-1, |began| (now - began) / 1000)),
    ];
    let (rewrite_status, write_status) = (status(file.last_rewrite_is_good), status(file.fault().is_none()));
    let (rewrites, failures, copied) = (file.rewrites, file.failures_in_a_row, file.last_copied_bytes);
    lines.iter().for_each(|(name, value)| page.line(name, value));
    page.line("aof_last_bgrewrite_status", rewrite_status);
    page.line("aof_rewrites", rewrites);
    page.line("aof_rewrites_consecutive_failures", failures);
    page.line("aof_last_write_status", write_status);
    page.line("aof_last_cow_size", copied);
}

/// What is told of it while it is on.
fn append_only_sizes(page: &mut Page) {
    let file = &page.server.persist.aof;
    let lines: [(&str, u64); 6] = [
        ("aof_current_size", file.size),
        ("aof_base_size", file.base_size),
        ("aof_pending_rewrite", 0),
        ("aof_buffer_length", file.buffered()),
        ("aof_pending_bio_fsync", file.pending_syncs() as u64),
        ("aof_delayed_fsync", file.delayed_syncs),
    ];
    lines.iter().for_each(|(name, value)| page.line(name, value));
}

/// How far a dump is loaded, and when it will be.
fn loading_progress(page: &mut Page, progress: &LoadProgress, now: Ms) {
    let (total, loaded) = (progress.total_bytes, progress.loaded_bytes);
    let percent = if total == 0 { 0.0 } else { loaded as f64 * 100.0 / total as f64 };
    let elapsed_s = ((now - progress.started) / 1000).max(0) as u64;
    let left_s = if elapsed_s == 0 { 1 } else { elapsed_s * total.saturating_sub(loaded) / (loaded + 1) };
    page.line("loading_start_time", progress.started / 1000);
    page.line("loading_total_bytes", total);
    page.line("loading_rdb_used_mem", progress.writer_used_memory);
    page.line("loading_loaded_bytes", loaded);
    page.line("loading_loaded_perc", format_args!("{percent:.2}"));
    page.line("loading_eta_seconds", left_s);
}

pub(super) fn cluster(page: &mut Page) {
    page.line("cluster_enabled", 0);
}

pub(super) fn keyspace(page: &mut Page) {
    for index in 0..page.server.keyspace.databases() {
        let db = page.server.keyspace.db(index);
        if db.is_empty() {
            continue;
        }
        let (keys, expires, ttl, hashes) = (db.len(), db.volatile_len(), db.mean_ttl_ms(), db.timed_hashes_len());
        page.line(&format!("db{index}"), format!("keys={keys},expires={expires},avg_ttl={ttl},subexpiry={hashes}"));
    }
}

/// The types with the names that their lines have.
const KINDS: [(Kind, &str); 5] = [
    (Kind::String, "strings_sizes"),
    (Kind::List, "lists_items"),
    (Kind::Set, "sets_items"),
    (Kind::Zset, "zsets_items"),
    (Kind::Hash, "hashes_items"),
];

pub(super) fn key_sizes(page: &mut Page) {
    for index in 0..page.server.keyspace.databases() {
        for (kind, name) in KINDS {
            let bins = page.server.keyspace.db(index).key_sizes().bins(kind);
            let bins: Vec<String> = bins.map(|(bound, count)| format!("{}={count}", short(bound))).collect();
            if !bins.is_empty() {
                page.line(&format!("db{index}_distrib_{name}"), bins.join(","));
            }
        }
    }
}

/// A power of two in the unit that fits: 512, 1K, 16M.
fn short(bound: u64) -> String {
    const UNITS: [&str; 7] = ["", "K", "M", "G", "T", "P", "E"];
    let unit = if bound == 0 { 0 } else { (bound.ilog2() / 10) as usize };
    format!("{}{}", bound >> (10 * unit), UNITS[unit.min(UNITS.len() - 1)])
}

#[cfg(test)]
mod tests {
    use super::short;

    #[test]
    fn bounds_in_units() {
        for (bound, text) in [(0, "0"), (1, "1"), (512, "512"), (1024, "1K"), (1 << 24, "16M"), (1 << 60, "1E")] {
            assert_eq!(short(bound), text);
        }
    }
}
