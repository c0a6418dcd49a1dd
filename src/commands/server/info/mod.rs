//! INFO: the server told in sections of `field:value` lines, named as Redis names them, because tools read them.
//!
//! A field that stands for something that is not there yet tells its resting value; none is made up.

mod commands;
mod data;
pub mod memory;
mod process;
mod replication;
mod traffic;

use crate::exec::{Call, Command, CommandTable, Outcome};
use crate::server::{Server, World};
use crate::spec::flag::{LOADING, STALE};
use crate::spec::{Group, category, command};

pub const COMMANDS: &[Command] = &[command("INFO", "[section]+", -1)
    .since("1.0.0")
    .group(Group::Server)
    .flags(LOADING | STALE)
    .categories(category::DANGEROUS)
    .tips(&["nondeterministic_output", "request_policy:all_shards", "response_policy:special"])
    .cost("O(1)")
    .says("The state of the server, by sections.")
    .server(info)];

/// What a section may look at, and where it writes.
struct Page<'p> {
    text: String,
    server: &'p mut Server,
    world: &'p mut dyn World,
    commands: &'p CommandTable,
}

impl Page<'_> {
    fn line(&mut self, name: &str, value: impl std::fmt::Display) {
        use std::fmt::Write;
        // Writing to a string cannot fail.
        let _ = write!(self.text, "{name}:{value}\r\n");
    }
}

/// When a section is shown without being named.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shown {
    /// By INFO alone.
    ByDefault,
    /// By `all` and `everything`.
    WithAll,
    /// Only by its name.
    ByName,
}

struct Section {
    name: &'static str,
    title: &'static str,
    shown: Shown,
    write: fn(&mut Page),
}

const fn section(name: &'static str, title: &'static str, shown: Shown, write: fn(&mut Page)) -> Section {
    Section { name, title, shown, write }
}

const SECTIONS: &[Section] = &[
    section("server", "Server", Shown::ByDefault, process::server),
    section("clients", "Clients", Shown::ByDefault, traffic::clients),
    section("memory", "Memory", Shown::ByDefault, process::memory),
    section("persistence", "Persistence", Shown::ByDefault, data::persistence),
    section("threads", "Threads", Shown::ByDefault, process::threads),
    section("stats", "Stats", Shown::ByDefault, traffic::stats),
    section("replication", "Replication", Shown::ByDefault, replication::section),
    section("cpu", "CPU", Shown::ByDefault, process::cpu),
    section("modules", "Modules", Shown::ByDefault, |_| {}),
    section("commandstats", "Commandstats", Shown::WithAll, commands::command_stats),
    section("errorstats", "Errorstats", Shown::ByDefault, commands::error_stats),
    section("latencystats", "Latencystats", Shown::WithAll, commands::latency_stats),
    section("cluster", "Cluster", Shown::ByDefault, data::cluster),
    section("keyspace", "Keyspace", Shown::ByDefault, data::keyspace),
    section("keysizes", "Keysizes", Shown::ByDefault, data::key_sizes),
    section("debug", "Debug", Shown::ByName, process::debug),
];

fn is_wanted(section: &Section, words: &[&[u8]]) -> bool {
    let by = |word: &[u8]| match word.to_ascii_lowercase().as_slice() {
        b"default" => section.shown == Shown::ByDefault,
        b"all" | b"everything" => section.shown != Shown::ByName,
        b"module_list" => section.name == "modules",
        name => section.name.as_bytes() == name,
    };
    if words.is_empty() { by(b"default") } else { words.iter().any(|word| by(word)) }
}

/// The sections that these words ask for.
pub fn text(server: &mut Server, world: &mut dyn World, commands: &CommandTable, words: &[&[u8]]) -> String {
    let mut page = Page { text: String::new(), server, world, commands };
    for section in SECTIONS.iter().filter(|section| is_wanted(section, words)) {
        if !page.text.is_empty() {
            page.text.push_str("\r\n");
        }
        page.text.push_str(&format!("# {}\r\n", section.title));
        (section.write)(&mut page);
    }
    page.text
}

fn info(call: &mut Call, server: &mut Server, world: &mut dyn World) -> Outcome {
    let words: Vec<&[u8]> = call.args.from(1).iter().collect();
    call.reply.verbatim("txt", text(server, world, call.commands, &words).as_bytes());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(words: &[&str]) -> Vec<&'static str> {
        let words: Vec<&[u8]> = words.iter().map(|word| word.as_bytes()).collect();
        SECTIONS.iter().filter(|section| is_wanted(section, &words)).map(|section| section.name).collect()
    }

    #[test]
    fn sections_by_name_and_by_group() {
        assert_eq!(wanted(&["CPU", "server"]), ["server", "cpu"]);
        assert_eq!(wanted(&["nope"]), [""; 0]);
        assert_eq!(wanted(&[]), wanted(&["default"]));
        assert!(!wanted(&[]).contains(&"commandstats"));
        assert_eq!(wanted(&["all"]).len(), SECTIONS.len() - 1);
        assert_eq!(wanted(&["all", "debug", "cpu"]).len(), SECTIONS.len());
        assert_eq!(wanted(&["module_list"]), ["modules"]);
    }
}
