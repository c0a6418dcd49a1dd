"""Sends the same steps to the reference and to Gyre and collects where they differ.

A step is a list of commands that belong together (a command whose outcome is drawn at random is followed by one that levels its effect), or a
directive: `@restore` carries a dump across between the servers, `@brief` waits after a command that sets a short deadline, `@unblock` names another
connection's client. `Pair` owns both servers and starts one again
that crashed or hung, which is a difference like any other.
"""
import collections
import itertools
import re
import time

from servers import Server, encode
from .compare import SYNC, is_open, rule_name, same, same_messages
from .families import SETTINGS
from .values import ALL_KEYS
from .wire import Gone, Wire

Difference = collections.namedtuple("Difference", "kind words theirs ours at")  # `at` is the index of the step, or None for the end state
RESTORED = [("maxmemory", "0"), ("maxclients", "10000"), ("timeout", "0"), ("hz", "10"), ("save", ""), ("loglevel", "notice"),
            ("maxmemory-policy", "noeviction"), ("maxmemory-samples", "5"), ("lfu-log-factor", "10"), ("proto-max-bulk-len", "536870912"),
            ("tcp-keepalive", "300"), ("notify-keyspace-events", "AEmn"), ("requirepass", ""), ("hll-sparse-max-bytes", "3000"), ("acl-pubsub-default", "resetchannels"),
            ("acllog-max-len", "128")]
BRIEF_SECONDS = 0.004  # longer than any deadline that @brief sets
LATE_SECONDS = 0.03  # what a reply that a helper thread finishes may take (FLUSHALL)
SMALL_ENCODINGS = (b"listpack", b"intset")
CONTROL_CALLS = 2  # round trips after which everything an earlier command caused has been written


def signature(difference):
    """What makes two differences one finding: the command and the two answers, numbers and arguments aside."""
    blur = lambda reply: re.sub(rb"'[^']*'|\d+|\x00", b"", reply[1])[:28] if reply else b""
    return difference.kind, rule_name(difference.words), blur(difference.theirs), blur(difference.ours)


class ReferenceSilent(Exception):
    """The reference itself does not answer: a bent argument made a command block for ever. Such a sequence says nothing."""


class NotPromised(Exception):
    """The replies differ where Redis promises nothing: what follows in the sequence says nothing."""


class Side:
    """One of the two servers with its connections."""

    def __init__(self, name, command, port):
        self.server = Server(name, command, port, "--enable-debug-command", "yes", "--notify-keyspace-events", "AEmn", "--latency-tracking", "no",
                             core=None)
        self.port = port
        self.wires = []
        self.connect(1)

    def connect(self, count):
        """`count` fresh connections, one for events and one for control."""
        self.disconnect()
        self.wires = [Wire(self.port) for _ in range(count)]
        self.events, self.control = Wire(self.port), Wire(self.port)
        self.events.call("PSUBSCRIBE", "__keyevent@*")
        self.events.call("SUBSCRIBE", SYNC)
        for wire in [*self.wires, self.control]:
            wire.call("PING")

    def disconnect(self):
        for wire in [*self.wires, *([self.events, self.control] if self.wires else [])]:
            wire.close()
        self.wires = []

    def reset(self, settings):
        """An empty server with known settings."""
        for words in [("DISCARD",), ("CLIENT", "UNPAUSE"), ("FLUSHALL",), *(("CONFIG", "SET", *pair) for pair in RESTORED + settings),
                      ("CONFIG", "RESETSTAT"), ("SCRIPT", "FLUSH"), *self.users()]:
            self.control.call(*words)
        self.take_events()
        self.changes_at_start = self.changes()

    @staticmethod
    def users():
        """What leaves the default user alone, as it begins."""
        default = ("ACL", "SETUSER", "default", "reset", "on", "nopass", "~*", "&*", "+@all")
        return [("ACL", "DELUSER", "u1", "u2", "nobody", ""), default, ("ACL", "LOG", "RESET")]

    def changes(self):
        """rdb_changes_since_last_save, or None where INFO has no such field."""
        field = re.search(rb"rdb_changes_since_last_save:(\d+)", self.control.call("INFO", "persistence")[1])
        return int(field.group(1)) if field else None

    def take_events(self):
        """Keyspace events so far, in order; expiry aside, whose moment is each server's own."""
        self.control.call("PUBLISH", SYNC, "")
        events = []
        while True:
            (_, message), _ = self.events.read()
            if message[1][1] == SYNC:
                return events
            if b":expired" not in message[2][1]:
                events.append((message[2][1].decode("latin1"), message[3][1]))

    def settle(self):
        for _ in range(CONTROL_CALLS):
            self.control.call("PING")


