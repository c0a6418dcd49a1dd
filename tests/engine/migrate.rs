//! MIGRATE over simulated links, in virtual time: what goes over the link, who waits, what is deleted when, and what errors say.

use std::cell::RefCell;
use std::io;
use std::rc::Rc;

use gyre::exec::migrate;
use gyre::keyspace::SessionKey;
use gyre::server::links::{LinkKey, LinkNews, Links};

use super::harness::Engine;

/// What a test sees of the links, and what they will say to those who stand still.
#[derive(Default)]
pub struct Wires {
    pub opened: Vec<(Vec<u8>, u16)>,
    pub sent: Vec<(LinkKey, Vec<u8>)>,
    pub closed: Vec<LinkKey>,
    pub awaited: Vec<Vec<LinkNews>>,
    pub refuses: bool,
}

/// Links whose other ends are in the test's hands.
#[derive(Clone, Default)]
pub struct SimulatedLinks(pub Rc<RefCell<Wires>>);

impl Links for SimulatedLinks {
    fn open_from(&mut self, _: &[u8], host: &[u8], port: u16) -> io::Result<LinkKey> {
        self.open(host, port)
    }

    fn open(&mut self, host: &[u8], port: u16) -> io::Result<LinkKey> {
        let mut wires = self.0.borrow_mut();
        if wires.refuses {
            return Err(io::ErrorKind::ConnectionRefused.into());
        }
        wires.opened.push((host.to_vec(), port));
        Ok(LinkKey(wires.opened.len() as u64))
    }

    fn send(&mut self, link: LinkKey, bytes: Vec<u8>) {
        self.0.borrow_mut().sent.push((link, bytes));
    }

    fn close(&mut self, link: LinkKey) {
        self.0.borrow_mut().closed.push(link);
    }

    fn wait(&mut self, _: LinkKey, _: i64) -> Vec<LinkNews> {
        let mut wires = self.0.borrow_mut();
        if wires.awaited.is_empty() { Vec::new() } else { wires.awaited.remove(0) }
    }
}

struct Pair {
    engine: Engine,
    wires: SimulatedLinks,
    mover: SessionKey,
    other: SessionKey,
}

const FIRST: LinkKey = LinkKey(1);
const SECOND: LinkKey = LinkKey(2);

impl Pair {
    fn new() -> Pair {
        let mut engine = Engine::new();
        let wires = SimulatedLinks::default();
        engine.world.links = Some(Box::new(wires.clone()));
        engine.server.journal.attach(gyre::server::journal::Readers::ALL);
        let (mover, other) = (engine.connect(), engine.connect());
        engine.ask(mover, "MSET a 1 b 2 c 3");
        engine.server.journal.take();
        Pair { engine, wires, mover, other }
    }

    fn news(&mut self, link: LinkKey, news: LinkNews) {
        let _ = migrate::on_news(&mut self.engine.server, &mut self.engine.world, link, news);
        self.engine.settle();
    }

    fn hear(&mut self, link: LinkKey, text: &str) {
        self.news(link, LinkNews::Heard(text.as_bytes().to_vec()));
    }

    /// All of it went out.
    fn connect(&mut self, link: LinkKey) {
        self.news(link, LinkNews::Connected);
        self.news(link, LinkNews::Sent { left: 0 });
    }

    fn reply(&mut self, session: SessionKey) -> String {
        String::from_utf8_lossy(&self.engine.replies(session)).into_owned()
    }

    fn journal(&mut self) -> String {
        String::from_utf8_lossy(&self.engine.server.journal.take().bytes).into_owned()
    }
}

