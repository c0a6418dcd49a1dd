//! Deadlines of hash fields over time that is moved by hand: who is removed when, what is heard of it, and what the journal says.

use gyre::exec::effects;
use gyre::keyspace::SessionKey;

use crate::harness::{Engine, NOON};

/// Keys and fields that one piece of expiry may remove: what the loop takes at a time.
const PIECE: usize = 32;

struct Field {
    engine: Engine,
    session: SessionKey,
    listener: SessionKey,
}

impl Field {
    fn new() -> Field {
        let mut engine = Engine::new();
        let (session, listener) = (engine.connect(), engine.connect());
        engine.ask(session, "CONFIG SET notify-keyspace-events AKE");
        engine.ask(listener, "PSUBSCRIBE __keyevent*");
        engine.server.journal.attach(gyre::server::journal::Readers::ALL);
        Field { engine, session, listener }
    }

    fn ask(&mut self, line: &str) -> String {
        self.engine.ask(self.session, line).replace("\r\n", " ").trim_end().to_owned()
    }

    /// Time goes on to so many milliseconds after noon, and commands may see what is due before expiry does.
    fn move_to(&mut self, ms: i64) {
        self.engine.server.now = NOON + ms;
        self.engine.server.keyspace.set_now(NOON + ms);
    }

    /// One piece of expiry; how much it removed, and whether it says that there may be more.
    fn expire_piece(&mut self) -> (usize, bool) {
        let server = &mut self.engine.server;
        let now = server.now;
        let piece = server.keyspace.db_mut(0).expire_due(now, PIECE);
        effects::hand_on(server, 0, None);
        effects::drain_outbox(server);
        (piece.removed, piece.goes_on)
    }

    /// Expiry until nothing is due; how much was removed.
    fn expire(&mut self) -> usize {
        let mut removed = 0;
        loop {
            let (count, goes_on) = self.expire_piece();
            removed += count;
            if !goes_on {
                return removed;
            }
        }
    }

    /// The events since the last call: name and key.
    fn events(&mut self) -> String {
        let bytes = self.engine.replies(self.listener);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let words: Vec<&str> = text.split("\r\n").filter(|l| !l.starts_with(['*', '$', '>'])).collect();
        let messages = words.chunks_exact(4).filter(|message| message[0] == "pmessage");
        let named = messages.map(|message| format!("{} {}", message[2].rsplit(':').next().unwrap_or(""), message[3]));
        named.collect::<Vec<_>>().join(", ")
    }

    /// What the journal has got since the last call.
    fn journal(&mut self) -> String {
        let bytes = self.engine.server.journal.take().bytes;
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let words: Vec<&str> = text.split("\r\n").filter(|l| !l.starts_with(['*', '$'])).collect();
        words.join(" ").trim().to_owned()
    }

    fn start_over(&mut self) {
        self.events();
        self.journal();
    }
}

/// Runs a test body over a hash in a pack and over one in a table.
fn in_both_encodings(body: impl Fn(&mut Field, &str)) {
    for (entries, encoding) in [("512", "listpackex"), ("0", "hashtable")] {
        let mut field = Field::new();
        field.ask(&format!("CONFIG SET hash-max-listpack-entries {entries}"));
        body(&mut field, encoding);
    }
}

#[test]
fn a_field_goes_when_it_is_due_and_not_before() {
    in_both_encodings(|field, encoding| {
        field.ask("HSET h a 1 b 2 c 3");
        assert_eq!(field.ask("HPEXPIRE h 1000 FIELDS 2 a x"), "*2 :1 :-2");
        assert_eq!(field.ask("HEXPIRE h 2 FIELDS 1 b"), "*1 :1");
        assert_eq!(field.ask("OBJECT ENCODING h"), format!("${} {encoding}", encoding.len()));
        assert_eq!(field.engine.server.keyspace.db(0).next_wake().map(|wake| wake <= NOON + 1000), Some(true));
        field.start_over();
        field.move_to(999);
        assert_eq!((field.expire(), field.ask("HLEN h").as_str()), (0, ":3"));
        field.move_to(1000);
        assert_eq!(field.expire(), 1);
        assert_eq!((field.events().as_str(), field.journal().as_str()), ("hexpired h", "HDEL h a"));
        field.move_to(2000);
        assert_eq!(field.expire(), 1);
        assert_eq!((field.events().as_str(), field.journal().as_str()), ("hexpired h", "HDEL h b"));
        assert_eq!(field.ask("HGETALL h"), "*2 $1 c $1 3");
        assert_eq!(field.engine.server.keyspace.db(0).next_wake(), None);
        assert_eq!(field.engine.server.keyspace.counters().expired_fields, 2);
    });
}

#[test]
fn the_key_goes_with_its_last_field() {
    in_both_encodings(|field, _| {
        field.ask("HSETEX h PX 5 FIELDS 2 a 1 b 2");
        field.ask("PEXPIRE h 1000");
        field.start_over();
        field.move_to(5);
        assert_eq!(field.expire(), 2);
        assert_eq!(field.events(), "hexpired h, del h");
        // Of those that are due together, either may be first.
        assert!(["HDEL h a HDEL h b", "HDEL h b HDEL h a"].contains(&field.journal().as_str()));
        assert_eq!(field.ask("EXISTS h"), ":0");
        assert_eq!(field.engine.server.keyspace.db(0).volatile_len(), 0);
    });
}

