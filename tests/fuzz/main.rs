//! Fuzzing on stable: what comes from outside as bytes is mutated from a small corpus and must be taken or refused, never
//! crash, and never mean two things.
//!
//! ```text
//! corpus ──▶ pick ──▶ mutate ──▶ target ──▶ new places reached? ──▶ joins the corpus (in memory)
//! ```
//!
//! In `make test` each target runs a fixed number of cases from one seed. `make fuzz-inside SECONDS=600` runs each for that
//! long, in a build that counts which places of the code were reached (`coverage`), so that the corpus grows towards what is
//! new. A case that fails is written beside the build and named; it then becomes a test.

mod append_only;
mod coverage;
// A server without sockets, as the tests of the engine have it.
#[allow(dead_code)]
#[path = "../engine/harness.rs"]
mod harness;
mod mutate;
mod run;
mod targets;

use run::fuzz;

#[test]
fn append_only() {
    fuzz("append_only", append_only::append_only);
}

#[test]
fn requests() {
    fuzz("requests", targets::requests);
}

#[test]
fn dumps() {
    fuzz("dumps", targets::dumps);
}

#[test]
fn payloads() {
    fuzz("payloads", targets::payloads);
}

#[test]
fn packs() {
    fuzz("packs", targets::packs);
}
