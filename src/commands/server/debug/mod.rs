//! DEBUG: what tests need, and people who look for faults. Open to those whom `enable-debug-command` names.
//!
//! One row without subcommands, as in Redis; what it can do stands in a table of its own.

mod data;
mod faults;
mod protocol;
mod reload;
mod switches;

use std::ops::RangeInclusive;

use crate::exec::{Call, Command, Outcome};
use crate::server::{Server, World};
use crate::spec::flag::{ADMIN, LOADING, NOSCRIPT, PROTECTED, STALE};
use crate::spec::{Group, command};

pub const COMMANDS: &[Command] = &[command("DEBUG", "", -2)
    .since("1.0.0")
    .group(Group::Server)
    .flags(ADMIN | NOSCRIPT | LOADING | STALE | PROTECTED)
    .cost("Depends on the subcommand")
    .says("Looks inside the server, or disturbs it.")
    .server(debug)];

type Run = fn(&mut Call, &mut Server, &mut dyn World) -> Outcome;

/// One thing DEBUG can do: its name, how many words it takes behind that, and what is said of it.
struct Subcommand {
    name: &'static str,
    words: RangeInclusive<usize>,
    syntax: &'static str,
    says: &'static str,
    run: Run,
}

const fn sub(
    name: &'static str,
    words: RangeInclusive<usize>,
    syntax: &'static str,
    says: &'static str,
    run: Run,
) -> Subcommand {
    Subcommand { name, words, syntax, says, run }
}

const SUBCOMMANDS: &[Subcommand] = &[
    sub(
        "AOF-FLUSH-SLEEP",
        1..=1,
        "<microseconds>",
        "Sleeps before each writing of the AOF.",
        switches::aof_flush_sleep,
    ),
    sub("ASSERT", 0..=0, "", "Fails an assertion, which ends the server with a report.", faults::assert),
    sub("CHANGE-REPL-ID", 0..=0, "", "Takes a new replication id.", switches::change_replication_id),
    sub("CONFIG-REWRITE-FORCE-ALL", 0..=0, "", "Rewrites the file with every directive.", switches::rewrite_everything),
    sub("DICT-RESIZING", 1..=1, "<0|1>", "Accepted: tables grow and shrink in small steps.", switches::accept_number),
    sub("DIGEST", 0..=0, "", "A fingerprint of all data, as Redis's.", reload::digest),
    sub("DIGEST-VALUE", 1..=WORDS_MAX, "<key> [<key> ...]", "Fingerprints of values.", reload::digest_of_values),
    sub("DIGEST", 0..=0, "", "A fingerprint of all data.", data::digest),
    sub("DIGEST-VALUE", 0..=usize::MAX, "<key> [<key> ...]", "Fingerprints of values.", data::digest_of_values),
    sub("ERROR", 1..=1, "<text>", "Replies with an error.", protocol::error),
    sub("HTSTATS", 1..=2, "<db> [full]", "How full a database's table is.", data::table_of_database),
    sub("HTSTATS-KEY", 1..=2, "<key> [full]", "How full a value's table is.", data::table_of_key),
    sub("LISTPACK", 1..=1, "<key>", "Whether a value is a list pack.", data::list_pack),
    sub("LOADAOF", 0..=0, "", "Empties the data and loads the append-only file.", reload::load_append_only),
    sub("LOG", 1..=1, "<text>", "Writes to the log.", switches::log),
    sub("MALLCTL", 1..=2, "<name> [<value>]", "A number of the allocator's.", switches::allocator_number),
    sub("OBJECT", 1..=1, "<key>", "How a value is kept.", data::object),
    sub("PANIC", 0..=0, "", "Panics, which ends the server with a report.", faults::panic),
    sub("PAUSE-CRON", 1..=1, "<0|1>", "Stops the periodic jobs, or goes on with them.", switches::pause_cron),
    sub("POPULATE", 1..=3, "<count> [<prefix>] [<bytes>]", "Makes many keys.", data::populate),
    sub("PROTOCOL", 1..=1, "<type>", "Replies with an example of a type.", protocol::protocol),
    sub("RELOAD", 0..=WORDS_MAX, "[NOSAVE|NOFLUSH|MERGE ...]", "Saves, empties and loads.", reload::reload),
    sub("QUICKLIST", 1..=2, "<key> [<0|1>]", "Whether a list has several packs.", data::quick_list),
    sub("QUICKLIST-PACKED-THRESHOLD", 1..=1, "<bytes>", PLAIN_FROM, switches::packed_threshold),
    sub("RELOAD", 0..=3, "[MERGE] [NOFLUSH] [NOSAVE]", "Saves the data and loads it again.", data::reload),
    sub("REPLICATE", 1..=WORDS_MAX, "<word> [<word> ...]", "Tells replicas what never happened.", switches::replicate),
    sub("REPLYBUFFER", 2..=2, "PEAK-RESET-TIME <ms>|RESIZING <0|1>", REPLY_BUFFER, switches::reply_buffer),
    sub("SDSLEN", 1..=1, "<key>", "The bytes of a key and its string.", data::string_lengths),
    sub("SEGFAULT", 0..=0, "", "Touches forbidden memory, which ends the server with a report.", faults::segfault),
    sub("SET-ACTIVE-EXPIRE", 1..=1, "<0|1>", "Stops removing keys that are due, or goes on.", switches::active_expire),
    sub("SET-DISABLE-DENY-SCRIPTS", 1..=1, "<0|1>", "Lets scripts call every command.", switches::allow_in_scripts),
    sub("SET-SKIP-CHECKSUM-VALIDATION", 1..=1, "<0|1>", "RESTORE takes any checksum.", switches::skip_checksums),
    sub("SLEEP", 1..=1, "<seconds>", "Stops the server for a while.", switches::sleep),
    sub("STRINGMATCH-LEN", 2..=2, "<pattern> <text>", "Whether a glob matches.", switches::match_glob),
    sub("HELP", 0..=0, "", "Prints this help.", help),
];

/// As many as a request may have.
const WORDS_MAX: usize = usize::MAX;

const PLAIN_FROM: &str = "Length from which an element of a list stands by itself; 0 is the usual one.";
const REPLY_BUFFER: &str = "Accepted: a client has a buffer only while something is unsent.";

fn debug(call: &mut Call, server: &mut Server, world: &mut dyn World) -> Outcome {
    let words = call.argc() - 2;
    let name = call.arg(1);
    let is_meant = |sub: &&Subcommand| sub.name.as_bytes().eq_ignore_ascii_case(name) && sub.words.contains(&words);
    match SUBCOMMANDS.iter().find(is_meant) {
        Some(sub) => (sub.run)(call, server, world),
        None => Err(call.wrong_subcommand()),
    }
}

fn help(call: &mut Call, _: &mut Server, _: &mut dyn World) -> Outcome {
    let mut lines = vec!["DEBUG <subcommand> [<arg> [value] [opt] ...]. Subcommands are:".to_string()];
    for sub in SUBCOMMANDS {
        lines.push(format!("{} {}", sub.name, sub.syntax).trim_end().to_string());
        lines.push(format!("    {}", sub.says));
    }
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    call.reply.help(&lines);
    Ok(())
}
