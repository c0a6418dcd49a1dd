#!/usr/bin/env python3
"""Kills the server in the middle of its work, again and again, and asks the next one for what clients were told (`make kill9`).

usage: scripts/kill9.py [--rounds N] [--policies always,everysec,no] [--seed N] [--round N] [--spoil] [--server PATH] [--port N]

A round starts a server in a fresh folder. Some clients send it pipelines, each to keys of its own, and keep a model of what their commands did.
After a random time, while the file is being rewritten, while a dump is written, or while neither is, the process gets SIGKILL. Another one starts
on the files, and each client's keys must be as they were after one of its commands: no earlier one than the last that was answered, no later one
than the last that was sent, and a transaction is one command. No other key may be there, and the dump must be whole. That is done several times
in one folder.

Under `always` no answered command may be missing. Under `everysec` and `no` the file has a command before it is answered, too, but while a sync
goes on, for which what came meanwhile waits in the process, two seconds at most: answers that came in the last seconds may be lost then, and are
counted. Commands and moments follow from the seed; a round that fails keeps its folder, and the line that repeats it is printed. `--spoil` cuts
commands off the file behind the server's back: then the round has to fail.
"""
import argparse
import random
import selectors
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections import deque
from pathlib import Path

from servers import Client, Error, Server, encode, gyre_server

POLICIES = ("always", "everysec", "no")
LIVES = 3
CLIENTS = 4
LIFE_SECONDS = (0.02, 0.35)
# One life of so many lasts longer than the second after which `everysec` syncs, and the two for which bytes may wait.
LONG_LIFE_EVERY, LONG_LIFE_SECONDS = 12, (2.5, 3.5)
# Behind that, an answer is not lost whatever the policy: what waits for a sync waits so long at most, and a little for a busy machine.
HELD_BACK_SECONDS = 2.5
PIPELINES = (1, 5, 20, 60)
PORTS = 10
# A child takes its time, so that the end comes while it is at work.
CHILD_ARGUMENTS = ("--rdb-key-save-delay", "400")


class Fault(Exception):
    """A promise that was not kept."""


def apply(state, words):
    """What a command does to the keys of a client: a dict of bytes, lists, dicts and sets."""
    name, key, *rest = words
    if name == "SET":
        state[key] = rest[0]
    elif name == "APPEND":
        state[key] = state.get(key, b"") + rest[0]
    elif name == "INCR":
        state[key] = b"%d" % (int(state.get(key, b"0")) + 1)
    elif name == "RPUSH":
        state[key] = state.get(key, []) + rest
    elif name == "LPOP":
        state[key] = state.get(key, [])[1:]
    elif name == "HSET":
        state[key] = {**state.get(key, {}), rest[0]: rest[1]}
    elif name == "SADD":
        state[key] = state.get(key, set()) | set(rest)
    elif name == "SREM":
        state[key] = state.get(key, set()) - set(rest)
    else:
        assert name == "DEL", name
        state.pop(key, None)
    if not state.get(key, b"-") and name != "SET":
        del state[key]


class Unit:
    """What is done as a whole or not at all: a command, or a transaction of some."""

    def __init__(self, commands):
        self.commands = commands
        framed = [("MULTI",), *commands, ("EXEC",)] if len(commands) > 1 else commands
        self.bytes, self.replies = b"".join(encode(*words) for words in framed), len(framed)
        self.answered_at = None

    def apply(self, state):
        for words in self.commands:
            apply(state, words)


