//! CLUSTER and what belongs to it (ASKING, READONLY, READWRITE), of a server that is no node of a cluster: each answers so. The rows are whole,
//! so that clients and tools find them described.

use crate::exec::{Call, Command, Outcome, Stop};
use crate::keyspace::Db;
use crate::spec::flag::{ADMIN, FAST, LOADING, NO_ASYNC_LOADING, NOSCRIPT, STALE};
use crate::spec::{Group, Spec, category, command};

const UNSTEADY: &[&str] = &["nondeterministic_output"];

/// A subcommand that tells something.
const fn tells(name: &'static str, grammar: &'static str, arity: i32) -> Spec {
    command(name, grammar, arity).group(Group::Cluster).since("3.0.0").flags(STALE).cost("O(1)")
}

/// A subcommand that changes the cluster.
const fn changes(name: &'static str, grammar: &'static str, arity: i32) -> Spec {
    tells(name, grammar, arity).flags(ADMIN | NO_ASYNC_LOADING)
}

/// A command about the connection.
const fn mode(name: &'static str) -> Spec {
    command(name, "", 1).group(Group::Cluster).since("3.0.0").flags(FAST).categories(category::CONNECTION).cost("O(1)")
}

const SLOTS: &str = "slot:integer+";
const RANGES: &str = "{range=start-slot:integer end-slot:integer}+";
const SETSLOT: &str =
    "slot:integer {subcommand=IMPORTING importing<node-id>|MIGRATING migrating<node-id>|NODE node<node-id>|STABLE}";

pub const COMMANDS: &[Command] = &[
    command("CLUSTER", "", -2)
        .group(Group::Cluster)
        .since("3.0.0")
        .cost("Depends on the subcommand")
        .says("Looks at and steers a cluster.")
        .container(&[
            changes("ADDSLOTS", SLOTS, -3).cost("O(n) over the slots").says("Gives slots to this node.").data(disabled),
            changes("ADDSLOTSRANGE", RANGES, -4)
                .since("7.0.0")
                .cost("O(n) over the slots")
                .says("Gives ranges of slots to this node.")
                .data(disabled),
            changes("BUMPEPOCH", "", 2).tips(UNSTEADY).says("Moves this node's configuration epoch on.").data(disabled),
            tells("COUNT-FAILURE-REPORTS", "node-id", 3)
                .flags(ADMIN)
                .tips(UNSTEADY)
                .cost("O(n) over the reports")
                .says("How many nodes report that a node fails.")
                .data(disabled),
            tells("COUNTKEYSINSLOT", "slot:integer", 3).says("How many keys a slot has.").data(disabled),
            changes("DELSLOTS", SLOTS, -3)
                .cost("O(n) over the slots")
                .says("Takes slots from this node.")
                .data(disabled),
            changes("DELSLOTSRANGE", RANGES, -4)
                .since("7.0.0")
                .cost("O(n) over the slots")
                .says("Takes ranges of slots from this node.")
                .data(disabled),
            changes("FAILOVER", "[options=FORCE|TAKEOVER]", -2).says("Makes this replica the master.").data(disabled),
            changes("FLUSHSLOTS", "", 2).says("Takes all slots from this node.").data(disabled),
            changes("FORGET", "node-id", 3).says("Takes a node off this node's list.").data(disabled),
            tells("GETKEYSINSLOT", "slot:integer count:integer", 4)
                .tips(UNSTEADY)
                .cost("O(n) over the keys given")
                .says("Some keys of a slot.")
                .data(disabled),
            tells("HELP", "", 2).since("5.0.0").flags(LOADING).says("Print this help.").data(disabled),
            tells("INFO", "", 2).tips(UNSTEADY).says("How the cluster fares.").data(disabled),
            tells("KEYSLOT", "key:string", 3)
                .cost("O(n) over the bytes of the key")
                .says("The slot of a key.")
                .data(disabled),
            tells("LINKS", "", 2)
                .since("7.0.0")
                .tips(UNSTEADY)
                .cost("O(n) over the nodes")
                .says("The connections between this node and the others.")
                .data(disabled),
            changes("MEET", "ip port:integer [cluster-bus-port:integer]@4.0.0", -4)
                .says("Makes this node meet another.")
                .data(disabled),
            tells("MYID", "", 2).says("The name of this node.").data(disabled),
            tells("MYSHARDID", "", 2)
                .since("7.2.0")
                .tips(UNSTEADY)
                .says("The name of this node's shard.")
                .data(disabled),
            tells("NODES", "", 2)
                .tips(UNSTEADY)
                .cost("O(n) over the nodes")
                .says("The cluster as this node sees it.")
                .data(disabled),
            tells("REPLICAS", "node-id", 3)
                .since("5.0.0")
                .flags(ADMIN)
                .tips(UNSTEADY)
                .cost("O(n) over the replicas")
                .says("The replicas of a master.")
                .data(disabled),
            changes("REPLICATE", "node-id", 3).says("Makes this node a replica of a master.").data(disabled),
            tells("RESET", "[reset-type=HARD|SOFT]", -2)
                .flags(ADMIN | NOSCRIPT)
                .cost("O(n) over the nodes")
                .says("Makes this node forget the cluster.")
                .data(disabled),
            changes("SAVECONFIG", "", 2).says("Writes the cluster's configuration to disk.").data(disabled),
            changes("SET-CONFIG-EPOCH", "config-epoch:integer", 3)
                .says("Sets the configuration epoch of a new node.")
                .data(disabled),
            changes("SETSLOT", SETSLOT, -4).says("Gives a slot to a node, or moves it.").data(disabled),
            tells("SHARDS", "", 2)
                .since("7.0.0")
                .flags(LOADING)
                .tips(UNSTEADY)
                .cost("O(n) over the nodes")
                .says("The shards with their nodes and slots.")
                .data(disabled),
            tells("SLAVES", "node-id", 3)
                .deprecated("5.0.0", "CLUSTER REPLICAS")
                .flags(ADMIN)
                .tips(UNSTEADY)
                .cost("O(n) over the replicas")
                .says("The replicas of a master, by their old name.")
                .data(disabled),
            tells("SLOTS", "", 2)
                .deprecated("7.0.0", "CLUSTER SHARDS")
                .flags(LOADING)
                .tips(UNSTEADY)
                .cost("O(n) over the nodes")
                .says("The slots with their nodes.")
                .data(disabled),
        ]),
    mode("ASKING").says("Lets the next command have a slot that is on its way here.").data(disabled),
    mode("READONLY").flags(LOADING | STALE).says("Lets this connection read from a replica.").data(disabled),
    mode("READWRITE").flags(LOADING | STALE).says("Ends what READONLY began.").data(disabled),
];

fn disabled(_: &mut Call, _: &mut Db) -> Outcome {
    Err(Stop::error("ERR This instance has cluster support disabled"))
}
