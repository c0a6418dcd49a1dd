//! `oom-score-adj`: whom the kernel ends first when memory runs out. A child before the server, a replica before a master.
//!
//! Invariant: the score that was there before we touched it is kept, is the ground for relative values, and is put back
//! when the directive is switched off.

use std::fs;
use std::io;

use crate::config::Settings;
use crate::config::choices::OomScoreAdj;
use crate::config::load::system_text;

const PATH: &str = "/proc/self/oom_score_adj";
/// What the kernel takes, both ways.
const SCORE_MAX: i32 = 1000;
/// Places in `oom-score-adj-values`.
const MASTER: usize = 0;
const REPLICA: usize = 1;
const CHILD: usize = 2;

/// What is known of the score.
#[derive(Clone, Copy, Debug, Default)]
pub struct OomScore {
    /// The score before the first change; `None`: it was not changed.
    base: Option<i32>,
    pub is_replica: bool,
}

impl OomScore {
    /// Brings the score to what the settings say.
    pub fn adjust(&mut self, settings: &Settings) -> io::Result<()> {
        if settings.oom_score_adj == OomScoreAdj::No {
            return match self.base.take() {
                Some(base) => write(base),
                None => Ok(()),
            };
        }
        let base = match self.base {
            Some(base) => base,
            None => *self.base.insert(read()?),
        };
        write(score(settings, if self.is_replica { REPLICA } else { MASTER }, base))
    }

    /// The score of a child; `None`: it keeps its parent's.
    pub fn of_child(&self, settings: &Settings) -> Option<i32> {
        let base = self.base.filter(|_| settings.oom_score_adj != OomScoreAdj::No)?;
        Some(score(settings, CHILD, base))
    }

    /// Sets this process's score without a word in the log: for a child, which has none.
    pub fn set(score: i32) -> io::Result<()> {
        fs::write(PATH, format!("{score}\n"))
    }
}

fn score(settings: &Settings, place: usize, base: i32) -> i32 {
    let value = settings.oom_score_adj_values[place];
    let is_absolute = settings.oom_score_adj == OomScoreAdj::Absolute;
    (if is_absolute { value } else { base + value }).clamp(-SCORE_MAX, SCORE_MAX)
}

fn read() -> io::Result<i32> {
    let text = fs::read_to_string(PATH).inspect_err(|error| {
        log::warn!("Unable to read oom_score_adj: {PATH}: {}", system_text(error));
    })?;
    text.trim().parse().map_err(|_| io::ErrorKind::InvalidData.into())
}

fn write(score: i32) -> io::Result<()> {
    OomScore::set(score).inspect_err(|error| {
        log::warn!("Unable to write oom_score_adj: {PATH}: {}", system_text(error));
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relative_values_are_added_and_kept_in_bounds() {
        let mut settings = Settings {
            oom_score_adj: OomScoreAdj::Relative,
            oom_score_adj_values: [10, 20, 1500],
            ..Settings::default()
        };
        assert_eq!(score(&settings, MASTER, 5), 15);
        assert_eq!(score(&settings, CHILD, 5), 1000);
        settings.oom_score_adj = OomScoreAdj::Absolute;
        assert_eq!(score(&settings, MASTER, 5), 10);
        let known = OomScore { base: Some(0), is_replica: false };
        assert_eq!(known.of_child(&settings), Some(1000));
        assert_eq!(OomScore::default().of_child(&settings), None);
        settings.oom_score_adj = OomScoreAdj::No;
        assert_eq!(known.of_child(&settings), None);
    }
}
