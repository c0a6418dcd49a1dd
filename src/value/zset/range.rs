//! Ranges of scores and of bytes, and how an element stands to them.

use crate::base::number::IntegerText;
use crate::structures::list_pack::Item;

/// One end of a range; the range ends at it, or just before.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Bound<T> {
    Inclusive(T),
    Exclusive(T),
}

/// Scores from `min` to `max`; empty if they are the wrong way round.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ScoreRange {
    pub min: Bound<f64>,
    pub max: Bound<f64>,
}

impl ScoreRange {
    /// The score lies before the range.
    #[inline]
    pub fn is_below(&self, score: f64) -> bool {
        match self.min {
            Bound::Inclusive(min) => score < min,
            Bound::Exclusive(min) => score <= min,
        }
    }

    /// The score does not lie behind the range.
    #[inline]
    pub fn is_within_max(&self, score: f64) -> bool {
        match self.max {
            Bound::Inclusive(max) => score <= max,
            Bound::Exclusive(max) => score < max,
        }
    }
}

/// An end of a range of bytes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum LexBound<'a> {
    Lowest,
    Highest,
    At(Bound<&'a [u8]>),
}

/// Members by their bytes, for sets in which all scores are equal.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LexRange<'a> {
    pub min: LexBound<'a>,
    pub max: LexBound<'a>,
}

impl LexRange<'_> {
    /// The member lies before the range.
    #[inline]
    pub fn is_below(&self, member: &[u8]) -> bool {
        match self.min {
            LexBound::Lowest => false,
            LexBound::Highest => true,
            LexBound::At(Bound::Inclusive(min)) => member < min,
            LexBound::At(Bound::Exclusive(min)) => member <= min,
        }
    }

    /// The member does not lie behind the range.
    #[inline]
    pub fn is_within_max(&self, member: &[u8]) -> bool {
        match self.max {
            LexBound::Lowest => false,
            LexBound::Highest => true,
            LexBound::At(Bound::Inclusive(max)) => member <= max,
            LexBound::At(Bound::Exclusive(max)) => member < max,
        }
    }

    pub(super) fn item_is_below(&self, member: Item<'_>) -> bool {
        self.is_below(member.to_bytes(&mut IntegerText::new()))
    }

    pub(super) fn item_is_within_max(&self, member: Item<'_>) -> bool {
        self.is_within_max(member.to_bytes(&mut IntegerText::new()))
    }
}
