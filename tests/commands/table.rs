//! What must hold of every row of the table.

use std::collections::HashSet;

use gyre::exec::{Command, Run};
use gyre::spec::grammar;
use gyre::spec::{Begin, flag};

/// Every row with its full name ("CONFIG GET") and the number of words of that name.
pub fn rows() -> Vec<(String, usize, &'static Command)> {
    let mut found = Vec::new();
    for command in gyre::commands::ALL.iter().flat_map(|family| family.iter()).flat_map(|rows| rows.iter()) {
        found.push((command.spec.name.to_owned(), 1, command));
        for sub in command.subcommands {
            found.push((format!("{} {}", command.spec.name, sub.spec.name), 2, sub));
        }
    }
    found
}

#[track_caller]
fn check(rule: &str, fault: impl Fn(&str, usize, &Command) -> Option<String>) {
    let faults: Vec<String> =
        rows().iter().filter_map(|(name, words, row)| Some(format!("{name}: {}", fault(name, *words, row)?))).collect();
    assert!(faults.is_empty(), "{rule}:\n{}", faults.join("\n"));
}

#[test]
fn names_are_unique_and_upper_case() {
    let rows = rows();
    let names: HashSet<&str> = rows.iter().map(|(name, ..)| name.as_str()).collect();
    assert_eq!(names.len(), rows.len(), "a name stands twice");
    check("names are upper case", |name, _, _| (name != name.to_ascii_uppercase()).then(|| "is not".to_owned()));
}

/// Rows whose arity their grammar cannot tell, and why.
const ARITY_OF_ITS_OWN: &[(&str, &str)] = &[
    ("DEBUG", "has subcommands that are no rows"),
    ("QUIT", "takes and ignores whatever follows"),
    ("REPLCONF", "takes and answers options that the manual does not tell of"),
    ("PSYNC", "may tell of a failover behind what the manual tells of"),
    ("HOTKEYS START", "says itself what is lacking"),
    ("GEOSEARCH", "a polygon has three corners at least, which the notation does not say"),
    ("GEOSEARCHSTORE", "a polygon has three corners at least, which the notation does not say"),
    ("CLIENT KILL", "each filter may be left out, but not all of them"),
];

#[test]
fn the_grammar_gives_the_arity() {
    check("arity and grammar agree", |name, words, row| match grammar::parse(row.spec.grammar) {
        Err(problem) => Some(problem),
        // A container's own arity counts the subcommand that must follow.
        Ok(_) if !row.subcommands.is_empty() || ARITY_OF_ITS_OWN.iter().any(|(own, _)| *own == name) => None,
        Ok(arguments) => {
            let implied = grammar::arity(&arguments, words);
            (implied != row.spec.arity)
                .then(|| format!("arity {} but `{}` gives {implied}", row.spec.arity, row.spec.grammar))
        }
    });
}

#[test]
fn every_row_describes_itself() {
    check("summary, cost and version stand in the row", |_, _, row| {
        let spec = &row.spec;
        let is_version =
            spec.since.split('.').count() == 3 && spec.since.split('.').all(|part| part.parse::<u8>().is_ok());
        if spec.summary.len() < 10 || !spec.summary.ends_with('.') {
            Some(format!("the summary is no sentence: {:?}", spec.summary))
        } else if !is_version {
            Some(format!("since {:?} is no version", spec.since))
        } else if spec.complexity.is_empty() && row.subcommands.is_empty() && !matches!(spec.name, "LOLWUT" | "MONITOR")
        {
            Some("has no cost".to_owned())
        } else {
            None
        }
    });
}

#[test]
fn every_row_is_in_a_category() {
    check("access categories", |_, _, row| (row.spec.all_categories() == 0).then(|| "has none".to_owned()));
}

#[test]
fn flags_do_not_contradict() {
    check("flags", |_, _, row| {
        let spec = &row.spec;
        if spec.has(flag::WRITE) && spec.has(flag::READONLY) {
            Some("writes and only reads".to_owned())
        } else if spec.has(flag::DENYOOM) && !spec.has(flag::WRITE) && spec.key_specs[0].is_some() {
            Some("may be refused for memory, but does not write".to_owned())
        } else if matches!(row.run, Run::Container) && row.subcommands.is_empty() {
            Some("is a container of nothing".to_owned())
        } else {
            None
        }
    });
}

#[test]
fn what_is_a_key_in_the_grammar_has_a_place() {
    check("key positions", |_, words, row| {
        let arguments = grammar::parse(row.spec.grammar).unwrap_or_default();
        let first = arguments.first()?;
        let begins_with_key = first.kind == grammar::ArgumentKind::Plain("key".to_owned());
        let spec = row.spec.key_specs[0];
        match spec {
            None if begins_with_key => Some("the grammar begins with a key, the row gives no place".to_owned()),
            Some(spec) if begins_with_key && spec.begin != Begin::Index(words as u16) => {
                Some(format!("the first key stands at {words}, not {:?}", spec.begin))
            }
            _ => None,
        }
    });
}
