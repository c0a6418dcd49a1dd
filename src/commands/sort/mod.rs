//! SORT and SORT_RO: the elements of a list, set or sorted set in order, or values that they lead to.
//!
//! ```text
//!   key ──▶ elements ──▶ what they are sorted by (themselves, or BY another key) ──▶ order ──▶ LIMIT ──▶ GET ──▶ reply, STORE
//! ```
//!
//! `request`: the words · `pattern`: where an element leads · `elements`: what is sorted · `order`: the sorting · `run`:
//! one after the other.

mod elements;
mod order;
mod pattern;
mod request;
mod run;

use crate::exec::Command;
use crate::spec::flag::{DENYOOM, MOVABLE_KEYS, READONLY, WRITE};
use crate::spec::{at, category, command, unknown};

const COST: &str = "O(n + m log m) for n elements and m answered; O(n) where nothing is sorted";
const BY_OR_GET: &str = "For the optional BY/GET keyword. It is marked 'unknown' because the key names derive from the \
                         content of the key we sort";
const STORE: &str = "For the optional STORE keyword. It is marked 'unknown' because the keyword can appear anywhere in the \
                     argument array";

pub const COMMANDS: &[&[Command]] = &[&[
    command(
        "SORT",
        "key [BY by-pattern<pattern>:pattern#1] [LIMIT {limit=offset:integer count:integer}] [GET get-pattern<pattern>:pattern]+^#1 \
         [order=ASC|DESC] [sorting=ALPHA] [STORE destination:key#2]",
        -2,
    )
    .flags(WRITE | DENYOOM | MOVABLE_KEYS)
    .categories(COLLECTIONS)
    .not_in(category::KEYSPACE)
    .keys(at(1).read_only().access())
    .keys(unknown().read_only().access().notes(BY_OR_GET))
    .keys(unknown().overwrite().update().notes(STORE))
    .cost(COST)
    .says("Sorts a list, set or sorted set; answers or stores the result.")
    .data(|call, db| run::sort(call, db, true)),
    command(
        "SORT_RO",
        "key [BY by-pattern<pattern>:pattern#1] [LIMIT {limit=offset:integer count:integer}] [GET get-pattern<pattern>:pattern]+^#1 \
         [order=ASC|DESC] [sorting=ALPHA]",
        -2,
    )
    .since("7.0.0")
    .flags(READONLY | MOVABLE_KEYS)
    .categories(COLLECTIONS)
    .not_in(category::KEYSPACE)
    .keys(at(1).read_only().access())
    .keys(unknown().read_only().access().notes(BY_OR_GET))
    .cost(COST)
    .says("Sorts a list, set or sorted set and answers the result.")
    .data(|call, db| run::sort(call, db, false)),
]];

/// What it may be refused with: a command of the collections, though the manual has it among the generic ones.
const COLLECTIONS: u32 = category::SET | category::SORTED_SET | category::LIST | category::DANGEROUS;
