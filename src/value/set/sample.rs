//! Members drawn at random: one, several different ones, and drawn to be removed. All draws are even.

use super::Set;
use super::encodings::push;
use crate::base::random::Random;
use crate::structures::int_set::IntSet;
use crate::structures::list_pack::{Item, ListPack};
use crate::structures::member_set::MemberSet;
use crate::value::Object;
use crate::value::limits::EncodingLimits;
use std::collections::HashSet;

/// When more than a third of a set is wanted, one pass over all of it is cheaper than drawing until enough differ.
const ONE_PASS_SHARE: usize = 3;
/// When the rest is at most a fifth of what is popped, the rest is drawn and what stays behind is popped.
const POP_BY_REST_SHARE: usize = 5;

/// Chooses `wanted` of `left` things, shown one after another, each choice equally likely.
struct Choice {
    wanted: usize,
    left: usize,
}

impl Choice {
    /// Whether the next one is chosen.
    #[inline]
    fn takes(&mut self, random: &mut Random) -> bool {
        let takes = (random.below(self.left as u64) as usize) < self.wanted;
        self.left -= 1;
        self.wanted -= usize::from(takes);
        takes
    }
}

impl Set {
    /// A member; `None` of an empty set.
    pub fn sample(&self, random: &mut Random) -> Option<Item<'_>> {
        match self {
            _ if self.is_empty() => None,
            Set::Ints(ints) => ints.get(random.below(ints.len() as u64) as usize).map(Item::Int),
            Set::Pack(pack) => pack.seek(random.below(pack.len() as u64) as i64).map(|position| pack.get(position)),
            Set::Table(table) => table.sample(random).map(Item::Bytes),
        }
    }

    /// Shows `count` members, each drawn from all of them; stops when `show` says false. The set must not be empty.
    pub fn sample_with_repeats(&self, random: &mut Random, count: u64, mut show: impl FnMut(Item<'_>) -> bool) {
        if let Set::Pack(pack) = self {
            // A pack is walked once, not once a draw.
            let items: Vec<Item> = pack.iter().collect();
            let mut draws = 0..count;
            while draws.next().is_some() && show(items[random.below(items.len() as u64) as usize]) {}
            return;
        }
        for _ in 0..count {
            if !self.sample(random).is_some_and(&mut show) {
                return;
            }
        }
    }

    /// Shows `count` different members, in no order that means anything; all of them if there are no more.
    pub fn sample_distinct(&self, random: &mut Random, count: usize, mut show: impl FnMut(Item<'_>)) {
        let len = self.len();
        if count >= len {
            return self.iter().for_each(show);
        }
        if matches!(self, Set::Pack(_)) || count.saturating_mul(ONE_PASS_SHARE) > len {
            let mut choice = Choice { wanted: count, left: len };
            return self.iter().filter(|_| choice.takes(random)).for_each(show);
        }
        // Numbers are told apart by value, texts by where they are.
        let mut drawn = HashSet::with_capacity(count);
        while drawn.len() < count {
            let member = self.sample(random).expect("the set has more than `count` members");
            let identity = match member {
                Item::Int(number) => number,
                Item::Bytes(text) => text.as_ptr().addr() as i64,
            };
            if drawn.insert(identity) {
                show(member);
            }
        }
    }

    /// Shows a member to `show` and removes it.
    pub fn pop_sample<R>(&mut self, random: &mut Random, show: impl FnOnce(Item<'_>) -> R) -> Option<R> {
        match self {
            Set::Ints(ints) if !ints.is_empty() => {
                let number = ints.get(random.below(ints.len() as u64) as usize)?;
                ints.remove(number);
                Some(show(Item::Int(number)))
            }
            Set::Pack(pack) if !pack.is_empty() => {
                let position = pack.seek(random.below(pack.len() as u64) as i64)?;
                let shown = show(pack.get(position));
                pack.remove(position);
                Some(shown)
            }
            Set::Table(table) => table.pop_sample(random, |member| show(Item::Bytes(member))),
            _ => None,
        }
    }

    /// Shows `count` different members, fewer than there are, and removes them. A table of which little is left
    /// becomes a new and smaller value.
    pub fn pop_distinct(
        &mut self,
        random: &mut Random,
        count: usize,
        limits: &EncodingLimits,
        mut show: impl FnMut(Item<'_>),
    ) {
        let len = self.len();
        debug_assert!(count < len, "to pop all is to remove the set");
        let mut choice = Choice { wanted: count, left: len };
        match self {
            Set::Ints(ints) => {
                let mut rest = IntSet::new();
                for number in ints.iter() {
                    if choice.takes(random) { show(Item::Int(number)) } else { _ = rest.add(number) }
                }
                *ints = rest;
            }
            Set::Pack(pack) => {
                let mut rest = ListPack::new();
                for item in pack.iter() {
                    if choice.takes(random) { show(item) } else { push(&mut rest, item) }
                }
                *pack = rest;
            }
            Set::Table(table) if (len - count).saturating_mul(POP_BY_REST_SHARE) > count => {
                for _ in 0..count {
                    table.pop_sample(random, |member| show(Item::Bytes(member)));
                }
            }
            Set::Table(table) => {
                let rest = draw_rest(table, random, len - count, limits);
                table.iter().for_each(|member| show(Item::Bytes(member)));
                *self = rest;
            }
        }
    }
}

/// Takes `count` members out of a table into a set of their own.
fn draw_rest(table: &mut MemberSet, random: &mut Random, count: usize, limits: &EncodingLimits) -> Set {
    let mut rest = Set::Pack(ListPack::new());
    for _ in 0..count {
        table.pop_sample(random, |member| rest.add(Item::Bytes(member), limits));
    }
    rest
}
