//! The section about masters and replicas.

use super::Page;
use crate::exec::replication::sync::address_of;
use crate::replication::{FailoverState, Phase};

pub(super) fn section(page: &mut Page) {
    page.line("role", if page.server.replication.is_replica() { "slave" } else { "master" });
    master_of_this(page);
    replicas(page);
    history(page);
}

/// What a replica says of its master.
fn master_of_this(page: &mut Page) {
    let server = &*page.server;
    let Some(following) = &server.replication.following else { return };
    let (now, settings) = (server.now, std::rc::Rc::clone(&server.settings));
    let (host, port) = (String::from_utf8_lossy(&following.master.host).into_owned(), following.master.port);
    let (is_up, is_syncing) = (following.is_up(), following.is_syncing());
    let heard_s = (now - following.last_heard) / 1000;
    let down_s = following.down_since.map_or(-1, |since| (now - since) / 1000);
    let read = server.replication_offset() + following.unapplied.len() as i64;
    let transfer = match &following.phase {
        Phase::Receiving { transfer, .. } => Some((transfer.total.unwrap_or(0), transfer.read)),
        Phase::Loading { .. } => Some((0, 0)),
        _ => None,
    };
    let applied = server.replication_offset();
    page.line("master_host", host);
    page.line("master_port", port);
    page.line("master_link_status", if is_up { "up" } else { "down" });
    page.line("master_last_io_seconds_ago", if is_up { heard_s } else { -1 });
    page.line("master_sync_in_progress", u8::from(is_syncing));
    page.line("slave_read_repl_offset", if is_up { read } else { applied });
    page.line("slave_repl_offset", applied);
    page.line("replica_full_sync_buffer_size", 0);
    page.line("replica_full_sync_buffer_peak", 0);
    if let Some((total, read)) = transfer {
        let percent = if total == 0 { 0.0 } else { read as f64 * 100.0 / total as f64 };
        page.line("master_sync_total_bytes", total);
        page.line("master_sync_read_bytes", read);
        page.line("master_sync_left_bytes", total.saturating_sub(read));
        page.line("master_sync_perc", format_args!("{percent:.2}"));
        page.line("master_sync_last_io_seconds_ago", heard_s);
    }
    if !is_up {
        page.line("master_link_down_since_seconds", down_s);
    }
    page.line("slave_priority", settings.replica_priority);
    page.line("slave_read_only", u8::from(settings.replica_read_only));
    page.line("replica_announced", u8::from(settings.replica_announced));
}

fn replicas(page: &mut Page) {
    let server = &*page.server;
    let now = server.now;
    let lines: Vec<String> = server
        .replication
        .attached()
        .enumerate()
        .map(|(index, replica)| {
            let (ip, port) = address_of(server, replica);
            let (state, offset, lag) = (replica.state_name(), replica.acked, replica.lag_s(now));
            format!("slave{index}:ip={ip},port={port},state={state},offset={offset},lag={lag},type=replica")
        })
        .collect();
    let good = server.replication.good_replicas;
    let settings = &server.settings;
    let counts_good = settings.min_replicas_to_write > 0 && settings.min_replicas_lag_s_max > 0;
    page.line("connected_slaves", lines.len());
    if counts_good {
        page.line("min_slaves_good_slaves", good);
    }
    for line in lines {
        page.text.push_str(&line);
        page.text.push_str("\r\n");
    }
}

fn history(page: &mut Page) {
    let server = &*page.server;
    let replication = &server.replication;
    let failover = match replication.failover.as_ref().map(|failover| failover.state) {
        None => "no-failover",
        Some(FailoverState::WaitForSync) => "waiting-for-sync",
        Some(FailoverState::InProgress) => "failover-in-progress",
    };
    let (id, id2, second) = (replication.id.clone(), replication.id2.clone(), replication.second_offset);
    let offset = server.replication_offset();
    let backlog = replication.backlog.as_ref().map(|backlog| (backlog.first(), backlog.len()));
    let bytes_max = server.settings.repl_backlog_bytes;
    page.line("master_failover_state", failover);
    page.line("master_replid", id);
    page.line("master_replid2", id2);
    page.line("master_repl_offset", offset);
    page.line("second_repl_offset", second);
    page.line("repl_backlog_active", u8::from(backlog.is_some()));
    page.line("repl_backlog_size", bytes_max);
    page.line("repl_backlog_first_byte_offset", backlog.map_or(0, |(first, _)| first));
    page.line("repl_backlog_histlen", backlog.map_or(0, |(_, length)| length));
}
