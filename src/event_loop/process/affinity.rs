//! The processors a process may run on: lists as `taskset` takes them, `0,3-5,8-15:2`.

use std::io;

/// Processors that the kernel's set of this size can name.
const PROCESSORS_MAX: usize = libc::CPU_SETSIZE as usize;

/// The numbers in a list; `None` if it is no list.
fn parse(list: &[u8]) -> Option<Vec<usize>> {
    let number = |text: &str| text.trim().parse::<usize>().ok().filter(|number| *number < PROCESSORS_MAX);
    let mut numbers = Vec::new();
    for part in std::str::from_utf8(list).ok()?.split(',') {
        let (range, step) = match part.split_once(':') {
            Some((range, step)) => (range, number(step).filter(|step| *step > 0)?),
            None => (part, 1),
        };
        let (first, last) = match range.split_once('-') {
            Some((first, last)) => (number(first)?, number(last)?),
            None => (number(range)?, number(range)?),
        };
        if first > last {
            return None;
        }
        numbers.extend((first..=last).step_by(step));
    }
    Some(numbers)
}

/// Keeps the calling thread, and what it begins, on the processors of the list; nothing happens if it is empty.
pub fn pin(list: &[u8]) -> io::Result<()> {
    if list.is_empty() {
        return Ok(());
    }
    let numbers = parse(list).ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
    // Safety: all zeros is an empty set; numbers are within it; the call reads it.
    unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        for number in numbers {
            libc::CPU_SET(number, &mut set);
        }
        let rc = libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &raw const set);
        if rc < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn lists_as_taskset_takes_them() {
        assert_eq!(parse(b"3"), Some(vec![3]));
        assert_eq!(parse(b"0,3-5"), Some(vec![0, 3, 4, 5]));
        assert_eq!(parse(b"8-15:2, 1"), Some(vec![8, 10, 12, 14, 1]));
        for bad in ["", "a", "5-3", "1-", "0-4:0", "99999", "1,,2"] {
            assert_eq!(parse(bad.as_bytes()), None, "{bad}");
        }
    }
}