def brief_keys(commands):
    """The keys that are given a deadline that passes within the sequence, or has passed."""
    keys = set()
    for words in commands:
        bare = words[1:] if words[0] == b"@brief" else words
        if len(bare) > 1 and (words[0] == b"@brief" or any(word.upper() in (b"EXAT", b"PXAT") for word in bare)):
            keys.add(bare[1])
    return keys


def counted_events(events, timed):
    """Events that must agree; keys that one command misses come in the order in which it walks, which may be a hash table's."""
    kept = [(event, key) for event, key in events if key not in timed and not (timed and event.endswith("keymiss"))]
    runs = itertools.groupby(kept, lambda pair: pair[0].endswith("keymiss"))
    return [pair for is_miss, run in runs for pair in (sorted(run) if is_miss else run)]


def is_order_open(steps):
    """Whether what arrives may differ after these steps of a session: Redis empties databases by a helper thread while who asked for it waits, so that others
    come first; and what CLIENT REPLY and CLIENT TRACKING change within a transaction counts from other moments (docs/reference/differences.md)."""
    queues = set()
    for connection, words in steps:
        if not isinstance(words, list):
            continue
        name = rule_name(words).upper()
        if name in ("FLUSHALL", "FLUSHDB"):
            return True
        if name in ("MULTI", "EXEC", "DISCARD"):
            (queues.add if name == "MULTI" else queues.discard)(connection)
        if connection in queues and name in ("CLIENT REPLY", "CLIENT TRACKING"):
            return True
    return False


