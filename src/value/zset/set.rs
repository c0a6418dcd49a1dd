//! The sorted set itself: one of two encodings, and every operation in terms of them.

use super::build::Builder;
use super::pack;
use super::range::{Bound, LexRange, ScoreRange};
use super::walk::{Backward, Forward};
use crate::base::memory::usable_size;
use crate::base::number::IntegerText;
use crate::base::random::Random;
use crate::structures::list_pack::{Item, ListPack, Position};
use crate::structures::ranked_map::Outcome;
use crate::structures::ranked_map::RankedMap;
use crate::value::limits::EncodingLimits;
use crate::value::{Kind, Object};
use std::ops::Range;

/// Members with scores, in order.
pub struct Zset(Encoding);

enum Encoding {
    Pack(ListPack),
    Map(Box<RankedMap>),
}

const _: () = assert!(size_of::<Zset>() <= 16, "it stands in its key's entry");

/// A list pack that is not a sorted set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Corrupt;

/// An end of the order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    Min,
    Max,
}

impl Default for Zset {
    fn default() -> Zset {
        Zset(Encoding::Pack(ListPack::new()))
    }
}

impl Zset {
    pub(super) fn of_pack(pack: ListPack) -> Zset {
        Zset(Encoding::Pack(pack))
    }

    pub(super) fn of_map(map: RankedMap) -> Zset {
        Zset(Encoding::Map(Box::new(map)))
    }

    /// Takes over a list pack from a dump after checking that it is a sorted set. One that is larger than the limits, or
    /// out of order, gets the large encoding.
    pub fn from_pack(pack: ListPack, limits: &EncodingLimits) -> Result<Zset, Corrupt> {
        if !pack::has_scores(&pack) {
            return Err(Corrupt);
        }
        if pack::has_a_member_twice(&pack) {
            return Err(Corrupt);
        }
        let is_small = pack::len(&pack) <= limits.zset_pack_entries && pack::is_in_order(&pack);
        let mut zset = Zset::of_pack(pack);
        if !is_small {
            zset.enlarge();
        }
        Ok(zset)
    }

    /// The small encoding, if the set has it.
    pub fn as_pack(&self) -> Option<&ListPack> {
        match &self.0 {
            Encoding::Pack(pack) => Some(pack),
            Encoding::Map(_) => None,
        }
    }

    /// A copy in the same encoding.
    pub fn duplicate(&self) -> Zset {
        match &self.0 {
            Encoding::Pack(pack) => Zset::of_pack(pack.clone()),
            Encoding::Map(map) => Zset::of_map(map.duplicate()),
        }
    }

    fn to_builder(&self) -> Builder {
        let mut builder = Builder::with_capacity(self.len());
        let mut text = IntegerText::new();
        for (member, score) in self.iter_from(0) {
            builder.insert(member.to_bytes(&mut text), score);
        }
        builder
    }

    fn enlarge(&mut self) {
        *self = self.to_builder().finish_big();
    }

    /// Chooses the encoding for `count` members to come, the first of `first_len` bytes, before they are added one by
    /// one. That the others' lengths are not looked at shows where a score is -0, which the small encoding makes 0.
    pub fn prepare(&mut self, count: usize, first_len: usize, limits: &EncodingLimits) {
        let is_new = self.is_empty();
        let too_many = count > limits.zset_pack_entries;
        let too_long = is_new && first_len > limits.zset_pack_value_bytes;
        if matches!(self.0, Encoding::Pack(_)) && (too_many || too_long) {
            self.enlarge();
        }
    }

    /// Gives a member the score that `decide` makes of its present one (`None` if there is no such member); if `decide`
    /// gives `None`, all stays as it is. `hint` is the score that will likely come of it, if one can tell.
    #[inline]
    pub fn upsert(
        &mut self,
        name: &[u8],
        limits: &EncodingLimits,
        hint: Option<f64>,
        decide: impl FnOnce(Option<f64>) -> Option<f64>,
    ) -> Outcome {
        match &mut self.0 {
            Encoding::Map(map) => map.upsert(name, hint, decide),
            Encoding::Pack(_) => self.upsert_small(name, limits, decide),
        }
    }

