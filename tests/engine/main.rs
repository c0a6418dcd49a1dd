//! The engine without sockets: replies and effects of whole pipelines, in virtual time.

mod append_only;
mod bases;
mod client_memory;
mod crashes;
mod damage;
mod fields;
mod harness;
mod journal;
mod migrate;
mod newer;
mod observing;
mod replication;
mod scripts;
mod sets;
mod snapshots;
mod splits;
mod subscribers;
mod time;
mod tracking;
mod users;
mod waiting;