class Pair:
    def __init__(self, reference, ours, port):
        self.commands = [("reference", reference, port), ("ours", ours, port + 1)]
        self.sides = [Side(*command) for command in self.commands]
        self.commands_sent = 0

    def close(self):
        for side in self.sides:
            side.disconnect()
            side.server.__exit__()

    def revive(self, which):
        """Starts a side again whose server crashed, hung, or lost our connections; returns the end of its log if it was down."""
        side = self.sides[which]
        was_down = side.server.process.poll() is not None
        log = side.server.log_tail() if was_down else ""
        side.disconnect()
        side.server.__exit__()
        self.sides[which] = Side(*self.commands[which])
        return log

    def begin(self, connections, settings):
        for side in self.sides:
            if len(side.wires) != connections or connections > 1 or any(wire.closed for wire in side.wires):
                side.connect(connections)
            side.reset(SETTINGS[settings])

    def guarded(self, run, *arguments):
        """Runs a sequence; a side that fails to answer becomes a difference and is started again."""
        for attempt in (1, 2):
            try:
                return run(*arguments)
            except NotPromised:
                for side in self.sides:
                    side.connect(1)
                return []
            except ReferenceSilent:
                for which, side in enumerate(self.sides):
                    try:
                        side.connect(1)
                    except (Gone, OSError):
                        self.revive(which)
                return []
            except (Gone, OSError) as fault:
                down = []
                for which, side in enumerate(self.sides):
                    try:
                        probe = Wire(side.port)
                        answers = probe.call("PING")[1][:1] in b"+-"
                        probe.close()
                    except (Gone, OSError):
                        answers = False
                    log = self.revive(which)
                    if not answers:
                        down.append((which, log))
                if any(which == 0 for which, _ in down):
                    return []  # what silences the reference as well (DEBUG SLEEP of years) says nothing
                ours_down = [log for which, log in down if which == 1]
                if ours_down:
                    text = re.sub(r"\s+", " ", ours_down[0])[-300:].encode()
                    return [Difference("crash or hang", [], ((b"", b""), b"answers"), ((b"", b""), b"down: " + text), None)]
                if attempt == 2:
                    return [Difference("connection", [], ((b"", b""), b"?"), ((b"", b""), str(fault).encode()), None)]
        return []

    # One connection, pipelined.

    def run_batch(self, steps, protocol, settings):
        """Differences of one pipelined sequence, the first reply that differs and what the end state says."""
        self.begin(1, settings)
        found = []
        for side in self.sides:
            side.wires[0].call("RESET")
            side.wires[0].call("HELLO", str(protocol))
        pending = []
        for index, step in enumerate(steps):
            if step[0][0].startswith(b"@"):
                found += self.exchange(pending)
                pending = []
                found += self.directive(step[0], index)
            else:
                pending += [(words, index) for words in step]
        found += self.exchange(pending)
        return found[:1] or self.end_state(brief_keys(words for step in steps for words in step))

    def exchange(self, commands):
        """Sends (words, step index) as one pipeline to both; returns the first reply that differs."""
        if not commands:
            return []
        data = b"".join(encode(*words) for words, _ in commands)
        self.commands_sent += len(commands)
        for side in self.sides:
            side.wires[0].send(data)
        small, found = {}, []
        for words, index in commands:
            try:
                theirs = self.sides[0].wires[0].read()
            except Gone:
                raise ReferenceSilent from None
            ours = self.sides[1].wires[0].read()
            if words[0] == b"OBJECT" and len(words) == 3:
                small[words[2]] = theirs[0][1] in SMALL_ENCODINGS
            is_small = lambda key: small.get(key, False)
            if not found and not same(words, theirs, ours, is_small):
                if is_open(words, theirs, ours, is_small):
                    raise NotPromised
                found.append(Difference("reply", words, theirs, ours, index))
        return found

    def directive(self, words, index):
        if words[0] == b"@brief":
            found = self.exchange([(words[1:], index)])
            time.sleep(BRIEF_SECONDS)
            return found
        if words[0] == b"@restore" and len(words) == 3:
            dumps = [side.wires[0].call("DUMP", words[1])[0] for side in self.sides]
            if any(kind != b"$" or payload == b"-1" for kind, payload in dumps):
                return []
            # Crosswise: each server must read what the other wrote.
            replies = [side.wires[0].call("RESTORE", words[2], "0", dumps[1 - which][1], "REPLACE") for which, side in enumerate(self.sides)]
            if replies[0][1] != replies[1][1]:
                return [Difference("restore", [b"RESTORE", words[2], words[1]], replies[0], replies[1], index)]
        return []

    def end_state(self, timed):
        """Differences of what is left: events, every key's type, encoding, deadline and digest, and the changes counted.

        The keys of `timed` expire: when, and so what a flush counts, what is deleted and what is new, is each server's own; and how often who waits for
        such a key looks for the others.
        """
        found = []
        theirs, ours = (counted_events(side.take_events(), timed) for side in self.sides)
        if theirs != ours:
            at = next((i for i, (a, b) in enumerate(zip(theirs, ours)) if a != b), min(len(theirs), len(ours)))
            show = lambda events: ((b"*", []), repr(events[at:at + 4]).encode())
            found.append(Difference("events", [theirs[at][0].encode() if at < len(theirs) else b"(none)"], show(theirs), show(ours), None))
        questions = [words for db in (0, 1, 2) for words in [(b"SELECT", b"%d" % db), (b"EXISTS", *ALL_KEYS), (b"DBSIZE",)]]
        for db in (0, 1):
            questions.append((b"SELECT", b"%d" % db))
            for key in ALL_KEYS:
                questions += [(b"TYPE", key), (b"OBJECT", b"ENCODING", key), (b"TTL", key), (b"DEBUG", b"DIGEST-VALUE", key)]
        questions.append((b"DEBUG", b"DIGEST"))
        data = b"".join(encode(*words) for words in questions)
        for side in self.sides:
            side.wires[0].send(encode("RESET") + data)
            side.wires[0].read()
        different = []
        for words in questions:
            theirs, ours = (side.wires[0].read() for side in self.sides)
            if not same(words, theirs, ours):
                different.append(Difference("end state", list(words), theirs, ours, None))
        changes = [None if side.changes() is None else side.changes() - side.changes_at_start for side in self.sides]
        if changes[0] != changes[1] and not timed:
            different.append(Difference("changes counted", [], *(((b":", n), b"%r" % n) for n in changes), None))
        return found + different[:1]

    # Several connections, step by step.

    def run_session(self, steps, protocol, settings, connections=3):
        """Differences of steps (connection, words or raw bytes), each followed by a look at what arrived on every connection."""
        self.begin(connections, settings)
        ids, has_brief = [], False
        for side in self.sides:
            for wire in side.wires:
                wire.call("HELLO", str(protocol))
            ids.append([wire.call("CLIENT", "ID")[0][1] for wire in side.wires])
        for index, (connection, words) in enumerate(steps):
            if isinstance(words, list) and words[0] == b"@restore":
                continue
            for side, own in zip(self.sides, ids):
                sent = words[1:] if words[0] == b"@brief" else words
                if isinstance(words, list) and words[0] == b"@unblock":
                    sent = [b"CLIENT", b"UNBLOCK", own[(connection + 1) % connections], *words[1:]]
                if isinstance(words, list) and words[0] == b"@redirect":
                    sent = [b"CLIENT", b"TRACKING", b"ON", b"REDIRECT", own[(connection + 1) % connections], *words[1:]]
                side.wires[connection].send(encode(*sent) if isinstance(sent, list) else sent)
            self.commands_sent += 1
            for side in self.sides:
                side.settle()
            has_brief |= words[0] == b"@brief"
            # A deadline that was queued begins with its transaction.
            if words[0] == b"@brief" or has_brief and isinstance(words, list) and words[0].upper() == b"EXEC":
                time.sleep(BRIEF_SECONDS)
            for at in range(connections):
                difference = self.compare_arrived(index, at, words if at == connection else [], connection)
                if difference and is_order_open(steps[:index + 1]):
                    raise NotPromised
                if difference:
                    return [difference]
        return self.session_end(brief_keys(words for _, words in steps if isinstance(words, list)))

    def compare_arrived(self, index, at, words, sender):
        theirs, ours = (side.wires[at].drain() for side in self.sides)
        if len(theirs) != len(ours):
            time.sleep(LATE_SECONDS)
            theirs, ours = (got + side.wires[at].drain() for side, got in zip(self.sides, (theirs, ours)))
        named = words if isinstance(words, list) and words and not words[0].startswith(b"@") else [b"(connection %d)" % at]
        if same_messages(theirs, ours):
            return None
        for a, b in zip(theirs, ours):
            if not same(named, a, b):
                if is_open(named, a, b):
                    raise NotPromised
                return Difference("reply", named, a, b, index)
        if len(theirs) != len(ours):
            show = lambda replies: ((b"*", []), b" ".join(raw for _, raw in replies) or b"(nothing)")
            return Difference("what arrived", named, show(theirs), show(ours), index)
        return None

    def session_end(self, timed):
        for side in self.sides:
            for wire in side.wires:
                wire.close()
        for side in self.sides:
            side.settle()
        if timed:
            time.sleep(BRIEF_SECONDS)  # a deadline that only the last EXEC set
        for side in self.sides:
            side.wires = [Wire(side.port), *side.wires[1:]]
        return self.end_state(timed)
