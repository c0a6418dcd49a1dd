//! What every value but a string has in common: a kind, a size, an encoding's name, and a way to be freed in slices.

use crate::base::clock::Ms;

/// The types as TYPE names them, with the numbers that dumps and tools use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Kind {
    String = 0,
    List = 1,
    Set = 2,
    Zset = 3,
    Hash = 4,
    Module = 5,
    Stream = 6,
}

impl Kind {
    /// The reply of TYPE.
    pub const fn name(self) -> &'static str {
        match self {
            Kind::String => "string",
            Kind::List => "list",
            Kind::Set => "set",
            Kind::Zset => "zset",
            Kind::Hash => "hash",
            Kind::Module => "module",
            Kind::Stream => "stream",
        }
    }
}

/// The key holds another type than the command is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WrongType;

/// A collection that an entry of the keyspace holds in place; its clone is the independent copy that COPY makes. At most 16 bytes, alignment at most 8 (asserted there).
pub trait Object: Default + Clone {
    const KIND: Kind;

    /// Number of elements.
    fn len(&self) -> usize;

    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether elements of this type may have deadlines of their own.
    const HAS_DEADLINES: bool = false;

    /// When the first of its elements is due, if one has a deadline.
    #[inline]
    fn earliest_deadline(&self) -> Option<Ms> {
        None
    }

    /// The name that OBJECT ENCODING gives the present layout.
    fn encoding(&self) -> &'static str;

    /// Bytes of all allocations behind the value, in size classes; for collections of many elements it may be
    /// estimated from `samples` of them (0: count all).
    fn bytes(&self, samples: usize) -> usize;

    /// Starts loading the place where an element of this hash is looked for; small layouts have nothing to wait for.
    #[inline]
    fn prefetch_place(&self, _hash: u64) {}

    /// Starts loading the element itself; its place should be near by now.
    #[inline]
    fn prefetch_element(&self, _hash: u64) {}

    /// Number of allocations that freeing takes, roughly: what decides between freeing at once and in slices.
    fn free_effort(&self) -> usize {
        self.len()
    }

    /// Frees up to `budget` elements; true when the value is empty and dropping it is cheap.
    fn free_some(&mut self, budget: usize) -> bool;
}
