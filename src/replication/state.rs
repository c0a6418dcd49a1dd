//! The history of the data, and who reads it.

use std::collections::HashSet;
use std::io::IoSlice;

use super::backlog::Backlog;
use super::following::{Following, Phase};
use super::replica::Replica;
use crate::base::clock::Ms;
use crate::keyspace::SessionKey;

/// The id of no history.
pub const NO_ID: &str = "0000000000000000000000000000000000000000";

/// Why a replica cannot go on where it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It asks for everything.
    Wanted,
    OtherHistory,
    /// It has read more of the former history than belongs to this one.
    BeyondSecondId,
    NoBacklog,
}

/// A failover that FAILOVER began.
#[derive(Clone, Debug)]
pub struct Failover {
    pub state: FailoverState,
    /// The replica that is to take over; any, if none is named.
    pub target: Option<(Vec<u8>, u16)>,
    pub is_forced: bool,
    pub deadline: Option<Ms>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailoverState {
    WaitForSync,
    InProgress,
}

/// See the head of `replication`.
pub struct Replication {
    pub id: String,
    /// The history that this one goes on from, up to before `second_offset`.
    pub id2: String,
    pub second_offset: i64,
    /// The replication offset, without what the journal still holds.
    pub taken: i64,
    pub backlog: Option<Backlog>,
    pub replicas: Vec<Replica>,
    pub no_replicas_since: Ms,
    pub following: Option<Following>,
    pub failover: Option<Failover>,
    /// Replicas that acknowledged lately, as `min-replicas-to-write` counts them.
    pub good_replicas: usize,
    /// When replicas were last pinged.
    pub pinged_at: Ms,
    /// Somebody waits for acknowledgements: they are asked for at the end of the turn.
    pub wants_acks: bool,
    pub full_syncs: u64,
    pub partial_syncs: u64,
    pub partial_sync_refusals: u64,
    /// Dumps that went to replicas and may be removed once nobody reads them.
    pub dump_is_for_replicas: bool,
    /// Keys with deadlines that clients wrote to this replica: no master will ever say that they are over.
    pub own_keys: HashSet<(usize, Box<[u8]>)>,
    /// The periodic job rests until then.
    pub cron_due: Ms,
}

impl Replication {
    pub fn new(id: String, now: Ms) -> Replication {
        Replication {
            id,
            id2: NO_ID.to_owned(),
            second_offset: -1,
            taken: 0,
            backlog: None,
            replicas: Vec::new(),
            no_replicas_since: now,
            following: None,
            failover: None,
            good_replicas: 0,
            pinged_at: now,
            wants_acks: false,
            full_syncs: 0,
            partial_syncs: 0,
            partial_sync_refusals: 0,
            dump_is_for_replicas: false,
            own_keys: HashSet::new(),
            cron_due: 0,
        }
    }

    pub fn is_replica(&self) -> bool {
        self.following.is_some()
    }

    /// The master's dump is on its way, or is being loaded.
    pub fn is_syncing(&self) -> bool {
        self.following.as_ref().is_some_and(Following::is_syncing)
    }

    /// A replica that is not in step with its master: its data is old.
    pub fn is_stale(&self) -> bool {
        self.following.as_ref().is_some_and(|following| !following.is_up())
    }

    /// Replicas that asked for the data.
    pub fn attached(&self) -> impl Iterator<Item = &Replica> {
        self.replicas.iter().filter(|replica| replica.is_attached())
    }

    pub fn has_replicas(&self) -> bool {
        self.attached().next().is_some()
    }

    pub fn of(&self, session: SessionKey) -> Option<&Replica> {
        self.replicas.iter().find(|replica| replica.session == session)
    }

    pub fn of_mut(&mut self, session: SessionKey) -> Option<&mut Replica> {
        self.replicas.iter_mut().find(|replica| replica.session == session)
    }

    /// CONFIG RESETSTAT.
    pub fn reset_counters(&mut self) {
        (self.full_syncs, self.partial_syncs, self.partial_sync_refusals) = (0, 0, 0);
    }

    /// The replica of a session, which begins to be one.
    pub fn greet(&mut self, session: SessionKey, now: Ms) -> &mut Replica {
        let at = self.replicas.iter().position(|replica| replica.session == session).unwrap_or_else(|| {
            self.replicas.push(Replica::new(session, now));
            self.replicas.len() - 1
        });
        &mut self.replicas[at]
    }

    pub fn forget(&mut self, session: SessionKey) -> Option<Replica> {
        let at = self.replicas.iter().position(|replica| replica.session == session)?;
        let replica = self.replicas.remove(at);
        self.trim();
        Some(replica)
    }

    /// Gives up what no replica needs of the stream, and nobody who may come: some of it, if there is much.
    pub fn trim(&mut self) {
        let needed = self.replicas.iter().filter(|replica| replica.is_fed()).map(|replica| replica.next).min();
        if let Some(backlog) = &mut self.backlog {
            backlog.trim(needed.unwrap_or(i64::MAX));
        }
    }

