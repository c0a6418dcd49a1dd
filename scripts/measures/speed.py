"""Server CPU per request: the figure that counts when a server has a core of its own.

All servers run at once on one core and are loaded in turn, round by round, from the other core, so that a drift of the machine hits all alike. Many
short rounds say more than few long ones: what else the machine does comes in stretches of seconds.
The time is the scheduler's account of the server's threads. Rows that read must find their keys: the hit rate is checked.
"""
import random
import re
import shlex
import subprocess

from servers import LOAD_CORE, peer
from .listeners import CHANNEL, MESSAGE, Listeners
from .row import Row

FILL = "-t set -r 1000000 -n 1000000 -d 16 -P 100 -c 20 --sequential"
FILL_1K = "-t set -r 100000 -n 100000 -d 1024 -P 100 -c 20 --sequential"
FLUSH = "FLUSH"
HIT_RATE_MIN = 0.95


POINTS = 10_000
COMMON = 5_000  # members that two sets of twice as many have in common


def points():
    """GEOADD of so many points in a square of one degree."""
    dice = random.Random(1)
    return "-n 1 -c 1 -- GEOADD places " + " ".join(f"{dice.uniform(10, 11):.6f} {dice.uniform(45, 46):.6f} place:{i}" for i in range(POINTS))


def numbers():
    """RPUSH of as many numbers, in no order."""
    dice = random.Random(2)
    return "-n 1 -c 1 -- RPUSH numbers " + " ".join(str(dice.randrange(1_000_000)) for _ in range(POINTS))


def overlapping(command, item):
    """Two collections of 10,000 members that have half of them in common."""
    return [f"-n 1 -c 1 -- {command} {key} " + " ".join(item.format(i) for i in range(start, start + 2 * COMMON)) for key, start in (("a", 0), ("b", COMMON))]


class Load:
    """A row: how many requests with which benchmark arguments, and what is loaded before it: once, or before each round (one load, or several). With `listeners`
    subscribers that read, its figure is for each message that one of them receives."""

    def __init__(self, name, goal, requests, arguments, once=None, each=None, reads=False, listeners=0):
        self.name, self.goal, self.requests, self.arguments = name, goal, requests, arguments
        self.once, self.each, self.reads, self.listeners = once, each, reads, listeners


