//! Sends a PING every millisecond on one connection and prints when each was sent and how long its answer took, one line each:
//! microseconds since the epoch, nanoseconds of waiting. Ends when its standard input does.
//!
//! Compiled alone by `rustc -O` (see scripts/pauses.py); it uses nothing but the standard library. The next PING is not sent before the answer
//! to the last one: a pause shows as one long wait, whose length is the pause.

use std::io::{BufWriter, Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

const PERIOD: Duration = Duration::from_millis(1);

static IS_OVER: AtomicBool = AtomicBool::new(false);

fn main() {
    let port: u16 = std::env::args().nth(1).and_then(|word| word.parse().ok()).expect("usage: ping_prober PORT");
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("the server accepts");
    stream.set_nodelay(true).expect("nodelay can be set");
    std::thread::spawn(|| {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        IS_OVER.store(true, Ordering::Relaxed);
    });
    // Kept in memory and written at the end: writing would disturb what is measured.
    let mut samples: Vec<(u128, u128)> = Vec::with_capacity(1 << 20);
    let began = Instant::now();
    let mut tick: u32 = 0;
    let mut answer = [0u8; 64];
    while !IS_OVER.load(Ordering::Relaxed) {
        let sent_at = SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock is past 1970").as_micros();
        let sent = Instant::now();
        stream.write_all(b"PING\r\n").expect("the server takes a PING");
        let count = stream.read(&mut answer).expect("the server answers");
        samples.push((sent_at, sent.elapsed().as_nanos()));
        assert!(answer[..count].ends_with(b"\r\n"), "the server closed the connection");
        tick += 1;
        let due = began + PERIOD * tick;
        let now = Instant::now();
        if due > now {
            std::thread::sleep(due - now);
        } else {
            tick = (now - began).as_millis() as u32; // after a pause the rhythm starts anew
        }
    }
    let mut out = BufWriter::new(std::io::stdout().lock());
    for (at, took) in samples {
        writeln!(out, "{at} {took}").expect("the output takes a line");
    }
}
