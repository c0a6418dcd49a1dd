//! The process as the system sees it: its name, its supervisor, its processors, its rank when memory runs out, and what the
//! system knows of it. Knows nothing of clients or data.

mod affinity;
mod check_system;
mod facts;
mod oom_score;
mod supervisor;
mod title;

pub use affinity::pin;
pub use check_system::check_system;
pub use facts::{facts, system_name};
pub use oom_score::OomScore;
pub use supervisor::Supervision;
pub use title::Title;

use crate::config::Settings;

/// What a child does with itself before it begins its work.
#[derive(Clone, Debug, Default)]
pub struct ChildSetup {
    pub oom_score: Option<i32>,
    /// A list of processors; empty: wherever the parent may run.
    pub processors: Vec<u8>,
    /// The whole title; `None`: the parent's.
    pub title: Option<Vec<u8>>,
}

impl ChildSetup {
    /// For a child that writes a snapshot.
    pub fn for_snapshot(settings: &Settings, oom_score: &OomScore, title: &Title) -> ChildSetup {
        ChildSetup {
            oom_score: oom_score.of_child(settings),
            processors: settings.bgsave_cpus.clone(),
            title: title.text(settings, b"redis-rdb-bgsave"),
        }
    }
}
