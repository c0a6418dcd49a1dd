//! Every directive of Redis 8.0, declared once: the field it is kept in, its name, kind, default, limits and standing.
//!
//! The macro makes two things of each row: a plain typed field of `Settings`, which is what the server reads, and a
//! `Directive` in `TABLE`, which is how it is set and shown by name. Units stand last in a field's name.
//! Invariant, held by the tests: names are unique, defaults parse, and what is printed can be set again.

use super::change::Change;
use super::choices::*;
use super::directive::{
    Directive, choice, integer, memory, memory_or_percent, octal, optional_text, several, special, store, text, yes_no,
};
use super::special::*;
use super::value::{Failure, Setting};

const INT_MIN: i64 = i32::MIN as i64;
const INT_MAX: i64 = i32::MAX as i64;
const UINT_MAX: i64 = u32::MAX as i64;
const LONG_MAX: i64 = i64::MAX;
const LONG_MAX_U: u64 = i64::MAX as u64;
const MB: u64 = 1 << 20;

// Why a row is kept without effect.
const ACCEPTS: &str = "a turn of the loop accepts up to 1000 connections of a listener";
const CLUSTER: &str = "cluster mode is not there yet";
const DEFRAG: &str = "there is no active defragmentation";
const NO_DEFRAG: &str =
    "Active defragmentation cannot be enabled: size classes of 8 bytes leave little to gain, and values do not move";
const FLUSH: &str = "what is flushed is freed in slices, however it is asked for";
const LOADING: &str = "a dump is loaded in pieces that are bounded by time";
const PURGE: &str = "free pages go back to the system at once";
const SANITIZE: &str = "payloads are checked in any case";
const TLS: &str = "TLS is not there yet";

macro_rules! settings {
    ($($field:ident: $type:ty = $row:expr;)*) => {
        /// All settings, each as the type its readers want.
        #[derive(Clone, Debug, PartialEq)]
        #[allow(missing_docs)]
        pub struct Settings { $(pub $field: $type,)* }

        /// The rows, in the order in which CONFIG REWRITE adds them to a file.
        pub static TABLE: &[Directive] = &[$(
            Directive {
                store: |settings, row, words| store(&mut settings.$field, row, words),
                print: |settings, out| settings.$field.print(out),
                ..$row
            },
        )*];

        impl Settings {
            /// Zero, no and empty everywhere: the ground the defaults are laid on.
            pub(super) fn blank() -> Settings {
                Settings { $($field: <$type>::default(),)* }
            }
        }
    };
}

