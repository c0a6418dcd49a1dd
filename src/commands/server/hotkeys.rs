//! HOTKEYS: which keys cost the most, counted from START to STOP. As in Redis 8.6.

use crate::base::clock::Ms;
use crate::base::number::parse_i64;
use crate::commands::help::help_row;
use crate::exec::call::fault;
use crate::exec::{Call, Command, Outcome, Stop};
use crate::observe::hot_keys::{Costs, HotKeys, Wanted};
use crate::server::{Server, World, standing};
use crate::spec::flag::{ADMIN, NOSCRIPT};
use crate::spec::{Group, Spec, command};

/// Keys that are listed where nothing is said, at most, and the longest time in seconds.
const COUNT_DEFAULT: usize = 10;
const COUNT_MAX: i64 = 64;
const DURATION_S_MAX: i64 = 1_000_000;

const START_GRAMMAR: &str = "{METRICS count:integer [CPU] [NET]} [COUNT k:integer] [DURATION seconds:integer] \
                             [SAMPLE ratio:integer] [SLOTS {count:integer slot:integer+}]";

pub const COMMANDS: &[Command] = &[command("HOTKEYS", "", -2)
    .since("8.6.0")
    .group(Group::Server)
    .cost("Depends on the subcommand")
    .says("Which keys cost the most.")
    .container(&[
        sub("GET", "", 2)
            .tips(&["nondeterministic_output", "request_policy:special", "response_policy:special"])
            .cost("O(n log n) in the keys counted")
            .says("Tells what was counted.")
            .server(get),
        help_row(Group::Server, "8.6.1"),
        sub("RESET", "", 2)
            .tips(&["request_policy:special"])
            .cost("O(n) in the keys counted")
            .says("Forgets what was counted.")
            .server(reset),
        sub("START", START_GRAMMAR, -2)
            .tips(&["request_policy:special"])
            .cost("O(1)")
            .says("Begins to count.")
            .server(start),
        sub("STOP", "", 2)
            .tips(&["request_policy:special"])
            .cost("O(1)")
            .says("Ends counting; what was counted stays.")
            .server(stop),
    ])];

const fn sub(name: &'static str, grammar: &'static str, arity: i32) -> Spec {
    command(name, grammar, arity).since("8.6.0").group(Group::Server).flags(ADMIN | NOSCRIPT)
}

/// True while a collection is under way.
fn is_active(server: &mut Server) -> bool {
    let now = server.now;
    let goes_on = server.observe.hot_keys.as_mut().is_some_and(|hot_keys| hot_keys.goes_on(now));
    server.set_standing(standing::HOTKEYS, goes_on);
    goes_on
}

fn parse(call: &Call) -> Result<Wanted, Stop> {
    if call.argc() < 4 || !call.is(2, "METRICS") {
        return Err("ERR METRICS parameter is required".into());
    }
    let count = parse_i64(call.arg(3)).filter(|count| (1..=2).contains(count));
    let count = count.ok_or("ERR METRICS count must be > 0 and <= 2")?;
    let mut wanted = Wanted { count: COUNT_DEFAULT, sample_ratio: 1, ..Wanted::default() };
    let mut at = 4;
    for _ in 0..count {
        if at >= call.argc() {
            return Err("ERR METRICS count does not match number of metric types provided".into());
        }
        let (is_wanted, twice) = match () {
            _ if call.is(at, "CPU") => (&mut wanted.cpu, "ERR METRICS CPU defined more than once!"),
            _ if call.is(at, "NET") => (&mut wanted.net, "ERR METRICS NET defined more than once!"),
            _ => return Err("ERR METRICS no valid metrics passed. Supported: CPU|NET".into()),
        };
        if std::mem::replace(is_wanted, true) {
            return Err(twice.into());
        }
        at += 1;
    }
    while at < call.argc() {
        if at + 1 >= call.argc() {
            return Err(fault::SYNTAX);
        }
        let number = |bounds: std::ops::RangeInclusive<i64>, error: &'static str| {
            parse_i64(call.arg(at + 1)).filter(|number| bounds.contains(number)).ok_or(Stop::error(error))
        };
        match () {
            _ if call.is(at, "COUNT") => {
                wanted.count = number(1..=COUNT_MAX, "ERR COUNT must be between 1 and 64")? as usize;
            }
            _ if call.is(at, "DURATION") => {
                let seconds = number(1..=DURATION_S_MAX, "ERR DURATION must be between 1 and 1000000")?;
                wanted.until = Some(call.now + seconds * 1000);
            }
            _ if call.is(at, "SAMPLE") => {
                wanted.sample_ratio = number(1..=i64::MAX, "ERR SAMPLE ratio must be positive")? as u64;
            }
            _ if call.is(at, "SLOTS") => {
                return Err("ERR SLOTS parameter cannot be used in non-cluster mode".into());
            }
            _ => return Err(fault::SYNTAX),
        }
        at += 2;
    }
    Ok(wanted)
}