#[test]
fn a_key_is_held_until_it_is_there() {
    let mut pair = Pair::new();
    assert_eq!(pair.engine.ask(pair.mover, "MIGRATE host 7000 a 3 500"), "");
    assert_eq!(pair.wires.0.borrow().opened, [(b"host".to_vec(), 7000)]);
    // 1. Who names the key waits, whatever he wants of it; others go on.
    assert_eq!(pair.engine.ask(pair.other, "GET b"), "$1\r\n2\r\n");
    assert_eq!(pair.engine.ask(pair.other, "GET a"), "");
    pair.connect(FIRST);
    let sent = String::from_utf8_lossy(&pair.wires.0.borrow().sent[0].1).into_owned();
    assert!(
        sent.starts_with("*2\r\n$6\r\nSELECT\r\n$1\r\n3\r\n*4\r\n$7\r\nRESTORE\r\n$1\r\na\r\n$1\r\n0\r\n$"),
        "{sent}"
    );
    // 2. The answer comes in pieces.
    pair.hear(FIRST, "+OK\r\n+O");
    assert_eq!(pair.reply(pair.mover), "");
    pair.hear(FIRST, "K\r\n");
    assert_eq!(pair.reply(pair.mover), "+OK\r\n");
    assert_eq!(pair.reply(pair.other), "$-1\r\n", "it was held back, and now the key is elsewhere");
    assert!(pair.journal().ends_with("*2\r\n$3\r\nDEL\r\n$1\r\na\r\n"));
    // 3. The link is kept, with the database it has selected.
    assert_eq!(pair.engine.ask(pair.mover, "MIGRATE host 7000 b 3 500 COPY REPLACE"), "");
    assert_eq!(pair.wires.0.borrow().opened.len(), 1);
    let sent = String::from_utf8_lossy(&pair.wires.0.borrow().sent[1].1).into_owned();
    assert!(sent.starts_with("*5\r\n$7\r\nRESTORE\r\n$1\r\nb\r\n") && sent.ends_with("$7\r\nREPLACE\r\n"), "{sent}");
    pair.hear(FIRST, "+OK\r\n");
    assert_eq!(pair.reply(pair.mover), "+OK\r\n");
    assert_eq!(pair.engine.ask(pair.other, "GET b"), "$1\r\n2\r\n", "copied");
    assert_eq!(pair.journal(), "");
}

#[test]
fn only_what_was_acknowledged_goes() {
    let mut pair = Pair::new();
    pair.engine.ask(pair.mover, "MIGRATE host 7000 \"\" 0 500 KEYS a nope b c");
    pair.connect(FIRST);
    pair.hear(FIRST, "+OK\r\n+OK\r\n-BUSYKEY Target key name already exists.\r\n+OK\r\n");
    let expected = "-ERR Target instance replied with error: BUSYKEY Target key name already exists.\r\n";
    assert_eq!(pair.reply(pair.mover), expected);
    assert_eq!(pair.engine.ask(pair.other, "KEYS *"), "*1\r\n$1\r\nb\r\n");
    assert!(pair.journal().ends_with("*3\r\n$3\r\nDEL\r\n$1\r\na\r\n$1\r\nc\r\n"));
}

#[test]
fn a_lost_link_is_tried_once_more() {
    let mut pair = Pair::new();
    pair.engine.ask(pair.mover, "MIGRATE host 7000 a 0 500");
    pair.connect(FIRST);
    pair.news(FIRST, LinkNews::Gone);
    assert_eq!(pair.wires.0.borrow().opened.len(), 2);
    assert_eq!(pair.reply(pair.mover), "");
    pair.connect(SECOND);
    pair.news(SECOND, LinkNews::Gone);
    assert_eq!(pair.reply(pair.mover), "-IOERR error or timeout reading to target instance\r\n");
    assert_eq!(pair.engine.ask(pair.other, "GET a"), "$1\r\n1\r\n");
    // Refused twice: Redis finds out when it writes.
    pair.engine.ask(pair.mover, "MIGRATE host 7000 a 0 500");
    pair.news(LinkKey(3), LinkNews::Gone);
    pair.news(LinkKey(4), LinkNews::Gone);
    assert_eq!(pair.reply(pair.mover), "-IOERR error or timeout writing to target instance\r\n");
    assert_eq!(pair.wires.0.borrow().opened.len(), 4);
}

#[test]
fn silence_ends_with_the_timeout() {
    let mut pair = Pair::new();
    pair.engine.ask(pair.mover, "MIGRATE host 7000 a 0 500");
    pair.news(FIRST, LinkNews::Connected);
    pair.engine.server.clock.advance_ms(501);
    let _ = migrate::on_timeout(&mut pair.engine.server, &mut pair.engine.world, FIRST);
    assert_eq!(pair.reply(pair.mover), "-IOERR error or timeout writing to target instance\r\n");
    assert_eq!(pair.wires.0.borrow().closed, [FIRST]);
    // An idle link is closed after ten seconds.
    pair.engine.ask(pair.mover, "MIGRATE host 7000 a 0 500");
    pair.connect(SECOND);
    pair.hear(SECOND, "+OK\r\n+OK\r\n");
    pair.engine.server.clock.advance_ms(9_000);
    let _ = migrate::on_timeout(&mut pair.engine.server, &mut pair.engine.world, SECOND);
    assert_eq!(pair.engine.server.migrations.links(), 1);
    pair.engine.server.clock.advance_ms(1_000);
    let _ = migrate::on_timeout(&mut pair.engine.server, &mut pair.engine.world, SECOND);
    assert_eq!(pair.engine.server.migrations.links(), 0);
}

