//! Reading a list pack, whoever owns its bytes.
//!
//! Invariant: the bytes were validated, or written by this folder. So walking needs no bounds: every entry lies inside,
//! its closing length is true, and the end byte stops the walk.

use super::entry::{self, END, Item, foreign_len, read_backlen};
use super::{Corrupt, HEADER, LEN_UNKNOWN, Position};
use crate::base::number::parse_i64;
use std::marker::PhantomData;

/// A list pack that somebody else owns.
#[derive(Clone, Copy)]
pub struct PackRef<'a> {
    start: *const u8,
    owner: PhantomData<&'a [u8]>,
}

// Safety: a shared reference to plain bytes.
unsafe impl Send for PackRef<'_> {}
unsafe impl Sync for PackRef<'_> {}

impl<'a> PackRef<'a> {
    /// Takes foreign bytes for a pack after looking at every one of them: the size in the header, each entry within bounds,
    /// each closing length, the end byte, and the count.
    pub fn validated(bytes: &'a [u8]) -> Result<PackRef<'a>, Corrupt> {
        let header = bytes.get(..HEADER).ok_or(Corrupt)?;
        let total = u32::from_le_bytes([header[0], header[1], header[2], header[3]]) as usize;
        let count = u16::from_le_bytes([header[4], header[5]]);
        if total != bytes.len() {
            return Err(Corrupt);
        }
        let mut at = HEADER;
        let mut seen = 0usize;
        while *bytes.get(at).ok_or(Corrupt)? != END {
            let len = foreign_len(&bytes[at..]).ok_or(Corrupt)?;
            let next = at + len + entry::backlen_size(len);
            if next >= bytes.len() {
                return Err(Corrupt);
            }
            // Safety: `next - 1` is in bounds and at least seven bytes into the slice.
            if unsafe { read_backlen(bytes.as_ptr().add(next - 1)) } != Some(len) {
                return Err(Corrupt);
            }
            at = next;
            seen += 1;
        }
        if at + 1 != bytes.len() || (count != LEN_UNKNOWN && usize::from(count) != seen) {
            return Err(Corrupt);
        }
        Ok(PackRef { start: bytes.as_ptr(), owner: PhantomData })
    }

    /// # Safety
    /// A valid pack begins at `start` and stays unchanged for `'a`.
    #[inline(always)]
    pub(crate) unsafe fn at(start: *const u8) -> PackRef<'a> {
        PackRef { start, owner: PhantomData }
    }

    /// Size of the pack, header and end byte included.
    #[inline]
    pub fn byte_size(self) -> usize {
        // Safety: every pack has a header.
        u32::from_le_bytes(unsafe { *self.start.cast() }) as usize
    }

