//! The ends of ranges as they are written in requests: `5`, `(5`, `-inf` for scores; `[a`, `(a`, `-`, `+` for bytes.

use crate::base::number::parse_f64_freely;
use crate::exec::{Call, Stop};
use crate::value::zset::{Bound, LexBound, LexRange, ScoreRange};
use std::ops::Range;

const NOT_SCORES: Stop = Stop::error("ERR min or max is not a float");
const NOT_LEX: Stop = Stop::error("ERR min or max not valid string range item");

/// The range of scores from word `min` to word `max`.
pub(super) fn score_range(call: &Call, min: usize, max: usize) -> Result<ScoreRange, Stop> {
    let bound = |index| score_bound(call.arg(index)).ok_or(NOT_SCORES);
    Ok(ScoreRange { min: bound(min)?, max: bound(max)? })
}

fn score_bound(word: &[u8]) -> Option<Bound<f64>> {
    match word.split_first() {
        Some((b'(', rest)) => parse_f64_freely(rest).map(Bound::Exclusive),
        _ => parse_f64_freely(word).map(Bound::Inclusive),
    }
}

/// The range of bytes from word `min` to word `max`.
pub(super) fn lex_range<'a>(call: &Call<'a>, min: usize, max: usize) -> Result<LexRange<'a>, Stop> {
    let bound = |index| lex_bound(call.arg(index)).ok_or(NOT_LEX);
    Ok(LexRange { min: bound(min)?, max: bound(max)? })
}

fn lex_bound(word: &[u8]) -> Option<LexBound<'_>> {
    match word {
        [b'-'] | [b'-', 0, ..] => Some(LexBound::Lowest),
        [b'+'] | [b'+', 0, ..] => Some(LexBound::Highest),
        [b'[', bytes @ ..] => Some(LexBound::At(Bound::Inclusive(bytes))),
        [b'(', bytes @ ..] => Some(LexBound::At(Bound::Exclusive(bytes))),
        _ => None,
    }
}

/// The ranks from `start` to `stop`, both included, of `len`; below zero they count from the end.
pub(super) fn rank_range(start: i64, stop: i64, len: usize) -> Range<usize> {
    let len = len as i64;
    let from_start = |index: i64| if index < 0 { index.saturating_add(len) } else { index };
    let start = from_start(start).max(0);
    let end = from_start(stop).min(len - 1) + 1;
    if start >= end { 0..0 } else { start as usize..end as usize }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_of_score_ranges() {
        let inclusive = |value| Some(Bound::Inclusive(value));
        for (word, bound) in [
            ("1", inclusive(1.0)),
            ("(1", Some(Bound::Exclusive(1.0))),
            ("", inclusive(0.0)),
            ("(", Some(Bound::Exclusive(0.0))),
            ("-inf", inclusive(f64::NEG_INFINITY)),
            ("1e400", inclusive(f64::INFINITY)),
            ("1e-400", inclusive(0.0)),
            (".5", inclusive(0.5)),
            ("+1.", inclusive(1.0)),
            ("1\x002", inclusive(1.0)),
            ("0x1", None),
            (" 1", None),
            ("1 ", None),
            ("nan", None),
            ("1e", None),
        ] {
            assert_eq!(score_bound(word.as_bytes()), bound, "{word:?}");
        }
    }

    #[test]
    fn ends_of_lex_ranges() {
        assert_eq!(lex_bound(b"-"), Some(LexBound::Lowest));
        assert_eq!(lex_bound(b"+"), Some(LexBound::Highest));
        assert_eq!(lex_bound(b"["), Some(LexBound::At(Bound::Inclusive(b""))));
        assert_eq!(lex_bound(b"(a"), Some(LexBound::At(Bound::Exclusive(b"a"))));
        assert_eq!((lex_bound(b""), lex_bound(b"a"), lex_bound(b"+a")), (None, None, None));
    }

    #[test]
    fn ranks_count_from_either_end() {
        assert_eq!(rank_range(0, -1, 4), 0..4);
        assert_eq!(rank_range(-2, -2, 4), 2..3);
        assert_eq!(rank_range(-9, 9, 4), 0..4);
        assert_eq!(rank_range(i64::MIN, i64::MAX, 4), 0..4);
        assert!(rank_range(3, 2, 4).is_empty() && rank_range(4, 5, 4).is_empty() && rank_range(0, -5, 4).is_empty());
    }
}