#[test]
fn a_key_that_is_due_takes_its_fields_along() {
    in_both_encodings(|field, _| {
        field.ask("HSETEX h PX 50 FIELDS 2 a 1 b 2");
        field.ask("PEXPIRE h 10");
        field.ask("HSETEX g PX 10 FIELDS 1 a 1");
        field.ask("PEXPIRE g 10");
        field.start_over();
        field.move_to(60);
        assert_eq!(field.expire(), 2);
        assert_eq!(field.journal().matches("DEL").count(), 2);
        assert_eq!(field.engine.server.keyspace.db(0).timed_hashes_len(), 0);
    });
}

#[test]
fn what_is_due_is_gone_for_readers_who_remove_what_they_name() {
    in_both_encodings(|field, _| {
        field.ask("HSET h a 1 b 2 c 3 d 4");
        field.ask("HPEXPIRE h 1 FIELDS 3 a b c");
        field.start_over();
        field.move_to(1);
        assert_eq!(field.ask("HGETALL h"), "*2 $1 d $1 4");
        assert_eq!(field.ask("HKEYS h"), "*1 $1 d");
        assert_eq!(field.ask("HSCAN h 0 NOVALUES"), "*2 $1 0 *1 $1 d");
        assert_eq!(field.ask("HPTTL h FIELDS 1 a"), "*1 :-2");
        assert_eq!((field.ask("HLEN h").as_str(), field.events().as_str()), (":4", ""));
        assert_eq!(field.ask("HGET h a"), "$-1");
        assert_eq!((field.events().as_str(), field.journal().as_str()), ("hexpired h", "HDEL h a"));
        assert_eq!(field.ask("HMGET h b c d"), "*3 $-1 $-1 $1 4");
        assert_eq!((field.events().as_str(), field.journal().as_str()), ("hexpired h", "MULTI HDEL h b HDEL h c EXEC"));
        assert_eq!((field.ask("HLEN h").as_str(), field.expire()), (":1", 0));
    });
}

#[test]
fn while_nothing_may_be_removed_fields_are_gone_and_stay() {
    in_both_encodings(|field, _| {
        field.ask("HSETEX h PX 1 FIELDS 2 a 1 b 2");
        field.ask("HSET h c 3");
        field.start_over();
        field.engine.server.keyspace.set_rules(|rules| rules.may_expire = false);
        field.move_to(1);
        assert_eq!(field.expire(), 0);
        assert_eq!(field.ask("HMGET h a b c"), "*3 $-1 $-1 $1 3");
        assert_eq!(field.ask("HRANDFIELD h 5"), "*1 $1 c");
        assert_eq!((field.ask("HEXISTS h a").as_str(), field.ask("HLEN h").as_str()), (":0", ":3"));
        assert_eq!((field.events().as_str(), field.journal().as_str()), ("", ""));
        field.engine.server.keyspace.set_rules(|rules| rules.may_expire = true);
        assert_eq!((field.expire(), field.ask("HLEN h").as_str()), (2, ":1"));
    });
}

#[test]
fn many_fields_due_at_once_go_in_pieces() {
    in_both_encodings(|field, _| {
        for from in (0..1000).step_by(10) {
            let pairs: Vec<String> = (from..from + 10).map(|n| format!("f{n} {n}")).collect();
            field.ask(&format!("HSETEX h PX 10 FIELDS 10 {}", pairs.join(" ")));
        }
        field.ask("HSET h last 1");
        field.move_to(10);
        assert_eq!(field.expire_piece(), (PIECE, true));
        assert_eq!(field.ask("HLEN h"), format!(":{}", 1001 - PIECE));
        assert_eq!(field.ask("HGETALL h"), "*2 $4 last $1 1");
        assert_eq!(field.expire(), 1000 - PIECE);
        assert_eq!((field.ask("HLEN h").as_str(), field.ask("EXISTS h").as_str()), (":1", ":1"));
    });
}

#[test]
fn deadlines_go_where_their_hash_goes() {
    in_both_encodings(|field, _| {
        field.ask("HSET h a 1 b 2");
        field.ask("HPEXPIRE h 10 FIELDS 1 a");
        field.ask("COPY h copy");
        field.ask("COPY h h DB 1");
        field.ask("RENAME h named");
        field.ask("EXPIRE named 100");
        field.ask("PERSIST named");
        assert_eq!(field.engine.server.keyspace.db(0).timed_hashes_len(), 2);
        field.ask("SWAPDB 0 1");
        assert_eq!(field.engine.server.keyspace.db(0).timed_hashes_len(), 1);
        field.move_to(10);
        assert_eq!(field.expire(), 1);
        field.ask("SWAPDB 0 1");
        assert_eq!(field.expire(), 2);
        assert_eq!(field.ask("HGETALL copy"), field.ask("HGETALL named"));
        assert_eq!(field.ask("SET named 1"), "+OK");
        assert_eq!(field.engine.server.keyspace.db(0).timed_hashes_len(), 0);
    });
}

