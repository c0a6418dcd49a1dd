//! The configuration: what can be set, what it is set to, and every way of setting it.
//!
//! One table (`table`) declares each directive of Redis 8.0 once: name, kind, limits, default, and whether it acts.
//! From it derive the typed `Settings` that the rest of the server reads by field, the file parser (`load`), the
//! command line (`arguments`), CONFIG SET and GET (`set`, `get`), CONFIG REWRITE (`rewrite`) and the reference page.
//!
//! Owns the settings. Knows files only through the `Outside` trait, and nothing of the server: who must act when a
//! directive changes is named by `Change`, and the dispatcher takes it there.

pub mod arguments;
pub mod change;
pub mod choices;
pub mod directive;
pub mod get;
pub mod load;
pub mod manual;
pub mod reference;
pub mod rewrite;
pub mod set;
pub mod special;
pub mod table;
pub mod value;

pub use table::{Settings, TABLE};
