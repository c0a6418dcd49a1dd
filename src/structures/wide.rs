//! One loop over bytes, compiled twice: for every machine of its kind, and for those with wide registers (AVX2).
//!
//! The loop is written once, plainly, over words; the compiler makes wide code of it where it may use it. So the plain
//! form is not another text that could be wrong by itself, and tests run both. On aarch64 the plain form is wide already:
//! there, wide registers are part of every machine.

/// Whether this machine has wide registers; tests may say that it has none.
#[inline]
pub(super) fn is_wide() -> bool {
    #[cfg(test)]
    if PLAIN_ONLY.get() {
        return false;
    }
    #[cfg(target_arch = "x86_64")]
    {
        std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("popcnt")
    }
    #[cfg(not(target_arch = "x86_64"))]
    {
        false
    }
}

#[cfg(test)]
thread_local! {
    /// Set by tests: only the plain form is run.
    pub(super) static PLAIN_ONLY: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
}

/// Runs a test's body in the plain form, and in the wide one where the machine has it.
#[cfg(test)]
pub(super) fn in_both_widths(body: impl Fn()) {
    for plain_only in [true, false] {
        PLAIN_ONLY.set(plain_only);
        body();
    }
}

/// Declares a function whose body is compiled in both widths.
macro_rules! in_two_widths {
    ($(#[$note:meta])* $seen:vis fn $name:ident($($word:ident: $kind:ty),*) $(-> $result:ty)? $body:block) => {
        $(#[$note])*
        #[inline]
        $seen fn $name($($word: $kind),*) $(-> $result)? {
            #[inline(always)]
            fn plain($($word: $kind),*) $(-> $result)? $body
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,popcnt")]
            fn wide($($word: $kind),*) $(-> $result)? {
                plain($($word),*)
            }
            #[cfg(target_arch = "x86_64")]
            if $crate::structures::wide::is_wide() {
                // Safety: `is_wide` asked the machine for both features.
                return unsafe { wide($($word),*) };
            }
            plain($($word),*)
        }
    };
}

pub(super) use in_two_widths;
