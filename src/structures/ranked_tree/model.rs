//! The tree against a sorted vector, its invariants, and how full it keeps its nodes.

use super::branch::Branch;
use super::leaf::Leaf;
use super::order::key_of;
use super::*;
use std::cmp::Ordering;
use std::ptr::NonNull;

struct Member {
    score: f64,
    bytes: Vec<u8>,
}

// Safety: the tests change no member while it is in a tree.
unsafe impl Ranked for Member {
    unsafe fn score(element: NonNull<Self>) -> f64 {
        unsafe { element.as_ref().score }
    }
    unsafe fn bytes<'a>(element: NonNull<Self>) -> &'a [u8] {
        unsafe { &element.as_ref().bytes }
    }
}

fn member(score: f64, bytes: &[u8]) -> NonNull<Member> {
    NonNull::from(Box::leak(Box::new(Member { score, bytes: bytes.to_vec() })))
}

fn free(element: NonNull<Member>) {
    drop(unsafe { Box::from_raw(element.as_ptr()) });
}

fn order(left: NonNull<Member>, right: NonNull<Member>) -> Ordering {
    let (left, right) = unsafe { (left.as_ref(), right.as_ref()) };
    left.score.partial_cmp(&right.score).unwrap().then_with(|| left.bytes.cmp(&right.bytes))
}

/// A small generator of its own, so that a failure can be repeated from its seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        let mixed = (self.0 ^ self.0 >> 31).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (mixed >> 33) % bound
    }
}

impl<E: Ranked> RankedTree<E> {
    /// Holds every node to the invariants; gives back the number of leaves.
    fn check(&self) -> usize {
        if self.is_empty() {
            assert_eq!((self.height, self.node_bytes), (0, 0));
            return 0;
        }
        let (count, bytes, leaves) = self.check_below(self.root, self.height);
        assert_eq!((count, bytes), (self.len(), self.node_bytes));
        leaves
    }

    /// Elements, bytes and leaves below a node.
    fn check_below(&self, node: NonNull<u8>, height: u8) -> (usize, usize, usize) {
        if height == 0 {
            let leaf = Leaf::<E>::at(node);
            leaf.check();
            return (leaf.len(), leaf.size(), 1);
        }
        let branch = Branch::<E>::at(node);
        assert!(branch.len() > 0 && branch.len() <= branch.capacity());
        let mut sums = (0, branch.size(), 0);
        for at in 0..branch.len() {
            let entry = branch.entry(at);
            let below = self.check_below(entry.child, height - 1);
            assert_eq!(below.0, entry.count as usize);
            assert_eq!(self.get_below(entry.child, height - 1), entry.first);
            assert_eq!(key_of(entry.first), entry.key);
            sums = (sums.0 + below.0, sums.1 + below.1, sums.2 + below.2);
        }
        sums
    }

    fn get_below(&self, mut node: NonNull<u8>, height: u8) -> NonNull<E> {
        for _ in 0..height {
            node = Branch::<E>::at(node).child(0);
        }
        Leaf::at(node).element(0)
    }
}

/// A tree and a sorted vector that must agree.
struct Pair {
    tree: RankedTree<Member>,
    sorted: Vec<NonNull<Member>>,
}

impl Pair {
    fn new() -> Pair {
        Pair { tree: RankedTree::new(), sorted: Vec::new() }
    }

    fn insert(&mut self, score: f64, bytes: &[u8]) {
        let new = member(score, bytes);
        match self.sorted.binary_search_by(|&other| order(other, new)) {
            Ok(_) => free(new),
            Err(at) => {
                self.sorted.insert(at, new);
                self.tree.insert(new);
            }
        }
    }

    fn remove(&mut self, rank: usize) {
        let element = self.sorted.remove(rank);
        assert!(self.tree.remove(element));
        free(element);
    }

    fn remove_range(&mut self, rank: usize, count: usize) {
        let mut taken = Vec::new();
        self.tree.remove_range(rank, count, &mut |run| taken.extend_from_slice(run));
        let end = (rank + count).min(self.sorted.len());
        assert_eq!(taken, self.sorted.drain(rank.min(end)..end).collect::<Vec<_>>());
        taken.into_iter().for_each(free);
    }

    fn agree(&self, dice: &mut Dice) {
        self.tree.check();
        let len = self.sorted.len();
        assert_eq!(self.tree.len(), len);
        assert!(self.tree.iter_from(0).eq(self.sorted.iter().copied()));
        assert!(self.tree.iter_back_from(len.wrapping_sub(1)).eq(self.sorted.iter().rev().copied()));
        assert_eq!((self.tree.first(), self.tree.last()), (self.sorted.first().copied(), self.sorted.last().copied()));
        for _ in 0..20.min(len) {
            let rank = dice.below(len as u64) as usize;
            let element = self.sorted[rank];
            assert_eq!((self.tree.get(rank), self.tree.rank_of(element)), (Some(element), rank));
            assert!(self.tree.iter_from(rank).take(100).eq(self.sorted[rank..].iter().copied().take(100)));
            assert!(self.tree.iter_back_from(rank).take(100).eq(self.sorted[..=rank].iter().rev().copied().take(100)));
            assert_eq!(self.tree.partition_point(|other| order(other, element).is_lt()), rank);
            self.agree_on_score(unsafe { element.as_ref().score });
        }
        for score in [f64::NEG_INFINITY, -1e9, -0.0, 0.5, 77.7, 1e9, f64::INFINITY] {
            self.agree_on_score(score);
        }
    }

