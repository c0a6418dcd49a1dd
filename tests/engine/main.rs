//! The engine without sockets: replies and effects of whole pipelines, in virtual time.

mod harness;
mod journal;
mod migrate;
mod observing;
mod scripts;
mod sets;
mod snapshots;
mod splits;
mod subscribers;
mod time;
mod tracking;
mod waiting;
