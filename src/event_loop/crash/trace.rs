//! The stack: addresses by the unwinder that the language brings along, names from the files' own tables.

use std::ffi::{c_int, c_void};

use super::elf;
use super::mappings;
use super::out::Out;

/// Frames shown at most: what recurses endlessly shows its pattern in as many.
const FRAMES_MAX: usize = 100;

// The unwinder of the C and C++ world, which std links for panics.
unsafe extern "C" {
    fn _Unwind_Backtrace(visit: extern "C" fn(*mut c_void, *mut c_void) -> c_int, state: *mut c_void) -> c_int;
    fn _Unwind_GetIP(frame: *mut c_void) -> usize;
}

/// `_URC_NO_REASON`: on to the next frame; another number ends the walk.
const GO_ON: c_int = 0;
const END: c_int = 4;

/// Addresses of a stack, innermost first.
pub struct Stack {
    frames: [usize; FRAMES_MAX],
    len: usize,
}

extern "C" fn note(frame: *mut c_void, state: *mut c_void) -> c_int {
    // Safety: the unwinder gives us the state we gave it, and a frame that it is at.
    let (stack, address) = unsafe { (&mut *state.cast::<Stack>(), _Unwind_GetIP(frame)) };
    // The outermost frame may have no address.
    if stack.len == FRAMES_MAX || address == 0 {
        return END;
    }
    stack.frames[stack.len] = address;
    stack.len += 1;
    GO_ON
}

impl Stack {
    /// The stack of this thread, here.
    pub fn here() -> Stack {
        let mut stack = Stack { frames: [0; FRAMES_MAX], len: 0 };
        // Safety: `note` keeps to what the unwinder asks of it.
        unsafe { _Unwind_Backtrace(note, (&raw mut stack).cast()) };
        stack
    }

    /// From `address` on, where it is in there: the frames before it are the handler's own.
    pub fn from(&self, address: Option<usize>) -> &[usize] {
        let frames = &self.frames[..self.len];
        let at = frames.iter().position(|frame| Some(*frame) == address);
        &frames[at.unwrap_or(0)..]
    }
}

/// Writes a frame: `file(function+offset) [address] +offset in the file`, for `addr2line`. The address of a frame that
/// called another is behind the call.
pub fn write_frame(out: &mut Out, address: usize, is_call: bool) {
    let looked_up = address.saturating_sub(usize::from(is_call));
    match mappings::find(looked_up) {
        None => out.text(format_args!("[{address:#x}]\n")),
        Some(place) => {
            // Our own file may have been replaced on the disk since: the kernel still has the one that runs.
            let is_own = mappings::find(write_frame as *const () as usize).is_some_and(|own| own.base == place.base);
            let path = if is_own { c"/proc/self/exe" } else { place.c_path() };
            let offset = address - place.base;
            out.bytes(place.name());
            out.bytes(b"(");
            elf::with_file(path, |file| {
                if let Some(symbol) = elf::symbol(file, looked_up - place.base) {
                    write_name(out, symbol.name);
                    out.text(format_args!("+{:#x}", offset - symbol.start));
                }
            });
            out.text(format_args!(") [{address:#x}] +{offset:#x}\n"));
        }
    }
    out.flush();
}

fn write_name(out: &mut Out, name: &[u8]) {
    match std::str::from_utf8(name) {
        Ok(name) => out.text(format_args!("{:#}", rustc_demangle::demangle(name))),
        Err(_) => out.bytes(name),
    }
}

/// Writes the whole part: where it happened, and how it came there. `at`: the instruction at fault, if one is.
pub fn write(out: &mut Out, at: Option<usize>) {
    let stack = Stack::here();
    out.title("STACK TRACE");
    if let Some(at) = at {
        out.text(format_args!("EIP:\n"));
        write_frame(out, at, false);
    }
    out.text(format_args!("\nBacktrace:\n"));
    for (index, &frame) in stack.from(at).iter().enumerate() {
        write_frame(out, frame, index > 0 || at.is_none());
    }
    out.title("STACK TRACE DONE");
}
