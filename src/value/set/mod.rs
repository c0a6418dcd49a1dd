//! Sets: one value in the smallest of three encodings that holds it.
//!
//! ```text
//! intset      all members are integers, up to set-max-intset-entries       sorted, binary search
//! listpack    up to set-max-listpack-entries of set-max-listpack-value     in order of arrival, walked
//! hashtable   everything else                                              one thin allocation a member, `MemberSet`
//! ```
//! A set goes down this list when a member asks for it, and comes up again only when a command builds a new value.
//! `encodings` owns that, `sample` draws members at random, `algebra` combines several sets.

mod algebra;
mod encodings;
mod sample;

pub use algebra::{difference, difference_len, intersection, union, union_len};
pub use encodings::{Members, Set};

#[cfg(test)]
mod tests;
