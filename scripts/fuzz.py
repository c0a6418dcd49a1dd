#!/usr/bin/env python3
"""Sends the server what nobody should send and checks that it answers, refuses or closes, and lives (`make fuzz`).

usage: scripts/fuzz.py [--subjects protocol,payloads,dumps] [--seed N] [--seconds N] [--server PATH] [--port N]

`protocol`: mutated pipelines, cut into random pieces. `payloads`: RESTORE of mutated DUMP payloads, most with a true checksum; what was restored
is read and edited. `dumps`: starts with mutated RDB files, and `gyre-check-rdb` on them. A witness connection checks after each case that the
server answers and has kept its data. Cases follow from the seed alone; one that fails is written to a file whose name is printed.
"""
import argparse
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from servers import Client, Error, Server, encode, gyre_server

SUBJECTS = ("protocol", "payloads", "dumps")
START_SECONDS_MAX = 10
REPLY_SECONDS = 0.02
WITNESS = ("witness", "untouched")

# Values of every type and encoding, each as the commands that make it; {key} stands for its key.
VALUES = [
    [("SET", "{key}", "12345")], [("SET", "{key}", "short")], [("SET", "{key}", "long text " * 40)], [("SET", "{key}", bytes(range(256)))],
    [("RPUSH", "{key}", *map(str, range(20)), "text", "x" * 70)], [("RPUSH", "{key}", *("element %d" % i for i in range(3000)))],
    [("RPUSH", "{key}", "small", "L" * 20000, "small")],
    [("SADD", "{key}", *map(str, range(30)))], [("SADD", "{key}", "70000", "-5", "5000000000")], [("SADD", "{key}", "a", "b", "c", "1")],
    [("SADD", "{key}", *("member %d" % i for i in range(400)))],
    [("HSET", "{key}", "f", "v", "g", "12", "h", "-1")], [("HSET", "{key}", *(w for i in range(600) for w in ("f%d" % i, "v%d" % i)))],
    [("ZADD", "{key}", "1", "a", "2.5", "b", "-inf", "c", "1e300", "d")], [("ZADD", "{key}", *(w for i in range(300) for w in (str(i * 0.5), "m%d" % i)))],
    [("XADD", "{key}", "%d-1" % i, "field", "value", "n", str(i)) for i in range(1, 300)],
    [*(("XADD", "{key}", "%d-1" % i, "f", str(i)) for i in range(1, 30)), ("XGROUP", "CREATE", "{key}", "g", "0"), ("XGROUP", "CREATE", "{key}", "h", "5"),
     ("XREADGROUP", "GROUP", "g", "a", "COUNT", "9", "STREAMS", "{key}", ">"), ("XREADGROUP", "GROUP", "g", "b", "STREAMS", "{key}", ">")],
]
# What is done with a value of a type after a mutated payload was taken for one: every encoding is walked, grown and cut.
EDITS = {
    b"string": [("GET", "k"), ("STRLEN", "k"), ("GETRANGE", "k", "0", "-1"), ("APPEND", "k", "x"), ("SETRANGE", "k", "3", "yy"), ("INCR", "k")],
    b"list": [("LRANGE", "k", "0", "-1"), ("LINDEX", "k", "-1"), ("LPOS", "k", "text"), ("LREM", "k", "0", "text"), ("LINSERT", "k", "BEFORE", "x", "y"),
              ("LSET", "k", "0", "z" * 100), ("RPUSH", "k", "1", "b"), ("LTRIM", "k", "1", "-2"), ("LPOP", "k", "3")],
    b"set": [("SMEMBERS", "k"), ("SRANDMEMBER", "k", "-5"), ("SSCAN", "k", "0"), ("SADD", "k", "new", "77"), ("SREM", "k", "a", "5"), ("SPOP", "k", "2")],
    b"hash": [("HGETALL", "k"), ("HSCAN", "k", "0"), ("HRANDFIELD", "k", "-5", "WITHVALUES"), ("HSET", "k", "f", "w", "new", "1"), ("HDEL", "k", "g"),
              ("HINCRBY", "k", "n", "1")],
    b"zset": [("ZRANGE", "k", "0", "-1", "WITHSCORES"), ("ZRANGEBYSCORE", "k", "-inf", "+inf"), ("ZRANK", "k", "a"), ("ZADD", "k", "3", "new"),
              ("ZINCRBY", "k", "1", "a"), ("ZREM", "k", "b"), ("ZPOPMIN", "k", "2"), ("ZREMRANGEBYRANK", "k", "0", "1")],
    b"stream": [("XRANGE", "k", "-", "+"), ("XREVRANGE", "k", "+", "-", "COUNT", "5"), ("XLEN", "k"), ("XADD", "k", "*", "f", "v"), ("XDEL", "k", "5-1"),
                ("XTRIM", "k", "MAXLEN", "3"), ("XINFO", "STREAM", "k", "FULL"), ("XREADGROUP", "GROUP", "g", "c", "STREAMS", "k", ">"), ("XACK", "k", "g", "1-1", "3-1"),
                ("XAUTOCLAIM", "k", "g", "d", "0", "0"), ("XPENDING", "k", "g"), ("XGROUP", "DELCONSUMER", "k", "g", "a"), ("XGROUP", "DESTROY", "k", "g")],
}
AFTER_ALL = [("OBJECT", "ENCODING", "k"), ("DEBUG", "DIGEST-VALUE", "k"), ("MEMORY", "USAGE", "k", "SAMPLES", "0"), ("COPY", "k", "k2", "REPLACE"), ("DUMP", "k")]
PIPELINES = [
    encode("SET", "a", "1") + encode("GET", "a") + encode("MGET", "a", "b"), b"PING\r\nSET x 'a b' \r\nGET x\r\n", encode("LPUSH", "l", "1", "2") + encode("BLPOP", "l", "0.01"),
    encode("MULTI") + encode("INCR", "n") + encode("EXEC"), encode("HELLO", "3") + encode("HGETALL", "h"), encode("SUBSCRIBE", "c") + encode("UNSUBSCRIBE"),
    encode("ZADD", "z", "1", "a", "2", "b") + encode("ZRANGE", "z", "0", "-1", "WITHSCORES"), encode("SCAN", "0", "MATCH", "*", "COUNT", "10"),
    encode("SETRANGE", "s", "10", "xyz") + encode("GETRANGE", "s", "0", "-1"), encode("CLIENT", "LIST") + encode("COMMAND", "DOCS", "get"),
    encode("XADD", "x", "*", "f", "v") + encode("XRANGE", "x", "-", "+"), encode("HSET", "h", "f", "v") + encode("HSCAN", "h", "0"), encode("WATCH", "a") + encode("EXEC"),
    encode("SORT", "l") + encode("OBJECT", "ENCODING", "l"), encode("EXPIRE", "a", "100") + encode("TTL", "a"), encode("INFO", "everything"), b"*-1\r\n*0\r\n\r\n" + encode("PING"),
]
NUMBERS = [b"-1", b"0", b"1", b"255", b"65536", b"2147483647", b"2147483648", b"4294967295", b"9223372036854775807", b"-9223372036854775808", b"99999999999999999999", b"nan"]


