//! May this user make this call? A bit for the command, then a pattern for each key and channel; nothing is allocated.

use super::catalog::{Catalog, Channels};
use super::selector::{Selector, right_for};
use super::user::User;
use crate::protocol::args::Args;
use crate::spec::{FoundKey, find_keys, flag};

/// Why something was refused; in the order in which a later one outweighs an earlier, when selectors disagree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    Command,
    Key,
    Auth,
    Channel,
}

impl Reason {
    /// As ACL LOG names it.
    pub fn name(self) -> &'static str {
        match self {
            Reason::Command => "command",
            Reason::Key => "key",
            Reason::Auth => "auth",
            Reason::Channel => "channel",
        }
    }
}

/// A call that was refused, and because of which of its words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Denial {
    pub reason: Reason,
    pub at: usize,
}

impl Denial {
    /// What is said of it. `names_object`: names the key or channel, which only who may see the rules is told.
    pub fn text(self, user: &[u8], command: &str, object: &[u8], names_object: bool) -> Vec<u8> {
        let kind = match self.reason {
            Reason::Channel => "channel",
            Reason::Key | Reason::Auth | Reason::Command => "key",
        };
        if self.reason == Reason::Command {
            let command = command.as_bytes();
            return [b"User ", user, b" has no permissions to run the '", command, b"' command"].concat();
        }
        match names_object {
            true => [b"User ", user, b" has no permissions to access the '", object, b"' ", kind.as_bytes()].concat(),
            false => [b"No permissions to access a ", kind.as_bytes()].concat(),
        }
    }
}

/// The keys of a call, found when the first selector asks.
struct Keys<'k> {
    found: &'k mut Vec<FoundKey>,
    is_known: bool,
}

/// Judges a call: it may be made if one selector allows all of it. If none does, the one that got farthest says why not.
pub(super) fn check(
    user: &User,
    catalog: &Catalog,
    id: usize,
    words: Args,
    found: &mut Vec<FoundKey>,
) -> Result<(), Denial> {
    let mut keys = Keys { found, is_known: false };
    let mut worst = Denial { reason: Reason::Command, at: 0 };
    for selector in user.selectors() {
        match check_selector(selector, catalog, id, words, &mut keys) {
            Ok(()) => return Ok(()),
            Err(denial) if (denial.reason, denial.at) > (worst.reason, worst.at) => worst = denial,
            Err(_) => {}
        }
    }
    Err(worst)
}

/// True when a selector allows the call and, beyond it, reading every key.
pub(super) fn may_read_every_key(
    user: &User,
    catalog: &Catalog,
    id: usize,
    words: Args,
    found: &mut Vec<FoundKey>,
) -> bool {
    let mut keys = Keys { found, is_known: false };
    let mut allows = |selector: &Selector| {
        check_selector(selector, catalog, id, words, &mut keys).is_ok() && selector.may_read_every_key()
    };
    user.selectors().iter().any(&mut allows)
}

fn check_selector(
    selector: &Selector,
    catalog: &Catalog,
    id: usize,
    words: Args,
    keys: &mut Keys,
) -> Result<(), Denial> {
    let entry = catalog.entry(id);
    if !selector.has_all_commands() && !entry.spec.has(flag::NO_AUTH) {
        let first = 1 + usize::from(entry.is_child);
        let first = (first < words.len()).then(|| words.get(first));
        if !selector.allows_command(id, first) {
            return Err(Denial { reason: Reason::Command, at: 0 });
        }
    }
    if entry.has_keys && !selector.has_all_keys() {
        if !keys.is_known {
            keys.found.clear();
            find_keys(entry.spec, words.len(), |at| words.get(at), keys.found);
            keys.is_known = true;
        }
        let is_denied = |key: &&FoundKey| !selector.allows_key(words.get(key.word), right_for(key.flags));
        if let Some(key) = keys.found.iter().find(is_denied) {
            return Err(Denial { reason: Reason::Key, at: key.word });
        }
    }
    if entry.channels != Channels::None && !selector.has_all_channels() {
        let end = if entry.channels == Channels::First { 2.min(words.len()) } else { words.len() };
        let is_pattern = entry.channels == Channels::AllPatterns;
        let is_denied = |at: &usize| !is_channel_allowed(selector.channel_patterns(), words.get(*at), is_pattern);
        if let Some(at) = (1..end).find(is_denied) {
            return Err(Denial { reason: Reason::Channel, at });
        }
    }
    Ok(())
}

/// A channel must match an allowed pattern; a pattern must be one of them, to the letter.
pub(super) fn is_channel_allowed<'p>(
    allowed: impl IntoIterator<Item = &'p super::selector::Pattern>,
    channel: &[u8],
    is_pattern: bool,
) -> bool {
    let mut allowed = allowed.into_iter();
    match is_pattern {
        true => allowed.any(|pattern| pattern.text() == channel),
        false => allowed.any(|pattern| pattern.matches(channel)),
    }
}
