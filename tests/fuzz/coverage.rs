//! Which places of the code were reached: the counters that the compiler puts in with `-C instrument-coverage`, read from
//! within. Builds without them (`make test`) reach nothing new, and mutate the corpus as it is.

/// Places reached so far.
#[derive(Debug, Default)]
pub struct Coverage {
    reached: Vec<bool>,
    count: usize,
}

impl Coverage {
    /// Places reached by anything so far; 0 without counters.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Takes in what was reached since the last call. True if some of it was new.
    pub fn take(&mut self) -> bool {
        let counters = counters();
        self.reached.resize(counters.len(), false);
        let before = self.count;
        for (counter, reached) in counters.iter_mut().zip(&mut self.reached) {
            if *counter != 0 {
                *counter = 0;
                self.count += usize::from(!std::mem::replace(reached, true));
            }
        }
        self.count > before
    }
}

#[cfg(fuzz_coverage)]
fn counters() -> &'static mut [u64] {
    unsafe extern "C" {
        fn __llvm_profile_begin_counters() -> *mut u64;
        fn __llvm_profile_end_counters() -> *mut u64;
    }
    // Safety: the profiler's runtime gives the bounds of one section of 64-bit counters. Targets run one at a time and in this
    // thread; a count that another thread adds meanwhile may be lost, which is no harm.
    unsafe {
        let begin = __llvm_profile_begin_counters();
        let length = __llvm_profile_end_counters().offset_from_unsigned(begin);
        std::slice::from_raw_parts_mut(begin, length)
    }
}

#[cfg(not(fuzz_coverage))]
fn counters() -> &'static mut [u64] {
    &mut []
}
