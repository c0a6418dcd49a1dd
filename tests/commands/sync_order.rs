//! With `appendfsync always` the disk comes before the reply: seen from outside, in the system calls that the server makes.
//!
//! ```text
//! write(11<…incr.aof>)   …   fdatasync(11<…incr.aof>) = 0   …   sendto(12<socket:…>)        in order
//! write(11<…incr.aof>)   …   sendto(12<socket:…>)                                           a reply for what no crash may lose
//! ```
//!
//! `strace` writes the calls down as they are made; the checker reads them and holds that no byte goes to a client while a byte of an
//! append-only file is not on the disk. Under `everysec` the same checker must find such replies, or it would find nothing at all.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use crate::server::Server;

const CLIENTS: usize = 8;
const PIPELINE: usize = 16;
const ROUNDS: usize = 20;

/// Calls that write, sync or send.
const TRACED: &str = "trace=write,writev,pwrite64,pwritev,sendto,sendmsg,fsync,fdatasync,sync_file_range";

/// What was seen in a trace.
#[derive(Debug, Default, PartialEq)]
struct Seen {
    appends: usize,
    syncs: usize,
    sends: usize,
    /// Lines, from 1, that sent while something was not on the disk.
    too_early: Vec<usize>,
}

/// What a call is to the order.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Deed {
    Append,
    Sync,
    Send,
}

/// Reads a trace. A sync covers what was appended before it began, and counts when it has ended well.
fn check(trace: &str) -> Seen {
    let mut seen = Seen::default();
    let (mut appended, mut synced) = (0_usize, 0_usize);
    // Syncs that go on: of which thread, and what they cover.
    let mut under_way: Vec<(&str, usize)> = Vec::new();
    for (index, line) in trace.lines().enumerate() {
        let Some((thread, call)) = line.split_once(' ') else { continue };
        let call = call.trim_start();
        if call.starts_with("<... ") {
            if let Some(at) = under_way.iter().position(|(owner, _)| *owner == thread) {
                let (_, covered) = under_way.remove(at);
                if call.ends_with(" = 0") {
                    synced = synced.max(covered);
                    seen.syncs += 1;
                }
            }
            continue;
        }
        match deed(call) {
            Some(Deed::Append) => {
                appended += 1;
                seen.appends += 1;
            }
            Some(Deed::Sync) if call.ends_with("<unfinished ...>") => under_way.push((thread, appended)),
            Some(Deed::Sync) if call.ends_with(" = 0") => {
                synced = appended;
                seen.syncs += 1;
            }
            Some(Deed::Sync) | None => {}
            Some(Deed::Send) => {
                seen.sends += 1;
                if synced < appended {
                    seen.too_early.push(index + 1);
                }
            }
        }
    }
    seen
}

/// What a call does, by its name and by what its descriptor stands for.
fn deed(call: &str) -> Option<Deed> {
    let (name, arguments) = call.split_once('(')?;
    let target = arguments.split_once('<')?.1;
    let is_increment = target.split('>').next().is_some_and(|path| path.ends_with(".incr.aof"));
    let is_socket = ["socket:", "TCP", "UNIX"].iter().any(|kind| target.starts_with(kind));
    match name {
        "fsync" | "fdatasync" if is_increment => Some(Deed::Sync),
        "write" | "writev" | "pwrite64" | "pwritev" if is_increment => Some(Deed::Append),
        "write" | "writev" | "sendto" | "sendmsg" if is_socket => Some(Deed::Send),
        _ => None,
    }
}

/// Why nothing can be traced here; `None` if it can.
fn cannot_trace() -> Option<String> {
    match Command::new("strace").args(["-o", "/dev/null", "true"]).output() {
        Err(error) => Some(format!("strace does not start: {error}")),
        Ok(run) if !run.status.success() => Some(String::from_utf8_lossy(&run.stderr).into_owned()),
        Ok(_) => None,
    }
}

