//! A set of byte strings that owns them: the table over one thin allocation a member.
//!
//! ```text
//! member: [ length ][ bytes ]        a length of one byte below 128; 10 bytes of text take 11, a size class of 16
//! ```
//! Invariants: whatever the table points to was made by `Member::allocate` and is freed when it is taken out;
//! `member_bytes` is the sum of their size classes.

use super::length::Length;
use super::table::{self, Element, Table};
use super::thin::size_class;
use crate::base::hash::hash;
use crate::base::random::Random;
use std::alloc::{self, Layout};
use std::ptr::NonNull;

/// The first byte of a member's allocation; never moved or copied by itself.
struct Member(#[expect(dead_code, reason = "read through pointers only")] u8);

// Safety: `layout` asks for an alignment of 8; a member's bytes are written once, before it enters a table.
unsafe impl Element for Member {
    #[inline]
    unsafe fn key<'a>(member: NonNull<Member>) -> &'a [u8] {
        // Safety: the length stands first, and tells how many bytes follow it.
        unsafe {
            let at = member.as_ptr().cast::<u8>();
            let (len, head) = Length::read(at);
            std::slice::from_raw_parts(at.add(head), len)
        }
    }
}

impl Member {
    fn layout(size: usize) -> Layout {
        Layout::from_size_align(size, 8).expect("a member is no larger than the slice it was made of, and a head")
    }

    fn allocate(text: &[u8]) -> NonNull<Member> {
        let head = Length::of(text.len());
        let head = head.as_bytes();
        let layout = Member::layout(head.len() + text.len());
        // Safety: the layout is not empty, and has room for head and text.
        unsafe {
            let Some(start) = NonNull::new(alloc::alloc(layout)) else { alloc::handle_alloc_error(layout) };
            start.as_ptr().copy_from_nonoverlapping(head.as_ptr(), head.len());
            start.as_ptr().add(head.len()).copy_from_nonoverlapping(text.as_ptr(), text.len());
            start.cast()
        }
    }

    /// Bytes asked for.
    unsafe fn size(member: NonNull<Member>) -> usize {
        // Safety: as for `key`.
        let (len, head) = unsafe { Length::read(member.as_ptr().cast::<u8>()) };
        head + len
    }

    /// Frees a member that is in no table any more; returns its size class.
    unsafe fn free(member: NonNull<Member>) -> usize {
        // Safety: made by `allocate` with this layout.
        unsafe {
            let size = Member::size(member);
            alloc::dealloc(member.as_ptr().cast(), Member::layout(size));
            size_class(size)
        }
    }
}

/// See the head of the file.
#[derive(Default)]
pub struct MemberSet {
    table: Table<Member>,
    member_bytes: usize,
}

impl MemberSet {
    pub fn new() -> MemberSet {
        MemberSet::default()
    }

    #[inline]
    pub fn len(&self) -> usize {
        self.table.len()
    }

    #[inline]
    pub fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    /// Bytes of heap, by size class: the table and every member.
    pub fn allocated_bytes(&self) -> usize {
        self.table.bytes() + self.member_bytes
    }

    /// Makes room for `additional` more members.
    pub fn reserve(&mut self, additional: usize) {
        self.table.reserve(additional);
    }

    /// While a child shares the memory: see `Table::set_hold`.
    pub fn set_hold(&mut self, hold: bool) {
        self.table.set_hold(hold);
    }

    #[inline]
    pub fn contains(&self, member: &[u8]) -> bool {
        self.table.find(hash(member), member).is_some()
    }

    /// Starts loading what `contains`, `add` or `remove` of a member of this hash will read first.
    #[inline]
    pub fn prefetch_place(&self, hash: u64) {
        self.table.prefetch_bucket(hash);
    }

    /// Starts loading the member itself; its place should be near by now.
    #[inline]
    pub fn prefetch_member(&self, hash: u64) {
        self.table.prefetch_element(hash);
    }

    /// `contains` for one who has the member's hash already.
    #[inline]
    pub fn contains_hashed(&self, hash: u64, member: &[u8]) -> bool {
        self.table.find(hash, member).is_some()
    }

    /// Adds a member; false when it was there.
    pub fn add(&mut self, member: &[u8]) -> bool {
        let hash = hash(member);
        if self.table.find(hash, member).is_some() {
            return false;
        }
        let element = Member::allocate(member);
        // Safety: just made.
        self.member_bytes += size_class(unsafe { Member::size(element) });
        self.table.insert(hash, element);
        true
    }

    /// Removes a member; false when it was not there.
    pub fn remove(&mut self, member: &[u8]) -> bool {
        let Some(element) = self.table.remove(hash(member), member) else { return false };
        // Safety: it has left the table.
        self.member_bytes -= unsafe { Member::free(element) };
        true
    }

    /// Members in the table's order.
    pub fn iter(&self) -> Iter<'_> {
        Iter(self.table.iter())
    }

    /// A member drawn with equal chances.
    pub fn sample(&self, random: &mut Random) -> Option<&[u8]> {
        // Safety: members live as long as they are in the table, which is borrowed.
        self.table.sample(random).map(|element| unsafe { Member::key(element) })
    }

    /// Shows a member drawn with equal chances to `show`, then removes it.
    pub fn pop_sample<R>(&mut self, random: &mut Random, show: impl FnOnce(&[u8]) -> R) -> Option<R> {
        let element = self.table.sample(random)?;
        // Safety: the member lives until it is freed, last.
        let text = unsafe { Member::key(element) };
        let shown = show(text);
        self.table.remove_element(hash(text), element);
        self.member_bytes -= unsafe { Member::free(element) };
        Some(shown)
    }

    /// One step of a scan: see `Table::scan`.
    pub fn scan(&self, cursor: u64, visit: &mut dyn FnMut(&[u8])) -> u64 {
        // Safety: members live as long as they are in the table, which is borrowed.
        self.table.scan(cursor, &mut |element| visit(unsafe { Member::key(element) }))
    }

    /// Frees up to `budget` members; true when none is left.
    pub fn free_some(&mut self, budget: usize) -> bool {
        let mut freed = 0;
        // Safety: what is shown has left the table.
        let empty = self.table.pop_some(budget, &mut |element| freed += unsafe { Member::free(element) });
        self.member_bytes -= freed;
        empty
    }
}

