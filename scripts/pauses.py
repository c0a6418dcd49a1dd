#!/usr/bin/env python3
"""Measures how long a client waits while the server has something large to do (`make pauses`).

usage: scripts/pauses.py [--only REGEX] [--runs N] [--server PATH] [--peers redis80,…|none] [--port N] [--json FILE] [--markdown] [--readme]

A compiled prober sends a PING every millisecond on its own connection: during the event, then for just as long with the same server idle (a machine
that stumbles once a second must do so in both). Server on the first core, prober and load on the second (the prober before the load, by real-time
priority where that is permitted). The figure is the longest PING during the event, median of the runs, less the longest with the server idle, median
of the runs; where the server forks, with the child on the second core, it is the 99.9th percentile, less that with the server idle, less the fork
itself. Leaves with 1 if Gyre misses a goal.
"""
import argparse
import datetime
import json
import math
import os
import re
import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path

from measures import readme, row as rows_of
from measures.memory import chunks
from measures.speed import benchmark
from servers import CACHE, HOME, LOAD_CORE, PEER_SERVERS, Server, encode, gyre_server, machine, peer, settle_on_load_core

OURS = "gyre"
GOAL_MS = 2.0
# With a child: the share of the PINGs that counts, and the goal beyond the fork itself.
FORK_SHARE, FORK_GOAL_MS = 0.999, 1.0
IDLE_SECONDS_MIN = 1.0
EXPIRING_KEYS, EXPIRING_FIELDS, CASCADE_KEYS, ZSET_MEMBERS, FLUSHED_KEYS, FORKED_KEYS = (
    500_000, 1_000_000, 1_000_000, 1_000_000, 2_000_000, 2_000_000)
# Far enough that the keys stand in a slot of a slow ring when they are set, and must be moved down before they are due.
CASCADE_LEAD_SECONDS = 12


def prober_path():
    """The prober's binary, compiled when its source is newer."""
    source, binary = HOME / "scripts/ping_prober.rs", CACHE / "tools/ping_prober"
    if not binary.exists() or binary.stat().st_mtime < source.stat().st_mtime:
        binary.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(["rustc", "--edition", "2021", "-O", str(source), "-o", str(binary)], check=True)
    return binary


