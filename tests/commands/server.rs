//! A server of our own for black-box tests: started on a free port, ended when dropped; and a connection that shows replies as text.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const START_SECONDS_MAX: u64 = 20;
const REPLY_SECONDS_MAX: u64 = 10;

pub struct Server {
    process: Child,
    pub port: u16,
    folder: PathBuf,
}

impl Server {
    /// Starts the binary under test with these further arguments.
    pub fn start(arguments: &[&str]) -> Server {
        Server::start_through(&[], arguments)
    }

    /// The same by way of another program, which becomes the server (`sh -c 'ulimit …; exec "$@"'`, `strace -D`).
    pub fn start_through(through: &[&str], arguments: &[&str]) -> Server {
        // The port may be taken by another between these lines: then the start fails, and the next port is tried.
        for _ in 0..5 {
            let port = TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a free port").port();
            let folder = std::env::temp_dir().join(format!("gyre-test-{}-{port}", std::process::id()));
            std::fs::create_dir_all(&folder).expect("a folder for the server");
            let process = spawn(through, port, &folder, arguments);
            let mut server = Server { process, port, folder };
            if server.answers() {
                return server;
            }
        }
        panic!("the server did not start");
    }

    /// Ends the process as a fault would, without a word, and starts another on the same port and folder.
    pub fn kill_and_start(&mut self, arguments: &[&str]) {
        self.process.kill().expect("it runs");
        self.wait();
        self.process = spawn(&[], self.port, &self.folder, arguments);
        assert!(self.answers(), "the server did not start again:\n{}", self.file("log"));
    }

    /// Starts another server in this one's folder, which is to end by itself: its exit code and what it said.
    pub fn start_beside(&self, arguments: &[&str]) -> (Option<i32>, String) {
        self.start_beside_through(&[], arguments)
    }

    /// The same by way of another program.
    pub fn start_beside_through(&self, through: &[&str], arguments: &[&str]) -> (Option<i32>, String) {
        let started = command(through)
            .args(["--port", "0", "--unixsocket", "beside", "--save", "", "--dir"])
            .arg(&self.folder)
            .args(arguments)
            .stdin(Stdio::null())
            .output()
            .expect("the server's binary starts");
        (started.status.code(), String::from_utf8_lossy(&started.stdout).into_owned())
    }

    fn answers(&mut self) -> bool {
        let until = Instant::now() + Duration::from_secs(START_SECONDS_MAX);
        while Instant::now() < until {
            if TcpStream::connect(("127.0.0.1", self.port)).is_ok() {
                return true;
            }
            if self.process.try_wait().is_ok_and(|status| status.is_some()) {
                return false;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        false
    }

    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Where a file of the server's folder is.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// A file in the server's folder; empty while it is not there.
    pub fn bytes(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).unwrap_or_default()
    }

    /// The same, as text.
    pub fn file(&self, name: &str) -> String {
        String::from_utf8_lossy(&self.bytes(name)).into_owned()
    }

    /// The names of what is in the server's folder and in the folders there, sorted.
    pub fn names(&self) -> Vec<String> {
        let mut names = Vec::new();
        let mut folders = vec![self.folder.clone()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).expect("a folder of ours") {
                let path = entry.expect("a folder of ours").path();
                let name = path.strip_prefix(&self.folder).expect("it stands in there").display().to_string();
                if path.is_dir() { folders.push(path) } else { names.push(name) }
            }
        }
        names.sort();
        names
    }

    /// Waits until a file in the server's folder holds all of these texts; gives back all of it.
    pub fn wait_for(&self, name: &str, texts: &[&str]) -> String {
        let until = Instant::now() + Duration::from_secs(START_SECONDS_MAX);
        loop {
            let file = self.file(name);
            let missing: Vec<&&str> = texts.iter().filter(|text| !file.contains(**text)).collect();
            if missing.is_empty() {
                return file;
            }
            assert!(Instant::now() < until, "{name} has no {missing:?}:\n{file}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Waits for the end of the process.
    pub fn wait(&mut self) -> std::process::ExitStatus {
        self.process.wait().expect("the server is a child of ours")
    }

    pub fn connect(&self) -> Connection {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).expect("the server accepts");
        stream.set_read_timeout(Some(Duration::from_secs(REPLY_SECONDS_MAX))).expect("a timeout can be set");
        stream.set_nodelay(true).expect("nodelay can be set");
        Connection { stream, unread: Vec::new() }
    }
}

/// The binary under test, by way of another program if one is named.
fn command(through: &[&str]) -> Command {
    let words: Vec<&str> = through.iter().copied().chain([env!("CARGO_BIN_EXE_gyre-server")]).collect();
    let mut command = Command::new(words[0]);
    command.args(&words[1..]);
    command
}

fn spawn(through: &[&str], port: u16, folder: &Path, arguments: &[&str]) -> Child {
    command(through)
        .args(["--port", &port.to_string(), "--save", "", "--dir"])
        .arg(folder)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .expect("the server's binary starts")
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

pub struct Connection {
    stream: TcpStream,
    unread: Vec<u8>,
}

impl Connection {
    /// Sends words as one request and gives back the whole reply as bytes; `None` when the connection ended instead.
    pub fn call(&mut self, words: &[Vec<u8>]) -> Option<Vec<u8>> {
        let mut request = format!("*{}\r\n", words.len()).into_bytes();
        for word in words {
            request.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
            request.extend_from_slice(word);
            request.extend_from_slice(b"\r\n");
        }
        self.stream.write_all(&request).ok()?;
        self.receive()
    }

    /// Sends bytes as they are; false when the connection has ended.
    pub fn try_send(&mut self, bytes: &[u8]) -> bool {
        self.stream.write_all(bytes).is_ok()
    }

    /// Sends bytes as they are.
    pub fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).expect("the server takes bytes");
    }

    /// The next whole reply; `None` when the connection ended instead.
    pub fn receive(&mut self) -> Option<Vec<u8>> {
        loop {
            if let Some(length) = reply_length(&self.unread) {
                return Some(self.unread.drain(..length).collect());
            }
            let mut more = [0; 1 << 16];
            match self.stream.read(&mut more) {
                Ok(0) => return None,
                Ok(count) => self.unread.extend_from_slice(&more[..count]),
                Err(e) if e.kind() == std::io::ErrorKind::ConnectionReset => return None,
                Err(e) => panic!("no reply within {REPLY_SECONDS_MAX} s: {e}"),
            }
        }
    }
}

/// The length of the reply at the start of `bytes`, if it is whole.
fn reply_length(bytes: &[u8]) -> Option<usize> {
    let line = bytes.windows(2).position(|pair| pair == b"\r\n")?;
    let number = || std::str::from_utf8(&bytes[1..line]).ok()?.parse::<i64>().ok();
    let mut end = line + 2;
    match bytes[0] {
        b'$' | b'=' | b'!' => {
            let length = number()?;
            end += if length < 0 { 0 } else { length as usize + 2 };
            (bytes.len() >= end).then_some(end)
        }
        b'*' | b'~' | b'>' | b'%' => {
            let items = number()?.max(0) * if bytes[0] == b'%' { 2 } else { 1 };
            for _ in 0..items {
                end += reply_length(&bytes[end..])?;
            }
            Some(end)
        }
        _ => Some(end),
    }
}
