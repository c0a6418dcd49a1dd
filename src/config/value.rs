//! How a value of each kind is read from words and printed again.
//!
//! `Kind` is what a row of the table says about its values; `Setting` is implemented by every type a field of
//! `Settings` may have. Printing and parsing are inverse: what CONFIG GET answers, CONFIG SET accepts.

use super::directive::Directive;
use crate::base::number::{parse_i64, parse_memory_size, parse_yes_no};
use std::borrow::Cow;

/// Why a value was refused, in the words the client or the operator sees.
pub type Failure = Cow<'static, str>;

/// Kinds of values, with their limits (inclusive).
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// `yes` or `no`.
    YesNo,
    /// A decimal number.
    Integer { min: i64, max: i64 },
    /// Bytes, with an optional unit.
    Memory { min: u64, max: u64 },
    /// Bytes, or a percentage of `maxmemory`.
    MemoryOrPercent,
    /// An octal number, as for file modes.
    Octal { max: u32 },
    /// One word of a list.
    Choice(&'static [&'static str]),
    /// Several words of a list.
    Words(&'static [&'static str]),
    /// Any text; the empty one is a value like any other.
    Text,
    /// Any text; the empty one means not set.
    OptionalText,
    /// A form of its own, described in words for the reference page.
    Special(&'static str),
}

/// A type that a setting can have.
pub trait Setting: Sized + PartialEq {
    /// Reads the value from its words. `current` is the value held now, for directives that change a part of it.
    fn parse(row: &Directive, words: &[&[u8]], current: &Self) -> Result<Self, Failure>;
    /// Prints the value as CONFIG GET answers it.
    fn print(&self, out: &mut Vec<u8>);
}

/// The only word there must be.
pub fn one_word<'a>(words: &[&'a [u8]]) -> Result<&'a [u8], Failure> {
    match words {
        [word] => Ok(word),
        _ => Err("wrong number of arguments".into()),
    }
}

impl Kind {
    /// Reads a number of this kind and holds it against the limits.
    fn parse_number(self, word: &[u8]) -> Result<i128, Failure> {
        match self {
            Kind::Integer { min, max } => {
                let value = parse_i64(word).ok_or("argument couldn't be parsed into an integer")?;
                let inside = (min..=max).contains(&value);
                inside.then_some(value.into()).ok_or_else(|| between(min.into(), max.into()))
            }
            Kind::Memory { min, max } => {
                let value = parse_memory_size(word).ok_or("argument must be a memory value")?;
                let inside = (min..=max).contains(&value);
                inside.then_some(value.into()).ok_or_else(|| between(min.into(), max.into()))
            }
            Kind::Octal { max } => {
                let text = std::str::from_utf8(word).unwrap_or("?");
                let value =
                    i64::from_str_radix(text, 8).map_err(|_| "argument couldn't be parsed as an octal number")?;
                let inside = (0..=i64::from(max)).contains(&value);
                inside
                    .then_some(value.into())
                    .ok_or_else(|| Failure::from(format!("argument must be between 0 and {max:o} inclusive")))
            }
            _ => unreachable!("only rows of a numeric kind are kept in numbers"),
        }
    }
}

fn between(min: i128, max: i128) -> Failure {
    format!("argument must be between {min} and {max} inclusive").into()
}

macro_rules! numbers {
    ($($type:ty)*) => { $(
        impl Setting for $type {
            fn parse(row: &Directive, words: &[&[u8]], _: &Self) -> Result<Self, Failure> {
                let value = row.kind.parse_number(one_word(words)?)?;
                Ok(<$type>::try_from(value).expect("the limits of the row fit its field, which a test holds"))
            }
            fn print(&self, out: &mut Vec<u8>) {
                out.extend(self.to_string().bytes());
            }
        }
    )* };
}
numbers!(u16 u32 i32 i64 u64 usize);

impl Setting for bool {
    fn parse(_: &Directive, words: &[&[u8]], _: &Self) -> Result<Self, Failure> {
        parse_yes_no(one_word(words)?).ok_or("argument must be 'yes' or 'no'".into())
    }
    fn print(&self, out: &mut Vec<u8>) {
        out.extend(if *self { &b"yes"[..] } else { b"no" });
    }
}

impl Setting for Vec<u8> {
    fn parse(_: &Directive, words: &[&[u8]], _: &Self) -> Result<Self, Failure> {
        Ok(one_word(words)?.to_vec())
    }
    fn print(&self, out: &mut Vec<u8>) {
        out.extend(self);
    }
}

/// The words of a row that allows only some.
pub fn allowed(row: &Directive) -> &'static [&'static str] {
    match row.kind {
        Kind::Choice(names) | Kind::Words(names) => names,
        _ => &[],
    }
}

/// The failure that names every word allowed.
pub fn not_allowed(row: &Directive) -> Failure {
    format!("argument(s) must be one of the following: {}", allowed(row).join(", ")).into()
}

/// The position of a word among those allowed, in any case of letters.
pub fn position(row: &Directive, word: &[u8]) -> Result<usize, Failure> {
    let found = allowed(row).iter().position(|name| name.as_bytes().eq_ignore_ascii_case(word));
    found.ok_or_else(|| not_allowed(row))
}
