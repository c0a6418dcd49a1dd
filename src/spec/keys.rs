//! Where a command's keys stand and what it does with them, as COMMAND INFO tells clients.

/// How a key is used: bits of `KeySpec::flags`.
pub mod key_flag {
    pub const RO: u16 = 1 << 0;
    pub const RW: u16 = 1 << 1;
    pub const OW: u16 = 1 << 2;
    pub const RM: u16 = 1 << 3;
    pub const ACCESS: u16 = 1 << 4;
    pub const UPDATE: u16 = 1 << 5;
    pub const INSERT: u16 = 1 << 6;
    pub const DELETE: u16 = 1 << 7;
    pub const NOT_KEY: u16 = 1 << 8;
    pub const INCOMPLETE: u16 = 1 << 9;
    pub const VARIABLE_FLAGS: u16 = 1 << 10;

    /// Bit and name, in the order in which they are listed.
    pub const NAMES: &[(u16, &str)] = &[
        (RO, "RO"),
        (RW, "RW"),
        (OW, "OW"),
        (RM, "RM"),
        (ACCESS, "access"),
        (UPDATE, "update"),
        (INSERT, "insert"),
        (DELETE, "delete"),
        (NOT_KEY, "not_key"),
        (INCOMPLETE, "incomplete"),
        (VARIABLE_FLAGS, "variable_flags"),
    ];
}

/// Where a run of keys begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begin {
    /// At this word; the name is word 0.
    Index(u16),
    /// Behind this word, looked for from `from` on (negative: backwards from the end).
    Keyword {
        word: &'static str,
        from: i16,
    },
    Unknown,
}

/// How the keys go on from there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Find {
    /// To `last` (relative to the first key; negative: from the end, -1 the last word), every `step`-th word.
    /// `limit` > 1: only that share (1/limit) of the rest, when `last` is -1.
    Range {
        last: i16,
        step: u16,
        limit: u16,
    },
    /// A count stands at `number_at` (relative to the begin), the keys from `first` on.
    Number {
        number_at: u16,
        first: u16,
        step: u16,
    },
    Unknown,
}

/// One run of keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeySpec {
    pub begin: Begin,
    pub find: Find,
    /// `key_flag::*` bits.
    pub flags: u16,
    pub notes: &'static str,
}

/// One key at word `index`.
pub const fn at(index: u16) -> KeySpec {
    KeySpec { begin: Begin::Index(index), find: Find::Range { last: 0, step: 1, limit: 0 }, flags: 0, notes: "" }
}

/// One key behind the word `word`, looked for from word `from` on.
pub const fn behind(word: &'static str, from: i16) -> KeySpec {
    KeySpec {
        begin: Begin::Keyword { word, from },
        find: Find::Range { last: 0, step: 1, limit: 0 },
        flags: 0,
        notes: "",
    }
}

/// Keys whose number stands at word `index`, the keys right behind it.
pub const fn counted(index: u16) -> KeySpec {
    KeySpec { begin: Begin::Index(index), find: Find::Number { number_at: 0, first: 1, step: 1 }, flags: 0, notes: "" }
}

/// Keys that the words do not tell the places of.
pub const fn unknown() -> KeySpec {
    KeySpec { begin: Begin::Unknown, find: Find::Unknown, flags: 0, notes: "" }
}

impl KeySpec {
    /// The keys go on to `last` (relative to the first; -1 is the last word).
    pub const fn to(mut self, last: i16) -> KeySpec {
        self.find = Find::Range { last, step: 1, limit: 0 };
        self
    }

    /// Only every `step`-th word is a key.
    pub const fn step(mut self, step: u16) -> KeySpec {
        if let Find::Range { last, limit, .. } = self.find {
            self.find = Find::Range { last, step, limit };
        }
        self
    }

    /// The keys are the first of so many equal shares of what is left.
    pub const fn share(mut self, limit: u16) -> KeySpec {
        if let Find::Range { last, step, .. } = self.find {
            self.find = Find::Range { last, step, limit };
        }
        self
    }

    pub const fn with(mut self, flags: u16) -> KeySpec {
        self.flags |= flags;
        self
    }

    pub const fn notes(mut self, notes: &'static str) -> KeySpec {
        self.notes = notes;
        self
    }

    pub const fn read_only(self) -> KeySpec {
        self.with(key_flag::RO)
    }
    pub const fn read_write(self) -> KeySpec {
        self.with(key_flag::RW)
    }
    pub const fn overwrite(self) -> KeySpec {
        self.with(key_flag::OW)
    }
    pub const fn remove(self) -> KeySpec {
        self.with(key_flag::RM)
    }
    pub const fn access(self) -> KeySpec {
        self.with(key_flag::ACCESS)
    }
    pub const fn update(self) -> KeySpec {
        self.with(key_flag::UPDATE)
    }
    pub const fn insert(self) -> KeySpec {
        self.with(key_flag::INSERT)
    }
    pub const fn delete(self) -> KeySpec {
        self.with(key_flag::DELETE)
    }
}
