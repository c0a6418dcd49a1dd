//! What the journal says of a command: the form that the append-only file and replicas will read.

use crate::harness::Engine;

/// The journal of `lines`, as text with one word after the other.
#[track_caller]
fn check(lines: &[&str], expected: &str) {
    let mut engine = Engine::new();
    let session = engine.connect();
    engine.server.journal.attach(gyre::server::journal::Readers::ALL);
    for line in lines {
        engine.ask(session, line);
    }
    let bytes = String::from_utf8_lossy(&engine.server.journal.take().bytes).into_owned();
    let words: Vec<&str> = bytes.split("\r\n").filter(|l| !l.starts_with(['*', '$'])).collect();
    assert_eq!(words.join(" ").trim(), expected, "{lines:?}");
}

#[test]
fn a_write_stands_as_received_and_a_read_not_at_all() {
    check(&["SET a 1", "GET a", "SADD s x", "SADD s x"], "SELECT 0 SET a 1 SADD s x");
}

#[test]
fn a_transaction_is_framed_once_it_changes_something() {
    check(&["MULTI", "GET a", "EXEC"], "");
    check(&["MULTI", "SET a 1", "SET b 2", "EXEC"], "MULTI SELECT 0 SET a 1 SET b 2 EXEC");
}

#[test]
fn spans_become_points_in_time() {
    // Noon is 1700000000000.
    check(&["SET a 1 EX 10"], "SELECT 0 SET a 1 PXAT 1700000010000");
    check(&["SET a 1 NX PX 10 GET"], "SELECT 0 SET a 1 PXAT 1700000000010");
    check(&["SET a 1 EXAT 1700000001"], "SELECT 0 SET a 1 PXAT 1700000001000");
    check(
        &["SET a 1 XX PXAT 1800000000000", "SET a 1 NX PXAT 1800000000000"],
        "SELECT 0 SET a 1 NX PXAT 1800000000000",
    );
    check(&["SETEX a 10 1", "PSETEX b 10 1"], "SELECT 0 SET a 1 PXAT 1700000010000 SET b 1 PXAT 1700000000010");
    check(&["SET a 1", "EXPIRE a 10 NX"], "SELECT 0 SET a 1 PEXPIREAT a 1700000010000 NX");
    check(&["SET a 1", "PEXPIREAT a 1800000000000"], "SELECT 0 SET a 1 PEXPIREAT a 1800000000000");
    check(&["SET a 1", "GETEX a", "GETEX a EX 10"], "SELECT 0 SET a 1 PEXPIREAT a 1700000010000");
    check(
        &["SET a 1 PXAT 1800000000000", "GETEX a PERSIST", "GETEX a PERSIST"],
        "SELECT 0 SET a 1 PXAT 1800000000000 PERSIST a",
    );
}

#[test]
fn a_deadline_in_the_past_is_a_deletion() {
    check(&["SET a 1", "EXPIRE a -1"], "SELECT 0 SET a 1 DEL a");
    check(&["SET a 1", "PEXPIREAT a 1700000000000"], "SELECT 0 SET a 1 DEL a");
    check(&["SET a 1", "GETEX a EXAT 1"], "SELECT 0 SET a 1 DEL a");
    check(&["SET a 1 PXAT 1", "GET a"], "SELECT 0 SET a 1 PXAT 1 DEL a");
}

#[test]
fn what_reads_and_writes_stands_as_its_write() {
    check(&["SET a 1 GET", "set a 2 get KEEPTTL Get"], "SELECT 0 SET a 1 set a 2 KEEPTTL");
    check(&["GETSET a 1", "GETDEL a", "GETDEL a"], "SELECT 0 SET a 1 DEL a");
    check(&["SET a 10.5", "INCRBYFLOAT a 0.1"], "SELECT 0 SET a 10.5 SET a 10.6 KEEPTTL");
    check(
        &["INCR a", "DECRBY a 3", "SETNX a 5", "APPEND a x", "SETRANGE a 0 y"],
        "SELECT 0 INCR a DECRBY a 3 APPEND a x SETRANGE a 0 y",
    );
}

#[test]
fn fields_stand_as_what_became_of_them() {
    check(
        &["HSET h a 10.5 b 2 c 3", "HINCRBYFLOAT h a 0.1", "HINCRBY h b 1"],
        "SELECT 0 HSET h a 10.5 b 2 c 3 HSETEX h KEEPTTL FIELDS 1 a 10.6 HINCRBY h b 1",
    );
    check(
        &["HSET h a 1 b 2", "HGETDEL h FIELDS 2 a x", "HGETDEL h FIELDS 1 x", "HDEL h x", "HGETDEL h FIELDS 1 b"],
        "SELECT 0 HSET h a 1 b 2 HDEL h a x HDEL h b",
    );
}

