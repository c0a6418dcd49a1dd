//! All users, by name and by number.
//!
//! Sessions hold a user's number. A number stands for one user until it is removed; who removes one must take its sessions away
//! from it in the same breath (`server::users` does).

use super::catalog::Catalog;
use super::check::{self, Denial};
use super::load::{Problem, merge_selectors};
use super::refusals::Log;
use super::user::User;
use crate::protocol::args::Args;
use crate::spec::FoundKey;
use std::collections::BTreeMap;

/// The number of a user.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct UserId(u32);

impl UserId {
    /// The user named `default`, who is always there.
    pub const DEFAULT: UserId = UserId(0);
}

/// The name of the user that everybody is who does not say otherwise.
pub const DEFAULT_NAME: &[u8] = b"default";

/// Users by name.
pub type Users = BTreeMap<Box<[u8]>, User>;

struct Slot {
    name: Box<[u8]>,
    user: User,
}

/// Users, and the log of what they were refused.
pub struct Acl {
    catalog: Catalog,
    by_name: BTreeMap<Box<[u8]>, UserId>,
    slots: Vec<Option<Slot>>,
    pub log: Log,
    /// New users and selectors may use every channel (`acl-pubsub-default`).
    pub new_have_all_channels: bool,
    /// Room for the keys of a call, kept from one to the next.
    found: Vec<FoundKey>,
}

impl Acl {
    /// The default user alone.
    pub fn new(catalog: Catalog) -> Acl {
        let user = User::default_user(&catalog);
        let mut acl = Acl {
            catalog,
            by_name: BTreeMap::new(),
            slots: Vec::new(),
            log: Log::default(),
            new_have_all_channels: false,
            found: Vec::new(),
        };
        let id = acl.put(DEFAULT_NAME, user);
        debug_assert_eq!(id, UserId::DEFAULT);
        acl
    }

    pub fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    pub fn find(&self, name: &[u8]) -> Option<UserId> {
        self.by_name.get(name).copied()
    }

    fn slot(&self, id: UserId) -> &Slot {
        self.slots[id.0 as usize].as_ref().expect("who holds a user's number lets go of it when the user is removed")
    }

    pub fn user(&self, id: UserId) -> &User {
        &self.slot(id).user
    }

    pub fn name(&self, id: UserId) -> &[u8] {
        &self.slot(id).name
    }

    /// All users by name, in byte order.
    pub fn users(&self) -> impl ExactSizeIterator<Item = (&[u8], &User)> {
        self.by_name.iter().map(|(name, id)| (&**name, self.user(*id)))
    }

    /// A line for each user, as files have it: `user`, the name, and the rules.
    pub fn lines(&self) -> impl Iterator<Item = Vec<u8>> {
        self.users().map(|(name, user)| [b"user ", name, b" ", &user.describe()].concat())
    }

    /// Adds a user or puts another in its place; the number stays.
    pub fn put(&mut self, name: &[u8], user: User) -> UserId {
        if let Some(id) = self.find(name) {
            self.slots[id.0 as usize] = Some(Slot { name: name.into(), user });
            return id;
        }
        let free = self.slots.iter().position(Option::is_none).unwrap_or(self.slots.len());
        if free == self.slots.len() {
            self.slots.push(None);
        }
        self.slots[free] = Some(Slot { name: name.into(), user });
        let id = UserId(free as u32);
        self.by_name.insert(name.into(), id);
        id
    }

    /// Takes a user away; the default user stays.
    pub fn remove(&mut self, name: &[u8]) -> Option<(UserId, User)> {
        let id = self.find(name).filter(|id| *id != UserId::DEFAULT)?;
        self.by_name.remove(name);
        let slot = self.slots[id.0 as usize].take().expect("a name has its user");
        Some((id, slot.user))
    }

    pub fn new_user(&self) -> User {
        User::new(&self.catalog, self.new_have_all_channels)
    }

