//! A master and its replica over a simulated link, in virtual time: full and partial syncs, what the stream does, who is asked what.

use gyre::exec::replication::{cron, dumps, feed, follow};
use gyre::exec::snapshot;
use gyre::keyspace::SessionKey;
use gyre::persist::{ChildEnd, Purpose, Step};
use gyre::server::links::{LinkKey, LinkNews};

use super::harness::Engine;
use super::migrate::SimulatedLinks;

struct Pair {
    master: Engine,
    replica: Engine,
    wires: SimulatedLinks,
    /// The replica's session at its master.
    feeder: SessionKey,
    /// A client of each.
    asker: SessionKey,
    reader: SessionKey,
}

impl Pair {
    fn new(settings: &[&str]) -> Pair {
        let (mut master, mut replica) = (Engine::new(), Engine::new());
        master.server.replication.id = "a".repeat(40);
        replica.server.replication.id = "b".repeat(40);
        // Two servers have not one chance.
        replica.server.random = gyre::base::random::Random::new(99);
        let wires = SimulatedLinks::default();
        replica.world.links = Some(Box::new(wires.clone()));
        let (feeder, asker, reader) = (master.connect(), master.connect(), replica.connect());
        for line in settings {
            assert_eq!(master.ask(asker, &format!("CONFIG SET {line}")), "+OK\r\n");
        }
        assert_eq!(replica.ask(reader, "REPLICAOF host 7"), "+OK\r\n");
        Pair { master, replica, wires, feeder, asker, reader }
    }

    fn link(&self) -> LinkKey {
        LinkKey(self.wires.0.borrow().opened.len() as u64)
    }

    fn connect(&mut self) {
        self.tell(LinkNews::Connected);
        self.exchange();
    }

    fn tell(&mut self, news: LinkNews) {
        let link = self.link();
        assert!(follow::owns(&self.replica.server, link));
        follow::on_news(&mut self.replica.server, &mut self.replica.world, link, news);
    }

    /// The link breaks: both sides notice, and the replica looks for its master anew.
    fn break_link(&mut self) {
        self.tell(LinkNews::Gone);
        gyre::exec::replication::released(&mut self.master.server, &mut self.master.world, self.feeder);
        self.feeder = self.master.connect();
    }

    /// What either side says goes to the other, until both are silent.
    fn exchange(&mut self) {
        loop {
            let sent = std::mem::take(&mut self.wires.0.borrow_mut().sent);
            let mut is_silent = sent.is_empty();
            for (_, bytes) in sent {
                self.master.feed(self.feeder, &bytes);
                self.master.settle();
            }
            self.end_child();
            self.master.end_turn().expect("there is no file that could fail");
            loop {
                let bytes = self.master.replies(self.feeder);
                if !bytes.is_empty() {
                    is_silent = false;
                    // In two pieces, so that nothing hangs on where they end.
                    let (head, tail) = bytes.split_at(bytes.len() / 2);
                    self.tell(LinkNews::Heard(head.to_vec()));
                    self.tell(LinkNews::Heard(tail.to_vec()));
                } else if !dumps::refill(&mut self.master.server, self.feeder) {
                    break;
                }
            }
            self.load();
            self.replica.settle();
            self.replica.end_turn().expect("there is no file that could fail");
            if is_silent {
                return;
            }
        }
    }

    /// A child of the master has done its work already: what it said arrives, and it ends.
    fn end_child(&mut self) {
        let server = &mut self.master.server;
        let Some(child) = &mut server.persist.child else { return };
        let (said, code) = self.master.world.disk.children.last().cloned().expect("it ran");
        child.hear(&said, server.now);
        let dump = std::mem::take(&mut child.dump);
        assert_eq!(dump.is_empty(), child.purpose == Purpose::Snapshot);
        dumps::forward(server, &dump);
        snapshot::child_ended(server, &mut self.master.world, ChildEnd::Left(code));
    }

