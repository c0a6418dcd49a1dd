//! A sorted set of integers in one block of bytes, in exactly the format that Redis calls an intset.
//!
//! ```text
//! | width u32: 2, 4 or 8 | count u32 | member | member | …      little endian, ascending, all of one width
//! ```
//! One pointer wide; the block's size class follows from the header. A member that does not fit widens all of them;
//! they never become narrower. Invariant: members ascend strictly and the count is true.

use super::thin;
use crate::base::random::Random;
use std::ptr::NonNull;

const HEADER: usize = 8;

/// Foreign bytes that are no valid integer set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Corrupt;

/// Bytes of each member.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u32)]
enum Width {
    Two = 2,
    Four = 4,
    Eight = 8,
}

impl Width {
    #[inline]
    fn of(value: i64) -> Width {
        if i16::try_from(value).is_ok() {
            Width::Two
        } else if i32::try_from(value).is_ok() {
            Width::Four
        } else {
            Width::Eight
        }
    }

    fn parse(bytes: u32) -> Option<Width> {
        [Width::Two, Width::Four, Width::Eight].into_iter().find(|&width| width as u32 == bytes)
    }
}

/// # Safety
/// `members` is good for `index + 1` members of that width.
#[inline(always)]
unsafe fn read(members: *const u8, width: Width, index: usize) -> i64 {
    unsafe {
        match width {
            Width::Two => i64::from(i16::from_le_bytes(*members.cast::<[u8; 2]>().add(index))),
            Width::Four => i64::from(i32::from_le_bytes(*members.cast::<[u8; 4]>().add(index))),
            Width::Eight => i64::from_le_bytes(*members.cast::<[u8; 8]>().add(index)),
        }
    }
}

/// # Safety
/// As for [`read`]; the value fits the width.
#[inline(always)]
unsafe fn write(members: *mut u8, width: Width, index: usize, value: i64) {
    unsafe {
        match width {
            Width::Two => members.cast::<[u8; 2]>().add(index).write((value as i16).to_le_bytes()),
            Width::Four => members.cast::<[u8; 4]>().add(index).write((value as i32).to_le_bytes()),
            Width::Eight => members.cast::<[u8; 8]>().add(index).write(value.to_le_bytes()),
        }
    }
}

/// An owned set of integers, one pointer wide.
pub struct IntSet {
    start: NonNull<u8>,
}

// Safety: sole owner of plain bytes.
unsafe impl Send for IntSet {}
unsafe impl Sync for IntSet {}

impl IntSet {
    pub fn new() -> IntSet {
        IntSet::copy_of(&[2, 0, 0, 0, 0, 0, 0, 0])
    }

    /// Takes over foreign bytes after validating them: a known width, the count that fits the length, and members that ascend.
    /// An empty set is valid.
    pub fn from_bytes(bytes: &[u8]) -> Result<IntSet, Corrupt> {
        let header: [u8; HEADER] = bytes.get(..HEADER).and_then(|h| h.try_into().ok()).ok_or(Corrupt)?;
        let width = Width::parse(u32::from_le_bytes([header[0], header[1], header[2], header[3]])).ok_or(Corrupt)?;
        let count = u32::from_le_bytes([header[4], header[5], header[6], header[7]]) as usize;
        if bytes.len() > u32::MAX as usize || bytes.len() - HEADER != count * width as usize {
            return Err(Corrupt);
        }
        let set = IntSet::copy_of(bytes);
        if set.iter().zip(set.iter().skip(1)).all(|(low, high)| low < high) { Ok(set) } else { Err(Corrupt) }
    }

    fn copy_of(bytes: &[u8]) -> IntSet {
        let start = thin::allocate(bytes.len());
        // Safety: the block is new and has room for the slice.
        unsafe { start.as_ptr().copy_from_nonoverlapping(bytes.as_ptr(), bytes.len()) };
        IntSet { start }
    }

    #[inline]
    fn width(&self) -> Width {
        // Safety: every set has a header, and only a `Width` is ever written there.
        match unsafe { *self.start.as_ptr() } {
            2 => Width::Two,
            4 => Width::Four,
            _ => Width::Eight,
        }
    }

