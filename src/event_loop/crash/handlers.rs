//! The handlers: who is called for which signal, on a stack of their own, and how the process ends after a report.

use std::ffi::c_void;
use std::io;
use std::panic::PanicHookInfo;
use std::ptr;
use std::sync::atomic::{AtomicI32, AtomicU32, Ordering};

use super::registers::Registers;
use super::{WATCHED, report, set_log_path, trace, with_log};

/// Signals that tell of a fault.
const FAULTS: [libc::c_int; 5] = [libc::SIGSEGV, libc::SIGBUS, libc::SIGFPE, libc::SIGILL, libc::SIGABRT];

/// Room for a handler: INFO and the unwinder want some, and the stack at fault may be full.
const STACK_BYTES: usize = 1 << 20;

/// A report that takes longer than this hangs on a lock that is never given back.
const REPORT_SECONDS_MAX: u32 = 20;

/// How many reports have begun: 0 when all is well.
static REPORTS: AtomicU32 = AtomicU32::new(0);
/// The signal that began the report.
static CAUSE: AtomicI32 = AtomicI32::new(libc::SIGABRT);

type Handler = extern "C" fn(libc::c_int, *mut libc::siginfo_t, *mut c_void);

/// Installs the handlers and the hook for panics; once a process, by the thread that will run the loop.
pub fn install(log_path: &[u8]) -> io::Result<()> {
    set_log_path(log_path);
    // Safety: gettid only tells.
    WATCHED.thread.store(unsafe { libc::gettid() }, Ordering::Relaxed);
    make_stack()?;
    // The first walk of a stack loads what it needs, which takes memory: better now than in a handler.
    trace::Stack::here();
    for signal in FAULTS {
        handle(signal, on_fault)?;
    }
    handle(libc::SIGALRM, on_alarm)?;
    std::panic::set_hook(Box::new(on_panic));
    Ok(())
}

/// A stack for handlers, between two pages that nobody may touch.
fn make_stack() -> io::Result<()> {
    // Safety: sysconf only reads; the mapping is new, and is never given back.
    unsafe {
        let page = libc::sysconf(libc::_SC_PAGESIZE).max(4096) as usize;
        let (all, private) = (STACK_BYTES + 2 * page, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
        let start = libc::mmap(ptr::null_mut(), all, libc::PROT_NONE, private, -1, 0);
        if start == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let usable = start.add(page);
        let stack = libc::stack_t { ss_sp: usable, ss_flags: 0, ss_size: STACK_BYTES };
        let is_ready = libc::mprotect(usable, STACK_BYTES, libc::PROT_READ | libc::PROT_WRITE) == 0
            && libc::sigaltstack(&raw const stack, ptr::null_mut()) == 0;
        if is_ready { Ok(()) } else { Err(io::Error::last_os_error()) }
    }
}

fn handle(signal: libc::c_int, handler: Handler) -> io::Result<()> {
    // Safety: all zeros is a valid action; the handler has the form that SA_SIGINFO asks for.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = handler as libc::sighandler_t;
        // A fault inside the handler must reach it again.
        action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK | libc::SA_NODEFER | libc::SA_RESTART;
        let rc = libc::sigaction(signal, &raw const action, ptr::null_mut());
        if rc < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
    }
}

extern "C" fn on_fault(signal: libc::c_int, info: *mut libc::siginfo_t, context: *mut c_void) {
    let earlier = REPORTS.fetch_add(1, Ordering::SeqCst);
    if earlier < 2 && WATCHED.writes_report.load(Ordering::Relaxed) {
        // Safety: the kernel gives both to a handler of this form.
        let (info, context) = unsafe { (&*info, &*context.cast::<libc::ucontext_t>()) };
        let fault = report::Fault { signal, info, registers: Registers::new(context) };
        if earlier == 0 {
            CAUSE.store(signal, Ordering::Relaxed);
            limit_report();
            with_log(|out| report::of_fault(out, &fault));
        } else {
            with_log(|out| report::of_fault_in_report(out, &fault));
        }
    }
    die_by(if earlier == 0 { signal } else { CAUSE.load(Ordering::Relaxed) });
}

/// Somebody wants to see where the server is; it goes on afterwards.
extern "C" fn on_alarm(_: libc::c_int, info: *mut libc::siginfo_t, context: *mut c_void) {
    // Safety: the kernel gives both to a handler of this form; a signal goes to a thread of this process.
    unsafe {
        let thread = WATCHED.thread.load(Ordering::Relaxed);
        if libc::gettid() != thread {
            libc::syscall(libc::SYS_tgkill, libc::getpid(), thread, libc::SIGALRM);
            return;
        }
        let (registers, sender) = (Registers::new(&*context.cast::<libc::ucontext_t>()), (*info).si_pid());
        with_log(|out| report::of_alarm(out, (*info).si_code, sender, &registers));
    }
}

fn on_panic(info: &PanicHookInfo) {
    let earlier = REPORTS.fetch_add(1, Ordering::SeqCst);
    if earlier == 0 {
        CAUSE.store(libc::SIGABRT, Ordering::Relaxed);
        limit_report();
        let is_wanted = WATCHED.writes_report.load(Ordering::Relaxed);
        with_log(|out| report::of_panic(out, info, is_wanted));
        if WATCHED.exits_on_panic.load(Ordering::Relaxed) {
            // Safety: leaves at once.
            unsafe { libc::_exit(1) };
        }
    }
    die_by(libc::SIGABRT);
}

/// Sets the alarm that ends a report which does not end by itself.
fn limit_report() {
    extern "C" fn on_stuck(_: libc::c_int, _: *mut libc::siginfo_t, _: *mut c_void) {
        with_log(|out| out.line(format_args!("The crash report does not come to an end: it is given up.")));
        die_by(CAUSE.load(Ordering::Relaxed));
    }
    // Without the alarm the report is still worth trying.
    let _ = handle(libc::SIGALRM, on_stuck);
    arm_watchdog(0);
    // Safety: a system call.
    unsafe { libc::alarm(REPORT_SECONDS_MAX) };
}

/// From here on the report may take its time.
pub fn unlimit_report() {
    // Safety: a system call.
    unsafe { libc::alarm(0) };
}

/// Ends the process as the signal does by default: with a core dump, if the system makes one.
fn die_by(signal: libc::c_int) -> ! {
    // Safety: system calls; a set of zeros is filled by the call that takes it.
    unsafe {
        libc::signal(signal, libc::SIG_DFL);
        let mut only: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut only);
        libc::sigaddset(&raw mut only, signal);
        libc::sigprocmask(libc::SIG_UNBLOCK, &raw const only, ptr::null_mut());
        libc::kill(libc::getpid(), signal);
        libc::_exit(1)
    }
}

/// SIGALRM comes in `period_ms` unless this is called again before; never if it is 0.
pub fn arm_watchdog(period_ms: u32) {
    let value = libc::timeval {
        tv_sec: libc::time_t::from(period_ms / 1000),
        tv_usec: libc::suseconds_t::from(period_ms % 1000 * 1000),
    };
    let timer = libc::itimerval { it_interval: libc::timeval { tv_sec: 0, tv_usec: 0 }, it_value: value };
    // Safety: a system call that reads the struct.
    unsafe { libc::setitimer(libc::ITIMER_REAL, &raw const timer, ptr::null_mut()) };
}
