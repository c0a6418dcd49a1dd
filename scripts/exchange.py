#!/usr/bin/env python3
"""Files between servers, both ways: what one wrote the other must read, to the last element (`make exchange`).

usage: scripts/exchange.py [--server PATH] [--port N] [--peers redis70,redis80,redis86,valkey91] [--peer NAME=COMMAND:VERSION ...] [--seed N]

A data set with every type and encoding, deadlines of keys and of fields, groups, libraries and several databases is made in one server, as a dump
or as an append-only file, and loaded by the other. The append-only file is a base of what the first commands made and an increment of the others;
the base is once a dump and once commands. Compared are a portrait taken over the client protocol (every element, deadline, group and pending
entry; its SHA-256 is printed), and DEBUG DIGEST: of all, where both servers compute it alike, else of each key of which they do. Gyre writes for
each peer in the version of the format that the peer reads (`rdb-version`); what that version cannot hold is left out of the data set. `--peer`
adds a server: its name, how it is started, and the version that it reads.
"""
import argparse
import hashlib
import random
import shutil
import sys
import tempfile
import time
from pathlib import Path

from servers import PEER_SERVERS, Error, Server, gyre_server, peer

SERVERS = {"redis70": "redis70-server", **PEER_SERVERS}
# The versions of the format that are written for a peer. Valkey takes no foreign version above 11, and has its own.
VERSIONS = {"redis70": [9, 10], "redis80": [9, 10, 11, 12], "redis86": [9, 10, 11, 12], "valkey91": [9, 10, 11, 80]}
# Keys whose digest a peer computes in another way: Redis before 7.2 prints scores with 17 digits, Valkey does not count that a field has a deadline.
OTHER_DIGESTS = {"redis70": b"zset:", "valkey91": b"timed:"}
WITH_FIELD_DEADLINES, WITH_FUNCTIONS = (12, 80), 10
DATABASES = (0, 3, 15)
REWRITE_SECONDS_MAX = 30
FAR_MS = 4_102_444_800_000
LIBRARY = "#!lua name=exchange\nredis.register_function('f', function(keys, args) return args[1] end)"


