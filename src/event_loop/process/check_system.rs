//! `--check-system`: what of this machine hurts a database, judged before one is started.

use std::fs;

use crate::observe::host;

/// How a look at the machine ended.
enum Finding {
    Fine,
    Skipped,
    Warning(String),
}

/// What is looked at, under the names that Redis has for it.
const CHECKS: &[(&str, fn() -> Finding)] = &[
    ("slow-clocksource", slow_clock),
    ("xen-clocksource", xen_clock),
    ("overcommit", || from_file(host::OVERCOMMIT_PATH, host::overcommit_warning)),
    ("THP", || from_file(host::HUGE_PAGES_PATH, host::huge_pages_warning)),
];

/// Prints a line for each look; true if nothing is wrong.
pub fn check_system() -> bool {
    let mut is_fine = true;
    for (name, check) in CHECKS {
        match check() {
            Finding::Fine => println!("[{name}]...OK"),
            Finding::Skipped => println!("[{name}]...skipped"),
            Finding::Warning(text) => {
                is_fine = false;
                println!("[{name}]...WARNING:\n{}", text.trim_start_matches("WARNING "));
            }
        }
    }
    is_fine
}

fn from_file(path: &str, judge: fn(&str) -> Option<String>) -> Finding {
    match fs::read_to_string(path) {
        Err(_) => Finding::Skipped,
        Ok(text) => judge(&text).map_or(Finding::Fine, Finding::Warning),
    }
}

/// Looks at the clock take longer where each is a system call that takes a trip through the kernel.
fn slow_clock() -> Finding {
    const LOOKS: u32 = 100_000;
    const NS_EACH_MAX: u64 = 1000;
    let clock = crate::base::clock::Clock::real();
    let began = clock.monotonic_ns();
    for _ in 0..LOOKS {
        clock.wall_us();
    }
    let each = (clock.monotonic_ns() - began) / u64::from(LOOKS);
    if each <= NS_EACH_MAX {
        return Finding::Fine;
    }
    let source = fs::read_to_string(host::CLOCK_SOURCE_PATH).unwrap_or_default();
    Finding::Warning(format!(
        "Slow system clocksource detected: reading the clock takes {each} ns with the clocksource '{}'. Requests read the \
         clock, and become slower with it. Try 'tsc' in {}.",
        source.trim(),
        host::CLOCK_SOURCE_PATH
    ))
}

fn xen_clock() -> Finding {
    from_file(host::CLOCK_SOURCE_PATH, host::xen_clock_warning)
}
