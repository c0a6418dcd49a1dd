//! Strings that are edited in place, through the door: their bytes change where they stand, and grow or shrink there.
//!
//! A closure is given the string under the door's hand (`StringEdit`), looks at it, changes it or leaves it, and says what
//! that counts for; then the change is told as `door` tells every change. As soon as a closure takes hold of the bytes to
//! change them, the string is `raw`: an integer becomes its text, and a buffer that a reply still holds is copied.

use std::ptr::NonNull;

use super::db::{Db, Key};
use super::door::StringValue;
use super::entry::{Entry, EntryBox, EntryMut, EntryRef, INLINE_BYTES_MAX, Repr, Str};
use super::event::Event;
use super::eviction;
use crate::base::shared_bytes::SharedBytes;
use crate::value::{Kind, WrongType};

/// A string while it is edited.
pub struct StringEdit<'d> {
    db: &'d mut Db,
    key: Key<'d>,
    at: NonNull<Entry>,
    is_new: bool,
    dirty: u64,
    event: Option<Event>,
}

const IS_STRING: &str = "the type was asked before the edit began, and stays";
const IS_BYTES: &str = "a raw string is inline or shared";

impl Db {
    /// Edits the string at `key`, made as `blank` says if there is none. What `change` records is told, unless it fails.
    #[inline]
    pub fn edit_or_create_string<'v, R, E: From<WrongType>>(
        &mut self,
        key: Key<'_>,
        blank: impl FnOnce() -> StringValue<'v>,
        change: impl FnOnce(&mut StringEdit<'_>) -> Result<R, E>,
    ) -> Result<R, E> {
        match self.live(key) {
            Some(at) => {
                self.mark_used(at);
                self.edit_string_at(key, at, false, change)
            }
            None => {
                let access = eviction::access_of_new(&self.rules);
                let entry = Self::string_entry(key.bytes, blank(), false, access);
                let at = self.insert(key, entry);
                self.edit_string_at(key, at, true, change)
            }
        }
    }

    /// Edits the string at `key` for a command that mostly reads it: counted as hit or miss; `None` if there is none.
    #[inline]
    pub fn edit_read_string<R, E: From<WrongType>>(
        &mut self,
        key: Key<'_>,
        change: impl FnOnce(&mut StringEdit<'_>) -> Result<R, E>,
    ) -> Result<Option<R>, E> {
        let Some(at) = self.look(key) else { return Ok(None) };
        self.mark_used(at);
        self.edit_string_at(key, at, false, change).map(Some)
    }

    /// Edits a string's bytes: made if absent, grown with zeros to at least `len_min` bytes. One change, with `event`. Gives
    /// back the new length.
    pub fn edit_string(
        &mut self,
        key: Key<'_>,
        len_min: usize,
        event: Event,
        change: impl FnOnce(&mut [u8]),
    ) -> Result<usize, WrongType> {
        self.edit_or_create_string(
            key,
            || StringValue::zeros(len_min),
            |string| {
                string.grow(len_min);
                change(string.bytes_mut());
                string.record(event, 1);
                Ok(string.bytes().len())
            },
        )
    }

    #[inline]
    fn edit_string_at<R, E: From<WrongType>>(
        &mut self,
        key: Key<'_>,
        at: NonNull<Entry>,
        is_new: bool,
        change: impl FnOnce(&mut StringEdit<'_>) -> Result<R, E>,
    ) -> Result<R, E> {
        // Safety: the entry is in our table, and `self` is borrowed exclusively.
        let before = unsafe { EntryRef::from_raw(at) }.string()?.len();
        let mut edit = StringEdit { db: self, key, at, is_new, dirty: 0, event: None };
        let result = change(&mut edit);
        let StringEdit { at, dirty, event, .. } = edit;
        // Safety: as above; the entry may be another one by now.
        let after = unsafe { EntryRef::from_raw(at) }.string().ok().expect(IS_STRING).len();
        if before != after {
            self.key_sizes.change(Kind::String, before, after);
        }
        if dirty > 0 && result.is_ok() {
            self.changed(key.bytes, true, dirty);
            if let Some(event) = event {
                self.notice(key.bytes, event);
            }
        }
        result
    }
}

impl StringEdit<'_> {
    #[inline]
    fn entry(&self) -> EntryRef<'_> {
        // Safety: `at` is in the table of `db`, which is borrowed exclusively.
        unsafe { EntryRef::from_raw(self.at) }
    }

