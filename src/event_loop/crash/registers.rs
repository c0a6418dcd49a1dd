//! What the processor held when the signal came: registers, the words on top of the stack, the code around the instruction.
//!
//! Memory is read through a system call that fails where there is none, because addresses may be anything.

use super::out::Out;

/// Words of the stack that are shown.
const STACK_WORDS: usize = 16;
/// Bytes of code that are shown.
const CODE_BYTES: usize = 128;

/// The registers by name, as far as this processor's are known.
pub struct Registers<'c>(&'c libc::ucontext_t);

impl<'c> Registers<'c> {
    /// `context` as a handler is given it.
    pub fn new(context: &'c libc::ucontext_t) -> Registers<'c> {
        Registers(context)
    }

    /// The instruction at which the signal came.
    pub fn instruction(&self) -> usize {
        #[cfg(target_arch = "x86_64")]
        return self.0.uc_mcontext.gregs[libc::REG_RIP as usize] as usize;
        #[cfg(target_arch = "aarch64")]
        return self.0.uc_mcontext.pc as usize;
        #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
        0
    }

    fn stack(&self) -> usize {
        #[cfg(target_arch = "x86_64")]
        return self.0.uc_mcontext.gregs[libc::REG_RSP as usize] as usize;
        #[cfg(target_arch = "aarch64")]
        return self.0.uc_mcontext.sp as usize;
        #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
        0
    }

    #[cfg(target_arch = "x86_64")]
    fn write_all(&self, out: &mut Out) {
        const NAMES: [(&str, libc::c_int); 18] = [
            ("RAX", libc::REG_RAX),
            ("RBX", libc::REG_RBX),
            ("RCX", libc::REG_RCX),
            ("RDX", libc::REG_RDX),
            ("RDI", libc::REG_RDI),
            ("RSI", libc::REG_RSI),
            ("RBP", libc::REG_RBP),
            ("RSP", libc::REG_RSP),
            ("R8 ", libc::REG_R8),
            ("R9 ", libc::REG_R9),
            ("R10", libc::REG_R10),
            ("R11", libc::REG_R11),
            ("R12", libc::REG_R12),
            ("R13", libc::REG_R13),
            ("R14", libc::REG_R14),
            ("R15", libc::REG_R15),
            ("RIP", libc::REG_RIP),
            ("EFL", libc::REG_EFL),
        ];
        for pair in NAMES.chunks(2) {
            for (name, index) in pair {
                out.text(format_args!("{name}:{:016x} ", self.0.uc_mcontext.gregs[*index as usize]));
            }
            out.bytes(b"\n");
        }
    }

    #[cfg(target_arch = "aarch64")]
    fn write_all(&self, out: &mut Out) {
        let machine = &self.0.uc_mcontext;
        for (index, value) in machine.regs.iter().enumerate() {
            out.text(format_args!("X{index}:{value:016x}{}", if index % 2 == 1 { "\n" } else { " " }));
        }
        out.text(format_args!("\npc:{:016x} sp:{:016x} pstate:{:016x}\n", machine.pc, machine.sp, machine.pstate));
    }

    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    fn write_all(&self, out: &mut Out) {
        out.bytes(b"Registers of this processor are not known here.\n");
    }

    /// Writes the registers and, unless it may hold what users sent, the top of the stack.
    pub fn write(&self, out: &mut Out, hides_user_data: bool) {
        out.title("REGISTERS");
        self.write_all(out);
        if hides_user_data {
            out.line(format_args!("hide-user-data-from-log is on, skip logging stack content to avoid spilling PII"));
            return;
        }
        let mut bytes = [0; STACK_WORDS * size_of::<usize>()];
        let len = read_memory(self.stack(), &mut bytes);
        for (index, word) in bytes[..len].chunks_exact(size_of::<usize>()).enumerate().rev() {
            let word = usize::from_ne_bytes(word.try_into().expect("a chunk is a word"));
            let address = self.stack() + index * size_of::<usize>();
            out.text(format_args!("({address:016x}) -> {word:016x}\n"));
        }
        out.flush();
    }

    /// Writes the bytes of code around the instruction, for a disassembler.
    pub fn write_code(&self, out: &mut Out) {
        let from = self.instruction().saturating_sub(CODE_BYTES / 2);
        let mut bytes = [0; CODE_BYTES];
        let len = read_memory(from, &mut bytes);
        if len == 0 {
            return;
        }
        out.title("DUMPING CODE AROUND EIP");
        out.text(format_args!("{len} bytes from {from:#x}\n$ xxd -r -p /tmp/dump.hex /tmp/dump.bin\n"));
        out.text(format_args!("$ objdump --adjust-vma={from:#x} -D -b binary -m {} /tmp/dump.bin\n------\n", MACHINE));
        for byte in &bytes[..len] {
            out.text(format_args!("{byte:02x}"));
        }
        out.bytes(b"\n");
        out.flush();
    }
}

/// The machine as objdump names it.
const MACHINE: &str = if cfg!(target_arch = "x86_64") { "i386:x86-64" } else { "aarch64" };

/// Copies from an address that may not be there; gives how many bytes were.
fn read_memory(address: usize, into: &mut [u8]) -> usize {
    let here = libc::iovec { iov_base: into.as_mut_ptr().cast(), iov_len: into.len() };
    let there = libc::iovec { iov_base: address as *mut libc::c_void, iov_len: into.len() };
    // Safety: the kernel checks the address that is read; the slice is writable for its length.
    let count = unsafe { libc::process_vm_readv(libc::getpid(), &raw const here, 1, &raw const there, 1, 0) };
    count.max(0) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_that_is_not_there_is_not_read() {
        let mut bytes = [0; 8];
        assert_eq!(read_memory(8, &mut bytes), 0);
        let word = 0x1122_3344_5566_7788_u64;
        // A sandbox may forbid the call, and then nothing is read.
        if read_memory(&raw const word as usize, &mut bytes) == 8 {
            assert_eq!(u64::from_ne_bytes(bytes), word);
        }
    }
}