    fn agree_on_score(&self, score: f64) {
        let rank_of = |below: &dyn Fn(f64) -> bool| self.sorted.partition_point(|e| below(unsafe { e.as_ref().score }));
        assert_eq!(self.tree.lower_bound_score(score, false), rank_of(&|other| other < score), "{score}");
        assert_eq!(self.tree.lower_bound_score(score, true), rank_of(&|other| other <= score), "({score}");
    }
}

impl Drop for Pair {
    fn drop(&mut self) {
        self.sorted.drain(..).for_each(free);
    }
}

/// Random operations with scores and names from `element`.
fn run(seed: u64, rounds: usize, element: fn(&mut Dice) -> (f64, Vec<u8>)) {
    let (mut pair, mut dice) = (Pair::new(), Dice(seed));
    for round in 0..rounds {
        let growing = round / 7 % 2 == 0;
        for _ in 0..dice.below(4000) {
            let len = pair.sorted.len() as u64;
            if len == 0 || dice.below(10) < if growing { 8 } else { 2 } {
                let (score, bytes) = element(&mut dice);
                pair.insert(score, &bytes);
            } else {
                pair.remove(dice.below(len) as usize);
            }
        }
        let len = pair.sorted.len() as u64;
        match dice.below(8) {
            0 => pair.remove_range(dice.below(len + 1) as usize, dice.below(len / 4 + 2) as usize),
            1 => (0..dice.below(1500).min(len)).for_each(|_| {
                let (popped, _) = pair.tree.pop_first().unwrap();
                assert_eq!(popped, pair.sorted.remove(0));
                free(popped);
            }),
            2 => (0..dice.below(1500).min(len)).for_each(|_| {
                let (popped, _) = pair.tree.pop_last().unwrap();
                assert_eq!(Some(popped), pair.sorted.pop());
                free(popped);
            }),
            3 => pair.tree = RankedTree::from_sorted(pair.sorted.iter().copied()),
            4 if len > 0 => {
                let rank = dice.below(len) as usize;
                let old = pair.sorted[rank];
                let new = unsafe { member(old.as_ref().score, &old.as_ref().bytes) };
                free(old);
                pair.tree.replace(old, new);
                pair.sorted[rank] = new;
            }
            _ => {}
        }
        pair.agree(&mut dice);
    }
    let mut popped = 0;
    while !pair.tree.pop_some(100, &mut |run| popped += run.len()) {
        pair.tree.check();
    }
    assert_eq!(popped, pair.sorted.len());
    pair.tree.check();
}

fn name(dice: &mut Dice, bound: u64) -> Vec<u8> {
    dice.below(bound).to_string().into_bytes()
}

/// Fewer rounds where each instruction is watched.
fn rounds() -> usize {
    if std::env::var_os("GYRE_FEW_ROUNDS").is_some() { 12 } else { 60 }
}

#[test]
fn agrees_with_a_sorted_vector_on_distinct_scores() {
    run(1, rounds(), |dice| (dice.below(1 << 40) as f64, name(dice, 1000)));
}

#[test]
fn agrees_with_a_sorted_vector_on_few_scores() {
    run(2, rounds(), |dice| (dice.below(5) as f64 - 2.0, name(dice, 1 << 30)));
}

#[test]
fn agrees_with_a_sorted_vector_on_one_score() {
    run(3, rounds(), |dice| (0.0, name(dice, 1 << 30)));
}

#[test]
fn agrees_with_a_sorted_vector_on_times_in_milliseconds() {
    run(4, rounds(), |dice| (1.7e12 + dice.below(100_000) as f64, name(dice, 10)));
}

#[test]
fn agrees_with_a_sorted_vector_on_scores_of_every_size() {
    run(5, rounds(), |dice| {
        let score = f64::from_bits(dice.below(1 << 31) << 33);
        let score = if score.is_nan() || dice.below(20) == 0 { f64::INFINITY } else { score };
        (if dice.below(2) == 0 { score } else { -score }, name(dice, 3))
    });
}

