//! A row of the table: one directive of the configuration file.
//!
//! Rows are made by a function named after their kind and refined by methods, so that a row reads as a sentence:
//! `memory("maxmemory", "0", 0, u64::MAX).tells(Change::Memory)`.

use super::change::Change;
use super::table::{Settings, TABLE};
use super::value::{Failure, Kind, Setting};

/// Whether a directive does anything here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It does what Redis does with it.
    Acts,
    /// Accepted and kept, without effect; says why.
    WithoutEffect(&'static str),
    /// Values other than the default are refused; says why.
    Refused(&'static str),
}

/// Judges one word.
pub type Check = fn(&[u8]) -> Result<(), Failure>;
/// Parses words into a field of the settings.
pub type Store = fn(&mut Settings, &Directive, &[&[u8]]) -> Result<bool, Failure>;
/// Prints a field of the settings.
pub type Print = fn(&Settings, &mut Vec<u8>);

/// A row. Texts are as in a configuration file.
pub struct Directive {
    /// The name it is listed and rewritten under.
    pub name: &'static str,
    /// An older name; empty if there is none.
    pub alias: &'static str,
    /// The default value.
    pub default: &'static str,
    /// What values look like.
    pub kind: Kind,
    /// Does it act?
    pub standing: Standing,
    /// Who must act when it changes.
    pub change: Option<Change>,
    /// Only the file and the command line can set it.
    pub is_immutable: bool,
    /// CONFIG SET is refused unless `enable-protected-configs` allows it.
    pub is_protected: bool,
    /// Its value never appears in slow log, MONITOR or the log.
    pub is_sensitive: bool,
    /// CONFIG GET shows it only by its exact name.
    pub is_hidden: bool,
    /// Takes several words.
    pub is_multi_word: bool,
    /// CONFIG SET is refused while a dump is being loaded.
    pub is_denied_while_loading: bool,
    /// Setting it acts even if the value stays, because what it names (a file) may have changed.
    pub is_volatile: bool,
    /// Judges a value that has the right form.
    pub check: Option<Check>,
    /// Parses words into the field; says whether the value changed.
    pub store: Store,
    /// Prints the field.
    pub print: Print,
}

const fn row(name: &'static str, default: &'static str, kind: Kind) -> Directive {
    Directive {
        name,
        alias: "",
        default,
        kind,
        standing: Standing::Acts,
        change: None,
        is_immutable: false,
        is_protected: false,
        is_sensitive: false,
        is_hidden: false,
        is_multi_word: false,
        is_denied_while_loading: false,
        is_volatile: false,
        check: None,
        store: |_, _, _| Ok(false),
        print: |_, _| {},
    }
}

pub(super) const fn yes_no(name: &'static str, default: &'static str) -> Directive {
    row(name, default, Kind::YesNo)
}
pub(super) const fn integer(name: &'static str, default: &'static str, min: i64, max: i64) -> Directive {
    row(name, default, Kind::Integer { min, max })
}
pub(super) const fn memory(name: &'static str, default: &'static str, min: u64, max: u64) -> Directive {
    row(name, default, Kind::Memory { min, max })
}
pub(super) const fn memory_or_percent(name: &'static str, default: &'static str) -> Directive {
    row(name, default, Kind::MemoryOrPercent)
}
pub(super) const fn octal(name: &'static str, default: &'static str, max: u32) -> Directive {
    row(name, default, Kind::Octal { max })
}
pub(super) const fn choice(name: &'static str, default: &'static str, words: &'static [&'static str]) -> Directive {
    row(name, default, Kind::Choice(words))
}
pub(super) const fn several(name: &'static str, default: &'static str, words: &'static [&'static str]) -> Directive {
    Directive { is_multi_word: true, ..row(name, default, Kind::Words(words)) }
}
pub(super) const fn text(name: &'static str, default: &'static str) -> Directive {
    row(name, default, Kind::Text)
}
pub(super) const fn optional_text(name: &'static str) -> Directive {
    row(name, "", Kind::OptionalText)
}
pub(super) const fn special(name: &'static str, default: &'static str, form: &'static str) -> Directive {
    row(name, default, Kind::Special(form))
}

impl Directive {
    pub(super) const fn alias(self, alias: &'static str) -> Directive {
        Directive { alias, ..self }
    }
    pub(super) const fn tells(self, change: Change) -> Directive {
        Directive { change: Some(change), ..self }
    }
    pub(super) const fn immutable(self) -> Directive {
        Directive { is_immutable: true, ..self }
    }
    pub(super) const fn protected(self) -> Directive {
        Directive { is_protected: true, ..self }
    }
    pub(super) const fn sensitive(self) -> Directive {
        Directive { is_sensitive: true, ..self }
    }
    pub(super) const fn hidden(self) -> Directive {
        Directive { is_hidden: true, ..self }
    }
    pub(super) const fn multi_word(self) -> Directive {
        Directive { is_multi_word: true, ..self }
    }
    pub(super) const fn denied_while_loading(self) -> Directive {
        Directive { is_denied_while_loading: true, ..self }
    }
    pub(super) const fn volatile(self) -> Directive {
        Directive { is_volatile: true, ..self }
    }
    pub(super) const fn checked(self, check: Check) -> Directive {
        Directive { check: Some(check), ..self }
    }
    pub(super) const fn idle(self, why: &'static str) -> Directive {
        Directive { standing: Standing::WithoutEffect(why), ..self }
    }
    pub(super) const fn refused(self, why: &'static str) -> Directive {
        Directive { standing: Standing::Refused(why), ..self }
    }

    /// The value now, as CONFIG GET answers it.
    pub fn value(&self, settings: &Settings) -> Vec<u8> {
        let mut out = Vec::new();
        (self.print)(settings, &mut out);
        out
    }

    /// Parses `words`, judges them and stores the value; says whether it changed. On failure nothing is stored.
    pub fn set(&self, settings: &mut Settings, words: &[&[u8]]) -> Result<bool, Failure> {
        if !self.is_multi_word && words.len() != 1 {
            return Err("wrong number of arguments".into());
        }
        if let (Some(check), [word]) = (self.check, words) {
            check(word)?;
        }
        if let Standing::Refused(why) = self.standing
            && !words[0].eq_ignore_ascii_case(self.default.as_bytes())
            && self.is_well_formed(words)
        {
            return Err(why.into());
        }
        (self.store)(settings, self, words)
    }

    fn is_well_formed(&self, words: &[&[u8]]) -> bool {
        (self.store)(&mut Settings::blank(), self, words).is_ok()
    }
}

/// Stores parsed words in a field; what the table's rows do.
pub(super) fn store<T: Setting>(field: &mut T, row: &Directive, words: &[&[u8]]) -> Result<bool, Failure> {
    let value = T::parse(row, words, field)?;
    let changed = *field != value;
    *field = value;
    Ok(changed || row.is_volatile)
}

/// A row under one of its names.
#[derive(Clone, Copy)]
pub struct Named {
    /// The row.
    pub row: &'static Directive,
    /// The name it was found under, spelled as in the table.
    pub name: &'static str,
}

/// Finds a directive by name or alias, in any case of letters.
pub fn find(name: &[u8]) -> Option<Named> {
    all_names().find(|named| named.name.as_bytes().eq_ignore_ascii_case(name))
}

/// Every name with its row, aliases among them.
pub fn all_names() -> impl Iterator<Item = Named> {
    TABLE.iter().flat_map(|row| {
        let names = [row.name, row.alias];
        names.into_iter().filter(|name| !name.is_empty()).map(move |name| Named { row, name })
    })
}
