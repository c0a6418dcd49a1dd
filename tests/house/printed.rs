//! Pages that are printed from tables must be as the tables are. `GYRE_WRITE_PAGES=1 cargo test --test house printed` prints them anew.

use std::fmt::Write;
use std::fs;

use gyre::config::TABLE;
use gyre::config::directive::Standing;
use gyre::exec::{Command, Run};
use gyre::spec::{grammar, syntax};

use super::source::home;

/// Compares a page's text between the marks with what the table says, or writes it.
fn hold(page: &str, mark: &str, printed: &str) {
    let path = home().join(page);
    let text = fs::read_to_string(&path).expect("the page exists");
    let (begin, end) = (format!("<!-- {mark}: begin -->\n"), format!("<!-- {mark}: end -->"));
    let from = text.find(&begin).expect("the page has the mark") + begin.len();
    let to = text.find(&end).expect("the page has the end mark");
    if std::env::var_os("GYRE_WRITE_PAGES").is_some() {
        fs::write(&path, [&text[..from], printed, &text[to..]].concat()).expect("the page can be written");
        return;
    }
    assert!(&text[from..to] == printed, "{page} is stale: GYRE_WRITE_PAGES=1 cargo test --test house printed");
}

#[test]
fn directives_without_effect_are_listed() {
    let mut printed = String::from("| directive | accepted without effect, because |\n|---|---|\n");
    for row in TABLE.iter().filter(|row| !row.is_hidden) {
        if let Standing::WithoutEffect(why) = row.standing {
            writeln!(printed, "| `{}` | {why} |", row.name).expect("text can be written to");
        }
    }
    printed.push_str("\n| directive | refused, because |\n|---|---|\n");
    for row in TABLE.iter().filter(|row| !row.is_hidden) {
        if let Standing::Refused(why) = row.standing {
            writeln!(printed, "| `{}` | {why} |", row.name).expect("text can be written to");
        }
    }
    hold("docs/reference/differences.md", "directives", &printed);
}

/// Commands that are there for those who ask, but do not do what they are for, and why. A container stands for its subcommands.
const LIMITED: &[(&str, &str)] = &[
    ("ASKING", "error: cluster mode is not there yet"),
    ("BGREWRITEAOF", "error: the append-only file is not there yet"),
    ("CLUSTER", "error: cluster mode is not there yet"),
    ("FAILOVER", "error, as on a master without replicas: replication is not there yet"),
    ("PSYNC", "error: replication is not there yet"),
    ("READONLY", "error: cluster mode is not there yet"),
    ("READWRITE", "error: cluster mode is not there yet"),
    ("REPLCONF", "error: replication is not there yet"),
    ("REPLICAOF", "error unless NO ONE: replication is not there yet"),
    ("ROLE", "the answer of a master without replicas"),
    ("SCRIPT DEBUG", "accepted: there is no debugger"),
    ("SLAVEOF", "error unless NO ONE: replication is not there yet"),
    ("SYNC", "error: replication is not there yet"),
    ("WAIT", "the answer of a master without replicas"),
    ("WAITAOF", "the answer of a master without replicas and append-only file"),
];

/// The table of what is not whole or not there.
fn limits() -> String {
    let mut printed = String::from("| command | state |\n|---|---|\n");
    for (name, state) in LIMITED {
        writeln!(printed, "| `{name}` | {state} |").expect("text can be written to");
    }
    let page = fs::read_to_string(home().join("tests/data/commands-to-come.txt")).expect("the list is there");
    for line in page.lines().filter(|line| !line.starts_with('#')) {
        let (issue, names) = line.split_once(": ").expect("issue: names");
        for name in names.split(' ') {
            let name = name.to_ascii_uppercase().replace('|', " ");
            writeln!(printed, "| `{name}` | unknown command: {issue} to come |").expect("text can be written to");
        }
    }
    printed
}

#[test]
fn commands_are_listed() {
    hold("docs/reference/commands.md", "limits", &limits());
    let mut rows: Vec<(String, &Command)> = Vec::new();
    for command in gyre::commands::ALL.iter().flat_map(|family| family.iter()).flat_map(|rows| rows.iter()) {
        rows.push((command.spec.name.to_owned(), command));
        rows.extend(command.subcommands.iter().map(|sub| (format!("{} {}", command.spec.name, sub.spec.name), sub)));
    }
    rows.sort_by(|a, b| (a.1.spec.group.name(), &a.0).cmp(&(b.1.spec.group.name(), &b.0)));
    let mut printed = String::new();
    let mut group = "";
    for (name, row) in rows.iter().filter(|(_, row)| !matches!(row.run, Run::Container)) {
        if group != row.spec.group.name() {
            group = row.spec.group.name();
            write!(printed, "\n## {group}\n\n| command | cost | since | what it does |\n|---|---|---|---|\n")
                .expect("text can be written to");
        }
        let arguments = grammar::parse(row.spec.grammar).expect("the grammar of every row parses");
        let call = format!("{name} {}", syntax(&arguments)).replace('|', "\\|");
        writeln!(
            printed,
            "| `{}` | {} | {} | {} |",
            call.trim_end(),
            row.spec.complexity,
            row.spec.since,
            row.spec.summary
        )
        .expect("text can be written to");
    }
    hold("docs/reference/commands.md", "commands", &printed);
}