    /// Bytes of the stream that a replica has not been sent.
    pub fn waiting_bytes(&self, session: SessionKey) -> usize {
        match (self.of(session).filter(|replica| replica.is_fed()), &self.backlog) {
            (Some(replica), Some(backlog)) => backlog.behind(replica.next),
            _ => 0,
        }
    }

    /// The next pieces of the stream that a replica may be sent; how many there are.
    pub fn unsent<'a>(&'a self, session: SessionKey, into: &mut [IoSlice<'a>]) -> usize {
        match (self.of(session).filter(|replica| replica.is_open()), &self.backlog) {
            (Some(replica), Some(backlog)) => backlog.slices(replica.next, into),
            _ => 0,
        }
    }

    /// A replica was sent so many bytes of the stream.
    pub fn note_sent(&mut self, session: SessionKey, count: usize) {
        if let Some(replica) = self.of_mut(session) {
            replica.next += count as i64;
        }
    }

    /// Bytes of memory that hold the stream, and how many of them are beyond what the backlog is to have: replicas are behind, or were
    /// a moment ago.
    pub fn stream_memory(&self) -> (usize, usize) {
        let memory = |backlog: &Backlog| (backlog.memory(), backlog.memory().saturating_sub(backlog.bytes_max()));
        self.backlog.as_ref().map_or((0, 0), memory)
    }

    /// The session that speaks for the master.
    pub fn master_session(&self) -> Option<SessionKey> {
        match self.following.as_ref()?.phase {
            Phase::Streaming { session, .. } => Some(session),
            _ => None,
        }
    }

    /// Whether a replica of history `id` that wants byte `offset` next can be given just what it lacks.
    pub fn judge(&self, id: &[u8], offset: i64) -> Result<(), Refusal> {
        let is = |own: &str| own.as_bytes().eq_ignore_ascii_case(id);
        if !is(&self.id) && (!is(&self.id2) || offset > self.second_offset) {
            return Err(match id.first() {
                Some(b'?') => Refusal::Wanted,
                _ if is(&self.id2) => Refusal::BeyondSecondId,
                _ => Refusal::OtherHistory,
            });
        }
        match &self.backlog {
            Some(backlog) if backlog.reaches(offset) => Ok(()),
            _ => Err(Refusal::NoBacklog),
        }
    }

    /// The history goes on under an id of its own: this server was promoted.
    pub fn shift_id(&mut self, new: String, offset: i64) {
        self.id2 = std::mem::replace(&mut self.id, new);
        self.second_offset = offset + 1;
        log::info!(
            "Setting secondary replication ID to {}, valid up to offset: {}. New replication ID is {}",
            self.id2,
            self.second_offset,
            self.id
        );
    }

    /// A history without a past.
    pub fn clear_second_id(&mut self) {
        self.id2 = NO_ID.to_owned();
        self.second_offset = -1;
    }

    /// Counts the replicas that acknowledged within `lag_s_max` seconds.
    pub fn count_good(&mut self, lag_s_max: i64, now: Ms) {
        let good = |replica: &&Replica| replica.is_online() && now / 1000 - replica.acked_at / 1000 <= lag_s_max;
        self.good_replicas = self.replicas.iter().filter(good).count();
    }

    /// Replicas that have all up to `offset`, in memory or on disk.
    pub fn acknowledged(&self, offset: i64, on_disk: bool) -> usize {
        let has = |replica: &&Replica| if on_disk { replica.acked_on_disk } else { replica.acked } >= offset;
        self.replicas.iter().filter(|replica| replica.is_online()).filter(has).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replica_goes_on_within_the_backlog_and_either_history() {
        let (old, new) = ("a".repeat(40), "b".repeat(40));
        let mut replication = Replication::new(old.clone(), 0);
        let mut backlog = Backlog::new(100, 50);
        backlog.push(&[0; 10]);
        replication.backlog = Some(backlog);
        replication.shift_id(new.clone(), 55);
        assert_eq!(replication.judge(new.as_bytes(), 51), Ok(()));
        assert_eq!(replication.judge(new.as_bytes(), 61), Ok(()));
        assert_eq!(replication.judge(new.as_bytes(), 62), Err(Refusal::NoBacklog));
        assert_eq!(replication.judge(new.as_bytes(), 50), Err(Refusal::NoBacklog));
        assert_eq!(replication.judge(old.as_bytes(), 56), Ok(()));
        assert_eq!(replication.judge(old.as_bytes(), 57), Err(Refusal::BeyondSecondId));
        assert_eq!(replication.judge(b"?", -1), Err(Refusal::Wanted));
        assert_eq!(replication.judge(b"c", 56), Err(Refusal::OtherHistory));
        replication.backlog = None;
        assert_eq!(replication.judge(new.as_bytes(), 56), Err(Refusal::NoBacklog));
    }
}
