//! What the system knows of this process: memory and processor time.

use crate::server::ProcessFacts;

/// Reads all of it anew.
pub fn facts() -> ProcessFacts {
    let (user_us, system_us) = processor_us(libc::RUSAGE_SELF);
    let (children_user_us, children_system_us) = processor_us(libc::RUSAGE_CHILDREN);
    let (thread_user_us, thread_system_us) = processor_us(libc::RUSAGE_THREAD);
    // Safety: sysconf only reads.
    let (page_bytes, pages) = unsafe { (libc::sysconf(libc::_SC_PAGESIZE), libc::sysconf(libc::_SC_PHYS_PAGES)) };
    let page_bytes = page_bytes.max(0) as u64;
    ProcessFacts {
        rss_bytes: resident_pages() * page_bytes,
        machine_bytes: pages.max(0) as u64 * page_bytes,
        user_us,
        system_us,
        children_user_us,
        children_system_us,
        thread_user_us,
        thread_system_us,
    }
}

/// The second number of `/proc/self/statm`; 0 where there is no such file.
fn resident_pages() -> u64 {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    text.split(' ').nth(1).and_then(|pages| pages.parse().ok()).unwrap_or(0)
}

fn processor_us(who: libc::c_int) -> (u64, u64) {
    // Safety: getrusage fills the struct it is given, for which all zeros is a valid value.
    let usage = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        libc::getrusage(who, &raw mut usage);
        usage
    };
    let us = |time: libc::timeval| time.tv_sec as u64 * 1_000_000 + time.tv_usec as u64;
    (us(usage.ru_utime), us(usage.ru_stime))
}

/// Name, release and machine of the operating system, as `uname` tells them.
pub fn system_name() -> String {
    // Safety: uname fills the struct it is given with texts that end in a zero byte.
    let names = unsafe {
        let mut names: libc::utsname = std::mem::zeroed();
        libc::uname(&raw mut names);
        names
    };
    let text = |field: &[libc::c_char]| -> String {
        field.iter().take_while(|byte| **byte != 0).map(|byte| *byte as u8 as char).collect()
    };
    format!("{} {} {}", text(&names.sysname), text(&names.release), text(&names.machine))
}