#[test]
fn a_deadline_that_is_taken_away_or_moved_is_forgotten() {
    in_both_encodings(|field, _| {
        field.ask("HSETEX h PX 10 FIELDS 5 a 1 b 2 c 3 d 4 e 5");
        field.ask("HPERSIST h FIELDS 1 a");
        field.ask("HSET h b 9");
        field.ask("HPEXPIRE h 20 FIELDS 1 c");
        field.ask("HDEL h d");
        field.ask("HINCRBY h e 1");
        field.start_over();
        field.move_to(10);
        assert_eq!((field.expire(), field.journal().as_str()), (1, "HDEL h e"));
        field.move_to(20);
        assert_eq!((field.expire(), field.journal().as_str()), (1, "HDEL h c"));
        assert_eq!(field.ask("HMGET h a b"), "*2 $1 1 $1 9");
        field.ask("HSETEX g EX 10 FIELDS 1 a 1");
        field.ask("SET g 1");
        field.ask("HSETEX i EX 10 FIELDS 1 a 1");
        field.ask("DEL i");
        field.ask("HSETEX j EX 10 FIELDS 1 a 1");
        field.ask("FLUSHDB");
        assert_eq!(field.engine.server.keyspace.db(0).timed_hashes_len(), 0);
    });
}

#[test]
fn who_sets_a_field_that_was_the_last_and_due_begins_anew() {
    in_both_encodings(|field, _| {
        field.ask("HSETEX h PX 1 FIELDS 1 a 41");
        field.ask("EXPIRE h 100");
        field.start_over();
        field.move_to(1);
        assert_eq!(field.ask("HINCRBY h a 1"), ":1");
        assert_eq!(field.events(), "hexpired h, del h, hincrby h");
        assert_eq!(field.journal(), "MULTI HDEL h a HINCRBY h a 1 EXEC");
        assert_eq!((field.ask("TTL h").as_str(), field.ask("HTTL h FIELDS 1 a").as_str()), (":-1", "*1 :-1"));
    });
}

#[test]
fn a_time_that_is_over_is_a_removal() {
    in_both_encodings(|field, _| {
        field.ask("HSET h a 1 b 2 c 3");
        field.start_over();
        assert_eq!(field.ask("HPEXPIREAT h 1 FIELDS 2 a x"), "*2 :2 :-2");
        assert_eq!((field.events().as_str(), field.journal().as_str()), ("hdel h", "HDEL h a"));
        assert_eq!(field.ask("HGETEX h PXAT 1 FIELDS 2 b c"), "*2 $1 2 $1 3");
        assert_eq!(
            (field.events().as_str(), field.journal().as_str()),
            ("hdel h, del h", "MULTI HDEL h b HDEL h c EXEC")
        );
        assert_eq!(field.ask("HSETEX h PXAT 1 FIELDS 1 a 1"), ":1");
        assert_eq!((field.events().as_str(), field.journal().as_str()), ("hset h, hdel h, del h", "HDEL h a"));
    });
}

#[test]
fn the_journal_has_points_in_time_and_the_fields_that_changed() {
    in_both_encodings(|field, _| {
        field.ask("SET selected 0");
        let mut check = |line: &str, expected: &str| {
            field.journal();
            field.ask(line);
            assert_eq!(field.journal(), expected, "{line}");
        };
        check("HSET h a 1 b 2 c 3", "HSET h a 1 b 2 c 3");
        check("HEXPIRE h 10 FIELDS 3 a b x", "HPEXPIREAT h 1700000010000 FIELDS 2 a b");
        check("HEXPIRE h 20 NX FIELDS 2 a c", "HPEXPIREAT h 1700000020000 NX FIELDS 1 c");
        check("HPEXPIREAT h 1800000000000 gt FIELDS 1 a", "HPEXPIREAT h 1800000000000 gt FIELDS 1 a");
        check("HEXPIRE h 1 GT FIELDS 1 a", "");
        check("HGETEX h FIELDS 1 a", "");
        check("HGETEX h EX 10 FIELDS 2 a x", "HPEXPIREAT h 1700000010000 FIELDS 2 a x");
        check("HGETEX h PERSIST FIELDS 2 a x", "HPERSIST h FIELDS 2 a x");
        check("HGETEX h PERSIST FIELDS 1 a", "");
        check("HPERSIST h FIELDS 2 b x", "HPERSIST h FIELDS 2 b x");
        check("HPERSIST h FIELDS 1 b", "");
        check("HINCRBYFLOAT h a 0.5", "HSETEX h KEEPTTL FIELDS 1 a 1.5");
        check("HSETEX h FIELDS 1 a 1", "HSETEX h FIELDS 1 a 1");
        check("HSETEX h FXX EX 10 FIELDS 1 a 1", "HSETEX h FXX PXAT 1700000010000 FIELDS 1 a 1");
        check("HSETEX h PXAT 1800000000000 FIELDS 1 a 1", "HSETEX h PXAT 1800000000000 FIELDS 1 a 1");
        check("HSETEX h FNX FIELDS 1 a 1", "");
    });
}
