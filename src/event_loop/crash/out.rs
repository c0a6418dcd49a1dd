//! Text on its way to the log, without taking memory: a small buffer and `write`.

use std::fmt;
use std::os::fd::RawFd;

/// Bytes gathered before they are written: most lines go in one piece.
const BUFFER_BYTES: usize = 512;

/// Where a report is written.
pub struct Out {
    descriptor: RawFd,
    buffer: [u8; BUFFER_BYTES],
    used: usize,
}

impl Out {
    pub fn new(descriptor: RawFd) -> Out {
        Out { descriptor, buffer: [0; BUFFER_BYTES], used: 0 }
    }

    /// Text as it is.
    pub fn bytes(&mut self, bytes: &[u8]) {
        for piece in bytes.chunks(BUFFER_BYTES) {
            if self.used + piece.len() > BUFFER_BYTES {
                self.flush();
            }
            self.buffer[self.used..self.used + piece.len()].copy_from_slice(piece);
            self.used += piece.len();
        }
    }

    /// Formatted text; nothing that is printed here takes memory.
    pub fn text(&mut self, text: fmt::Arguments) {
        // It never fails: what cannot be written is lost.
        let _ = fmt::write(self, text);
    }

    /// One line as the log has it from a signal handler: who, when in seconds since the epoch, what.
    pub fn line(&mut self, text: fmt::Arguments) {
        // Safety: both calls only read.
        let (pid, now_s) = unsafe { (libc::getpid(), libc::time(std::ptr::null_mut())) };
        self.text(format_args!("{pid}:signal-handler ({now_s}) {text}\n"));
        self.flush();
    }

    /// The head of a part of the report.
    pub fn title(&mut self, title: &str) {
        self.text(format_args!("\n------ {title} ------\n"));
        self.flush();
    }

    pub fn flush(&mut self) {
        let mut from = 0;
        while from < self.used {
            let rest = &self.buffer[from..self.used];
            // Safety: the slice is readable for its length.
            match unsafe { libc::write(self.descriptor, rest.as_ptr().cast(), rest.len()) } {
                count @ 1.. => from += count as usize,
                _ => break,
            }
        }
        self.used = 0;
    }
}

impl fmt::Write for Out {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.bytes(text.as_bytes());
        Ok(())
    }
}
