//! Conditions on the string that a key holds: IFEQ, IFNE, IFDEQ and IFDNE of SET and DELEX.

use crate::base::digest::{DIGEST_TEXT_BYTES, digest_text};
use crate::exec::{Call, Stop};
use crate::keyspace::Str;

const NOT_A_DIGEST: Stop = Stop::error("ERR must be exactly 16 hexadecimal characters");

/// What a string is compared by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    Value,
    Digest,
}

/// A comparison with a word of the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Comparison {
    what: What,
    wants_equal: bool,
    word: usize,
}

impl Comparison {
    /// The comparison that the word at `index` begins, if it is one; what is compared with stands behind it.
    pub fn parse(call: &Call, index: usize) -> Option<Comparison> {
        const OPTIONS: [(&str, What, bool); 4] = [
            ("IFEQ", What::Value, true),
            ("IFNE", What::Value, false),
            ("IFDEQ", What::Digest, true),
            ("IFDNE", What::Digest, false),
        ];
        let &(_, what, wants_equal) = OPTIONS.iter().find(|(option, ..)| call.is(index, option))?;
        Some(Comparison { what, wants_equal, word: index + 1 })
    }

    /// Whether the condition is fulfilled by this string, or by none. A digest that is none is told where it is looked at.
    pub fn holds(self, call: &Call, string: Option<Str>) -> Result<bool, Stop> {
        let wanted = call.arg(self.word);
        if self.what == What::Digest && string.is_some() && wanted.len() != DIGEST_TEXT_BYTES {
            return Err(NOT_A_DIGEST);
        }
        let is_equal = string.is_some_and(|string| {
            string.with_bytes(|bytes| match self.what {
                What::Value => bytes == wanted,
                What::Digest => digest_text(bytes).eq_ignore_ascii_case(wanted),
            })
        });
        Ok(is_equal == self.wants_equal)
    }
}