ROWS = [
    Load("GET P1", 0.90, 300_000, "-c 50 -r 1000000 -d 16 -t get", once=FILL, reads=True),
    Load("GET P16", 0.75, 2_000_000, "-c 50 -P 16 -r 1000000 -d 16 -t get", once=FILL, reads=True),
    Load("GET P100", 0.50, 4_000_000, "-c 20 -P 100 -r 1000000 -d 16 -t get", once=FILL, reads=True),
    Load("SET P1", 0.92, 300_000, "-c 50 -r 1000000 -d 16 -t set", once=FILL),
    Load("SET P16", 0.62, 2_000_000, "-c 50 -P 16 -r 1000000 -d 16 -t set", once=FILL),
    Load("SET P100", 0.40, 4_000_000, "-c 20 -P 100 -r 1000000 -d 16 -t set", once=FILL),
    Load("SET new P16", 0.70, 1_000_000, "-c 50 -P 16 -r 1000000 -d 16 -t set --sequential", each=FLUSH),
    Load("INCR P16", 0.70, 2_000_000, "-c 50 -P 16 -r 1000000 -t incr", once="-t incr -r 1000000 -n 1000000 -P 100 -c 20 --sequential"),
    Load("SET EX P16", 0.65, 1_500_000, "-c 50 -P 16 -r 1000000 -- SET key:__rand_int__ v EX 100", once=FILL),
    Load("MGET10 P16", 0.60, 300_000, "-c 50 -P 16 -r 1000000 -- MGET" + " key:__rand_int__" * 10, once=FILL, reads=True),
    Load("MSET10 P16", 0.55, 300_000, "-c 50 -P 16 -r 1000000 -d 16 -t mset", once=FILL),
    Load("GET 1K P16", 0.80, 800_000, "-c 50 -P 16 -r 100000 -d 1024 -t get", once=FILL_1K, reads=True),
    Load("LPUSH P16", 0.80, 1_500_000, "-c 50 -P 16 -t lpush"),
    Load("RPOP P16", 0.75, 1_500_000, "-c 50 -P 16 -t rpop", each="-t lpush -n 1500000 -P 100 -c 20"),
    Load("SADD P16", 0.65, 2_000_000, "-c 50 -P 16 -r 1000000 -t sadd", once="-t sadd -r 1000000 -n 1000000 -P 100 -c 20 --sequential"),
    Load("HSET P16", 0.65, 2_000_000, "-c 50 -P 16 -r 1000000 -t hset", once="-t hset -r 1000000 -n 1000000 -P 100 -c 20 --sequential"),
    Load("ZADD P16", 0.40, 1_000_000, "-c 50 -P 16 -r 1000000 -t zadd", once="-t zadd -r 1000000 -n 1000000 -P 100 -c 20"),
    Load("ZPOPMIN P16", 0.60, 500_000, "-c 50 -P 16 -t zpopmin", each="-t zadd -r 1000000 -n 1000000 -P 100 -c 20"),
    Load("LRANGE100", 0.60, 100_000, "-c 50 -P 4 -t lrange_100"),
    Load("LRANGE600", 0.50, 30_000, "-c 50 -P 4 -t lrange_600"),
    Load("XADD MAXLEN P16", 0.65, 1_500_000, "-c 50 -P 16 -- XADD s MAXLEN ~ 100000 * field value"),
    # Half of the requests are the one, half the other; entries are acknowledged in the order in which they are handed out.
    Load("XREADGROUP XACK P16", 0.80, 400_000,
         "-c 50 -P 16 -r 400000 --sequential -- XREADGROUP GROUP g c COUNT 1 STREAMS s > ; XACK s g __rand_int__-1",
         each=(FLUSH, "-c 1 -P 100 -r 400000 -n 400000 --sequential -- XADD s __rand_int__-1 field value", "-c 1 -n 1 -- XGROUP CREATE s g 0")),
    Load("SETBIT P16", 0.70, 1_000_000, "-c 50 -P 16 -r 1000000 -- SETBIT bits:__rand_int__ 100 1",
         each="-n 1000000 -r 1000000 -P 100 -c 20 --sequential -- SETBIT bits:__rand_int__ 100 0"),
    Load("EVAL INCR P16", 0.65, 500_000, "-c 50 -P 16 -r 100000 -- EVAL \"return redis.call('INCR', KEYS[1])\" 1 counter:__rand_int__",
         once="-n 100000 -r 100000 -P 100 -c 20 --sequential -- SET counter:__rand_int__ 1"),
    Load("PFADD P16", 0.80, 1_000_000, "-c 50 -P 16 -r 10000 -- PFADD hll:__rand_int__ __rand_int__",
         once="-n 1000000 -r 10000 -P 100 -c 20 -- PFADD hll:__rand_int__ __rand_int__"),
    Load("GEOSEARCH", 0.70, 100_000, "-c 50 -- GEOSEARCH places FROMLONLAT 10.5 45.5 BYRADIUS 3.7 km COUNT 50", once=points),
    Load("SORT 10000", 0.60, 3_000, "-c 10 -- SORT numbers", once=numbers),
    Load("ZRANGE score P16", 0.60, 300_000, "-c 50 -P 16 -r 100000 -- ZRANGE zz __rand_int__ +inf BYSCORE LIMIT 0 10",
         once="-n 1 -c 1 -- ZADD zz " + " ".join(f"{i} m{i}" for i in range(0, 100000, 100))),
    Load("SINTER 10000", 0.60, 3_000, "-c 10 -- SINTER a b", once=lambda: overlapping("SADD", "member:{0}")),
    Load("ZUNIONSTORE 10000", 0.50, 1_500, "-c 10 -- ZUNIONSTORE union 2 a b", once=lambda: overlapping("ZADD", "{0} member:{0}")),
    Load("PUBLISH P16", 0.90, 1_500_000, "-c 50 -P 16 -- PUBLISH ch hello"),
    Load("PUBLISH to 100 P1", 0.80, 20_000, f"-c 50 -- PUBLISH {CHANNEL} {MESSAGE}", listeners=100),
    Load("PUBLISH to 100 P16", 0.80, 60_000, f"-c 50 -P 16 -- PUBLISH {CHANNEL} {MESSAGE}", listeners=100),
]
# Rows without a goal, measured when asked for by --only.
EXTRA_ROWS = [
    Load("GET miss P100", None, 4_000_000, "-c 20 -P 100 -r 1000000 -d 16 -t get"),
    Load("SET 1K P16", None, 800_000, "-c 50 -P 16 -r 100000 -d 1024 -t set", once=FILL_1K),
    Load("PING P16", None, 2_000_000, "-c 50 -P 16 -t ping_mbulk"),
    Load("HGETALL50 P16", 0.60, 200_000, "-c 50 -P 16 -- HGETALL h50",
         once="-n 1 -c 1 -- HSET h50 " + " ".join(f"field:{i} value:{i}" for i in range(50))),
]


