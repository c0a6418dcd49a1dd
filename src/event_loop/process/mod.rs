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
use crate::persist::Purpose;

/// What a child does with itself before it begins its work.
#[derive(Clone, Debug, Default)]
pub struct ChildSetup {
    pub oom_score: Option<i32>,
    /// A list of processors; empty: wherever the parent may run.
    pub processors: Vec<u8>,
    /// The whole title; `None`: the parent's.
    pub title: Option<Vec<u8>>,
}

/// The same, by what a child is for.
#[derive(Clone, Debug, Default)]
pub struct ChildSetups {
    snapshot: ChildSetup,
    rewrite: ChildSetup,
}

impl ChildSetups {
    pub fn new(settings: &Settings, oom_score: &OomScore, title: &Title) -> ChildSetups {
        let setup = |processors: &[u8], name: &[u8]| ChildSetup {
            oom_score: oom_score.of_child(settings),
            processors: processors.to_vec(),
            title: title.text(settings, name),
        };
        ChildSetups {
            snapshot: setup(&settings.bgsave_cpus, b"redis-rdb-bgsave"),
            rewrite: setup(&settings.aof_rewrite_cpus, b"redis-aof-rewrite"),
        }
    }

    pub fn of(&self, purpose: Purpose) -> &ChildSetup {
        match purpose {
            Purpose::Snapshot | Purpose::Transfer => &self.snapshot,
            Purpose::Rewrite => &self.rewrite,
        }
    }
}
