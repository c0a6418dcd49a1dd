//! The process: its title, its pid file, its supervisor, its rank when memory runs out, and what its arguments ask for.

use std::os::unix::net::UnixDatagram;
use std::process::Command;
use std::time::Duration;

use super::server::Server;

fn send(server: &Server, line: &str) -> String {
    let words: Vec<Vec<u8>> = line.split(' ').map(|word| word.as_bytes().to_vec()).collect();
    String::from_utf8_lossy(&server.connect().call(&words).unwrap_or_default()).into_owned()
}

fn of_process(pid: u32, name: &str) -> String {
    std::fs::read_to_string(format!("/proc/{pid}/{name}")).expect("the process is there")
}

fn title(pid: u32) -> String {
    of_process(pid, "cmdline").trim_end_matches('\0').to_owned()
}

#[test]
fn the_title_follows_its_template() {
    let server = Server::start(&[]);
    let expected = format!("{} *:{}", env!("CARGO_BIN_EXE_gyre-server"), server.port);
    assert_eq!(title(server.pid()), expected);
    let words = ["CONFIG", "SET", "proc-title-template", "{title} and {port}"];
    let words: Vec<Vec<u8>> = words.iter().map(|word| word.as_bytes().to_vec()).collect();
    assert_eq!(server.connect().call(&words).as_deref(), Some(&b"+OK\r\n"[..]));
    assert_eq!(title(server.pid()), format!("{} and {}", env!("CARGO_BIN_EXE_gyre-server"), server.port));
    // The environment was moved, not lost.
    let long = "x".repeat(300);
    assert_eq!(send(&server, &format!("CONFIG SET proc-title-template {long}")), "+OK\r\n");
    assert!(title(server.pid()).starts_with("xxx"));
    let plain = Server::start(&["--set-proc-title", "no"]);
    assert!(title(plain.pid()).contains("\0--port\0"));
}

/// The server, and a child that saves, have the scores that the directive says; without it the old one comes back.
#[test]
fn scores_for_when_memory_runs_out() {
    let server = Server::start(&[]);
    let score = |pid: u32| of_process(pid, "oom_score_adj").trim().parse::<i32>().expect("a number");
    let base = score(server.pid());
    // Raising is allowed to everybody.
    let words = ["CONFIG", "SET", "oom-score-adj", "relative", "oom-score-adj-values", "10 20 30"];
    let words: Vec<Vec<u8>> = words.iter().map(|word| word.as_bytes().to_vec()).collect();
    assert_eq!(server.connect().call(&words).as_deref(), Some(&b"+OK\r\n"[..]));
    assert_eq!(score(server.pid()), base + 10);
    assert_eq!(send(&server, "SET a 1"), "+OK\r\n");
    assert_eq!(send(&server, "CONFIG SET rdb-key-save-delay 3000000"), "+OK\r\n");
    assert!(send(&server, "BGSAVE").starts_with('+'));
    let children = || of_process(server.pid(), &format!("task/{}/children", server.pid()));
    let child = children().trim().parse::<u32>().expect("one child");
    let until = std::time::Instant::now() + Duration::from_secs(2);
    while score(child) != base + 30 {
        assert!(std::time::Instant::now() < until, "the child's score is {}", score(child));
        std::thread::sleep(Duration::from_millis(5));
    }
    assert!(title(child).starts_with("redis-rdb-bgsave"), "{}", title(child));
    if send(&server, "CONFIG SET oom-score-adj no") == "+OK\r\n" {
        assert_eq!(score(server.pid()), base);
    }
    assert_eq!(send(&server, "CONFIG GET oom-score-adj"), "*2\r\n$13\r\noom-score-adj\r\n$2\r\nno\r\n");
}

#[test]
fn systemd_is_told() {
    let folder = std::env::temp_dir().join(format!("gyre-notify-{}", std::process::id()));
    let _ = std::fs::remove_file(&folder);
    let socket = UnixDatagram::bind(&folder).expect("a socket");
    socket.set_read_timeout(Some(Duration::from_secs(10))).expect("a timeout can be set");
    let mut server = Command::new(env!("CARGO_BIN_EXE_gyre-server"))
        .args(["--port", "0", "--save", "", "--supervised", "auto", "--unixsocket"])
        .arg(folder.with_extension("sock"))
        .env("NOTIFY_SOCKET", &folder)
        .stdout(std::process::Stdio::null())
        .spawn()
        .expect("the server's binary starts");
    let heard = || {
        let mut bytes = [0; 200];
        let count = socket.recv(&mut bytes).expect("the server tells");
        String::from_utf8_lossy(&bytes[..count]).into_owned()
    };
    assert_eq!(heard(), "STATUS=Gyre is loading...");
    assert_eq!(heard(), "STATUS=Ready to accept connections\nREADY=1");
    // Safety: a system call on a process of ours.
    unsafe { libc::kill(server.id() as libc::pid_t, libc::SIGTERM) };
    assert_eq!(heard(), "STOPPING=1");
    assert!(server.wait().is_ok_and(|status| status.success()));
    let _ = std::fs::remove_file(&folder);
}

#[test]
fn the_pid_file_comes_and_goes() {
    let mut server = Server::start(&["--pidfile", "pid"]);
    assert_eq!(server.wait_for("pid", &["\n"]).trim(), server.pid().to_string());
    server.connect().call(&[b"SHUTDOWN".to_vec()]);
    server.wait();
    assert_eq!(server.file("pid"), "");
}

#[test]
fn arguments_that_do_not_serve() {
    let run = |words: &[&str]| Command::new(env!("CARGO_BIN_EXE_gyre-server")).args(words).output().expect("it runs");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let sentinel = run(&["/etc/sentinel.conf", "--sentinel"]);
    assert_eq!(sentinel.status.code(), Some(1));
    assert!(text(&sentinel.stderr).contains("redis-sentinel"));
    let version = run(&["--version"]);
    assert!(version.status.success() && text(&version.stdout).contains(" v=8.0.6 "), "{}", text(&version.stdout));
    let check = text(&run(&["--check-system"]).stdout);
    assert!(
        ["slow-clocksource", "xen-clocksource", "overcommit", "THP"]
            .iter()
            .all(|n| check.contains(&format!("[{n}]...")))
    );
    assert!(text(&run(&["--help"]).stdout).contains("--check-system"));
}

#[test]
fn who_leaves_while_a_script_runs_is_gone_for_it() {
    let server = Server::start(&["--busy-reply-threshold", "10"]);
    let (mut asker, mut leaver) = (server.connect(), server.connect());
    assert_eq!(leaver.call(&[b"PING".to_vec()]), Some(b"+PONG\r\n".to_vec()));
    let script = b"while not redis.call('INFO', 'clients'):find('connected_clients:1\\r') do end return 'alone'";
    std::thread::scope(|scope| {
        scope.spawn(|| {
            // The script is at work by now, and has taken long.
            std::thread::sleep(Duration::from_millis(200));
            drop(leaver);
        });
        let reply = asker.call(&[b"EVAL".to_vec(), script.to_vec(), b"0".to_vec()]);
        assert_eq!(reply, Some(b"$5\r\nalone\r\n".to_vec()));
    });
}