    #[inline]
    pub fn as_bytes(self) -> &'a [u8] {
        // Safety: the header's size is that of the pack.
        unsafe { std::slice::from_raw_parts(self.start, self.byte_size()) }
    }

    /// Number of elements; past 65,534 they have to be counted.
    #[inline]
    pub fn len(self) -> usize {
        match self.header_count() {
            LEN_UNKNOWN => self.iter().count(),
            count => usize::from(count),
        }
    }

    #[inline]
    pub(super) fn header_count(self) -> u16 {
        // Safety: every pack has a header.
        u16::from_le_bytes(unsafe { *self.start.add(4).cast() })
    }

    #[inline]
    pub fn is_empty(self) -> bool {
        self.byte_at(Position(HEADER as u32)) == END
    }

    #[inline(always)]
    fn pointer(self, position: Position) -> *const u8 {
        debug_assert!((position.0 as usize) < self.byte_size(), "a position belongs to the pack that gave it");
        // Safety: positions come from this folder and lie within the pack.
        unsafe { self.start.add(position.0 as usize) }
    }

    #[inline(always)]
    fn byte_at(self, position: Position) -> u8 {
        unsafe { *self.pointer(position) }
    }

    /// The position, unless it is the end.
    #[inline]
    pub(crate) fn unless_end(self, position: Position) -> Option<Position> {
        if self.byte_at(position) == END { None } else { Some(position) }
    }

    #[inline]
    pub fn first(self) -> Option<Position> {
        self.unless_end(Position(HEADER as u32))
    }

    #[inline]
    pub fn last(self) -> Option<Position> {
        self.prev(self.end())
    }

    /// Where the end byte is: what comes before it is the last element.
    #[inline]
    pub(crate) fn end(self) -> Position {
        Position((self.byte_size() - 1) as u32)
    }

    #[inline]
    pub fn next(self, position: Position) -> Option<Position> {
        self.unless_end(self.after(position))
    }

    /// Where the entry at `position` ends: at the next one, or at the end byte.
    #[inline]
    pub(crate) fn after(self, position: Position) -> Position {
        // Safety: an entry begins at a position.
        Position(position.0 + unsafe { entry::size_at(self.pointer(position)) } as u32)
    }

    #[inline]
    pub fn prev(self, position: Position) -> Option<Position> {
        if position.0 as usize == HEADER {
            return None;
        }
        // Safety: an entry ends just before this position, so at least a header and two bytes precede it.
        let len = unsafe { read_backlen(self.pointer(position).sub(1)) }.expect("closing lengths were checked");
        Some(Position(position.0 - (len + entry::backlen_size(len)) as u32))
    }

    /// The element at `index`, from the front or, below zero, from the back.
    pub fn seek(self, index: i64) -> Option<Position> {
        let len = match self.header_count() {
            LEN_UNKNOWN => return self.seek_uncounted(index),
            count => usize::from(count),
        };
        let index = if index < 0 { index.saturating_add(len as i64) } else { index };
        self.seek_in(usize::try_from(index).ok()?, len)
    }

    /// The element at `index` in a pack known to have `len` elements.
    pub(crate) fn seek_in(self, index: usize, len: usize) -> Option<Position> {
        if index >= len {
            None
        } else if index <= len / 2 {
            self.walk(self.first(), index as i64, PackRef::next)
        } else {
            self.walk(self.last(), (len - 1 - index) as i64, PackRef::prev)
        }
    }

    /// How many elements come before the one at `position`, or before the end.
    pub(crate) fn count_before(self, position: Position) -> usize {
        let mut at = Position(HEADER as u32);
        let mut count = 0;
        while at < position {
            at = self.after(at);
            count += 1;
        }
        count
    }

    fn seek_uncounted(self, index: i64) -> Option<Position> {
        if index < 0 {
            self.walk(self.last(), -1 - index, PackRef::prev)
        } else {
            self.walk(self.first(), index, PackRef::next)
        }
    }

    #[inline]
    fn walk(
        self,
        mut position: Option<Position>,
        steps: i64,
        step: impl Fn(Self, Position) -> Option<Position>,
    ) -> Option<Position> {
        for _ in 0..steps {
            position = step(self, position?);
        }
        position
    }

    #[inline]
    pub fn get(self, position: Position) -> Item<'a> {
        // Safety: an entry begins at a position.
        unsafe { entry::decode(self.pointer(position)) }.0
    }

    /// The first element equal to `value` at `start` or after it, where `skip` elements are passed over after each one looked at:
    /// with 1, only fields of field-value pairs are looked at.
    #[inline]
    pub fn find(self, start: Position, value: &[u8], skip: usize) -> Option<Position> {
        match parse_i64(value) {
            Some(number) => self.find_by(start, skip, |item| match item {
                Item::Int(stored) => stored == number,
                // Bytes that read as this number occur only in packs that others wrote.
                Item::Bytes(stored) => stored == value,
            }),
            None => self.find_by(start, skip, |item| matches!(item, Item::Bytes(stored) if stored == value)),
        }
    }

    #[inline(always)]
    fn find_by(self, start: Position, skip: usize, is_match: impl Fn(Item<'a>) -> bool) -> Option<Position> {
        let mut at = self.pointer(start);
        loop {
            // Safety: the walk stays on entries of a valid pack and stops at its end byte.
            unsafe {
                if *at == END {
                    return None;
                }
                let (item, len) = entry::decode(at);
                if is_match(item) {
                    return Some(Position(at.offset_from(self.start) as u32));
                }
                at = at.add(len + entry::backlen_size(len));
                for _ in 0..skip {
                    if *at == END {
                        return None;
                    }
                    at = at.add(entry::size_at(at));
                }
            }
        }
    }

    #[inline]
    pub fn iter(self) -> Iter<'a> {
        self.iter_from(Position(HEADER as u32))
    }

    /// From the element at `position` to the last.
    #[inline]
    pub fn iter_from(self, position: Position) -> Iter<'a> {
        Iter { at: self.pointer(position), owner: PhantomData }
    }

    /// From the last element to the first.
    #[inline]
    pub fn iter_rev(self) -> IterRev<'a> {
        IterRev { pack: self, before: self.end() }
    }

    /// From the element at `position` back to the first.
    #[inline]
    pub fn iter_rev_from(self, position: Position) -> IterRev<'a> {
        IterRev { pack: self, before: self.after(position) }
    }

    /// Elements two by two, as hashes and sorted sets store them; a last one without a partner is left out.
    #[inline]
    pub fn pairs(self) -> impl Iterator<Item = (Item<'a>, Item<'a>)> {
        let mut items = self.iter();
        std::iter::from_fn(move || Some((items.next()?, items.next()?)))
    }
}

