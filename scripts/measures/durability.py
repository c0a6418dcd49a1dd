"""Dumps, the append-only file, and what writing costs while it is kept.

Times are those of the whole server: SAVE by its client's clock, a start until PING is answered. Files are synced by all servers. Data sets are of a
size for which the fastest server needs a second or more, so that a start's own time does not count.
"""
import re
import time
from pathlib import Path

from servers import Server, encode
from .memory import TEN, chunks, scattered
from .row import Row
from .speed import benchmark

RUNS = 5
QUICK_SHARE = 8
APPENDING = ("--appendonly", "yes", "--auto-aof-rewrite-percentage", 0)

# Data sets: name, elements, elements a command, the command that adds elements i...
DATA_SETS = [
    ("4M strings", 4_000_000, 1, lambda i: encode("SET", "key:%012d" % i, "v%015d" % i)),
    ("4M strings with TTL", 4_000_000, 1, lambda i: encode("SET", "key:%012d" % i, "v%015d" % i, "EX", 10000 + scattered(i) % 100000)),
    ("1M hashes of 5 fields", 1_000_000, 1,
     lambda i: encode("HSET", "user:%09d" % i, *(w for j in range(5) for w in ("field%d" % j, "value%07d" % (scattered(i * 5 + j) % 10**7))))),
    ("a sorted set of 4M members", 4_000_000, 10, lambda i: encode("ZADD", "bigz", *(w for j in TEN for w in (scattered(i + j), "m%09d" % (i + j))))),
    ("a set of 6M members", 6_000_000, 10, lambda i: encode("SADD", "bigs", *("m%09d" % (i + j) for j in TEN))),
    ("a hash of 4M fields", 4_000_000, 10, lambda i: encode("HSET", "bigh", *(w for j in TEN for w in ("f%09d" % (i + j), "v%09d" % (i + j))))),
    ("a list of 20M elements", 20_000_000, 20, lambda i: encode("RPUSH", "bigl", *("e%09d" % (i + j) for j in range(20)))),
    ("a stream of 6M entries", 6_000_000, 1, lambda i: encode("XADD", "readings", "*", "temperature", scattered(i) % 100, "humidity", scattered(i + 1) % 100)),
]


def times_of_start(row, running, keys, runs):
    """Seconds that each server needs to be there again, all keys with it; the servers take turns."""
    for _ in range(runs):
        for server in running:
            server.end()
            row.add(server.name, server.start())
            kept = server.client().must("DBSIZE")
            if kept != keys[server.name]:
                row.fault(f"{server.name}: {kept} of {keys[server.name]} keys after the start")


class Running:
    """All servers at once, each in a folder of its own; `with Running(...) as servers`."""

    def __init__(self, commands, port, *arguments):
        self.servers = []
        try:
            for index, (name, start) in enumerate(commands.items()):
                self.servers.append(Server(name, start, port + index, *arguments))
        except BaseException:
            self.__exit__()
            raise

    def __enter__(self):
        return self.servers

    def __exit__(self, *_):
        for server in self.servers:
            server.__exit__()


def fill(servers, count, step, command):
    """Loads a data set into each; gives the number of keys of each."""
    for server in servers:
        server.client(timeout=600.0).feed(chunks(command, step, count))
    return {server.name: server.client().must("DBSIZE") for server in servers}


def snapshots(commands, only, port, quick, report):
    """Seconds of SAVE, and of a start until the dump is served."""
    rows = []
    for title, count, step, command in DATA_SETS:
        save = Row("durability", f"SAVE of {title}", "seconds", 0.7, against="peers")
        load = Row("durability", f"load of {title}", "seconds", 0.6, against="peers")
        if not any(re.search(only, row.name) for row in (save, load)):
            continue
        runs = 1 if quick else RUNS
        with Running(commands, port) as servers:
            keys = fill(servers, count // (QUICK_SHARE if quick else 1), step, command)
            for _ in range(runs):
                for server in servers:
                    client = server.client(timeout=600.0)
                    began = time.monotonic()
                    client.must("SAVE")
                    save.add(server.name, time.monotonic() - began)
            times_of_start(load, servers, keys, runs)
        for row in (save, load):
            report(row)
        rows += [save, load]
    return rows


def file_loads(commands, only, port, quick, report):
    """Seconds of a start until what an append-only file tells, command by command, is served."""
    rows = []
    for title, count, step, command in (DATA_SETS[0], DATA_SETS[2], DATA_SETS[3]):
        row = Row("durability", f"append-only file: load of {title}", "seconds", 0.6, against="peers")
        if not re.search(only, row.name):
            continue
        with Running(commands, port, *APPENDING, "--appendfsync", "no") as servers:
            keys = fill(servers, count // (QUICK_SHARE if quick else 1), step, command)
            times_of_start(row, servers, keys, 1 if quick else RUNS)
        report(row)
        rows.append(row)
    return rows


def writing(commands, only, port, quick, report):
    """CPU of SET with everysec, and how long a write takes with always, by its rate with fifty clients."""
    everysec = Row("durability", "SET P16, appendfsync everysec", "CPU ns/request", 0.65, against="peers")
    always = Row("durability", "SET of 50 clients, appendfsync always", "µs per write", 1.0, against="peers")
    shares = QUICK_SHARE if quick else 1
    for row, policy, requests, arguments in (
        (everysec, "everysec", 2_000_000 // shares, "-c 50 -P 16 -r 1000000 -d 16 -t set"),
        (always, "always", 50_000 // shares, "-c 50 -r 1000000 -d 16 -t set"),
    ):
        if not re.search(only, row.name):
            continue
        with Running(commands, port, *APPENDING, "--appendfsync", policy) as servers:
            for server in servers:
                benchmark(server, "-t set -r 1000000 -n 1000000 -d 16 -P 100 -c 20 --sequential")
            for turn in range(1 if quick else RUNS):
                for server in servers[turn % len(servers):] + servers[:turn % len(servers)]:
                    before = server.cpu_ns()
                    began = time.monotonic()
                    benchmark(server, arguments, requests)
                    spent = server.cpu_ns() - before if row is everysec else (time.monotonic() - began) * 1e9 / 1e3
                    row.add(server.name, spent / requests)
            check_kept(row, servers)
        report(row)
    return [row for row in (everysec, always) if row.samples]


def check_kept(row, servers):
    """What was written is in the file: the row would measure nothing otherwise."""
    for server in servers:
        written = sum(file.stat().st_size for file in Path(server.folder).rglob("*.aof"))
        asked = int(server.client().info("persistence", "aof_current_size"))
        if written < asked or asked < 50_000_000 and row.unit.startswith("CPU"):
            row.fault(f"{server.name}: the file has {written} bytes, {asked} were reported")


def run(commands, only, port, quick, report):
    rows = []
    for part in (snapshots, file_loads, writing):
        rows += part(commands, only, port, quick, report)
    return rows