def crc64_table():
    table = []
    for byte in range(256):
        value = byte
        for _ in range(8):
            value = value >> 1 ^ (0x95AC9329AC4BC9B5 if value & 1 else 0)
        table.append(value)
    return table


CRC64 = crc64_table()


def crc64(data):
    """CRC-64 of Jones, reflected, as dumps and payloads end with it."""
    value = 0
    for byte in data:
        value = CRC64[(value ^ byte) & 0xFF] ^ value >> 8
    return value


def mutate(dice, data, times):
    """Bytes flipped, set to edge values, cut out, doubled or moved."""
    data = bytearray(data)
    for _ in range(times):
        at = dice.randrange(len(data) + 1)
        length = dice.choice((1, 1, 1, 2, 4, 8, 30))
        match dice.randrange(8):
            case 0 | 1 if at < len(data):
                data[at] ^= 1 << dice.randrange(8)
            case 2 if at < len(data):
                data[at] = dice.choice((0, 1, 0x3F, 0x40, 0x7F, 0x80, 0xC0, 0xC3, 0xFA, 0xFE, 0xFF))
            case 3:
                del data[at:at + length]
            case 4:
                data[at:at] = data[at:at + length]
            case 5:
                data[at:at] = bytes(dice.randrange(256) for _ in range(length))
            case 6:
                data[at:at + length] = dice.choice((b"\x00" * length, b"\xff" * length, (1 << 31).to_bytes(4, "little"), (1 << 63).to_bytes(8, "big")))
            case 7:
                data[at:at + length] = dice.choice(NUMBERS)
    return bytes(data)


class Fault(Exception):
    """The server died, hung or lost something."""


class Target:
    """A server with a witness."""

    def __init__(self, given):
        self.server = Server("gyre", gyre_server(given.server), given.port, "--enable-debug-command", "yes", "--proto-max-bulk-len", "32mb", core=None)
        self.witness = self.server.client(timeout=10.0)
        self.witness.must("SET", *WITNESS)

    def check(self):
        try:
            kept = self.witness.call("GET", WITNESS[0])
        except (OSError, ConnectionError) as problem:
            code = self.server.process.poll()
            raise Fault(f"the server does not answer any more ({problem}; exit {code}):\n{self.server.log_tail()}") from problem
        if kept != WITNESS[1].encode():
            raise Fault(f"the witness key holds {kept!r}")

    def end(self):
        self.server.__exit__()


def make_pipeline(dice):
    if dice.random() < 0.05:
        return bytes(dice.randrange(256) for _ in range(dice.randint(1, 500)))
    return mutate(dice, b"".join(dice.choice(PIPELINES) for _ in range(dice.randint(1, 4))), dice.choice((1, 2, 5, 20)))