/// See `MemberSet::iter`.
pub struct Iter<'a>(table::Iter<'a, Member>);

impl<'a> Iterator for Iter<'a> {
    type Item = &'a [u8];

    #[inline]
    fn next(&mut self) -> Option<&'a [u8]> {
        // Safety: members live as long as they are in the table, which is borrowed.
        self.0.next().map(|element| unsafe { Member::key(element) })
    }
}

impl Clone for MemberSet {
    fn clone(&self) -> MemberSet {
        let mut copy = MemberSet::new();
        copy.reserve(self.len());
        for member in self.iter() {
            copy.add(member);
        }
        copy
    }
}

impl Drop for MemberSet {
    fn drop(&mut self) {
        self.free_some(usize::MAX);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    fn random_member(random: &mut Random, variety: u64) -> Vec<u8> {
        let number = random.below(variety);
        // Some are long enough for heads of two and three bytes.
        let repeat = [1, 1, 1, 40, 9000][number as usize % 5];
        number.to_string().into_bytes().repeat(repeat)
    }

    #[test]
    fn behaves_as_the_standard_set() {
        let mut random = Random::new(1);
        let (mut set, mut model) = (MemberSet::new(), HashSet::new());
        for step in 0..30_000 {
            let variety = if step % 6000 < 3000 { 3000 } else { 40 };
            let member = random_member(&mut random, variety);
            match random.below(10) {
                0..=4 => assert_eq!(set.add(&member), model.insert(member)),
                5..=7 => assert_eq!(set.remove(&member), model.remove(&member)),
                8 => assert_eq!(set.contains(&member), model.contains(&member)),
                _ => {
                    let popped = set.pop_sample(&mut random, <[u8]>::to_vec);
                    assert_eq!(popped.is_none(), model.is_empty());
                    assert!(popped.is_none_or(|member| model.remove(&member)));
                }
            }
            assert_eq!(set.len(), model.len());
            if step % 3000 == 0 {
                assert_eq!(set.iter().map(<[u8]>::to_vec).collect::<HashSet<_>>(), model);
                let copy = set.clone();
                assert_eq!(copy.iter().collect::<HashSet<_>>(), set.iter().collect::<HashSet<_>>());
                assert_eq!(copy.member_bytes, set.member_bytes);
                assert_eq!(set.sample(&mut random).is_some(), !model.is_empty());
            }
        }
        while !set.free_some(7) {}
        assert_eq!(set.allocated_bytes(), 0, "every byte is accounted for");
    }

    #[test]
    fn a_short_member_costs_its_size_class() {
        let mut set = MemberSet::new();
        set.add(b"0123456789");
        assert_eq!(set.member_bytes, 16);
        set.add(&[7; 127]);
        assert_eq!(set.member_bytes, 16 + 128);
        set.add(&[7; 128]);
        assert_eq!(set.member_bytes, 16 + 128 + 160, "two bytes of head");
        set.add(b"");
        assert!(set.contains(b"") && set.remove(b"") && !set.contains(b""));
    }

    #[test]
    fn a_scan_shows_every_member() {
        let mut set = MemberSet::new();
        for number in 0..1000u32 {
            set.add(&number.to_le_bytes());
        }
        let (mut cursor, mut seen) = (0, HashSet::new());
        loop {
            cursor = set.scan(cursor, &mut |member| {
                seen.insert(member.to_vec());
            });
            if cursor == 0 {
                break;
            }
        }
        assert_eq!(seen.len(), 1000);
    }
}
