//! The order of texts in the language that `locale-collate` names, which only the C library knows.
//!
//! The locale is the process's own and is set while nothing but the one thread of the server looks at it. In the plain
//! locale, and until another is set, the order is that of the bytes.

use std::ffi::{CStr, CString};
use std::ptr;

/// Takes another locale for comparing, by name; empty: the one that the environment names. False if there is none such.
pub fn set_locale(name: &[u8]) -> bool {
    let Ok(name) = CString::new(name) else { return false };
    // Safety: a string that ends with a zero byte; no other thread reads the locale.
    unsafe { !libc::setlocale(libc::LC_COLLATE, name.as_ptr()).is_null() }
}

/// Whether texts are compared by their bytes.
pub fn is_by_bytes() -> bool {
    // Safety: with no name the call only tells; what it points to lives until the next call that sets.
    let name = unsafe {
        let name = libc::setlocale(libc::LC_COLLATE, ptr::null());
        if name.is_null() {
            return true;
        }
        CStr::from_ptr(name).to_bytes()
    };
    matches!(name, b"C" | b"POSIX" | b"C.UTF-8" | b"C.utf8")
}

/// Bytes whose order is that of the texts in the locale. A text ends at its first zero byte.
pub fn collation_key(text: &[u8]) -> Vec<u8> {
    let end = text.iter().position(|&byte| byte == 0).unwrap_or(text.len());
    let text = CString::new(&text[..end]).expect("there is no zero byte before the end");
    // Safety: the source ends with a zero byte; with a length of 0 nothing is written.
    let length = unsafe { libc::strxfrm(ptr::null_mut(), text.as_ptr(), 0) };
    let mut key = vec![0u8; length + 1];
    // Safety: as above, and the buffer has the length that is told.
    unsafe { libc::strxfrm(key.as_mut_ptr().cast(), text.as_ptr(), key.len()) };
    key.truncate(length);
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_sort_as_the_texts_do() {
        assert!(is_by_bytes(), "a process begins in the plain locale");
        assert!(!set_locale(b"xx_NOWHERE") && !set_locale(b"C\0"));
        assert!(set_locale(b"C"));
        let texts: [&[u8]; 4] = [b"", b"A", b"a", b"a\0b"];
        let keys: Vec<Vec<u8>> = texts.iter().map(|text| collation_key(text)).collect();
        assert!(keys.is_sorted());
        assert_eq!(keys[2], keys[3]);
    }
}