def commands(dice, field_deadlines):
    """Commands that make the data set, database by database."""
    word = lambda size: bytes(dice.randrange(256) for _ in range(size))
    yield from [("SET", "int:8", "-7"), ("SET", "int:16", "12345"), ("SET", "int:32", "-2000000000"), ("SET", "int:64", "9007199254740993")]
    yield from [("SET", "text:empty", ""), ("SET", "text:short", "hello"), ("SET", "text:plain", "01"), ("SET", "text:long", "compressible " * 300)]
    yield from [("SET", "text:noise", word(5000)), ("SET", "text:big", word(300_000)), ("SETBIT", "bits", "90000", "1")]
    yield ("PFADD", "hll:sparse", *range(50))
    for start in range(0, 4000, 500):
        yield ("PFADD", "hll:dense", *range(start, start + 500))
    numbers = [0, 1, 12, 13, -1, 127, 128, -128, -129, 32767, 32768, -32769, 8388607, 8388608, -8388609, 2147483647, 2147483648, -(1 << 63), (1 << 63) - 1]
    yield ("RPUSH", "list:small", "a", "", *numbers, "x" * 64)
    for start in range(0, 3000, 250):
        yield ("RPUSH", "list:large", *(f"element {i}" if i % 3 else i for i in range(start, start + 250)))
    yield ("RPUSH", "list:plain", "small", word(20_000), "between", "y" * 70_000, "small")
    yield ("SADD", "set:int16", *range(-20, 20))
    yield ("SADD", "set:int64", 1, 70000, -5_000_000_000)
    yield ("SADD", "set:pack", "a", "b", *numbers)
    yield ("SADD", "set:table", *(f"member {i}" for i in range(400)), *range(50))
    yield ("HSET", "hash:pack", "f", "v", "n", "12", "empty", "", *(w for n in numbers for w in (f"n{n}", n)))
    yield ("HSET", "hash:table", *(w for i in range(400) for w in (f"field {i}", f"value {i}" if i % 2 else i)))
    yield ("HSET", "hash:wide", "field", "w" * 300)
    scores = ["0", "-0.5", "1.5", "3", "1e300", "-1e-300", "inf", "-inf", "0.1", "123456789012", "5e-324"]
    yield ("ZADD", "zset:pack", *(w for i, s in enumerate(scores) for w in (s, f"m{i}")), "7", "7")
    yield ("ZADD", "zset:table", *(w for i in range(400) for w in (str(dice.randrange(10000) / 16), f"member {i}")))
    for i in range(1, 350):
        yield ("XADD", "stream", f"{i}-{i % 3}", "field", f"value {i}", "n", i)
    yield from [("XDEL", "stream", "5-2", "349-1"), ("XADD", "stream:empty", "7-7", "f", "v"), ("XDEL", "stream:empty", "7-7")]
    for i in range(1, 40):
        yield ("XADD", "stream:groups", f"{i}-0", *(("a", i) if i % 2 else ("other", "fields", "b", "c")))
    yield from [("XGROUP", "CREATE", "stream:groups", "g", "0"), ("XGROUP", "CREATE", "stream:groups", "h", "12-0"), ("XGROUP", "CREATE", "stream:groups", "idle", "$")]
    yield from [("XREADGROUP", "GROUP", "g", "alice", "COUNT", "9", "STREAMS", "stream:groups", ">"), ("XREADGROUP", "GROUP", "g", "bob", "COUNT", "5", "STREAMS", "stream:groups", ">"),
                ("XREADGROUP", "GROUP", "h", "carol", "STREAMS", "stream:groups", ">"), ("XACK", "stream:groups", "g", "1-0", "3-0"), ("XGROUP", "CREATECONSUMER", "stream:groups", "g", "nobody")]
    yield from [("PEXPIREAT", key, FAR_MS + i) for i, key in enumerate(["text:short", "list:small", "set:pack", "hash:pack", "zset:table", "stream"])]
    if field_deadlines:
        yield ("HSET", "timed:pack", "a", "1", "b", "2", "c", "3")
        yield ("HPEXPIREAT", "timed:pack", FAR_MS + 5, "FIELDS", "2", "a", "c")
        yield ("HSET", "timed:table", *(w for i in range(300) for w in (f"field {i}", i)))
        for i in range(0, 300, 7):
            yield ("HPEXPIREAT", "timed:table", FAR_MS + i * 1000, "FIELDS", "1", f"field {i}")
    yield from [("SELECT", "3"), ("SET", "in:three", "3"), ("SELECT", "15"), ("SET", "in:fifteen", "15"), ("SELECT", "0")]


def portrait(client, field_deadlines):
    """All that clients can see of the data, as values that can be compared."""
    seen = {}
    for db in DATABASES:
        client.must("SELECT", db)
        for key in sorted(client.must("KEYS", "*")):
            seen[db, key] = (client.must("PEXPIRETIME", key), *elements(client, key, field_deadlines))
    client.must("SELECT", 0)
    return seen


def elements(client, key, field_deadlines):
    kind = client.must("TYPE", key)
    match kind:
        case b"string":
            return kind, client.must("GET", key)
        case b"list":
            return kind, client.must("LRANGE", key, 0, -1)
        case b"set":
            return kind, sorted(client.must("SMEMBERS", key))
        case b"zset":
            flat = client.must("ZRANGE", key, 0, -1, "WITHSCORES")
            return kind, [(member, float(score)) for member, score in zip(flat[::2], flat[1::2])]
        case b"hash":
            flat = client.must("HGETALL", key)
            fields = flat[::2]
            deadlines = client.must("HPEXPIRETIME", key, "FIELDS", len(fields), *fields) if field_deadlines else [-1] * len(fields)
            return kind, sorted(zip(fields, flat[1::2], deadlines))
        case b"stream":
            groups = [dict(zip(g[::2], g[1::2])) for g in client.must("XINFO", "GROUPS", key)]
            told = [(g[b"name"], g[b"consumers"], g[b"pending"], g[b"last-delivered-id"], g.get(b"entries-read"),
                     [entry[:2] + entry[3:] for entry in client.must("XPENDING", key, g[b"name"], "-", "+", 1000)],
                     sorted(c[1] for c in client.must("XINFO", "CONSUMERS", key, g[b"name"]))) for g in groups]
            info = dict(zip(*[iter(client.must("XINFO", "STREAM", key))] * 2))
            facts = tuple(info.get(name) for name in (b"length", b"last-generated-id", b"entries-added", b"max-deleted-entry-id"))
            return kind, client.must("XRANGE", key, "-", "+"), sorted(told), facts
    return kind, None