def benchmark(server, arguments, requests=None):
    """Runs the load generator on the other core; returns what it printed, or raises if it met an error."""
    words = shlex.split(arguments)
    options, command = (words[:words.index("--")], words[words.index("--") + 1:]) if "--" in words else (words, [])
    count = ["-n", str(requests)] if requests else []
    done = subprocess.run(["taskset", "-c", str(LOAD_CORE), peer("valkey-benchmark"), "-p", str(server.port), "-q", *count, *options, *command],
                          capture_output=True, text=True)
    if done.returncode or "rror" in done.stderr + done.stdout:
        raise RuntimeError((done.stdout[-200:] + done.stderr[-200:]).strip().replace("\n", " ") or f"left with {done.returncode}")
    return done.stdout


def prepare(client, server, load, is_first):
    if is_first:
        client.must("FLUSHALL", "SYNC")
    if is_first and load.once:
        once = load.once() if callable(load.once) else load.once
        for arguments in once if isinstance(once, list) else [once]:
            benchmark(server, arguments)
    for each in load.each if isinstance(load.each, tuple) else (load.each,):
        if each == FLUSH:
            client.must("FLUSHALL", "SYNC")
        elif each:
            benchmark(server, each)


def check_work(client, server, load, requests, spent):
    """Raises unless the server spent time on it and ran as many commands as were sent: a figure without work says nothing."""
    if spent <= 0:
        raise RuntimeError(f"the scheduler's account of {server.name} stood still: the row would measure nothing")
    ran = int(client.info("stats", "total_commands_processed"))
    if ran < requests:
        raise RuntimeError(f"{ran} commands ran of {requests} that were sent: the row would measure nothing")


def measure_once(client, server, load, requests):
    """CPU ns per request of one run, or per delivery where there are listeners."""
    client.must("CONFIG", "RESETSTAT")
    if load.listeners:
        with Listeners(server.port, load.listeners) as listeners:
            before = server.cpu_ns()
            benchmark(server, load.arguments, requests)
            listeners.wait_for(requests * load.listeners)
            return (server.cpu_ns() - before) / (requests * load.listeners)
    before = server.cpu_ns()
    benchmark(server, load.arguments, requests)
    spent = server.cpu_ns() - before
    check_work(client, server, load, requests, spent)
    if load.reads:
        hits, misses = (int(client.info("stats", f"keyspace_{kind}")) for kind in ("hits", "misses"))
        if hits < HIT_RATE_MIN * (hits + misses):
            raise RuntimeError(f"{hits} hits, {misses} misses: the row would measure nothing")
    return spent / requests


def run(servers, only, rounds, scale, report):
    """Measures every chosen row on every server (all running already); returns the rows."""
    clients = {server.name: server.client(timeout=600.0) for server in servers}
    chosen = [load for load in ROWS if re.search(only, load.name)]
    if only != ".":
        chosen += [load for load in EXTRA_ROWS if re.search(only, load.name)]
    rows = []
    for load in chosen:
        row = Row("speed", load.name, "CPU ns/delivery" if load.listeners else "CPU ns/request", load.goal, against="peers")
        requests = max(1000, int(load.requests * scale))
        failed = set()
        for turn in range(rounds):
            # Each round begins with another server, so that no one always follows the same neighbour.
            for server in servers[turn % len(servers):] + servers[:turn % len(servers)]:
                if server.name in failed:
                    continue
                try:
                    prepare(clients[server.name], server, load, turn == 0)
                    row.add(server.name, measure_once(clients[server.name], server, load, requests))
                except RuntimeError as fault:
                    failed.add(server.name)
                    row.fault(f"{server.name}: {fault}")
        rows.append(row)
        report(row)
    return rows