    #[inline]
    pub fn len(&self) -> usize {
        // Safety: every set has a header.
        u32::from_le_bytes(unsafe { *self.start.as_ptr().add(4).cast() }) as usize
    }

    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    #[inline]
    fn set_header(&mut self, width: Width, count: usize) {
        // Safety: every set has a header.
        unsafe {
            self.start.as_ptr().cast::<[u8; 4]>().write((width as u32).to_le_bytes());
            self.start.as_ptr().add(4).cast::<[u8; 4]>().write((count as u32).to_le_bytes());
        }
    }

    #[inline]
    fn members(&self) -> *mut u8 {
        // Safety: the header lies within the block.
        unsafe { self.start.as_ptr().add(HEADER) }
    }

    #[inline]
    pub fn byte_size(&self) -> usize {
        HEADER + self.len() * self.width() as usize
    }

    /// Bytes of heap, by size class.
    pub fn allocated_bytes(&self) -> usize {
        thin::size_class(self.byte_size())
    }

    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        // Safety: header and members are initialised.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr(), self.byte_size()) }
    }

    /// The member at `index` in ascending order.
    #[inline]
    pub fn get(&self, index: usize) -> Option<i64> {
        // Safety: the index is below the count.
        if index < self.len() { Some(unsafe { read(self.members(), self.width(), index) }) } else { None }
    }

    pub fn first(&self) -> Option<i64> {
        self.get(0)
    }

    pub fn last(&self) -> Option<i64> {
        self.get(self.len().checked_sub(1)?)
    }

    /// A member, each equally likely.
    pub fn random(&self, random: &mut Random) -> Option<i64> {
        if self.is_empty() { None } else { self.get(random.below(self.len() as u64) as usize) }
    }

    /// The index of `value`, or where it would be.
    #[inline]
    fn search(&self, value: i64) -> Result<usize, usize> {
        let (members, width, len) = (self.members(), self.width(), self.len());
        // Most insertions are at the end.
        // Safety: every index below is less than the count.
        if len == 0 || unsafe { read(members, width, len - 1) } < value {
            return Err(len);
        }
        let (mut low, mut high) = (0, len);
        while low < high {
            let middle = (low + high) / 2;
            if unsafe { read(members, width, middle) } < value { low = middle + 1 } else { high = middle }
        }
        if unsafe { read(members, width, low) } == value { Ok(low) } else { Err(low) }
    }

    #[inline]
    pub fn contains(&self, value: i64) -> bool {
        Width::of(value) <= self.width() && self.search(value).is_ok()
    }

    /// Adds `value`; false when it was there.
    pub fn add(&mut self, value: i64) -> bool {
        let (needed, width, len) = (Width::of(value), self.width(), self.len());
        if needed > width {
            self.widen_and_add(needed, value);
            return true;
        }
        let Err(index) = self.search(value) else { return false };
        let each = width as usize;
        // Safety: the block is made larger first; then the tail moves up within it.
        unsafe {
            self.start = thin::resize(self.start, HEADER + len * each, HEADER + (len + 1) * each);
            let place = self.members().add(index * each);
            std::ptr::copy(place, place.add(each), (len - index) * each);
            write(self.members(), width, index, value);
        }
        self.set_header(width, len + 1);
        true
    }

    /// A value outside the old width is below or above all members: it goes to an end, and the others are rewritten back to
    /// front, so that no member is overwritten before it was read.
    fn widen_and_add(&mut self, width: Width, value: i64) {
        let (old, len) = (self.width(), self.len());
        let shift = usize::from(value < 0);
        // Safety: the block is made larger first; reads are below `len` in the old width, writes below `len + 1` in the new.
        unsafe {
            let size = HEADER + (len + 1) * width as usize;
            self.start = thin::resize(self.start, HEADER + len * old as usize, size);
            for index in (0..len).rev() {
                let member = read(self.members(), old, index);
                write(self.members(), width, index + shift, member);
            }
            write(self.members(), width, if value < 0 { 0 } else { len }, value);
        }
        self.set_header(width, len + 1);
    }

    /// Removes `value`; false when it was not there.
    pub fn remove(&mut self, value: i64) -> bool {
        let (width, len) = (self.width(), self.len());
        if Width::of(value) > width {
            return false;
        }
        let Ok(index) = self.search(value) else { return false };
        let each = width as usize;
        // Safety: the tail moves down within the block, which is made smaller afterwards.
        unsafe {
            let place = self.members().add(index * each);
            std::ptr::copy(place.add(each), place, (len - 1 - index) * each);
            self.set_header(width, len - 1);
            self.start = thin::resize(self.start, HEADER + len * each, HEADER + (len - 1) * each);
        }
        true
    }

    /// Members in ascending order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = i64> + ExactSizeIterator + Clone + '_ {
        let (members, width) = (self.members(), self.width());
        // Safety: indices are below the count, and the set is borrowed unchanged.
        (0..self.len()).map(move |index| unsafe { read(members, width, index) })
    }
}

