//! What a client costs while it says nothing: a connection owns memory for an unfinished request or an unsent reply, and for nothing else.

use std::time::{Duration, Instant};

use super::server::{Connection, Server};

/// Most bytes that a client without unfinished business may be charged with: its session, not its traffic.
const IDLE_BYTES_MAX: u64 = 2048;
const PATIENCE: Duration = Duration::from_secs(5);

fn words(line: &str) -> Vec<Vec<u8>> {
    line.split(' ').map(|word| word.as_bytes().to_vec()).collect()
}

/// A field of the line that CLIENT LIST has for the client of this name.
fn field(observer: &mut Connection, client: &str, field: &str) -> u64 {
    let list = observer.call(&words("CLIENT LIST")).expect("CLIENT LIST is answered");
    let list = String::from_utf8(list).expect("CLIENT LIST is text");
    let line = list.lines().find(|line| line.contains(&format!(" name={client} "))).expect("the client is listed");
    let value = line.split(' ').find_map(|pair| pair.strip_prefix(&format!("{field}="))).expect("the field is there");
    value.parse().expect("the field is a number")
}

#[track_caller]
fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < end, "{what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[track_caller]
fn owns_nothing(observer: &mut Connection, client: &str) {
    for name in ["qbuf", "qbuf-free", "argv-mem", "obl", "oll"] {
        assert_eq!(field(observer, client, name), 0, "{name} of an idle client");
    }
    until("an idle client is charged for buffers", || field(observer, client, "tot-mem") <= IDLE_BYTES_MAX);
}

#[test]
fn idle_clients_own_no_buffers() {
    let server = Server::start(&[]);
    let (mut client, mut observer) = (server.connect(), server.connect());
    client.call(&words("CLIENT SETNAME quiet"));
    owns_nothing(&mut observer, "quiet");
    // 1. An unfinished request is kept, and let go of when it is whole.
    client.send(b"*3\r\n$3\r\nSET\r\n$2\r\na");
    until("an unfinished request is kept", || field(&mut observer, "quiet", "qbuf") > 0);
    client.send(b"b\r\n$1\r\nv\r\n");
    assert_eq!(client.receive().as_deref(), Some(&b"+OK\r\n"[..]));
    owns_nothing(&mut observer, "quiet");
    // 2. A large request, and a large reply.
    let large = vec![b'x'; 400_000];
    assert_eq!(client.call(&[b"SET".to_vec(), b"x".to_vec(), large]).as_deref(), Some(&b"+OK\r\n"[..]));
    owns_nothing(&mut observer, "quiet");
    assert!(client.call(&words("GET x")).is_some_and(|reply| reply.len() > 400_000));
    owns_nothing(&mut observer, "quiet");
    // 3. An argument that was announced but does not come costs what has come of it.
    client.send(b"*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1000000\r\nonly this");
    until("an unfinished request is kept", || field(&mut observer, "quiet", "qbuf") > 0);
    assert!(field(&mut observer, "quiet", "tot-mem") < 200_000, "memory is not taken before the bytes come");
}
