//! The commands as rules name them: by number, full name ("config|get") and row.

use crate::spec::{Spec, flag};
use std::collections::HashMap;

/// Which words of a call are channels that a user must be allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Channels {
    None,
    /// The first word behind the name.
    First,
    /// All words behind the name.
    All,
    /// The same, and they are patterns.
    AllPatterns,
}

/// One command.
pub(super) struct Entry {
    /// Lower case.
    pub name: Box<str>,
    pub spec: &'static Spec,
    pub children: Vec<usize>,
    pub is_child: bool,
    pub channels: Channels,
    pub has_keys: bool,
}

/// All commands by their numbers.
#[derive(Default)]
pub struct Catalog {
    entries: Vec<Entry>,
    by_name: HashMap<Box<str>, usize>,
}

impl Catalog {
    /// From the full name, the row and the number of the container (if there is one) of every command, in order of their
    /// numbers; a container comes before its subcommands.
    pub fn new(commands: impl Iterator<Item = (String, &'static Spec, Option<usize>)>) -> Catalog {
        let mut catalog = Catalog::default();
        for (id, (name, spec, parent)) in commands.enumerate() {
            if let Some(parent) = parent {
                catalog.entries[parent].children.push(id);
            }
            let name: Box<str> = name.to_ascii_lowercase().into();
            catalog.by_name.insert(name.clone(), id);
            catalog.entries.push(Entry {
                name,
                spec,
                children: Vec::new(),
                is_child: parent.is_some(),
                channels: channels_of(spec),
                has_keys: spec.key_specs().next().is_some(),
            });
        }
        catalog
    }

    /// Number of commands.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The full name of a command, lower case; `None` beyond the last.
    pub fn name(&self, id: usize) -> Option<&str> {
        self.entries.get(id).map(|entry| &*entry.name)
    }

    /// The row of a command.
    #[inline]
    pub fn spec(&self, id: usize) -> &'static Spec {
        self.entries[id].spec
    }

    /// The number of the command of this full name, in any case.
    pub fn find(&self, name: &[u8]) -> Option<usize> {
        let name = std::str::from_utf8(name).ok()?.to_ascii_lowercase();
        self.by_name.get(name.as_str()).copied()
    }

    /// Numbers and full names of the commands in any of these categories.
    pub fn in_categories(&self, categories: u32) -> impl Iterator<Item = (usize, &str)> {
        let is_in = move |entry: &Entry| entry.spec.all_categories() & categories != 0;
        self.entries.iter().enumerate().filter(move |(_, entry)| is_in(entry)).map(|(id, entry)| (id, &*entry.name))
    }

    #[inline]
    pub(super) fn entry(&self, id: usize) -> &Entry {
        &self.entries[id]
    }
}

fn channels_of(spec: &Spec) -> Channels {
    match spec.name {
        _ if !spec.has(flag::PUBSUB) => Channels::None,
        "SUBSCRIBE" | "SSUBSCRIBE" => Channels::All,
        "PSUBSCRIBE" => Channels::AllPatterns,
        "PUBLISH" | "SPUBLISH" => Channels::First,
        _ => Channels::None,
    }
}
