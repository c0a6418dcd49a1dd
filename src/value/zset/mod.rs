//! Sorted sets: members with scores, ordered by score and then by bytes.
//!
//! ```text
//!   listpack   | member | score | member | score | …   in order; a score is an integer or the text of a double
//!   skiplist   a ranked map: members by name in a table, by score and by rank in a tree
//! ```
//!
//! Both names are those that OBJECT ENCODING reports; the second has been an ordered tree from the start here. Every
//! range, by score, by bytes or by rank, is first made a range of ranks: what then happens to it is written once.
//!
//! Invariants: no member twice; no score is a NaN; a list pack is in order. Knows neither keys nor commands; limits are
//! passed in.

mod build;
mod pack;
mod range;
mod set;
mod walk;

pub use build::Builder;
pub use range::{Bound, LexBound, LexRange, ScoreRange};
pub use set::{Corrupt, End, Zset};
pub use walk::{Backward, Forward};

#[cfg(test)]
mod tests;