    #[inline]
    fn entry_mut(&mut self) -> EntryMut<'_> {
        // Safety: as in `entry`, and `self` is borrowed exclusively.
        unsafe { EntryMut::from_raw(self.at) }
    }

    /// The string as it is.
    #[inline]
    pub fn string(&self) -> Str<'_> {
        self.entry().string().ok().expect(IS_STRING)
    }

    /// The string's bytes; none of one that is stored as a number.
    #[inline]
    pub fn bytes(&self) -> &[u8] {
        match self.string() {
            Str::Bytes(bytes) => bytes,
            Str::Shared(bytes) => bytes,
            Str::Int(_) => &[],
        }
    }

    /// Whether the key was not there before.
    #[inline]
    pub fn is_new(&self) -> bool {
        self.is_new
    }

    /// `count` changes that one event stands for.
    #[inline]
    pub fn record(&mut self, event: Event, count: u64) {
        self.dirty += count;
        self.event = Some(event);
    }

    /// Changes without an event.
    #[inline]
    pub fn count(&mut self, count: u64) {
        self.dirty += count;
    }

    /// From now on the string is `raw`, and no number.
    #[inline]
    pub fn make_raw(&mut self) {
        if self.entry().repr() == Repr::Int {
            let text = self.string().to_vec();
            self.swap_for(|key, with_deadline, access| EntryBox::inline(key, &text, with_deadline, access));
        }
        self.entry_mut().mark_edited();
    }

    /// The bytes, to be changed in place.
    #[inline]
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        self.make_raw();
        if self.entry().repr() == Repr::Shared {
            self.entry_mut().shared().expect(IS_BYTES).make_mut()
        } else {
            self.entry_mut().inline_bytes().expect(IS_BYTES)
        }
    }

    /// Makes it at least so long, with zeros. Says whether it was shorter.
    #[inline]
    pub fn grow(&mut self, len_min: usize) -> bool {
        self.make_raw();
        let len = self.bytes().len();
        if len >= len_min {
            return false;
        }
        self.lengthen(len, len_min);
        true
    }

    fn lengthen(&mut self, from: usize, to: usize) {
        if let Some(shared) = self.entry_mut().shared() {
            shared.resize(to);
        } else if to <= INLINE_BYTES_MAX {
            let zeros = [0; INLINE_BYTES_MAX];
            self.splice(from, 0, &zeros[..to - from]);
        } else {
            let mut longer = SharedBytes::zeroed(to);
            longer.make_mut()[..from].copy_from_slice(self.bytes());
            self.replace(longer);
        }
    }

    /// Puts other bytes in the place of a part, which lies inside.
    pub fn splice(&mut self, at: usize, removed: usize, inserted: &[u8]) {
        self.make_raw();
        let len = self.bytes().len();
        let end = at + removed;
        assert!(end <= len, "the part lies inside");
        let new_len = len - removed + inserted.len();
        if let Some(shared) = self.entry_mut().shared() {
            if new_len > len {
                shared.resize(new_len);
            }
            let bytes = shared.make_mut();
            bytes.copy_within(end..len, at + inserted.len());
            bytes[at..][..inserted.len()].copy_from_slice(inserted);
            if new_len < len {
                shared.resize(new_len);
            }
        } else if self.entry_mut().try_splice_inline(at, removed, inserted) {
        } else if new_len <= INLINE_BYTES_MAX {
            let mut whole = [0; INLINE_BYTES_MAX];
            let bytes = self.bytes();
            whole[..at].copy_from_slice(&bytes[..at]);
            whole[at..][..inserted.len()].copy_from_slice(inserted);
            whole[at + inserted.len()..new_len].copy_from_slice(&bytes[end..]);
            let whole = &whole[..new_len];
            self.swap_for(|key, with_deadline, access| EntryBox::inline(key, whole, with_deadline, access));
            self.entry_mut().mark_edited();
        } else {
            let mut whole = SharedBytes::with_capacity(new_len);
            let bytes = self.bytes();
            whole.extend_from_slice(&bytes[..at]);
            whole.extend_from_slice(inserted);
            whole.extend_from_slice(&bytes[end..]);
            self.replace(whole);
        }
    }

    /// Puts another string in its place.
    pub fn replace(&mut self, bytes: SharedBytes) {
        match self.entry_mut().shared() {
            Some(shared) => *shared = bytes,
            None => self.swap_for(|key, with_deadline, access| EntryBox::shared(key, bytes, with_deadline, access)),
        }
        self.entry_mut().mark_edited();
    }

    /// Puts another entry for the key in the place of the present one, with its deadline and its use.
    fn swap_for(&mut self, make: impl FnOnce(&[u8], bool, u32) -> EntryBox) {
        let (deadline, access) = (self.entry().deadline(), self.entry().access());
        let new = make(self.key.bytes, deadline.is_some(), access).into_raw();
        if deadline.is_some() {
            self.db.disarm(self.at);
        }
        self.db.table.replace(self.key.hash, self.at, new);
        // Safety: the old entry left table and wheel.
        drop(unsafe { EntryBox::from_raw(self.at) });
        if let Some(ms) = deadline {
            self.db.arm(new, ms);
        }
        self.at = new;
    }
}

