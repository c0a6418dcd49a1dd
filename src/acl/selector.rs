//! A selector: one set of rules about commands, keys and channels.
//!
//! Rules about commands are kept twice: as a bit for each command, which is what is asked, and as the list of rules in the
//! order in which they count, which is what is shown. Invariant: applying the shown rules to an empty selector gives the bits.

use super::catalog::Catalog;
use crate::base::glob;
use crate::spec::{category, key_flag};
use std::collections::BTreeMap;
use std::fmt;

/// Why a rule was not taken; displays as Redis says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RuleFault {
    UnknownCommand,
    Syntax,
    PatternAfterAllKeys,
    PatternAfterAllChannels,
    NoSuchPassword,
    BadHash,
    FirstArgOfSubcommand,
}

impl fmt::Display for RuleFault {
    fn fmt(&self, out: &mut fmt::Formatter) -> fmt::Result {
        out.write_str(match self {
            RuleFault::UnknownCommand => "Unknown command or category name in ACL",
            RuleFault::Syntax => "Syntax error",
            RuleFault::PatternAfterAllKeys => {
                "Adding a pattern after the * pattern (or the 'allkeys' flag) is not valid and does not have any effect. Try \
                 'resetkeys' to start with an empty list of patterns"
            }
            RuleFault::PatternAfterAllChannels => {
                "Adding a pattern after the * pattern (or the 'allchannels' flag) is not valid and does not have any effect. \
                 Try 'resetchannels' to start with an empty list of channels"
            }
            RuleFault::NoSuchPassword => "The password you are trying to remove from the user does not exist",
            RuleFault::BadHash => {
                "The password hash must be exactly 64 characters and contain only lowercase hexadecimal characters"
            }
            RuleFault::FirstArgOfSubcommand => "Allowing first-arg of a subcommand is not supported",
        })
    }
}

/// What may be done with keys that a pattern matches.
const READ: u8 = 1;
const WRITE: u8 = 2;

/// The right that a key of a call needs, from its `key_flag` bits. Mere existence needs none but that some pattern matches.
#[inline]
pub(super) fn right_for(flags: u16) -> u8 {
    let reads = flags & key_flag::ACCESS != 0;
    let writes = flags & (key_flag::INSERT | key_flag::DELETE | key_flag::UPDATE) != 0;
    (u8::from(reads) * READ) | (u8::from(writes) * WRITE)
}

/// A pattern, with what is known of its form: most are a prefix and a star.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pattern {
    text: Box<[u8]>,
    is_prefix: bool,
}

impl Pattern {
    fn new(text: &[u8]) -> Pattern {
        let prefix = text.strip_suffix(b"*");
        let is_plain = |text: &[u8]| !text.iter().any(|byte| b"*?[\\".contains(byte));
        // A lone star is left to the glob: it does not match the empty name.
        let is_prefix = prefix.is_some_and(|prefix| !prefix.is_empty() && is_plain(prefix));
        Pattern { text: text.into(), is_prefix }
    }

    #[inline]
    pub fn matches(&self, name: &[u8]) -> bool {
        match self.is_prefix {
            true => name.starts_with(&self.text[..self.text.len() - 1]),
            false => glob::matches(&self.text, name),
        }
    }

    pub fn text(&self) -> &[u8] {
        &self.text
    }
}

/// A pattern of keys and what may be done with them.
#[derive(Clone, Debug, PartialEq, Eq)]
struct KeyPattern {
    pattern: Pattern,
    rights: u8,
}

impl KeyPattern {
    fn describe(&self, out: &mut Vec<u8>) {
        let mark: &[u8] = match self.rights {
            READ => b"%R~",
            WRITE => b"%W~",
            _ => b"~",
        };
        out.extend_from_slice(mark);
        out.extend_from_slice(&self.pattern.text);
    }
}