impl Default for IntSet {
    fn default() -> IntSet {
        IntSet::new()
    }
}

impl Clone for IntSet {
    fn clone(&self) -> IntSet {
        IntSet::copy_of(self.as_bytes())
    }
}

impl Drop for IntSet {
    fn drop(&mut self) {
        // Safety: the block has the class of the set's size; it is not used again.
        unsafe { thin::free(self.start, self.byte_size()) };
    }
}

impl std::fmt::Debug for IntSet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    #[test]
    fn bytes_are_those_that_redis_writes() {
        let mut set = IntSet::new();
        for value in [5, -3, 300] {
            assert!(set.add(value));
        }
        assert_eq!(set.as_bytes(), [2, 0, 0, 0, 3, 0, 0, 0, 0xfd, 0xff, 5, 0, 0x2c, 1]);
        set.add(70_000);
        let four = [4, 0, 0, 0, 4, 0, 0, 0, 0xfd, 0xff, 0xff, 0xff, 5, 0, 0, 0, 0x2c, 1, 0, 0, 0x70, 0x11, 1, 0];
        assert_eq!(set.as_bytes(), four);
        set.add(-5_000_000_000);
        assert_eq!(set.as_bytes()[..16], [8, 0, 0, 0, 5, 0, 0, 0, 0, 0x0e, 0xfa, 0xd5, 0xfe, 0xff, 0xff, 0xff]);
        assert_eq!(set.iter().collect::<Vec<_>>(), [-5_000_000_000, -3, 5, 300, 70_000]);
        assert_eq!(size_of::<Option<IntSet>>(), 8);
    }

    #[test]
    fn foreign_bytes_are_checked() {
        assert!(IntSet::from_bytes(&[2, 0, 0, 0, 0, 0, 0, 0]).is_ok());
        for bad in [
            &[][..],
            &[2, 0, 0, 0, 0, 0, 0],
            &[3, 0, 0, 0, 0, 0, 0, 0],
            &[2, 0, 0, 0, 2, 0, 0, 0, 1, 0],
            &[2, 0, 0, 0, 2, 0, 0, 0, 1, 0, 1, 0],
            &[2, 0, 0, 0, 2, 0, 0, 0, 2, 0, 1, 0],
            &[2, 0, 0, 0, 0, 0, 0, 0x80],
        ] {
            assert!(IntSet::from_bytes(bad).is_err(), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn behaves_like_an_ordered_set(
            steps in prop::collection::vec((0..4u8, any::<i64>(), 0..64u32), 1..200)
        ) {
            let mut set = IntSet::new();
            let mut model = BTreeSet::new();
            for (kind, number, shift) in steps {
                let value = number >> shift;
                if kind == 0 {
                    let victim = model.iter().copied().find(|&m| m >= value).unwrap_or(value);
                    assert_eq!(set.remove(victim), model.remove(&victim));
                } else {
                    assert_eq!(set.add(value), model.insert(value));
                }
                assert_eq!(set.contains(value), model.contains(&value));
                assert_eq!(set.len(), model.len());
            }
            assert!(set.iter().eq(model.iter().copied()));
            assert!(IntSet::from_bytes(set.as_bytes()).unwrap().iter().eq(model.iter().copied()));
            assert_eq!((set.first(), set.last()), (model.first().copied(), model.last().copied()));
        }
    }
}
