//! Commands about masters and replicas. Their work is `exec::replication`'s; here are their words, replies and errors.

mod failover;
mod role;
mod sync;
mod wait;

use crate::exec::Command;
use crate::spec::flag::{ADMIN, ALLOW_BUSY, BLOCKING, FAST, LOADING, NO_ASYNC_LOADING, NO_MULTI, NOSCRIPT, STALE};
use crate::spec::{Group, Spec, category, command};

const OF_ALL_SHARDS: &[&str] = &["request_policy:all_shards", "response_policy:agg_min"];

pub const COMMANDS: &[Command] = &[
    command("ROLE", "", 1)
        .since("2.8.12")
        .group(Group::Server)
        .flags(NOSCRIPT | LOADING | STALE | FAST)
        .categories(category::ADMIN | category::DANGEROUS)
        .cost("O(1)")
        .says("Whether this server is a master or a replica, and how far it is.")
        .server(role::role),
    waits("WAIT", "numreplicas:integer timeout:integer", 3)
        .since("3.0.0")
        .says("Waits until so many replicas have what this client wrote.")
        .server(wait::wait),
    waits("WAITAOF", "numlocal:integer numreplicas:integer timeout:integer", 4)
        .since("7.2.0")
        .says("Waits until what this client wrote is on disk, here and on so many replicas.")
        .server(wait::wait_aof),
    command("FAILOVER", "[TO {target=host port:integer [FORCE]}] [ABORT] [TIMEOUT milliseconds:integer]", -1)
        .since("6.2.0")
        .group(Group::Server)
        .flags(ADMIN | NOSCRIPT | STALE)
        .cost("O(1)")
        .says("Hands the part of the master to a replica.")
        .server(failover::failover),
    replica_of("REPLICAOF")
        .since("5.0.0")
        .says("Makes this server a replica of another, or a master.")
        .server(role::replica_of),
    replica_of("SLAVEOF")
        .since("1.0.0")
        .deprecated("5.0.0", "REPLICAOF")
        .says("Makes this server a replica of another, or a master; by its old name.")
        .server(role::replica_of),
    command("REPLCONF", "", -1)
        .since("3.0.0")
        .group(Group::Server)
        .flags(ADMIN | NOSCRIPT | LOADING | STALE | ALLOW_BUSY)
        .cost("O(1)")
        .says("What a replica tells its master of itself.")
        .server(sync::replconf),
    feeds("PSYNC", "replicationid offset:integer", -3)
        .since("2.8.0")
        .says("Begins or goes on with a replica's copy.")
        .server(sync::psync),
    feeds("SYNC", "", 1).since("1.0.0").says("Begins a replica's copy.").server(sync::sync),
];

const fn waits(name: &'static str, grammar: &'static str, arity: i32) -> Spec {
    command(name, grammar, arity)
        .group(Group::Generic)
        .flags(BLOCKING)
        .not_in(category::KEYSPACE)
        .categories(category::CONNECTION)
        .tips(OF_ALL_SHARDS)
        .cost("O(1)")
}

const fn replica_of(name: &'static str) -> Spec {
    command(name, "{args={host-port=host port:integer}|{no-one=NO ONE}}", 3)
        .group(Group::Server)
        .flags(ADMIN | NOSCRIPT | STALE | NO_ASYNC_LOADING)
        .cost("O(1)")
}

const fn feeds(name: &'static str, grammar: &'static str, arity: i32) -> Spec {
    command(name, grammar, arity)
        .group(Group::Server)
        .flags(ADMIN | NOSCRIPT | NO_ASYNC_LOADING | NO_MULTI)
        .cost("O(n) over the keys, by a child process, when all is to be copied")
}