fn start(call: &mut Call, server: &mut Server, world: &mut dyn World) -> Outcome {
    if is_active(server) {
        return Err("ERR hotkey tracking session already in progress".into());
    }
    let wanted = parse(call)?;
    let process = world.process();
    let hot_keys = HotKeys::begin(wanted, call.now, (process.user_us, process.system_us));
    server.observe.hot_keys = Some(Box::new(hot_keys));
    server.set_standing(standing::HOTKEYS, true);
    call.reply.ok();
    Ok(())
}

fn stop(call: &mut Call, server: &mut Server, _: &mut dyn World) -> Outcome {
    if !is_active(server) {
        call.reply.null();
        return Ok(());
    }
    if let Some(hot_keys) = &mut server.observe.hot_keys {
        hot_keys.ended = Some(call.now);
    }
    server.set_standing(standing::HOTKEYS, false);
    call.reply.ok();
    Ok(())
}

fn reset(call: &mut Call, server: &mut Server, _: &mut dyn World) -> Outcome {
    if is_active(server) {
        return Err("ERR hotkey tracking session in progress, stop tracking first".into());
    }
    server.observe.hot_keys = None;
    call.reply.ok();
    Ok(())
}

fn get(call: &mut Call, server: &mut Server, world: &mut dyn World) -> Outcome {
    let is_active = is_active(server);
    let Some(hot_keys) = &server.observe.hot_keys else {
        call.reply.null();
        return Ok(());
    };
    let wanted = hot_keys.wanted;
    let process = world.process();
    let (user_us, system_us) = hot_keys.process_us_at_start;
    let ended: Ms = hot_keys.ended.unwrap_or(call.now);
    let reply = &mut call.reply;
    reply.array(1);
    reply.map(7 + 3 * usize::from(wanted.cpu) + 2 * usize::from(wanted.net));
    let mut field = |name: &str, value: i64| {
        reply.bulk(name.as_bytes());
        reply.integer(value);
    };
    field("tracking-active", i64::from(is_active));
    field("sample-ratio", wanted.sample_ratio as i64);
    // Without a cluster all keys are in slots that are looked at.
    reply.bulk(b"selected-slots");
    reply.array(1);
    reply.array(2);
    reply.integer(0);
    reply.integer(16_383);
    let mut field = |name: &str, value: i64| {
        reply.bulk(name.as_bytes());
        reply.integer(value);
    };
    field("all-commands-all-slots-us", (hot_keys.all_ns / 1000) as i64);
    field("net-bytes-all-commands-all-slots", hot_keys.all_bytes as i64);
    field("collection-start-time-unix-ms", hot_keys.started);
    field("collection-duration-ms", ended - hot_keys.started);
    if wanted.cpu {
        field("total-cpu-time-user-ms", ((process.user_us - user_us) / 1000) as i64);
        field("total-cpu-time-sys-ms", ((process.system_us - system_us) / 1000) as i64);
    }
    if wanted.net {
        field("total-net-bytes", hot_keys.net_bytes.total as i64);
    }
    let mut list = |name: &str, costs: &Costs, unit: u64| {
        let top = costs.top(wanted.count, unit);
        reply.bulk(name.as_bytes());
        reply.array(2 * top.len());
        for (key, cost) in top {
            reply.bulk(key);
            reply.integer((cost / unit) as i64);
        }
    };
    if wanted.cpu {
        list("by-cpu-time-us", &hot_keys.cpu_ns, 1000);
    }
    if wanted.net {
        list("by-net-bytes", &hot_keys.net_bytes, 1);
    }
    Ok(())
}
