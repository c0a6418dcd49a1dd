//! Sections about commands: commandstats, errorstats, latencystats.

use super::Page;
use crate::config::special::print_percentile;

pub(super) fn command_stats(page: &mut Page) {
    for id in 0..page.commands.rows().len() {
        let stats = &page.server.observe.commands[id];
        if stats.calls == 0 && stats.rejected_calls == 0 && stats.failed_calls == 0 {
            continue;
        }
        let usec = stats.ns / 1000;
        let each = if stats.calls == 0 { 0.0 } else { usec as f64 / stats.calls as f64 };
        let value = format!(
            "calls={},usec={usec},usec_per_call={each:.2},rejected_calls={},failed_calls={}",
            stats.calls, stats.rejected_calls, stats.failed_calls
        );
        page.line(&format!("cmdstat_{}", field_name(&page.commands.row(id).full_name)), value);
    }
}

pub(super) fn error_stats(page: &mut Page) {
    let counts: Vec<(String, u64)> = page
        .server
        .observe
        .errors
        .counts()
        .map(|(code, count)| (field_name(&String::from_utf8_lossy(code)), count))
        .collect();
    for (code, count) in counts {
        page.line(&format!("errorstat_{code}"), format!("count={count}"));
    }
}

pub(super) fn latency_stats(page: &mut Page) {
    let percentiles = page.server.settings.latency_percentiles.clone();
    for id in 0..page.commands.rows().len() {
        let Some(histogram) = &page.server.observe.commands[id].histogram else { continue };
        let each = |percent: &f64| {
            format!("p{}={:.3}", print_percentile(*percent), histogram.percentile(*percent) as f64 / 1000.0)
        };
        let value: Vec<String> = percentiles.iter().map(each).collect();
        let name = field_name(&page.commands.row(id).full_name);
        page.line(&format!("latency_percentiles_usec_{name}"), value.join(","));
    }
}

/// What would break a line is replaced.
fn field_name(name: &str) -> String {
    name.replace(['#', ':', '\n', '\r'], "_")
}
