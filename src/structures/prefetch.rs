//! Asks the processor to bring a cache line near before it is needed: one portable face over the machines' own hints.

/// Starts loading the cache line at `address`, which may be anything, even invalid: a hint never faults.
/// Where the machine's hint is not known this does nothing, which is always right.
#[inline(always)]
pub fn prefetch<T>(address: *const T) {
    #[cfg(target_arch = "x86_64")]
    // Safety: the instruction is part of every x86-64 and does not fault on any address.
    unsafe {
        std::arch::x86_64::_mm_prefetch::<{ std::arch::x86_64::_MM_HINT_T0 }>(address.cast());
    }
    #[cfg(target_arch = "aarch64")]
    // Safety: the instruction is part of every aarch64, changes no register or memory and does not fault on any address.
    unsafe {
        std::arch::asm!("prfm pldl1keep, [{0}]", in(reg) address, options(nostack, readonly, preserves_flags));
    }
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    let _ = address;
}

#[cfg(test)]
mod tests {
    use super::prefetch;

    static EXAMPLE: u64 = 7;

    #[test]
    fn any_address_is_allowed() {
        prefetch(std::ptr::null::<u8>());
        prefetch(&raw const EXAMPLE);
        prefetch(std::ptr::without_provenance::<u64>(1));
    }
}