#[rustfmt::skip] // One row, one line where it fits.
settings! {
    // Networking
    bind: Vec<Vec<u8>> = special("bind", "* -::*", "addresses; one that begins with `-` may be missing")
        .multi_word().tells(Change::Listeners);
    port: u16 = integer("port", "6379", 0, 65535).tells(Change::Listeners);
    unix_socket: Vec<u8> = optional_text("unixsocket").immutable();
    unix_socket_mode: FileMode = octal("unixsocketperm", "0", 0o777).immutable();
    tcp_backlog: i32 = integer("tcp-backlog", "511", 0, INT_MAX).immutable();
    is_protected: bool = yes_no("protected-mode", "yes");
    timeout_s: i64 = integer("timeout", "0", 0, INT_MAX).tells(Change::Clients);
    tcp_keepalive_s: i64 = integer("tcp-keepalive", "300", 0, INT_MAX).tells(Change::Clients);
    clients_max: u32 = integer("maxclients", "10000", 1, UINT_MAX).tells(Change::MaxClients);
    accepts_per_tick_max: u32 = integer("max-new-connections-per-cycle", "10", 1, 1000).idle(ACCEPTS);
    tls_accepts_per_tick_max: u32 = integer("max-new-tls-connections-per-cycle", "1", 1, 1000).idle(TLS);
    socket_mark: u32 = integer("socket-mark-id", "0", 0, UINT_MAX).immutable().idle("sockets are not marked");
    bind_source: Vec<u8> = optional_text("bind-source-addr");
    io_threads: u32 = integer("io-threads", "1", 1, 128).immutable().idle("one thread serves every socket");

    // Requests, replies and clients
    bulk_bytes_max: u64 = memory("proto-max-bulk-len", "512mb", MB, LONG_MAX_U).tells(Change::Limits);
    query_buffer_bytes_max: u64 = memory("client-query-buffer-limit", "1gb", MB, LONG_MAX_U).tells(Change::Limits);
    output_limits: OutputLimits = special(
        "client-output-buffer-limit",
        "normal 0 0 0 slave 256mb 64mb 60 pubsub 32mb 8mb 60",
        "groups of class, hard bytes, soft bytes, soft seconds",
    ).multi_word().tells(Change::Clients);
    clients_memory: MemoryShare = memory_or_percent("maxmemory-clients", "0");
    tracking_keys_max: u64 = integer("tracking-table-max-keys", "1000000", 0, LONG_MAX).tells(Change::Tracking);

    // Memory
    maxmemory_bytes: u64 = memory("maxmemory", "0", 0, u64::MAX).tells(Change::Memory);
    maxmemory_policy: MaxmemoryPolicy = choice("maxmemory-policy", "noeviction", MaxmemoryPolicy::WORDS)
        .tells(Change::Memory);
    maxmemory_samples: u32 = integer("maxmemory-samples", "5", 1, 64).tells(Change::Memory);
    eviction_tenacity: u32 = integer("maxmemory-eviction-tenacity", "10", 0, 100).tells(Change::Memory);
    lfu_log_factor: u32 = integer("lfu-log-factor", "10", 0, INT_MAX).tells(Change::Memory);
    lfu_decay_minutes: u32 = integer("lfu-decay-time", "1", 0, INT_MAX).tells(Change::Memory);
    lazyfree_eviction: bool = yes_no("lazyfree-lazy-eviction", "no");
    lazyfree_expire: bool = yes_no("lazyfree-lazy-expire", "no");
    lazyfree_server_del: bool = yes_no("lazyfree-lazy-server-del", "no");
    lazyfree_user_del: bool = yes_no("lazyfree-lazy-user-del", "no");
    lazyfree_user_flush: bool = yes_no("lazyfree-lazy-user-flush", "no").idle(FLUSH);
    allocator_purges_in_background: bool = yes_no("jemalloc-bg-thread", "yes").tells(Change::Allocator).idle(PURGE);
    active_defrag: bool = yes_no("activedefrag", "no").refused(NO_DEFRAG);
    active_defrag_ignore_bytes: u64 = memory("active-defrag-ignore-bytes", "100mb", 1, LONG_MAX_U).idle(DEFRAG);
    active_defrag_threshold_lower: u32 = integer("active-defrag-threshold-lower", "10", 0, 1000).idle(DEFRAG);
    active_defrag_threshold_upper: u32 = integer("active-defrag-threshold-upper", "100", 0, 1000).idle(DEFRAG);
    active_defrag_cycle_min: u32 = integer("active-defrag-cycle-min", "1", 1, 99).idle(DEFRAG);
    active_defrag_cycle_max: u32 = integer("active-defrag-cycle-max", "25", 1, 99).idle(DEFRAG);
    active_defrag_fields_max: u64 = integer("active-defrag-max-scan-fields", "1000", 1, LONG_MAX).idle(DEFRAG);
    disable_thp: bool = yes_no("disable-thp", "yes").immutable();
    oom_score_adj: OomScoreAdj = choice("oom-score-adj", "no", OomScoreAdj::WORDS).tells(Change::OomScore);
    oom_score_adj_values: [i32; 3] = special("oom-score-adj-values", "0 200 800", "for a master, a replica, a child")
        .multi_word().tells(Change::OomScore);

    // Sizes up to which values stay compact
    hash_listpack_entries_max: usize = integer("hash-max-listpack-entries", "512", 0, LONG_MAX)
        .alias("hash-max-ziplist-entries").tells(Change::Limits);
    hash_listpack_value_bytes_max: usize = memory("hash-max-listpack-value", "64", 0, LONG_MAX_U)
        .alias("hash-max-ziplist-value").tells(Change::Limits);
    list_listpack_size: i32 = integer("list-max-listpack-size", "-2", INT_MIN, INT_MAX)
        .alias("list-max-ziplist-size").tells(Change::Limits);
    list_compress_depth: i32 = integer("list-compress-depth", "0", 0, INT_MAX)
        .tells(Change::Limits).idle("nodes of a list are kept uncompressed, so that reading costs no decompression");
    set_intset_entries_max: usize = integer("set-max-intset-entries", "512", 0, LONG_MAX).tells(Change::Limits);
    set_listpack_entries_max: usize = integer("set-max-listpack-entries", "128", 0, LONG_MAX).tells(Change::Limits);
    set_listpack_value_bytes_max: usize = integer("set-max-listpack-value", "64", 0, LONG_MAX).tells(Change::Limits);
    zset_listpack_entries_max: usize = integer("zset-max-listpack-entries", "128", 0, LONG_MAX)
        .alias("zset-max-ziplist-entries").tells(Change::Limits);
    zset_listpack_value_bytes_max: usize = memory("zset-max-listpack-value", "64", 0, LONG_MAX_U)
        .alias("zset-max-ziplist-value").tells(Change::Limits);
    hll_sparse_bytes_max: usize = memory("hll-sparse-max-bytes", "3000", 0, LONG_MAX_U)
        .tells(Change::Limits);
    stream_node_bytes_max: usize = memory("stream-node-max-bytes", "4kb", 0, LONG_MAX_U)
        .tells(Change::Limits);
    stream_node_entries_max: u64 = integer("stream-node-max-entries", "100", 0, LONG_MAX)
        .tells(Change::Limits);

    // Snapshots
    save_points: Vec<SavePoint> = special("save", "3600 1 300 100 60 10000", "pairs of seconds and changes")
        .multi_word().tells(Change::SavePoints);
    rdb_file_name: Vec<u8> = text("dbfilename", "dump.rdb").protected().checked(base_name_of_snapshot);
    dir: Vec<u8> = text("dir", ".").protected().denied_while_loading().tells(Change::WorkingDirectory).volatile();
    rdb_compression: bool = yes_no("rdbcompression", "yes");
    rdb_checksum: bool = yes_no("rdbchecksum", "yes").immutable();
    rdb_version: RdbVersion = choice("rdb-version", "12", RdbVersion::WORDS);
    rdb_incremental_fsync: bool = yes_no("rdb-save-incremental-fsync", "yes");
    rdb_del_sync_files: bool = yes_no("rdb-del-sync-files", "no");
    rdb_key_save_delay_us: i32 = integer("rdb-key-save-delay", "0", INT_MIN, INT_MAX).hidden();
    key_load_delay_us: i32 = integer("key-load-delay", "0", INT_MIN, INT_MAX).hidden();
    loading_breath_bytes: u32 = integer("loading-process-events-interval-bytes", "524288", 1024, INT_MAX)
        .hidden().idle(LOADING);
    stop_writes_on_bgsave_error: bool = yes_no("stop-writes-on-bgsave-error", "yes");
    sanitize_dump: SanitizeDump = choice("sanitize-dump-payload", "no", SanitizeDump::WORDS).idle(SANITIZE);

    // The append-only file
    append_only: bool = yes_no("appendonly", "no").tells(Change::AppendOnly);
    append_file_name: Vec<u8> = text("appendfilename", "appendonly.aof")
        .immutable().checked(base_name_of_append_file);
    append_dir_name: Vec<u8> = text("appenddirname", "appendonlydir")
        .immutable().checked(base_name_of_append_dir);
    append_fsync: AppendFsync = choice("appendfsync", "everysec", AppendFsync::WORDS);
    no_append_fsync_on_rewrite: bool = yes_no("no-appendfsync-on-rewrite", "no");
    aof_rewrite_percentage: u32 = integer("auto-aof-rewrite-percentage", "100", 0, INT_MAX);
    aof_rewrite_bytes_min: u64 = memory("auto-aof-rewrite-min-size", "64mb", 0, LONG_MAX_U);
    aof_load_truncated: bool = yes_no("aof-load-truncated", "yes");
    aof_load_corrupt_tail_bytes_max: u64 = memory("aof-load-corrupt-tail-max-size", "0", 0, LONG_MAX_U);
    aof_use_rdb_preamble: bool = yes_no("aof-use-rdb-preamble", "yes");
    aof_timestamps: bool = yes_no("aof-timestamp-enabled", "no");
    aof_rewrite_incremental_fsync: bool = yes_no("aof-rewrite-incremental-fsync", "yes");
    aof_disable_auto_gc: bool = yes_no("aof-disable-auto-gc", "no").hidden().tells(Change::AppendOnly);

    // Databases and periodic work
    databases: u32 = integer("databases", "16", 1, INT_MAX).immutable();
    hz: u32 = integer("hz", "10", 0, INT_MAX).tells(Change::Pace);
    dynamic_hz: bool = yes_no("dynamic-hz", "yes")
        .idle("nothing is done a fixed number of times a second for every client");
    active_expire_effort: u32 = integer("active-expire-effort", "1", 1, 10)
        .tells(Change::Pace).idle("keys are removed when they are due, so there is no effort to choose");
    active_rehashing: bool = yes_no("activerehashing", "yes")
        .tells(Change::Pace).idle("tables grow in small steps and are never rehashed as a whole");
    notify_keyspace_events: KeyspaceEvents = special("notify-keyspace-events", "", "letters of event classes")
        .tells(Change::KeyspaceEvents);
    busy_reply_threshold_ms: i64 = integer("busy-reply-threshold", "5000", 0, LONG_MAX)
        .alias("lua-time-limit");
    lua_deprecated_api: bool = yes_no("lua-enable-deprecated-api", "no").hidden().immutable();
    collation: Vec<u8> = text("locale-collate", "").tells(Change::Collation);

    // Watching the server
    slowlog_slower_than_us: i64 = integer("slowlog-log-slower-than", "10000", -1, LONG_MAX)
        .alias("commandlog-execution-slower-than").tells(Change::SlowLog);
    slowlog_len_max: u64 = integer("slowlog-max-len", "128", 0, LONG_MAX)
        .alias("commandlog-slow-execution-max-len").tells(Change::SlowLog);
    large_request_bytes: i64 = integer("commandlog-request-larger-than", "1048576", -1, LONG_MAX)
        .tells(Change::SlowLog);
    large_request_len_max: u64 = integer("commandlog-large-request-max-len", "128", 0, LONG_MAX)
        .tells(Change::SlowLog);
    large_reply_bytes: i64 = integer("commandlog-reply-larger-than", "1048576", -1, LONG_MAX)
        .tells(Change::SlowLog);
    large_reply_len_max: u64 = integer("commandlog-large-reply-max-len", "128", 0, LONG_MAX)
        .tells(Change::SlowLog);
    latency_monitor_threshold_ms: i64 = integer("latency-monitor-threshold", "0", 0, LONG_MAX).tells(Change::Latency);
    latency_tracking: bool = yes_no("latency-tracking", "yes").tells(Change::Latency);
    latency_percentiles: Vec<f64> =
        special("latency-tracking-info-percentiles", "50 99 99.9", "percentiles from 0 to 100")
            .multi_word();
    log_level: LogLevel = choice("loglevel", "notice", LogLevel::WORDS).tells(Change::LogLevel);
    log_file: Vec<u8> = text("logfile", "").immutable();
    hide_user_data_from_log: bool = yes_no("hide-user-data-from-log", "no").tells(Change::Signals);
    syslog_enabled: bool = yes_no("syslog-enabled", "no").immutable();
    syslog_ident: Vec<u8> = text("syslog-ident", "redis").immutable();
    syslog_facility: SyslogFacility = choice("syslog-facility", "local0", SyslogFacility::WORDS).immutable();
    crash_log: bool = yes_no("crash-log-enabled", "yes").tells(Change::Signals);
    crash_memcheck: bool = yes_no("crash-memcheck-enabled", "yes").tells(Change::Signals);
    use_exit_on_panic: bool = yes_no("use-exit-on-panic", "no").hidden().tells(Change::Signals);
    watchdog_period_ms: u32 = integer("watchdog-period", "0", 0, INT_MAX).hidden().tells(Change::Signals);

    // The process
    daemonize: bool = yes_no("daemonize", "no").immutable();
    supervised: Supervised = choice("supervised", "no", Supervised::WORDS).immutable();
    pid_file: Vec<u8> = optional_text("pidfile").immutable();
    always_show_logo: bool = yes_no("always-show-logo", "no").immutable();
    set_proc_title: bool = yes_no("set-proc-title", "yes").immutable();
    proc_title_template: Vec<u8> = text("proc-title-template", "{title} {listen-addr} {server-mode}")
        .checked(known_title_variables).tells(Change::ProcessTitle);
    server_cpus: Vec<u8> = optional_text("server-cpulist").alias("server_cpulist").immutable();
    helper_cpus: Vec<u8> = optional_text("bio-cpulist").alias("bio_cpulist").immutable();
    aof_rewrite_cpus: Vec<u8> = optional_text("aof-rewrite-cpulist")
        .alias("aof_rewrite_cpulist").immutable();
    bgsave_cpus: Vec<u8> = optional_text("bgsave-cpulist").alias("bgsave_cpulist").immutable();
    ignore_warnings: Vec<u8> = text("ignore-warnings", "").idle("no warning of the start stops the server");
    shutdown_timeout_s: i64 = integer("shutdown-timeout", "10", 0, INT_MAX);
    shutdown_on_sigint: ShutdownWords = several("shutdown-on-sigint", "default", ShutdownWords::WORDS);
    shutdown_on_sigterm: ShutdownWords = several("shutdown-on-sigterm", "default", ShutdownWords::WORDS);

    // Who may do what
    requirepass: Vec<u8> = optional_text("requirepass").sensitive().tells(Change::Password);
    debug_command: Allowed = choice("enable-debug-command", "no", Allowed::WORDS).immutable();
    protected_configs: Allowed = choice("enable-protected-configs", "no", Allowed::WORDS).immutable();
    module_command: Allowed = choice("enable-module-command", "no", Allowed::WORDS).immutable();
    acl_file: Vec<u8> = text("aclfile", "").immutable();
    acl_log_len_max: u64 = integer("acllog-max-len", "128", 0, LONG_MAX).tells(Change::Acl);
    acl_pubsub_default: AclPubsubDefault = choice("acl-pubsub-default", "resetchannels", AclPubsubDefault::WORDS)
        .tells(Change::Acl);

    // Replication
    replica_of: Option<MasterAddress> = special("replicaof", "", "host and port")
        .alias("slaveof").multi_word().immutable();
    master_user: Vec<u8> = optional_text("masteruser").sensitive();
    master_auth: Vec<u8> = optional_text("masterauth").sensitive();
    replica_serve_stale_data: bool = yes_no("replica-serve-stale-data", "yes")
        .alias("slave-serve-stale-data");
    replica_read_only: bool = yes_no("replica-read-only", "yes").alias("slave-read-only");
    replica_ignore_maxmemory: bool = yes_no("replica-ignore-maxmemory", "yes")
        .alias("slave-ignore-maxmemory");
    replica_lazy_flush: bool = yes_no("replica-lazy-flush", "no").alias("slave-lazy-flush").idle("old data is always freed in slices");
    replica_priority: u32 = integer("replica-priority", "100", 0, INT_MAX).alias("slave-priority");
    replica_announce_ip: Vec<u8> = optional_text("replica-announce-ip").alias("slave-announce-ip");
    replica_announce_port: u16 = integer("replica-announce-port", "0", 0, 65535)
        .alias("slave-announce-port");
    replica_announced: bool = yes_no("replica-announced", "yes");
    replica_ignore_disk_errors: bool = yes_no("replica-ignore-disk-write-errors", "no").idle("a replica obeys its master in any case");
    replica_full_sync_buffer_bytes_max: u64 = memory("replica-full-sync-buffer-limit", "0", 0, LONG_MAX_U)
        .idle("dump and stream come by one connection");
    min_replicas_to_write: u32 = integer("min-replicas-to-write", "0", 0, INT_MAX)
        .alias("min-slaves-to-write").tells(Change::Replication);
    min_replicas_lag_s_max: u32 = integer("min-replicas-max-lag", "10", 0, INT_MAX)
        .alias("min-slaves-max-lag").tells(Change::Replication);
    repl_ping_period_s: u32 = integer("repl-ping-replica-period", "10", 1, INT_MAX)
        .alias("repl-ping-slave-period");
    repl_timeout_s: u32 = integer("repl-timeout", "60", 1, INT_MAX);
    repl_backlog_bytes: u64 = memory("repl-backlog-size", "1mb", 1, LONG_MAX_U)
        .tells(Change::Replication);
    repl_backlog_ttl_s: i64 = integer("repl-backlog-ttl", "3600", 0, LONG_MAX);
    repl_disable_tcp_nodelay: bool = yes_no("repl-disable-tcp-nodelay", "no").idle("replicas are sent what there is at once");
    repl_diskless_sync: bool = yes_no("repl-diskless-sync", "yes");
    repl_diskless_sync_delay_s: u32 = integer("repl-diskless-sync-delay", "5", 0, INT_MAX);
    repl_diskless_sync_replicas_max: u32 = integer("repl-diskless-sync-max-replicas", "0", 0, INT_MAX);
    repl_diskless_load: DisklessLoad = choice("repl-diskless-load", "disabled", DisklessLoad::WORDS)
        .denied_while_loading();
    repl_rdb_channel: bool = yes_no("repl-rdb-channel", "yes").hidden().idle("dump and stream come by one connection");
    propagation_errors: PropagationErrors = choice("propagation-error-behavior", "ignore", PropagationErrors::WORDS);

    // Cluster
    cluster_enabled: bool = yes_no("cluster-enabled", "no").immutable().idle(CLUSTER);
    cluster_config_file: Vec<u8> = text("cluster-config-file", "nodes.conf").immutable().idle(CLUSTER);
    cluster_port: u16 = integer("cluster-port", "0", 0, 65535).immutable().idle(CLUSTER);
    cluster_node_timeout_ms: i64 = integer("cluster-node-timeout", "15000", 0, LONG_MAX).idle(CLUSTER);
    cluster_ping_interval_ms: i64 = integer("cluster-ping-interval", "0", 0, LONG_MAX).hidden().idle(CLUSTER);
    cluster_require_full_coverage: bool = yes_no("cluster-require-full-coverage", "yes").idle(CLUSTER);
    cluster_migration_barrier: u32 = integer("cluster-migration-barrier", "1", 0, INT_MAX).idle(CLUSTER);
    cluster_allow_replica_migration: bool = yes_no("cluster-allow-replica-migration", "yes").idle(CLUSTER);
    cluster_replica_validity_factor: u32 = integer("cluster-replica-validity-factor", "10", 0, INT_MAX)
        .alias("cluster-slave-validity-factor").idle(CLUSTER);
    cluster_replica_no_failover: bool = yes_no("cluster-replica-no-failover", "no")
        .alias("cluster-slave-no-failover").tells(Change::Cluster).idle(CLUSTER);
    cluster_allow_reads_when_down: bool = yes_no("cluster-allow-reads-when-down", "no").idle(CLUSTER);
    cluster_allow_pubsubshard_when_down: bool = yes_no("cluster-allow-pubsubshard-when-down", "yes").idle(CLUSTER);
    cluster_link_send_bytes_max: u64 = memory("cluster-link-sendbuf-limit", "0", 0, u64::MAX).idle(CLUSTER);
    cluster_announce_ip: Vec<u8> = optional_text("cluster-announce-ip").tells(Change::Cluster).idle(CLUSTER);
    cluster_announce_port: u16 = integer("cluster-announce-port", "0", 0, 65535).tells(Change::Cluster).idle(CLUSTER);
    cluster_announce_tls_port: u16 = integer("cluster-announce-tls-port", "0", 0, 65535)
        .tells(Change::Cluster).idle(CLUSTER);
    cluster_announce_bus_port: u16 = integer("cluster-announce-bus-port", "0", 0, 65535)
        .tells(Change::Cluster).idle(CLUSTER);
    cluster_announce_hostname: Vec<u8> = optional_text("cluster-announce-hostname")
        .checked(host_name).tells(Change::Cluster).idle(CLUSTER);
    cluster_announce_human_name: Vec<u8> = optional_text("cluster-announce-human-nodename")
        .checked(node_name).tells(Change::Cluster).idle(CLUSTER);
    cluster_preferred_endpoint: EndpointType = choice("cluster-preferred-endpoint-type", "ip", EndpointType::WORDS)
        .tells(Change::Cluster).idle(CLUSTER);
    cluster_compatibility_sample_percent: u32 = integer("cluster-compatibility-sample-ratio", "0", 0, 100);

    // Taking over the data of another server, as Valkey has it
    import_mode: bool = yes_no("import-mode", "no");

    // TLS
    tls_port: u16 = integer("tls-port", "0", 0, 65535).tells(Change::Tls).idle(TLS);
    tls_cluster: bool = yes_no("tls-cluster", "no").tells(Change::Tls).idle(TLS);
    tls_replication: bool = yes_no("tls-replication", "no").tells(Change::Tls).idle(TLS);
    tls_auth_clients: TlsAuthClients = choice("tls-auth-clients", "yes", TlsAuthClients::WORDS).idle(TLS);
    tls_cert_file: Vec<u8> = optional_text("tls-cert-file").volatile().tells(Change::Tls).idle(TLS);
    tls_key_file: Vec<u8> = optional_text("tls-key-file").volatile().tells(Change::Tls).idle(TLS);
    tls_key_file_pass: Vec<u8> = optional_text("tls-key-file-pass").sensitive().tells(Change::Tls).idle(TLS);
    tls_client_cert_file: Vec<u8> = optional_text("tls-client-cert-file").volatile().tells(Change::Tls).idle(TLS);
    tls_client_key_file: Vec<u8> = optional_text("tls-client-key-file").volatile().tells(Change::Tls).idle(TLS);
    tls_client_key_file_pass: Vec<u8> = optional_text("tls-client-key-file-pass")
        .sensitive().tells(Change::Tls).idle(TLS);
    tls_dh_params_file: Vec<u8> = optional_text("tls-dh-params-file").volatile().tells(Change::Tls).idle(TLS);
    tls_ca_cert_file: Vec<u8> = optional_text("tls-ca-cert-file").volatile().tells(Change::Tls).idle(TLS);
    tls_ca_cert_dir: Vec<u8> = optional_text("tls-ca-cert-dir").volatile().tells(Change::Tls).idle(TLS);
    tls_protocols: Vec<u8> = optional_text("tls-protocols").tells(Change::Tls).idle(TLS);
    tls_ciphers: Vec<u8> = optional_text("tls-ciphers").tells(Change::Tls).idle(TLS);
    tls_cipher_suites: Vec<u8> = optional_text("tls-ciphersuites").tells(Change::Tls).idle(TLS);
    tls_prefer_server_ciphers: bool = yes_no("tls-prefer-server-ciphers", "no").tells(Change::Tls).idle(TLS);
    tls_session_caching: bool = yes_no("tls-session-caching", "yes").tells(Change::Tls).idle(TLS);
    tls_session_cache_size: u32 = integer("tls-session-cache-size", "20480", 0, INT_MAX).tells(Change::Tls).idle(TLS);
    tls_session_cache_timeout_s: u32 = integer("tls-session-cache-timeout", "300", 0, INT_MAX)
        .tells(Change::Tls).idle(TLS);}