    fn load(&mut self) {
        let Engine { server, world, .. } = &mut self.replica;
        if !follow::take_dump(server) {
            return;
        }
        let mut loading = snapshot::begin_loading_from_master(server, world).expect("sound").expect("there");
        loop {
            let settings = std::rc::Rc::clone(&server.settings);
            let (keyspace, persist) = (&mut server.keyspace, &mut server.persist);
            if loading.step(keyspace, persist, &settings, &mut world.disk, &server.clock).expect("sound") == Step::Done
            {
                break;
            }
        }
        snapshot::end_loading(server).expect("no libraries");
        follow::loaded(server, world);
    }

    /// Runs a command at the master; its replica has it when this returns.
    fn write(&mut self, line: &str) -> String {
        let reply = self.master.ask(self.asker, line);
        self.exchange();
        reply
    }

    fn digests(&mut self) -> [String; 2] {
        [self.master.ask(self.asker, "DEBUG DIGEST"), self.replica.ask(self.reader, "DEBUG DIGEST")]
    }

    #[track_caller]
    fn check_in_step(&mut self) {
        let [master, replica] = self.digests();
        assert_eq!(master, replica);
        let offsets = [self.master.server.replication_offset(), self.replica.server.replication_offset()];
        assert_eq!(offsets[0], offsets[1]);
        assert_eq!(self.master.server.replication.id, self.replica.server.replication.id);
    }

    fn counts(&self) -> (u64, u64) {
        (self.master.server.replication.full_syncs, self.master.server.replication.partial_syncs)
    }
}

const WAYS: [&[&str]; 2] = [&["repl-diskless-sync no"], &["repl-diskless-sync yes", "repl-diskless-sync-delay 0"]];

#[test]
fn a_replica_is_given_all_and_then_what_comes() {
    for way in WAYS {
        let mut pair = Pair::new(way);
        for line in ["SET a 1", "RPUSH l 1 2 3", "SELECT 3", "HSET h f v", "SELECT 0"] {
            pair.master.ask(pair.asker, line);
        }
        pair.connect();
        pair.check_in_step();
        assert_eq!(pair.counts(), (1, 0));
        for line in [
            "INCR a",
            "SELECT 5",
            "SADD s x y",
            "MULTI",
            "SET b 1",
            "SPOP s",
            "EXEC",
            "SELECT 0",
            "EVAL \"return redis.call('set','e','1')\" 0",
        ] {
            pair.write(line);
        }
        pair.check_in_step();
        assert!(pair.replica.ask(pair.reader, "SET a 2").starts_with("-READONLY"));
        assert_eq!(pair.replica.ask(pair.reader, "GET a"), "$1\r\n2\r\n");
    }
}

#[test]
fn a_replica_that_lost_its_link_is_given_what_it_lacks() {
    let mut pair = Pair::new(WAYS[0]);
    pair.connect();
    pair.write("SELECT 2");
    pair.write("SET a 1");
    pair.break_link();
    pair.master.ask(pair.asker, "SET a 2");
    pair.master.ask(pair.asker, "APPEND a 3");
    pair.master.end_turn().expect("there is no file that could fail");
    pair.connect();
    pair.check_in_step();
    assert_eq!(pair.counts(), (1, 1));
    // 2. What it lacks is not in the backlog any more.
    pair.break_link();
    pair.master.ask(pair.asker, "CONFIG SET repl-backlog-size 16kb");
    for _ in 0..20 {
        pair.master.ask(pair.asker, &format!("APPEND a {}", "x".repeat(1000)));
        pair.master.end_turn().expect("there is no file that could fail");
    }
    pair.connect();
    pair.check_in_step();
    assert_eq!(pair.counts(), (2, 1));
}

