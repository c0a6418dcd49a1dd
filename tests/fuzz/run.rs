//! The run of one target: from a seed, for a number of cases or for a time.

use crate::coverage::Coverage;
use crate::mutate::mutate;
use gyre::base::random::Random;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Cases of a target in `make test`.
const CASES_IN_TESTS: u64 = 1_500;

/// A case may take so long, in a build that is not made for speed.
const CASE_SECONDS_MAX: u64 = 5;

/// The corpus grows no further.
const CORPUS_MAX: usize = 4_096;

/// Dumps of every server that the tests have, small ones, are a corpus too.
const FIXTURE_BYTES_MAX: u64 = 64 * 1024;

fn home() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn number_from(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{variable} is a number")))
}

/// The files to begin with, in the order of their names.
fn corpus(target: &str) -> Vec<Vec<u8>> {
    let mut folders = vec![home().join("tests/fuzz/corpus").join(target)];
    if target == "dumps" {
        folders.push(home().join("tests/fixtures/rdb"));
    }
    let mut paths: Vec<PathBuf> = folders
        .iter()
        .flat_map(|folder| fs::read_dir(folder).expect("the corpus is in the repository"))
        .map(|entry| entry.expect("a folder is readable").path())
        .filter(|path| path.extension().is_none_or(|extension| extension != "md"))
        .filter(|path| path.metadata().is_ok_and(|facts| facts.len() <= FIXTURE_BYTES_MAX))
        .collect();
    paths.sort();
    paths.iter().map(|path| fs::read(path).expect("a file of the corpus")).collect()
}

/// Runs a target. `GYRE_FUZZ_SECONDS` and `GYRE_FUZZ_SEED` say for how long, and from where.
pub fn fuzz(name: &str, target: fn(&[u8])) {
    let seed = number_from("GYRE_FUZZ_SEED").unwrap_or(1);
    let until = number_from("GYRE_FUZZ_SECONDS").map(|seconds| Instant::now() + Duration::from_secs(seconds));
    let (mut random, mut coverage, mut corpus) = (Random::new(seed), Coverage::default(), corpus(name));
    let first = corpus.len();
    for case in &corpus {
        // As they stand, they are the cases that once failed.
        execute(name, target, case);
        coverage.take();
    }
    let mut cases = 0_u64;
    while until.map_or(cases < CASES_IN_TESTS, |until| Instant::now() < until) {
        let pick = |random: &mut Random| random.below(corpus.len() as u64) as usize;
        let (one, other) = (pick(&mut random), pick(&mut random));
        let mut case = corpus[one].clone();
        mutate(&mut random, &mut case, &corpus[other]);
        execute(name, target, &case);
        cases += 1;
        if coverage.take() && corpus.len() < CORPUS_MAX {
            corpus.push(case);
        }
    }
    let places = coverage.count();
    println!(
        "{name}: {cases} cases from seed {seed}, corpus {first} and {} found, {places} places reached",
        corpus.len() - first
    );
}

/// One case. It is on the disk before it runs: a crash leaves nobody to write it down.
fn execute(name: &str, target: fn(&[u8]), case: &[u8]) {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("fuzz-{name}"));
    fs::write(&path, case).expect("the build's folder is writable");
    let began = Instant::now();
    let ended = catch_unwind(AssertUnwindSafe(|| target(case)));
    assert!(ended.is_ok(), "{name}: the case is in {}", path.display());
    let took = began.elapsed().as_secs();
    assert!(took < CASE_SECONDS_MAX, "{name}: {took} s for the case in {}", path.display());
}
