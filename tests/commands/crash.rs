//! Crash reports: what stands in the log after a fault, an assertion and SIGALRM, and how the process ends.

use std::os::unix::process::ExitStatusExt;

use super::server::Server;

fn start(arguments: &[&str]) -> Server {
    let common = ["--logfile", "log", "--enable-debug-command", "yes", "--crash-memcheck-enabled", "no"];
    Server::start(&[&common[..], arguments].concat())
}

fn send(server: &Server, words: &[&str]) -> Option<Vec<u8>> {
    let words: Vec<Vec<u8>> = words.iter().map(|word| word.as_bytes().to_vec()).collect();
    server.connect().call(&words)
}

fn kill(server: &Server, signal: i32) {
    // Safety: a system call on a process of ours.
    let rc = unsafe { libc::kill(server.pid() as libc::pid_t, signal) };
    assert_eq!(rc, 0);
}

/// The fault's line, the stack with our functions' names, the command, INFO; then the signal's own end.
#[test]
fn a_fault_is_reported() {
    let mut server = start(&[]);
    assert_eq!(send(&server, &["debug", "segfault"]), None);
    assert_eq!(server.wait().signal(), Some(libc::SIGSEGV));
    let log = server.file("log");
    for text in [
        "crashed by signal: 11",
        "Accessing address: 0x",
        "Phase of the loop: read",
        "commands::server::debug::",
        "STACK TRACE DONE",
        "argv[0]: '\"debug\"'",
        "argv[1]: '\"segfault\"'",
        "redis_version:",
        "CLIENT LIST OUTPUT",
        "REDIS BUG REPORT END",
    ] {
        assert!(log.contains(text), "no {text} in\n{log}");
    }
    assert_eq!(log.matches("STACK TRACE -").count(), 1, "the report met no fault itself");
    assert!(!log.contains("MEMORY TEST"));
}

#[test]
fn the_memory_test_leaves_memory_as_it_was() {
    let mut server = start(&["--crash-memcheck-enabled", "yes"]);
    assert_eq!(send(&server, &["debug", "segfault"]), None);
    assert_eq!(server.wait().signal(), Some(libc::SIGSEGV));
    let log = server.file("log");
    assert!(log.contains("Fast memory test PASSED") && log.contains("REDIS BUG REPORT END"), "{log}");
}

#[test]
fn what_users_sent_is_hidden_if_so_asked() {
    let mut server = start(&["--hide-user-data-from-log", "yes", "--use-exit-on-panic", "yes"]);
    assert_eq!(send(&server, &["debug", "assert"]), None);
    assert_eq!(server.wait().code(), Some(1));
    let log = server.file("log");
    assert!(log.contains("=== ASSERTION FAILED ==="), "{log}");
    assert!(log.contains("client->argv[1] = *redacted*") && !log.contains("argv[1]: '\"assert"), "{log}");
}

#[test]
fn a_signal_from_outside_and_no_report() {
    let mut server = start(&["--crash-log-enabled", "no"]);
    kill(&server, libc::SIGABRT);
    assert_eq!(server.wait().signal(), Some(libc::SIGABRT));
    assert!(!server.file("log").contains("BUG REPORT"));
}

/// SIGALRM, from outside or from the watchdog, shows the stack of a server that goes on.
#[test]
fn an_alarm_shows_where_the_server_is() {
    let server = start(&["--watchdog-period", "200"]);
    let log = std::thread::scope(|scope| {
        scope.spawn(|| send(&server, &["debug", "sleep", "1"]));
        server.wait_for("log", &["WATCHDOG TIMER EXPIRED", "STACK TRACE DONE"])
    });
    assert!(log.contains("debug::switches::sleep"), "{log}");
    kill(&server, libc::SIGALRM);
    server.wait_for("log", &["Received SIGALRM"]);
    assert_eq!(send(&server, &["ping"]).as_deref(), Some(&b"+PONG\r\n"[..]));
}
