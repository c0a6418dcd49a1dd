//! Commands on hashes: the rows; what they do stands by verb beside this page.

mod expire;
mod fields;
mod increment;
mod random;
mod read;
mod scan;
mod ttl;
mod with_deadline;
mod write;

use crate::exec::Command;
use crate::keyspace::event::{Event, class, event};
use crate::protocol::reply::Reply;
use crate::spec::flag::{DENYOOM, FAST, READONLY, WRITE};
use crate::spec::{Group, Spec, at, command};
use crate::structures::list_pack::Item;

pub const COMMANDS: &[Command] = &[
    hash("HSET", "key {data=field value}+", -4)
        .since("2.0.0")
        .flags(WRITE | DENYOOM | FAST)
        .keys(at(1).read_write().update())
        .element(2)
        .cost("O(1) for each pair of field and value")
        .says("Sets fields to values, new or not.")
        .data(write::hset),
    hash("HMSET", "key {data=field value}+", -4)
        .deprecated("4.0.0", "HSET")
        .since("2.0.0")
        .flags(WRITE | DENYOOM | FAST)
        .keys(at(1).read_write().update())
        .element(2)
        .cost("O(n), n being the number of fields")
        .says("Sets fields to values; an older HSET.")
        .data(write::hmset),
    hash("HSETNX", "key field value", 4)
        .since("2.0.0")
        .flags(WRITE | DENYOOM | FAST)
        .keys(at(1).read_write().insert())
        .element(2)
        .cost("O(1)")
        .says("Sets a field that is not there yet.")
        .data(write::hsetnx),
    hash("HDEL", "key field+", -3)
        .since("2.0.0")
        .flags(WRITE | FAST)
        .keys(at(1).read_write().delete())
        .element(2)
        .cost("O(n), n being the number of fields to remove")
        .says("Removes fields, and the key with the last of them.")
        .data(write::hdel),
    hash("HGETDEL", "key FIELDS {fields=numfields:integer field+}", -5)
        .since("8.0.0")
        .flags(WRITE | FAST)
        .keys(at(1).read_write().access().delete())
        .element(4)
        .cost("O(n), n being the number of fields asked for")
        .says("Answers the values of fields and removes them.")
        .data(write::hgetdel),
    hash("HINCRBY", "key field increment:integer", 4)
        .since("2.0.0")
        .flags(WRITE | DENYOOM | FAST)
        .keys(at(1).read_write().access().update())
        .element(2)
        .cost("O(1)")
        .says("Adds to the integer in a field, 0 if it is not there.")
        .data(increment::hincrby),
    hash("HINCRBYFLOAT", "key field increment:double", 4)
        .since("2.6.0")
        .flags(WRITE | DENYOOM | FAST)
        .keys(at(1).read_write().access().update())
        .element(2)
        .cost("O(1)")
        .says("Adds to the number in a field, 0 if it is not there.")
        .data(increment::hincrbyfloat),
    hash("HEXPIRE", "key seconds:integer [condition=NX|XX|GT|LT] FIELDS {fields=numfields:integer field+}", -6)
        .since("7.4.0")
        .flags(WRITE | FAST)
        .keys(at(1).read_write().update())
        .cost("O(n), n being the number of fields named")
        .says("Lets fields live so many seconds.")
        .data(expire::hexpire),
    hash("HEXPIREAT", "key unix-time-seconds:unix-time [condition=NX|XX|GT|LT] FIELDS {fields=numfields:integer field+}", -6)
        .since("7.4.0")
        .flags(WRITE | FAST)
        .keys(at(1).read_write().update())
        .cost("O(n), n being the number of fields named")
        .says("Lets fields live until a time, in seconds since the epoch.")
        .data(expire::hexpireat),
    hash("HPEXPIRE", "key milliseconds:integer [condition=NX|XX|GT|LT] FIELDS {fields=numfields:integer field+}", -6)
        .since("7.4.0")
        .flags(WRITE | FAST)
        .keys(at(1).read_write().update())
        .cost("O(n), n being the number of fields named")
        .says("Lets fields live so many milliseconds.")
        .data(expire::hpexpire),
    hash("HPEXPIREAT", "key unix-time-milliseconds:unix-time [condition=NX|XX|GT|LT] FIELDS {fields=numfields:integer field+}", -6)
        .since("7.4.0")
        .flags(WRITE | FAST)
        .keys(at(1).read_write().update())
        .cost("O(n), n being the number of fields named")
        .says("Lets fields live until a time, in milliseconds since the epoch.")
        .data(expire::hpexpireat),
    hash("HPERSIST", "key FIELDS {fields=numfields:integer field+}", -5)
        .since("7.4.0")
        .flags(WRITE | FAST)
        .keys(at(1).read_write().update())
        .element(4)
        .cost("O(n), n being the number of fields named")
        .says("Lets fields live for ever.")
        .data(expire::hpersist),
    hash("HTTL", "key FIELDS {fields=numfields:integer field+}", -5)
        .since("7.4.0")
        .flags(READONLY | FAST)
        .keys(at(1).read_only().access())
        .element(4)
        .cost("O(n), n being the number of fields named")
        .says("How long fields still live, in seconds.")
        .tips(&["nondeterministic_output"])
        .data(ttl::httl),
    hash("HPTTL", "key FIELDS {fields=numfields:integer field+}", -5)
        .since("7.4.0")
        .flags(READONLY | FAST)
        .keys(at(1).read_only().access())
        .element(4)
        .cost("O(n), n being the number of fields named")
        .says("How long fields still live, in milliseconds.")
        .tips(&["nondeterministic_output"])
        .data(ttl::hpttl),
    hash("HEXPIRETIME", "key FIELDS {fields=numfields:integer field+}", -5)
        .since("7.4.0")
        .flags(READONLY | FAST)
        .keys(at(1).read_only().access())
        .element(4)
        .cost("O(n), n being the number of fields named")
        .says("When fields are due, in seconds since the epoch.")
        .data(ttl::hexpiretime),
    hash("HPEXPIRETIME", "key FIELDS {fields=numfields:integer field+}", -5)
        .since("7.4.0")
        .flags(READONLY | FAST)
        .keys(at(1).read_only().access())
        .element(4)
        .cost("O(n), n being the number of fields named")
        .says("When fields are due, in milliseconds since the epoch.")
        .data(ttl::hpexpiretime),
    hash(
        "HGETEX",
        "key [expiration=EX seconds:integer|PX milliseconds:integer|EXAT unix-time-seconds:unix-time|PXAT unix-time-milliseconds:unix-time|PERSIST] \
         FIELDS {fields=numfields:integer field+}",
        -5,
    )
        .since("8.0.0")
        .flags(WRITE | FAST)
        .keys(at(1).read_write().access().update())
        .cost("O(n), n being the number of fields asked for")
        .says("Answers the values of fields and changes their deadlines.")
        .data(with_deadline::hgetex),
    hash(
        "HSETEX",
        "key [condition=FNX|FXX] [expiration=EX seconds:integer|PX milliseconds:integer|EXAT unix-time-seconds:unix-time|PXAT unix-time-milliseconds:unix-time|KEEPTTL] \
         FIELDS {fields=numfields:integer {data=field value}+}",
        -6,
    )
        .since("8.0.0")
        .flags(WRITE | DENYOOM | FAST)
        .keys(at(1).read_write().update())
        .cost("O(n), n being the number of fields to set")
        .says("Sets fields to values, and their deadlines.")
        .data(with_deadline::hsetex),
    hash("HGET", "key field", 3)
        .since("2.0.0")
        .flags(READONLY | FAST)
        .keys(at(1).read_only().access())
        .element(2)
        .cost("O(1)")
        .says("Answers the value of a field.")
        .data(read::hget),
    hash("HMGET", "key field+", -3)
        .since("2.0.0")
        .flags(READONLY | FAST)
        .keys(at(1).read_only().access())
        .element(2)
        .cost("O(n), n being the number of fields asked for")
        .says("Answers the values of several fields.")
        .data(read::hmget),
    hash("HGETALL", "key", 2)
        .since("2.0.0")
        .flags(READONLY)
        .keys(at(1).read_only().access())
        .cost("O(n), n being the size of the hash")
        .says("Answers all fields and values.")
        .tips(&["nondeterministic_output_order"])
        .data(read::hgetall),
    hash("HKEYS", "key", 2)
        .since("2.0.0")
        .flags(READONLY)
        .keys(at(1).read_only().access())
        .cost("O(n), n being the size of the hash")
        .says("Answers all fields.")
        .tips(&["nondeterministic_output_order"])
        .data(read::hkeys),
    hash("HVALS", "key", 2)
        .since("2.0.0")
        .flags(READONLY)
        .keys(at(1).read_only().access())
        .cost("O(n), n being the size of the hash")
        .says("Answers all values.")
        .tips(&["nondeterministic_output_order"])
        .data(read::hvals),
    hash("HLEN", "key", 2)
        .since("2.0.0")
        .flags(READONLY | FAST)
        .keys(at(1).read_only())
        .cost("O(1)")
        .says("Answers the number of fields.")
        .data(read::hlen),
    hash("HSTRLEN", "key field", 3)
        .since("3.2.0")
        .flags(READONLY | FAST)
        .keys(at(1).read_only())
        .element(2)
        .cost("O(1)")
        .says("Answers the length of a field's value in bytes.")
        .data(read::hstrlen),
    hash("HEXISTS", "key field", 3)
        .since("2.0.0")
        .flags(READONLY | FAST)
        .keys(at(1).read_only())
        .element(2)
        .cost("O(1)")
        .says("Answers whether a field is there.")
        .data(read::hexists),
    hash("HRANDFIELD", "key [options=count:integer [WITHVALUES]]", -2)
        .since("6.2.0")
        .flags(READONLY)
        .keys(at(1).read_only().access())
        .cost("O(n), n being the number of fields answered")
        .says("Answers fields drawn at random.")
        .tips(&["nondeterministic_output"])
        .data(random::hrandfield),
    hash("HSCAN", "key cursor:integer [MATCH pattern:pattern] [COUNT count:integer] [NOVALUES]", -3)
        .since("2.8.0")
        .flags(READONLY)
        .keys(at(1).read_only().access())
        .cost("O(1) a call, O(n) for a whole scan")
        .says("Goes through the fields and values in steps.")
        .tips(&["nondeterministic_output"])
        .data(scan::hscan),
];

const HSET: Event = event(class::HASH, "hset");
const HDEL: Event = event(class::HASH, "hdel");
const HEXPIRE: Event = event(class::HASH, "hexpire");
const HPERSIST: Event = event(class::HASH, "hpersist");
const HINCRBY: Event = event(class::HASH, "hincrby");
const HINCRBYFLOAT: Event = event(class::HASH, "hincrbyfloat");

const fn hash(name: &'static str, grammar: &'static str, arity: i32) -> Spec {
    command(name, grammar, arity).group(Group::Hash)
}

/// A field or value as a string.
fn answer(reply: &mut Reply, item: Item) {
    match item {
        Item::Int(number) => reply.bulk_integer(number),
        Item::Bytes(bytes) => reply.bulk(bytes),
    }
}