/// Runs a server under this policy, has clients write to it, and gives back the trace of its calls.
fn trace(policy: &str) -> String {
    let path: PathBuf = std::env::temp_dir().join(format!("gyre-trace-{}-{policy}", std::process::id()));
    let path_text = path.to_str().expect("a path of ours is text").to_owned();
    // With -D the server is the child that was started, and strace looks on from beside.
    let through = ["strace", "-D", "-f", "-q", "-y", "-s", "0", "-e", TRACED, "-e", "signal=none", "-o", &path_text];
    let mut server = Server::start_through(&through, &["--appendonly", "yes", "--appendfsync", policy]);
    let mut clients: Vec<_> = (0..CLIENTS).map(|_| server.connect()).collect();
    let pipeline = "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$5\r\nvalue\r\n".repeat(PIPELINE);
    for _ in 0..ROUNDS {
        clients.iter_mut().for_each(|client| client.send(pipeline.as_bytes()));
        for client in &mut clients {
            for _ in 0..PIPELINE {
                assert_eq!(client.receive().as_deref(), Some(&b"+OK\r\n"[..]));
            }
        }
    }
    clients[0].send(b"SHUTDOWN NOSAVE\r\n");
    server.wait();
    let text = written_to_the_end(&path);
    let _ = std::fs::remove_file(&path);
    text
}

/// The trace, once strace is done with it: it says that the server has ended.
fn written_to_the_end(path: &Path) -> String {
    let until = Instant::now() + Duration::from_secs(10);
    loop {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        if text.trim_end().ends_with("+++ exited with 0 +++") {
            return text;
        }
        assert!(Instant::now() < until, "the trace does not end:\n{}", text.lines().last().unwrap_or_default());
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn under_always_the_disk_comes_before_the_reply() {
    if let Some(why) = cannot_trace() {
        // `.ci/run` installs it, and says so when it could not.
        eprintln!("SKIPPED: no trace of system calls, because {why}");
        return;
    }
    let seen = check(&trace("always"));
    assert_eq!(seen.too_early, [0_usize; 0], "{seen:?}");
    assert!(seen.syncs >= ROUNDS && seen.appends >= ROUNDS && seen.sends >= ROUNDS * CLIENTS, "{seen:?}");
    // One sync for what a turn wrote, not one for each command.
    assert!(seen.syncs < ROUNDS * CLIENTS * PIPELINE / 4, "{seen:?}");
    let seen = check(&trace("everysec"));
    assert!(seen.too_early.len() >= ROUNDS, "the checker sees replies that come first: {seen:?}");
}

const APPEND: &str = "7  write(11</d/appendonlydir/a.aof.1.incr.aof>, \"\"..., 40) = 40\n";
const SYNC: &str = "7  fdatasync(11</d/appendonlydir/a.aof.1.incr.aof>) = 0\n";
const SEND: &str = "7  sendto(12<socket:[4711]>, \"\"..., 5, MSG_NOSIGNAL, NULL, 0) = 5\n";

fn too_early(lines: &[&str]) -> Vec<usize> {
    check(&lines.concat()).too_early
}

#[test]
fn the_checker_sees_the_order() {
    let seen = check(&[APPEND, SYNC, SEND, SEND, APPEND, APPEND, SYNC, SEND].concat());
    assert_eq!(seen, Seen { appends: 3, syncs: 2, sends: 3, too_early: Vec::new() });
    assert_eq!(too_early(&[APPEND, SEND, SYNC]), [2], "the reply comes first");
    assert_eq!(too_early(&[APPEND, SYNC, APPEND, SEND]), [4], "an older sync does not count");
    assert_eq!(too_early(&[SEND, APPEND, SYNC]), [0_usize; 0], "what was sent before says nothing of it");
}

#[test]
fn the_checker_counts_only_syncs_that_are_done_of_the_file_that_grows() {
    let failed = "7  fdatasync(11</d/appendonlydir/a.aof.1.incr.aof>) = -1 EIO (Input/output error)\n";
    assert_eq!(too_early(&[APPEND, failed, SEND]), [3]);
    let other = "7  fsync(9</d/appendonlydir/temp-a.aof.manifest>) = 0\n";
    assert_eq!(too_early(&[APPEND, other, SEND]), [3]);
    let begun = "8  fdatasync(11</d/appendonlydir/a.aof.1.incr.aof> <unfinished ...>\n";
    let done = "8  <... fdatasync resumed>)           = 0\n";
    assert_eq!(too_early(&[APPEND, begun, SEND, done]), [3], "it still goes on");
    assert_eq!(too_early(&[APPEND, begun, done, SEND]), [0_usize; 0]);
    assert_eq!(too_early(&[begun, APPEND, done, SEND]), [4], "it began before the bytes were there");
    let by_unix = SEND.replace("socket:[4711]", "UNIX-STREAM:[4711->4712]");
    assert_eq!(too_early(&[APPEND, &by_unix]), [2]);
}
