//! The name under which `ps` shows the process, written over the words it was started with.
//!
//! ```text
//!   | arguments | environment |      the kernel's own region at the top of the stack
//!   | title ... 0 0 0 0 0 0 0 |      the environment was copied away before
//! ```
//!
//! The kernel shows the arguments only, unless their last byte is no zero: then it takes the whole region up to the first
//! zero for a title.

use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use crate::config::Settings;
use crate::config::table::expand_title;

/// The region and what titles are made of.
#[derive(Debug, Default)]
pub struct Title {
    /// Start of the arguments, their end, the end of all; zeros: the title cannot be set.
    start: usize,
    arguments_end: usize,
    end: usize,
    /// The first word of the command line.
    program: Vec<u8>,
    config_file: Option<PathBuf>,
}

unsafe extern "C" {
    static mut environ: *mut *mut libc::c_char;
}

impl Title {
    /// Finds the region and moves the environment out of it. Once a process, before it has threads.
    pub fn prepare(program: Vec<u8>, config_file: Option<PathBuf>) -> Title {
        let unset = Title { program, config_file, ..Title::default() };
        // Fields 48 to 51 of the line; the second one, a name in brackets, may hold blanks.
        let line = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
        let behind_name = line.rsplit_once(')').map_or("", |(_, rest)| rest);
        let mut numbers = behind_name.split_ascii_whitespace().skip(45).map_while(|word| word.parse::<usize>().ok());
        let bounds = (numbers.next(), numbers.next(), numbers.next(), numbers.next());
        let (Some(start), Some(arguments_end), Some(environment), Some(end)) = bounds else { return unset };
        if start == 0 || start >= arguments_end {
            return unset;
        }
        // An environment elsewhere is left alone, and the title has only the arguments' room.
        let end = if environment == arguments_end && end > environment { end } else { arguments_end };
        move_environment();
        Title { start, arguments_end, end, ..unset }
    }

    /// The title that the settings ask for, of a process called `name`; `None`: none.
    pub fn text(&self, settings: &Settings, name: &[u8]) -> Option<Vec<u8>> {
        if !settings.set_proc_title {
            return None;
        }
        let text = expand_title(&settings.proc_title_template, |variable| {
            Some(match variable {
                b"title" => name.to_vec(),
                b"listen-addr" => listen_address(settings),
                b"server-mode" => Vec::new(),
                b"port" => settings.port.to_string().into_bytes(),
                b"tls-port" => settings.tls_port.to_string().into_bytes(),
                b"unixsocket" => settings.unix_socket.clone(),
                b"config-file" => {
                    self.config_file.as_ref().map_or_else(Vec::new, |path| path.as_os_str().as_bytes().to_vec())
                }
                _ => return None,
            })
        });
        text.map(|text| text.trim_ascii_end().to_vec())
    }

    /// Shows the server under the title that the settings ask for.
    pub fn show(&self, settings: &Settings) {
        if let Some(text) = self.text(settings, &self.program) {
            self.write(&text);
        }
    }

    /// Puts a title in place, cut to the room there is.
    pub fn write(&self, text: &[u8]) {
        let room = self.end - self.start;
        if room == 0 {
            return;
        }
        let len = text.len().min(room - 1);
        // Safety: the region is the process's own, writable, and since the environment was moved nothing reads it but
        // the kernel.
        unsafe {
            let region = self.start as *mut u8;
            region.write_bytes(0, room);
            region.copy_from_nonoverlapping(text.as_ptr(), len);
            let last = self.arguments_end - self.start - 1;
            if len <= last && self.end > self.arguments_end {
                // A byte that is no zero makes the kernel look for the first zero; behind the title it is not shown.
                region.add(last).write(if len == last { b' ' } else { b'.' });
            }
        }
    }
}

fn listen_address(settings: &Settings) -> Vec<u8> {
    let port = if settings.tls_port != 0 { settings.tls_port } else { settings.port };
    if port == 0 {
        return settings.unix_socket.clone();
    }
    let address = settings.bind.first().map_or(&b"*"[..], |address| address.as_slice());
    [address, b":", port.to_string().as_bytes()].concat()
}

/// Copies the environment's texts to memory that stays.
fn move_environment() {
    // Safety: there is one thread; the list ends in a null, its texts in zero bytes; the copies are never freed.
    unsafe {
        if environ.is_null() {
            return;
        }
        let mut copies: Vec<*mut libc::c_char> = Vec::new();
        let mut at = environ;
        while !(*at).is_null() {
            copies.push(libc::strdup(*at));
            at = at.add(1);
        }
        copies.push(std::ptr::null_mut());
        environ = Box::leak(copies.into_boxed_slice()).as_mut_ptr();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_by_template() {
        let title = Title { config_file: Some("/etc/redis.conf".into()), ..Title::default() };
        let mut settings = Settings { bind: vec![b"127.0.0.1".to_vec()], ..Settings::default() };
        let text =
            |settings: &Settings| title.text(settings, b"name").map(|text| String::from_utf8_lossy(&text).into_owned());
        assert_eq!(text(&settings).as_deref(), Some("name 127.0.0.1:6379"));
        settings.proc_title_template = b"{{ {title} {port} {tls-port} {config-file} {server-mode}".to_vec();
        assert_eq!(text(&settings).as_deref(), Some("{ name 6379 0 /etc/redis.conf"));
        settings.set_proc_title = false;
        assert_eq!(text(&settings), None);
    }
}