def differences(ours, theirs):
    for key in sorted(ours.keys() | theirs.keys()):
        if ours.get(key) != theirs.get(key):
            was, is_now = repr(ours.get(key)), repr(theirs.get(key))
            # From shortly before the place where they part.
            same = max(next((at for at, pair in enumerate(zip(was, is_now)) if pair[0] != pair[1]), 0) - 60, 0)
            yield f"{key}: {was[same:same + 200]} became {is_now[same:same + 200]}"


def digests(client, left_out):
    """DEBUG DIGEST, or that of each key where keys that begin so are left out; None if the server has no DEBUG."""
    if not left_out:
        whole = client.call("DEBUG", "DIGEST")
        return None if isinstance(whole, Error) else {"DEBUG DIGEST": whole}
    seen = {}
    for db in DATABASES:
        client.must("SELECT", db)
        for key in client.must("KEYS", "*"):
            if not key.startswith(left_out):
                seen[f"digest of {key.decode()} in {db}"] = client.must("DEBUG", "DIGEST-VALUE", key)[0]
    client.must("SELECT", 0)
    return seen


def save_dump(server, client, halves, folder):
    for words in (*halves[0], *halves[1]):
        client.must(*words)
    client.must("SAVE")
    shutil.copy(Path(server.folder, "dump.rdb"), folder)


def save_append_only(server, client, halves, folder):
    """A base of the first half, an increment of the second. (With `always` the file has what was answered.)"""
    for words in halves[0]:
        client.must(*words)
    client.must("BGREWRITEAOF")
    until = time.monotonic() + REWRITE_SECONDS_MAX
    while client.info("persistence", "aof_rewrite_in_progress") != "0":
        if time.monotonic() > until:
            raise SystemExit(f"{server.name} rewrites for more than {REWRITE_SECONDS_MAX} s:\n{server.log_tail()}")
        time.sleep(0.01)
    if client.info("persistence", "aof_last_bgrewrite_status") != "ok":
        raise SystemExit(f"{server.name} could not rewrite:\n{server.log_tail()}")
    for words in halves[1]:
        client.must(*words)
    shutil.copytree(Path(server.folder, "appendonlydir"), Path(folder, "appendonlydir"))


APPEND_ONLY = ("--appendonly", "yes", "--appendfsync", "always")
# How the data goes from one to the other: what it is called, how both are started, how it is written.
CARRIERS = {
    "dump": ((), save_dump),
    "append-only file": ((*APPEND_ONLY, "--aof-use-rdb-preamble", "yes"), save_append_only),
    "append-only file, all commands": ((*APPEND_ONLY, "--aof-use-rdb-preamble", "no"), save_append_only),
}


