//! Nothing that was acknowledged is lost: the server is ended in the middle of its work, again and again, and what clients were told
//! is asked for at the next start.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use crate::server::{Connection, Server};

const CLIENTS: usize = 4;
const ROUNDS: u64 = 6;

fn words(line: &str) -> Vec<Vec<u8>> {
    line.split(' ').map(|word| word.as_bytes().to_vec()).collect()
}

/// The last number of a reply; 0 if there is none.
fn number(reply: &[u8]) -> u64 {
    let text = String::from_utf8_lossy(reply);
    let last = text.split("\r\n").filter(|line| !line.is_empty()).last().unwrap_or_default();
    last.trim_start_matches(':').parse().unwrap_or(0)
}

/// Counts up by single commands and by transactions until the connection ends; gives back the last numbers that were acknowledged.
fn count_up(mut connection: Connection, client: usize, stops: &AtomicBool, begun: &AtomicUsize) -> (u64, u64) {
    let (mut single, mut paired) = (0, 0);
    while !stops.load(Ordering::Relaxed) {
        let Some(reply) = connection.call(&words(&format!("INCR single:{client}"))) else { break };
        single = number(&reply);
        let both = format!(
            "*1\r\n$5\r\nMULTI\r\n*2\r\n$4\r\nINCR\r\n$6\r\nleft:{client}\r\n*2\r\n$4\r\nINCR\r\n$7\r\nright:{client}\r\n*1\r\n$4\r\nEXEC\r\n"
        );
        if !connection.try_send(both.as_bytes()) {
            break;
        }
        let replies: Vec<_> = (0..4).map_while(|_| connection.receive()).collect();
        let [_, _, _, exec] = replies.as_slice() else { break };
        if paired == 0 {
            begun.fetch_add(1, Ordering::Relaxed);
        }
        paired = number(exec);
    }
    (single, paired)
}

/// Rounds of counting and killing under a policy; `rewrites` while the count goes on.
fn check(policy: &str, rewrites: bool) {
    let arguments = ["--appendonly", "yes", "--appendfsync", policy, "--logfile", "log"];
    let mut server = Server::start(&arguments);
    for round in 0..ROUNDS {
        let (stops, begun) = (AtomicBool::new(false), AtomicUsize::new(0));
        let acknowledged: Vec<(u64, u64)> = std::thread::scope(|scope| {
            let counting: Vec<_> = (0..CLIENTS)
                .map(|client| {
                    let connection = server.connect();
                    let (stops, begun) = (&stops, &begun);
                    scope.spawn(move || count_up(connection, client, stops, begun))
                })
                .collect();
            // On a busy machine that takes a while.
            while begun.load(Ordering::Relaxed) < CLIENTS && !counting.iter().any(|client| client.is_finished()) {
                std::thread::sleep(Duration::from_millis(1));
            }
            if rewrites {
                std::thread::sleep(Duration::from_millis(30));
                server.connect().call(&words("BGREWRITEAOF")).expect("it is alive");
            }
            // Another moment each time.
            std::thread::sleep(Duration::from_millis(40 + 17 * round));
            server.kill_and_start(&arguments);
            stops.store(true, Ordering::Relaxed);
            counting.into_iter().map(|thread| thread.join().expect("it only counts")).collect()
        });
        let mut connection = server.connect();
        let mut ask = |line: String| loop {
            let reply = connection.call(&words(&line)).expect("it is alive");
            if !reply.starts_with(b"-LOADING") {
                return number(&reply);
            }
            std::thread::sleep(Duration::from_millis(5));
        };
        for (client, (single, paired)) in acknowledged.into_iter().enumerate() {
            assert!(single > 0 && paired > 0, "client {client} was answered in round {round}");
            let found = ask(format!("GET single:{client}"));
            assert!(found >= single, "round {round}, client {client}: {single} was acknowledged, {found} is there");
            let (left, right) = (ask(format!("GET left:{client}")), ask(format!("GET right:{client}")));
            assert_eq!(left, right, "round {round}, client {client}: a transaction is whole or not there");
            assert!(left >= paired, "round {round}, client {client}: {paired} was acknowledged, {left} is there");
        }
    }
}

#[test]
fn killed_under_always_nothing_acknowledged_is_lost() {
    check("always", false);
}

#[test]
fn killed_during_a_rewrite_nothing_acknowledged_is_lost() {
    check("always", true);
}

#[test]
fn what_was_written_survives_the_process_under_no() {
    // No sync is promised, but the system has the bytes before the reply leaves.
    check("no", true);
}

#[test]
fn a_second_server_on_the_same_files_does_not_start() {
    let server = Server::start(&["--appendonly", "yes"]);
    // It listens before it has its files; who is answered knows that it has.
    assert_eq!(server.connect().call(&words("PING")), Some(b"+PONG\r\n".to_vec()));
    let (code, log) = server.start_beside(&["--appendonly", "yes"]);
    assert_eq!(code, Some(1));
    let expected = "Can't open the append-only file appendonly.aof.1.incr.aof: another server is writing it";
    assert!(log.contains(expected), "{log}");
    assert_eq!(server.connect().call(&words("SET a 1")), Some(b"+OK\r\n".to_vec()));
}
