//! Bytes with several owners on one thread: the storage of a large string, and of one message for all its receivers.
//!
//! ```text
//! SharedBytes ──▶ │ owners u32 │ len u32 │ capacity u32 │ bytes …            one pointer, 12 bytes ahead of the bytes
//! ```
//!
//! Invariants: `owners` counts the handles alive; bytes `0..len` are initialised; only a sole owner changes anything.
//! Counts are plain numbers, so a handle stays on its thread (it is neither Send nor Sync).

use std::alloc::{Layout, alloc, alloc_zeroed, dealloc, handle_alloc_error, realloc};
use std::io::{self, Read};
use std::ops::Deref;
use std::ptr::NonNull;

/// The longest content, in bytes: lengths are 32 bits wide.
pub const LENGTH_MAX: usize = u32::MAX as usize - 64;

/// Growth doubles up to this and adds as much beyond, in bytes.
const GROWTH_MAX: usize = 1 << 20;

#[repr(C)]
struct Header {
    owners: u32,
    len: u32,
    capacity: u32,
}

const HEADER: usize = size_of::<Header>();

/// One of the owners of a run of bytes; 8 bytes wide, and so is its `Option`.
pub struct SharedBytes {
    header: NonNull<Header>,
}

const _: () = assert!(size_of::<Option<SharedBytes>>() == 8, "a handle is one thin pointer");

fn layout(capacity: usize) -> Layout {
    assert!(capacity <= LENGTH_MAX, "shared bytes are limited to 4 GiB");
    Layout::from_size_align(HEADER + capacity, align_of::<Header>())
        .expect("4 GiB and a header fit in the address space")
}

impl SharedBytes {
    /// No bytes, and room for so many.
    pub fn with_capacity(capacity: usize) -> SharedBytes {
        let layout = layout(capacity);
        // Safety: the layout is not empty, it holds at least the header.
        let block = unsafe { alloc(layout) };
        let Some(header) = NonNull::new(block.cast::<Header>()) else { handle_alloc_error(layout) };
        // Safety: the block was just made, is large enough and aligned for a header, and nobody else knows it.
        unsafe { header.write(Header { owners: 1, len: 0, capacity: capacity as u32 }) };
        SharedBytes { header }
    }

    /// So many zeros. Of a large block the system's fresh pages are zeros already, and are not written.
    pub fn zeroed(length: usize) -> SharedBytes {
        let layout = layout(length);
        // Safety: as in `with_capacity`; all bytes are zeros, so `len` of them are initialised.
        unsafe {
            let block = alloc_zeroed(layout);
            let Some(header) = NonNull::new(block.cast::<Header>()) else { handle_alloc_error(layout) };
            header.write(Header { owners: 1, len: length as u32, capacity: length as u32 });
            SharedBytes { header }
        }
    }

    /// A copy of these bytes, with no room to spare.
    pub fn from_slice(bytes: &[u8]) -> SharedBytes {
        let mut shared = SharedBytes::with_capacity(bytes.len());
        shared.extend_from_slice(bytes);
        shared
    }

    #[inline]
    fn header(&self) -> &Header {
        // Safety: the block lives as long as a handle does, and a header is only changed through `&mut` of a sole owner,
        // or, for the count, by clone and drop, which hold no reference across the change.
        unsafe { self.header.as_ref() }
    }

    #[inline]
    fn start(&self) -> *mut u8 {
        // Safety: the bytes begin right behind the header, inside the block or at its end.
        unsafe { self.header.as_ptr().cast::<u8>().add(HEADER) }
    }

    /// Bytes there is room for.
    #[inline]
    pub fn capacity(&self) -> usize {
        self.header().capacity as usize
    }

    /// Handles alive, this one included.
    #[inline]
    pub fn owners(&self) -> u32 {
        self.header().owners
    }

    /// Whether somebody else owns the bytes too.
    #[inline]
    pub fn is_shared(&self) -> bool {
        self.owners() > 1
    }

