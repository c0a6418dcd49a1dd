//! What is wrong with the machine: settings of the kernel that hurt a database, as warnings at start.
//!
//! Judges the texts of the kernel's files; reading them is the caller's matter. Where a file is missing there is
//! nothing to say.

/// `vm.overcommit_memory`.
pub const OVERCOMMIT_PATH: &str = "/proc/sys/vm/overcommit_memory";
/// Transparent huge pages.
pub const HUGE_PAGES_PATH: &str = "/sys/kernel/mm/transparent_hugepage/enabled";
/// The greatest backlog of a listening socket.
pub const SOMAXCONN_PATH: &str = "/proc/sys/net/core/somaxconn";

/// What the kernel reads the clock from.
pub const CLOCK_SOURCE_PATH: &str = "/sys/devices/system/clocksource/clocksource0/current_clocksource";

/// Xen's clock is read by a system call, and slowly.
pub fn xen_clock_warning(text: &str) -> Option<String> {
    (text.trim() == "xen").then(|| {
        "Your system is configured to use the 'xen' clocksource, which is slow to read. Write 'tsc' to \
         /sys/devices/system/clocksource/clocksource0/current_clocksource to change that."
            .to_string()
    })
}

/// Without overcommit a fork of a large process is refused.
pub fn overcommit_warning(text: &str) -> Option<String> {
    (text.trim() != "1" && !text.trim().is_empty()).then(|| {
        "WARNING Memory overcommit must be enabled! Without it a background save may fail although memory is free, \
         because the child is counted twice. Add 'vm.overcommit_memory = 1' to /etc/sysctl.conf and reboot, \
         or run the command 'sysctl vm.overcommit_memory=1' for this to take effect at once."
            .to_string()
    })
}

/// Huge pages are copied whole when a fork's parent writes one byte.
pub fn huge_pages_warning(text: &str) -> Option<String> {
    text.contains("[always]").then(|| {
        "WARNING You have Transparent Huge Pages (THP) support enabled in your kernel. It makes memory usage and latency \
         grow while a snapshot is written. Run 'echo madvise > /sys/kernel/mm/transparent_hugepage/enabled' as root, \
         and add it to /etc/rc.local to keep it after a reboot."
            .to_string()
    })
}

/// A backlog above the kernel's limit is cut without a word.
pub fn backlog_warning(text: &str, backlog: i32) -> Option<String> {
    let limit: i64 = text.trim().parse().ok()?;
    (limit > 0 && limit < i64::from(backlog)).then(|| {
        format!(
            "WARNING: The TCP backlog setting of {backlog} cannot be enforced because /proc/sys/net/core/somaxconn is set \
             to the lower value of {limit}."
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_hurts_is_said() {
        assert!(overcommit_warning("0\n").is_some());
        assert!(overcommit_warning("1\n").is_none());
        assert!(huge_pages_warning("[always] madvise never\n").is_some());
        assert!(huge_pages_warning("always [madvise] never\n").is_none());
        assert!(xen_clock_warning("xen\n").is_some() && xen_clock_warning("tsc\n").is_none());
        assert!(backlog_warning("128\n", 511).is_some_and(|text| text.ends_with("value of 128.")));
        assert!(backlog_warning("4096\n", 511).is_none());
        assert!(backlog_warning("", 511).is_none());
    }
}