impl<'v> StringValue<'v> {
    /// These bytes, `raw`: a short string is copied into its entry, a long one is the value as it is.
    pub fn raw(bytes: &'v SharedBytes) -> StringValue<'v> {
        if bytes.len() <= INLINE_BYTES_MAX { StringValue::Raw(bytes) } else { StringValue::Shared(bytes.clone()) }
    }

    /// So many zeros, `raw`.
    pub fn zeros(len: usize) -> StringValue<'v> {
        const ZEROS: &[u8] = &[0; INLINE_BYTES_MAX];
        match ZEROS.get(..len) {
            Some(zeros) => StringValue::Raw(zeros),
            None => StringValue::Shared(SharedBytes::zeroed(len)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::random::Random;
    use crate::keyspace::event::class;
    use crate::keyspace::{Deadline, event};

    const EDITED: Event = event::event(class::STRING, "edited");

    #[test]
    fn a_model_test_against_a_vector() {
        let mut random = Random::new(12);
        for with_deadline in [false, true] {
            let mut db = Db::new(0, 1000, 1);
            let key = Key::new(b"a key");
            let mut model = b"12345".to_vec();
            let deadline = if with_deadline { Deadline::At(1_000_000) } else { Deadline::Clear };
            db.set_string(key, StringValue::encode(&model), deadline, event::SET);
            for _ in 0..3000 {
                let reply = match db.peek(key).expect("it is there").string() {
                    Ok(Str::Shared(shared)) if random.below(5) == 0 => Some((shared.clone(), shared.to_vec())),
                    _ => None,
                };
                let edited: Result<(), WrongType> = db.edit_or_create_string(
                    key,
                    || unreachable!("it is there"),
                    |string| {
                        match random.below(5) {
                            0 => {
                                let len = random.below(1800) as usize;
                                assert_eq!(string.grow(len), model.len() < len);
                                model.resize(model.len().max(len), 0);
                            }
                            1 => {
                                let whole = vec![random.below(256) as u8; random.below(1800) as usize];
                                string.replace(SharedBytes::from_slice(&whole));
                                model = whole;
                            }
                            2 => {
                                string.bytes_mut().iter_mut().for_each(|byte| *byte ^= 0x55);
                                model.iter_mut().for_each(|byte| *byte ^= 0x55);
                            }
                            _ => {
                                let at = random.below(model.len() as u64 + 1) as usize;
                                let removed = random.below((model.len() - at) as u64 + 1) as usize;
                                let inserted = vec![random.below(256) as u8; random.below(40) as usize];
                                string.splice(at, removed, &inserted);
                                model.splice(at..at + removed, inserted);
                            }
                        }
                        string.count(1);
                        Ok(())
                    },
                );
                assert!(edited.is_ok());
                let entry = db.peek(key).expect("it is there");
                assert_eq!(entry.string().ok().expect("a string").to_vec(), model);
                assert_eq!(entry.encoding(), "raw");
                assert_eq!(entry.deadline(), with_deadline.then_some(1_000_000));
                if let Some((shared, bytes)) = reply {
                    assert_eq!(shared.to_vec(), bytes, "a reply under way keeps its bytes");
                }
                let sizes: Vec<(u64, i64)> = db.key_sizes().bins(Kind::String).collect();
                let bin = if model.is_empty() { 0 } else { 1 << model.len().ilog2() };
                assert_eq!(sizes, [(bin, 1)]);
            }
            assert_eq!(db.volatile_len(), usize::from(with_deadline));
        }
    }

    #[test]
    fn what_only_looks_leaves_no_trace() {
        let mut db = Db::new(0, 1000, 1);
        let key = Key::new(b"k");
        db.set_string(key, StringValue::encode(b"77"), Deadline::Clear, event::SET);
        let dirty = db.effects.dirty;
        let seen = db.edit_read_string(key, |string| Ok::<_, WrongType>(string.string().to_vec()));
        assert_eq!(seen, Ok(Some(b"77".to_vec())));
        assert_eq!(db.peek(key).expect("it is there").encoding(), "int");
        assert_eq!((db.effects.dirty, db.counters.hits), (dirty, 1));
        assert_eq!(db.edit_read_string(Key::new(b"none"), |_| Ok::<_, WrongType>(())), Ok(None));
        let failed: Result<(), WrongType> = db.edit_or_create_string(
            key,
            || unreachable!("it is there"),
            |string| {
                string.record(EDITED, 1);
                Err(WrongType)
            },
        );
        assert!(failed.is_err() && db.effects.dirty == dirty);
    }
}