class Exchange:
    def __init__(self, given):
        self.given, self.faults = given, []
        self.gyre = f"{gyre_server(given.server)} --enable-debug-command yes"

    def make(self, field_deadlines, functions):
        """All commands, in two halves."""
        words = list(commands(random.Random(self.given.seed), field_deadlines))
        if functions:
            words.append(("FUNCTION", "LOAD", LIBRARY))
        middle = len(words) // 2
        return words[:middle], words[middle:]

    def one_way(self, title, carrier, writer, reader, field_deadlines=True, functions=True, other_digests=None, forgets=()):
        """Writes in `writer`, loads in `reader`: each a name and a command line. `forgets`: facts of streams that the version does not hold."""
        arguments, save = CARRIERS[carrier]
        folder = tempfile.mkdtemp(prefix="gyre-exchange-")
        try:
            with Server(writer[0], writer[1], self.given.port, *arguments, core=None) as server:
                client = server.client()
                save(server, client, self.make(field_deadlines, functions), folder)
                before, digest = portrait(client, field_deadlines), digests(client, other_digests)
            with Server(reader[0], reader[1], self.given.port + 1, *arguments, core=None, folder=folder) as server:
                client = server.client()
                after, digest_after = portrait(client, field_deadlines), digests(client, other_digests)
                libraries = client.call("FUNCTION", "LIST") if functions else []
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        before, after = (simpler(seen, forgets) for seen in (before, after))
        found = list(differences(before, after))
        if functions and (isinstance(libraries, Error) or len(libraries) != 1):
            found.append(f"libraries: {libraries}")
        if digest is not None and digest_after is not None:
            found += differences(digest, digest_after)
        told = f"as it was, {len(after)} keys, portrait {portrait_sum(after)}, {len(digest or ())} digests" if not found else f"{len(found)} differences"
        print(f"{title}, {carrier}: {told}", flush=True)
        for line in found[:10]:
            print("   ", line)
        self.faults += found

    def with_peer(self, name, command, versions):
        debug, other_digests = f"{command} --enable-debug-command yes", OTHER_DIGESTS.get(name)
        newest = versions[-1]
        timed = newest in WITH_FIELD_DEADLINES
        for carrier in CARRIERS:
            # The commands that Redis 7.0 writes for XREADGROUP do not say how many entries a group has read: it forgets that itself.
            forgets = ("entries-read",) if name == "redis70" and carrier != "dump" else ()
            self.one_way(f"{name} -> gyre", carrier, (name, debug), ("gyre", self.gyre), timed, True, other_digests, forgets)
        for version in versions:
            gyre = f"{self.gyre} --rdb-version {version}"
            forgets = () if version >= 10 else ("entries-added", "max-deleted-entry-id", "entries-read")
            title = f"gyre -> {name}, version {version}"
            self.one_way(title, "dump", ("gyre", gyre), (name, debug), version in WITH_FIELD_DEADLINES, version >= WITH_FUNCTIONS, other_digests, forgets)
        gyre = f"{self.gyre} --rdb-version {newest}"
        for carrier in [carrier for carrier in CARRIERS if carrier != "dump"]:
            self.one_way(f"gyre -> {name}, version {newest}", carrier, ("gyre", gyre), (name, debug), timed, True, other_digests)


def portrait_sum(seen):
    return hashlib.sha256(repr(sorted(seen.items())).encode()).hexdigest()[:16]


def simpler(seen, forgets):
    """The portrait without what the file does not hold of streams."""
    if not forgets:
        return seen
    out = dict(seen)
    for key, value in seen.items():
        if value[1] == b"stream":
            groups = [group[:4] + group[5:] for group in value[3]] if "entries-read" in forgets else value[3]
            out[key] = (*value[:3], groups, value[4][:2] if "entries-added" in forgets else value[4])
    return out


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--server", help="the Gyre under test (default: target/release/gyre-server)")
    parser.add_argument("--port", type=int, default=23500)
    parser.add_argument("--peers", default=",".join(VERSIONS))
    parser.add_argument("--peer", action="append", default=[], metavar="NAME=COMMAND:VERSION")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    exchange = Exchange(given)
    for name in filter(None, given.peers.split(",")):
        exchange.with_peer(name, peer(SERVERS[name]), VERSIONS[name])
    for extra in given.peer:
        name, _, rest = extra.partition("=")
        command, _, version = rest.rpartition(":")
        exchange.with_peer(name, command, [v for v in (9, 10, 11, 12) if v <= int(version)])
    return 1 if exchange.faults else 0


if __name__ == "__main__":
    sys.exit(main())
