//! One entry of a pack, and walking from entry to entry in both directions.

use super::{Master, StreamId, head_of, master_of, number};
use crate::structures::list_pack::{Item, PackRef, Position};

/// The entry was removed.
pub(super) const DELETED: i64 = 1;
/// The entry has the fields of the master entry, which are not repeated.
pub(super) const SAME_FIELDS: i64 = 2;
/// Elements of an entry besides fields and values: flags, both deltas.
const HEAD_ELEMENTS: usize = 3;

const WELL_FORMED: &str = "packs of a log are well-formed: made here, or checked when they came in";

/// An entry, borrowed from its pack.
#[derive(Clone, Copy)]
pub struct Entry<'p> {
    pub id: StreamId,
    pack: PackRef<'p>,
    pub(super) flags: i64,
    pub(super) flags_at: Position,
    /// Number of fields.
    pub fields: usize,
    /// The master's first field; `None` when the entry has its own.
    shared_fields: Option<Position>,
    /// The first value, or the first field of its own.
    first: Position,
}

impl<'p> Entry<'p> {
    pub(super) fn is_deleted(&self) -> bool {
        self.flags & DELETED != 0
    }

    /// Fields with their values.
    pub fn pairs(self) -> impl Iterator<Item = (Item<'p>, Item<'p>)> {
        let pack = self.pack;
        let mut field_at = self.shared_fields;
        let mut at = Some(self.first);
        (0..self.fields).map(move |_| {
            let field = match &mut field_at {
                Some(shared) => {
                    let field = pack.get(*shared);
                    *shared = pack.next(*shared).expect(WELL_FORMED);
                    field
                }
                None => {
                    let field = pack.get(at.expect(WELL_FORMED));
                    at = pack.next(at.expect(WELL_FORMED));
                    field
                }
            };
            let value = pack.get(at.expect(WELL_FORMED));
            at = pack.next(at.expect(WELL_FORMED));
            (field, value)
        })
    }

    fn value_elements(&self) -> usize {
        if self.shared_fields.is_some() { self.fields } else { 2 * self.fields }
    }
}

/// A walk through the entries of one pack.
pub(super) struct Walk<'p> {
    first: StreamId,
    pack: PackRef<'p>,
    master: Master,
    /// Forwards: the next entry's first element. Backwards: the closing element of the next entry.
    at: Option<Position>,
}

impl<'p> Walk<'p> {
    pub fn from_front(first: StreamId, pack: PackRef<'p>) -> Walk<'p> {
        let master = master_of(pack);
        let at = master.first_entry;
        Walk { first, pack, master, at }
    }

    /// From the entry that begins at `at`, which may be the end of the pack.
    pub fn from(first: StreamId, pack: PackRef<'p>, at: Position) -> Walk<'p> {
        let master = head_of(pack);
        Walk { first, pack, master, at: pack.unless_end(at) }
    }

    /// Where the next entry begins, or would begin.
    pub fn place(&self) -> Position {
        self.at.unwrap_or(self.pack.end())
    }

    pub fn from_back(first: StreamId, pack: PackRef<'p>) -> Walk<'p> {
        let master = master_of(pack);
        // Without an entry, the last element is the master's own end.
        let at = if master.first_entry.is_some() { pack.last() } else { None };
        Walk { first, pack, master, at }
    }

    /// The entry whose first element is at `flags_at`.
    fn read(&self, flags_at: Position) -> Entry<'p> {
        let pack = self.pack;
        let flags = number(pack, flags_at);
        let ms_at = pack.next(flags_at).expect(WELL_FORMED);
        let seq_at = pack.next(ms_at).expect(WELL_FORMED);
        let behind = pack.next(seq_at).expect(WELL_FORMED);
        let id = StreamId {
            ms: self.first.ms.wrapping_add(number(pack, ms_at) as u64),
            seq: self.first.seq.wrapping_add(number(pack, seq_at) as u64),
        };
        if flags & SAME_FIELDS != 0 {
            let shared_fields = Some(self.master.first_field);
            return Entry { id, pack, flags, flags_at, fields: self.master.fields, shared_fields, first: behind };
        }
        let fields = number(pack, behind) as usize;
        let first = pack.next(behind).expect(WELL_FORMED);
        Entry { id, pack, flags, flags_at, fields, shared_fields: None, first }
    }

    pub fn next_entry(&mut self) -> Option<Entry<'p>> {
        let entry = self.read(self.at?);
        let mut at = entry.first;
        for _ in 0..entry.value_elements() {
            at = self.pack.next(at).expect(WELL_FORMED);
        }
        // `at` is the closing element now.
        self.at = self.pack.next(at);
        Some(entry)
    }

    pub fn prev_entry(&mut self) -> Option<Entry<'p>> {
        let close = self.at?;
        let mut at = close;
        for _ in 0..number(self.pack, close) {
            at = self.pack.prev(at).expect(WELL_FORMED);
        }
        // Before the first entry stands the zero that closes the master entry.
        let before = self.pack.prev(at).expect(WELL_FORMED);
        self.at = if Some(at) == self.master.first_entry { None } else { Some(before) };
        Some(self.read(at))
    }
}

/// Elements of an entry before the one that closes it.
pub(super) fn elements(fields: usize, has_same_fields: bool) -> i64 {
    let values = if has_same_fields { fields } else { 2 * fields + 1 };
    (HEAD_ELEMENTS + values) as i64
}

/// Checks a foreign pack from end to end; the number of its live entries, or `None` when it is no block of a stream.
pub(super) fn count_checked(first: StreamId, pack: PackRef<'_>) -> Option<u64> {
    let int = |at: Position| match pack.get(at) {
        Item::Int(number) => Some(number),
        Item::Bytes(_) => None,
    };
    let skip = |mut at: Position, count: usize| {
        // A count beyond the pack's elements ends at its end.
        for _ in 0..count {
            at = pack.next(at)?;
        }
        Some(at)
    };
    let count_at = pack.first()?;
    let deleted_at = pack.next(count_at)?;
    let fields_at = pack.next(deleted_at)?;
    let (count, deleted, fields) = (int(count_at)?, int(deleted_at)?, int(fields_at)?);
    if count < 0 || deleted < 0 || fields <= 0 {
        return None;
    }
    let zero_at = skip(pack.next(fields_at)?, usize::try_from(fields).ok()?)?;
    if int(zero_at)? != 0 {
        return None;
    }
    let (mut live, mut dead) = (0, 0);
    let mut last = None;
    let mut next = pack.next(zero_at);
    while let Some(flags_at) = next {
        let flags = int(flags_at)?;
        let ms_at = pack.next(flags_at)?;
        let seq_at = pack.next(ms_at)?;
        let id = StreamId {
            ms: first.ms.wrapping_add(int(ms_at)? as u64),
            seq: first.seq.wrapping_add(int(seq_at)? as u64),
        };
        let behind = pack.next(seq_at)?;
        let (close_at, expected) = if flags & SAME_FIELDS != 0 {
            (skip(behind, fields as usize)?, elements(fields as usize, true))
        } else {
            let own = usize::try_from(int(behind)?).ok()?;
            (skip(pack.next(behind)?, own.checked_mul(2)?)?, elements(own, false))
        };
        if int(close_at)? != expected || last.is_some_and(|last| last >= id) || id < first {
            return None;
        }
        last = Some(id);
        if flags & DELETED != 0 {
            dead += 1
        } else {
            live += 1
        }
        next = pack.next(close_at);
    }
    (live == count && dead == deleted).then_some(live as u64)
}