#[test]
fn keys_expire_by_the_masters_word() {
    let mut pair = Pair::new(WAYS[0]);
    pair.connect();
    pair.write("SET a 1 PX 100");
    pair.write("HSET h f v");
    pair.replica.server.now += 1000;
    assert_eq!(pair.replica.ask(pair.reader, "GET a"), "$-1\r\n", "it is due");
    assert_eq!(pair.replica.ask(pair.reader, "DBSIZE"), ":2\r\n", "and stays");
    // The master, whose time stands still, goes on with it.
    pair.write("APPEND a 2");
    assert_eq!(pair.replica.ask(pair.reader, "DBSIZE"), ":2\r\n");
    pair.master.server.now += 1000;
    pair.write("GET a");
    assert_eq!(pair.replica.ask(pair.reader, "DBSIZE"), ":1\r\n");
    pair.check_in_step();
}

#[test]
fn a_promoted_replica_goes_on_with_the_history() {
    let mut pair = Pair::new(WAYS[0]);
    pair.connect();
    pair.write("SET a 1");
    let id = pair.master.server.replication.id.clone();
    let offset = pair.replica.server.replication_offset();
    assert_eq!(pair.replica.ask(pair.reader, "REPLICAOF NO ONE"), "+OK\r\n");
    let replication = &pair.replica.server.replication;
    assert_eq!((&replication.id2, replication.second_offset), (&id, offset + 1));
    assert_ne!(replication.id, id);
    assert_eq!(pair.replica.ask(pair.reader, "SET a 2"), "+OK\r\n");
    pair.replica.end_turn().expect("there is no file that could fail");
    assert!(pair.replica.server.replication_offset() > offset);
    assert_eq!(replication_judges(&pair, &id, offset + 1), Ok(()));
}

fn replication_judges(pair: &Pair, id: &str, offset: i64) -> Result<(), gyre::replication::Refusal> {
    pair.replica.server.replication.judge(id.as_bytes(), offset)
}

#[test]
fn wait_is_answered_by_acknowledgements() {
    let mut pair = Pair::new(WAYS[0]);
    pair.connect();
    assert_eq!(pair.master.ask(pair.asker, "SET a 1"), "+OK\r\n");
    assert_eq!(pair.master.ask(pair.asker, "WAIT 1 0"), "", "it waits");
    pair.exchange();
    assert_eq!(String::from_utf8_lossy(&pair.master.replies(pair.asker)), ":1\r\n");
    assert_eq!(pair.master.ask(pair.asker, "WAIT 1 0"), ":1\r\n", "it has all of it");
    assert_eq!(pair.replica.ask(pair.reader, "WAIT 1 0").split(' ').next(), Some("-ERR"));
}

#[test]
fn writes_need_as_many_replicas_as_the_configuration_says() {
    let mut pair = Pair::new(&["repl-diskless-sync no", "min-replicas-to-write 1"]);
    assert!(pair.master.ask(pair.asker, "SET a 1").starts_with("-NOREPLICAS"));
    pair.connect();
    assert_eq!(pair.write("SET a 1"), "+OK\r\n");
    pair.master.server.now += 20_000;
    cron::run(&mut pair.master.server, &mut pair.master.world);
    assert!(pair.master.ask(pair.asker, "SET a 1").starts_with("-NOREPLICAS"), "it was not heard of lately");
}

#[test]
fn a_backlog_that_nobody_asks_after_is_given_up() {
    let mut pair = Pair::new(&["repl-diskless-sync no", "repl-backlog-ttl 10"]);
    pair.connect();
    pair.break_link();
    let id = pair.master.server.replication.id.clone();
    for (seconds, has_backlog) in [(9, true), (11, false)] {
        pair.master.server.now += seconds * 1000;
        cron::run(&mut pair.master.server, &mut pair.master.world);
        assert_eq!(pair.master.server.replication.backlog.is_some(), has_backlog);
    }
    assert_ne!(pair.master.server.replication.id, id);
    feed::begin_backlog(&mut pair.master.server);
    assert_eq!(pair.master.server.replication_offset(), pair.master.server.replication.taken);
}
