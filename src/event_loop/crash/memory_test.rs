//! The fast memory test: every page of the process's own memory takes patterns and gives them back, or the machine's memory
//! is broken. A page's content is kept meanwhile and put back.
//!
//! Runs at the very end, with all signals blocked, on a process that is about to end: whatever else runs in it may
//! suffer. The stack on which it runs is a region of its own and is left out.

use super::mappings;
use super::out::Out;

const PAGE_WORDS: usize = 4096 / size_of::<u64>();
/// Regions remembered: more are not tested.
const REGIONS_MAX: usize = 128;

/// Each pattern finds bits that stick, and its complement those that stick the other way.
const PATTERNS: [u64; 2] = [0x5555_5555_5555_5555, 0xaaaa_aaaa_aaaa_aaaa];

/// Tests all regions; true if memory gave back what it took.
pub fn run(out: &mut Out) -> bool {
    let here = &raw const out as usize;
    let (mut regions, mut count) = ([(0, 0); REGIONS_MAX], 0);
    mappings::for_each(&mut |mapping| {
        let is_private_memory =
            mapping.permissions == b"rw-p" && (mapping.path.is_empty() || mapping.path == b"[heap]");
        if is_private_memory && !(mapping.start..mapping.end).contains(&here) && count < REGIONS_MAX {
            regions[count] = (mapping.start, mapping.end);
            count += 1;
        }
    });
    // Safety: the set is filled by the first call; nothing may interrupt a page that holds patterns.
    unsafe {
        let mut all: libc::sigset_t = std::mem::zeroed();
        libc::sigfillset(&raw mut all);
        libc::sigprocmask(libc::SIG_BLOCK, &raw const all, std::ptr::null_mut());
    }
    let mut broken = 0;
    for &(start, end) in &regions[..count] {
        out.text(format_args!("*** Testing memory region {start:x} ({} bytes)\n", end - start));
        out.flush();
        for page in (start..end).step_by(PAGE_WORDS * size_of::<u64>()) {
            broken += usize::from(!page_is_good(page as *mut u64));
        }
    }
    match broken {
        0 => out.text(format_args!(
            "Fast memory test PASSED, however your memory can still be broken. \
             Please run a memory test for several hours if possible.\n"
        )),
        _ => out.text(format_args!("!!! MEMORY ERROR DETECTED in {broken} pages! Your memory is broken.\n")),
    }
    out.flush();
    broken == 0
}

fn page_is_good(page: *mut u64) -> bool {
    let mut kept = [0; PAGE_WORDS];
    let mut is_good = true;
    // Safety: the page lies in a region that is readable and writable; volatile, so that memory is really asked. Nothing
    // else of this thread is touched until the content is back.
    unsafe {
        for (index, word) in kept.iter_mut().enumerate() {
            *word = page.add(index).read_volatile();
        }
        for pattern in PATTERNS {
            for index in 0..PAGE_WORDS {
                page.add(index).write_volatile(pattern ^ index as u64);
            }
            for index in 0..PAGE_WORDS {
                is_good &= page.add(index).read_volatile() == pattern ^ index as u64;
            }
        }
        for (index, word) in kept.iter().enumerate() {
            page.add(index).write_volatile(*word);
        }
    }
    is_good
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_keeps_its_content() {
        let mut page: Vec<u64> = (0..PAGE_WORDS as u64).map(|word| word * 3).collect();
        assert!(page_is_good(page.as_mut_ptr()));
        assert!(page.iter().enumerate().all(|(index, word)| *word == index as u64 * 3));
    }
}
