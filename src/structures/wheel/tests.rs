//! The wheel against a sorted map, and what it promises about wakes, budgets, leaps and steps of the clock.

use super::*;
use std::collections::{BTreeMap, BTreeSet};

const HOUR: Ms = 3_600_000;
const TODAY: Ms = 1_760_000_000_123;

/// Random numbers of the tests, the same in every run.
struct Dice(Random);
impl Dice {
    fn new(seed: u64) -> Dice {
        Dice(Random::new(seed))
    }
    fn next(&mut self) -> u64 {
        self.0.next_u64()
    }
    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }
    /// A distance whose magnitude is spread evenly over the bits.
    fn distance(&mut self, bits: u64) -> i64 {
        let shift = 64 - self.below(bits.min(63)) - 1;
        (self.next() >> shift) as i64
    }
}

/// A wheel with a model beside it: which links there are, and their deadlines.
struct Bench {
    wheel: Wheel,
    links: BTreeMap<usize, Ms>,
    by_deadline: BTreeSet<(Ms, usize)>,
}

fn address(link: NonNull<TimerLink>) -> usize {
    link.as_ptr() as usize
}
fn link(address: usize) -> NonNull<TimerLink> {
    NonNull::new(address as *mut TimerLink).unwrap()
}

impl Bench {
    fn new(now: Ms) -> Bench {
        Bench { wheel: Wheel::new(now), links: BTreeMap::new(), by_deadline: BTreeSet::new() }
    }
    fn insert(&mut self, deadline: Ms) -> usize {
        let at = address(NonNull::new(Box::into_raw(Box::new(TimerLink::new(deadline)))).unwrap());
        unsafe { self.wheel.insert(link(at)) };
        self.links.insert(at, deadline);
        self.by_deadline.insert((deadline, at));
        at
    }
    fn forget(&mut self, at: usize) -> Ms {
        let deadline = self.links.remove(&at).expect("the model knows the link");
        self.by_deadline.remove(&(deadline, at));
        drop(unsafe { Box::from_raw(at as *mut TimerLink) });
        deadline
    }
    fn remove(&mut self, at: usize) {
        unsafe { self.wheel.remove(link(at)) };
        self.forget(at);
    }
    fn change(&mut self, at: usize, deadline: Ms) {
        unsafe { self.wheel.change(link(at), deadline) };
        let before = self.links.insert(at, deadline).unwrap();
        self.by_deadline.remove(&(before, at));
        self.by_deadline.insert((deadline, at));
    }
    fn relocate(&mut self, at: usize) {
        let copy = Box::into_raw(Box::new(unsafe { ptr::read(at as *const TimerLink) }));
        let deadline = self.forget(at);
        unsafe { self.wheel.relocate(NonNull::new(copy).unwrap()) };
        self.links.insert(copy as usize, deadline);
        self.by_deadline.insert((deadline, copy as usize));
    }
    fn pick(&self, dice: &mut Dice) -> Option<usize> {
        let from = dice.next() as usize;
        // Addresses are close together: choose by rank.
        self.links.keys().nth(from % self.links.len().max(1)).copied()
    }
    /// Pops one and checks it.
    fn pop(&mut self, now: Ms) -> Option<Ms> {
        let popped = unsafe { self.wheel.pop_due(now) }?;
        let deadline = self.forget(address(popped));
        assert!(deadline <= now, "fired {} ms early", deadline - now);
        Some(deadline)
    }
    /// With enough budget exactly what is due comes out.
    fn settle(&mut self, now: Ms) {
        self.wheel.advance(now, usize::MAX);
        while self.pop(now).is_some() {}
        if let Some(&(earliest, _)) = self.by_deadline.first() {
            assert!(earliest > now, "{earliest} was missed at {now}");
        }
    }
    fn check(&self, now: Ms) {
        assert_eq!(self.wheel.len(), self.links.len());
        assert_eq!(self.wheel.deadline_sum(), self.links.values().map(|&d| i128::from(d)).sum::<i128>());
        let wake = self.wheel.next_wake();
        assert_eq!(wake.is_none(), self.links.is_empty());
        if let (Some(wake), Some(&(earliest, _))) = (wake, self.by_deadline.first()) {
            assert!(wake <= earliest.max(now), "wakes at {wake}, {earliest} is due");
        }
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        for &at in self.links.keys() {
            drop(unsafe { Box::from_raw(at as *mut TimerLink) });
        }
    }
}