/// A rule about commands as it is shown: `+get`, `-@hash`, `+config|get`.
#[derive(Clone, Debug, PartialEq, Eq)]
struct CommandRule {
    allows: bool,
    /// Lower case.
    name: Box<[u8]>,
}

/// One set of rules. Without any it allows nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selector {
    all_keys: bool,
    all_channels: bool,
    /// `+@all` stands unrestricted: no bit need be looked at.
    all_commands: bool,
    /// It began from `+@all`: what is new is allowed, too.
    from_all: bool,
    /// A bit for each command by its number.
    allowed: Vec<u64>,
    /// First arguments with which a command may be called although its bit is not set.
    first_args: BTreeMap<usize, Vec<Box<[u8]>>>,
    keys: Vec<KeyPattern>,
    channels: Vec<Pattern>,
    rules: Vec<CommandRule>,
}

/// C's `isspace`, or the zero byte: what may not stand in names and patterns.
pub(super) fn has_blanks(word: &[u8]) -> bool {
    word.iter().any(|byte| matches!(byte, b' ' | b'\t' | b'\n' | 0x0b | 0x0c | b'\r' | 0))
}

/// The word up to a zero byte.
pub(super) fn text_of(word: &[u8]) -> &[u8] {
    &word[..memchr::memchr(0, word).unwrap_or(word.len())]
}

impl Selector {
    /// Allows nothing, or nothing but all channels (`acl-pubsub-default`).
    pub fn new(catalog: &Catalog, all_channels: bool) -> Selector {
        Selector {
            all_keys: false,
            all_channels,
            all_commands: false,
            from_all: false,
            allowed: vec![0; catalog.len().div_ceil(64)],
            first_args: BTreeMap::new(),
            keys: Vec::new(),
            channels: Vec::new(),
            rules: Vec::new(),
        }
    }

    /// Allows everything.
    pub fn is_unrestricted(&self) -> bool {
        self.all_commands && self.all_keys && self.all_channels
    }

    pub(super) fn has_all_channels(&self) -> bool {
        self.all_channels
    }

    pub(super) fn channel_patterns(&self) -> &[Pattern] {
        &self.channels
    }

    pub(super) fn has_all_keys(&self) -> bool {
        self.all_keys
    }

    pub(super) fn has_all_commands(&self) -> bool {
        self.all_commands
    }

    /// Takes one rule, as ACL SETUSER is given it.
    pub fn apply(&mut self, rule: &[u8], catalog: &Catalog) -> Result<(), RuleFault> {
        let text = text_of(rule);
        match text.to_ascii_lowercase().as_slice() {
            b"allkeys" | b"~*" => {
                self.all_keys = true;
                self.keys.clear();
            }
            b"resetkeys" => {
                self.all_keys = false;
                self.keys.clear();
            }
            b"allchannels" | b"&*" => {
                self.all_channels = true;
                self.channels.clear();
            }
            b"resetchannels" => {
                self.all_channels = false;
                self.channels.clear();
            }
            b"allcommands" | b"+@all" => self.set_all_commands(true),
            b"nocommands" | b"-@all" => self.set_all_commands(false),
            _ => match text.first() {
                Some(b'~' | b'%') => self.add_key_pattern(rule)?,
                Some(b'&') => self.add_channel_pattern(&rule[1..])?,
                Some(b'+') if text.get(1) != Some(&b'@') && text.contains(&b'|') => {
                    self.allow_part(&text[1..], catalog)?;
                }
                Some(sign @ (b'+' | b'-')) if text.get(1) != Some(&b'@') => {
                    let id = catalog.find(&text[1..]).ok_or(RuleFault::UnknownCommand)?;
                    self.set_command(id, *sign == b'+', catalog);
                    self.note(catalog.entry(id).name.as_bytes(), *sign == b'+');
                }
                Some(sign @ (b'+' | b'-')) => self.set_category(&text[1..], *sign == b'+', catalog)?,
                _ => return Err(RuleFault::Syntax),
            },
        }
        Ok(())
    }