impl Default for Settings {
    /// The defaults of Redis 8.0; `dir` is the directory the process runs in.
    fn default() -> Settings {
        let mut settings = Settings::blank();
        for row in TABLE {
            let words: Vec<&[u8]> = match row.default.as_bytes() {
                b"" if row.is_multi_word => Vec::new(),
                default if row.is_multi_word => default.split(|byte| *byte == b' ').collect(),
                default => vec![default],
            };
            (row.store)(&mut settings, row, &words).expect("a default parses, which a test holds");
        }
        settings
    }
}

impl Settings {
    /// Brings values that Redis accepts out of range, but does not use so, to what is used.
    pub fn settle(&mut self) {
        self.hz = self.hz.clamp(HZ_MIN, HZ_MAX);
        self.repl_backlog_bytes = self.repl_backlog_bytes.max(REPL_BACKLOG_BYTES_MIN);
        if self.watchdog_period_ms > 0 {
            self.watchdog_period_ms = self.watchdog_period_ms.max(2 * 1000 / self.hz);
        }
    }
}

const HZ_MIN: u32 = 1;
const HZ_MAX: u32 = 500;
/// A backlog smaller than this would not hold even one batch of commands.
const REPL_BACKLOG_BYTES_MIN: u64 = 16 * 1024;
/// Longest host name that a node may announce.
const HOST_NAME_BYTES_MAX: usize = 255;