class Prober:
    """Pings while its `with` block lasts; then `longest()`."""

    def __init__(self, port):
        command = [str(prober_path()), str(port)]
        if os.geteuid() == 0:
            command = ["chrt", "--fifo", "10", *command]
        self.process = subprocess.Popen(["taskset", "-c", str(LOAD_CORE), *command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.samples = []
        time.sleep(0.05)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        output, _ = self.process.communicate("")
        self.samples = [tuple(map(int, line.split())) for line in output.splitlines()]

    def longest(self, begin=0.0, end=float("inf"), share=1.0):
        """The longest wait, in ms, of a PING sent between two times (seconds since the epoch), and how many seconds were looked at. `share`: the longest
        of so many of them, the others being longer."""
        samples = [(at, took) for at, took in self.samples if begin * 1e6 <= at < end * 1e6]
        if not samples:
            raise SystemExit("the prober sent nothing")
        waits = sorted(took for _, took in samples)
        return waits[max(0, math.ceil(share * len(waits)) - 1)] / 1e6, (samples[-1][0] - samples[0][0]) / 1e6


def fill(server, first, count, *options):
    """SETs `count` keys of 16 bytes from number `first` on."""
    server.client().feed(chunks(lambda i: encode("SET", "key:%012d" % (first + i), "v%015d" % i, *options), 1, count))


def growth(server):
    fill(server, 0, 1_000_000)
    with Prober(server.port) as prober:
        # Four connections of sixteen requests: enough to keep the server busy, too little to be a queue worth measuring.
        benchmark(server, "-c 4 -P 16 -n 3000000 -r 3000000 --sequential -- SET grown:__rand_int__ v000000000000000")
    size = server.client().must("DBSIZE")
    assert size >= 3_900_000, f"only {size} keys after the growth"
    return prober.longest()


def mass_expiry(server):
    due_ms = int(time.time() * 1000) + 15_000
    fill(server, 0, EXPIRING_KEYS, "PXAT", due_ms)
    time.sleep(max(0.0, due_ms / 1000 - time.time() - 0.5))
    client = server.client()
    with Prober(server.port) as prober:
        time.sleep(1.0)
        until = time.time() + 20
        while client.must("DBSIZE") and time.time() < until:
            time.sleep(0.2)
    return prober.longest(due_ms / 1000 - 0.01)


def field_expiry(server):
    """All fields of one hash but one are due at one instant."""
    due_ms = int(time.time() * 1000) + 25_000
    server.client().must("HSET", "bigh", "stays", "1")
    fields = lambda i: ["f%09d" % (i + j) for j in range(10)]
    server.client().feed(chunks(lambda i: encode("HSET", "bigh", *(word for field in fields(i) for word in (field, "v" + field))), 10, EXPIRING_FIELDS))
    server.client().feed(chunks(lambda i: encode("HPEXPIREAT", "bigh", due_ms, "FIELDS", 10, *fields(i)), 10, EXPIRING_FIELDS))
    if time.time() > due_ms / 1000 - 1:
        raise SystemExit("the load took too long: nothing is left to measure")
    time.sleep(max(0.0, due_ms / 1000 - time.time() - 0.5))
    client = server.client()
    with Prober(server.port) as prober:
        time.sleep(1.0)
        until = time.time() + 20
        while client.must("HLEN", "bigh") > 1 and time.time() < until:
            time.sleep(0.2)
    return prober.longest(due_ms / 1000 - 0.01)


def cascade(server):
    due_ms = int(time.time() * 1000) + CASCADE_LEAD_SECONDS * 1000
    fill(server, 0, CASCADE_KEYS, "PXAT", due_ms)
    if time.time() > due_ms / 1000 - 3:
        raise SystemExit(f"the load took longer than {CASCADE_LEAD_SECONDS - 3} s: nothing is left to measure")
    begin = time.time()
    with Prober(server.port) as prober:
        time.sleep(max(0.0, due_ms / 1000 - time.time()))
    return prober.longest(begin + 0.1, due_ms / 1000 - 0.001)


def zset_deletion(server):
    client = server.client()
    client.feed(chunks(lambda i: encode("ZADD", "big", *(word for j in range(10) for word in ((i + j) * 7919 % 1000003, "m%09d" % (i + j)))), 10, ZSET_MEMBERS))
    return during(server, client, "DEL", "big")


def flush(server):
    fill(server, 0, FLUSHED_KEYS)
    return during(server, server.client(), "FLUSHALL")


def during(server, client, *words):
    """The longest PING around one command, sent on a connection of its own, and for a second after it."""
    with Prober(server.port) as prober:
        time.sleep(0.3)
        begin = time.time()
        caller = threading.Thread(target=client.must, args=words)
        caller.start()
        caller.join()
        time.sleep(1.0)
    return prober.longest(begin - 0.05)


def child(server, command, is_running):
    """The 99.9th percentile from a fork until its child is done, less the fork itself."""
    fill(server, 0, FORKED_KEYS)
    client = server.client()
    with Prober(server.port) as prober:
        begin = time.time()
        client.must(command)
        until = time.time() + 60
        while client.info("persistence", is_running) != "0" and time.time() < until:
            time.sleep(0.05)
        end = time.time()
    wait, seconds = prober.longest(begin - 0.01, end, FORK_SHARE)
    return wait - int(client.info("stats", "latest_fork_usec")) / 1e3, seconds


def snapshot(server):
    return child(server, "BGSAVE", "rdb_bgsave_in_progress")


def rewrite(server):
    server.client().must("CONFIG", "SET", "appendonly", "yes")
    while server.client().info("persistence", "aof_rewrite_in_progress") != "0":
        time.sleep(0.05)
    return child(server, "BGREWRITEAOF", "aof_rewrite_in_progress")


# What is measured: title, event, goal in ms, the share of the PINGs of which the longest counts.
EVENTS = [
    ("growth from 1M to 4M keys", growth, GOAL_MS, 1.0),
    ("500,000 keys expire at one instant", mass_expiry, GOAL_MS, 1.0),
    ("1M fields of a hash expire at one instant", field_expiry, GOAL_MS, 1.0),
    ("a ring slot of 1M equal TTLs cascades", cascade, GOAL_MS, 1.0),
    ("DEL of a sorted set of 1M members", zset_deletion, GOAL_MS, 1.0),
    ("FLUSHALL of 2M keys", flush, GOAL_MS, 1.0),
    ("p99.9 during BGSAVE of 2M keys, beyond the fork", snapshot, FORK_GOAL_MS, FORK_SHARE),
    ("p99.9 during BGREWRITEAOF of 2M keys, beyond the fork", rewrite, FORK_GOAL_MS, FORK_SHARE),
]
# The children of a server go to the core of everything else.
CHILDREN = ("--bgsave-cpulist", str(LOAD_CORE), "--aof-rewrite-cpulist", str(LOAD_CORE))


def idle_ms(server, seconds, share):
    """The longest PING while nothing else goes on."""
    with Prober(server.port) as prober:
        time.sleep(max(IDLE_SECONDS_MIN, seconds))
    return prober.longest(share=share)[0]


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--only", default=".")
    options.add_argument("--runs", type=int, default=3)
    options.add_argument("--server", help="our binary (default: target/release/gyre-server)")
    options.add_argument("--peers", default="redis80")
    options.add_argument("--port", type=int, default=7880)
    options.add_argument("--json")
    options.add_argument("--markdown", action="store_true")
    options.add_argument("--readme", action="store_true", help="put the Markdown table into README.md")
    given = options.parse_args()

    prober_path()
    settle_on_load_core()
    commands = {OURS: gyre_server(given.server)}
    if given.peers != "none":
        commands |= {name: peer(PEER_SERVERS[name]) for name in given.peers.split(",")}
    rows = []
    for title, event, goal, share in EVENTS:
        if not re.search(given.only, title):
            continue
        row = rows_of.Row("pause", title, "ms beyond idle", goal)
        waits = {name: [] for name in commands}
        for _ in range(given.runs):
            for name, command in commands.items():
                with Server(name, command, given.port, *CHILDREN) as server:
                    longest, seconds = event(server)
                    idle = idle_ms(server, seconds, share)
                    waits[name].append((longest, idle))
                print(f"{title:54s} {name:9s} longest {waits[name][-1][0]:7.2f} ms, idle {idle:5.2f} ms", flush=True)
        for name, pairs in waits.items():
            idle = statistics.median(idle for _, idle in pairs)
            for longest, _ in pairs:
                row.add(name, max(0.0, longest - idle))
        rows.append(row)
    heading = f"Measured {datetime.date.today().isoformat()} on {machine()}, by `make pauses`. Median of {given.runs} runs (lowest–highest)."
    markdown = rows_of.as_markdown(rows, OURS, list(commands))
    print(f"\n{heading}\n\n{markdown if given.markdown else rows_of.as_text(rows, OURS, list(commands))}")
    if given.readme:
        readme.write("pauses", heading + "\n\n" + markdown)
    if given.json:
        Path(given.json).write_text(json.dumps({"heading": heading, "rows": [row.as_json(OURS) for row in rows]}, indent=1))
    missed = [row.name for row in rows if row.verdict(OURS) != "met"]
    print(f"\npauses: {len(rows) - len(missed)} goals met, {len(missed)} missed" + (": " + ", ".join(missed) if missed else ""))
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
