//! The map: every operation on table and tree together.

use super::build::Builder;
use super::iter::{Backward, Forward};
use super::member::Member;
use crate::base::hash::hash;
use crate::base::memory::usable_size;
use crate::base::random::Random;
use crate::structures::ranked_tree::RankedTree;
use crate::structures::table::Table;
use std::ops::Range;
use std::ptr::NonNull;

/// Members of a range that is removed whose places in the table are sent for ahead.
const REMOVED_AHEAD: usize = 8;

/// Names with scores, in order; see the module's page. Empty, it has allocated nothing.
#[derive(Default)]
pub struct RankedMap {
    pub(super) table: Table<Member>,
    pub(super) tree: RankedTree<Member>,
}

/// What a change of one member came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Unchanged,
    Added,
    Updated,
}

/// Name and score of a member.
///
/// # Safety
/// The member lives during `'a`.
#[inline]
pub(super) unsafe fn view<'a>(member: NonNull<Member>) -> (&'a [u8], f64) {
    unsafe { (Member::bytes_of(member), Member::score_of(member)) }
}

impl RankedMap {
    #[inline]
    pub fn len(&self) -> usize {
        self.tree.len()
    }

    /// Starts loading what a look for a member of this hash reads first.
    #[inline]
    pub fn prefetch_place(&self, hash: u64) {
        self.table.prefetch_bucket(hash);
    }

    /// Starts loading the member itself; its place should be near by now.
    #[inline]
    pub fn prefetch_member(&self, hash: u64) {
        self.table.prefetch_element(hash);
    }

    #[inline]
    pub fn is_empty(&self) -> bool {
        self.tree.is_empty()
    }

    #[inline]
    pub fn score(&self, name: &[u8]) -> Option<f64> {
        // Safety: members in the table are alive.
        self.table.find(hash(name), name).map(|member| unsafe { Member::score_of(member) })
    }

    /// Gives a name the score that `decide` makes of its present one (`None`: there is no such name). Scores are never
    /// NaN. If `decide` gives `None`, all stays as it is. `hint` is the score that will likely come of it: its place is
    /// then on its way while the name is looked up.
    #[inline]
    pub fn upsert(
        &mut self,
        name: &[u8],
        hint: Option<f64>,
        decide: impl FnOnce(Option<f64>) -> Option<f64>,
    ) -> Outcome {
        let hash = hash(name);
        self.table.prefetch_bucket(hash);
        if let Some(hint) = hint {
            self.tree.prefetch_score(hint);
        }
        let Some(member) = self.table.find(hash, name) else {
            let Some(score) = decide(None) else { return Outcome::Unchanged };
            let member = Member::new(score, name);
            self.table.insert(hash, member);
            self.tree.insert(member);
            return Outcome::Added;
        };
        // Safety: members in the table are alive.
        let present = unsafe { Member::score_of(member) };
        match decide(Some(present)) {
            Some(score) if score != present => {
                self.tree.remove(member);
                // Safety: alive, and just taken out of the tree.
                unsafe { Member::set_score(member, score) };
                self.tree.insert(member);
                Outcome::Updated
            }
            _ => Outcome::Unchanged,
        }
    }

    /// Takes a name out; false if there is none.
    pub fn remove(&mut self, name: &[u8]) -> bool {
        let Some(member) = self.table.remove(hash(name), name) else { return false };
        self.tree.remove(member);
        // Safety: in neither any more.
        unsafe { Member::free(member) };
        true
    }

    /// The rank of a name from the least on, and its score.
    pub fn rank(&self, name: &[u8]) -> Option<(usize, f64)> {
        let member = self.table.find(hash(name), name)?;
        // Safety: members in the table are alive.
        Some((self.tree.rank_of(member), unsafe { Member::score_of(member) }))
    }

    /// How many have a lower score than this (or the same one, if `with_equal`).
    pub fn count_below(&self, score: f64, with_equal: bool) -> usize {
        self.tree.lower_bound_score(score, with_equal)
    }

    /// How many names from the least on fulfil the predicate, which must be true before and false from there on.
    pub fn count_while(&self, mut is_before: impl FnMut(&[u8]) -> bool) -> usize {
        // Safety: members in the tree are alive.
        self.tree.partition_point(|member| is_before(unsafe { Member::bytes_of(member) }))
    }

