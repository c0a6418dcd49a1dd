//! Where an element leads: `#` to itself, `weight_*` to the string at a key, `object_*->field` to a field of a hash.

use crate::base::number::IntegerText;
use crate::keyspace::{Db, Key, Str};
use crate::structures::list_pack::Item;

/// A pattern of BY or GET.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Pattern<'a> {
    /// `#`.
    Element,
    /// Without `*` it would lead to one value for all, and leads nowhere.
    Nothing,
    Key {
        /// What stands on either side of the element.
        before: &'a [u8],
        behind: &'a [u8],
        field: Option<&'a [u8]>,
    },
}

impl<'a> Pattern<'a> {
    pub fn parse(word: &'a [u8]) -> Pattern<'a> {
        if word == b"#" {
            return Pattern::Element;
        }
        let Some(star) = star_of(word) else { return Pattern::Nothing };
        let (before, behind) = (&word[..star], &word[star + 1..]);
        let arrow = memchr::memmem::find(behind, b"->").filter(|at| at + 2 < behind.len());
        match arrow {
            Some(at) => Pattern::Key { before, behind: &behind[..at], field: Some(&behind[at + 2..]) },
            None => Pattern::Key { before, behind, field: None },
        }
    }

    /// BY such a pattern means that nothing is sorted.
    pub fn is_constant(&self, word: &[u8]) -> bool {
        star_of(word).is_none()
    }
}

/// Where the element goes; a zero byte ends the search for it.
fn star_of(word: &[u8]) -> Option<usize> {
    let end = memchr::memchr(0, word).unwrap_or(word.len());
    memchr::memchr(b'*', &word[..end])
}

/// Looks values up; keeps the memory for the names of their keys.
pub(super) struct Lookup {
    name: Vec<u8>,
    text: IntegerText,
}

/// A value that an element leads to.
#[derive(Clone, Copy)]
pub(super) enum Found<'d> {
    Item(Item<'d>),
    String(Str<'d>),
}

impl<'d> Found<'d> {
    pub fn item(self) -> Item<'d> {
        match self {
            Found::Item(item) => item,
            Found::String(Str::Int(number)) => Item::Int(number),
            Found::String(Str::Bytes(bytes)) => Item::Bytes(bytes),
            Found::String(Str::Shared(bytes)) => Item::Bytes(bytes),
        }
    }
}

impl Lookup {
    pub fn new() -> Lookup {
        Lookup { name: Vec::new(), text: IntegerText::new() }
    }

    /// The value that `element` leads to, if there is one of the right type.
    pub fn find<'d>(&mut self, db: &'d mut Db, pattern: &Pattern, element: Item<'d>) -> Option<Found<'d>> {
        let (before, behind, field) = match *pattern {
            Pattern::Element => return Some(Found::Item(element)),
            Pattern::Nothing => return None,
            Pattern::Key { before, behind, field } => (before, behind, field),
        };
        self.name.clear();
        self.name.extend_from_slice(before);
        self.name.extend_from_slice(element.to_bytes(&mut self.text));
        self.name.extend_from_slice(behind);
        let (key, now) = (Key::new(&self.name), db.rules.now);
        match field {
            Some(field) => db.read_fields(key, std::iter::once(field)).ok()??.get(field, now).map(Found::Item),
            None => db.lookup(key)?.string().ok().map(Found::String),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_come_apart() {
        let key = |before: &'static str, behind: &'static str, field: Option<&'static str>| Pattern::Key {
            before: before.as_bytes(),
            behind: behind.as_bytes(),
            field: field.map(str::as_bytes),
        };
        for (word, pattern) in [
            ("#", Pattern::Element),
            ("nosort", Pattern::Nothing),
            ("##", Pattern::Nothing),
            ("w_*", key("w_", "", None)),
            ("*", key("", "", None)),
            ("a*b*c", key("a", "b*c", None)),
            ("o_*->f", key("o_", "", Some("f"))),
            ("o_*x->f->g", key("o_", "x", Some("f->g"))),
            ("o_*->", key("o_", "->", None)),
            ("a->b*", key("a->b", "", None)),
            ("a\0*", Pattern::Nothing),
        ] {
            assert_eq!(Pattern::parse(word.as_bytes()), pattern, "{word}");
        }
    }
}
