//! The allocator and its accounts: jemalloc with 8-byte size classes, counted per thread by jemalloc itself.
//!
//! `tikv-jemallocator` assumes 16-byte quanta and would hand out misaligned memory for alignments of 16,
//! so the face to Rust is our own and passes every alignment above 8.

use std::alloc::{GlobalAlloc, Layout};
use std::ffi::{c_int, c_void};
use std::ptr;
use tikv_jemalloc_sys as je;

/// What jemalloc is told at start. Pages that become free go back to the system at once: a table that grows leaves its old
/// segments behind, and a tenth of all memory would lie idle for the ten seconds that jemalloc keeps pages by default
/// (docs/decisions/0006-free-pages.md has the figures). Then there is nothing for a thread in the background to do. Runs of the
/// class of 1280 bytes, where the blocks of streams are, have 40 pages instead of 5 (docs/decisions/0002-size-classes.md).
#[unsafe(export_name = "_rjem_malloc_conf")]
pub static MALLOC_CONF: &[u8; 82] =
    b"dirty_decay_ms:0,muzzy_decay_ms:0,background_thread:false,slab_sizes:1200-1280:40\0";

/// jemalloc as the global allocator.
pub struct Jemalloc;

#[inline]
fn flags(align: usize) -> c_int {
    if align <= 8 { 0 } else { align.trailing_zeros() as c_int }
}

// Safety: mallocx and friends honour size and the alignment given in flags (log2 in the low bits); sizes are never 0 here,
// because GlobalAlloc's callers must not pass zero-sized layouts.
unsafe impl GlobalAlloc for Jemalloc {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        unsafe {
            if layout.align() <= 8 {
                je::malloc(layout.size()).cast()
            } else {
                je::mallocx(layout.size(), flags(layout.align())).cast()
            }
        }
    }
    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        unsafe { je::mallocx(layout.size(), flags(layout.align()) | je::MALLOCX_ZERO).cast() }
    }
    #[inline]
    unsafe fn dealloc(&self, p: *mut u8, layout: Layout) {
        unsafe { je::sdallocx(p.cast::<c_void>(), layout.size(), flags(layout.align())) }
    }
    #[inline]
    unsafe fn realloc(&self, p: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        unsafe { je::rallocx(p.cast::<c_void>(), size, flags(layout.align())).cast() }
    }
}

/// Bytes that an allocation of `size` bytes really takes: its size class. 0 for 0.
///
/// The classes step by 8 up to 64, then by a quarter of the power of two below: 80, 96, 112, 128, 160, … (a test holds this
/// against `nallocx`).
#[inline]
pub const fn usable_size(size: usize) -> usize {
    if size <= 64 {
        return (size + 7) & !7;
    }
    let step = 1usize << (usize::BITS - 1 - (size - 1).leading_zeros() - 2);
    (size + step - 1) & !(step - 1)
}

/// The two counters of the calling thread: bytes ever allocated and ever freed, in size classes.
/// The pointers stay good while the thread lives.
#[derive(Clone, Copy, Debug)]
pub struct ThreadCounters {
    allocated: *const u64,
    freed: *const u64,
}

// Safety: jemalloc updates the counters with plain stores; a torn read is impossible for an aligned u64 on the platforms
// served, and a stale one is good enough for accounts.
unsafe impl Send for ThreadCounters {}
unsafe impl Sync for ThreadCounters {}

impl ThreadCounters {
    /// The counters of the thread that calls.
    pub fn of_this_thread() -> ThreadCounters {
        fn read(name: &[u8]) -> *const u64 {
            let mut p: *const u64 = ptr::null();
            let mut len = size_of::<*const u64>();
            let rc =
                unsafe { je::mallctl(name.as_ptr().cast(), (&raw mut p).cast(), &raw mut len, ptr::null_mut(), 0) };
            assert_eq!(rc, 0, "jemalloc is built with statistics");
            p
        }
        ThreadCounters { allocated: read(b"thread.allocatedp\0"), freed: read(b"thread.deallocatedp\0") }
    }