#[test]
fn random_life_agrees_with_a_sorted_map() {
    for seed in 0..40 {
        let mut dice = Dice::new(seed);
        let mut now = if seed % 4 == 3 { -5 } else { TODAY };
        let mut bench = Bench::new(now);
        let bits = [12, 20, 30, 44][seed as usize % 4];
        for _ in 0..if cfg!(debug_assertions) { 3000 } else { 20_000 } {
            match dice.below(20) {
                0..=6 => {
                    let deadline = now.saturating_add(dice.distance(bits)).saturating_sub(3);
                    bench.insert(deadline);
                }
                7..=8 => {
                    if let Some(at) = bench.pick(&mut dice) {
                        bench.remove(at);
                    }
                }
                9..=12 => {
                    if let Some(at) = bench.pick(&mut dice) {
                        let by = dice.distance(bits);
                        let before = bench.links[&at];
                        let deadline = if dice.below(4) == 0 { before - by } else { before + by };
                        bench.change(at, deadline);
                    }
                }
                13 => {
                    if let Some(at) = bench.pick(&mut dice) {
                        bench.relocate(at);
                    }
                }
                14..=17 => {
                    now += dice.distance(bits - 6);
                    let budget = dice.below(8) as usize;
                    assert!(bench.wheel.advance(now, budget) <= budget);
                    for _ in 0..dice.below(5) {
                        bench.pop(now);
                    }
                }
                18 => {
                    // The clock steps back; the wheel hears of it from either call.
                    now -= dice.distance(bits - 3);
                    if dice.below(2) == 0 {
                        bench.wheel.advance(now, 2);
                    } else {
                        bench.pop(now);
                    }
                }
                _ => bench.settle(now),
            }
            bench.check(now);
        }
        // Whatever is left comes out in order of time.
        bench.settle(now);
        let mut last = now;
        while let Some(wake) = bench.wheel.next_wake() {
            assert!(wake > now || bench.wheel.backlog() > 0 || wake == now);
            now = now.max(wake);
            bench.wheel.advance(now, usize::MAX);
            while let Some(deadline) = bench.pop(now) {
                assert_eq!(deadline, now, "woken exactly when due");
                assert!(deadline >= last);
                last = deadline;
            }
        }
        assert!(bench.links.is_empty());
    }
}

#[test]
fn every_deadline_has_a_ring_in_which_it_is_close() {
    let mut dice = Dice::new(7);
    for _ in 0..100_000 {
        let cursor = dice.next() as i64 >> dice.below(64);
        let deadline = cursor.saturating_add(dice.distance(64).max(1));
        if deadline <= cursor {
            continue;
        }
        let n = ring_for(deadline, cursor);
        let ahead = |n: usize| i128::from(deadline >> shift(n)) - i128::from(cursor >> shift(n));
        assert!(n < RINGS && ahead(n) < 128);
        assert!(n == 0 || ahead(n - 1) >= 128, "the lowest such ring");
        assert!(n == 0 || ahead(n) >= 2, "never into the slot that is being moved down");
    }
    assert!(ring_for(i64::MAX, i64::MIN) < RINGS);
}

#[test]
fn one_far_timer_wakes_a_few_times_and_fires_exactly() {
    for distance in [1, 127, 128, 5000, HOUR, 400 * 24 * HOUR, 1 << 50, i64::MAX - TODAY] {
        let mut bench = Bench::new(TODAY);
        bench.insert(TODAY + distance);
        let (mut wakes, mut now) = (0, TODAY);
        while let Some(wake) = bench.wheel.next_wake() {
            wakes += 1;
            assert!(wake > now && wake <= TODAY + distance, "no spinning, never late");
            now = wake;
            bench.wheel.advance(now, 1);
            if bench.pop(now).is_some() {
                assert_eq!(now, TODAY + distance);
            }
        }
        assert!(wakes <= RINGS + 1, "{wakes} wakes for {distance} ms");
    }
}

#[test]
fn time_may_leap_over_everything() {
    let mut bench = Bench::new(TODAY);
    for n in 0..500 {
        bench.insert(TODAY + n * n * n * n);
    }
    let far = bench.insert(i64::MAX);
    let end = TODAY + (1 << 45);
    let mut moves = 0;
    while bench.links.len() > 1 {
        let done = bench.wheel.advance(end, 10);
        assert!(done <= 10);
        moves += done;
        let (mut popped, mut last) = (0, 0);
        while let Some(deadline) = bench.pop(end) {
            assert!(deadline >= last, "in order of time");
            last = deadline;
            popped += 1;
        }
        assert!(done > 0 || popped > 0, "every call gets on");
    }
    assert!(moves < 500 * RINGS, "{moves} moves: at most one a ring for each link");
    assert_eq!(bench.wheel.next_wake().map(|wake| wake > end), Some(true));
    bench.remove(far);
    assert_eq!(bench.wheel.next_wake(), None);
}

