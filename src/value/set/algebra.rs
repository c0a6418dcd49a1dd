//! Intersection, union and difference of several sets.
//!
//! What is stored is made in the encoding that Redis gives it; what is only shown is shown as it is found, where possible.

use super::Set;
use super::encodings::as_integer;
use crate::structures::list_pack::{Item, ListPack};
use crate::structures::member_set::MemberSet;
use crate::value::Object;
use crate::value::limits::EncodingLimits;

/// Shows the members that all of `sets` (at least one) have; stops when `show` says false. The smallest set is walked, and
/// those with the fewest members are asked first.
pub fn intersection(sets: &mut [&Set], mut show: impl FnMut(Item<'_>) -> bool) {
    sets.sort_by_key(|set| set.len());
    let Some((smallest, others)) = sets.split_first() else { return };
    for member in smallest.iter() {
        let is_common = others.iter().all(|set| std::ptr::eq(*set, *smallest) || set.contains(member));
        if is_common && !show(member) {
            return;
        }
    }
}

impl Set {
    /// The intersection as a value to be stored. Integers alone become an intset, even out of other encodings.
    pub fn of_intersection(sets: &mut [&Set], limits: &EncodingLimits) -> Set {
        sets.sort_by_key(|set| set.len());
        let mut result = match sets.first() {
            Some(Set::Ints(_)) | None => Set::default(),
            Some(_) => Set::Pack(ListPack::new()),
        };
        let mut only_integers = true;
        intersection(sets, |member| {
            only_integers = only_integers && as_integer(member).is_some();
            result.add(member, limits);
            true
        });
        if only_integers {
            result.become_ints(limits);
        }
        result
    }

    /// The union as a value to be stored.
    pub fn of_union(sets: &[&Set], limits: &EncodingLimits) -> Set {
        let mut result = Set::default();
        // What cannot stay small is a table from the start, with room for the largest set.
        if let Some(largest) = sets.iter().map(|set| set.len()).max()
            && largest > limits.set_int_entries.max(limits.set_pack_entries)
        {
            result.become_table(largest);
        }
        for member in sets.iter().flat_map(|set| set.iter()) {
            result.add(member, limits);
        }
        result
    }

    /// The difference as a value to be stored.
    pub fn of_difference(first: &Set, others: &[&Set], limits: &EncodingLimits) -> Set {
        let mut result = Set::default();
        difference(first, others, |member| _ = result.add(member, limits));
        result
    }
}

/// The union to be shown: all members, each once.
pub fn union(sets: &[&Set]) -> Set {
    if let [only] = sets {
        return (*only).clone();
    }
    if sets.iter().all(|set| matches!(set, Set::Ints(_))) {
        let no_limit = EncodingLimits { set_int_entries: usize::MAX, ..EncodingLimits::default() };
        return Set::of_union(sets, &no_limit);
    }
    let mut table = MemberSet::new();
    table.reserve(sets.iter().map(|set| set.len()).max().unwrap_or(0));
    let mut result = Set::Table(Box::new(table));
    for member in sets.iter().flat_map(|set| set.iter()) {
        result.add(member, &EncodingLimits::default());
    }
    result
}

/// Shows the members of `first` that none of `others` has.
pub fn difference(first: &Set, others: &[&Set], mut show: impl FnMut(Item<'_>)) {
    if others.iter().any(|other| std::ptr::eq(*other, first)) {
        return;
    }
    // To ask every other set costs a look-up each; to take the others out of a copy costs all their members.
    // The former breaks off early where there is much in common, so it is given a start of two.
    let asking = first.len() * (1 + others.len()) / 2;
    let removing = first.len() + others.iter().map(|set| set.len()).sum::<usize>();
    if asking > removing {
        let mut rest = first.clone();
        for member in others.iter().flat_map(|set| set.iter()) {
            rest.remove(member);
        }
        return rest.iter().for_each(show);
    }
    let mut largest_first = others.to_vec();
    largest_first.sort_by_key(|set| std::cmp::Reverse(set.len()));
    for member in first.iter() {
        if !largest_first.iter().any(|set| set.contains(member)) {
            show(member);
        }
    }
}