    /// Bytes allocated less bytes freed by that thread; negative for one that mostly frees.
    #[inline]
    pub fn net(&self) -> i64 {
        unsafe { self.allocated.read_volatile().wrapping_sub(self.freed.read_volatile()) as i64 }
    }
}

/// Reads one of jemalloc's `stats.*` figures (bytes) after refreshing them; 0 when the name is unknown.
pub fn allocator_stat(name: &std::ffi::CStr) -> u64 {
    let mut epoch: u64 = 1;
    let mut value: usize = 0;
    let mut len = size_of::<usize>();
    unsafe {
        je::mallctl(c"epoch".as_ptr(), ptr::null_mut(), ptr::null_mut(), (&raw mut epoch).cast(), size_of::<u64>());
        if je::mallctl(name.as_ptr(), (&raw mut value).cast(), &raw mut len, ptr::null_mut(), 0) != 0 {
            return 0;
        }
    }
    value as u64
}

/// Reads one of jemalloc's numbers by name, whatever its width; `None` when there is none of that name.
pub fn allocator_number(name: &std::ffi::CStr) -> Option<u64> {
    for width in [8usize, 4, 1] {
        let mut value = [0u8; 8];
        let mut len = width;
        // Safety: jemalloc writes at most `len` bytes, and refuses a length that is not that of the number.
        let rc = unsafe { je::mallctl(name.as_ptr(), value.as_mut_ptr().cast(), &raw mut len, ptr::null_mut(), 0) };
        if rc == 0 {
            return Some(u64::from_le_bytes(value));
        }
    }
    None
}

/// Gives pages without any value in them back to the system; false if that failed.
pub fn purge() -> bool {
    /// Stands for all arenas in the name of a control (jemalloc's `MALLCTL_ARENAS_ALL`).
    const PURGE_ALL: &std::ffi::CStr = c"arena.4096.purge";
    // Safety: the control takes and gives nothing.
    unsafe { je::mallctl(PURGE_ALL.as_ptr(), ptr::null_mut(), ptr::null_mut(), ptr::null_mut(), 0) == 0 }
}

/// The allocator's own report.
pub fn allocator_report() -> String {
    unsafe extern "C" fn append(report: *mut c_void, piece: *const std::ffi::c_char) {
        // Safety: `report` is the string below, which nothing else touches meanwhile; `piece` ends in a zero byte.
        unsafe { (*report.cast::<String>()).push_str(&std::ffi::CStr::from_ptr(piece).to_string_lossy()) };
    }
    let mut report = String::new();
    // Safety: the function calls back before it returns, and keeps neither pointer.
    unsafe { je::malloc_stats_print(Some(append), (&raw mut report).cast(), c"".as_ptr()) };
    report
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_size_and_alignment_is_honoured() {
        for align_log in 0..=12 {
            for size in (1..600).chain([1000, 4096, 10_000, 100_000]) {
                let layout = Layout::from_size_align(size, 1 << align_log).expect("small layouts are valid");
                let blocks: Vec<*mut u8> = (0..3).map(|_| unsafe { Jemalloc.alloc(layout) }).collect();
                for &p in &blocks {
                    assert!(!p.is_null());
                    assert_eq!(p as usize % layout.align(), 0, "size {size} align {}", layout.align());
                    unsafe { p.write_bytes(0xab, size) };
                }
                for p in blocks {
                    unsafe { Jemalloc.dealloc(p, layout) };
                }
            }
        }
    }

    #[test]
    fn size_classes_step_by_eight() {
        assert_eq!(usable_size(33), 40);
        assert_eq!(usable_size(40), 40);
        assert_eq!(usable_size(0), 0);
        for size in (1..100_000).chain((100_000..100_000_000).step_by(99_991)) {
            assert_eq!(usable_size(size), unsafe { je::nallocx(size, 0) }, "{size}");
        }
    }
}
