//! Names with scores: found by name in a table, by score and by rank in a tree that shares the names with it.
//!
//! ```text
//!   table (by name)  ──►  [ score f64 | length | bytes ]  ◄──  ranked tree (by score, then by bytes)
//! ```
//!
//! A name and its score are one allocation that both point to: for a name of 10 bytes 24, and 26 to 28 for the two ways
//! to it. Invariants: table and tree hold the same members; a member's score changes only while it is in neither a tree
//! nor anyone's hands. The members belong to the map: they are made and freed in this folder, and nowhere else.

mod build;
mod iter;
mod map;
mod member;

pub use build::Builder;
pub use iter::{Backward, Forward};
pub use map::{Outcome, RankedMap};

#[cfg(test)]
mod tests;
