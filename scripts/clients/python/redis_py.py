"""redis-py, sync and async, RESP2 and RESP3: the calls that programs make most."""
import asyncio
import sys
import threading
import time

import redis
import redis.asyncio

PORT = int(sys.argv[1])


def check(what, got, expected):
    assert got == expected, f"{what}: {got!r}, expected {expected!r}"


def basics(protocol):
    r = redis.Redis(port=PORT, protocol=protocol, decode_responses=True, client_name="smoke")
    r.flushall()
    check("ping", r.ping(), True)
    check("set", r.set("k", "v", ex=100, nx=True), True)
    check("ttl", 98 <= r.ttl("k") <= 100, True)
    check("getset", r.set("k", "w", get=True, keepttl=True), "v")
    check("incrbyfloat", r.incrbyfloat("f", 0.1) + 0, 0.1)
    check("mset", r.mset({"a": 1, "b": "x"}), True)
    check("mget", r.mget("a", "b", "none"), ["1", "x", None])
    check("rpush", r.rpush("l", *range(5)), 5)
    check("lrange", r.lrange("l", 1, -2), ["1", "2", "3"])
    check("lmove", r.lmove("l", "m"), "0")
    check("hset", r.hset("h", mapping={"one": 1, "two": 2}), 2)
    check("hgetall", r.hgetall("h"), {"one": "1", "two": "2"})
    check("sadd", r.sadd("s", "x", "y"), 2)
    check("smembers", r.smembers("s"), {"x", "y"})
    check("zadd", r.zadd("z", {"a": 1, "b": 2.5}), 2)
    scores = r.zrange("z", 0, -1, withscores=True)
    check("zrange", [tuple(pair) for pair in scores], [("a", 1.0), ("b", 2.5)])
    check("scan_iter", sorted(r.scan_iter(match="[abk]")), ["a", "b", "k"])
    check("pipeline", r.pipeline().incr("n").incr("n").get("n").execute(), [1, 2, "2"])
    check("client_getname", r.client_getname(), "smoke")
    check("type", r.type("z"), "zset")
    assert r.info()["redis_version"].startswith("8.0"), "INFO"
    assert r.config_get("maxmemory") == {"maxmemory": "0"}, "CONFIG GET"
    check("copy", r.copy("k", "k2"), True)
    check("dump and restore", r.unlink("k2"), 1)
    return r


def transactions(r):
    with r.pipeline() as pipe:
        pipe.watch("n")
        r.set("n", 10)
        pipe.multi()
        pipe.incr("n")
        try:
            pipe.execute()
            raise AssertionError("a watched key changed, and EXEC ran")
        except redis.WatchError:
            pass
    check("after a broken transaction", r.get("n"), "10")


def blocking(r):
    threading.Timer(0.1, lambda: redis.Redis(port=PORT).rpush("queue", "job")).start()
    check("blpop", list(r.blpop("queue", timeout=5)), ["queue", "job"])
    check("blpop timeout", r.blpop("queue", timeout=0.05), None)


def pubsub(r):
    p = r.pubsub()
    p.subscribe("news")
    p.psubscribe("n*")
    got = []
    until = time.time() + 5
    while time.time() < until and len(got) < 2:
        message = p.get_message(timeout=1)
        if message and message["type"] == "psubscribe":
            r.publish("news", "hello")
        if message and message["type"] in ("message", "pmessage"):
            got.append((message["type"], message["data"]))
    check("messages", sorted(got), [("message", "hello"), ("pmessage", "hello")])
    p.close()


def streams(r):
    first = r.xadd("log", {"n": 1})
    r.xgroup_create("log", "group", id="0")
    check("xreadgroup", plain(r.xreadgroup("group", "me", {"log": ">"}, count=10)), {"log": [(first, {"n": "1"})]})
    check("xpending", r.xpending("log", "group")["pending"], 1)
    check("xack", r.xack("log", "group", first), 1)
    threading.Timer(0.1, lambda: redis.Redis(port=PORT).xadd("log", {"n": 2})).start()
    got = plain(r.xread({"log": "$"}, block=5000))
    check("xread", [fields for _, fields in got["log"]], [{"n": "2"}])
    check("xinfo", r.xinfo_stream("log")["length"], 2)


def plain(reply):
    """Entries by stream: lists of pairs and dictionaries of nested lists both occur, by version of the protocol."""
    pairs = reply.items() if isinstance(reply, dict) else reply
    flat = lambda entries: entries[0] if len(entries) == 1 and isinstance(entries[0], list) else entries
    return {name: [tuple(entry) for entry in flat(entries)] for name, entries in pairs}


def users(r):
    r.acl_setuser("alice", enabled=True, passwords=["+secret"], commands=["+get", "+ping"], keys=["app:*"])
    alice = redis.Redis(port=PORT, username="alice", password="secret", decode_responses=True)
    r.set("app:1", "x")
    check("a user's command", alice.get("app:1"), "x")
    for words in (("GET", "other"), ("SET", "app:1", "y")):
        try:
            alice.execute_command(*words)
            raise AssertionError(f"{words} is not for alice")
        except redis.exceptions.NoPermissionError:
            pass
    check("acl_getuser", r.acl_getuser("alice")["enabled"], True)
    check("acl_log", [entry["reason"] for entry in r.acl_log()][:2], ["command", "key"])
    r.acl_deluser("alice")
    r.acl_log_reset()


def caching(r):
    from redis.cache import CacheConfig

    cached = redis.Redis(port=PORT, protocol=3, decode_responses=True, cache_config=CacheConfig(max_size=100))
    r.set("cached", "old")
    check("a cached read", [cached.get("cached"), cached.get("cached")], ["old", "old"])
    check("the cache", cached.get_cache().size, 1)
    r.set("cached", "new")
    until = time.time() + 5
    while cached.get("cached") != "new":
        assert time.time() < until, "a change does not reach who cached the key"
    cached.close()


def library(r):
    r.function_flush()
    r.function_load("#!lua name=mine\nredis.register_function('both', function(keys, args) return {keys[1], args[1]} end)")
    check("fcall", r.fcall("both", 1, "k", "a"), ["k", "a"])
    check("function list", [entry["library_name"] if isinstance(entry, dict) else entry[1] for entry in r.function_list()], ["mine"])
    check("script", r.register_script("return ARGV[1] + 1")(args=[41]), 42)


async def asynchronous():
    r = redis.asyncio.Redis(connection_pool=redis.asyncio.BlockingConnectionPool(port=PORT, protocol=3, max_connections=50, timeout=20))
    values = await asyncio.gather(*(r.incr("async") for _ in range(200)))
    check("async incr", sorted(values), list(range(1, 201)))
    await r.aclose()


for version in (2, 3):
    client = basics(version)
    transactions(client)
    blocking(client)
    pubsub(client)
    streams(client)
    users(client)
    caching(client)
    library(client)
asyncio.run(asynchronous())
print(f"redis-py {redis.__version__}: RESP2 and RESP3, transactions, blocking, pub/sub, streams, users, client-side caching, functions, asyncio")
