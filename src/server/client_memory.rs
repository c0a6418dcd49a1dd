//! What all clients take together, and who takes the most: the account behind `maxmemory-clients`.
//!
//! ```text
//! buckets   [ below 32 KiB ] [ 32 … 64 KiB ] … [ 4 GiB and more ]        sessions by what they took when last counted
//! ```
//! Invariants: `total` is the sum of what was counted of every session; a session stands in the bucket of its own share exactly if
//! it may be evicted. Nothing is counted while there is no limit.

use super::session::{Session, flag};
use super::state::{Server, standing};
use crate::keyspace::SessionKey;

/// The lower bounds of the second bucket and of the last, as powers of two, in bytes: Redis's own.
const FIRST_BOUND_LOG: u32 = 15;
const LAST_BOUND_LOG: u32 = 32;
const BUCKETS: usize = (LAST_BOUND_LOG - FIRST_BOUND_LOG) as usize + 2;

/// Below this a limit would leave nobody to talk to, in bytes.
const LIMIT_BYTES_MIN: u64 = 128 * 1024;

/// A session's place in the account.
#[derive(Clone, Copy, Debug, Default)]
pub struct Share {
    bytes: u64,
    /// Bucket and place in it.
    place: Option<(u8, u32)>,
}

/// The account.
#[derive(Default)]
pub struct ClientMemory {
    limit_bytes: u64,
    total_bytes: u64,
    buckets: [Vec<SessionKey>; BUCKETS],
}

impl ClientMemory {
    /// Something is to be counted.
    #[inline]
    pub fn is_limited(&self) -> bool {
        self.limit_bytes > 0
    }

    pub fn is_above(&self) -> bool {
        self.limit_bytes > 0 && self.total_bytes >= self.limit_bytes
    }

    /// One of those who take the most, to within a factor of two.
    pub fn largest(&self) -> Option<SessionKey> {
        self.buckets.iter().rev().find_map(|bucket| bucket.first().copied())
    }
}

fn bucket_of(bytes: u64) -> usize {
    let log = bytes.checked_ilog2().unwrap_or(0);
    if log < FIRST_BOUND_LOG { 0 } else { ((log - FIRST_BOUND_LOG) as usize + 1).min(BUCKETS - 1) }
}

/// What one client takes, by purpose, in bytes.
#[derive(Clone, Copy, Debug, Default)]
pub struct ClientBytes {
    /// Unsent replies: of its own, and referred to.
    pub replies: usize,
    pub shared_replies: usize,
    /// Words of a request that is incomplete or waits.
    pub arguments: usize,
    pub transaction: usize,
    /// All of it, with the session itself, its unread bytes, and what it watches, listens to and tracks.
    pub total: usize,
}

impl Server {
    /// Counts what a client takes.
    pub fn client_bytes(&self, session: &Session) -> ClientBytes {
        let (replies, mut shared_replies) = session.out.memory_usage();
        if session.has(flag::REPLICA) {
            shared_replies += self.replication.waiting_bytes(session.key);
        }
        let waits = session.blocked.as_deref().map_or(0, |blocked| blocked.request.byte_len());
        let arguments = waits + session.progress.memory_usage();
        let transaction = session.transaction.as_deref().map_or(0, |transaction| transaction.queue_bytes);
        let listens = if session.has(flag::SUBSCRIBED) { self.pubsub.bytes_of(session.key) } else { 0 };
        let tracks = if session.has(flag::TRACKING) { self.tracking.bytes_of(session.key) } else { 0 };
        let total = size_of::<Session>()
            + session.text_bytes()
            + session.pending.capacity()
            + session.batch_bytes as usize
            + replies
            + shared_replies
            + arguments
            + transaction
            + session.watched_bytes
            + listens
            + tracks;
        ClientBytes { replies, shared_replies, arguments, transaction, total }
    }

    /// `maxmemory-clients` may have changed: everybody is counted anew, or nobody any more.
    pub(super) fn limit_client_memory(&mut self, limit_bytes: u64) {
        let limit_bytes = if limit_bytes > 0 { limit_bytes.max(LIMIT_BYTES_MIN) } else { 0 };
        if limit_bytes == self.client_memory.limit_bytes {
            return;
        }
        self.client_memory = ClientMemory { limit_bytes, ..ClientMemory::default() };
        self.sessions.iter_mut().for_each(|session| session.share = Share::default());
        let keys: Vec<SessionKey> = self.sessions.iter().map(|session| session.key).collect();
        keys.into_iter().for_each(|key| self.count_client(key));
        self.set_standing(standing::CLIENTS_FULL, self.client_memory.is_above());
    }

    /// Counts a session anew: what it owns may have changed. Who is about to be closed takes nothing.
    #[inline]
    pub fn count_client(&mut self, key: SessionKey) {
        if self.client_memory.is_limited() {
            self.count_limited_client(key);
        }
    }

    fn count_limited_client(&mut self, key: SessionKey) {
        let Some(session) = self.sessions.get(key) else { return };
        // What a replica or a master takes is bounded otherwise.
        let is_leaving = session.has(flag::CLOSE_NOW | flag::MASTER | flag::REPLICA);
        let bytes = if is_leaving { 0 } else { self.client_bytes(session).total as u64 };
        let bucket = (!is_leaving && !session.has(flag::NO_EVICT)).then(|| bucket_of(bytes));
        let before = session.share;
        let mut place = before.place;
        if place.map(|(bucket, _)| bucket as usize) != bucket {
            if let Some((bucket, at)) = place {
                let bucket = &mut self.client_memory.buckets[bucket as usize];
                bucket.swap_remove(at as usize);
                if let Some(&moved) = bucket.get(at as usize) {
                    let moved = self.sessions.get_mut(moved).expect("whoever leaves is taken out of the account first");
                    moved.share.place = moved.share.place.map(|(bucket, _)| (bucket, at));
                }
            }
            place = bucket.map(|bucket| {
                let sessions = &mut self.client_memory.buckets[bucket];
                sessions.push(key);
                (bucket as u8, sessions.len() as u32 - 1)
            });
        }
        self.sessions.get_mut(key).expect("the session at hand").share = Share { bytes, place };
        self.client_memory.total_bytes = self.client_memory.total_bytes - before.bytes + bytes;
        self.set_standing(standing::CLIENTS_FULL, self.client_memory.is_above());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_have_the_bounds_of_redis() {
        for (bytes, bucket) in
            [(0, 0), (32_767, 0), (32_768, 1), (65_535, 1), (65_536, 2), (1 << 32, 18), (1 << 40, 18)]
        {
            assert_eq!(bucket_of(bytes), bucket, "{bytes}");
        }
    }
}
