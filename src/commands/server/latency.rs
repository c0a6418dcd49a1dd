//! LATENCY: what took long and when, and how the durations of each command are distributed.

use std::fmt::Write;

use crate::commands::help::help_row;
use crate::exec::{Call, Command, Outcome, Stop};
use crate::observe::latency::Event;
use crate::server::{Server, World};
use crate::spec::flag::{ADMIN, LOADING, NOSCRIPT, STALE};
use crate::spec::{Group, Spec, command};

pub const COMMANDS: &[Command] = &[command("LATENCY", "", -2)
    .since("2.8.13")
    .group(Group::Server)
    .cost("Depends on the subcommand")
    .says("What took long, and when.")
    .container(&[
        report("DOCTOR", "", 2, "2.8.13").says("Explain the latency events seen, and what may be done.").server(doctor),
        report("GRAPH", "event", 3, "2.8.13").says("Draw the samples of an event.").server(graph),
        report("HISTOGRAM", "[command+]", -2, "7.0.0")
            .cost("O(n) in the commands told of")
            .says("Tell how the durations of commands are distributed.")
            .server(histogram),
        report("HISTORY", "event", 3, "2.8.13").says("List the samples of an event.").server(history),
        report("LATEST", "", 2, "2.8.13").says("List the latest sample of every event.").server(latest),
        watch("RESET", "[event+]", -2, "2.8.13")
            .tips(&["request_policy:all_nodes", "response_policy:agg_sum"])
            .says("Forget the samples of some events, or of all.")
            .server(reset),
        help_row(Group::Server, "2.8.13"),
    ])];

const fn watch(name: &'static str, grammar: &'static str, arity: i32, since: &'static str) -> Spec {
    command(name, grammar, arity)
        .since(since)
        .group(Group::Server)
        .flags(ADMIN | NOSCRIPT | LOADING | STALE)
        .cost("O(1)")
}

const fn report(name: &'static str, grammar: &'static str, arity: i32, since: &'static str) -> Spec {
    watch(name, grammar, arity, since).tips(&[
        "nondeterministic_output",
        "request_policy:all_nodes",
        "response_policy:special",
    ])
}

fn latest(call: &mut Call, server: &mut Server, _: &mut dyn World) -> Outcome {
    let events = server.observe.latency.events();
    call.reply.array(events.len());
    for (name, event) in events {
        let last = event.samples.back().expect("an event has at least one sample");
        call.reply.array(4);
        call.reply.bulk(name.as_bytes());
        call.reply.integer(last.at_s);
        call.reply.integer(last.ms as i64);
        call.reply.integer(event.max_ms as i64);
    }
    Ok(())
}

fn history(call: &mut Call, server: &mut Server, _: &mut dyn World) -> Outcome {
    let Some(event) = server.observe.latency.event(call.arg(2)) else {
        call.reply.array(0);
        return Ok(());
    };
    call.reply.array(event.samples.len());
    for sample in &event.samples {
        call.reply.array(2);
        call.reply.integer(sample.at_s);
        call.reply.integer(sample.ms as i64);
    }
    Ok(())
}

fn graph(call: &mut Call, server: &mut Server, _: &mut dyn World) -> Outcome {
    let name = String::from_utf8_lossy(call.arg(2)).into_owned();
    let event = server.observe.latency.event(call.arg(2));
    let event = event.ok_or_else(|| Stop::quoting("ERR No samples available for event '", call.arg(2), "'"))?;
    let text = event.graph(&name, call.now / 1000);
    call.reply.verbatim("txt", text.as_bytes());
    Ok(())
}

fn reset(call: &mut Call, server: &mut Server, _: &mut dyn World) -> Outcome {
    let latency = &mut server.observe.latency;
    let count = match call.argc() {
        2 => latency.reset_all(),
        count => (2..count).filter(|&at| latency.reset(call.arg(at))).count(),
    };
    call.reply.integer(count as i64);
    Ok(())
}

fn histogram(call: &mut Call, server: &mut Server, _: &mut dyn World) -> Outcome {
    let commands = call.commands;
    let wanted: Vec<usize> = if call.argc() == 2 {
        (0..commands.rows().len()).collect()
    } else {
        let named = (2..call.argc()).filter_map(|at| commands.find_full(call.arg(at)));
        named.flat_map(|id| std::iter::once(id).chain(commands.row(id).children.iter().copied())).collect()
    };
    let start = call.reply.deferred();
    let mut told = 0;
    for id in wanted {
        let Some(histogram) = &server.observe.commands[id].histogram else { continue };
        call.reply.bulk(commands.row(id).full_name.as_bytes());
        call.reply.map(2);
        call.reply.bulk(b"calls");
        call.reply.integer(histogram.total() as i64);
        call.reply.bulk(b"histogram_usec");
        let steps = histogram.cumulative_usec();
        call.reply.map(steps.len());
        for (upper_bound_us, calls) in steps {
            call.reply.integer(upper_bound_us as i64);
            call.reply.integer(calls as i64);
        }
        told += 1;
    }
    call.reply.finish_map(start, told);
    Ok(())
}

fn doctor(call: &mut Call, server: &mut Server, _: &mut dyn World) -> Outcome {
    let latency = &server.observe.latency;
    let mut text = String::new();
    if latency.events().len() == 0 && call.settings.latency_monitor_threshold_ms == 0 {
        text.push_str(
            "The latency monitor is off, so there is nothing to tell. \
             CONFIG SET latency-monitor-threshold <milliseconds> turns it on.\n",
        );
    } else if latency.events().len() == 0 {
        text.push_str("Nothing took longer than the threshold so far.\n");
    } else {
        text.push_str("Some things took longer than the threshold:\n\n");
        for (number, (name, event)) in latency.events().enumerate() {
            describe(&mut text, number + 1, name, event, call.now / 1000);
        }
    }
    call.reply.verbatim("txt", text.as_bytes());
    Ok(())
}

fn describe(text: &mut String, number: usize, name: &str, event: &Event, now_s: i64) {
    let summary = event.summary(now_s);
    let advice = match name {
        "command" => "SLOWLOG GET shows which commands those were.",
        "fast-command" => "Such commands take microseconds by themselves: look for other processes on the machine.",
        "fork" => "A fork copies the page tables: it takes longer the larger the data, and with virtual machines.",
        "expire-cycle" | "eviction-cycle" => "Many keys went at once; spread their deadlines, or make room earlier.",
        _ => "It waits for the disk or for the kernel: look for what else uses them.",
    };
    // Writing to a string cannot fail.
    let _ = writeln!(
        text,
        "{number}. {name}: {} samples (average {}ms, mean deviation {}ms, one in {:.2} sec). Worst ever {}ms. {advice}",
        summary.samples, summary.average_ms, summary.deviation_ms, summary.period_s, event.max_ms
    );
}
