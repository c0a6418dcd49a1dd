//! What a report says, in order: first what needs nothing but the processor's state, then what reads the server's.

use std::panic::PanicHookInfo;
use std::sync::atomic::Ordering;

use super::handlers::unlimit_report;
use super::out::Out;
use super::registers::Registers;
use super::{WATCHED, memory_test, trace};
use crate::base::words::write_quoted;
use crate::commands::server::info;
use crate::config::TABLE;
use crate::event_loop::tick::{EventLoop, PHASES};
use crate::exec::describe_client::describe;
use crate::exec::observe_call;
use crate::server::{REDIS_VERSION, Session};

/// How a panic begins that DEBUG PANIC asked for.
const GURU: &str = "Guru Meditation";
/// Words of a command that are shown, and bytes of each.
const WORDS_MAX: usize = 32;
const WORD_BYTES_MAX: usize = 128;

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// A signal that tells of a fault.
pub struct Fault<'f> {
    pub signal: libc::c_int,
    pub info: &'f libc::siginfo_t,
    pub registers: Registers<'f>,
}

/// The whole report of a fault.
pub fn of_fault(out: &mut Out, fault: &Fault) {
    begin(out);
    write_fault(out, fault);
    fault.registers.write(out, WATCHED.hides_user_data.load(Ordering::Relaxed));
    fault.registers.write_code(out);
    write_server(out);
    end(out);
}

/// The first report met a fault itself.
pub fn of_fault_in_report(out: &mut Out, fault: &Fault) {
    out.line(format_args!("Crashed while the crash report was written. What follows is reduced."));
    write_fault(out, fault);
    end(out);
}

fn begin(out: &mut Out) {
    out.text(format_args!("\n\n=== REDIS BUG REPORT START: Cut & paste starting from here ===\n"));
    out.flush();
}

fn end(out: &mut Out) {
    out.text(format_args!("\n=== REDIS BUG REPORT END. Make sure to include from START to END. ===\n\n"));
    out.text(format_args!("       The report is Gyre's; docs/operation.md says how it is read.\n"));
    out.text(format_args!("       Suspect the machine's memory? memtest86+ and stressapptest test it.\n\n"));
    out.flush();
}

fn write_fault(out: &mut Out, fault: &Fault) {
    let (signal, code) = (fault.signal, fault.info.si_code);
    out.line(format_args!("Gyre {VERSION} (Redis {REDIS_VERSION}) crashed by signal: {signal}, si_code: {code}"));
    // Safety: the kernel fills the fields that belong to the signal and its code.
    unsafe {
        // A code of 0 or less: another process, or the process itself, sent it.
        if code <= 0 {
            out.line(format_args!("Killed by PID: {}, UID: {}", fault.info.si_pid(), fault.info.si_uid()));
        } else if matches!(signal, libc::SIGSEGV | libc::SIGBUS) {
            out.line(format_args!("Accessing address: {:p}", fault.info.si_addr()));
        }
    }
    let at = fault.registers.instruction();
    out.line(format_args!("Crashed running the instruction at: {at:#x}"));
    write_phase(out);
    trace::write(out, Some(at));
}

fn write_phase(out: &mut Out) {
    let phase = PHASES.get(WATCHED.phase.load(Ordering::Relaxed)).map_or("start", |phase| phase.name);
    out.line(format_args!("Phase of the loop: {phase}"));
}

/// The stack of a server that goes on.
pub fn of_alarm(out: &mut Out, code: libc::c_int, sender: libc::pid_t, registers: &Registers) {
    const TIMER_EXPIRED: libc::c_int = 128;
    if code == TIMER_EXPIRED || sender == 0 {
        out.line(format_args!("\n--- WATCHDOG TIMER EXPIRED ---"));
    } else {
        out.line(format_args!("\nReceived SIGALRM"));
    }
    write_phase(out);
    trace::write(out, Some(registers.instruction()));
    out.line(format_args!("--------\n"));
}

/// A broken assertion: any panic is one. `is_wanted`: with all that may help, not only the line itself.
pub fn of_panic(out: &mut Out, info: &PanicHookInfo, is_wanted: bool) {
    let payload = info.payload();
    let owned = payload.downcast_ref::<String>().map(String::as_str);
    let text = payload.downcast_ref::<&str>().copied().or(owned).unwrap_or("an unknown reason");
    let (file, line) = info.location().map_or(("?", 0), |place| (place.file(), place.line()));
    begin(out);
    if text.starts_with(GURU) {
        out.line(format_args!("------------------------------------------------"));
        out.line(format_args!("!!! Software Failure. Press left mouse button to continue"));
        out.line(format_args!("{text} #{file}:{line}"));
        out.line(format_args!("------------------------------------------------"));
    } else {
        out.line(format_args!("=== ASSERTION FAILED ==="));
        out.line(format_args!("==> {file}:{line} '{text}' is not true"));
    }
    write_phase(out);
    if is_wanted {
        trace::write(out, None);
        if let Some(event_loop) = event_loop() {
            write_assertion_context(out, event_loop);
        }
        write_server(out);
    }
    end(out);
}