    fn upsert_small(
        &mut self,
        name: &[u8],
        limits: &EncodingLimits,
        decide: impl FnOnce(Option<f64>) -> Option<f64>,
    ) -> Outcome {
        let Encoding::Pack(pack) = &mut self.0 else { unreachable!("the caller looked") };
        let found = pack::find(pack, name);
        let present = found.map(|(_, score)| score);
        let Some(score) = decide(present) else { return Outcome::Unchanged };
        if let Some((at, present)) = found {
            if score == present {
                return Outcome::Unchanged;
            }
            pack::set_score(pack, at, name, score);
            return Outcome::Updated;
        }
        let fits = pack::len(pack) < limits.zset_pack_entries
            && name.len() <= limits.zset_pack_value_bytes
            && pack.would_fit(name.len());
        if fits {
            pack::insert(pack, name, score);
            return Outcome::Added;
        }
        self.enlarge();
        let Encoding::Map(map) = &mut self.0 else { unreachable!("just made large") };
        map.upsert(name, None, |_| Some(score))
    }

    /// Takes a member out; false if there is none.
    pub fn remove(&mut self, name: &[u8]) -> bool {
        match &mut self.0 {
            Encoding::Map(map) => map.remove(name),
            Encoding::Pack(pack) => match pack::find(pack, name) {
                Some((at, _)) => {
                    pack::remove(pack, at);
                    true
                }
                None => false,
            },
        }
    }

    #[inline]
    pub fn score(&self, name: &[u8]) -> Option<f64> {
        match &self.0 {
            Encoding::Pack(pack) => pack::find(pack, name).map(|(_, score)| score),
            Encoding::Map(map) => map.score(name),
        }
    }

    /// The rank of a member from the least on, and its score.
    pub fn rank(&self, name: &[u8]) -> Option<(usize, f64)> {
        match &self.0 {
            Encoding::Pack(pack) => pack::rank(pack, name),
            Encoding::Map(map) => map.rank(name),
        }
    }

    /// How many members have a lower score.
    pub fn count_below(&self, score: f64) -> usize {
        match &self.0 {
            Encoding::Pack(pack) => pack::count_below(pack, score),
            Encoding::Map(map) => map.count_below(score, false),
        }
    }

    /// The ranks of the members whose scores lie in the range.
    pub fn ranks_by_score(&self, range: &ScoreRange) -> Range<usize> {
        match &self.0 {
            Encoding::Pack(pack) => pack::ranks_by_score(pack, range),
            Encoding::Map(map) => {
                let start = match range.min {
                    Bound::Inclusive(min) => map.count_below(min, false),
                    Bound::Exclusive(min) => map.count_below(min, true),
                };
                let end = match range.max {
                    Bound::Inclusive(max) => map.count_below(max, true),
                    Bound::Exclusive(max) => map.count_below(max, false),
                };
                start..end.max(start)
            }
        }
    }

    /// The ranks of the members whose bytes lie in the range, where all scores are equal; where they are not, what is
    /// found depends on the end that one looks from.
    pub fn ranks_by_lex(&self, range: &LexRange<'_>, from: End) -> Range<usize> {
        match &self.0 {
            Encoding::Pack(pack) => pack::ranks_by_lex(pack, range, from),
            Encoding::Map(map) => ranks_by_lex_in_map(map, range, from),
        }
    }

    /// The member of a rank, and its score.
    pub fn get(&self, rank: usize) -> Option<(Item<'_>, f64)> {
        self.iter_from(rank).next()
    }

