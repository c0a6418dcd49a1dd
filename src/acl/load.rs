//! Users written down: the `user` lines of redis.conf, and the lines of an ACL file.

use super::catalog::Catalog;
use super::selector::{RuleFault, has_blanks, text_of};
use super::state::{Acl, DEFAULT_NAME, Users};
use super::user::User;

/// What is wrong with an ACL file. Lines count from 1.
pub(super) enum Problem {
    NoUser { line: usize },
    BadName { line: usize, name: Vec<u8> },
    Duplicate { line: usize, name: Vec<u8> },
    Unmatched { line: usize },
    Rule { line: usize, rule: Vec<u8>, fault: RuleFault },
}

/// Puts selectors together that were split into words, as in `(+get ~x)`; an error names the word with the parenthesis that
/// does not close.
pub(super) fn merge_selectors(words: &[&[u8]]) -> Result<Vec<Vec<u8>>, usize> {
    let mut merged: Vec<Vec<u8>> = Vec::new();
    let mut open: Option<(usize, Vec<u8>)> = None;
    for (at, word) in words.iter().enumerate() {
        match &mut open {
            None if word.starts_with(b"(") && !word.ends_with(b")") => open = Some((at, word.to_vec())),
            None => merged.push(word.to_vec()),
            Some((_, selector)) => {
                selector.push(b' ');
                selector.extend_from_slice(text_of(word));
                if word.ends_with(b")") {
                    merged.extend(open.take().map(|(_, selector)| selector));
                }
            }
        }
    }
    match open {
        Some((at, _)) => Err(at),
        None => Ok(merged),
    }
}

