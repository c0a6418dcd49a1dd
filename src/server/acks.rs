//! Replication as the rest of the server asks after it: offsets, acknowledgements, and what a replica may do.

use super::session::flag;
use super::state::{Server, standing};
use crate::keyspace::SessionKey;
use crate::replication::Replica;

/// Who waits for acknowledgements: WAIT, WAITAOF.
#[derive(Clone, Copy, Debug)]
pub struct AckWaiter {
    pub session: SessionKey,
    /// The byte of the stream that is to be acknowledged.
    pub offset: i64,
    /// The position of the journal up to which the own disk is to have it.
    pub position: u64,
    /// Own disks: none or this one's.
    pub local: usize,
    pub replicas: usize,
    /// It is the disks that count.
    pub on_disk: bool,
}

impl Server {
    /// The replication offset: bytes of the stream so far, to the last command, and commands while nobody could read it.
    pub fn replication_offset(&self) -> i64 {
        self.replication.taken + self.journal.advance as i64
    }

    /// The byte of the stream up to which this server's own file is on the disk; `None`: it has none.
    pub fn replication_offset_on_disk(&self) -> Option<i64> {
        self.settings.append_only.then(|| self.persist.aof.offset_on_disk())
    }

    /// Position of the journal now, whoever reads it: what was recorded before it is told from what comes.
    pub fn journal_position(&self) -> u64 {
        self.persist.aof.taken() + self.journal.unread_bytes()
    }

    /// Disks here, and replicas, that have what a waiter waits for.
    pub fn acks_of(&self, waiter: &AckWaiter) -> (usize, usize) {
        let local = self.persist.aof.is_safe(waiter.position);
        (usize::from(local), self.replication.acknowledged(waiter.offset, waiter.on_disk))
    }

    /// Bytes for which no key is evicted: what waits for replicas and for the append-only file, or evicting would feed what it is to
    /// relieve; and emptied reply buffers that are kept for the next replies, which come and go with the clients' pace.
    pub fn uncounted_bytes(&self) -> u64 {
        let spare: usize = self.spare_buffers.iter().map(Vec::capacity).sum();
        self.replica_buffer_bytes() + (self.persist.aof.buffer_bytes() + spare) as u64
    }

    /// Bytes that are there because replicas are behind: the stream beyond what the backlog is to hold, and pieces of dumps.
    pub fn replica_buffer_bytes(&self) -> u64 {
        let dump_bytes = |replica: &Replica| {
            let session = self.sessions.get(replica.session);
            session.map_or(0, |session| crate::base::memory::usable_size(session.out.memory_usage().0))
        };
        let dumps: usize = self.replication.attached().map(dump_bytes).sum();
        (self.replication.stream_memory().1 + dumps) as u64
    }

    /// Keys that are due may go: not while the data stands still or comes, and on a replica or in import mode by the word only of
    /// the server that the data is from.
    pub fn update_expiry(&mut self) {
        let stands_still = self.standing & (standing::PAUSED | standing::LOADING | standing::IMPORTING) != 0;
        let may_expire = !stands_still && !self.replication.is_replica();
        self.keyspace.set_rules(|rules| rules.may_expire = may_expire);
    }

    /// What a replica refuses follows from its settings and from how it stands with its master.
    pub fn update_replica_gates(&mut self) {
        let is_stale = self.replication.is_stale() && !self.settings.replica_serve_stale_data;
        self.set_standing(standing::STALE, is_stale);
        let (is_replica, is_read_only) = (self.replication.is_replica(), self.settings.replica_read_only);
        self.set_standing(standing::READ_ONLY, is_replica && is_read_only);
        self.set_standing(standing::OWN_WRITES, is_replica && !is_read_only);
    }

    /// The session speaks for the master: it is obeyed.
    pub fn is_master(&self, session: SessionKey) -> bool {
        self.sessions.get(session).is_some_and(|session| session.has(flag::MASTER))
    }
}
