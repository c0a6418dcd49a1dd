//! Building a map from names in any order, whose scores may change until the end; only then are they put in order, all
//! at once.

use super::map::{RankedMap, view};
use super::member::Member;
use crate::base::hash::hash;
use crate::structures::ranked_tree::RankedTree;
use crate::structures::table::Table;
use std::cmp::Ordering;
use std::mem;
use std::ptr::NonNull;

/// Names and scores on their way into a map.
#[derive(Default)]
pub struct Builder {
    table: Table<Member>,
    members: Vec<NonNull<Member>>,
    is_sorted: bool,
}

impl Builder {
    /// Nothing yet, with room for `count` names.
    pub fn with_capacity(count: usize) -> Builder {
        let mut builder = Builder::default();
        builder.table.reserve(count);
        builder.members.reserve(count);
        builder
    }

    pub fn len(&self) -> usize {
        self.members.len()
    }

    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// Adds a name; false if it is there already, which then stays as it is.
    pub fn insert(&mut self, name: &[u8], score: f64) -> bool {
        let hash = hash(name);
        if self.table.find(hash, name).is_some() {
            return false;
        }
        self.add(hash, name, score);
        true
    }

    /// Adds a name, or gives the one there the score that `merge` makes of its present score. True if it is new.
    pub fn merge(&mut self, name: &[u8], score: f64, merge: impl FnOnce(f64) -> f64) -> bool {
        let hash = hash(name);
        let Some(member) = self.table.find(hash, name) else {
            self.add(hash, name, score);
            return true;
        };
        self.is_sorted = false;
        // Safety: members are alive until the builder ends, and in no tree before that.
        unsafe { Member::set_score(member, merge(Member::score_of(member))) };
        false
    }

    fn add(&mut self, hash: u64, name: &[u8], score: f64) {
        debug_assert!(!score.is_nan(), "no score is a NaN");
        let member = Member::new(score, name);
        self.table.insert(hash, member);
        self.members.push(member);
        self.is_sorted = false;
    }

    /// The names and scores in order.
    pub fn sorted(&mut self) -> impl Iterator<Item = (&[u8], f64)> {
        self.sort();
        // Safety: members are alive until the builder ends.
        self.members.iter().map(|&member| unsafe { view(member) })
    }

    /// The map of all names.
    pub fn finish(mut self) -> RankedMap {
        self.sort();
        let tree = RankedTree::from_sorted(mem::take(&mut self.members));
        RankedMap { table: mem::take(&mut self.table), tree }
    }

    /// Puts the members in order; they often come in it, or in the opposite one.
    fn sort(&mut self) {
        if mem::replace(&mut self.is_sorted, true) {
            return;
        }
        let is_rising = |members: &[NonNull<Member>]| members.is_sorted_by(|&left, &right| cmp(left, right).is_lt());
        if is_rising(&self.members) {
            return;
        }
        self.members.reverse();
        if is_rising(&self.members) {
            return;
        }
        // The scores lie beside the pointers while sorting, so that a comparison rarely reads a member.
        // Safety: members are alive until the builder ends.
        let scored = self.members.iter().map(|&member| (unsafe { Member::score_of(member) }, member));
        let mut scored = scored.collect::<Vec<_>>();
        scored.sort_unstable_by(|left, right| cmp_scores(left.0, right.0).then_with(|| cmp(left.1, right.1)));
        self.members.clear();
        self.members.extend(scored.into_iter().map(|(_, member)| member));
    }
}

fn cmp_scores(left: f64, right: f64) -> Ordering {
    left.partial_cmp(&right).expect("no score is a NaN")
}

fn cmp(left: NonNull<Member>, right: NonNull<Member>) -> Ordering {
    // Safety: members are alive until the builder ends.
    let ((left_name, left_score), (right_name, right_score)) = unsafe { (view(left), view(right)) };
    cmp_scores(left_score, right_score).then_with(|| left_name.cmp(right_name))
}

impl Drop for Builder {
    fn drop(&mut self) {
        for &member in &self.members {
            // Safety: what did not become part of a map belongs to the builder, and the table does not read it again.
            unsafe { Member::free(member) };
        }
    }
}