    /// Bytes of memory that all owners together hold: the size class of the block.
    pub fn memory_usage(&self) -> usize {
        super::memory::usable_size(HEADER + self.capacity())
    }

    /// The bytes, to be changed in place; copied first if they are shared.
    #[inline]
    pub fn make_mut(&mut self) -> &mut [u8] {
        if self.is_shared() {
            *self = SharedBytes::from_slice(self);
        }
        // Safety: the sole owner is borrowed mutably, and the first `len` bytes are initialised.
        unsafe { std::slice::from_raw_parts_mut(self.start(), self.len()) }
    }

    /// Appends bytes; copies first if shared, grows generously.
    pub fn extend_from_slice(&mut self, bytes: &[u8]) {
        let len = self.len();
        self.make_room(bytes.len());
        // Safety: `make_room` left a sole owner with that much room behind `len`; a slice borrowed from elsewhere
        // cannot overlap memory that only this handle, borrowed mutably, can reach.
        unsafe {
            std::ptr::copy_nonoverlapping(bytes.as_ptr(), self.start().add(len), bytes.len());
            self.header.as_mut().len = (len + bytes.len()) as u32;
        }
    }

    /// Changes the length; new bytes are 0. Copies first if shared.
    pub fn resize(&mut self, length: usize) {
        let len = self.len();
        if length > len {
            self.make_room(length - len);
            // Safety: as in `extend_from_slice`: there is room, and no other owner.
            unsafe { std::ptr::write_bytes(self.start().add(len), 0, length - len) };
        } else if self.is_shared() {
            *self = SharedBytes::from_slice(&self[..length]);
        }
        // Safety: the sole owner is borrowed mutably; all bytes up to `length` are initialised.
        unsafe { self.header.as_mut().len = length as u32 };
    }

    /// Appends what one read of at most `max` bytes gives; 0 means the end. For a value that is read straight to its place.
    pub fn read_from(&mut self, reader: &mut impl Read, max: usize) -> io::Result<usize> {
        let len = self.len();
        self.resize(len + max);
        let result = reader.read(&mut self.make_mut()[len..]);
        self.resize(len + *result.as_ref().unwrap_or(&0));
        result
    }

    /// Gives back room that is not used. Copies if that is needed; leaves shared bytes alone.
    pub fn shrink_to_fit(&mut self) {
        if !self.is_shared() && self.capacity() > self.len() {
            self.reallocate(self.len());
        }
    }

    /// A sole owner with room for `more` bytes behind the content.
    fn make_room(&mut self, more: usize) {
        let needed = self.len() + more;
        if !self.is_shared() && needed <= self.capacity() {
            return;
        }
        let capacity = if self.is_empty() { needed } else { needed + needed.min(GROWTH_MAX) }
            .clamp(needed, LENGTH_MAX.max(needed));
        if self.is_shared() {
            let mut copy = SharedBytes::with_capacity(capacity);
            copy.extend_from_slice(self);
            *self = copy;
        } else {
            self.reallocate(capacity);
        }
    }

    /// Changes the room of a sole owner; not below the length.
    fn reallocate(&mut self, capacity: usize) {
        debug_assert!(!self.is_shared() && capacity >= self.len());
        let (old, new) = (layout(self.capacity()), layout(capacity));
        // Safety: the block was made with this layout, the new size is not 0, and no other handle knows the old address.
        let block = unsafe { realloc(self.header.as_ptr().cast(), old, new.size()) };
        let Some(header) = NonNull::new(block.cast::<Header>()) else { handle_alloc_error(new) };
        self.header = header;
        // Safety: the header was moved along.
        unsafe { self.header.as_mut().capacity = capacity as u32 };
    }
}

impl Clone for SharedBytes {
    #[inline]
    fn clone(&self) -> SharedBytes {
        let owners = self.owners().checked_add(1).expect("fewer than 4 billion handles");
        // Safety: the block is alive, and handles stay on one thread.
        unsafe { (*self.header.as_ptr()).owners = owners };
        SharedBytes { header: self.header }
    }
}

