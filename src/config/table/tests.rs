//! Holds the table to its invariants, and to what Redis 8.0.6 answers.

use super::*;
use crate::config::directive::{all_names, find};
use crate::config::value::Kind;

/// `CONFIG GET *` of Redis 8.0.6, a line each, name and value apart by a tab; hidden directives at the end.
const REDIS: &str = include_str!("redis-8.0.6.tsv");

/// Directives that Redis 8.0.6 does not have: Valkey's, a later Redis's, and one of our own.
const BEYOND_REDIS: &[&str] = &[
    "aof-load-corrupt-tail-max-size",
    "commandlog-execution-slower-than",
    "commandlog-slow-execution-max-len",
    "commandlog-request-larger-than",
    "commandlog-large-request-max-len",
    "commandlog-reply-larger-than",
    "commandlog-large-reply-max-len",
    "import-mode",
    "rdb-version",
];

#[test]
fn names_are_unique() {
    let mut names: Vec<&str> = all_names().map(|named| named.name).collect();
    names.sort_unstable();
    let count = names.len();
    names.dedup();
    assert_eq!(names.len(), count);
    assert!(names.iter().all(|name| name.to_ascii_lowercase() == *name));
}

#[test]
fn names_and_defaults_are_those_of_redis() {
    let settings = Settings::default();
    let ours: Vec<(String, String)> = all_names()
        .filter(|named| !BEYOND_REDIS.contains(&named.name))
        .map(|named| (named.name.to_string(), String::from_utf8_lossy(&named.row.value(&settings)).into_owned()))
        .collect();
    let theirs: Vec<(&str, &str)> = REDIS.lines().filter_map(|line| line.split_once('\t')).collect();
    assert_eq!(theirs.len(), ours.len());
    for (name, value) in theirs {
        let found = ours.iter().find(|(ours, _)| ours == name);
        assert_eq!(found.map(|(_, value)| value.as_str()), Some(value), "{name}");
    }
}

fn set(settings: &mut Settings, row: &Directive, value: &[u8]) -> Result<bool, Failure> {
    let words: Vec<&[u8]> = match value {
        b"" if row.is_multi_word => Vec::new(),
        value if row.is_multi_word => value.split(|byte| *byte == b' ').collect(),
        value => vec![value],
    };
    row.set(settings, &words)
}

#[test]
fn what_is_printed_can_be_set() {
    let mut settings = Settings::default();
    for row in TABLE {
        let value = row.value(&settings);
        let changed = set(&mut settings, row, &value).unwrap_or_else(|failure| panic!("{}: {failure}", row.name));
        assert!(!changed || row.is_volatile, "{}", row.name);
    }
    assert_eq!(settings, Settings::default());
}

#[test]
fn limits_fit_their_fields_and_hold() {
    for row in TABLE {
        let (min, max) = match row.kind {
            Kind::Integer { min, max } => (i128::from(min), i128::from(max)),
            Kind::Memory { min, max } => (i128::from(min), i128::from(max)),
            _ => continue,
        };
        let mut settings = Settings::default();
        for bound in [min, max] {
            let text = bound.to_string();
            set(&mut settings, row, text.as_bytes()).unwrap_or_else(|failure| panic!("{}: {failure}", row.name));
            assert_eq!(row.value(&settings), text.as_bytes(), "{}", row.name);
        }
        assert!(set(&mut settings, row, (min - 1).to_string().as_bytes()).is_err(), "{}", row.name);
        if max < u64::MAX.into() {
            assert!(set(&mut settings, row, (max + 1).to_string().as_bytes()).is_err(), "{}", row.name);
        }
    }
}

#[test]
fn every_word_of_a_choice_is_taken_and_printed() {
    for row in TABLE {
        if let Kind::Choice(words) | Kind::Words(words) = row.kind {
            for word in words {
                let mut settings = Settings::default();
                set(&mut settings, row, word.to_uppercase().as_bytes()).expect(word);
                assert_eq!(row.value(&settings), word.as_bytes(), "{}", row.name);
            }
        }
    }
}

#[test]
fn a_refused_directive_says_why_and_keeps_its_form() {
    let row = find(b"activedefrag").expect("it is a directive").row;
    let mut settings = Settings::default();
    assert_eq!(row.set(&mut settings, &[b"NO"]), Ok(false));
    let failure = row.set(&mut settings, &[b"yes"]).expect_err("it is refused");
    assert!(failure.starts_with("Active defragmentation cannot be enabled"), "{failure}");
    assert_eq!(row.set(&mut settings, &[b"x"]), Err("argument must be 'yes' or 'no'".into()));
}

#[test]
fn titles() {
    let lookup = |name: &[u8]| (name == b"title").then(|| b"gyre".to_vec());
    assert_eq!(expand_title(b"{title} {{x}", lookup), Some(b"gyre {x}".to_vec()));
    assert_eq!(expand_title(b"{title", lookup), None);
    assert_eq!(expand_title(b"{other}", lookup), None);
}
