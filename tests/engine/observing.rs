//! What the server tells of itself and lets be set: INFO, CONFIG, SLOWLOG, MONITOR, LATENCY, COMMAND.

use crate::harness::Engine;

/// Section and name of every fixed field of `INFO everything` of Redis 8.0.6, in its order.
const REDIS_FIELDS: &str = include_str!("../data/info-fields.txt");
/// How Redis was compiled: there is nothing to tell here.
const REDIS_ONLY: [&str; 2] = ["atomicvar_api", "gcc_version"];

#[test]
fn info_has_the_fields_of_redis_in_their_order() {
    let mut engine = Engine::new();
    let one = engine.connect();
    let info = engine.ask(one, "INFO everything");
    let (mut section, mut ours) = ("", Vec::new());
    for line in info.lines() {
        match (line.strip_prefix("# "), line.split_once(':')) {
            (Some(title), _) => section = title,
            (None, Some((name, _))) => ours.push(format!("{section} {name}")),
            _ => {}
        }
    }
    let mut rest = ours.iter();
    for field in REDIS_FIELDS.lines().filter(|field| !REDIS_ONLY.iter().any(|only| field.ends_with(only))) {
        assert!(rest.any(|name| name == field), "{field} is missing, or not in its place");
    }
}

#[test]
fn config_set_is_all_or_nothing_even_if_an_owner_refuses() {
    let mut engine = Engine::new();
    let one = engine.connect();
    let reply = engine.ask(one, "CONFIG SET maxmemory 100mb port 1 hz 50");
    assert_eq!(
        reply,
        "-ERR CONFIG SET failed (possibly related to argument 'port') - Unable to listen on this port. Check server logs.\r\n"
    );
    let settings = &engine.server.settings;
    assert_eq!((settings.maxmemory_bytes, settings.port, settings.hz), (0, 6379, 10));
    assert_eq!(engine.ask(one, "CONFIG SET maxmemory 100mb hz 50"), "+OK\r\n");
    assert_eq!(engine.ask(one, "CONFIG GET hz"), "*2\r\n$2\r\nhz\r\n$2\r\n50\r\n");
}

#[test]
fn what_follows_config_set_in_a_pipeline_sees_the_new_settings() {
    let mut engine = Engine::new();
    let one = engine.connect();
    engine.feed(one, b"CONFIG SET list-max-listpack-size 1\r\nRPUSH l a b\r\nOBJECT ENCODING l\r\n");
    engine.settle();
    let replies = engine.replies(one);
    assert_eq!(String::from_utf8_lossy(&replies), "+OK\r\n:2\r\n$9\r\nquicklist\r\n");
}

#[test]
fn the_slow_log_keeps_commands_without_their_secrets() {
    let mut engine = Engine::new();
    let one = engine.connect();
    engine.ask(one, "CONFIG SET slowlog-log-slower-than 0");
    engine.ask(one, "CONFIG SET masterauth secret");
    engine.ask(one, "CONFIG SET slowlog-log-slower-than -1");
    let log = engine.ask(one, "SLOWLOG GET");
    assert!(log.contains("masterauth\r\n$10\r\n(redacted)") && !log.contains("secret"), "{log}");
    assert_eq!(engine.ask(one, "SLOWLOG LEN"), ":2\r\n");
    assert_eq!(engine.ask(one, "SLOWLOG GET -2"), "-ERR count should be greater than or equal to -1\r\n");
}

/// A monitor's line without the time, of which nothing is known here but its form.
fn told(engine: &mut Engine, monitor: gyre::keyspace::SessionKey) -> String {
    let lines = String::from_utf8_lossy(&engine.replies(monitor)).into_owned();
    let without_time = |line: &str| line.split_once(' ').map(|(_, rest)| format!("{rest}\n")).unwrap_or_default();
    lines.lines().map(without_time).collect()
}

#[test]
fn a_monitor_is_told_every_command_once_and_no_password() {
    let mut engine = Engine::new();
    let (one, other, monitor) = (engine.connect(), engine.connect(), engine.connect());
    assert_eq!(engine.ask(monitor, "MONITOR"), "+OK\r\n");
    engine.ask(one, "SET a \"x y\"");
    engine.ask(one, "CONFIG GET port");
    engine.ask(one, "HELLO 3 AUTH name word");
    assert_eq!(
        told(&mut engine, monitor),
        "[0 ] \"SET\" \"a\" \"x y\"\n[0 ] \"HELLO\" \"3\" \"AUTH\" \"(redacted)\" \"(redacted)\"\n"
    );
    engine.ask(other, "BLPOP l 0");
    assert_eq!(told(&mut engine, monitor), "[0 ] \"BLPOP\" \"l\" \"0\"\n");
    engine.ask(one, "RPUSH l a");
    assert_eq!(told(&mut engine, monitor), "[0 ] \"RPUSH\" \"l\" \"a\"\n");
}

