//! Encodings that are no longer written, opened for reading: each is one string in the file, checked from end to end before
//! the first item is given out, and then an iterator of items. List packs and integer sets are still in use and check
//! themselves (`structures`).

use crate::base::number::{IntegerText, parse_f64};

/// The list of small strings and integers of versions 1 to 9.
pub mod ziplist;
/// The small hash of version 1.
pub mod zipmap;

/// One item of a packed encoding, as it was stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Item<'a> {
    Integer(i64),
    Text(&'a [u8]),
}

impl<'a> Item<'a> {
    /// The item as text; `room` holds the digits of an integer.
    pub fn text<'t>(&self, room: &'t mut IntegerText) -> &'t [u8]
    where
        'a: 't,
    {
        match *self {
            Item::Integer(number) => room.of(number),
            Item::Text(text) => text,
        }
    }

    /// The item as a score; `None` if it is none, and not-a-number is none.
    pub fn score(&self) -> Option<f64> {
        match *self {
            Item::Integer(number) => Some(number as f64),
            Item::Text(text) => parse_f64(text),
        }
    }
}