/// The users of a file. Comments are no lines of it, because they would be lost when it is written anew.
pub(super) fn parse_file(catalog: &Catalog, all_channels: bool, text: &[u8]) -> Result<Users, Vec<Problem>> {
    let mut users = Users::new();
    let mut problems = Vec::new();
    for (index, text) in text.split(|byte| *byte == b'\n').enumerate() {
        let line = index + 1;
        let text = trim(text_of(text));
        if text.is_empty() {
            continue;
        }
        // Words are parted by single blanks; two make an empty word between them, which is no rule.
        let words: Vec<&[u8]> = text.split(|byte| *byte == b' ').collect();
        let [b"user", name, rules @ ..] = &words[..] else {
            problems.push(Problem::NoUser { line });
            continue;
        };
        if has_blanks(name) {
            problems.push(Problem::BadName { line, name: name.to_vec() });
            continue;
        }
        if users.contains_key(*name) {
            problems.push(Problem::Duplicate { line, name: name.to_vec() });
            continue;
        }
        let mut user = User::new(catalog, all_channels);
        match merge_selectors(rules) {
            Ok(rules) => apply_all(&mut user, &rules, catalog, all_channels, line, &mut problems),
            Err(_) => problems.push(Problem::Unmatched { line }),
        }
        users.insert((*name).into(), user);
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    if !users.contains_key(DEFAULT_NAME) {
        users.insert(DEFAULT_NAME.into(), User::default_user(catalog));
    }
    Ok(users)
}

/// Every unknown command is told; of other mistakes the first, for what follows may come of it.
fn apply_all(
    user: &mut User,
    rules: &[Vec<u8>],
    catalog: &Catalog,
    all_channels: bool,
    line: usize,
    problems: &mut Vec<Problem>,
) {
    let mut has_other = false;
    for rule in rules {
        let is_edge = |byte: &u8| matches!(byte, b'\t' | b'\r' | b'\n');
        let start = rule.iter().take_while(|byte| is_edge(byte)).count();
        let end = rule.len() - rule[start..].iter().rev().take_while(|byte| is_edge(byte)).count();
        let rule = &rule[start..end];
        let Err(fault) = user.apply(rule, catalog, all_channels) else { continue };
        if fault == RuleFault::UnknownCommand || !std::mem::replace(&mut has_other, true) {
            problems.push(Problem::Rule { line, rule: rule.to_vec(), fault });
        }
    }
}

/// All that is wrong with a file, in one line.
pub(super) fn report(path: &str, problems: &[Problem]) -> Vec<u8> {
    let mut text = Vec::new();
    for problem in problems {
        let part = match problem {
            Problem::NoUser { line } => {
                format!("{path}:{line} should start with user keyword followed by the username. ").into_bytes()
            }
            Problem::BadName { line, name } => {
                [format!("'{path}:{line}: username '").as_bytes(), name, b"' contains invalid characters. "].concat()
            }
            Problem::Duplicate { line, name } => {
                [b"WARNING: Duplicate user '", &name[..], format!("' found on line {line}. ").as_bytes()].concat()
            }
            Problem::Unmatched { line } => {
                format!("{path}:{line}: Unmatched parenthesis in selector definition.").into_bytes()
            }
            Problem::Rule { line, rule, fault: fault @ RuleFault::UnknownCommand } => {
                let before = format!("{path}:{line}: Error in applying operation '");
                [before.as_bytes(), rule, format!("': {fault}. ").as_bytes()].concat()
            }
            Problem::Rule { line, fault, .. } => format!("{path}:{line}: {fault}. ").into_bytes(),
        };
        text.extend(part);
    }
    text.extend_from_slice(b"WARNING: ACL errors detected, no change to the previously active ACL rules was performed");
    text
}

fn trim(line: &[u8]) -> &[u8] {
    let is_edge = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\r');
    let start = line.iter().take_while(|byte| is_edge(byte)).count();
    let end = line.len() - line[start..].iter().rev().take_while(|byte| is_edge(byte)).count();
    &line[start..end]
}

/// The `user` lines of redis.conf, gathered while it is read. Rules are judged at once; whether the commands they name are there
/// is seen when they are applied.
#[derive(Default)]
pub struct UserLines {
    /// Name and rules of each.
    lines: Vec<(Vec<u8>, Vec<Vec<u8>>)>,
}

impl UserLines {
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// Takes a line: the words behind `user`, of which the first is the name. Errors are the operator's text.
    pub fn add(&mut self, words: &[Vec<u8>], catalog: &Catalog) -> Result<(), Vec<u8>> {
        let (name, rules) = words.split_first().expect("a user line has a name");
        // The word that Redis names is the one whose number is that of the rule, counted from `user`.
        let wrong = |number: usize, text: &str| {
            let word: &[u8] = if number == 0 { b"user" } else { &words[number - 1] };
            [b"Error in user declaration '", word, b"': ", text.as_bytes()].concat()
        };
        if self.lines.iter().any(|(known, _)| known == name) {
            return Err(wrong(1, "Duplicate user found. A user can only be defined once in config files"));
        }
        let rules: Vec<&[u8]> = rules.iter().map(Vec::as_slice).collect();
        let rules = merge_selectors(&rules).map_err(|at| wrong(at, "Wrong format"))?;
        let mut user = User::new(catalog, false);
        for (number, rule) in rules.iter().enumerate() {
            match user.apply(rule, catalog, false) {
                Ok(()) | Err(RuleFault::UnknownCommand) => {}
                Err(fault) => return Err(wrong(number, &fault.to_string())),
            }
        }
        self.lines.push((name.clone(), rules));
        Ok(())
    }

    /// Makes users of the lines. Errors are what the log is told.
    pub fn apply(&self, acl: &mut Acl) -> Result<(), String> {
        for (name, rules) in &self.lines {
            if has_blanks(name) {
                return Err("Spaces not allowed in ACL usernames".to_owned());
            }
            let mut user = acl.new_user();
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            for rule in rules {
                user.apply(rule, acl.catalog(), acl.new_have_all_channels).map_err(|fault| {
                    format!("Error loading ACL rule '{}' for the user named '{}': {fault}", text(rule), text(name))
                })?;
            }
            if !user.is_on() {
                log::info!(
                    "The user '{}' is disabled (there is no 'on' modifier in the user description). Make sure this is not a \
                     configuration error.",
                    text(name)
                );
            }
            acl.put(name, user);
        }
        Ok(())
    }
}