    fn set_all_commands(&mut self, allows: bool) {
        self.allowed.fill(if allows { u64::MAX } else { 0 });
        (self.all_commands, self.from_all) = (allows, allows);
        self.first_args.clear();
        self.rules.clear();
    }

    fn add_key_pattern(&mut self, rule: &[u8]) -> Result<(), RuleFault> {
        if self.all_keys {
            return Err(RuleFault::PatternAfterAllKeys);
        }
        let (rights, pattern) = match rule {
            [b'~', pattern @ ..] => (READ | WRITE, pattern),
            [_, rest @ ..] => rights_and_pattern(rest).ok_or(RuleFault::Syntax)?,
            [] => return Err(RuleFault::Syntax),
        };
        if has_blanks(pattern) {
            return Err(RuleFault::Syntax);
        }
        match self.keys.iter_mut().find(|known| *known.pattern.text == *pattern) {
            Some(known) => known.rights |= rights,
            None => self.keys.push(KeyPattern { pattern: Pattern::new(pattern), rights }),
        }
        Ok(())
    }

    fn add_channel_pattern(&mut self, pattern: &[u8]) -> Result<(), RuleFault> {
        if self.all_channels {
            return Err(RuleFault::PatternAfterAllChannels);
        }
        if has_blanks(pattern) {
            return Err(RuleFault::Syntax);
        }
        if !self.channels.iter().any(|known| *known.text == *pattern) {
            self.channels.push(Pattern::new(pattern));
        }
        Ok(())
    }

    /// `+command|subcommand`, or `+command|first-argument` of a command without subcommands.
    fn allow_part(&mut self, text: &[u8], catalog: &Catalog) -> Result<(), RuleFault> {
        let at = text.iter().rposition(|byte| *byte == b'|').expect("the rule has a bar");
        let id = catalog.find(&text[..at]).ok_or(RuleFault::UnknownCommand)?;
        if catalog.entry(id).is_child {
            return Err(RuleFault::FirstArgOfSubcommand);
        }
        let argument = &text[at + 1..];
        // What could not be written down and read again is no rule.
        if argument.is_empty() || argument.iter().any(|byte| byte.is_ascii_whitespace() || b"\"'()".contains(byte)) {
            return Err(RuleFault::Syntax);
        }
        if !catalog.entry(id).children.is_empty() {
            let child = catalog.find(text).ok_or(RuleFault::UnknownCommand)?;
            self.set_command(child, true, catalog);
        } else {
            let arguments = self.first_args.entry(id).or_default();
            if !arguments.iter().any(|known| known.eq_ignore_ascii_case(argument)) {
                arguments.push(argument.into());
            }
        }
        self.note(text, true);
        Ok(())
    }

    /// Allows or forbids a command and its subcommands.
    fn set_command(&mut self, id: usize, allows: bool, catalog: &Catalog) {
        self.set_bit(id, allows);
        self.first_args.remove(&id);
        catalog.entry(id).children.iter().for_each(|child| self.set_bit(*child, allows));
    }

    fn set_bit(&mut self, id: usize, allows: bool) {
        let bit = 1 << (id % 64);
        if allows {
            self.allowed[id / 64] |= bit;
        } else {
            self.allowed[id / 64] &= !bit;
            self.all_commands = false;
        }
    }

    /// `category` begins with its `@`.
    fn set_category(&mut self, category: &[u8], allows: bool, catalog: &Catalog) -> Result<(), RuleFault> {
        let bits = category_of(&category[1..]).ok_or(RuleFault::UnknownCommand)?;
        self.note(category, allows);
        for (id, _) in catalog.in_categories(bits) {
            self.set_command(id, allows, catalog);
        }
        Ok(())
    }

    /// Puts a rule at the end of those that are shown. It takes the place of the same rule given before, and of those about
    /// subcommands or first arguments of the command.
    fn note(&mut self, name: &[u8], allows: bool) {
        let name = name.to_ascii_lowercase();
        self.rules.retain(|known| match known.name.strip_prefix(&name[..]) {
            Some(rest) => !rest.is_empty() && rest[0] != b'|',
            None => true,
        });
        self.rules.push(CommandRule { allows, name: name.into() });
    }

