//! A master and its replica over a simulated link, in virtual time: full and partial syncs, what the stream does, who is asked what.

use gyre::config::Settings;
use gyre::config::special::MasterAddress;
use gyre::exec::replication::arrival::{self, Arrival};
use gyre::exec::replication::{cron, dumps, feed, follow};
use gyre::exec::{shutdown, snapshot};
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
    /// The master's dump, while the replica loads it as it comes.
    arrival: Option<Arrival>,
}

impl Pair {
    fn new(settings: &[&str]) -> Pair {
        let (mut master, mut replica) = (Engine::new(), Engine::new());
        master.server.replication.id = "a".repeat(40);
        replica.server.replication.id = "b".repeat(40);
        // Two servers have not one chance.
        replica.server.random = gyre::base::random::Random::new(99);
        let wires = SimulatedLinks::default();
        replica.world.links = Some(wires.clone());
        let (feeder, asker, reader) = (master.connect(), master.connect(), replica.connect());
        for line in settings {
            assert_eq!(master.ask(asker, &format!("CONFIG SET {line}")), "+OK\r\n");
        }
        assert_eq!(replica.ask(reader, "REPLICAOF host 7"), "+OK\r\n");
        Pair { master, replica, wires, feeder, asker, reader, arrival: None }
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
                let mut bytes = self.master.replies(self.feeder);
                if bytes.is_empty() {
                    bytes = self.stream();
                }
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

    /// What the master may send of the stream.
    fn stream(&mut self) -> Vec<u8> {
        let replication = &mut self.master.server.replication;
        let mut pieces = [std::io::IoSlice::new(&[]); 4];
        let count = replication.unsent(self.feeder, &mut pieces);
        let bytes = pieces[..count].iter().flat_map(|piece| piece.to_vec()).collect::<Vec<u8>>();
        replication.note_sent(self.feeder, bytes.len());
        bytes
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

    /// The master ends, and another process goes on with its files a second later.
    fn restart_master(&mut self) {
        let mut master = Engine::new();
        master.server.replication.id = "c".repeat(40);
        master.world.disk = self.master.world.disk.clone();
        master.pass(1000);
        master.start().expect("sound files");
        self.master = master;
        self.tell(LinkNews::Gone);
        (self.feeder, self.asker) = (self.master.connect(), self.master.connect());
    }

    /// The same of the replica, whose settings name its master.
    fn restart_replica(&mut self) {
        let master = MasterAddress { host: b"host".to_vec(), port: 7 };
        let mut replica = Engine::with(Settings { replica_of: Some(master), ..Settings::default() });
        replica.server.replication.id = "d".repeat(40);
        replica.server.random = gyre::base::random::Random::new(98);
        replica.world.disk = self.replica.world.disk.clone();
        replica.world.links = Some(self.wires.clone());
        replica.pass(1000);
        replica.start().expect("sound files");
        self.replica = replica;
        self.reader = self.replica.connect();
        gyre::exec::replication::released(&mut self.master.server, &mut self.master.world, self.feeder);
        self.feeder = self.master.connect();
    }

    /// What the loop does with a dump that comes to be loaded at once.
    fn load_arrival(&mut self) {
        let Engine { server, world, .. } = &mut self.replica;
        let Some(mut arrival) = self.arrival.take().or_else(|| arrival::begin(server, world)) else { return };
        if arrival.is_abandoned(server) {
            return arrival.give_up(server);
        }
        loop {
            match arrival.step(server, world).expect("sound") {
                Step::Done => {
                    arrival.finish(server, world).expect("no libraries");
                    return follow::loaded(server, world);
                }
                Step::GoesOn if arrival.waits(server) => break,
                Step::GoesOn => {}
            }
        }
        self.arrival = Some(arrival);
    }

    fn load(&mut self) {
        self.load_arrival();
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

#[test]
fn a_master_that_was_restarted_goes_on_with_its_replicas() {
    let mut pair = Pair::new(WAYS[0]);
    pair.connect();
    for line in ["SET a 1", "SELECT 4", "SET b 2 PX 500", "SET c 3 PX 500"] {
        pair.write(line);
    }
    let (id, offset) = (pair.master.server.replication.id.clone(), pair.master.server.replication_offset());
    assert_eq!(pair.master.ask(pair.asker, "SAVE"), "+OK\r\n");
    pair.restart_master();
    let replication = &pair.master.server.replication;
    assert_eq!((&replication.id2, replication.second_offset), (&id, offset + 1));
    // What was due while nobody ran is gone for the replica, too: by the stream, which begins where the dump ended.
    assert_eq!(replication.backlog.as_ref().map(|backlog| backlog.first()), Some(offset + 1));
    assert!(pair.master.server.replication_offset() > offset);
    pair.connect();
    assert_eq!(pair.counts(), (0, 1));
    pair.check_in_step();
    assert_eq!(pair.replica.ask(pair.reader, "SELECT 4"), "+OK\r\n");
    assert_eq!(pair.replica.ask(pair.reader, "DBSIZE"), ":0\r\n");
    pair.write("INCR a");
    pair.check_in_step();
}

#[test]
fn a_replica_that_was_restarted_asks_for_what_it_lacks() {
    let mut pair = Pair::new(WAYS[0]);
    pair.connect();
    for line in ["SET due 1 PX 500", "SELECT 4", "SET a 1"] {
        pair.write(line);
    }
    assert_eq!(pair.replica.ask(pair.reader, "SAVE"), "+OK\r\n");
    // In the database that was selected before the dump.
    pair.master.ask(pair.asker, "INCR a");
    pair.master.end_turn().expect("there is no file that could fail");
    pair.restart_replica();
    assert_eq!(pair.replica.server.replication.id, pair.master.server.replication.id);
    pair.connect();
    assert_eq!(pair.counts(), (1, 1));
    // The key that is due by its clock waits for its master's word.
    pair.check_in_step();
    assert_eq!(pair.replica.ask(pair.reader, "DBSIZE"), ":1\r\n");
}

#[test]
fn a_dump_that_tells_no_place_leaves_no_history() {
    let mut first = Engine::new();
    let session = first.connect();
    for line in ["SET a 1 PX 500", "SET b 2", "SAVE"] {
        assert_eq!(first.ask(session, line), "+OK\r\n");
    }
    let mut second = Engine::new();
    second.world.disk = first.world.disk.clone();
    second.pass(1000);
    second.start().expect("sound files");
    let replication = &second.server.replication;
    assert!(replication.backlog.is_none() && !second.server.journal.is_read());
    assert_eq!((replication.id2.as_str(), replication.second_offset), (gyre::replication::NO_ID, -1));
    assert_eq!(second.server.persist.last_load_keys_expired, 1);
}

#[test]
fn leaving_waits_for_replicas_until_they_have_everything() {
    let mut pair = Pair::new(WAYS[0]);
    pair.connect();
    let (first, second, third) = (pair.master.connect(), pair.master.connect(), pair.master.connect());
    assert_eq!(pair.master.ask(pair.asker, "SET a 1"), "+OK\r\n");
    assert_eq!(pair.master.ask(first, "SHUTDOWN NOSAVE"), "");
    assert!(!shutdown::is_ready(&mut pair.master.server), "the replica lacks the last write");
    // 1. Who asks again waits with the first; writes wait, reads do not.
    assert_eq!(pair.master.ask(second, "SHUTDOWN SAVE"), "");
    let asked = pair.master.server.shutdown.clone().expect("under way");
    assert_eq!((asked.request.save, asked.asked_by), (Some(false), vec![first, second]));
    assert_eq!(pair.master.ask(pair.asker, "SET a 2"), "");
    assert_eq!(pair.master.ask(third, "GET a"), "$1\r\n1\r\n");
    assert!(pair.master.ask(third, "INFO server").contains("\r\nshutdown_in_milliseconds:10000\r\n"));
    // 2. A pause of a client's ends by itself.
    pair.master.ask(third, "CLIENT PAUSE 1000 WRITE");
    pair.master.ask(third, "CLIENT UNPAUSE");
    assert!(!shutdown::is_ready(&mut pair.master.server));
    assert_eq!(pair.master.replies(pair.asker), b"");
    // 3. It was asked, and has everything.
    pair.exchange();
    assert!(shutdown::is_ready(&mut pair.master.server));
    // 4. It does not come to that after all.
    assert_eq!(pair.master.ask(third, "SHUTDOWN ABORT"), "+OK\r\n");
    for session in [first, second] {
        assert_eq!(pair.master.replies(session), b"-ERR Errors trying to SHUTDOWN. Check logs.\r\n");
    }
    pair.master.settle();
    assert_eq!(pair.master.replies(pair.asker), b"+OK\r\n");
    assert!(pair.master.ask(third, "SHUTDOWN ABORT").starts_with("-ERR No shutdown in progress"));
    // 5. A replica that never comes is not waited for longer than allowed, and with NOW not at all.
    assert_eq!(pair.master.ask(first, "SHUTDOWN"), "");
    assert!(!shutdown::is_ready(&mut pair.master.server));
    pair.master.pass(9_999);
    assert!(!shutdown::is_ready(&mut pair.master.server));
    pair.master.pass(1);
    assert!(shutdown::is_ready(&mut pair.master.server));
    pair.master.ask(third, "SHUTDOWN ABORT");
    pair.master.replies(first);
    assert_eq!(pair.master.ask(first, "SHUTDOWN NOW"), "");
    assert!(shutdown::is_ready(&mut pair.master.server));
}

#[test]
fn a_command_of_the_masters_that_fails_is_told() {
    let mut pair = Pair::new(WAYS[0]);
    pair.connect();
    pair.replica.ask(pair.reader, "CONFIG SET replica-read-only no");
    pair.replica.ask(pair.reader, "SET n text");
    let count = |pair: &Pair| pair.replica.server.observe.totals.unexpected_error_replies;
    assert_eq!(pair.write("INCRBY n 1"), ":1\r\n");
    assert_eq!(count(&pair), 1);
    assert_eq!(pair.write("DEBUG REPLICATE nonsense x"), "+OK\r\n");
    assert_eq!(count(&pair), 2);
    pair.write("SET m 1");
    assert_eq!((count(&pair), pair.replica.ask(pair.reader, "GET m").as_str()), (2, "$1\r\n1\r\n"));
    // The stream goes on byte by byte, whatever became of its commands.
    assert_eq!(pair.master.server.replication_offset(), pair.replica.server.replication_offset());
}

#[test]
#[should_panic(expected = "This replica panicked sending an error to its master")]
fn a_replica_that_is_to_be_its_masters_copy_can_be_told_to_end_when_it_is_not() {
    let mut pair = Pair::new(WAYS[0]);
    pair.connect();
    pair.replica.ask(pair.reader, "CONFIG SET propagation-error-behavior panic-on-replicas");
    pair.write("DEBUG REPLICATE nonsense");
}

#[test]
fn a_dump_is_loaded_as_it_comes() {
    for how in ["swapdb", "on-empty-db"] {
        for way in WAYS {
            let mut pair = Pair::new(way);
            for number in 0..2000 {
                pair.master.ask(pair.asker, &format!("SET key:{number} value:{number}"));
            }
            pair.replica.ask(pair.reader, &format!("CONFIG SET repl-diskless-load {how}"));
            if how == "swapdb" {
                pair.replica.ask(pair.reader, "CONFIG SET replica-read-only no");
                pair.replica.ask(pair.reader, "SET mine 1");
            }
            pair.connect();
            assert_eq!(pair.counts(), (1, 0));
            assert!(pair.arrival.is_none() && pair.replica.world.disk.paths().is_empty(), "no file is made");
            pair.check_in_step();
            assert_eq!(pair.replica.ask(pair.reader, "DBSIZE"), ":2000\r\n");
            pair.write("SET key:0 other");
            pair.check_in_step();
        }
    }
}

#[test]
fn a_dump_that_breaks_off_changes_nothing_while_it_is_gathered_aside() {
    for is_own_history in [true, false] {
        let mut pair = Pair::new(WAYS[0]);
        for number in 0..500 {
            pair.master.ask(pair.asker, &format!("SET key:{number} value:{number}"));
        }
        pair.master.ask(pair.asker, "SAVE");
        let dump = pair.master.world.disk.file("dump.rdb").expect("just saved");
        for line in ["CONFIG SET repl-diskless-load swapdb", "CONFIG SET replica-read-only no", "SET mine 1"] {
            assert_eq!(pair.replica.ask(pair.reader, line), "+OK\r\n");
        }
        // 1. Half of it comes.
        let id = if is_own_history { pair.replica.server.replication.id.clone() } else { "e".repeat(40) };
        pair.tell(LinkNews::Connected);
        for line in ["+PONG", "+OK", "+OK", &format!("+FULLRESYNC {id} 100"), &format!("$EOF:{}", "m".repeat(40))] {
            pair.tell(LinkNews::Heard(format!("{line}\r\n").into_bytes()));
        }
        pair.tell(LinkNews::Heard(dump[..dump.len() / 2].to_vec()));
        pair.load_arrival();
        assert!(pair.arrival.is_some());
        // 2. Data of the same history is old, and is shown; other data is not.
        let (shown, told) = match is_own_history {
            true => ("$1\r\n1\r\n", "loading:0\r\nasync_loading:1\r\n"),
            false => ("-LOADING Redis is loading the dataset in memory\r\n", "loading:1\r\nasync_loading:0\r\n"),
        };
        assert_eq!(pair.replica.ask(pair.reader, "GET mine"), shown);
        assert!(pair.replica.ask(pair.reader, "INFO persistence").contains(told));
        assert!(pair.replica.ask(pair.reader, "REPLICAOF NO ONE").starts_with("-LOADING"));
        // 3. The rest never comes.
        pair.tell(LinkNews::Gone);
        pair.load_arrival();
        assert!(pair.arrival.is_none());
        assert_eq!(pair.replica.ask(pair.reader, "GET mine"), "$1\r\n1\r\n");
        assert_eq!(pair.replica.ask(pair.reader, "DBSIZE"), ":1\r\n");
        assert!(pair.replica.ask(pair.reader, "INFO persistence").contains("loading:0\r\nasync_loading:0\r\n"));
        // 4. All of it comes.
        pair.wires.0.borrow_mut().sent.clear();
        cron::run(&mut pair.replica.server, &mut pair.replica.world);
        pair.connect();
        pair.check_in_step();
    }
}