/// The loop as it is. What it holds may be in the middle of a change: a fault in reading it is met by a reduced report.
fn event_loop() -> Option<&'static mut EventLoop> {
    // Safety: none that the language knows: the loop was interrupted by ourselves and will not go on, and the process ends
    // after the report. Null before the first turn.
    unsafe { WATCHED.event_loop.load(Ordering::Relaxed).as_mut() }
}

fn write_assertion_context(out: &mut Out, event_loop: &EventLoop) {
    let Some((session, words)) = words_at_hand(event_loop) else { return };
    out.line(format_args!("=== ASSERTION FAILED CLIENT CONTEXT ==="));
    out.line(format_args!("client->flags = {}", session.flags));
    out.line(format_args!("client->argc = {}", words.len()));
    for (index, word) in words.iter().take(WORDS_MAX).enumerate() {
        out.line(format_args!("client->argv[{index}] = {word}"));
    }
}

/// The words of the command at hand, quoted and cut, those that nobody may read replaced.
fn words_at_hand(event_loop: &EventLoop) -> Option<(&Session, Vec<String>)> {
    let server = &event_loop.server;
    let (key, args) = event_loop.batch.at_hand(server)?;
    let session = server.sessions.get(key)?;
    let row = event_loop.dispatcher.commands.rows().get(session.last_command);
    let name = row.map_or("", |row| row.full_name.as_str());
    let shown_always = if row.is_some_and(|row| row.parent.is_some()) { 2 } else { 1 };
    let hides = WATCHED.hides_user_data.load(Ordering::Relaxed);
    let words = observe_call::readable_words(name, args).into_iter().enumerate().map(|(index, word)| {
        if hides && index >= shown_always {
            return "*redacted*".to_owned();
        }
        let mut quoted = Vec::new();
        write_quoted(&mut quoted, &word[..word.len().min(WORD_BYTES_MAX)]);
        String::from_utf8_lossy(&quoted).into_owned()
    });
    Some((session, words.collect()))
}

/// What the server knows of itself, its clients, and what it was about to do.
fn write_server(out: &mut Out) {
    let Some(event_loop) = event_loop() else { return };
    out.title("INFO OUTPUT");
    let commands = std::rc::Rc::clone(&event_loop.dispatcher.commands);
    let text = info::text(&mut event_loop.server, &mut event_loop.outside, &commands, &[b"everything"]);
    out.bytes(text.as_bytes());
    out.title("CLIENT LIST OUTPUT");
    let server = &event_loop.server;
    for session in server.sessions.iter() {
        write_client(out, event_loop, session);
    }
    if let Some((session, words)) = words_at_hand(event_loop) {
        out.title("CURRENT CLIENT INFO");
        write_client(out, event_loop, session);
        for (index, word) in words.iter().take(WORDS_MAX).enumerate() {
            out.text(format_args!("argv[{index}]: '{word}'\n"));
        }
    }
    if let Some(running) = &server.scripts.running {
        out.title("RUNNING SCRIPT");
        out.bytes(&running.name);
        out.bytes(b"\n");
    }
    out.title("CONFIG DEBUG OUTPUT");
    let defaults = crate::config::Settings::default();
    for row in TABLE.iter().filter(|row| !row.is_sensitive) {
        let value = row.value(&server.settings);
        if value != row.value(&defaults) {
            out.text(format_args!("{} {}\n", row.name, String::from_utf8_lossy(&value)));
        }
    }
    if WATCHED.tests_memory.load(Ordering::Relaxed) {
        unlimit_report();
        out.title("FAST MEMORY TEST");
        memory_test::run(out);
    }
}

fn write_client(out: &mut Out, event_loop: &EventLoop, session: &Session) {
    let (server, commands) = (&event_loop.server, &event_loop.dispatcher.commands);
    let mut line = String::new();
    describe(&mut line, session, server, commands);
    out.bytes(line.as_bytes());
    out.bytes(b"\n");
    out.flush();
}