#[test]
fn zeros_are_one_score_and_infinities_have_their_ends() {
    let mut pair = Pair::new();
    for (score, bytes) in [(0.0, b"b"), (-0.0, b"a"), (-0.0, b"c"), (f64::INFINITY, b"a"), (f64::NEG_INFINITY, b"z")] {
        pair.insert(score, bytes);
    }
    pair.agree(&mut Dice(1));
    let names = pair.tree.iter_from(0).map(|e| unsafe { e.as_ref().bytes[0] }).collect::<Vec<_>>();
    assert_eq!(names, b"zabca");
    assert_eq!(pair.tree.lower_bound_score(0.0, false), pair.tree.lower_bound_score(-0.0, false));
    assert!(pair.tree.get(5).is_none() && pair.tree.iter_from(5).next().is_none());
    assert!(pair.tree.iter_back_from(5).next().is_none());
}

#[test]
fn an_empty_tree_has_nothing_and_allocates_nothing() {
    let mut tree = RankedTree::<Member>::new();
    assert_eq!((tree.bytes(), tree.len(), tree.lower_bound_score(1.0, false)), (0, 0, 0));
    assert_eq!((tree.pop_first(), tree.pop_last(), tree.first(), tree.last()), (None, None, None, None));
    assert!(tree.pop_some(10, &mut |_| unreachable!()));
    assert!(RankedTree::<Member>::from_sorted([]).is_empty());
    assert_eq!(size_of::<RankedTree<Member>>(), 24);
}

/// Bytes of nodes a member after `count` insertions.
fn bytes_each(count: u64, mut score: impl FnMut(u64) -> f64) -> f64 {
    let mut pair = Pair::new();
    for round in 0..count {
        let new = member(score(round), &round.to_be_bytes());
        pair.sorted.push(new);
        pair.tree.insert(new);
    }
    pair.tree.check();
    pair.tree.bytes() as f64 / count as f64
}

#[test]
fn nodes_are_well_filled_under_any_order_of_insertion() {
    let mut dice = Dice(9);
    assert!(bytes_each(60_000, |_| dice.below(1 << 31) as f64) < 14.5);
    assert!(bytes_each(60_000, |round| round as f64) < 13.0);
    assert!(bytes_each(60_000, |round| -(round as f64)) < 13.0);
    assert!(bytes_each(130, |round| (round * 37 % 130) as f64) < 15.5);
    assert!(bytes_each(3, |round| round as f64) < 22.0);
}

#[test]
fn random_removals_leave_no_empty_house() {
    let (mut pair, mut dice) = (Pair::new(), Dice(11));
    (0..50_000).for_each(|_| pair.insert(dice.below(1 << 31) as f64, b"x"));
    while pair.sorted.len() > 10_000 {
        pair.remove(dice.below(pair.sorted.len() as u64) as usize);
    }
    pair.tree.check();
    assert!((pair.tree.bytes() as f64) < 20.0 * 10_000.0, "{} bytes each", pair.tree.bytes() / 10_000);
}

#[test]
fn a_built_tree_is_full() {
    let sorted = (0..50_000).map(|score| member(score as f64, b"")).collect::<Vec<_>>();
    let tree = RankedTree::from_sorted(sorted.iter().copied());
    let leaves = tree.check();
    assert_eq!(leaves, 50_000usize.div_ceil(84));
    assert!(tree.iter_from(0).eq(sorted.iter().copied()));
    sorted.into_iter().for_each(free);
}

/// Run by hand, in release: `cargo test --release --lib ranked_tree -- --ignored --nocapture`.
#[test]
#[ignore = "prints times"]
fn times_of_a_million() {
    use std::time::Instant;
    const COUNT: usize = 1_000_000;
    let mut dice = Dice(5);
    let elements = (0..COUNT).map(|i| member(dice.below(1 << 31) as f64, i.to_string().as_bytes())).collect::<Vec<_>>();
    let mut tree = RankedTree::new();
    let timed = |what: &str, work: &mut dyn FnMut()| {
        let start = Instant::now();
        work();
        println!("{what}: {} ns each", start.elapsed().as_nanos() as usize / COUNT);
    };
    timed("insert at random", &mut || elements.iter().for_each(|&element| tree.insert(element)));
    println!("{:.2} bytes each", tree.bytes() as f64 / COUNT as f64);
    timed("change of score", &mut || {
        for _ in 0..COUNT {
            let mut element = elements[dice.below(COUNT as u64) as usize];
            tree.remove(element);
            unsafe { element.as_mut().score = dice.below(1 << 31) as f64 };
            tree.insert(element);
        }
    });
    println!("{:.2} bytes each", tree.bytes() as f64 / COUNT as f64);
    let mut sum = 0;
    timed("rank of", &mut || (0..COUNT).for_each(|_| sum += tree.rank_of(elements[dice.below(COUNT as u64) as usize])));
    timed("walk", &mut || tree.iter_from(0).for_each(|element| sum += unsafe { element.as_ref().score } as usize));
    timed("pop first", &mut || while tree.pop_first().is_some() {});
    assert!(sum > 0);
    elements.into_iter().for_each(free);
}
