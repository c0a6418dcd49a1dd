//! What is noted of a call beyond its count: slow log and MONITOR.

use super::dispatch::Context;
use crate::keyspace::SessionKey;
use crate::protocol::args::Args;
use crate::server::Server;

/// Notes one call of `ns` nanoseconds. Called only when somebody wants it (see `Observe::wants_call`).
#[cold]
pub fn note(_context: &Context, _server: &mut Server, _key: SessionKey, _id: usize, _args: Args, _ns: u64) {}