impl Drop for SharedBytes {
    #[inline]
    fn drop(&mut self) {
        let owners = self.owners() - 1;
        if owners > 0 {
            // Safety: another handle keeps the block alive, and handles stay on one thread.
            unsafe { (*self.header.as_ptr()).owners = owners };
        } else {
            // Safety: this was the last handle; the block was made with this layout.
            unsafe { dealloc(self.header.as_ptr().cast(), layout(self.capacity())) };
        }
    }
}

impl Deref for SharedBytes {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        // Safety: the first `len` bytes are initialised and cannot change while a handle is borrowed.
        unsafe { std::slice::from_raw_parts(self.start(), self.header().len as usize) }
    }
}

impl std::fmt::Debug for SharedBytes {
    fn fmt(&self, formatter: &mut std::fmt::Formatter) -> std::fmt::Result {
        write!(formatter, "SharedBytes({} bytes, {} owners)", self.len(), self.owners())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::random::Random;

    #[test]
    fn a_shared_value_is_copied_before_it_changes() {
        let mut one = SharedBytes::from_slice(b"hello");
        let two = one.clone();
        assert_eq!((one.owners(), one.is_shared()), (2, true));
        one.make_mut()[0] = b'j';
        assert_eq!((&one[..], &two[..]), (&b"jello"[..], &b"hello"[..]));
        assert!(!one.is_shared() && !two.is_shared());
        let three = two.clone();
        drop(two);
        assert_eq!((&three[..], three.owners()), (&b"hello"[..], 1));
    }

    #[test]
    fn a_model_test_against_vectors() {
        let mut random = Random::new(4);
        let mut handles: Vec<(SharedBytes, Vec<u8>)> = vec![(SharedBytes::with_capacity(0), Vec::new())];
        for _ in 0..20_000 {
            let count = handles.len();
            let at = random.below(count as u64) as usize;
            let (shared, model) = &mut handles[at];
            match random.below(8) {
                0 | 1 => {
                    let mut piece = vec![0; random.below(100) as usize];
                    random.fill(&mut piece);
                    shared.extend_from_slice(&piece);
                    model.extend_from_slice(&piece);
                }
                2 => {
                    let length = random.below(300) as usize;
                    shared.resize(length);
                    model.resize(length, 0);
                }
                3 if !model.is_empty() => {
                    let place = random.below(model.len() as u64) as usize;
                    shared.make_mut()[place] ^= 0x55;
                    model[place] ^= 0x55;
                }
                4 => shared.shrink_to_fit(),
                5 if count < 30 => {
                    let copy = (handles[at].0.clone(), handles[at].1.clone());
                    handles.push(copy);
                }
                6 if count > 1 => drop(handles.swap_remove(at)),
                _ => {
                    let mut source = &b"from a socket"[..];
                    assert_eq!(shared.read_from(&mut source, 6).expect("slices can be read"), 6);
                    model.extend_from_slice(b"from a");
                }
            }
            for (shared, model) in &handles {
                assert_eq!(&shared[..], &model[..]);
                assert!(shared.capacity() >= shared.len());
            }
        }
    }

    #[test]
    fn zeros_are_zeros_at_any_length() {
        for length in [0, 1, 100, 20_000, 5_000_000] {
            let zeros = SharedBytes::zeroed(length);
            assert!(zeros.len() == length && zeros.capacity() == length && zeros.iter().all(|byte| *byte == 0));
        }
    }

    #[test]
    fn memory_is_the_block() {
        assert_eq!(SharedBytes::from_slice(&[7; 20]).memory_usage(), 32);
        let mut grown = SharedBytes::from_slice(&[7; 20_000]);
        grown.extend_from_slice(b"x");
        assert!(grown.capacity() >= 40_000);
        grown.shrink_to_fit();
        assert_eq!(grown.capacity(), 20_001);
        assert!(format!("{grown:?}").contains("20001"));
    }
}