def make_command(dice, client, number):
    key = lambda kind, count: b"c%d:%s%d" % (client, kind, dice.randrange(count))
    size = dice.choice((1, 10, 10, 100, 100, 1500, 20_000))
    value = (b"%d:%d," % (client, number)) * (size // 6 + 1)
    field = b"f%d" % dice.randrange(60)
    match dice.randrange(12):
        case 0 | 1 | 2:
            return "SET", key(b"text", 6), value
        case 3:
            return "APPEND", key(b"text", 6), b"+%d" % number
        case 4:
            return "INCR", key(b"count", 2)
        case 5 | 6:
            return "RPUSH", key(b"list", 2), value[:300], b"%d" % number
        case 7:
            return "LPOP", key(b"list", 2)
        case 8:
            return "HSET", key(b"hash", 2), field, value[:300]
        case 9:
            return "SADD", key(b"set", 2), field
        case 10:
            return "SREM", key(b"set", 2), field
        case _:
            return "DEL", key(dice.choice((b"text", b"list", b"hash")), 2)


def make_unit(dice, client, number):
    count = 1 if dice.random() < 0.85 else dice.randint(2, 4)
    return Unit([make_command(dice, client, number) for _ in range(count)])


def reply_end(data, at):
    """Where the reply at `at` ends; None if it is not all there."""
    line = data.find(b"\r\n", at)
    if line < 0:
        return None
    end, kind = line + 2, data[at:at + 1]
    if kind == b"$":
        length = int(data[at + 1:line])
        end += length + 2 if length >= 0 else 0
        return end if end <= len(data) else None
    if kind == b"*":
        for _ in range(int(data[at + 1:line])):
            end = reply_end(data, end)
            if end is None:
                return None
    return end


class Writer:
    """A client that sends pipelines, and knows of each unit whether it was sent and answered."""

    def __init__(self, number, dice):
        self.number, self.dice = number, dice
        self.state, self.sent_units, self.made = {}, deque(), 0
        self.socket = None

    def connect(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=5)
        self.socket.setblocking(False)
        self.unread, self.unsent, self.open_replies = b"", b"", deque()
        self.depth = self.dice.choice(PIPELINES)

    def make_more(self):
        """Keeps the pipeline full."""
        while len(self.open_replies) < self.depth:
            unit = make_unit(self.dice, self.number, self.made)
            self.made += 1
            self.unsent += unit.bytes
            self.sent_units.append(unit)
            self.open_replies.append([unit, unit.replies])

    def send(self):
        self.make_more()
        try:
            self.unsent = self.unsent[self.socket.send(self.unsent):]
        except BlockingIOError:
            pass

    def read(self):
        """Takes replies in; false when the connection has ended."""
        try:
            more = self.socket.recv(1 << 16)
        except BlockingIOError:
            return True
        except ConnectionError:
            return False
        if not more:
            return False
        self.unread += more
        at = 0
        while (end := reply_end(self.unread, at)) is not None:
            if self.unread[at:at + 1] == b"-":
                raise Fault(f"client {self.number} was refused: {self.unread[at:end]!r}")
            at = end
            first = self.open_replies[0]
            first[1] -= 1
            if first[1] == 0:
                first[0].answered_at = time.monotonic()
                self.open_replies.popleft()
        self.unread = self.unread[at:]
        return True

    def answered(self):
        return sum(unit.answered_at is not None for unit in self.sent_units)

    def settle(self, found, needed):
        """Finds the command after which the keys were as they are now, the `needed`th or a later one; gives back how many answered ones are missing."""
        state, reached, wrong = dict(self.state), None, set(found.keys() | self.state.keys())
        touched, at_needed = set(wrong), dict(self.state)
        for count, unit in enumerate([None, *self.sent_units]):
            if unit:
                unit.apply(state)
                touched = {words[1] for words in unit.commands}
            wrong = (wrong - touched) | {key for key in touched if state.get(key) != found.get(key)}
            if count == needed:
                at_needed = dict(state)
            if count >= needed and not wrong:
                reached, reached_state = count, dict(state)
        if reached is None:
            raise Fault(f"client {self.number}: {self.answered()} of {len(self.sent_units)} commands were answered in this life, and its keys are not as after any from the {needed}th on; "
                        f"then it was: {difference(at_needed, found)}")
        missing = max(self.answered() - reached, 0)
        self.state = reached_state
        self.sent_units.clear()
        return missing


def difference(expected, found):
    """The first keys that differ, told shortly."""
    keys = sorted(key for key in expected.keys() | found.keys() if expected.get(key) != found.get(key))
    return "; ".join(f"{key.decode()}: {str(expected.get(key))[-80:]} expected, {str(found.get(key))[-80:]} found" for key in keys[:3])


def start_again(server, port):
    server.port = port
    server.start()


def on_a_free_port(port, start):
    """Starts on that port or one of the next: somebody else may have taken it, or a child that was just forked may not have closed it yet."""
    for port in range(port, port + PORTS):
        try:
            return start(port)
        except SystemExit as failure:
            if "Address already in use" not in str(failure):
                raise
    raise SystemExit(f"no port below {port} is free")


class Round:
    def __init__(self, given, policy, number, folder):
        self.given, self.policy, self.folder = given, policy, folder
        self.dice = random.Random(f"kill9 {policy} {given.seed} {number}")
        self.writers = [Writer(client, random.Random(f"kill9 {policy} {given.seed} {number} {client}")) for client in range(CLIENTS)]
        self.is_long = number % LONG_LIFE_EVERY == LONG_LIFE_EVERY - 1
        self.commands = self.missing = self.lives_with_child = 0

    def arguments(self):
        growing = ("--auto-aof-rewrite-min-size", "64kb", "--auto-aof-rewrite-percentage", "30") if self.dice.random() < 0.3 else ()
        preamble = self.dice.choice(("yes", "yes", "no"))
        return ("--appendonly", "yes", "--appendfsync", self.policy, "--aof-use-rdb-preamble", preamble, *CHILD_ARGUMENTS, *growing)

    def run(self):
        arguments, port = self.arguments(), self.given.port
        make = lambda port: Server("gyre", gyre_server(self.given.server), port, *arguments, core=None, folder=self.folder)
        with on_a_free_port(port, make) as server:
            for life in range(LIVES):
                self.live(server, self.is_long and life == 0)
                ended = time.monotonic()
                server.end()
                if self.given.spoil:
                    spoil(self.folder)
                server.arguments = [str(word) for word in self.arguments()]
                on_a_free_port(server.port, lambda port: start_again(server, port))
                self.compare(server, ended)

    def live(self, server, is_long):
        """Writes until the moment comes."""
        began = time.monotonic()
        length = self.dice.uniform(*(LONG_LIFE_SECONDS if is_long else LIFE_SECONDS))
        child = self.dice.choice((None, ("BGREWRITEAOF",), ("BGSAVE",)))
        child_at = began + self.dice.uniform(0, length)
        operator = server.client(timeout=10.0)
        with selectors.DefaultSelector() as selector:
            for writer in self.writers:
                writer.connect(server.port)
                selector.register(writer.socket, selectors.EVENT_READ | selectors.EVENT_WRITE, writer)
            while time.monotonic() < began + length:
                if child and time.monotonic() >= child_at:
                    operator.send(encode(*child))
                    child = None
                    self.lives_with_child += 1
                for key, events in selector.select(0.01):
                    writer = key.data
                    if events & selectors.EVENT_READ and not writer.read():
                        raise Fault(f"the server closed the connection of client {writer.number}: {server.log_tail()}")
                    if events & selectors.EVENT_WRITE:
                        writer.send()
        if self.dice.random() < 0.5:
            # Answers that are on their way were given: they count.
            time.sleep(0.002)
            for writer in self.writers:
                writer.read()
        operator.close()

    def compare(self, server, ended):
        for writer in self.writers:
            # Whatever came before the end was answered.
            while writer.read():
                if not select_readable(writer.socket):
                    break
            writer.socket.close()
        client = server.client(timeout=30.0)
        found = read_all(client)
        for writer in self.writers:
            mine = {key: value for key, value in found.items() if key.startswith(b"c%d:" % writer.number)}
            needed = writer.answered() if self.policy == "always" else sum(unit.answered_at is not None and unit.answered_at < ended - HELD_BACK_SECONDS for unit in writer.sent_units)
            self.commands += writer.answered()
            self.missing += writer.settle(mine, needed)
        strangers = [key for key in found if not any(key.startswith(b"c%d:" % writer.number) for writer in self.writers)]
        if strangers:
            raise Fault(f"nobody sent these keys: {strangers[:5]}")
        client.close()
        self.check_dump()

    def check_dump(self):
        """A dump that is there is a whole one."""
        path = Path(self.folder, "dump.rdb")
        if path.exists():
            checked = subprocess.run(["gyre-check-rdb", str(path)], executable=gyre_server(self.given.server), capture_output=True, timeout=60)
            if checked.returncode != 0:
                raise Fault(f"the dump is not whole: {checked.stdout.decode(errors='replace')[-400:]}")


def spoil(folder):
    """Takes the younger half off the file that grows, command by command: nothing is torn, and nothing in the files tells of it."""
    grows = max(Path(folder, "appendonlydir").glob("*.incr.aof"), key=lambda path: int(path.name.split(".")[-3]))
    content = grows.read_bytes()
    grows.write_bytes(content[:max(content.rfind(b"\r\n*", 0, len(content) // 2), -2) + 2])


def select_readable(end):
    with selectors.DefaultSelector() as selector:
        selector.register(end, selectors.EVENT_READ)
        return bool(selector.select(0))


def read_all(client):
    """All keys and their values, as the models have them."""
    found = {}
    for key in client.must("KEYS", "*"):
        kind = client.must("TYPE", key)
        if kind == b"string":
            found[key] = client.must("GET", key)
        elif kind == b"list":
            found[key] = client.must("LRANGE", key, 0, -1)
        elif kind == b"set":
            found[key] = set(client.must("SMEMBERS", key))
        elif kind == b"hash":
            flat = client.must("HGETALL", key)
            found[key] = dict(zip(flat[::2], flat[1::2]))
        else:
            raise Fault(f"nobody made a {kind!r}: {key!r}")
    return found


def run_policy(given, policy):
    numbers = [given.round] if given.round is not None else range(given.rounds)
    commands = missing = rounds_with_missing = with_child = 0
    for number in numbers:
        folder = tempfile.mkdtemp(prefix=f"gyre-kill9-{policy}-{number}-")
        one = Round(given, policy, number, folder)
        try:
            one.run()
        except (Fault, OSError, SystemExit, subprocess.TimeoutExpired) as problem:
            if given.spoil:
                print(f"kill9: {policy}: spoiled, and seen: {problem}"[:300], flush=True)
                shutil.rmtree(folder, ignore_errors=True)
                return
            again = f"scripts/kill9.py --policies {policy} --seed {given.seed} --round {number}"
            raise SystemExit(f"kill9: {policy}, round {number}: {problem}\nits files are in {folder}; again (the moments are only nearly the same): {again}") from problem
        shutil.rmtree(folder, ignore_errors=True)
        commands, missing, with_child = commands + one.commands, missing + one.missing, with_child + one.lives_with_child
        rounds_with_missing += one.missing > 0
    if given.spoil:
        raise SystemExit(f"kill9: {policy}: commands were taken off the files, and nobody missed them")
    lost = "none is missing" if missing == 0 else f"{missing} of them, in {rounds_with_missing} of the rounds, were still held back for a sync and are missing"
    print(f"kill9: {policy}: {len(numbers)} rounds, {len(numbers) * LIVES} kills ({with_child} after a child was begun), {commands} commands answered: {lost}", flush=True)


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rounds", type=int, default=10, help="of each policy")
    options.add_argument("--policies", default=",".join(POLICIES))
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--round", type=int, help="this one only")
    options.add_argument("--spoil", action="store_true", help="spoil the files after each kill: the round has to fail")
    options.add_argument("--server", help="our binary (default: target/release/gyre-server)")
    options.add_argument("--port", type=int, default=7870)
    given = options.parse_args()
    for policy in given.policies.split(","):
        if policy not in POLICIES:
            raise SystemExit(f"{policy} is no policy: {', '.join(POLICIES)}")
        run_policy(given, policy)
    return 0


if __name__ == "__main__":
    sys.exit(main())
