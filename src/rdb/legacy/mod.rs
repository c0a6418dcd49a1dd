//! Encodings that are no longer written, opened for reading: each is one string in the file, checked from end to end before
//! the first item is given out, and then an iterator of items. List packs and integer sets are still in use and check
//! themselves (`structures`).

/// The list of small strings and integers of versions 1 to 9.
pub mod ziplist;
/// The small hash of version 1.
pub mod zipmap;
