//! A user: on or off, passwords, and selectors.

use super::catalog::Catalog;
use super::selector::{RuleFault, Selector, text_of};
use crate::base::sha::{hex, sha256};
use crate::base::words::split_words;

/// The SHA-256 of a password.
type Digest = [u8; 32];

/// One user. A new one is off, has no password and may do nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    is_on: bool,
    /// Any password will do.
    needs_no_password: bool,
    /// Payloads of RESTORE may go unchecked. (They are checked in any case.)
    skips_sanitizing: bool,
    passwords: Vec<Digest>,
    /// The first holds the user's own rules; never empty.
    selectors: Vec<Selector>,
}

impl User {
    pub fn new(catalog: &Catalog, all_channels: bool) -> User {
        User {
            is_on: false,
            needs_no_password: false,
            skips_sanitizing: false,
            passwords: Vec::new(),
            selectors: vec![Selector::new(catalog, all_channels)],
        }
    }

    /// The user that everybody is who does not say otherwise: may do everything, without a password.
    pub fn default_user(catalog: &Catalog) -> User {
        let mut user = User::new(catalog, false);
        for rule in ["+@all", "~*", "&*", "on", "nopass"] {
            user.apply(rule.as_bytes(), catalog, false).expect("the rules are well formed");
        }
        user
    }

    pub fn is_on(&self) -> bool {
        self.is_on
    }

    pub fn needs_no_password(&self) -> bool {
        self.needs_no_password
    }

    /// Some selector allows everything.
    pub fn is_unrestricted(&self) -> bool {
        self.selectors.iter().any(Selector::is_unrestricted)
    }

    /// The user's own rules, then the selectors beside them.
    pub fn selectors(&self) -> &[Selector] {
        &self.selectors
    }

    /// The hashes of the passwords, in hexadecimal digits.
    pub fn password_hashes(&self) -> impl ExactSizeIterator<Item = String> {
        self.passwords.iter().map(|digest| hex(digest))
    }

    /// Names of the flags that are set, in Redis's order.
    pub fn flags(&self) -> impl Iterator<Item = &'static str> {
        let flags = [
            (self.is_on, "on"),
            (!self.is_on, "off"),
            (self.needs_no_password, "nopass"),
            (self.skips_sanitizing, "skip-sanitize-payload"),
            (!self.skips_sanitizing, "sanitize-payload"),
        ];
        flags.into_iter().filter(|flag| flag.0).map(|flag| flag.1)
    }

    /// True when the password is one of the user's, and the user is on. The time it takes tells nothing of where they differ.
    pub fn accepts(&self, password: &[u8]) -> bool {
        if !self.is_on || self.needs_no_password {
            return self.is_on;
        }
        let given = sha256(password);
        let is_same = |known: &Digest| known.iter().zip(given).fold(0, |sum, (a, b)| sum | (a ^ b)) == 0;
        // Every password is looked at, whichever it is.
        self.passwords.iter().fold(false, |found, known| found | is_same(known))
    }

    /// The only password from here on; an empty one means that none is needed (`requirepass`).
    pub fn set_password(&mut self, password: &[u8]) {
        self.passwords.clear();
        self.needs_no_password = password.is_empty();
        if !password.is_empty() {
            self.passwords.push(sha256(password));
        }
    }

    /// Takes one rule, as ACL SETUSER is given it; a selector in parentheses is one rule. `all_channels`: what a selector
    /// begins with (`acl-pubsub-default`).
    pub fn apply(&mut self, rule: &[u8], catalog: &Catalog, all_channels: bool) -> Result<(), RuleFault> {
        if rule.is_empty() {
            return Ok(());
        }
        match text_of(rule).to_ascii_lowercase().as_slice() {
            b"on" => self.is_on = true,
            b"off" => self.is_on = false,
            b"skip-sanitize-payload" => self.skips_sanitizing = true,
            b"sanitize-payload" => self.skips_sanitizing = false,
            b"nopass" => {
                self.passwords.clear();
                self.needs_no_password = true;
            }
            b"resetpass" => {
                self.passwords.clear();
                self.needs_no_password = false;
            }
            b"clearselectors" => self.selectors.truncate(1),
            b"reset" => *self = User::new(catalog, all_channels),
            _ => match rule[0] {
                b'>' | b'#' => {
                    let digest = digest_of(rule)?;
                    if !self.passwords.contains(&digest) {
                        self.passwords.push(digest);
                    }
                    self.needs_no_password = false;
                }
                b'<' | b'!' => {
                    let digest = digest_of(rule)?;
                    let place = self.passwords.iter().position(|known| *known == digest);
                    self.passwords.remove(place.ok_or(RuleFault::NoSuchPassword)?);
                }
                b'(' if rule.ends_with(b")") => {
                    let mut selector = Selector::new(catalog, all_channels);
                    // What does not split into words is no rules, as in Redis.
                    for rule in split_words(&rule[1..rule.len() - 1]).unwrap_or_default() {
                        selector.apply(&rule, catalog)?;
                    }
                    self.selectors.push(selector);
                }
                _ => self.selectors[0].apply(rule, catalog)?,
            },
        }
        Ok(())
    }

    /// The rules that make a new user this one.
    pub fn describe(&self) -> Vec<u8> {
        let mut out = Vec::new();
        for flag in self.flags() {
            out.extend_from_slice(flag.as_bytes());
            out.push(b' ');
        }
        for hash in self.password_hashes() {
            out.push(b'#');
            out.extend_from_slice(hash.as_bytes());
            out.push(b' ');
        }
        self.selectors[0].describe(&mut out);
        for selector in &self.selectors[1..] {
            out.extend_from_slice(b" (");
            selector.describe(&mut out);
            out.push(b')');
        }
        out
    }
}

/// The digest that a rule means: of the password behind `>` and `<`, as written behind `#` and `!`.
fn digest_of(rule: &[u8]) -> Result<Digest, RuleFault> {
    match rule {
        [b'>' | b'<', password @ ..] => Ok(sha256(password)),
        [_, digits @ ..] => parse_digest(digits).ok_or(RuleFault::BadHash),
        [] => Err(RuleFault::BadHash),
    }
}

fn parse_digest(digits: &[u8]) -> Option<Digest> {
    let is_digit = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    if digits.len() != 64 || !digits.iter().all(is_digit) {
        return None;
    }
    let value = |byte: u8| if byte.is_ascii_digit() { byte - b'0' } else { byte - b'a' + 10 };
    Some(std::array::from_fn(|at| value(digits[2 * at]) << 4 | value(digits[2 * at + 1])))
}
