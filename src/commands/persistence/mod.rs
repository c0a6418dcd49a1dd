//! What keeps data beyond a command's or the process's life: SAVE, BGSAVE, BGREWRITEAOF, LASTSAVE, SHUTDOWN, DUMP, RESTORE.

mod dump;
mod save;
mod shutdown;

use crate::exec::Command;
use crate::spec::flag::{
    ADMIN, ALLOW_BUSY, ASKING, DENYOOM, FAST, LOADING, NO_ASYNC_LOADING, NO_MULTI, NOSCRIPT, READONLY, STALE, WRITE,
};
use crate::spec::{Group, at, category, command};

pub const COMMANDS: &[Command] = &[
    command("SAVE", "", 1)
        .since("1.0.0")
        .group(Group::Server)
        .flags(NO_ASYNC_LOADING | ADMIN | NOSCRIPT | NO_MULTI)
        .cost("O(n), n being the number of keys")
        .says("Saves all databases to disk while everybody waits.")
        .server(save::save),
    command("BGSAVE", "[SCHEDULE]@3.2.2", -1)
        .since("1.0.0")
        .group(Group::Server)
        .flags(NO_ASYNC_LOADING | ADMIN | NOSCRIPT)
        .cost("O(1)")
        .says("Saves all databases to disk by a child process.")
        .server(save::bgsave),
    command("BGREWRITEAOF", "", 1)
        .since("1.0.0")
        .group(Group::Server)
        .flags(ADMIN | NOSCRIPT | NO_ASYNC_LOADING)
        .cost("O(n) over the keys, by a child process")
        .says("Writes the append-only file anew.")
        .server(save::bgrewriteaof),
    command("LASTSAVE", "", 1)
        .since("1.0.0")
        .group(Group::Server)
        .flags(LOADING | STALE | FAST)
        .categories(category::ADMIN | category::DANGEROUS)
        .tips(&["nondeterministic_output"])
        .cost("O(1)")
        .says("Tells when the data was last saved to disk.")
        .server(save::lastsave),
    command("SHUTDOWN", "[save-selector=NOSAVE|SAVE] [NOW]@7.0.0 [FORCE]@7.0.0 [ABORT]@7.0.0", -1)
        .since("1.0.0")
        .group(Group::Server)
        .flags(ADMIN | NOSCRIPT | LOADING | STALE | NO_MULTI | ALLOW_BUSY)
        .cost("O(n) when saving, n being the number of keys; else O(1)")
        .says("Saves the data, if so configured or asked for, and ends the server.")
        .server(shutdown::shutdown),
    command("DUMP", "key", 2)
        .since("2.6.0")
        .group(Group::Generic)
        .flags(READONLY)
        .keys(at(1).read_only().access())
        .tips(&["nondeterministic_output"])
        .cost("O(1) to find the key, O(n) to write its n elements")
        .says("Gives a key's value in a form that RESTORE takes.")
        .data(dump::dump),
    restore("RESTORE").since("2.6.0").group(Group::Generic).data(dump::restore),
    restore("RESTORE-ASKING")
        .since("3.0.0")
        .group(Group::Server)
        .flags(ASKING)
        .categories(category::KEYSPACE)
        .data(dump::restore),
];

const fn restore(name: &'static str) -> crate::spec::Spec {
    command(
        name,
        "key ttl:integer serialized-value [REPLACE]@3.0.0 [ABSTTL]@5.0.0 [IDLETIME seconds:integer@5.0.0] [FREQ frequency:integer@5.0.0]",
        -4,
    )
    .flags(WRITE | DENYOOM)
    .categories(category::DANGEROUS)
    .keys(at(1).overwrite().update())
    .cost("O(1) to make the key, O(n) for its n elements, O(n log n) for a sorted set")
    .says("Makes a key of what DUMP gave.")
}
