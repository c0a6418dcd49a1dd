//! What a command *is*: name, grammar, arity, flags, categories, where its keys stand. Declared once per command;
//! the dispatcher, COMMAND, access control and the cluster all read the same row.
//!
//! Must not see a handler: `exec` joins a `Spec` with the function that runs it.

mod find;
mod flags;
mod keys;
mod syntax;

pub mod grammar;

pub use find::*;
pub use flags::*;
pub use keys::*;
pub use syntax::syntax;

/// The chapter of the manual that a command belongs to, as COMMAND DOCS names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    Generic,
    String,
    List,
    Set,
    SortedSet,
    Hash,
    PubSub,
    Transactions,
    Connection,
    Server,
    Scripting,
    HyperLogLog,
    Cluster,
    Sentinel,
    Geo,
    Stream,
    Bitmap,
}

impl Group {
    /// The name in COMMAND DOCS and COMMAND LIST.
    pub fn name(self) -> &'static str {
        match self {
            Group::Generic => "generic",
            Group::String => "string",
            Group::List => "list",
            Group::Set => "set",
            Group::SortedSet => "sorted-set",
            Group::Hash => "hash",
            Group::PubSub => "pubsub",
            Group::Transactions => "transactions",
            Group::Connection => "connection",
            Group::Server => "server",
            Group::Scripting => "scripting",
            Group::HyperLogLog => "hyperloglog",
            Group::Cluster => "cluster",
            Group::Sentinel => "sentinel",
            Group::Geo => "geo",
            Group::Stream => "stream",
            Group::Bitmap => "bitmap",
        }
    }

    /// The access category that every command of the group is in; empty where the group has none.
    const fn category(self) -> u32 {
        match self {
            Group::Generic => category::KEYSPACE,
            Group::String => category::STRING,
            Group::List => category::LIST,
            Group::Set => category::SET,
            Group::SortedSet => category::SORTED_SET,
            Group::Hash => category::HASH,
            Group::Transactions => category::TRANSACTION,
            Group::Connection => category::CONNECTION,
            Group::Scripting => category::SCRIPTING,
            Group::HyperLogLog => category::HYPERLOGLOG,
            Group::Geo => category::GEO,
            Group::Stream => category::STREAM,
            Group::Bitmap => category::BITMAP,
            // PUBSUB follows from the flag of the same name; the container and its HELP are not in it.
            Group::PubSub | Group::Server | Group::Cluster | Group::Sentinel => 0,
        }
    }
}

/// Most key specifications that one command has (SORT and MIGRATE have the most).
pub const KEY_SPECS_MAX: usize = 3;

/// One row: everything about a command but the code that runs it.
#[derive(Clone, Copy, Debug)]
pub struct Spec {
    /// Upper case; subcommands carry their own word only ("GET" of CONFIG).
    pub name: &'static str,
    /// The arguments in the notation of `grammar`.
    pub grammar: &'static str,
    /// Number of words with the name; negative when it is the least number. Subcommands count both words.
    pub arity: i32,
    /// `flag::*` bits.
    pub flags: u32,
    /// `category::*` bits that are not implied by flags and group.
    pub explicit_categories: u32,
    /// `category::*` bits that flags and group imply, but not for this command.
    pub excluded_categories: u32,
    pub key_specs: [Option<KeySpec>; KEY_SPECS_MAX],
    pub group: Group,
    /// The version of Redis that brought it.
    pub since: &'static str,
    pub summary: &'static str,
    pub complexity: &'static str,
    /// Since which version another command should be used, and which; both empty if none should.
    pub deprecated: (&'static str, &'static str),
    /// A name for subcommands: it is in no category by its group.
    pub is_container: bool,
    /// Hints for clients, as COMMAND INFO lists them ("nondeterministic_output", "request_policy:all_shards", …).
    pub tips: &'static [&'static str],
    /// Word of the (first) field or member that is looked up inside the collection; 0: none. Only to fetch it ahead.
    pub element_word: u32,
}

/// Starts a row; the rest of it follows by method.
pub const fn command(name: &'static str, grammar: &'static str, arity: i32) -> Spec {
    Spec {
        name,
        grammar,
        arity,
        flags: 0,
        explicit_categories: 0,
        excluded_categories: 0,
        key_specs: [None; KEY_SPECS_MAX],
        group: Group::Generic,
        since: "1.0.0",
        summary: "",
        complexity: "",
        deprecated: ("", ""),
        is_container: false,
        tips: &[],
        element_word: 0,
    }
}

impl Spec {
    pub const fn since(mut self, version: &'static str) -> Spec {
        self.since = version;
        self
    }

    pub const fn group(mut self, group: Group) -> Spec {
        self.group = group;
        self
    }

    pub const fn flags(mut self, flags: u32) -> Spec {
        self.flags |= flags;
        self
    }

    /// Categories beyond those that flags and group imply.
    pub const fn categories(mut self, categories: u32) -> Spec {
        self.explicit_categories |= categories;
        self
    }

    /// Categories that flags and group imply, but that the command is not in.
    pub const fn not_in(mut self, categories: u32) -> Spec {
        self.excluded_categories |= categories;
        self
    }

    /// Adds a key specification; call again for a second one.
    pub const fn keys(mut self, spec: KeySpec) -> Spec {
        let mut i = 0;
        while self.key_specs[i].is_some() {
            i += 1;
        }
        self.key_specs[i] = Some(spec);
        self
    }

    /// Another command should be used since `version`.
    pub const fn deprecated(mut self, version: &'static str, instead: &'static str) -> Spec {
        self.deprecated = (version, instead);
        self
    }

    /// The cost in O-notation.
    pub const fn cost(mut self, complexity: &'static str) -> Spec {
        self.complexity = complexity;
        self
    }

    /// One sentence for the manual.
    pub const fn says(mut self, summary: &'static str) -> Spec {
        self.summary = summary;
        self
    }

    pub const fn tips(mut self, tips: &'static [&'static str]) -> Spec {
        self.tips = tips;
        self
    }

    /// The (first) field or member that is looked up stands at this word.
    pub const fn element(mut self, word: u32) -> Spec {
        self.element_word = word;
        self
    }

    pub const fn has(&self, flags: u32) -> bool {
        self.flags & flags == flags
    }

    /// All access categories: the explicit ones and those implied by flags and group.
    pub const fn all_categories(&self) -> u32 {
        let mut c = self.explicit_categories;
        if !self.is_container {
            c |= self.group.category();
        }
        if self.has(flag::WRITE) {
            c |= category::WRITE;
        }
        if self.has(flag::READONLY) && !matches!(self.group, Group::Scripting) {
            c |= category::READ;
        }
        if self.has(flag::ADMIN) {
            c |= category::ADMIN | category::DANGEROUS;
        }
        if self.has(flag::PUBSUB) {
            c |= category::PUBSUB;
        }
        if self.has(flag::BLOCKING) {
            c |= category::BLOCKING;
        }
        c |= if self.has(flag::FAST) { category::FAST } else { category::SLOW };
        c & !self.excluded_categories
    }

    /// True when `words` (name included) is a number of words that the command takes.
    #[inline]
    pub const fn accepts(&self, words: usize) -> bool {
        if self.arity >= 0 { words == self.arity as usize } else { words >= (-self.arity) as usize }
    }
}
