//! Intersection, union and difference of several sets.
//!
//! What is stored is made in the encoding that Redis gives it; what is only shown is shown as it is found, where possible.

use super::Set;
use super::encodings::as_integer;
use crate::base::hash::hash;
use crate::base::number::IntegerText;
use crate::structures::list_pack::{Item, ListPack};
use crate::structures::member_set::MemberSet;
use crate::value::Object;
use crate::value::limits::EncodingLimits;

/// Members whose hashes are computed, and whose places in the other sets are brought near, before they are looked up.
const AHEAD: usize = 16;
/// A table of fewer bytes is likely to be in the nearest cache already.
const PREFETCH_BYTES_MIN: usize = 1 << 15;
/// To look a member up in so many sets is cheaper than to remember what was shown.
const ASKED_SETS_MAX: usize = 4;

/// Shows the members that all of `sets` (at least one) have; stops when `show` says false. The smallest set is walked, and
/// those with the fewest members are asked first.
pub fn intersection(sets: &mut [&Set], mut show: impl FnMut(Item<'_>) -> bool) {
    sets.sort_by_key(|set| set.len());
    let Some((smallest, others)) = sets.split_first() else { return };
    if let Set::Table(members) = smallest {
        return walk_ahead(members, others, |hash, member| {
            let is_common = others.iter().all(|set| has(set, hash, member));
            !is_common || show(Item::Bytes(member))
        });
    }
    for member in smallest.iter() {
        let is_common = others.iter().all(|set| std::ptr::eq(*set, *smallest) || set.contains(member));
        if is_common && !show(member) {
            return;
        }
    }
}

/// Shows the members of a table with their hashes until `visit` says false; a few ahead of being shown, the first of `others`
/// is asked to bring near what a look-up of them will read.
fn walk_ahead(members: &MemberSet, others: &[&Set], mut visit: impl FnMut(u64, &[u8]) -> bool) {
    let large = others.first().and_then(|set| match set {
        Set::Table(table) if table.allocated_bytes() >= PREFETCH_BYTES_MIN => Some(table),
        _ => None,
    });
    let mut members = members.iter();
    let mut ahead = Vec::with_capacity(AHEAD);
    loop {
        ahead.clear();
        ahead.extend(members.by_ref().take(AHEAD).map(|member| (hash(member), member)));
        if let Some(table) = large {
            ahead.iter().for_each(|&(hash, _)| table.prefetch_place(hash));
            ahead.iter().for_each(|&(hash, _)| table.prefetch_member(hash));
        }
        if ahead.is_empty() || !ahead.iter().all(|&(hash, member)| visit(hash, member)) {
            return;
        }
    }
}

#[inline]
fn has(set: &Set, hash: u64, member: &[u8]) -> bool {
    match set {
        Set::Table(table) => table.contains_hashed(hash, member),
        _ => set.contains(Item::Bytes(member)),
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

/// Shows all members of `sets`, each once: ascending if all are integers.
pub fn union(sets: &[&Set], mut show: impl FnMut(Item<'_>)) {
    if sets.len() > 1 && sets.iter().all(|set| matches!(set, Set::Ints(_))) {
        let no_limit = EncodingLimits { set_int_entries: usize::MAX, ..EncodingLimits::default() };
        return Set::of_union(sets, &no_limit).iter().for_each(show);
    }
    if sets.len() <= ASKED_SETS_MAX {
        for (index, set) in sets.iter().enumerate() {
            difference(set, &sets[..index], &mut show);
        }
        return;
    }
    let mut seen = MemberSet::new();
    seen.reserve(sets.iter().map(|set| set.len()).max().unwrap_or(0));
    for member in sets.iter().flat_map(|set| set.iter()) {
        if seen.add(member.to_bytes(&mut IntegerText::new())) {
            show(member);
        }
    }
}

/// Shows the members of `first` that none of `others` has.
pub fn difference(first: &Set, others: &[&Set], mut show: impl FnMut(Item<'_>)) {
    difference_while(first, others, |member| {
        show(member);
        true
    });
}

/// How many members all of `sets` have together, but no more than `max`.
pub fn union_len(sets: &[&Set], max: usize) -> usize {
    let mut largest_first = sets.to_vec();
    largest_first.sort_by_key(|set| std::cmp::Reverse(set.len()));
    let Some(largest) = largest_first.first() else { return 0 };
    let mut count = largest.len();
    if sets.len() <= ASKED_SETS_MAX {
        for (index, set) in largest_first.iter().enumerate().skip(1) {
            if count < max {
                count += difference_len(set, &largest_first[..index], max - count);
            }
        }
        return count.min(max);
    }
    let mut seen = MemberSet::new();
    seen.reserve(count);
    let mut text = IntegerText::new();
    for member in largest_first.iter().flat_map(|set| set.iter()) {
        seen.add(member.to_bytes(&mut text));
        if seen.len() >= max {
            break;
        }
    }
    seen.len().min(max)
}

/// How many members `first` has that none of `others` has, but no more than `max`.
pub fn difference_len(first: &Set, others: &[&Set], max: usize) -> usize {
    let mut count = 0;
    if max > 0 {
        difference_while(first, others, |_| {
            count += 1;
            count < max
        });
    }
    count
}

/// Shows the members of `first` that none of `others` has, until `show` says false.
fn difference_while(first: &Set, others: &[&Set], mut show: impl FnMut(Item<'_>) -> bool) {
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
        let _ = rest.iter().all(show);
        return;
    }
    let mut largest_first = others.to_vec();
    largest_first.sort_by_key(|set| std::cmp::Reverse(set.len()));
    if let Set::Table(members) = first {
        return walk_ahead(members, &largest_first, |hash, member| {
            largest_first.iter().any(|set| has(set, hash, member)) || show(Item::Bytes(member))
        });
    }
    for member in first.iter() {
        if !largest_first.iter().any(|set| set.contains(member)) && !show(member) {
            return;
        }
    }
}