fn base_name_of_snapshot(name: &[u8]) -> Result<(), Failure> {
    base_name(name, "dbfilename can't be a path, just a filename")
}

fn base_name_of_append_file(name: &[u8]) -> Result<(), Failure> {
    not_empty(name, "appendfilename can't be empty")?;
    base_name(name, "appendfilename can't be a path, just a filename")
}

fn base_name_of_append_dir(name: &[u8]) -> Result<(), Failure> {
    not_empty(name, "appenddirname can't be empty")?;
    base_name(name, "appenddirname can't be a path, just a dirname")
}

fn not_empty(name: &[u8], failure: &'static str) -> Result<(), Failure> {
    if name.is_empty() { Err(failure.into()) } else { Ok(()) }
}

fn base_name(name: &[u8], failure: &'static str) -> Result<(), Failure> {
    if name.contains(&b'/') || name.contains(&b'\\') { Err(failure.into()) } else { Ok(()) }
}

fn host_name(name: &[u8]) -> Result<(), Failure> {
    if name.len() > HOST_NAME_BYTES_MAX {
        return Err("Hostnames must be less than 256 characters".into());
    }
    let is_allowed = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.');
    let failure = "Hostnames may only contain alphanumeric characters, hyphens or dots";
    if name.iter().all(is_allowed) { Ok(()) } else { Err(failure.into()) }
}

