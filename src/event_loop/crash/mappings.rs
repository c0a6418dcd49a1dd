//! The process's memory by regions, read from `/proc/self/maps` without taking memory.

use std::ffi::CStr;

/// Longest line that is looked at; what is longer is a long path, which is cut.
const LINE_BYTES_MAX: usize = 512;
/// Bytes read from the kernel at once.
const READ_BYTES: usize = 2048;
/// Longest path that is kept.
pub const PATH_BYTES_MAX: usize = 256;

/// One region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mapping<'m> {
    pub start: usize,
    pub end: usize,
    /// As the kernel writes them: `rw-p`.
    pub permissions: &'m [u8],
    /// Where in its file it begins.
    pub offset: usize,
    /// A file, a name in brackets, or nothing.
    pub path: &'m [u8],
}

/// `start-end permissions offset device inode path`, numbers in hexadecimal digits.
fn parse(line: &[u8]) -> Option<Mapping<'_>> {
    let mut words = line.splitn(6, |byte| *byte == b' ');
    let range = words.next()?;
    let dash = range.iter().position(|byte| *byte == b'-')?;
    let permissions = words.next()?;
    let offset = hexadecimal(words.next()?)?;
    let path = words.nth(2).unwrap_or(b"").trim_ascii();
    Some(Mapping {
        start: hexadecimal(&range[..dash])?,
        end: hexadecimal(&range[dash + 1..])?,
        permissions,
        offset,
        path,
    })
}

fn hexadecimal(digits: &[u8]) -> Option<usize> {
    usize::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

/// Shows every region to `visit`, in the order of addresses.
pub fn for_each(visit: &mut dyn FnMut(&Mapping)) {
    const MAPS: &CStr = c"/proc/self/maps";
    // Safety: a constant path.
    let descriptor = unsafe { libc::open(MAPS.as_ptr(), libc::O_RDONLY | libc::O_CLOEXEC) };
    if descriptor < 0 {
        return;
    }
    let (mut line, mut used) = ([0; LINE_BYTES_MAX], 0);
    let mut bytes = [0; READ_BYTES];
    loop {
        // Safety: the buffer is writable for its length.
        let count = unsafe { libc::read(descriptor, bytes.as_mut_ptr().cast(), bytes.len()) };
        if count <= 0 {
            break;
        }
        for &byte in &bytes[..count as usize] {
            if byte == b'\n' {
                if let Some(mapping) = parse(&line[..used]) {
                    visit(&mapping);
                }
                used = 0;
            } else if used < LINE_BYTES_MAX {
                line[used] = byte;
                used += 1;
            }
        }
    }
    // Safety: the descriptor is ours, and nobody uses it after this.
    unsafe { libc::close(descriptor) };
}

/// The file that holds an address, and where it was put.
pub struct Place {
    path: [u8; PATH_BYTES_MAX + 1],
    path_len: usize,
    /// The address at which the file's first byte was mapped.
    pub base: usize,
}

impl Place {
    pub fn path(&self) -> &[u8] {
        &self.path[..self.path_len]
    }

    /// The path as C text.
    pub fn c_path(&self) -> &CStr {
        CStr::from_bytes_until_nul(&self.path).unwrap_or(c"")
    }

    /// The last part of the path.
    pub fn name(&self) -> &[u8] {
        self.path().rsplit(|byte| *byte == b'/').next().unwrap_or(b"")
    }
}

/// Finds the file to which an address belongs.
pub fn find(address: usize) -> Option<Place> {
    let (mut place, mut found) = (Place { path: [0; PATH_BYTES_MAX + 1], path_len: 0, base: 0 }, false);
    for_each(&mut |mapping| {
        if found {
            return;
        }
        if mapping.offset == 0 && mapping.path.starts_with(b"/") {
            let len = mapping.path.len().min(PATH_BYTES_MAX);
            place.path = [0; PATH_BYTES_MAX + 1];
            place.path[..len].copy_from_slice(&mapping.path[..len]);
            (place.path_len, place.base) = (len, mapping.start);
        }
        let len = mapping.path.len().min(PATH_BYTES_MAX);
        found = (mapping.start..mapping.end).contains(&address) && mapping.path.get(..len) == Some(place.path());
    });
    (found && place.path_len > 0).then_some(place)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_as_the_kernel_writes_them() {
        let line = b"7f00-7f10 rw-p 0000a000 fd:01 1234                       /usr/lib/lib x.so";
        let expected =
            Mapping { start: 0x7f00, end: 0x7f10, permissions: b"rw-p", offset: 0xa000, path: b"/usr/lib/lib x.so" };
        assert_eq!(parse(line), Some(expected));
        assert_eq!(parse(b"1-2 r--s 00000000 00:00 0 ").map(|mapping| mapping.path), Some(&b""[..]));
        assert_eq!(parse(b"x-2 r--s 00000000 00:00 0 "), None);
        assert_eq!(parse(b""), None);
    }

    #[test]
    fn a_function_of_ours_is_in_our_file() {
        let place = find(for_each as *const () as usize).expect("code is mapped from a file");
        assert_eq!(
            Some(place.path()),
            std::env::current_exe().ok().as_deref().map(|p| p.as_os_str().as_encoded_bytes())
        );
        assert!(find(8).is_none());
    }
}
