//! Fields of a hash drawn at random, those that are due left out.

use super::{Fields, Hash, Pair, is_due, pair_at};
use crate::base::clock::Ms;
use crate::base::random::Random;
use crate::structures::list_pack::Item;
use std::collections::HashSet;

/// Draws before all fields are looked at for one that is not due.
const DRAWS_MAX: usize = 100;

impl Hash {
    /// Any pair, due or not, drawn with equal chances; `None` if there is none.
    fn draw(&self, random: &mut Random) -> Option<(Pair<'_>, Option<Ms>)> {
        match &self.fields {
            Fields::Pack(pack) if pack.is_empty() => None,
            Fields::Pack(pack) => {
                let number = random.below(pack.len() as u64 / 2) as i64;
                let at = pack.seek(2 * number).expect("the pack has so many pairs");
                Some((pair_at(pack, at), None))
            }
            Fields::Timed(pack) if pack.is_empty() => None,
            Fields::Timed(pack) => {
                let drawn = pack.nth(random.below(pack.len() as u64) as usize);
                let (field, value, deadline) = drawn.expect("the pack has so many fields");
                Some(((field, value), deadline))
            }
            Fields::Map(map) => {
                map.sample(random).map(|(field, value, deadline)| ((Item::Bytes(field), Item::Bytes(value)), deadline))
            }
        }
    }

    /// A pair drawn with equal chances; `None` if there is none.
    pub fn sample(&self, random: &mut Random, now: Ms) -> Option<Pair<'_>> {
        for _ in 0..DRAWS_MAX {
            let (pair, deadline) = self.draw(random)?;
            if !is_due(deadline, now) {
                return Some(pair);
            }
        }
        let live = self.live_pairs(now);
        (!live.is_empty()).then(|| live[random.below(live.len() as u64) as usize])
    }

    fn live_pairs(&self, now: Ms) -> Vec<Pair<'_>> {
        let mut live = Vec::new();
        self.visit(now, |pair| live.push(pair));
        live
    }

    /// Shows so many different pairs, every choice of them with equal chances; all when there are fewer.
    pub fn sample_distinct(&self, random: &mut Random, now: Ms, count: usize, show: &mut dyn FnMut(Pair<'_>)) {
        // Drawing until enough are different is worth it while most draws are: below a third of a table.
        if let Fields::Map(map) = &self.fields
            && count < map.len() / 3
            && !self.has_due(now)
        {
            let mut seen = HashSet::with_capacity(count);
            while seen.len() < count {
                let Some((field, value, _)) = map.sample(random) else { return };
                // The address stands for the field: nothing moves while the hash is borrowed.
                if seen.insert(field.as_ptr()) {
                    show((Item::Bytes(field), Item::Bytes(value)));
                }
            }
            return;
        }
        // Selection sampling: each pair is taken with the chance "still wanted" in "still to come".
        let mut left = self.live_len(now);
        let mut wanted = count.min(left);
        let all = self.iter_timed().filter(|(.., deadline)| !is_due(*deadline, now));
        for (field, value, _) in all {
            if wanted == 0 {
                return;
            }
            if random.below(left as u64) < wanted as u64 {
                show((field, value));
                wanted -= 1;
            }
            left -= 1;
        }
    }

    /// Shows so many pairs, each drawn from all with equal chances, so that some may come twice; none if there is none to draw.
    pub fn sample_repeated(&self, random: &mut Random, now: Ms, count: usize, show: &mut dyn FnMut(Pair<'_>)) {
        if matches!(self.fields, Fields::Map(_)) && !self.has_due(now) {
            (0..count).filter_map(|_| self.draw(random)).for_each(|(pair, _)| show(pair));
            return;
        }
        // One walk finds all pairs; then any number of draws costs nothing.
        let live = self.live_pairs(now);
        if !live.is_empty() {
            (0..count).for_each(|_| show(live[random.below(live.len() as u64) as usize]));
        }
    }
}
