"""How late a key expires that nobody touches, and whether keys of one second pile up when they are written at full speed.

Lateness is taken at a subscriber of `expired` events, from each key's own deadline in wall time; keys that live for an hour stand by in growing
numbers, because a server that looks for due keys by sampling finds them the later the more others there are.
"""
import random
import re
import subprocess
import time

from servers import LOAD_CORE, Client, Server, encode, peer
from .memory import chunks
from .row import Row

BACKGROUNDS = (0, 10_000, 100_000, 1_000_000)
PROBES, SPREAD_SECONDS, LEAD_SECONDS = 1000, 5.0, 1.0
WAIT_SECONDS, QUICK_WAIT_SECONDS = 30, 5  # after the last deadline, for events that are late
FLOOD_SECONDS = 60
EVENTS = b"__keyevent@0__:expired"


def lateness(name, start, port, background, wait_seconds):
    """Milliseconds by which each probe key's event came late, in order; those that never came are None at the end."""
    with Server(name, start, port, "--notify-keyspace-events", "Ex") as server:
        client = server.client()
        client.feed(chunks(lambda i: encode("SET", "background:%d" % i, "x", "EX", 3600), 1, background))
        listener = Client(port)
        listener.call("SUBSCRIBE", EVENTS)
        dice = random.Random(1)
        begin_ms = time.time() * 1000 + LEAD_SECONDS * 1000
        due = {b"probe:%d" % i: int(begin_ms + dice.random() * SPREAD_SECONDS * 1000) for i in range(PROBES)}
        client.feed([(b"".join(encode("SET", key, "v", "PXAT", at) for key, at in due.items()), PROBES)])
        late = receive(listener, due, time.time() + LEAD_SECONDS + SPREAD_SECONDS + wait_seconds)
        return sorted(late) + [None] * (PROBES - len(late))


def receive(listener, due, until):
    """Reads events until all probes were seen or the time is over."""
    late, rest = [], b""
    listener.socket.settimeout(0.2)
    while len(late) < len(due) and time.time() < until:
        try:
            data = listener.socket.recv(1 << 16)
        except TimeoutError:
            continue
        now_ms = time.time() * 1000
        *lines, rest = (rest + data).split(b"\r\n")
        late += [now_ms - due[line] for line in lines if line in due]
    return late


def probe(commands, only, port, quick, report):
    rows = []
    for background in BACKGROUNDS:
        title = f"expiry: p99 lateness beside {background} keys with a TTL"
        if not re.search(only, title):
            continue
        wait_seconds = QUICK_WAIT_SECONDS if quick else WAIT_SECONDS
        row = Row("expiry", title, "ms", 2.0, ceiling=wait_seconds * 1000)
        middle = Row("expiry", title.replace("p99", "median"), "ms", ceiling=wait_seconds * 1000)
        for name, start in commands.items():
            late = lateness(name, start, port, background, wait_seconds)
            for place, share in ((row, 0.99), (middle, 0.5)):
                at = late[int(PROBES * share)]
                place.add(name, place.ceiling if at is None else at)
            if None in late:
                row.fault(f"{name}: {late.count(None)} of {PROBES} events had not come {wait_seconds} s after the last deadline")
        rows += [middle, row]
        report(middle)
        report(row)
    return rows


def flood(commands, only, port, quick, report):
    """The largest DBSIZE while keys that live one second are written at full speed, over the keys written in a second."""
    row = Row("expiry", f"expiry: DBSIZE / rate, SET EX 1 at full speed for {FLOOD_SECONDS} s", "ratio", 1.5)
    if not re.search(only, row.name):
        return []
    seconds = 8 if quick else FLOOD_SECONDS
    for name, start in commands.items():
        with Server(name, start, port) as server:
            client = server.client()
            load = subprocess.Popen(["taskset", "-c", str(LOAD_CORE), peer("valkey-benchmark"), "-p", str(port), "-q", "-c", "50", "-P", "16",
                                     "-r", "1000000000", "--duration", str(seconds), "--", "SET", "key:__rand_int__", "v", "EX", "1"],
                                    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            began, sizes = time.monotonic(), []
            done_before = int(client.info("stats", "total_commands_processed"))
            while load.poll() is None:
                time.sleep(0.25)
                sizes.append(client.must("DBSIZE"))
            spent = time.monotonic() - began
            rate = (int(client.info("stats", "total_commands_processed")) - done_before) / spent
            row.add(name, max(sizes) / rate)
    report(row)
    return [row]


def run(commands, only, port, quick, report):
    return probe(commands, only, port, quick, report) + flood(commands, only, port, quick, report)