#[test]
fn whole_databases() {
    check(&["FLUSHALL", "FLUSHDB ASYNC", "SWAPDB 0 1"], "SELECT 0 FLUSHALL FLUSHDB ASYNC SWAPDB 0 1");
    check(&["SET a 1", "MOVE a 1", "COPY a b", "RENAME a b", "DEL a", "UNLINK b"], "SELECT 0 SET a 1 MOVE a 1");
}

#[test]
fn pops_of_sorted_sets_stand_as_what_they_popped() {
    let with =
        |line, journal: &str| check(&["ZADD z 1 a 2 b 3 c", line], &format!("SELECT 0 ZADD z 1 a 2 b 3 c {journal}"));
    with("ZPOPMIN z 2", "ZPOPMIN z 2");
    with("ZMPOP 2 none z MIN COUNT 2", "ZPOPMIN z 2");
    with("ZMPOP 1 z MAX COUNT 9", "ZPOPMAX z 3");
    with("BZMPOP 0 2 none z MAX", "ZPOPMAX z 1");
    with("BZPOPMIN none z 0", "ZPOPMIN z");
    with("BZPOPMAX z none 0", "ZPOPMAX z");
    check(&["ZPOPMIN z", "ZMPOP 1 z MIN", "ZREM z a", "ZADD z XX 1 a"], "");
    check(
        &["ZADD z 1 a", "ZADD z 1 a", "ZADD z NX 2 a", "ZINCRBY z 0 a", "ZINCRBY z 1.5 a"],
        "SELECT 0 ZADD z 1 a ZINCRBY z 1.5 a",
    );
    check(&["ZADD z 1 a", "ZUNIONSTORE y 1 z", "ZINTERSTORE x 2 z none"], "SELECT 0 ZADD z 1 a ZUNIONSTORE y 1 z");
}

#[test]
fn what_a_group_does_stands_as_what_became_of_it() {
    let filled = ["XADD s 1-1 f v", "XADD s 2-1 f v", "XADD s 3-1 f v", "XGROUP CREATE s g 0"];
    let begin = "SELECT 0 XADD s 1-1 f v XADD s 2-1 f v XADD s 3-1 f v XGROUP CREATE s g 0 ";
    let stands = |lines: &[&str], expected: &str| {
        check(&[&filled[..], lines].concat(), &[begin, expected].concat());
    };
    // Entries are handed over one by one, then the group goes on; consumers that are given nothing are not told, as in Redis.
    let read = "XREADGROUP GROUP g a COUNT 1 STREAMS s >";
    let given = "MULTI XCLAIM s g a 0 1-1 TIME 1700000000000 RETRYCOUNT 1 FORCE JUSTID LASTID 1-1 \
                 XGROUP SETID s g 1-1 ENTRIESREAD 1 EXEC";
    stands(&[read, "XREADGROUP GROUP g a STREAMS s 0", "XREADGROUP GROUP g b STREAMS s 0"], given);
    stands(
        &["XREADGROUP GROUP g a NOACK STREAMS s >"],
        "MULTI XGROUP CREATECONSUMER s g a XGROUP SETID s g 3-1 ENTRIESREAD 3 EXEC",
    );
    stands(&["XREADGROUP GROUP g a NOACK STREAMS s 0"], "XGROUP CREATECONSUMER s g a");
    let claimed = "XCLAIM s g b 0 1-1 TIME 1700000000000 RETRYCOUNT 2 FORCE JUSTID LASTID 1-1";
    stands(&[read, "XCLAIM s g b 0 1-1 9-9"], &[given, " ", claimed].concat());
    stands(&[read, "XAUTOCLAIM s g b 0 0"], &[given, " ", claimed].concat());
    // What is there no more is claimed for its old owner, so that it is forgotten there, too.
    stands(
        &[read, "XDEL s 1-1", "XAUTOCLAIM s g b 0 0"],
        &[given, " XDEL s 1-1 XCLAIM s g a 0 1-1 TIME 1700000000000 RETRYCOUNT 1 FORCE JUSTID LASTID 1-1"].concat(),
    );
    stands(&["XCLAIM s g b 0 9-9 LASTID 2-1"], "XGROUP SETID s g 2-1 ENTRIESREAD -1");
    stands(&[read, "XACK s g 1-1", "XACK s g 1-1"], &[given, " XACK s g 1-1"].concat());
    stands(
        &[
            "XGROUP CREATECONSUMER s g c",
            "XGROUP CREATECONSUMER s g c",
            "XGROUP DELCONSUMER s g c",
            "XGROUP DESTROY s g",
        ],
        "XGROUP CREATECONSUMER s g c XGROUP DELCONSUMER s g c XGROUP DESTROY s g",
    );
    stands(&["XSETID s 9-9 ENTRIESADDED 5 MAXDELETEDID 1-1"], "XSETID s 9-9 ENTRIESADDED 5 MAXDELETEDID 1-1");
    stands(&["XADD s MAXLEN ~ 1 * f v", "XTRIM s MINID ~ 2-1"], "XADD s MAXLEN = 4 1700000000000-0 f v");
}