#[test]
fn a_full_slot_moves_down_in_pieces_and_in_time() {
    const COUNT: usize = 20_000;
    let mut bench = Bench::new(TODAY);
    let deadline = TODAY + HOUR;
    for _ in 0..COUNT {
        bench.insert(deadline);
    }
    let (mut calls, mut now) = (0, TODAY);
    while let Some(wake) = bench.wheel.next_wake_parked() {
        // A call moves at most 1000 links and the next comes a millisecond later at the earliest.
        now = wake.max(now + 1);
        if now >= deadline {
            break;
        }
        assert!(bench.wheel.advance(now, 1000) <= 1000);
        calls += 1;
    }
    assert_eq!(calls, 3 * (COUNT / 1000), "three rings down, and all of it before the first is due");
    assert_eq!(bench.wheel.advance(deadline, usize::MAX), COUNT);
    assert_eq!(bench.wheel.backlog(), COUNT);
    for _ in 0..COUNT {
        assert_eq!(bench.pop(deadline), Some(deadline));
    }
    assert!(bench.wheel.is_empty() && bench.wheel.backlog() == 0);
}

#[test]
fn a_deadline_pushed_on_costs_one_move_a_period() {
    let mut bench = Bench::new(TODAY);
    let at = bench.insert(TODAY + 1000);
    let mut moves = 0;
    for now in TODAY..TODAY + 60_000 {
        bench.change(at, now + 1000);
        moves += bench.wheel.advance(now, 100);
        assert_eq!(bench.pop(now), None);
    }
    assert!(moves < 60 * 4, "{moves} moves for 60,000 changes");
    bench.settle(TODAY + 60_998);
    assert_eq!(bench.links.len(), 1);
    bench.settle(TODAY + 60_999);
    assert!(bench.links.is_empty());
}

#[test]
fn parked_links_are_no_wake_and_come_out_later() {
    let mut bench = Bench::new(TODAY);
    bench.insert(TODAY + 10);
    bench.insert(TODAY + HOUR);
    bench.wheel.advance(TODAY + 20, 100);
    assert_eq!(bench.wheel.next_wake(), Some(TODAY + 10));
    assert!(bench.wheel.next_wake_parked().is_some_and(|wake| wake > TODAY + 20));
    bench.wheel.advance(TODAY + 2 * HOUR, 100);
    assert_eq!(bench.wheel.next_wake_parked(), None);
    assert_eq!(bench.wheel.backlog(), 2);
    bench.settle(TODAY + 2 * HOUR);
    assert!(bench.links.is_empty());
}

#[test]
fn a_step_back_neither_loses_nor_fires_early() {
    for back in [1, 63, 64, 500, 10_000, HOUR, 1 << 42] {
        let mut bench = Bench::new(TODAY);
        for n in 0..300 {
            bench.insert(TODAY + n * 7);
            bench.insert(TODAY + n * 100_003);
        }
        bench.wheel.advance(TODAY + 700, usize::MAX);
        let now = TODAY + 700 - back;
        assert_eq!(bench.wheel.len(), 600);
        bench.settle(now);
        let soon = bench.insert(now + 1);
        bench.wheel.advance(now + 1, usize::MAX);
        assert!(bench.by_deadline.contains(&(now + 1, soon)));
        bench.settle(now + 1);
        assert!(!bench.links.contains_key(&soon) || bench.links[&soon] > now + 1, "exact again after the step");
        bench.settle(TODAY + 699);
        bench.settle(TODAY + 300 * 100_003);
        assert!(bench.links.is_empty());
    }
}

#[test]
fn a_walk_shows_what_is_there() {
    let mut bench = Bench::new(TODAY);
    let mut dice = Dice::new(1);
    let mut seen = BTreeSet::new();
    bench.wheel.walk(Walk::Anywhere, &mut dice.0, 10, |_| panic!("an empty wheel shows nothing"));
    for n in 0..50 {
        bench.insert(TODAY + n * 10_000);
    }
    for _ in 0..400 {
        bench.wheel.walk(Walk::Anywhere, &mut dice.0, 5, |link| {
            seen.insert(address(link));
        });
    }
    assert_eq!(seen.len(), 50);
    let mut soonest = Vec::new();
    bench.wheel.walk(Walk::Soonest, &mut dice.0, 5, |link| soonest.push(bench.links[&address(link)] - TODAY));
    assert_eq!(soonest, [0, 10_000, 20_000, 30_000, 40_000]);
    let mut all = 0;
    bench.wheel.walk(Walk::Soonest, &mut dice.0, 1000, |_| all += 1);
    assert_eq!(all, 50);
}

#[test]
fn a_lone_link_is_shown_wherever_it_is() {
    const FAR: [i64; 8] = [0, 1, 100, 10_000, 10_000_000, 1 << 34, 1 << 44, 1 << 54];
    let mut dice = Dice::new(2);
    for deadline in FAR {
        let mut bench = Bench::new(TODAY);
        bench.insert(TODAY + deadline);
        for _ in 0..200 {
            let mut shown = 0;
            bench.wheel.walk(Walk::Anywhere, &mut dice.0, 3, |_| shown += 1);
            assert_eq!(shown, 3, "{deadline} ms from now");
        }
    }
}