    /// From a rank upwards.
    pub fn iter_from(&self, rank: usize) -> Forward<'_> {
        Forward(self.tree.iter_from(rank))
    }

    /// From a rank downwards; nothing if there is no such rank.
    pub fn iter_back_from(&self, rank: usize) -> Backward<'_> {
        Backward(self.tree.iter_back_from(rank))
    }

    /// Takes out the names of these ranks, in order, and shows each before it is freed.
    pub fn remove_ranks(&mut self, ranks: Range<usize>, show: &mut dyn FnMut(&[u8], f64)) {
        let RankedMap { table, tree } = self;
        tree.remove_range(ranks.start, ranks.len(), &mut |members| {
            // The hashes are made ahead of the removals, so that the table's lines are on their way.
            let mut hashes = members.iter().map(|&member| prefetch_in_table(table, member));
            let mut ahead = [0; REMOVED_AHEAD];
            ahead.iter_mut().zip(&mut hashes).for_each(|(place, hash)| *place = hash);
            for (index, &member) in members.iter().enumerate() {
                let hash = ahead[index % REMOVED_AHEAD];
                let next = members.get(index + REMOVED_AHEAD).map(|&next| prefetch_in_table(table, next));
                ahead[index % REMOVED_AHEAD] = next.unwrap_or(0);
                let_go(table, hash, member, show);
            }
        });
    }

    /// Takes out the least name, and shows it before it is freed; false if there is none.
    #[inline]
    pub fn pop_first(&mut self, show: &mut dyn FnMut(&[u8], f64)) -> bool {
        let popped = self.tree.pop_first();
        self.end_pop(popped, show)
    }

    /// Takes out the greatest name, and shows it before it is freed; false if there is none.
    #[inline]
    pub fn pop_last(&mut self, show: &mut dyn FnMut(&[u8], f64)) -> bool {
        let popped = self.tree.pop_last();
        self.end_pop(popped, show)
    }

    #[inline]
    fn end_pop(&mut self, popped: Option<Popped>, show: &mut dyn FnMut(&[u8], f64)) -> bool {
        let Some((member, near)) = popped else { return false };
        // Safety: alive until it is let go.
        let hash = hash(unsafe { Member::bytes_of(member) });
        let_go(&mut self.table, hash, member, show);
        if let Some(near) = near {
            prefetch_in_table(&self.table, near);
        }
        true
    }

    /// A name drawn with equal chances, and its score.
    pub fn sample(&self, random: &mut Random) -> Option<(&[u8], f64)> {
        // Safety: members in the table are alive as long as the map is borrowed.
        self.table.sample(random).map(|member| unsafe { view(member) })
    }

    /// One step of a scan, which begins at 0 and is done when 0 comes back.
    pub fn scan(&self, cursor: u64, show: &mut dyn FnMut(&[u8], f64)) -> u64 {
        self.table.scan(cursor, &mut |member| {
            // Safety: members in the table are alive.
            let (name, score) = unsafe { view(member) };
            show(name, score);
        })
    }

    pub fn duplicate(&self) -> RankedMap {
        let mut builder = Builder::with_capacity(self.len());
        self.iter_from(0).for_each(|(name, score)| assert!(builder.insert(name, score), "no name is in a map twice"));
        builder.finish()
    }

    /// Bytes of all allocations behind the map; `samples` of the names are looked at (0: all).
    pub fn bytes(&self, samples: usize) -> usize {
        let looked_at = if samples == 0 { self.len() } else { samples.min(self.len()) };
        let size = |(name, _): (&[u8], f64)| usable_size(Member::size_for(name.len()));
        let sampled: usize = self.iter_from(0).take(looked_at).map(size).sum();
        let members = (sampled * self.len()).checked_div(looked_at).unwrap_or(0);
        self.table.bytes() + self.tree.bytes() + members
    }

    /// Frees up to `budget` names, and as much of table and tree; true when none is left. The table keeps pointers to
    /// what is gone, so this is the end of the map: nothing but this and dropping may follow.
    pub fn free_some(&mut self, budget: usize) -> bool {
        // Safety: each comes out of the tree once. The table gives up as many pointers, others, and reads none of them.
        let free =
            &mut |members: &[NonNull<Member>]| members.iter().for_each(|&member| unsafe { Member::free(member) });
        let is_empty = self.tree.pop_some(budget, free);
        self.table.pop_some(budget, &mut |_| ());
        is_empty
    }
}

/// A member that was popped, and one that will be soon.
type Popped = (NonNull<Member>, Option<NonNull<Member>>);

/// Starts loading the place of a member in the table; its hash.
#[inline]
fn prefetch_in_table(table: &Table<Member>, member: NonNull<Member>) -> u64 {
    // Safety: members in the tree are alive, and those just taken out of it.
    let hash = hash(unsafe { Member::bytes_of(member) });
    table.prefetch_bucket(hash);
    hash
}

/// Ends a member that is not in the tree any more.
#[inline]
fn let_go(table: &mut Table<Member>, hash: u64, member: NonNull<Member>, show: &mut dyn FnMut(&[u8], f64)) {
    // Safety: alive until it is freed here, once out of both table and tree.
    unsafe {
        table.remove_element(hash, member);
        let (name, score) = view(member);
        show(name, score);
        Member::free(member);
    }
}

impl Drop for RankedMap {
    fn drop(&mut self) {
        self.free_some(usize::MAX);
    }
}