/// Names travel in the cluster's text files, where these characters separate fields.
fn node_name(name: &[u8]) -> Result<(), Failure> {
    let separates = |byte: &u8| b"!#$%&()*+:;<>?@[]^{|}~".contains(byte);
    let failure = "Announced human node name contained invalid character";
    if name.iter().any(separates) { Err(failure.into()) } else { Ok(()) }
}

/// A title must not come out empty for a plain server without a name of its own.
fn known_title_variables(template: &[u8]) -> Result<(), Failure> {
    let plain = |variable: &[u8]| match variable {
        b"title" | b"server-mode" | b"unixsocket" => Some(Vec::new()),
        b"listen-addr" | b"port" | b"tls-port" | b"config-file" => Some(b"-".to_vec()),
        _ => None,
    };
    match expand_title(template, plain) {
        Some(title) if !title.trim_ascii().is_empty() => Ok(()),
        _ => Err("template format is invalid or contains unknown variables".into()),
    }
}

/// Replaces every `{variable}` of a process title by what `lookup` says; `{{` is a brace. `None` if a variable is
/// unknown or does not close.
pub fn expand_title(template: &[u8], lookup: impl Fn(&[u8]) -> Option<Vec<u8>>) -> Option<Vec<u8>> {
    let mut title = Vec::new();
    let mut rest = template;
    while let Some(at) = rest.iter().position(|byte| *byte == b'{') {
        title.extend(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(tail) = rest.strip_prefix(b"{") {
            title.push(b'{');
            rest = tail;
            continue;
        }
        let end = rest.iter().position(|byte| *byte == b'}')?;
        title.extend(lookup(&rest[..end])?);
        rest = &rest[end + 1..];
    }
    title.extend(rest);
    Some(title)
}

#[cfg(test)]
mod tests;
