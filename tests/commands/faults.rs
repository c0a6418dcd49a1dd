//! Faults as an operator meets them: a full disk, a folder that cannot be written, files that are damaged or gone. What is held: the log
//! names the file and says what to do, nothing that was acknowledged is lost, and nothing half-written takes the place of what is whole.

use std::os::unix::process::CommandExt;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::server::{Connection, Server};

/// Files may grow to so many bytes: a disk that is full, and can be made larger while the server runs.
const DISK_BYTES: u64 = 64 * 1024;
const FULL_DISK: &[&str] = &["prlimit", "--fsize=65536:unlimited"];

/// Nobody's user: for whom the folder that this process made is not to be written.
const AS_NOBODY: &[&str] = &["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];

const TOLD_WITHIN: Duration = Duration::from_secs(20);

fn words(line: &str) -> Vec<Vec<u8>> {
    line.split(' ').map(|word| word.as_bytes().to_vec()).collect()
}

fn ask(connection: &mut Connection, line: &str) -> String {
    let reply = connection.call(&words(line)).expect("the server answers");
    String::from_utf8_lossy(&reply).into_owned()
}

/// Pushes until a push is refused or the connection ends; how many were acknowledged, and what was said instead.
fn push_until_refused(connection: &mut Connection) -> (usize, Option<String>) {
    let line = format!("RPUSH list {}", "x".repeat(700));
    for acknowledged in 0.. {
        assert!(acknowledged < 10_000, "the disk is never full");
        match connection.call(&words(&line)) {
            Some(reply) if reply.starts_with(b":") => {}
            said => return (acknowledged, said.map(|reply| String::from_utf8_lossy(&reply).into_owned())),
        }
    }
    unreachable!("the loop has no other end")
}

/// Asks until the reply begins so.
fn ask_until(connection: &mut Connection, line: &str, begins: &str) {
    let until = Instant::now() + TOLD_WITHIN;
    loop {
        let reply = ask(connection, line);
        if reply.starts_with(begins) {
            return;
        }
        assert!(Instant::now() < until, "{line}: {reply}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Asks until INFO has this line.
fn wait_for_info(connection: &mut Connection, wanted: &str) {
    let until = Instant::now() + TOLD_WITHIN;
    loop {
        let info = ask(connection, "INFO persistence");
        if info.contains(wanted) {
            return;
        }
        assert!(Instant::now() < until, "no {wanted} in\n{info}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn make_disk_larger(server: &Server) {
    let pid = server.pid().to_string();
    let status = Command::new("prlimit").args(["--pid", &pid, "--fsize=unlimited:unlimited"]).status();
    assert!(status.is_ok_and(|status| status.success()), "the limit of {pid} is raised");
}

/// What the checker says of a server's append-only files, and whether they are sound.
fn check_files(server: &Server) -> (bool, String) {
    let manifest = server.path("appendonlydir/appendonly.aof.manifest");
    let run = Command::new(env!("CARGO_BIN_EXE_gyre-server")).arg0("gyre-check-aof").arg(manifest).output();
    let run = run.expect("the checker starts");
    (run.status.success(), String::from_utf8_lossy(&run.stdout).into_owned())
}

#[test]
fn a_full_disk_stops_writes_until_there_is_room_and_loses_nothing() {
    for policy in ["everysec", "no"] {
        let arguments = ["--appendonly", "yes", "--appendfsync", policy, "--logfile", "log"];
        let mut server = Server::start_through(FULL_DISK, &arguments);
        let mut connection = server.connect();
        let (mut acknowledged, said) = push_until_refused(&mut connection);
        let said = said.expect("the server lives");
        assert!(said.starts_with("-MISCONF Errors writing to the AOF file: File too large"), "{said}");
        assert!(ask(&mut connection, "PING").starts_with("-MISCONF"));
        assert_eq!(ask(&mut connection, "LLEN list"), format!(":{acknowledged}\r\n"), "reads are served");
        let (is_sound, text) = check_files(&server);
        assert!(is_sound, "the torn tail is cut off:\n{text}");
        server.wait_for(
            "log",
            &["Error writing to the AOF file: File too large (appendonly.aof.1.incr.aof, behind offset "],
        );
        assert!(ask(&mut connection, "SHUTDOWN").starts_with("-ERR"), "it does not leave with what was acknowledged");
        server
            .wait_for("log", &["bytes of what clients were answered are not in the append-only file: File too large"]);
        make_disk_larger(&server);
        ask_until(&mut connection, "PING", "+PONG");
        acknowledged += 1;
        assert_eq!(ask(&mut connection, "RPUSH list y"), format!(":{acknowledged}\r\n"));
        // What comes while a sync goes on waits for it, in the process.
        wait_for_info(&mut connection, "aof_pending_bio_fsync:0");
        server.kill_and_start(&arguments);
        let mut connection = server.connect();
        ask_until(&mut connection, "LLEN list", &format!(":{acknowledged}\r\n"));
    }
}

#[test]
fn under_always_a_full_disk_ends_the_server_and_nobody_is_told_what_is_not_kept() {
    let arguments = ["--appendonly", "yes", "--appendfsync", "always", "--logfile", "log"];
    let mut server = Server::start_through(FULL_DISK, &arguments);
    let (acknowledged, said) = push_until_refused(&mut server.connect());
    assert_eq!(said, None, "no reply of that turn leaves");
    assert_eq!(server.wait().code(), Some(1));
    let expected = "Can't recover from AOF write error when the AOF fsync policy is 'always'. Exiting...";
    assert!(server.file("log").contains(expected), "{}", server.file("log"));
    server.kill_and_start(&arguments);
    ask_until(&mut server.connect(), "LLEN list", &format!(":{acknowledged}\r\n"));
}

#[test]
fn a_dump_or_a_base_that_the_disk_does_not_take_leaves_the_old_one() {
    let arguments = ["--appendonly", "yes", "--rdbcompression", "no", "--logfile", "log"];
    let mut server = Server::start_through(FULL_DISK, &arguments);
    let mut connection = server.connect();
    ask(&mut connection, "SET kept 1");
    assert_eq!(ask(&mut connection, "SAVE"), "+OK\r\n");
    let (dump, manifest) = (server.bytes("dump.rdb"), server.file("appendonlydir/appendonly.aof.manifest"));
    // More than the disk takes, which a few bytes of the increment make.
    assert!(ask(&mut connection, &format!("SETRANGE big {} x", 2 * DISK_BYTES)).starts_with(':'));
    assert!(ask(&mut connection, "SAVE").starts_with("-ERR"));
    assert_eq!(server.bytes("dump.rdb"), dump, "the old dump is as it was");
    server.wait_for("log", &["Write error while saving DB to the disk: File too large"]);
    ask(&mut connection, "BGSAVE");
    wait_for_info(&mut connection, "rdb_last_bgsave_status:err");
    assert_eq!(server.bytes("dump.rdb"), dump);
    assert!(ask(&mut connection, "BGREWRITEAOF").starts_with('+'));
    wait_for_info(&mut connection, "aof_last_bgrewrite_status:err");
    server.wait_for("log", &["Write error writing append only file on disk: File too large"]);
    let base = manifest.lines().next().expect("the base comes first");
    assert!(server.file("appendonlydir/appendonly.aof.manifest").starts_with(base), "the base is the old one");
    let left: Vec<String> = server.names().into_iter().filter(|name| name.contains("temp-")).collect();
    assert_eq!(left, [""; 0], "nothing unfinished is left");
    wait_for_info(&mut connection, "aof_pending_bio_fsync:0");
    server.kill_and_start(&arguments);
    let mut connection = server.connect();
    ask_until(&mut connection, "STRLEN big", &format!(":{}\r\n", 2 * DISK_BYTES + 1));
    assert_eq!(ask(&mut connection, "GET kept"), "$1\r\n1\r\n");
}

#[test]
fn a_folder_that_cannot_be_written_is_told() {
    let probe =
        Command::new(AS_NOBODY[0]).args(&AS_NOBODY[1..]).args([env!("CARGO_BIN_EXE_gyre-server"), "-v"]).output();
    if !probe.is_ok_and(|run| run.status.success()) {
        eprintln!("SKIPPED: this process cannot start the server as nobody");
        return;
    }
    // Standard output is the log: no file of it can be made, either.
    let server = Server::start_through(AS_NOBODY, &[]);
    let mut connection = server.connect();
    ask(&mut connection, "SET a 1");
    assert!(ask(&mut connection, "SAVE").starts_with("-ERR"));
    assert!(ask(&mut connection, "CONFIG SET appendonly yes").starts_with("-ERR"));
    assert_eq!(ask(&mut connection, "GET a"), "$1\r\n1\r\n");
    let socket = std::env::temp_dir().join(format!("gyre-nobody-{}", std::process::id()));
    let socket = socket.to_str().expect("a path of ours is text");
    let (code, log) = server.start_beside_through(AS_NOBODY, &["--appendonly", "yes", "--unixsocket", socket]);
    assert_eq!(code, Some(1), "{log}");
    assert!(log.contains("Can't open or create append-only dir appendonlydir: Permission denied"), "{log}");
}

/// One way of spoiling a folder: the file, what becomes of its bytes (`None`: it is removed), and what the log has to say.
type Damage = (&'static str, fn(Vec<u8>) -> Option<Vec<u8>>, &'static [&'static str]);

const MANIFEST: &str = "appendonlydir/appendonly.aof.manifest";
const BASE: &str = "appendonlydir/appendonly.aof.2.base.rdb";
const INCREMENT: &str = "appendonlydir/appendonly.aof.2.incr.aof";

fn changed(mut bytes: Vec<u8>, at: usize, to: &[u8]) -> Option<Vec<u8>> {
    bytes[at..at + to.len()].copy_from_slice(to);
    Some(bytes)
}

fn half(mut bytes: Vec<u8>) -> Option<Vec<u8>> {
    bytes.truncate(bytes.len() / 2);
    Some(bytes)
}

const DAMAGES: &[Damage] = &[
    (MANIFEST, |_| None, &[BASE, MANIFEST, "bring it back from a backup"]),
    (MANIFEST, |_| Some(Vec::new()), &["Found an empty AOF manifest", MANIFEST, "bring it back"]),
    // The second line is gone, and nothing is wrong with the first.
    (MANIFEST, half, &[INCREMENT, MANIFEST, "does not name it", "bring it back"]),
    (MANIFEST, |b| Some(b[..b.len() - 3].to_vec()), &["too long line", MANIFEST, "bring it back"]),
    (MANIFEST, |b| changed(b, 0, b"fine"), &["Reading the manifest file, at line 1", MANIFEST, "bring it back"]),
    (BASE, |_| None, &["appendonly.aof.2.base.rdb", "No such file or directory", "bring the file back"]),
    (BASE, |b| changed(b, 5, b"0099"), &["Can't handle RDB format version 99", BASE, "offset 9"]),
    (BASE, |b| changed(b, 0, b"RADIS"), &["appendonly.aof.2.base.rdb", "offset 0", "gyre-check-aof"]),
    (BASE, half, &["Unexpected EOF", BASE, "offset", "gyre-check-rdb"]),
    (BASE, |_| Some(Vec::new()), &[BASE, "is empty", "bring it back"]),
    (INCREMENT, |_| None, &["appendonly.aof.2.incr.aof", "No such file or directory", "bring the file back"]),
    (INCREMENT, |b| changed(b, 0, b"!"), &["appendonly.aof.2.incr.aof", "at offset 0", "gyre-check-aof --fix"]),
    ("dump.rdb", half, &["dump.rdb", "offset", "gyre-check-rdb"]),
    ("dump.rdb", |b| changed(b, 5, b"0099"), &["Can't handle RDB format version 99", "dump.rdb"]),
    (
        "dump.rdb",
        |b| {
            let last = b.len() - 1;
            changed(b, last, b"\x01")
        },
        &["Wrong RDB checksum", "dump.rdb", "backup"],
    ),
];

fn all_files(server: &Server) -> Vec<(String, Vec<u8>)> {
    server.names().into_iter().map(|name| (name.clone(), server.bytes(&name))).collect()
}

#[test]
fn damaged_files_are_refused_by_name_with_a_way_out() {
    let arguments = ["--appendonly", "yes", "--appendfsync", "always"];
    let mut server = Server::start(&arguments);
    let mut connection = server.connect();
    ask(&mut connection, "SET a 1");
    ask(&mut connection, "BGREWRITEAOF");
    wait_for_info(&mut connection, "aof_rewrite_in_progress:0");
    ask(&mut connection, "SET b 2");
    ask(&mut connection, "SAVE");
    connection.send(b"SHUTDOWN NOSAVE\r\n");
    server.wait();
    for (index, (name, damage, expected)) in DAMAGES.iter().enumerate() {
        let sound = server.bytes(name);
        match damage(sound.clone()) {
            Some(bytes) => std::fs::write(server.path(name), bytes).expect("the folder is ours"),
            None => std::fs::remove_file(server.path(name)).expect("it was there"),
        }
        let before = all_files(&server);
        let arguments = if *name == "dump.rdb" { &["--appendonly", "no"][..] } else { &arguments };
        let (code, log) = server.start_beside(arguments);
        assert_eq!(code, Some(1), "damage {index}: it is refused, and nothing crashes:\n{log}");
        for text in *expected {
            assert!(log.contains(text), "damage {index}, {text:?} is not said:\n{log}");
        }
        assert!(all_files(&server) == before, "damage {index}: whoever refuses changes nothing");
        std::fs::write(server.path(name), sound).expect("the folder is ours");
    }
    server.kill_and_start(&arguments);
    // Mended, it is all there.
    ask_until(&mut server.connect(), "MGET a b", "*2\r\n$1\r\n1\r\n$1\r\n2\r\n");
}
