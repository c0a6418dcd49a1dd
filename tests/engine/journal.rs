//! What the journal says of a command: the form that the append-only file and replicas will read.

use crate::harness::Engine;

/// The journal of `lines`, as text with one word after the other.
#[track_caller]
fn check(lines: &[&str], expected: &str) {
    let mut engine = Engine::new();
    let session = engine.connect();
    engine.server.journal.attach();
    for line in lines {
        engine.ask(session, line);
    }
    let bytes = String::from_utf8_lossy(&engine.server.journal.bytes).into_owned();
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
    check(&["MULTI", "SET a 1", "SET b 2", "EXEC"], "SELECT 0 MULTI SET a 1 SET b 2 EXEC");
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
        "SELECT 0 HSET h a 10.5 b 2 c 3 HSET h a 10.6 HINCRBY h b 1",
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
