//! A child that writes a file, as its parent sees it: what it has told so far, and how it ended.

use super::outside::Purpose;
use super::report::{Inbox, Report};
use crate::base::clock::Ms;

/// How a child ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChildEnd {
    /// It left with this code; 0 is success.
    Left(i32),
    /// A signal ended it.
    Signal(i32),
}

/// A child at work.
#[derive(Debug)]
pub struct Child {
    pub pid: u32,
    pub purpose: Purpose,
    pub started: Ms,
    /// Keys that it has written, and keys that there were when it began.
    pub keys_done: u64,
    pub keys_total: u64,
    /// What copy-on-write cost when it last told, the most it told, and when that was.
    pub copied_bytes: u64,
    pub copied_bytes_peak: u64,
    pub told: Option<Ms>,
    /// Changes since the snapshot before, at the moment of the fork: these a snapshot's child has in hand.
    pub dirty_at_start: u64,
    /// Bytes of a dump for replicas, not yet taken.
    pub dump: Vec<u8>,
    inbox: Inbox,
}

impl Child {
    pub fn new(pid: u32, purpose: Purpose, now: Ms, keys_total: u64, dirty_at_start: u64) -> Child {
        Child {
            pid,
            purpose,
            started: now,
            keys_done: 0,
            keys_total,
            copied_bytes: 0,
            copied_bytes_peak: 0,
            told: None,
            dirty_at_start,
            dump: Vec::new(),
            inbox: Inbox::default(),
        }
    }

    /// Takes in what came through the pipe.
    pub fn hear(&mut self, bytes: &[u8], now: Ms) {
        self.inbox.push(bytes);
        while let Some(report) = self.inbox.next() {
            match report {
                Report::Progress { keys, copied_bytes } => {
                    self.keys_done = keys;
                    self.note_copied(copied_bytes, now);
                }
                Report::Done { copied_bytes } => {
                    self.keys_done = self.keys_total;
                    self.note_copied(copied_bytes, now);
                }
                Report::Dump(bytes) => self.dump.extend_from_slice(&bytes),
                Report::Trouble(text) => log::warn!("{text}"),
            }
        }
    }

    /// Share of the keys that are written, in percent.
    pub fn percent_done(&self) -> f64 {
        if self.keys_total == 0 { 0.0 } else { self.keys_done as f64 * 100.0 / self.keys_total as f64 }
    }

    fn note_copied(&mut self, bytes: u64, now: Ms) {
        self.copied_bytes = bytes;
        self.copied_bytes_peak = self.copied_bytes_peak.max(bytes);
        self.told = Some(now);
    }
}