/// Elements front to back.
#[derive(Clone)]
pub struct Iter<'a> {
    /// The next entry, or the end byte.
    at: *const u8,
    owner: PhantomData<&'a [u8]>,
}

impl Iter<'_> {
    /// # Safety
    /// `at` is where an entry of a valid pack begins, or an end byte, and stays so for the iterator's life.
    pub(crate) unsafe fn at(at: *const u8) -> Self {
        Iter { at, owner: PhantomData }
    }
}

/// Strings of one length, one behind the other: where each one stands follows from the first, so that a reader need not wait
/// for the head of one entry to find the next.
#[derive(Clone, Copy)]
pub struct Run<'a> {
    /// Whole entries: head, string, closing length.
    pub entries: &'a [u8],
    /// Bytes from one entry to the next.
    pub stride: usize,
    /// Bytes of each string, which begins behind its entry's head of one byte.
    pub len: usize,
}

impl Run<'_> {
    /// Bytes of an entry before its string.
    pub const HEAD: usize = 1;

    #[inline]
    pub fn count(&self) -> usize {
        self.entries.len() / self.stride
    }
}

impl<'a> Iter<'a> {
    /// The strings of one length, up to 63 bytes each and `count_max` of them, that come next; `None` when something else does.
    #[inline]
    pub fn next_run(&mut self, count_max: usize) -> Option<Run<'a>> {
        // Safety: the walk stays on entries of a valid pack: behind an entry stands another or the end byte, and an entry
        // with this head is `stride` long.
        unsafe {
            let head = *self.at;
            let len = entry::short_string_len(head)?;
            let stride = Run::HEAD + len + entry::backlen_size(Run::HEAD + len);
            let mut count = 1;
            while count < count_max && *self.at.add(count * stride) == head {
                count += 1;
            }
            let entries = std::slice::from_raw_parts(self.at, count * stride);
            self.at = self.at.add(count * stride);
            Some(Run { entries, stride, len })
        }
    }
}

impl<'a> Iterator for Iter<'a> {
    type Item = Item<'a>;

    #[inline(always)]
    fn next(&mut self) -> Option<Item<'a>> {
        // Safety: the pack is valid and unchanged for 'a; the walk stops at its end byte.
        unsafe {
            if *self.at == END {
                return None;
            }
            let (item, len) = entry::decode(self.at);
            self.at = self.at.add(len + entry::backlen_size(len));
            Some(item)
        }
    }
}

/// Elements back to front.
#[derive(Clone)]
pub struct IterRev<'a> {
    pack: PackRef<'a>,
    before: Position,
}

impl<'a> Iterator for IterRev<'a> {
    type Item = Item<'a>;

    #[inline]
    fn next(&mut self) -> Option<Item<'a>> {
        self.before = self.pack.prev(self.before)?;
        Some(self.pack.get(self.before))
    }
}
