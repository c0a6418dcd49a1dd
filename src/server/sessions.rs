//! All client sessions, by the index of their connection; a key carries a generation, so that one that is gone is not
//! mistaken for the one that took its place.

use super::session::Session;
use crate::base::clock::Ms;
use crate::keyspace::SessionKey;

/// Bits of a key that are the index.
const INDEX_BITS: u32 = 32;

/// Sessions by connection index.
#[derive(Default)]
pub struct Sessions {
    slots: Vec<Option<Box<Session>>>,
    generations: Vec<u32>,
    count: usize,
    /// The client without a socket, while there is one: it is in no list and counts for nothing.
    internal: Option<Box<Session>>,
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

/// The key of the client without a socket: its index is none that a connection can have.
const INTERNAL: SessionKey = SessionKey(u64::MAX);

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

    /// Ends a session; its state is given back for those who must still let go of it.
    pub fn close(&mut self, key: SessionKey) -> Option<Box<Session>> {
        self.get(key)?;
        self.count -= 1;
        self.slots[index_of(key)].take()
    }

    /// The client in whose name the server itself runs commands: one at a time.
    pub fn open_internal(&mut self, now: Ms) -> SessionKey {
        debug_assert!(self.internal.is_none(), "one at a time");
        let mut session = Box::new(Session::new(INTERNAL, 0, now));
        session.set(super::session::flag::INTERNAL | super::session::flag::AUTHENTICATED);
        self.internal = Some(session);
        INTERNAL
    }

    pub fn close_internal(&mut self, key: SessionKey) {
        debug_assert!(key == INTERNAL, "the one that `open_internal` gave");
        self.internal = None;
    }

    #[inline]
    pub fn get(&self, key: SessionKey) -> Option<&Session> {
        let Some(slot) = self.slots.get(index_of(key)) else {
            return self.internal.as_deref().filter(|session| session.key == key);
        };
        let session = slot.as_deref()?;
        (session.key == key).then_some(session)
    }

    #[inline]
    pub fn get_mut(&mut self, key: SessionKey) -> Option<&mut Session> {
        let Some(slot) = self.slots.get_mut(index_of(key)) else {
            return self.internal.as_deref_mut().filter(|session| session.key == key);
        };
        let session = slot.as_deref_mut()?;
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
        self.slots.iter().filter_map(|slot| slot.as_deref())
    }

    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut Session> {
        self.slots.iter_mut().filter_map(|slot| slot.as_deref_mut())
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
