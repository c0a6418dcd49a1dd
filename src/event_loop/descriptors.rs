//! The limit of open files, which bounds how many clients there can be.

/// Descriptors that the server itself needs beside its clients': listeners, files, pipes.
pub const RESERVED: u64 = 32;

/// Raises the limit for so many clients as far as the system lets us; gives back how many it allows.
pub fn admit(clients: u32) -> u32 {
    let wanted = u64::from(clients) + RESERVED;
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // Safety: the calls only read or fill the struct they are given.
    unsafe {
        if libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) != 0 || limit.rlim_cur >= wanted {
            return clients;
        }
        let asked = libc::rlimit { rlim_cur: wanted, rlim_max: limit.rlim_max.max(wanted) };
        let within = libc::rlimit { rlim_cur: wanted.min(limit.rlim_max), rlim_max: limit.rlim_max };
        if libc::setrlimit(libc::RLIMIT_NOFILE, &raw const asked) == 0 {
            return clients;
        }
        let is_raised = libc::setrlimit(libc::RLIMIT_NOFILE, &raw const within) == 0;
        let reached = if is_raised { within.rlim_cur } else { limit.rlim_cur };
        (reached.saturating_sub(RESERVED).max(1)).min(u64::from(clients)) as u32
    }
}