#[test]
fn calls_errors_and_resets_are_counted() {
    let mut engine = Engine::new();
    let one = engine.connect();
    engine.ask(one, "SET a b");
    engine.ask(one, "LPUSH a x");
    engine.ask(one, "SET a");
    engine.ask(one, "NONSENSE");
    let info = engine.ask(one, "INFO commandstats errorstats stats");
    let has = |line: &str| assert!(info.contains(line), "{line} is not in {info}");
    has("cmdstat_lpush:calls=1,");
    has(",rejected_calls=0,failed_calls=1\r\n");
    has("errorstat_ERR:count=2\r\n");
    has("errorstat_WRONGTYPE:count=1\r\n");
    has("total_error_replies:3\r\n");
    engine.ask(one, "CONFIG RESETSTAT");
    let info = engine.ask(one, "INFO commandstats errorstats");
    assert!(
        info.contains("cmdstat_config|resetstat:calls=1,") && !info.contains("lpush") && !info.contains("WRONGTYPE")
    );
}

#[test]
fn keys_of_whole_commands() {
    let mut engine = Engine::new();
    let one = engine.connect();
    let mut check = |line: &str, reply: &str| assert_eq!(engine.ask(one, line), reply, "{line}");
    check("COMMAND GETKEYS MSET a 1 b 2", "*2\r\n$1\r\na\r\n$1\r\nb\r\n");
    check("COMMAND GETKEYSANDFLAGS SET k v GET", "*1\r\n*2\r\n$1\r\nk\r\n*3\r\n+RW\r\n+access\r\n+update\r\n");
    check("COMMAND GETKEYS ZUNIONSTORE t 2 a", "-ERR Invalid arguments specified for command\r\n");
    check("COMMAND GETKEYS PING", "-ERR The command has no key arguments\r\n");
    check("COMMAND GETKEYS GET", "-ERR Invalid number of arguments specified for command\r\n");
    check("COMMAND INFO config|get|x", "*1\r\n$-1\r\n");
}

#[test]
fn what_a_cluster_would_refuse_is_counted() {
    let mut engine = Engine::new();
    let one = engine.connect();
    engine.ask(one, "CONFIG SET cluster-compatibility-sample-ratio 100");
    let mut counted = |lines: &[&str], expected: u64| {
        let before = engine.server.observe.totals.cluster_incompatible_ops;
        lines.iter().for_each(|line| _ = engine.ask(one, line));
        let after = engine.server.observe.totals.cluster_incompatible_ops;
        assert_eq!(after - before, expected, "{lines:?}");
    };
    // 1. Other databases: also where nothing comes of it, as long as the words are sound.
    counted(&["SELECT 0", "SELECT x", "SWAPDB 0 99", "SWAPDB x 0", "MOVE k 0", "MOVE k 99"], 0);
    counted(&["SELECT 99", "SELECT 1", "SELECT 0", "SWAPDB 0 0", "MOVE none 1"], 4);
    counted(&["COPY a b{a}", "COPY a b{a} DB 0", "COPY a b{a} DB 99", "COPY a b{a} DB 1 XX"], 0);
    counted(&["COPY none k{none} DB 1", "COPY a b DB 1"], 3);
    // 2. Keys in several slots, before anything may refuse the command but its arity.
    counted(&["MGET a a", "MGET a", "MGET", "SET a b"], 0);
    counted(&["MGET a b", "RENAME none other", "XREAD STREAMS a b 0 0", "SINTERCARD 2 a b"], 4);
    counted(&["SSUBSCRIBE a", "SUNSUBSCRIBE a", "SPUBLISH a m"], 0);
    counted(&["SSUBSCRIBE a b", "SUNSUBSCRIBE a b"], 2);
    // 3. What is queued by itself, and again all together.
    counted(&["MULTI", "GET a", "GET b", "EXEC"], 1);
    counted(&["MULTI", "MGET a b", "MGET c d", "EXEC"], 3);
    counted(&["MULTI", "MGET a b", "DISCARD", "MULTI", "EXEC", "EXEC"], 1);
    // 4. Patterns of SORT, each.
    counted(&["RPUSH l 1 2 3", "SORT l BY nosort GET #", "SORT l BY w{l}_*", "SORT l STORE d{l}"], 0);
    counted(&["SORT l BY w_* GET o_* GET p_*", "SORT none BY w_*", "SORT l BY w_* FOO", "SORT_RO l BY w_*"], 6);
    // 5. Scripts: once with what calls them.
    let script = |flags: &str, code: &str, keys: &str| format!("EVAL \"#!lua{flags}\\n{code}\" {keys}");
    let (both, each) = ("redis.call('mget','a','b')", "redis.call('get','a') redis.call('get','b')");
    counted(&[&script("", both, "2 a b"), &script("", both, "0"), &script("", each, "0")], 3);
    counted(&[&script("", "redis.call('get','b')", "1 a"), &script("", "redis.call('get','b')", "1 b")], 1);
    counted(&[&script(" flags=allow-cross-slot-keys", each, "0"), &format!("EVAL \"{each}\" 0")], 0);
    counted(&[&script(" flags=allow-cross-slot-keys", both, "0"), &format!("EVAL \"{both}\" 0")], 2);
    counted(&[&script(" flags=no-cluster", "return 1", "0"), &script(" flags=no-cluster", "return 1", "2 a b")], 3);
    counted(&["EVAL \"redis.call('select','1')\" 0", "EVAL \"redis.pcall('mget')\" 0"], 1);
    // 6. Nothing is looked at while nobody asks.
    counted(&["CONFIG SET cluster-compatibility-sample-ratio 0", "MGET a b"], 0);
    assert!(!engine.ask(one, "INFO stats").contains("cluster_incompatible_ops"));
}
