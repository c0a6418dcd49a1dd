//! All client sessions, by the index of their connection; a key carries a generation, so that one that is gone is not
//! mistaken for the one that took its place.

use super::session::Session;
use crate::base::clock::Ms;
use crate::keyspace::SessionKey;

/// Bits of a key that are the index.
const INDEX_BITS: u32 = 32;

/// Sessions without a connection have indexes from here on: no connection ever has one of them.
const INTERNAL_FROM: usize = 1 << 31;

/// Sessions by connection index.
#[derive(Default)]
pub struct Sessions {
    /// Those that the server made for itself.
    internal: Vec<Option<Box<Session>>>,
    slots: Vec<Option<Box<Session>>>,
    generations: Vec<u32>,
    count: usize,
    next_id: u64,
    /// Sessions with replies to send at the end of this tick.
    pub to_write: Vec<SessionKey>,
    /// Sessions with nothing but messages to send. They come behind those with replies: who has his answer early can ask again
    /// while the others are told, so that the next tick takes more requests together.
    pub to_tell: Vec<SessionKey>,
    /// Sessions that have something to do without waiting for their socket.
    pub to_run: Vec<SessionKey>,
    /// Sessions to be closed.
    pub to_close: Vec<SessionKey>,
}

/// The connection index in a key.
#[inline]
pub fn index_of(key: SessionKey) -> usize {
    (key.0 & ((1 << INDEX_BITS) - 1)) as usize
}

impl Sessions {
    /// A new session for the connection at `index`, which must be free.
    pub fn open(&mut self, index: usize, now: Ms) -> &mut Session {
        if index >= self.slots.len() {
            self.slots.resize_with(index + 1, || None);
            self.generations.resize(index + 1, 0);
        }
        assert!(self.slots[index].is_none(), "one session a connection");
        self.generations[index] = self.generations[index].wrapping_add(1);
        self.next_id += 1;
        self.count += 1;
        let key = SessionKey(index as u64 | u64::from(self.generations[index]) << INDEX_BITS);
        self.slots[index].insert(Box::new(Session::new(key, self.next_id, now)))
    }

    /// A new session without a connection.
    pub fn open_internal(&mut self, now: Ms) -> &mut Session {
        let free = self.internal.iter().position(Option::is_none).unwrap_or(self.internal.len());
        if free == self.internal.len() {
            self.internal.push(None);
        }
        self.next_id += 1;
        self.count += 1;
        // The number of the session is generation enough: it is never used again.
        let key = SessionKey((INTERNAL_FROM + free) as u64 | self.next_id << INDEX_BITS);
        self.internal[free].insert(Box::new(Session::new(key, self.next_id, now)))
    }

    /// Ends a session; its state is given back for those who must still let go of it.
    pub fn close(&mut self, key: SessionKey) -> Option<Box<Session>> {
        self.get(key)?;
        self.count -= 1;
        match index_of(key).checked_sub(INTERNAL_FROM) {
            Some(index) => self.internal[index].take(),
            None => self.slots[index_of(key)].take(),
        }
    }

    #[inline]
    pub fn get(&self, key: SessionKey) -> Option<&Session> {
        let Some(slot) = self.slots.get(index_of(key)) else { return self.get_internal(key) };
        let session = slot.as_deref()?;
        (session.key == key).then_some(session)
    }

    #[inline]
    pub fn get_mut(&mut self, key: SessionKey) -> Option<&mut Session> {
        let Some(slot) = self.slots.get_mut(index_of(key)) else {
            let session = self.internal.get_mut(index_of(key).checked_sub(INTERNAL_FROM)?)?.as_deref_mut()?;
            return (session.key == key).then_some(session);
        };
        let session = slot.as_deref_mut()?;
        (session.key == key).then_some(session)
    }

    #[cold]
    fn get_internal(&self, key: SessionKey) -> Option<&Session> {
        let session = self.internal.get(index_of(key).checked_sub(INTERNAL_FROM)?)?.as_deref()?;
        (session.key == key).then_some(session)
    }

    /// The session of the connection at `index`.
    #[inline]
    pub fn at_mut(&mut self, index: usize) -> Option<&mut Session> {
        self.slots.get_mut(index)?.as_deref_mut()
    }

    pub fn len(&self) -> usize {
        self.count
    }

    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    pub fn iter(&self) -> impl Iterator<Item = &Session> {
        self.slots.iter().chain(&self.internal).filter_map(|slot| slot.as_deref())
    }

    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut Session> {
        self.slots.iter_mut().chain(&mut self.internal).filter_map(|slot| slot.as_deref_mut())
    }

    pub fn find_id(&self, id: u64) -> Option<&Session> {
        self.iter().find(|session| session.id == id)
    }

    /// The id that the next session gets.
    pub fn next_id(&self) -> u64 {
        self.next_id + 1
    }

    /// The session has replies to send.
    #[inline]
    pub fn queue_write(&mut self, key: SessionKey) {
        use super::session::flag::WRITE_QUEUED;
        if let Some(session) = self.get_mut(key)
            && !session.has(WRITE_QUEUED)
        {
            session.set(WRITE_QUEUED);
            self.to_write.push(key);
        }
    }

    /// All who have something to send, in the order in which they are sent it.
    pub fn take_to_write(&mut self) -> Vec<SessionKey> {
        let mut all = std::mem::take(&mut self.to_write);
        all.append(&mut self.to_tell);
        all
    }

    /// The session has bytes to execute, or something to close, without news from its socket.
    pub fn queue_run(&mut self, key: SessionKey) {
        use super::session::flag::RUN_QUEUED;
        if let Some(session) = self.get_mut(key)
            && !session.has(RUN_QUEUED)
        {
            session.set(RUN_QUEUED);
            self.to_run.push(key);
        }
    }

    /// The session is closed at the end of the tick, its unsent replies with it.
    pub fn queue_close(&mut self, key: SessionKey) {
        use super::session::flag::CLOSE_NOW;
        if let Some(session) = self.get_mut(key)
            && !session.has(CLOSE_NOW)
        {
            session.set(CLOSE_NOW);
            self.to_close.push(key);
        }
    }
}
