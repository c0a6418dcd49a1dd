//! Who may do what: users with their passwords and rules, and the log of what was refused. A state of its own; it knows
//! commands by their rows, but neither the server nor a client nor a file: those who hold users tell it what to check.
//!
//! ```text
//! Acl ─┬─ Catalog          the commands, by the names they were declared under (`rename-command` changes nothing here)
//!      ├─ users by name ─▶ User ─┬─ flags, SHA-256 of each password
//!      │                         └─ selectors, the first is the user's own rules
//!      │                              a selector: bit of each command, key patterns, channel patterns
//!      └─ Log              what was refused lately
//! ```
//!
//! A command may run if one selector alone allows all of it: command, keys and channels.

mod catalog;
mod check;
mod load;
mod refusals;
mod selector;
mod state;
mod user;

#[cfg(test)]
mod tests;

pub use catalog::Catalog;
pub use check::{Denial, Reason};
pub use load::UserLines;
pub use refusals::{Context, Entry, Log, Occurrence};
pub use selector::{RuleFault, Selector};
pub use state::{Acl, DEFAULT_NAME, UserId, Users};
pub use user::User;
