//! Every command, sent to a running server and compared with what Redis replied. How the files are written stands in
//! `scripts/record_examples.py`.

use std::collections::HashSet;
use std::fs;
use std::path::Path;

use gyre::base::glob;

use super::server::{Connection, Server};
use super::table::rows;

/// Words sent, and the reply that is expected: exactly, or as a glob.
struct Exchange {
    line: String,
    expected: String,
    is_pattern: bool,
}

struct Block {
    /// What stands behind `==`: a command, and the version whose examples they are where that is not 8.0 (`XADD @8.6`).
    heading: String,
    name: String,
    exchanges: Vec<Exchange>,
}

fn blocks() -> Vec<Block> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/examples");
    let mut files: Vec<_> = fs::read_dir(folder)
        .expect("tests/examples exists")
        .map(|entry| entry.expect("a readable folder").path())
        .collect();
    files.sort();
    let mut found: Vec<Block> = Vec::new();
    for file in files {
        for line in fs::read_to_string(&file).expect("a readable file").lines() {
            if let Some(name) = line.strip_prefix("== ") {
                let (heading, name) = (name.to_owned(), name.split(" @").next().unwrap_or_default().to_owned());
                found.push(Block { heading, name, exchanges: Vec::new() });
                continue;
            }
            let exchanges = &mut found.last_mut().expect("a file begins with a block").exchanges;
            if let Some(sent) = line.strip_prefix("> ") {
                exchanges.push(Exchange { line: sent.to_owned(), expected: String::new(), is_pattern: false });
            } else if line.starts_with("< ") {
                // What a real server was asked in place of that.
            } else if let Some((kind, expected)) = line.split_once(' ') {
                let exchange = exchanges.last_mut().expect("a reply stands behind what was sent");
                exchange.expected = expected.to_owned();
                exchange.is_pattern = kind == "~";
            }
        }
    }
    found
}

/// Splits a line as redis-cli does: blanks part words, double quotes join them and take escapes.
fn words(line: &str) -> Vec<Vec<u8>> {
    let (mut found, mut word, mut quoted, mut begun) = (Vec::new(), Vec::new(), false, false);
    let mut bytes = line.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => (quoted, begun) = (!quoted, true),
            b' ' if !quoted => {
                if begun {
                    found.push(std::mem::take(&mut word));
                }
                begun = false;
            }
            b'\\' => {
                begun = true;
                word.push(match bytes.next().expect("something is escaped") {
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    b'x' => {
                        let digits = [bytes.next().expect("a digit"), bytes.next().expect("a digit")];
                        u8::from_str_radix(std::str::from_utf8(&digits).expect("digits"), 16).expect("hexadecimal")
                    }
                    other => other,
                });
            }
            other => {
                begun = true;
                word.push(other);
            }
        }
    }
    if begun {
        found.push(word);
    }
    found
}

/// A reply as the files show it: ⏎ for the end of a line, escapes for what is not text.
fn shown(reply: &[u8]) -> String {
    let mut text = String::new();
    for chunk in reply.utf8_chunks() {
        let valid = chunk.valid().replace("\r\n", "⏎").replace('\n', "\\n");
        for c in valid.chars() {
            if c.is_control() {
                text.push_str(&format!("\\x{:02x}", c as u32));
            } else {
                text.push(c);
            }
        }
        for byte in chunk.invalid() {
            text.push_str(&format!("\\x{byte:02x}"));
        }
    }
    text
}

fn run(connection: &mut Connection, block: &Block) -> Vec<String> {
    let mut faults = Vec::new();
    for exchange in &block.exchanges {
        let got = connection.call(&words(&exchange.line)).map_or("(closed)".to_owned(), |reply| shown(&reply));
        let fits = if exchange.is_pattern {
            glob::matches(exchange.expected.as_bytes(), got.as_bytes())
        } else {
            exchange.expected == got
        };
        if !fits {
            faults
                .push(format!("{}: {}\n  expected {}\n  got      {got}", block.name, exchange.line, exchange.expected));
        }
    }
    faults
}

#[test]
fn every_command_replies_as_redis_does() {
    let server = Server::start(&["--enable-debug-command", "yes"]);
    let known: HashSet<String> = rows().into_iter().map(|(name, ..)| name).collect();
    let mut faults = Vec::new();
    for block in blocks().iter().filter(|block| known.contains(&block.name)) {
        let mut connection = server.connect();
        connection.call(&words("FLUSHALL"));
        faults.extend(run(&mut connection, block));
    }
    assert!(faults.is_empty(), "{} replies differ from Redis's:\n{}", faults.len(), faults.join("\n"));
}

#[test]
fn every_command_has_an_example() {
    let blocks = blocks();
    let headings: HashSet<&str> = blocks.iter().map(|block| block.heading.as_str()).collect();
    assert_eq!(headings.len(), blocks.len(), "a block stands twice");
    let names: HashSet<&str> = blocks.iter().map(|block| block.name.as_str()).collect();
    let lacking: Vec<String> =
        rows().into_iter().map(|(name, ..)| name).filter(|name| !names.contains(name.as_str())).collect();
    assert!(lacking.is_empty(), "no example in tests/examples for: {}", lacking.join(", "));
}

#[test]
fn a_line_is_split_like_redis_cli_does() {
    assert_eq!(words(r#"SET k "a b" "" \x41 "\r\n\x00""#), [&b"SET"[..], b"k", b"a b", b"", b"A", b"\r\n\0"]);
    assert_eq!(shown(b"+OK\r\n\x00\xff\xc3\xa9"), "+OK⏎\\x00\\xffé");
}
