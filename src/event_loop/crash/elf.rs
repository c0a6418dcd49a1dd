//! Names of functions from an ELF file's table of symbols: the file is mapped, looked through once, and let go.
//!
//! Reads 64-bit files of the machine's own byte order (what can run here). Every offset in the file is checked, because a
//! file may be anything; what does not fit gives no name.

use std::ffi::CStr;

const SECTION_BYTES: usize = 64;
const SYMBOL_BYTES: usize = 24;
/// The symbols that programs are linked by, all of them, and those that others may use.
const SYMBOL_TABLES: [u32; 2] = [2, 11];
const FUNCTION: u8 = 2;

/// Numbers at their places in the file.
struct Bytes<'b>(&'b [u8]);

impl<'b> Bytes<'b> {
    fn at(&self, offset: usize, len: usize) -> Option<&'b [u8]> {
        self.0.get(offset..offset.checked_add(len)?)
    }

    fn u16(&self, offset: usize) -> Option<u16> {
        self.at(offset, 2)?.try_into().ok().map(u16::from_ne_bytes)
    }

    fn u32(&self, offset: usize) -> Option<u32> {
        self.at(offset, 4)?.try_into().ok().map(u32::from_ne_bytes)
    }

    fn word(&self, offset: usize) -> Option<usize> {
        self.at(offset, 8)?.try_into().ok().map(u64::from_ne_bytes).and_then(|word| usize::try_from(word).ok())
    }
}

/// A function and where it begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Symbol<'s> {
    pub name: &'s [u8],
    pub start: usize,
}

/// The function that holds `address`, counted from the file's first byte in memory.
pub fn symbol(file: &[u8], address: usize) -> Option<Symbol<'_>> {
    let file = Bytes(file);
    if file.at(0, 5)? != b"\x7fELF\x02" {
        return None;
    }
    let (sections, size, count) = (file.word(0x28)?, file.u16(0x3a)?, file.u16(0x3c)?);
    if usize::from(size) != SECTION_BYTES {
        return None;
    }
    let section = |index: usize| {
        let at = sections.checked_add(index.checked_mul(SECTION_BYTES)?)?;
        file.at(at, SECTION_BYTES).map(Bytes)
    };
    for kind in SYMBOL_TABLES {
        for index in 0..usize::from(count) {
            let header = section(index)?;
            if header.u32(4)? == kind {
                let names = section(header.u32(40)? as usize)?;
                let names = file.at(names.word(24)?, names.word(32)?)?;
                let symbols = file.at(header.word(24)?, header.word(32)?)?;
                if let Some(symbol) = search(symbols, names, address) {
                    return Some(symbol);
                }
            }
        }
    }
    None
}

fn search<'s>(symbols: &[u8], names: &'s [u8], address: usize) -> Option<Symbol<'s>> {
    for entry in symbols.chunks_exact(SYMBOL_BYTES) {
        let entry = Bytes(entry);
        let (start, len) = (entry.word(8)?, entry.word(16)?);
        if entry.at(4, 1)?[0] & 0xf == FUNCTION && start <= address && address - start < len.max(1) {
            let name = names.get(entry.u32(0)? as usize..)?;
            let end = memchr::memchr(0, name)?;
            return Some(Symbol { name: &name[..end], start });
        }
    }
    None
}

/// Maps a file and shows it to `look`.
pub fn with_file<T>(path: &CStr, look: impl FnOnce(&[u8]) -> T) -> Option<T> {
    // Safety: the path is C text; the descriptor is ours and is closed here.
    let (mapped, len) = unsafe {
        let descriptor = libc::open(path.as_ptr(), libc::O_RDONLY | libc::O_CLOEXEC);
        if descriptor < 0 {
            return None;
        }
        let mut facts: libc::stat = std::mem::zeroed();
        let is_known = libc::fstat(descriptor, &raw mut facts) == 0;
        let len = facts.st_size.max(0) as usize;
        let mapped = match is_known && len > 0 {
            true => libc::mmap(std::ptr::null_mut(), len, libc::PROT_READ, libc::MAP_PRIVATE, descriptor, 0),
            false => libc::MAP_FAILED,
        };
        libc::close(descriptor);
        (mapped, len)
    };
    if mapped == libc::MAP_FAILED {
        return None;
    }
    // Safety: the mapping is readable for its length until it is let go below.
    let found = look(unsafe { std::slice::from_raw_parts(mapped.cast(), len) });
    // Safety: nothing of the mapping is used after this.
    unsafe { libc::munmap(mapped, len) };
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event_loop::crash::mappings;

    #[test]
    fn a_function_of_ours_has_its_name() {
        let address = mappings::for_each as *const () as usize;
        let place = mappings::find(address).expect("code is mapped from a file");
        let name = with_file(c"/proc/self/exe", |file| {
            symbol(file, address - place.base).map(|symbol| String::from_utf8_lossy(symbol.name).into_owned())
        });
        let name = name.flatten().expect("tests are not stripped");
        assert!(name.contains("for_each"), "{name}");
    }

    #[test]
    fn what_is_no_such_file_gives_no_name() {
        assert_eq!(symbol(b"", 1), None);
        assert_eq!(symbol(b"\x7fELF\x02", 1), None);
        let mut broken = vec![0xff; 200];
        broken[..5].copy_from_slice(b"\x7fELF\x02");
        assert_eq!(symbol(&broken, 1), None);
        broken[0x3a..0x3e].copy_from_slice(&[64, 0, 9, 0]);
        assert_eq!(symbol(&broken, 1), None);
        assert!(with_file(c"/nonexistent", |_| ()).is_none());
    }
}
