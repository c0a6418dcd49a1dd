//! Rules of form that a reader relies on: every file says first what it is, none grows without end, unfinished work does not land.

use super::source::{File, rust_files, tokens};

/// A longer file holds two ideas.
const LINES_MAX: usize = 900;

/// Where `unsafe` may stand, and what for. Elsewhere the compiler alone is to be trusted.
const UNSAFE_PLACES: &[(&str, &str)] = &[
    ("src/structures/", "layouts: containers that place their bytes themselves"),
    ("src/keyspace/", "entries: one allocation for header, key and value"),
    ("src/value/", "values that hold one pointer in a word of their own"),
    ("src/base/memory.rs", "the allocator"),
    ("src/base/shared_bytes.rs", "reference-counted buffers with counts of one thread"),
    ("src/base/clock.rs", "the cycle counter and clock_gettime"),
    ("src/base/collate.rs", "setlocale and strxfrm of the C library"),
    ("src/reactor/", "system calls that mio does not make: signals, timers, sockets"),
    ("src/script/lend.rs", "the server lent to functions that Lua holds"),
    ("src/script/stack.rs", "bytes onto Lua's stack and off it"),
    ("src/event_loop/", "system calls: limits, fork, files"),
    ("src/persist/", "system calls: fork, files"),
];

fn check(folder: &str, rule: &str, is_fault: impl Fn(&File) -> Vec<String>) {
    let faults: Vec<String> = rust_files(folder).iter().flat_map(is_fault).collect();
    assert!(faults.is_empty(), "{rule}:\n{}", faults.join("\n"));
}

#[test]
fn every_file_begins_with_what_it_is() {
    for folder in ["src", "tests"] {
        check(folder, "a file (and above all a mod.rs) opens with a `//!` header", |file| {
            if file.text.starts_with("//!") { Vec::new() } else { vec![file.path.clone()] }
        });
    }
}

#[test]
fn no_file_grows_without_end() {
    for folder in ["src", "tests"] {
        check(folder, "a file above 900 lines is two ideas", |file| {
            let lines = file.text.lines().count();
            if lines > LINES_MAX { vec![format!("{}: {lines} lines", file.path)] } else { Vec::new() }
        });
    }
}

#[test]
fn nothing_unfinished_lands() {
    check("src", "unfinished work", |file| {
        let tokens = tokens(&file.code);
        let unfinished = tokens
            .windows(2)
            .filter(|pair| pair[1].text == "!" && matches!(pair[0].text, "todo" | "unimplemented" | "dbg"));
        unfinished.map(|pair| format!("{}:{}: {}!", file.path, file.line_of(pair[0].at), pair[0].text)).collect()
    });
}

#[test]
fn no_bare_unwrap_outside_tests() {
    check("src", "`expect(\"why it cannot fail\")` instead of `unwrap()`", |file| {
        let is_test_file = file.path.ends_with("/tests.rs") || file.path.ends_with("/model.rs");
        let code = file.code.split("#[cfg(test)]").next().unwrap_or("");
        let tokens = tokens(if is_test_file { "" } else { code });
        let bare = tokens.windows(4).filter(|four| {
            four[0].text == "." && four[1].text == "unwrap" && four[2].text == "(" && four[3].text == ")"
        });
        bare.map(|four| format!("{}:{}", file.path, file.line_of(four[0].at))).collect()
    });
}

#[test]
fn unsafe_stands_only_where_layout_or_the_system_needs_it() {
    check("src", "`unsafe` outside the places of UNSAFE_PLACES", |file| {
        if UNSAFE_PLACES.iter().any(|(place, _)| file.path.starts_with(place)) {
            return Vec::new();
        }
        let tokens = tokens(&file.code);
        tokens.iter().filter(|t| t.text == "unsafe").map(|t| format!("{}:{}", file.path, file.line_of(t.at))).collect()
    });
}
