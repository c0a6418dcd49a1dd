//! Sections about clients and what they did: clients, stats.

use std::collections::HashSet;

use super::Page;
use crate::pubsub::Topic;
use crate::server::session::flag;

pub(super) fn clients(page: &mut Page) {
    let sessions = &page.server.sessions;
    let count = |flags: u32| sessions.iter().filter(|session| session.has(flags)).count();
    // Replicas are told of by themselves.
    let leaving = sessions.to_close.iter().filter_map(|key| sessions.get(*key));
    let leaving = leaving.filter(|session| !session.has(flag::REPLICA)).count();
    let (pubsub, connected) = (count(flag::SUBSCRIBED), sessions.len() - count(flag::REPLICA) - leaving);
    let watching = sessions.iter().filter(|session| !session.watched.is_empty()).count();
    let watched: HashSet<_> = sessions.iter().flat_map(|session| session.watched.iter()).collect();
    let watched = watched.len();
    let timed =
        sessions.iter().filter(|session| session.blocked.as_ref().is_some_and(|b| b.deadline.is_some())).count();
    let in_max = sessions.iter().map(|session| session.pending.capacity()).max().unwrap_or(0);
    let out_max = sessions.iter().map(|session| session.out.len()).max().unwrap_or(0);
    let awaited: usize = page.server.keyspace.iter().map(|db| db.awaited_len()).sum();
    let on_absence: usize = page.server.keyspace.iter().map(|db| db.awaited_on_absence_len()).sum();
    page.line("connected_clients", connected);
    page.line("cluster_connections", 0);
    page.line("maxclients", page.server.settings.clients_max);
    page.line("client_recent_max_input_buffer", in_max);
    page.line("client_recent_max_output_buffer", out_max);
    // Who waits for the end of CLIENT PAUSE is blocked too.
    let paused = page.server.paused.iter().filter(|key| page.server.sessions.get(**key).is_some()).count();
    page.line("blocked_clients", page.server.waiters.sessions + paused);
    page.line("tracking_clients", page.server.tracking.len());
    page.line("pubsub_clients", pubsub);
    page.line("watching_clients", watching);
    page.line("clients_in_timeout_table", timed);
    page.line("total_watched_keys", watched);
    page.line("total_blocking_keys", awaited);
    page.line("total_blocking_keys_on_nokey", on_absence);
}

pub(super) fn stats(page: &mut Page) {
    let totals = page.server.observe.totals;
    let counters = page.server.keyspace.counters();
    let rates = &page.server.observe.rates;
    let kilobytes = |bytes: u64| format!("{:.2}", bytes as f64 / 1024.0);
    let (commands, turns, turn_us) = (rates.commands.mean(), rates.turns.mean(), rates.turn_us.mean());
    let (input, output) = (kilobytes(rates.input_bytes.mean()), kilobytes(rates.output_bytes.mean()));
    let (repl_input, repl_output) =
        (kilobytes(rates.replication_input_bytes.mean()), kilobytes(rates.replication_output_bytes.mean()));
    page.line("total_connections_received", totals.connections_received);
    page.line("total_commands_processed", page.server.observe.calls());
    page.line("instantaneous_ops_per_sec", commands);
    page.line("total_net_input_bytes", totals.net_input_bytes);
    page.line("total_net_output_bytes", totals.net_output_bytes);
    page.line("total_net_repl_input_bytes", totals.net_repl_input_bytes);
    page.line("total_net_repl_output_bytes", totals.net_repl_output_bytes);
    page.line("instantaneous_input_kbps", input);
    page.line("instantaneous_output_kbps", output);
    page.line("instantaneous_input_repl_kbps", repl_input);
    page.line("instantaneous_output_repl_kbps", repl_output);
    page.line("rejected_connections", totals.connections_rejected);
    page.line("sync_full", page.server.replication.full_syncs);
    page.line("sync_partial_ok", page.server.replication.partial_syncs);
    page.line("sync_partial_err", page.server.replication.partial_sync_refusals);
    page.line("expired_subkeys", counters.expired_fields);
    page.line("expired_keys", counters.expired);
    // Keys go when they are due: none is left stale, and no cycle ends before its work is done.
    page.line("expired_stale_perc", "0.00");
    page.line("expired_time_cap_reached_count", 0);
    page.line("expire_cycle_cpu_milliseconds", totals.expire_ns / 1_000_000);
    page.line("evicted_keys", counters.evicted);
    page.line("evicted_clients", totals.evicted_clients);
    page.line("evicted_scripts", page.server.scripts.evicted());
    page.line("total_eviction_exceeded_time", 0);
    page.line("current_eviction_exceeded_time", 0);
    page.line("keyspace_hits", counters.hits);
    page.line("keyspace_misses", counters.misses);
    for (name, topic) in [
        ("pubsub_channels", Topic::Channel),
        ("pubsub_patterns", Topic::Pattern),
        ("pubsubshard_channels", Topic::Shard),
    ] {
        page.line(name, page.server.pubsub.names(topic).count());
    }
    page.line("latest_fork_usec", page.server.persist.last_fork_us);
    page.line("total_forks", page.server.persist.forks);
    let links = page.server.migrations.links();
    page.line("migrate_cached_sockets", links);
    page.line("slave_expires_tracked_keys", page.server.replication.own_keys.len());
    for name in ["hits", "misses", "key_hits", "key_misses"] {
        page.line(&format!("active_defrag_{name}"), 0);
    }
    page.line("total_active_defrag_time", 0);
    page.line("current_active_defrag_time", 0);
    page.line("tracking_total_keys", page.server.tracking.remembered.len());
    page.line("tracking_total_items", page.server.tracking.remembered.items());
    page.line("tracking_total_prefixes", page.server.tracking.prefixes.len());
    page.line("unexpected_error_replies", totals.unexpected_error_replies);
    page.line("total_error_replies", totals.error_replies);
    page.line("dump_payload_sanitizations", 0);
    page.line("total_reads_processed", totals.reads_processed);
    page.line("total_writes_processed", totals.writes_processed);
    page.line("io_threaded_reads_processed", 0);
    page.line("io_threaded_writes_processed", 0);
    page.line("client_query_buffer_limit_disconnections", totals.query_buffer_limit_disconnections);
    page.line("client_output_buffer_limit_disconnections", totals.output_buffer_limit_disconnections);
    page.line("reply_buffer_shrinks", 0);
    page.line("reply_buffer_expands", 0);
    page.line("eventloop_cycles", totals.loop_turns);
    page.line("eventloop_duration_sum", totals.loop_busy_ns / 1000);
    page.line("eventloop_duration_cmd_sum", page.server.observe.command_ns() / 1000);
    page.line("instantaneous_eventloop_cycles_per_sec", turns);
    page.line("instantaneous_eventloop_duration_usec", turn_us);
    if page.server.settings.cluster_compatibility_sample_percent > 0 {
        page.line("cluster_incompatible_ops", totals.cluster_incompatible_ops);
    }
    let denied = page.server.acl.log.counts();
    for (name, count) in
        [("auth", denied.auth), ("cmd", denied.command), ("key", denied.key), ("channel", denied.channel)]
    {
        page.line(&format!("acl_access_denied_{name}"), count);
    }
}