#[test]
fn what_is_removed_with_regard_to_groups_stands_as_received() {
    check(
        &["XADD s 1-1 f v", "XDELEX s ACKED IDS 2 1-1 9-9", "XDELEX s IDS 1 1-1"],
        "SELECT 0 XADD s 1-1 f v XDELEX s ACKED IDS 2 1-1 9-9",
    );
    // (The words of the journal are shown without asterisks.)
    check(
        &["XADD s IDMP p i * f v", "XADD s IDMP p i * f v", "XCFGSET s IDMP-MAXSIZE 7", "XCFGSET s IDMP-MAXSIZE 7"],
        "SELECT 0 XADD s IDMP p i 1700000000000-0 f v XADD s IDMP p i f v XCFGSET s IDMP-MAXSIZE 7",
    );
}

#[test]
fn bits_stand_where_they_changed() {
    check(
        &["SETBIT b 7 1", "SETBIT b 7 1", "SETBIT b 20 0", "GETBIT b 7", "BITCOUNT b", "BITPOS b 1"],
        "SELECT 0 SETBIT b 7 1 SETBIT b 20 0",
    );
    check(
        &["BITFIELD b SET u8 0 5", "BITFIELD b SET u8 0 5", "BITFIELD b GET u8 0 INCRBY u8 0 1", "BITFIELD b GET u8 0"],
        "SELECT 0 BITFIELD b SET u8 0 5 BITFIELD b GET u8 0 INCRBY u8 0 1",
    );
    check(&["BITOP NOT d none", "SETBIT b 7 1", "BITOP NOT d b"], "SELECT 0 SETBIT b 7 1 BITOP NOT d b");
}

#[test]
fn a_count_that_is_kept_in_its_string_is_a_write() {
    check(
        &["PFADD h a b", "PFADD h a", "PFCOUNT h", "PFCOUNT h", "PFCOUNT h none", "PFMERGE d h", "PFDEBUG TODENSE d"],
        "SELECT 0 PFADD h a b PFCOUNT h PFMERGE d h PFDEBUG TODENSE d",
    );
}

#[test]
fn places_are_journalled_as_scores() {
    check(
        &["GEOADD g NX CH 13.361389 38.115556 p 15.087269 37.502669 c"],
        "SELECT 0 zadd g NX CH 3479099956230698 p 3479447370796909 c",
    );
    check(&["GEOADD g 1 1 a", "GEOADD g NX 2 2 a"], "SELECT 0 zadd g 3377822707026402 a");
}

#[test]
fn what_only_newer_servers_know_is_journalled_as_what_all_know() {
    check(&["SET a 1", "SET a 2 IFEQ 1 GET", "SET a 3 IFEQ 1"], "SELECT 0 SET a 1 SET a 2");
    check(
        &["SET a 1", "SET a 2 IFNE x EX 10", "SET a 3 IFEQ 2 KEEPTTL"],
        "SELECT 0 SET a 1 SET a 2 PXAT 1700000010000 SET a 3 KEEPTTL",
    );
    check(&["SET a 1", "DELEX a IFEQ 2", "DELEX a IFEQ 1"], "SELECT 0 SET a 1 DEL a");
    check(&["MSETEX 2 a 1 b 2 PX 10"], "MULTI SELECT 0 SET a 1 PXAT 1700000000010 SET b 2 PXAT 1700000000010 EXEC");
    check(&["INCREX n EX 10", "INCREX n UBOUND 1", "INCREX n"], "SELECT 0 SET n 1 PXAT 1700000010000 SET n 2 KEEPTTL");
    check(
        &["RPUSH a 1 2 3", "LMOVEM a b LEFT LEFT COUNT 2 BULK"],
        "SELECT 0 RPUSH a 1 2 3 MULTI LPOP a 2 LPUSH b 2 1 EXEC",
    );
}
