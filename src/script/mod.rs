//! Scripts and function libraries: Lua 5.1 in a sandbox, what scripts are given (`redis`, `cjson`, `cmsgpack`, `struct`,
//! `bit`), the cache of scripts and the registry of functions.
//!
//! ```text
//! Scripts ─┬─ eval       an `Engine` for EVAL, with a cache of compiled scripts by text and by SHA-1
//!          ├─ functions  an `Engine` for libraries, with the registry of what they registered
//!          └─ running    what runs now: who called, since when, whether it wrote
//! Engine ──── one Lua: sandbox, compiled chunks, a run from words to a value or a failure
//! Host ────── the other direction: what a script asks of the server (lent for the time of a run)
//! ```
//!
//! Knows neither sockets nor dispatch: a command called by a script goes out through `Host::call` as words and comes back
//! as the bytes of its reply.

pub mod api;
pub mod bit;
pub mod cache;
pub mod cjson;
pub mod cmsgpack;
pub mod convert;
pub mod engine;
pub mod flags;
pub mod from_reply;
pub mod lend;
pub mod library;
pub mod number;
pub mod pack;
pub mod raise;
pub mod random;
pub mod sandbox;
pub mod stack;
pub mod state;
pub mod to_reply;

pub use cache::Script;
pub use engine::{Compiled, Engine, Failure};
pub use lend::{Breath, Host, Journals};
pub use library::{LibFunction, Library};
pub use state::{Running, Scripts};
