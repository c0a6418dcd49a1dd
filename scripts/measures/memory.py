"""Resident bytes per element, memory after overwriting, and what an idle connection costs.

Each figure comes from a server of its own, started for it. Elements are counted in three sizes, of which the worst counts: a table that doubles
looks lean at one size and is half empty at the next.
"""
import random
import re
import resource
import time

from servers import Client, Server, encode
from .row import Row

ELEMENT_COUNTS = (950_000, 1_000_000, 1_300_000)
CHUNK = 1000  # commands a write
SETTLE_SECONDS = 0.5  # for pages that the allocator gives back a little later
OVERWRITE_KEYS, OVERWRITE_ROUNDS, OVERWRITE_VALUE_MAX = 200_000, 10, 1000
IDLE_CONNECTIONS = 10_000
TEN = range(10)


def scattered(i):
    return (i * 2654435761) & 0xFFFFFFFF


def big_hash(i):
    return encode("HSET", "bigh", *(w for j in TEN for w in ("f%09d" % (i + j), "v%09d" % (i + j))))


# Data sets: name, goal in resident bytes per element, elements a command, the command that adds elements i.., and perhaps one that came before.
DATA_SETS = [
    ("string 16 B", 58, 1, lambda i: encode("SET", "key:%012d" % i, "v%015d" % i)),
    ("string 16 B with TTL", 82, 1, lambda i: encode("SET", "key:%012d" % i, "v%015d" % i, "EX", 10000 + scattered(i) % 100000)),
    ("member of a big sorted set", 56, 10, lambda i: encode("ZADD", "bigz", *(w for j in TEN for w in (scattered(i + j), "m%09d" % (i + j))))),
    ("field of a big hash", 46, 10, big_hash),
    ("member of a big set", 30, 10, lambda i: encode("SADD", "bigs", *("m%09d" % (i + j) for j in TEN))),
    ("stream entry of two fields", 13.5, 1, lambda i: encode("XADD", "readings", "*", "temperature", scattered(i) % 100, "humidity", scattered(i + 1) % 100)),
    ("a hash field's TTL", 24, 10, lambda i: encode("HEXPIRE", "bigh", 10000 + scattered(i) % 100000, "FIELDS", 10, *("f%09d" % (i + j) for j in TEN)), big_hash),
    ("small hash of 5 fields", None, 1,
     lambda i: encode("HSET", "user:%09d" % i, *(w for j in range(5) for w in ("field%d" % j, "value%07d" % (scattered(i * 5 + j) % 10**7))))),
    ("set of 10 integers", None, 1, lambda i: encode("SADD", "s:%08d" % i, *(scattered(i * 10 + j) % 100000 for j in TEN))),
    ("element of a big list", None, 10, lambda i: encode("RPUSH", "bigl", *("e%09d" % (i + j) for j in TEN))),
    ("string of an integer", None, 1, lambda i: encode("SET", "key:%012d" % i, i * 1000)),
    ("string 100 B", None, 1, lambda i: encode("SET", "key:%012d" % i, ("v%015d" % i) + "x" * 84)),
]


def chunks(command, elements_a_command, count):
    """The commands that add `count` elements, as (bytes, commands) chunks of one write each."""
    commands = range(0, count, elements_a_command)
    for begin in range(0, len(commands), CHUNK):
        part = commands[begin:begin + CHUNK]
        yield b"".join(command(i) for i in part), len(part)


def bytes_per_element(name, command, port, before, data, count):
    with Server(name, command, port) as server:
        client = server.client()
        client.feed(before)
        if before:
            time.sleep(SETTLE_SECONDS)
        empty = server.resident_bytes()
        client.feed(data)
        time.sleep(SETTLE_SECONDS)
        return (server.resident_bytes() - empty) / count


def resident(commands, only, port, quick, report):
    rows = []
    for title, goal, step, command, *before in DATA_SETS:
        name = f"memory: {title}"
        if not re.search(only, name) or (goal is None and only == "."):
            continue
        worst = {}
        for count in ELEMENT_COUNTS[1:2] if quick else ELEMENT_COUNTS:
            data = list(chunks(command, step, count))
            earlier = [chunk for command in before for chunk in chunks(command, step, count)]
            for server, start in commands.items():
                measured = bytes_per_element(server, start, port, earlier, data, count)
                worst[server] = max(worst.get(server, 0.0), measured)
        row = Row("memory", name, "resident B, worst of three sizes", goal)
        for server, measured in worst.items():
            row.add(server, measured)
        rows.append(row)
        report(row)
    return rows


def overwriting(commands, only, port, quick, report):
    """RSS over used_memory after ten rounds in which every key gets a value of another random size."""
    row = Row("memory", "memory: RSS / used after ten rounds of random sizes", "ratio", 1.3)
    if not re.search(only, row.name):
        return []
    keys = OVERWRITE_KEYS // (5 if quick else 1)
    blank = b"x" * OVERWRITE_VALUE_MAX
    for name, start in commands.items():
        dice = random.Random(1)
        with Server(name, start, port) as server:
            client = server.client()
            for _ in range(OVERWRITE_ROUNDS):
                client.feed(chunks(lambda i: encode("SET", "key:%012d" % i, blank[:dice.randint(1, OVERWRITE_VALUE_MAX)]), 1, keys))
            time.sleep(SETTLE_SECONDS)
            row.add(name, server.resident_bytes() / int(client.info("memory", "used_memory")))
    report(row)
    return [row]


def idle_connections(commands, only, port, quick, report):
    """What a connection that has sent one PING and waits keeps resident."""
    row = Row("memory", "memory: an idle connection", "resident B", 1024)
    if not re.search(only, row.name):
        return []
    count = IDLE_CONNECTIONS // (10 if quick else 1)
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(count + 200, 1024), max(most, count + 200)))
    except (ValueError, OSError):
        row.fault(f"file limit {most} is too low for {count} connections")
        report(row)
        return [row]
    for name, start in commands.items():
        with Server(name, start, port, "--maxclients", count + 100) as server:
            server.client().must("PING")
            time.sleep(SETTLE_SECONDS)
            empty = server.resident_bytes()
            clients = []
            for _ in range(count):
                clients.append(Client(port))
                clients[-1].must("PING")
            time.sleep(SETTLE_SECONDS)
            row.add(name, (server.resident_bytes() - empty) / count)
            for client in clients:
                client.close()
    report(row)
    return [row]


def run(commands, only, port, quick, report):
    rows = []
    for part in (resident, overwriting, idle_connections):
        rows += part(commands, only, port, quick, report)
    return rows
