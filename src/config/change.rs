//! What a changed directive means to the rest of the server: one name for each owner that has to act.
//!
//! A directive without a `Change` is read from `Settings` whenever it matters, so nobody has to be told.

/// An owner's part of a changed configuration. CONFIG SET hands each one out once, in the order of the arguments;
/// if an owner refuses, the old settings come back and every owner that already acted is told again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// `bind`, `port`: sockets to open and close.
    Listeners,
    /// `tls-*`: the TLS socket and its certificates.
    Tls,
    /// `maxclients`: the limit of open files moves with it.
    MaxClients,
    /// `timeout`, `tcp-keepalive`, `client-output-buffer-limit`: what holds for connections already open.
    Clients,
    /// Sizes up to which values stay compact, and the protocol's bounds: copied into the limits that commands carry.
    Limits,
    /// `maxmemory*`, `lfu-*`: eviction may have to begin at once.
    Memory,
    /// `hz`, `active-expire-effort`, `activerehashing`: periodic work changes its pace.
    Pace,
    /// `requirepass`: the password of the default user.
    Password,
    /// `acl-pubsub-default`, `acllog-max-len`.
    Acl,
    /// `notify-keyspace-events`.
    KeyspaceEvents,
    /// `slowlog-*`: a shorter log is trimmed.
    SlowLog,
    /// `latency-*`.
    Latency,
    /// `loglevel`.
    LogLevel,
    /// `dir`: the process changes its working directory.
    WorkingDirectory,
    /// `save`: the points at which a snapshot begins.
    SavePoints,
    /// `appendonly` and its companions.
    AppendOnly,
    /// `repl-*`, `replica-*`, `min-replicas-*`, `masterauth`.
    Replication,
    /// `cluster-*`.
    Cluster,
    /// `tracking-table-max-keys`.
    Tracking,
    /// `proc-title-template`.
    ProcessTitle,
    /// `oom-score-adj`, `oom-score-adj-values`.
    OomScore,
    /// `locale-collate`.
    Collation,
    /// `crash-log-enabled`, `watchdog-period`: signal handlers.
    Signals,
    /// `jemalloc-bg-thread`.
    Allocator,
}