    /// True when the command may be called, whatever its keys. `first`: its first argument (behind the subcommand).
    #[inline]
    pub(super) fn allows_command(&self, id: usize, first: Option<&[u8]>) -> bool {
        if self.allowed[id / 64] & 1 << (id % 64) != 0 {
            return true;
        }
        let (Some(arguments), Some(first)) = (self.first_args.get(&id), first) else { return false };
        arguments.iter().any(|allowed| allowed.eq_ignore_ascii_case(text_of(first)))
    }

    /// True when some pattern that gives these rights matches the key.
    #[inline]
    pub(super) fn allows_key(&self, key: &[u8], right: u8) -> bool {
        self.all_keys || self.keys.iter().any(|known| known.rights & right == right && known.pattern.matches(key))
    }

    /// True when every key may be read.
    pub(super) fn may_read_every_key(&self) -> bool {
        self.all_keys || self.keys.iter().any(|known| known.rights & READ != 0 && *known.pattern.text == *b"*")
    }

    /// The rules about commands, from `+@all` or `-@all` on.
    pub fn describe_commands(&self) -> Vec<u8> {
        let mut out = if self.from_all { b"+@all".to_vec() } else { b"-@all".to_vec() };
        for rule in &self.rules {
            out.extend_from_slice(if rule.allows { b" +" } else { b" -" });
            out.extend_from_slice(&rule.name);
        }
        out
    }

    /// The patterns of keys with what they allow.
    pub fn describe_keys(&self) -> Vec<u8> {
        if self.all_keys {
            return b"~*".to_vec();
        }
        let mut out = Vec::new();
        for (number, known) in self.keys.iter().enumerate() {
            out.extend_from_slice(if number > 0 { b" " } else { b"" });
            known.describe(&mut out);
        }
        out
    }

    /// The patterns of channels.
    pub fn describe_channels(&self) -> Vec<u8> {
        if self.all_channels {
            return b"&*".to_vec();
        }
        let mut out = Vec::new();
        for (number, known) in self.channels.iter().enumerate() {
            out.extend_from_slice(if number > 0 { b" &" } else { b"&" });
            out.extend_from_slice(&known.text);
        }
        out
    }

    /// All of it, as rules that give the same selector again.
    pub fn describe(&self, out: &mut Vec<u8>) {
        let keys = self.describe_keys();
        out.extend_from_slice(&keys);
        out.extend_from_slice(if keys.is_empty() { b"" } else { b" " });
        if !self.all_channels {
            out.extend_from_slice(b"resetchannels ");
        }
        let channels = self.describe_channels();
        out.extend_from_slice(&channels);
        out.extend_from_slice(if channels.is_empty() { b"" } else { b" " });
        out.extend_from_slice(&self.describe_commands());
    }
}

/// What stands behind the `%` of a rule: `R` and `W`, each once at most, then `~` and the pattern. (Without a `~` the pattern is
/// empty, as in Redis.)
fn rights_and_pattern(rest: &[u8]) -> Option<(u8, &[u8])> {
    let mut rights = 0;
    for (at, byte) in rest.iter().enumerate() {
        let right = match byte.to_ascii_uppercase() {
            b'R' => READ,
            b'W' => WRITE,
            b'~' if rights != 0 => return Some((rights, &rest[at + 1..])),
            _ => return None,
        };
        if rights & right != 0 {
            return None;
        }
        rights |= right;
    }
    (rights != 0).then_some((rights, &[]))
}

/// The bit of a category.
pub(super) fn category_of(name: &[u8]) -> Option<u32> {
    category::NAMES.iter().find(|named| named.1.as_bytes().eq_ignore_ascii_case(name)).map(|named| named.0)
}
