//! The call: from a parsed request through the gates to its handler, and its effects from there to everybody concerned.
//!
//! Owns the order of things (gates, dispatch, effects, outbox, waiters). Must not know a particular command.

pub mod append_only;
pub mod batch;
pub mod blocking;
pub mod call;
pub mod client_memory;
pub mod cluster_ops;
pub mod command;
pub mod describe_client;
pub mod dispatch;
pub mod effects;
pub mod gates;
pub mod memory;
pub mod migrate;
pub mod observe_call;
pub mod output_limits;
pub mod permissions;
pub mod readers;
pub mod replay;
pub mod replication;
pub mod scripts;
pub mod settings;
pub mod shutdown;
pub mod snapshot;
pub mod tracking;
pub mod transactions;
pub mod user_file;

pub use call::{Block, Call, Outcome, Stop, WhenDenied, fault};
pub use command::{Command, CommandTable, Run};
