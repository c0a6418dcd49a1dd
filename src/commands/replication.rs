//! Commands about masters and replicas, of a master that has no replicas: what can be said truthfully is said, what would make
//! a replica of this server, or feed one, is refused.

use crate::base::number::parse_i64;
use crate::exec::call::fault;
use crate::exec::{Block, Call, Command, Outcome, Stop, WhenDenied, readers};
use crate::keyspace::Db;
use crate::server::{Server, World};
use crate::spec::flag::{ADMIN, ALLOW_BUSY, BLOCKING, FAST, LOADING, NO_ASYNC_LOADING, NO_MULTI, NOSCRIPT, STALE};
use crate::spec::{Group, Spec, category, command};
use crate::value::Kind;

const OF_ALL_SHARDS: &[&str] = &["request_policy:all_shards", "response_policy:agg_min"];

pub const COMMANDS: &[Command] = &[
    command("ROLE", "", 1)
        .since("2.8.12")
        .group(Group::Server)
        .flags(NOSCRIPT | LOADING | STALE | FAST)
        .categories(category::ADMIN | category::DANGEROUS)
        .cost("O(1)")
        .says("Whether this server is a master or a replica, and how far it is.")
        .data(role),
    waits("WAIT", "numreplicas:integer timeout:integer", 3)
        .since("3.0.0")
        .says("Waits until so many replicas have what this client wrote.")
        .data(wait),
    waits("WAITAOF", "numlocal:integer numreplicas:integer timeout:integer", 4)
        .since("7.2.0")
        .says("Waits until what this client wrote is on disk, here and on so many replicas.")
        .server(wait_aof),
    command("FAILOVER", "[TO {target=host port:integer [FORCE]}] [ABORT] [TIMEOUT milliseconds:integer]", -1)
        .since("6.2.0")
        .group(Group::Server)
        .flags(ADMIN | NOSCRIPT | STALE)
        .cost("O(1)")
        .says("Hands the part of the master to a replica.")
        .data(failover),
    replica_of("REPLICAOF")
        .since("5.0.0")
        .says("Makes this server a replica of another, or a master.")
        .data(become_replica),
    replica_of("SLAVEOF")
        .since("1.0.0")
        .deprecated("5.0.0", "REPLICAOF")
        .says("Makes this server a replica of another, or a master; by its old name.")
        .data(become_replica),
    command("REPLCONF", "", -1)
        .since("3.0.0")
        .group(Group::Server)
        .flags(ADMIN | NOSCRIPT | LOADING | STALE | ALLOW_BUSY)
        .cost("O(1)")
        .says("What a replica tells its master of itself.")
        .data(replconf),
    feeds("PSYNC", "replicationid offset:integer", -3)
        .since("2.8.0")
        .says("Begins or goes on with a replica's copy.")
        .data(no_replicas),
    feeds("SYNC", "", 1).since("1.0.0").says("Begins a replica's copy.").data(no_replicas),
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

/// A master without replicas has counted no bytes for them.
const OFFSET: i64 = 0;

fn role(call: &mut Call, _: &mut Db) -> Outcome {
    call.reply.array(3);
    call.reply.bulk(b"master");
    call.reply.integer(OFFSET);
    call.reply.array(0);
    Ok(())
}

fn wait(call: &mut Call, _: &mut Db) -> Outcome {
    let wanted = call.integer(1)?;
    wait_for(call, wanted > 0, 2, WhenDenied::NoReplica)
}

fn wait_aof(call: &mut Call, server: &mut Server, _: &mut dyn World) -> Outcome {
    let local = call.integer(1)?;
    if !(0..=1).contains(&local) {
        return Err(Stop::error("ERR value is out of range, value must between 0 and 1"));
    }
    let replicas = parse_i64(call.arg(2)).filter(|count| *count >= 0);
    let replicas = replicas.ok_or(Stop::error("ERR value is out of range, must be positive"))?;
    call.timeout_ms_deadline(3)?;
    readers::wait_for_disk(call, server, local > 0, replicas)
}

/// Nobody will ever acknowledge anything: who wants no more than that is answered at once, the others when their time is over.
fn wait_for(call: &mut Call, wants_more: bool, timeout_word: usize, in_vain: WhenDenied) -> Outcome {
    let deadline = call.timeout_ms_deadline(timeout_word)?;
    if wants_more && call.may_block {
        return Err(Stop::wait(Block::on(Vec::new(), Kind::String, deadline, in_vain)));
    }
    in_vain.answer(&mut call.reply);
    Ok(())
}

fn failover(call: &mut Call, _: &mut Db) -> Outcome {
    if call.argc() == 2 && call.is(1, "ABORT") {
        return Err(Stop::error("ERR No failover in progress."));
    }
    let (mut has_target, mut has_timeout, mut is_forced) = (false, false, false);
    let mut at = 1;
    while at < call.argc() {
        let behind = call.argc() - at - 1;
        if call.is(at, "TIMEOUT") && behind >= 1 && !has_timeout {
            if call.integer(at + 1)? <= 0 {
                return Err(Stop::error("ERR FAILOVER timeout must be greater than 0"));
            }
            (has_timeout, at) = (true, at + 2);
        } else if call.is(at, "TO") && behind >= 2 && !has_target {
            call.integer(at + 2)?;
            (has_target, at) = (true, at + 3);
        } else if call.is(at, "FORCE") && !is_forced {
            (is_forced, at) = (true, at + 1);
        } else {
            return Err(fault::SYNTAX);
        }
    }
    Err(Stop::error("ERR FAILOVER requires connected replicas."))
}

fn become_replica(call: &mut Call, _: &mut Db) -> Outcome {
    const PORT_MAX: i64 = 65_535;
    if call.is(1, "NO") && call.is(2, "ONE") {
        // It is a master already.
        call.reply.ok();
        return Ok(());
    }
    if !parse_i64(call.arg(2)).is_some_and(|port| (0..=PORT_MAX).contains(&port)) {
        return Err(Stop::error("ERR Invalid master port"));
    }
    Err(Stop::error("ERR This server cannot be a replica yet: only REPLICAOF NO ONE is served"))
}

/// What a replica may tell, by Redis's names.
const REPLICA_OPTIONS: &[&[u8]] = &[
    b"listening-port",
    b"ip-address",
    b"capa",
    b"ack",
    b"getack",
    b"rdb-only",
    b"rdb-filter-only",
    b"rdb-channel",
    b"main-ch-client-id",
];

fn replconf(call: &mut Call, _: &mut Db) -> Outcome {
    if call.argc() % 2 == 0 {
        return Err(fault::SYNTAX);
    }
    for at in (1..call.argc()).step_by(2) {
        let name = call.arg(at);
        if !REPLICA_OPTIONS.iter().any(|option| option.eq_ignore_ascii_case(name)) {
            return Err(Stop::quoting("ERR Unrecognized REPLCONF option: ", name, ""));
        }
    }
    no_replica()
}

fn no_replicas(_: &mut Call, _: &mut Db) -> Outcome {
    no_replica()
}

fn no_replica() -> Outcome {
    Err(Stop::error("ERR This server cannot feed replicas yet"))
}
