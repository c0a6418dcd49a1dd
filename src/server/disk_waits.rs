//! Who waits until what was written is on the disk (WAITAOF), and up to where the journal is to be safe for it.
//!
//! An entry is good as long as its session is parked by the very command that made it; whoever was let go by time, or by somebody
//! else, is found out when it would be served.

use crate::keyspace::SessionKey;

/// One who waits.
#[derive(Clone, Copy, Debug)]
pub struct DiskWait {
    pub session: SessionKey,
    /// Position of the journal.
    pub position: u64,
    /// It waits for the disk, and not only for replicas.
    pub wants_disk: bool,
    /// So many replicas are to have it on their disks.
    pub replicas: i64,
    pub command_id: usize,
}

/// All who wait.
#[derive(Default)]
pub struct DiskWaits(Vec<DiskWait>);

impl DiskWaits {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A session waits once at a time.
    pub fn add(&mut self, wait: DiskWait) {
        self.forget(wait.session);
        self.0.push(wait);
    }

    /// A session waits no more: what it waited for.
    pub fn forget(&mut self, session: SessionKey) -> Option<DiskWait> {
        let at = self.0.iter().position(|wait| wait.session == session)?;
        Some(self.0.swap_remove(at))
    }

    pub fn iter(&self) -> impl Iterator<Item = &DiskWait> {
        self.0.iter()
    }
}