def send_pipeline(dice, target, sent):
    with socket.create_connection(("127.0.0.1", target.server.port), timeout=5) as client:
        client.settimeout(REPLY_SECONDS)
        at = 0
        try:
            while at < len(sent):
                size = dice.choice((1, 7, 50, 10_000))
                client.sendall(sent[at:at + size])
                at += size
            while client.recv(1 << 16):
                pass
        except OSError:
            pass


def with_checksum(body):
    return body + crc64(body).to_bytes(8, "little")


def make_payload(dice, payloads):
    payload = dice.choice(payloads)
    body, version = mutate(dice, payload[:-10], dice.choice((1, 1, 2, 4, 10))), payload[-10:-8]
    return with_checksum(body + version) if dice.random() < 0.95 else body + payload[-10:]


def send_payload(target, sent):
    """Restores a payload and, if it was taken for a value, reads and edits it."""
    client = target.witness
    if isinstance(client.call("RESTORE", "k", "0", sent, "REPLACE"), Error):
        return
    for command in EDITS.get(client.call("TYPE", "k"), []) + AFTER_ALL:
        client.call(*command)
    client.call("DEL", "k", "k2")


def make_dump(dice, dump):
    body = mutate(dice, dump[:-8], dice.choice((1, 1, 2, 5)))
    return with_checksum(body) if dice.random() < 0.9 else body + dump[-8:]


def load_dump(given, folder, content):
    """Checks and loads a dump: both end as they should, or the server serves."""
    path = Path(folder) / "dump.rdb"
    path.write_bytes(content)
    checked = subprocess.run(["gyre-check-rdb", str(path)], executable=gyre_server(given.server), capture_output=True, timeout=60)
    if checked.returncode not in (0, 1):
        raise Fault(f"--check-rdb ended with {checked.returncode}: {checked.stderr[-300:]!r}")
    log = Path(folder) / "log"
    with open(log, "wb") as out:
        process = subprocess.Popen([gyre_server(given.server), "--port", str(given.port + 1), "--dir", folder, "--save", ""], stdout=out, stderr=out)
    try:
        began = time.monotonic()
        while process.poll() is None:
            try:
                client = Client(given.port + 1, timeout=5)
                size = client.call("DBSIZE")
                if not isinstance(size, Error):
                    client.call("DEBUG", "DIGEST")
                    client.call("SAVE")
                    process.send_signal(signal.SIGTERM)
                    process.wait(START_SECONDS_MAX)
                client.close()
            except (OSError, ConnectionError):
                pass
            if time.monotonic() - began > START_SECONDS_MAX:
                raise Fault("the server neither serves nor ends")
            time.sleep(0.01)
        if process.returncode not in (0, 1):
            raise Fault(f"the server ended with {process.returncode}: {log.read_text(errors='replace')[-500:]}")
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def make_values(client):
    """Makes a key of every kind; gives back their payloads."""
    payloads = []
    for number, commands in enumerate(VALUES):
        key = f"value:{number}"
        for command in commands:
            client.must(*(word.replace("{key}", key) if isinstance(word, str) else word for word in command))
        payloads.append(client.must("DUMP", key))
    return payloads


def run(subject, given, until):
    """Cases of one subject until the time is over; gives back how many."""
    target = Target(given)
    count = 0
    try:
        payloads = make_values(target.witness) if subject != "protocol" else []
        target.witness.must("SAVE")
        dump = (Path(target.server.folder) / "dump.rdb").read_bytes()
        with tempfile.TemporaryDirectory() as folder:
            while time.monotonic() < until:
                dice = random.Random(f"{subject} {given.seed} {count}")
                make = {"protocol": make_pipeline, "payloads": lambda d: make_payload(d, payloads), "dumps": lambda d: make_dump(d, dump)}[subject]
                case = make(dice)
                try:
                    if subject == "protocol":
                        send_pipeline(dice, target, case)
                    elif subject == "payloads":
                        send_payload(target, case)
                    else:
                        load_dump(given, folder, case)
                    target.check()
                except (Fault, OSError, ConnectionError, subprocess.TimeoutExpired) as problem:
                    name = Path(tempfile.gettempdir()) / f"gyre-fuzz-{subject}-{given.seed}-{count}"
                    name.write_bytes(case)
                    raise SystemExit(f"{subject}, seed {given.seed}, case {count}: {problem}\nits input is in {name}\n{target.server.log_tail()}") from problem
                count += 1
    finally:
        target.end()
    return count


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--subjects", default=",".join(SUBJECTS))
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--seconds", type=float, default=60.0, help="a subject")
    options.add_argument("--server", help="our binary (default: target/release/gyre-server)")
    options.add_argument("--port", type=int, default=7850, help="the first of two ports")
    given = options.parse_args()
    os.environ.setdefault("RUST_BACKTRACE", "1")
    for subject in given.subjects.split(","):
        count = run(subject, given, time.monotonic() + given.seconds)
        print(f"fuzz: {subject}: {count} cases with seed {given.seed}, the server lives and has kept its data", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
