"""Sentences made from what Redis itself says of its commands (tests/data/commands-8.0.6.txt): every command with every argument that COMMAND DOCS
knows, so that none is left out because nobody thought of it. A third of the sentences are bent.
"""
import re
from pathlib import Path

from .grammar import bend
from .values import ALL_KEYS, KINDS, TYPES

PAGE = Path(__file__).resolve().parents[2] / "tests/data/commands-8.0.6.txt"
BENT_SHARE, OPTIONAL_SHARE, STRANGE_KEY_SHARE = 0.33, 0.35, 0.3
# What would end, block or slow the servers down, change what later bytes mean, or answers with what is each server's own.
LEFT_OUT = re.compile(r"""
    shutdown|monitor|p?sync|replicaof|slaveof|replconf|save|bgsave|bgrewriteaof|lastsave|debug|migrate|module.*|time|info|lolwut|hello|reset|auth|quit|
    acl.*|config.*|memory.*|latency.*|slowlog.*|command(\|(docs|info|list|count|help))?|client\|(kill|reply|pause|unpause|list|info|id|no-evict|tracking|caching|
    trackinginfo|unblock)|script\|(kill|debug)|function\|(kill|dump|restore|stats|list)|.*\|help|object\|(idletime|freq)|pubsub.*|.*subscribe|spublish|publish|
    spop|.*scan|randomkey|multi|exec|discard|watch|unwatch|xautoclaim|xclaim|xinfo.*|xpending|xreadgroup|pfdebug|pfselftest|swapdb|flushall|eval.*|fcall.*|
    wait|waitaof|keys|role|failover|client\|setinfo""", re.X)
GROUP_TYPES = {"sorted-set": "zset", "hyperloglog": "string", "bitmap": "string", "geo": "zset"}
PART = re.compile(r"([^:() ]+):([a-z-]+)(?:=([\w-]+|'[^']*'))?(?:#\d+)?([?*^]*)(?:@[\d.]+)?(\()?")


def trees(text, at=0):
    found = []
    while at < len(text) and text[at] != ")":
        match = PART.match(text, at)
        name, kind, token, marks, opens = match.groups()
        at, inner = match.end(), []
        if opens:
            inner, at = trees(text, at)
            at += 1
        found.append((name, kind, token and token.strip("'").encode(), marks, inner))
        at += text[at:at + 1] == " "
    return found, at


class Described:
    """One command; the same face as a Template."""

    def __init__(self, row):
        parts = row.split(" | ")
        name = parts[0].split(" ")[0]
        self.words = [word.upper().encode() for word in name.split("|")]
        self.name, self.text, self.weight = self.words[0].decode(), " ".join(word.decode() for word in self.words), 1.0
        group = parts[6].split(" ")[0]
        self.type = GROUP_TYPES.get(group, group)
        self.arguments = trees(parts[7])[0] if parts[7] != "-" else []

    def sentence(self, dice, family):
        words = list(self.words)
        self.derive(self.arguments, dice, words)
        return bend(words, dice) if dice.random() < BENT_SHARE else words

    def derive(self, arguments, dice, words):
        counted = None
        for name, kind, token, marks, inner in arguments:
            if "?" in marks and dice.random() > OPTIONAL_SHARE:
                continue
            if kind == "integer" and name.startswith("num"):
                # The count of what comes next; now and then it lies.
                counted = dice.choice((1, 1, 2, 3))
                words += ([token] if token else []) + [b"%d" % (counted if dice.random() < 0.92 else dice.randint(-1, 5))]
                continue
            times = (counted or dice.choice((1, 1, 2, 3))) if "*" in marks else 1
            counted = None if "*" in marks else counted
            for turn in range(times):
                if token is not None and (turn == 0 or "^" in marks):
                    words.append(token)
                if kind == "block":
                    self.derive(inner, dice, words)
                elif kind == "oneof":
                    self.derive([dice.choice([one for one in inner if one[0] != "auto-id"])], dice, words)
                elif kind != "pure-token":
                    words.append(self.value(name, kind, dice))

    def value(self, name, kind, dice):
        if kind == "key":
            if dice.random() < STRANGE_KEY_SHARE:
                return dice.choice(ALL_KEYS)
            return KINDS[f"k.{self.type}" if self.type in TYPES else "any"](dice, self.type)[0]
        kinds = {"timeout": "timeout", "increment": "int" if kind == "integer" else "float", "min": "scorebound", "max": "scorebound", "encoding": "bits",
                 "longitude": "longitude", "latitude": "latitude", "offset": "offset", "id": "id", "seconds": "sec", "milliseconds": "ms",
                 "unix-time-seconds": "at", "unix-time-milliseconds": "atms", "score": "score", "destination-db": "db", "index": "index"}
        of_kind = {"integer": "index", "double": "float", "pattern": "pattern", "unix-time": "at"}.get(kind, "e")
        if name == "milliseconds" and self.name in ("XREAD",):
            return dice.choice([b"1", b"2", b"-1", b"abc"])
        if name in ("min", "max") and "LEX" in self.name:
            of_kind = "lexbound"
        elif name == "offset" and self.type != "string":
            of_kind = "index"
        else:
            of_kind = kinds.get(name, of_kind)
        if of_kind == "bits":
            return dice.choice([b"u8", b"i8", b"u1", b"i64", b"u63", b"u64", b"i5", b"u0", b"x8", b"u"])
        if of_kind in ("longitude", "latitude"):
            return b"%.6f" % dice.uniform(-200, 200) if dice.random() < 0.3 else b"%.6f" % dice.uniform(-80, 80)
        if of_kind == "id":
            return dice.choice([b"%d-%d" % (dice.randint(0, 9), dice.randint(0, 3)), b"%d" % dice.randint(0, 9), b"0-0", b"$", b"x", b"5-*"])
        return KINDS[of_kind](dice, self.type)[0]


def all_described():
    rows = [row for row in PAGE.read_text().splitlines() if not row.startswith("#")]
    return [Described(row) for row in rows if not LEFT_OUT.fullmatch(row.split(" ")[0])]