    /// From a rank upwards.
    pub fn iter_from(&self, rank: usize) -> Forward<'_> {
        match &self.0 {
            Encoding::Map(map) => Forward::Map(map.iter_from(rank)),
            Encoding::Pack(pack) => match Self::seek(pack, rank) {
                Some(position) => Forward::Pack(pack.view().iter_from(position)),
                None => Forward::Nothing,
            },
        }
    }

    /// From a rank downwards.
    pub fn iter_back_from(&self, rank: usize) -> Backward<'_> {
        match &self.0 {
            Encoding::Map(map) => Backward::Map(map.iter_back_from(rank)),
            Encoding::Pack(pack) => match Self::seek(pack, rank).and_then(|member| pack.next(member)) {
                Some(score) => Backward::Pack(pack.view().iter_rev_from(score)),
                None => Backward::Nothing,
            },
        }
    }

    /// Where the member of a rank stands.
    fn seek(pack: &ListPack, rank: usize) -> Option<Position> {
        if rank < pack::len(pack) { pack.seek(2 * rank as i64) } else { None }
    }

    /// Takes out the members of these ranks.
    pub fn remove_ranks(&mut self, ranks: Range<usize>) {
        match &mut self.0 {
            Encoding::Pack(pack) => pack.remove_range(2 * ranks.start as i64, 2 * ranks.len()),
            Encoding::Map(map) => map.remove_ranks(ranks, &mut |_, _| ()),
        }
    }

    /// Takes out up to `count` members from one end on, and shows each.
    #[inline]
    pub fn pop(&mut self, end: End, count: usize, show: &mut dyn FnMut(Item<'_>, f64)) {
        let count = count.min(self.len());
        match (&mut self.0, end) {
            (Encoding::Map(map), End::Min) if count == 1 => {
                map.pop_first(&mut |name, score| show(Item::Bytes(name), score));
            }
            (Encoding::Map(map), End::Min) => {
                map.remove_ranks(0..count, &mut |name, score| show(Item::Bytes(name), score));
            }
            (Encoding::Map(map), End::Max) => {
                (0..count).for_each(|_| _ = map.pop_last(&mut |name, score| show(Item::Bytes(name), score)));
            }
            (Encoding::Pack(_), End::Min) => {
                self.iter_from(0).take(count).for_each(|(member, score)| show(member, score));
                self.remove_ranks(0..count);
            }
            (Encoding::Pack(_), End::Max) => {
                let len = self.len();
                self.iter_back_from(len.wrapping_sub(1)).take(count).for_each(|(member, score)| show(member, score));
                self.remove_ranks(len - count..len);
            }
        }
    }

    /// A member drawn with equal chances, and its score.
    pub fn sample(&self, random: &mut Random) -> Option<(Item<'_>, f64)> {
        match &self.0 {
            Encoding::Map(map) => map.sample(random).map(|(name, score)| (Item::Bytes(name), score)),
            Encoding::Pack(_) if self.is_empty() => None,
            Encoding::Pack(_) => self.get(random.below(self.len() as u64) as usize),
        }
    }

    /// One step of a scan: shows some members, and gives the cursor of the next step, 0 at the end.
    pub fn scan(&self, cursor: u64, show: &mut dyn FnMut(Item<'_>, f64)) -> u64 {
        match &self.0 {
            Encoding::Pack(_) => {
                self.iter_from(0).for_each(|(member, score)| show(member, score));
                0
            }
            Encoding::Map(map) => map.scan(cursor, &mut |name, score| show(Item::Bytes(name), score)),
        }
    }
}

impl Clone for Zset {
    fn clone(&self) -> Zset {
        self.duplicate()
    }
}

/// As `pack::ranks_by_lex`; the ends are found by halving where the scores are equal.
fn ranks_by_lex_in_map(map: &RankedMap, range: &LexRange<'_>, from: End) -> Range<usize> {
    let first = map.iter_from(0).next();
    let last = map.iter_back_from(map.len().wrapping_sub(1)).next();
    let (Some((first, lowest)), Some((last, highest))) = (first, last) else { return 0..0 };
    if range.is_below(last) || !range.is_within_max(first) {
        return 0..0;
    }
    let is_below = |name: &[u8]| range.is_below(name);
    let is_within_max = |name: &[u8]| range.is_within_max(name);
    if lowest == highest {
        let start = map.count_while(is_below);
        return start..map.count_while(is_within_max).max(start);
    }
    match from {
        End::Min => {
            let start = map.count_while(is_below);
            start..start + map.iter_from(start).take_while(|(name, _)| is_within_max(name)).count()
        }
        End::Max => {
            let end = map.count_while(is_within_max);
            end - map.iter_back_from(end.wrapping_sub(1)).take_while(|(name, _)| !is_below(name)).count()..end
        }
    }
}

impl Object for Zset {
    const KIND: Kind = Kind::Zset;

    #[inline]
    fn len(&self) -> usize {
        match &self.0 {
            Encoding::Pack(pack) => pack::len(pack),
            Encoding::Map(map) => map.len(),
        }
    }

    #[inline]
    fn prefetch_place(&self, hash: u64) {
        if let Encoding::Map(map) = &self.0 {
            map.prefetch_place(hash);
        }
    }

    #[inline]
    fn prefetch_element(&self, hash: u64) {
        if let Encoding::Map(map) = &self.0 {
            map.prefetch_member(hash);
        }
    }

    fn encoding(&self) -> &'static str {
        match &self.0 {
            Encoding::Pack(_) => "listpack",
            Encoding::Map(_) => "skiplist",
        }
    }

    fn bytes(&self, samples: usize) -> usize {
        match &self.0 {
            Encoding::Pack(pack) => pack.allocated_bytes(),
            Encoding::Map(map) => usable_size(size_of::<RankedMap>()) + map.bytes(samples),
        }
    }

    fn free_effort(&self) -> usize {
        match &self.0 {
            Encoding::Pack(_) => 1,
            Encoding::Map(map) => map.len(),
        }
    }

    fn free_some(&mut self, budget: usize) -> bool {
        match &mut self.0 {
            Encoding::Pack(_) => true,
            Encoding::Map(map) => map.free_some(budget),
        }
    }
}
