//! Building a sorted set from members in any order: results of unions, loaded dumps, conversions.

use super::pack;
use super::set::Zset;
use crate::structures::list_pack::ListPack;
use crate::structures::ranked_map;
use crate::value::limits::EncodingLimits;

/// Members on their way into a sorted set; their scores may change until the end.
#[derive(Default)]
pub struct Builder {
    members: ranked_map::Builder,
    /// Length of the longest member.
    longest: usize,
    /// Length of all members together.
    total: usize,
}

impl Builder {
    /// Nothing yet, with room for `count` members.
    pub fn with_capacity(count: usize) -> Builder {
        Builder { members: ranked_map::Builder::with_capacity(count), ..Builder::default() }
    }

    pub fn len(&self) -> usize {
        self.members.len()
    }

    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// Adds a member; false if it is there already, which then stays as it is.
    pub fn insert(&mut self, name: &[u8], score: f64) -> bool {
        let is_new = self.members.insert(name, score);
        self.measure(name, is_new);
        is_new
    }

    /// Adds a member, or gives the one there the score that `merge` makes of its present score.
    pub fn merge(&mut self, name: &[u8], score: f64, merge: impl FnOnce(f64) -> f64) {
        let is_new = self.members.merge(name, score, merge);
        self.measure(name, is_new);
    }

    fn measure(&mut self, name: &[u8], is_new: bool) {
        if is_new {
            self.longest = self.longest.max(name.len());
            self.total += name.len();
        }
    }

    /// The members in order, with their scores.
    pub fn sorted(&mut self) -> impl Iterator<Item = (&[u8], f64)> {
        self.members.sorted()
    }

    /// The members as a sorted set, in the small encoding if they fit it.
    pub fn finish(mut self, limits: &EncodingLimits) -> Zset {
        let mut pack = ListPack::new();
        let fits = self.members.len() <= limits.zset_pack_entries
            && self.longest <= limits.zset_pack_value_bytes
            && pack.would_fit(self.total);
        if !fits {
            return self.finish_big();
        }
        self.members.sorted().for_each(|(name, score)| pack::push(&mut pack, name, score));
        Zset::of_pack(pack)
    }

    /// The members as a sorted set in the large encoding.
    pub fn finish_big(self) -> Zset {
        Zset::of_map(self.members.finish())
    }
}
