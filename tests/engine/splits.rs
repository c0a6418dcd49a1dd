//! Parsing ahead changes nothing: any split of any pipeline into reads gives the same replies, and leaves the same data, as
//! one command at a time.

use crate::harness::Engine;
use gyre::base::random::Random;

/// Commands of one pipeline: plain ones, those that end a batch, those that wait, transactions, errors.
fn random_command(random: &mut Random) -> Vec<Vec<u8>> {
    const KEYS: [&str; 5] = ["a", "b", "list", "set", "{hash}"];
    let key = KEYS[random.below(KEYS.len() as u64) as usize];
    let number = random.below(1000).to_string();
    let long = "x".repeat(random.below(5000) as usize);
    let line: Vec<&str> = match random.below(26) {
        0 => vec!["SET", key, &number],
        1 => vec!["SET", key, &long],
        2 | 3 => vec!["GET", key],
        4 => vec!["SELECT", if random.chance(0.5) { "0" } else { "1" }],
        5 => vec!["MULTI"],
        6 => vec!["EXEC"],
        7 => vec!["DISCARD"],
        8 => vec!["WATCH", key],
        9 => vec!["UNWATCH"],
        10 => vec!["HELLO", if random.chance(0.5) { "2" } else { "3" }],
        11 => vec!["RESET"],
        12 => vec!["CLIENT", "REPLY", "SKIP"],
        13 => vec!["CLIENT", "SETNAME", key],
        14 => vec!["CLIENT", "GETNAME"],
        15 => vec!["SADD", "set", &number, key],
        16 => vec!["SCARD", "set"],
        17 => vec!["HSET", "{hash}", key, &number],
        18 => vec!["HGET", "{hash}", key],
        19 => vec!["NOSUCHCOMMAND", key],
        20 => vec!["GET"],
        21 => vec!["ECHO", &long],
        22 => vec!["SREM", "set", &number],
        23 => vec!["CLIENT", "REPLY", if random.chance(0.7) { "ON" } else { "OFF" }],
        24 => vec!["HDEL", "{hash}", key],
        _ => vec!["PING", &number],
    };
    line.into_iter().map(|word| word.as_bytes().to_vec()).collect()
}

fn encode(command: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    let is_inline = command.iter().all(|word| !word.is_empty() && word.len() < 100) && random.chance(0.2);
    if is_inline {
        return [command.join(&b' '), b"\r\n".to_vec()].concat();
    }
    let mut bytes = format!("*{}\r\n", command.len()).into_bytes();
    for word in command {
        bytes.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
        bytes.extend_from_slice(word);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes
}

/// What stands in the databases, read by commands on a session of its own.
fn contents(engine: &mut Engine) -> Vec<String> {
    let reader = engine.connect();
    let mut found = Vec::new();
    for db in ["0", "1"] {
        engine.ask(reader, &format!("SELECT {db}"));
        for key in ["a", "b", "list"] {
            found.push(engine.ask(reader, &format!("GET {key}")));
        }
        found.push(engine.ask(reader, "SCARD set"));
        found.push(engine.ask(reader, "HLEN {hash}"));
    }
    found
}

#[test]
fn any_split_of_any_pipeline_gives_the_same_replies_and_data() {
    for seed in 0..300 {
        let mut random = Random::new(seed);
        let count = random.between(1, 60);
        let mut requests: Vec<Vec<u8>> = Vec::new();
        for _ in 0..count {
            let command = random_command(&mut random);
            requests.push(encode(&command, &mut random));
        }
        if random.chance(0.3) {
            requests.push(b"*1\r\n$x\r\nno length\r\nGET a\r\n".to_vec());
        }
        // 1. One command a turn.
        let mut one_by_one = Engine::new();
        let session = one_by_one.connect();
        let mut expected = Vec::new();
        for request in &requests {
            if one_by_one.is_open(session) {
                one_by_one.feed(session, request);
                one_by_one.settle();
                expected.extend(one_by_one.replies(session));
            }
        }
        let expected_contents = contents(&mut one_by_one);
        // 2. The same bytes in pieces of any size.
        let bytes = requests.concat();
        for piece_max in [1, 7, 100, 5000, 60_000] {
            let mut engine = Engine::new();
            let session = engine.connect();
            let mut replies = Vec::new();
            let mut at = 0;
            while at < bytes.len() && engine.is_open(session) {
                let len = (random.below(piece_max) as usize + 1).min(bytes.len() - at);
                engine.feed(session, &bytes[at..at + len]);
                engine.settle();
                replies.extend(engine.replies(session));
                at += len;
            }
            let (got, wanted) = (String::from_utf8_lossy(&replies), String::from_utf8_lossy(&expected));
            assert_eq!(got, wanted, "seed {seed}, pieces up to {piece_max}");
            assert_eq!(contents(&mut engine), expected_contents, "seed {seed}, pieces up to {piece_max}");
        }
    }
}

#[test]
fn what_follows_a_closing_command_is_not_run() {
    let mut engine = Engine::new();
    let session = engine.connect();
    engine.feed(session, b"SET a 1\r\nQUIT\r\nSET a 2\r\n");
    engine.settle();
    assert_eq!(engine.replies(session), b"+OK\r\n+OK\r\n");
    let other = engine.connect();
    assert_eq!(engine.ask(other, "GET a"), "$1\r\n1\r\n");
}

#[test]
fn a_protocol_error_is_answered_behind_what_came_before_it() {
    let mut engine = Engine::new();
    let session = engine.connect();
    engine.feed(session, b"SET a 1\r\n*1\r\nGET\r\n");
    engine.settle();
    assert_eq!(engine.replies(session), b"+OK\r\n-ERR Protocol error: expected '$', got 'G'\r\n");
    assert!(!engine.is_open(session));
}
