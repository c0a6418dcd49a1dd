//! The simulations: the engine on a disk that crashes, from one seed. What one seed decides: commands, faults of the disk, where it
//! stops, what a crash leaves, in virtual time; then a new server starts from what is left, and what was promised must be there.
//!
//! `make simulate SEEDS=10000` runs as many seeds; a seed that fails replays exactly (`make simulate SEED=17`). The simulations
//! prove themselves: mistakes planted between server and disk (`Lie`) must each turn them red.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

mod append_only;
mod snapshots;

/// Crashes of one seed: each starts from what the one before left.
const CRASHES_A_SEED: u64 = 4;

/// Seeds in `make test`: a thousand crashes.
const SEEDS_IN_TESTS: u64 = 250;

/// Among so many seeds a planted mistake must show.
const SEEDS_FOR_A_LIE: u64 = 250;

fn number_from(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok().filter(|text| !text.is_empty())?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable} is a number")))
}

/// One seed is run again, and what happens is to be told.
fn is_replay() -> bool {
    number_from("GYRE_SIMULATION_SEED").is_some()
}

/// Runs the seeds that are asked for, as many at a time as there are processors; none may fail. Gives back what each came to.
fn survive<T: Send>(run: impl Fn(u64) -> Result<T, String> + Sync) -> Vec<T> {
    let seeds = match (number_from("GYRE_SIMULATION_SEED"), number_from("GYRE_SIMULATION_SEEDS")) {
        (Some(seed), _) => seed..seed + 1,
        (None, count) => 0..count.unwrap_or(SEEDS_IN_TESTS),
    };
    let (next, outcomes) = (AtomicU64::new(seeds.start), Mutex::new(Vec::new()));
    let work = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds.end {
                return;
            }
            let outcome = run(seed).map_err(|text| format!("seed {seed}, {text} (make simulate SEED={seed})"));
            outcomes.lock().expect("no panic holds it").push(outcome);
        }
    };
    std::thread::scope(|scope| {
        (0..std::thread::available_parallelism().map_or(1, Into::into)).for_each(|_| drop(scope.spawn(work)));
    });
    let (good, faults): (Vec<_>, Vec<_>) =
        outcomes.into_inner().expect("nobody holds it").into_iter().partition(Result::is_ok);
    let faults: Vec<String> = faults.into_iter().filter_map(Result::err).collect();
    println!("{} crashes from {} seeds", (seeds.end - seeds.start) * CRASHES_A_SEED, seeds.end - seeds.start);
    assert!(faults.is_empty(), "{} seeds fail:\n{}", faults.len(), faults.join("\n"));
    good.into_iter().filter_map(Result::ok).collect()
}

/// What a seed tells is the same each time.
fn assert_replays<T: PartialEq + std::fmt::Debug>(tell: impl Fn(u64) -> T) {
    (0..5).for_each(|seed| assert_eq!(tell(seed), tell(seed), "seed {seed}"));
}

/// The first seed that fails, and how.
fn find<T>(run: impl Fn(u64) -> Result<T, String>) -> Option<(u64, String)> {
    (0..SEEDS_FOR_A_LIE).find_map(|seed| run(seed).err().map(|text| (seed, text)))
}
