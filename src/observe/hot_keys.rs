//! Which keys cost the most processor time or traffic, while somebody wants to know (HOTKEYS).
//!
//! A cost is shared evenly by the keys of its command. Counts are exact until there are twice `KEYS_KEPT` keys; then the smaller
//! half is forgotten, so that memory is bounded and what is hot stays.

use std::collections::HashMap;

use crate::base::clock::Ms;
use crate::base::random::Random;

/// Keys whose counts are kept when there are too many: far more than the 64 that may be asked for.
const KEYS_KEPT: usize = 4096;

/// What HOTKEYS START asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    pub cpu: bool,
    pub net: bool,
    /// Keys that are listed.
    pub count: usize,
    /// Of so many keys one is counted.
    pub sample_ratio: u64,
    /// Until when; `None`: until it is stopped.
    pub until: Option<Ms>,
}

/// Costs by key.
#[derive(Debug, Default)]
pub struct Costs {
    by_key: HashMap<Box<[u8]>, u64, foldhash::fast::RandomState>,
    pub total: u64,
}

impl Costs {
    fn add(&mut self, key: &[u8], cost: u64) {
        self.total += cost;
        match self.by_key.get_mut(key) {
            Some(sum) => *sum += cost,
            None => {
                self.by_key.insert(key.into(), cost);
            }
        }
        if self.by_key.len() >= 2 * KEYS_KEPT {
            let mut costs: Vec<u64> = self.by_key.values().copied().collect();
            let (_, least, _) = costs.select_nth_unstable_by(KEYS_KEPT, |a, b| b.cmp(a));
            let least = *least;
            self.by_key.retain(|_, cost| *cost > least);
        }
    }

    /// The costliest keys that cost at least `least`, costliest first.
    pub fn top(&self, count: usize, least: u64) -> Vec<(&[u8], u64)> {
        let costly = self.by_key.iter().filter(|(_, cost)| **cost >= least);
        let mut keys: Vec<(&[u8], u64)> = costly.map(|(key, cost)| (&**key, *cost)).collect();
        keys.sort_unstable_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
        keys.truncate(count);
        keys
    }
}

/// One collection, under way or over.
#[derive(Debug)]
pub struct HotKeys {
    pub wanted: Wanted,
    pub started: Ms,
    /// When it ended.
    pub ended: Option<Ms>,
    /// Processor time of the process at the start, µs: user, system.
    pub process_us_at_start: (u64, u64),
    /// Of all commands that have keys.
    pub all_ns: u64,
    pub all_bytes: u64,
    pub cpu_ns: Costs,
    pub net_bytes: Costs,
}

impl HotKeys {
    pub fn begin(wanted: Wanted, now: Ms, process_us_at_start: (u64, u64)) -> HotKeys {
        HotKeys {
            wanted,
            started: now,
            ended: None,
            process_us_at_start,
            all_ns: 0,
            all_bytes: 0,
            cpu_ns: Costs::default(),
            net_bytes: Costs::default(),
        }
    }

    /// Ends the collection if its time is over; true while it goes on.
    pub fn goes_on(&mut self, now: Ms) -> bool {
        if self.ended.is_none() && self.wanted.until.is_some_and(|until| now >= until) {
            self.ended = self.wanted.until;
        }
        self.ended.is_none()
    }

    /// A command with these keys ran.
    pub fn note(&mut self, keys: &[&[u8]], ns: u64, bytes: u64, random: &mut Random) {
        if keys.is_empty() {
            return;
        }
        self.all_ns += ns;
        self.all_bytes += bytes;
        let share = keys.len() as u64;
        for key in keys {
            if self.wanted.sample_ratio > 1 && random.below(self.wanted.sample_ratio) != 0 {
                continue;
            }
            if self.wanted.cpu {
                self.cpu_ns.add(key, ns / share);
            }
            if self.wanted.net {
                self.net_bytes.add(key, bytes / share);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted() -> Wanted {
        Wanted { cpu: true, net: true, count: 2, sample_ratio: 1, until: None }
    }

    #[test]
    fn costs_are_shared_by_the_keys_of_a_command() {
        let mut hot = HotKeys::begin(wanted(), 0, (0, 0));
        let mut random = Random::new(1);
        hot.note(&[b"a"], 5_000, 30, &mut random);
        hot.note(&[b"a", b"b", b"c"], 3_000, 61, &mut random);
        hot.note(&[], 9_000, 90, &mut random);
        assert_eq!((hot.all_ns, hot.all_bytes, hot.net_bytes.total), (8_000, 91, 90));
        assert_eq!(hot.cpu_ns.top(2, 1), [(&b"a"[..], 6_000), (&b"b"[..], 1_000)]);
        assert_eq!(hot.net_bytes.top(9, 21), [(&b"a"[..], 50)]);
    }

    #[test]
    fn what_is_hot_stays_however_many_keys_there_are() {
        let mut costs = Costs::default();
        for round in 0..50_000u64 {
            costs.add(b"hot", 1);
            costs.add(format!("cold{round}").as_bytes(), 1);
        }
        assert!(costs.by_key.len() < 2 * KEYS_KEPT);
        assert_eq!(costs.top(1, 1), [(&b"hot"[..], 50_000)]);
    }

    #[test]
    fn a_duration_ends_it() {
        let mut hot = HotKeys::begin(Wanted { until: Some(1000), ..wanted() }, 0, (0, 0));
        assert!(hot.goes_on(999) && !hot.goes_on(1500));
        assert_eq!(hot.ended, Some(1000));
    }
}