    /// The user of this name, or a new one, with these rules added; errors are the text of the reply. Nothing is changed.
    pub fn with_rules<'w>(&self, name: &[u8], words: impl Iterator<Item = &'w [u8]>) -> Result<User, Vec<u8>> {
        let mut user = self.find(name).map_or_else(|| self.new_user(), |id| self.user(id).clone());
        let words: Vec<&[u8]> = words.collect();
        let rules = merge_selectors(&words).map_err(|at| {
            let word = super::selector::text_of(words[at]);
            [b"Unmatched parenthesis in acl selector starting at '", word, b"'."].concat()
        })?;
        for rule in rules {
            if let Err(fault) = user.apply(&rule, &self.catalog, self.new_have_all_channels) {
                let rule = super::selector::text_of(&rule);
                let text: &[u8] = b"Error in ACL SETUSER modifier '";
                return Err([text, rule, format!("': {fault}").as_bytes()].concat());
            }
        }
        Ok(user)
    }

    /// The user with this name and password, if there is one and it is on.
    pub fn authenticate(&self, name: &[u8], password: &[u8]) -> Option<UserId> {
        self.find(name).filter(|id| self.user(*id).accepts(password))
    }

    /// True when whoever comes is served as the default user.
    pub fn is_open(&self) -> bool {
        let user = self.user(UserId::DEFAULT);
        user.is_on() && user.needs_no_password()
    }

    /// `requirepass`: the default user's only password; empty for none.
    pub fn set_default_password(&mut self, password: &[u8]) {
        let slot = self.slots[UserId::DEFAULT.0 as usize].as_mut().expect("the default user is always there");
        slot.user.set_password(password);
    }

    /// May the user make this call?
    #[inline]
    pub fn check(&mut self, user: UserId, id: usize, words: Args) -> Result<(), Denial> {
        let slot = self.slots[user.0 as usize].as_ref().expect("a session's user is there");
        check::check(&slot.user, &self.catalog, id, words, &mut self.found)
    }

    /// May the user make this call, and read every key beyond it? (SORT with BY or GET names keys that cannot be foretold.)
    pub fn may_read_every_key(&mut self, user: UserId, id: usize, words: Args) -> bool {
        let slot = self.slots[user.0 as usize].as_ref().expect("a session's user is there");
        check::may_read_every_key(&slot.user, &self.catalog, id, words, &mut self.found)
    }

    /// The users that a file holds, the default user among them. Errors say what is wrong with every line.
    pub fn parse_file(&self, path: &str, text: &[u8]) -> Result<Users, Vec<u8>> {
        let parsed = super::load::parse_file(&self.catalog, self.new_have_all_channels, text);
        parsed.map_err(|problems: Vec<Problem>| super::load::report(path, &problems))
    }
}

impl User {
    /// Tells whether a subscription that a user had is one that another may not have: `None` when `self` may have whatever `old`
    /// might, else the judge of a channel (`is_pattern`: of a pattern).
    pub fn revoked_since<'u>(&'u self, old: &User) -> Option<impl Fn(&[u8], bool) -> bool + use<'u>> {
        if self.selectors().iter().any(|selector| selector.has_all_channels()) {
            return None;
        }
        let allowed = || self.selectors().iter().flat_map(|selector| selector.channel_patterns());
        let keeps = |selector: &super::Selector| {
            let is_there = |pattern: &super::selector::Pattern| allowed().any(|known| known == pattern);
            !selector.has_all_channels() && selector.channel_patterns().iter().all(is_there)
        };
        if old.selectors().iter().all(keeps) {
            return None;
        }
        let patterns: Vec<_> = self.selectors().iter().flat_map(|selector| selector.channel_patterns()).collect();
        Some(move |channel: &[u8], is_pattern: bool| {
            !check::is_channel_allowed(patterns.iter().copied(), channel, is_pattern)
        })
    }
}