/// What may touch any key waits; a transaction waits with what it queued, not while it queues.
#[test]
fn whole_pieces_wait_as_one() {
    let mut pair = Pair::new();
    pair.engine.ask(pair.mover, "MIGRATE host 7000 a 0 500");
    assert_eq!(pair.engine.ask(pair.other, "MULTI"), "+OK\r\n");
    assert_eq!(pair.engine.ask(pair.other, "INCR a"), "+QUEUED\r\n");
    assert_eq!(pair.engine.ask(pair.other, "EXEC"), "");
    let third = pair.engine.connect();
    assert_eq!(pair.engine.ask(third, "EVAL \"return redis.call('get','b')\" 0"), "");
    let fourth = pair.engine.connect();
    assert_eq!(pair.engine.ask(fourth, "SWAPDB 1 2"), "");
    pair.connect(FIRST);
    pair.hear(FIRST, "+OK\r\n+OK\r\n");
    assert_eq!(pair.reply(pair.other), "*1\r\n:1\r\n", "the key was gone, and was made anew");
    assert_eq!((pair.reply(third), pair.reply(fourth)), ("$1\r\n2\r\n".into(), "+OK\r\n".into()));
}

#[test]
fn in_a_transaction_everybody_stands_still() {
    let mut pair = Pair::new();
    let whole = vec![LinkNews::Connected, LinkNews::Sent { left: 0 }, LinkNews::Heard(b"+OK\r\n+OK\r\n".to_vec())];
    pair.wires.0.borrow_mut().awaited.push(whole);
    pair.engine.ask(pair.mover, "MULTI");
    pair.engine.ask(pair.mover, "MIGRATE host 7000 a 0 500");
    pair.engine.ask(pair.mover, "EXISTS a");
    assert_eq!(pair.engine.ask(pair.mover, "EXEC"), "*2\r\n+OK\r\n:0\r\n");
    assert!(pair.journal().ends_with("*2\r\n$3\r\nDEL\r\n$1\r\na\r\n"));
    // Nobody answers: the time is over.
    pair.engine.server.clock.advance_ms(1);
    let silent = "EVAL \"return redis.pcall('migrate','host','7000','b','0','1')\" 0";
    pair.wires.0.borrow_mut().refuses = true;
    pair.engine.server.clock.advance_ms(60_000);
    let _ = migrate::on_timeout(&mut pair.engine.server, &mut pair.engine.world, FIRST);
    assert_eq!(pair.engine.ask(pair.mover, silent), "-IOERR error or timeout connecting to the client\r\n");
}

#[test]
fn words_are_judged_as_redis_judges_them() {
    let mut pair = Pair::new();
    for (line, reply) in [
        ("MIGRATE host 7000 nope 0 500", "+NOKEY\r\n"),
        ("MIGRATE host 7000 a 0 x", "-ERR value is not an integer or out of range\r\n"),
        ("MIGRATE host 7000 a x 500 COPY", "-ERR value is not an integer or out of range\r\n"),
        ("MIGRATE host 7000 a 0 500 NOPE", "-ERR syntax error\r\n"),
        ("MIGRATE host 7000 a 0 500 AUTH", "-ERR syntax error\r\n"),
        ("MIGRATE host 7000 a 0 500 AUTH2 x", "-ERR syntax error\r\n"),
        (
            "MIGRATE host 7000 a 0 500 KEYS b",
            "-ERR When using MIGRATE KEYS option, the key argument must be set to the empty string\r\n",
        ),
    ] {
        assert_eq!(pair.engine.ask(pair.mover, line), reply, "{line}");
    }
    pair.wires.0.borrow_mut().refuses = true;
    let refused = "-IOERR error or timeout connecting to the client\r\n";
    assert_eq!(pair.engine.ask(pair.mover, "MIGRATE host 7000 a 0 500"), refused);
    pair.wires.0.borrow_mut().refuses = false;
    pair.engine.ask(pair.mover, "MIGRATE host 7000 a 0 500 AUTH2 me secret");
    pair.connect(LinkKey(1));
    let sent = pair.wires.0.borrow().sent[0].1.clone();
    assert!(sent.starts_with(b"*3\r\n$4\r\nAUTH\r\n$2\r\nme\r\n$6\r\nsecret\r\n*2\r\n$6\r\nSELECT\r\n"));
    pair.hear(LinkKey(1), "-WRONGPASS invalid\r\n+OK\r\n+OK\r\n");
    assert_eq!(pair.reply(pair.mover), "-ERR Target instance replied with error: WRONGPASS invalid\r\n");
    assert_eq!(pair.engine.ask(pair.other, "EXISTS a"), ":1\r\n");
}
