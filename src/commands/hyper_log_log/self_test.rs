//! PFSELFTEST: the registers and the estimator, tried out inside a running server, as operators know it from Redis.

use crate::base::random::Random;
use crate::exec::{Call, Command, Outcome, Stop};
use crate::keyspace::Db;
use crate::spec::flag::ADMIN;
use crate::spec::{Group, command};
use crate::structures::hyper_log_log::{
    EMPTY, Encoding, REGISTERS, Raise, cardinality, dense_of, encoding_of, place_of, raise, to_dense, unite,
};

pub const COMMANDS: &[Command] = &[command("PFSELFTEST", "", 1)
    .since("2.8.9")
    .group(Group::HyperLogLog)
    .flags(ADMIN)
    .cost("A second or two")
    .says("Tries the HyperLogLog out, for tests.")
    .data(pfselftest)];

/// Rounds of random registers.
const ROUNDS: usize = 1000;
/// Elements added; the estimate is looked at after each power of ten.
const ELEMENTS: u64 = 10_000_000;
/// Standard error of the estimate, and how many of them are let pass.
const ERROR: f64 = 1.04 / 128.0;
const ERRORS_MAX: f64 = 6.0;

const _: () = assert!(REGISTERS == 128 * 128, "the standard error is 1.04 / √registers");

fn pfselftest(call: &mut Call, _: &mut Db) -> Outcome {
    registers_keep_what_is_set(call.random)?;
    estimates_are_close(call.random, call.settings.hll_sparse_bytes_max)?;
    call.reply.ok();
    Ok(())
}

/// Each register keeps its value and leaves its neighbours alone.
fn registers_keep_what_is_set(random: &mut Random) -> Outcome {
    let mut raw = [0u8; REGISTERS];
    for _ in 0..ROUNDS {
        random.fill(&mut raw);
        raw.iter_mut().for_each(|value| *value &= 0x3f);
        let dense = dense_of(EMPTY, &raw);
        let mut found = [0; REGISTERS];
        unite(&mut found, &dense, true)?;
        if let Some(at) = (0..REGISTERS).find(|&at| found[at] != raw[at]) {
            let text = format!("ERR TESTFAILED Register {at} should be {} but is {}", raw[at], found[at]);
            return Err(Stop::error_owned(text));
        }
    }
    Ok(())
}

/// Estimates stay close to the truth and are the same in both layouts.
fn estimates_are_close(random: &mut Random, sparse_bytes_max: usize) -> Outcome {
    let mut dense = to_dense(EMPTY)?.to_vec();
    let mut growing = EMPTY.to_vec();
    let seed = random.next_u64();
    let mut checkpoint = 1;
    for number in 1..=ELEMENTS {
        let place = place_of(&(number ^ seed).to_le_bytes());
        for bytes in [&mut dense, &mut growing] {
            if let Raise::ToDense = raise(bytes, place, sparse_bytes_max)? {
                *bytes = to_dense(bytes)?.to_vec();
            }
            if let Raise::Splice(splice) = raise(bytes, place, sparse_bytes_max)? {
                bytes.splice(splice.at..splice.at + splice.removed, splice.inserted().iter().copied());
            }
        }
        if number != checkpoint {
            continue;
        }
        if number < sparse_bytes_max as u64 / 2 && encoding_of(&growing) != Some(Encoding::Sparse) {
            return Err(Stop::error("ERR TESTFAILED sparse encoding not used"));
        }
        let found = cardinality(&dense)?;
        if found != cardinality(&growing)? {
            return Err(Stop::error("ERR TESTFAILED dense/sparse disagree"));
        }
        // Of ten elements, two now and then share a register.
        let error_max = if number == 10 { 1 } else { (ERROR * ERRORS_MAX * number as f64).ceil() as u64 };
        let error = found.abs_diff(number);
        if error > error_max {
            let text = format!("ERR TESTFAILED Too big error. card:{number} abserr:{error}");
            return Err(Stop::error_owned(text));
        }
        checkpoint *= 10;
    }
    Ok(())
}
