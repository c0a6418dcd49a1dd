"""What counts as the same reply. Byte for byte is the rule; this file holds the exceptions, each where Redis itself promises no more.

An exception is a function from a reply's tree to the part that must agree: the elements without their order where Redis walks a hash table, the
shape alone where the answer is drawn at random, a time rounded to what two servers can agree on.
"""
import re

TIME_SLACK_MS = 400
SYNC = b"differential:sync"  # the channel on which the events of a sequence are known to be over
DIRECTIVES_OF_THE_MACHINE = {b"dir", b"port", b"logfile", b"pidfile", b"notify-keyspace-events", b"proc-title-template", b"unixsocket"}


def unordered(tree):
    kind, content = tree
    return (kind, sorted(map(repr, content))) if isinstance(content, list) else tree


def unordered_pairs(tree):
    kind, content = tree
    if not isinstance(content, list):
        return tree
    return kind, sorted(repr(content[i:i + 2]) for i in range(0, len(content), 2))


def is_whole_scan(tree):
    """Whether a reply of the SCAN family holds everything in one step: how much a step returns is the server's own."""
    return isinstance(tree[1], list) and len(tree[1]) == 2 and tree[1][0][1] == b"0"


def scanned(tree):
    return tree[1][1][0], unordered(tree[1][1])


def scanned_pairs(tree):
    return tree[1][1][0], unordered_pairs(tree[1][1])


def shape(tree):
    kind, content = tree
    return (kind, [shape(item) for item in content]) if isinstance(content, list) else (kind if kind != b"-" else content)


def kind_only(tree):
    return tree[0] if tree[0] != b"-" else tree


def first_word(tree):
    return tree[0], str(tree[1])[:6]


def client_fields(tree):
    """CLIENT LIST and INFO: the names of the fields, in order, and how many lines."""
    return tree[0], re.findall(rb"([\w-]+)=", tree[1]) if isinstance(tree[1], bytes) and tree[0] != b"-" else tree[1]


def is_greeting(tree):
    return isinstance(tree[1], list) and tree[1][:1] == [(b"$", b"server")]


def greeting(tree):
    """HELLO: all but the connection's number and the modules built in."""
    kind, content = tree
    if not isinstance(content, list):
        return tree
    own = ((b"$", b"id"), (b"$", b"modules"))
    return kind, [item for i, item in enumerate(content) if i == 0 or content[i - 1] not in own]


def pairs_of(content):
    """The pairs of a map, flat (RESP2) or not."""
    return list(content) if content and isinstance(content[0], tuple) and isinstance(content[0][0], tuple) else list(zip(content[::2], content[1::2]))


def names_of(tree):
    return {name[1] for name, _ in pairs_of(tree[1])}


def settings(tree, known=None):
    """CONFIG GET: the pairs without their order, without those that each server has its own of, and without directives newer than the `known` ones."""
    kind, content = tree
    pairs = [pair for pair in pairs_of(content) if pair[0][1] not in DIRECTIVES_OF_THE_MACHINE and (known is None or pair[0][1] in known)]
    return kind, sorted(map(repr, pairs))


def denials(tree):
    """ACL LOG: all but times, numbers that go on from one sequence to the next, and the line of the client."""
    kind, content = tree
    if not isinstance(content, list):
        return tree
    kept = (b"count", b"reason", b"context", b"object", b"username")
    return kind, [[value for name, value in zip(entry[1][::2], entry[1][1::2]) if name[1] in kept] for entry in content]


def transaction(tree):
    """EXEC: the replies in order, each with its inner lists unordered, and without texts of our own. What subscribes in a transaction answers by itself,
    so that under EXEC's name there may come a greeting or a list of channels."""
    kind, content = tree
    if not isinstance(content, list):
        return tree
    if (b"$", SYNC) in content or all(kind == b"$" for kind, _ in content):
        return unordered(tree)
    if is_help(tree):
        return b"help"
    parts = [reply_within(item) for item in content]
    return kind, sorted(map(repr, parts)) if any(is_parting(item) for item in content) else parts


def reply_within(tree):
    """A reply within that of EXEC."""
    if is_help(tree):
        return b"help"
    if is_parting(tree):
        return tree[1][:2]
    return deep_unordered(greeting(tree) if is_greeting(tree) else tree)


def is_parting(tree):
    """UNSUBSCRIBE and its kin of several channels: one message each, in the order of a hash table, with the number that is left."""
    return isinstance(tree[1], list) and len(tree[1]) == 3 and isinstance(tree[1][0][1], bytes) and tree[1][0][1].endswith(b"unsubscribe")


def is_help(tree):
    return isinstance(tree[1], list) and bool(tree[1]) and isinstance(tree[1][0][1], bytes) and tree[1][0][1].endswith(b"Subcommands are:")


def deep_unordered(tree):
    kind, content = tree
    return (kind, sorted((deep_unordered(item) for item in content), key=repr)) if isinstance(content, list) else tree


TIME_FIELDS = ((b"$", b"idle"), (b"$", b"inactive"), (b"$", b"seen-time"), (b"$", b"active-time"))
OWN_LAYOUT = (b"$", b"radix-tree-nodes")
TIME_MIN = 10**12  # what is greater is a point in time


def without_times(tree):
    """XPENDING, XINFO: all but times (never is none), and how many nodes Redis's tree has."""
    kind, content = tree
    if kind == b":":
        return kind, b"time" if int(content) >= TIME_MIN else content
    if not isinstance(content, list):
        return tree
    items = [without_times(item) for item in content]
    for at, item in enumerate(content):
        before = content[at - 1] if at else None
        if before in TIME_FIELDS and item[1] != b"-1" or before == OWN_LAYOUT:
            items[at] = (item[0], b"own")
    is_delivery = len(content) == 4 and [item[0] for item in content] == [b"$", b"$", b":", b":"]
    return kind, [*items[:2], items[3]] if is_delivery else items


# How a command's reply is compared where bytes need not agree.
RULES = {
    "KEYS": unordered, "SMEMBERS": unordered, "HKEYS": unordered, "HVALS": unordered, "HGETALL": unordered_pairs,
    "SINTER": unordered, "SUNION": unordered, "SDIFF": unordered,
    "SCAN": scanned, "SSCAN": scanned, "HSCAN": scanned_pairs, "ZSCAN": scanned_pairs,
    "SPOP": shape, "SRANDMEMBER": shape, "HRANDFIELD": shape, "ZRANDMEMBER": shape, "RANDOMKEY": kind_only,
    "DUMP": kind_only, "OBJECT FREQ": kind_only, "OBJECT IDLETIME": kind_only, "MEMORY USAGE": kind_only, "MEMORY DOCTOR": kind_only,
    "LATENCY DOCTOR": kind_only, "LATENCY LATEST": kind_only, "SLOWLOG GET": kind_only, "SLOWLOG LEN": kind_only, "MEMORY STATS": kind_only,
    "CLIENT ID": kind_only, "CLIENT LIST": client_fields, "CLIENT INFO": client_fields, "HELLO": greeting, "TIME": shape, "LASTSAVE": kind_only,
    "PUBSUB CHANNELS": unordered, "PUBSUB SHARDCHANNELS": unordered, "COMMAND LIST": kind_only, "COMMAND DOCS": kind_only, "COMMAND": kind_only,
    "ACL LOG": denials, "ACL CAT": kind_only,
    "XPENDING": without_times, "XINFO STREAM": without_times, "XINFO CONSUMERS": without_times, "COMMAND COUNT": kind_only, "EXEC": transaction, "DEBUG OBJECT": first_word, "INFO": kind_only, "LOLWUT": kind_only,
}
# While each key they read is kept in order (small), these answer in that order, and must do so exactly.
ORDERED_WHILE_SMALL = {"SMEMBERS", "HKEYS", "HVALS", "HGETALL", "SSCAN", "HSCAN", "ZSCAN"}
TIMES = {"TTL": 1, "PTTL": TIME_SLACK_MS, "EXPIRETIME": 1, "PEXPIRETIME": TIME_SLACK_MS, "OBJECT IDLETIME": 1,
         "HTTL": 1, "HPTTL": TIME_SLACK_MS, "HEXPIRETIME": 1, "HPEXPIRETIME": TIME_SLACK_MS}
CONTAINERS = {"ACL", "XINFO", "XGROUP", "OBJECT", "CLIENT", "CONFIG", "COMMAND", "PUBSUB", "DEBUG", "MEMORY", "SLOWLOG", "LATENCY"}


def rule_name(words):
    """The name a rule is filed under: the command, with its subcommand where it is a container."""
    name = words[0].decode("latin1").upper() if words else ""
    return f"{name} {words[1].decode('latin1').upper()}" if name in CONTAINERS and len(words) > 1 else name


def keeps_equals(words):
    """Whether a SORT may leave elements in the order of a hash table: BY what is constant, or by texts of which several are not there."""
    words = [word.upper() for word in words]
    patterns = [words[i + 1] for i, word in enumerate(words[:-1]) if word == b"BY"]
    return any(b"*" not in pattern for pattern in patterns) or bool(patterns) and b"ALPHA" in words


def same(words, theirs, ours, is_ordered=lambda key: False):
    """Whether two replies (tree, raw) to one command agree. `is_ordered(key)` says if the reference keeps that key in order."""
    if theirs[1] == ours[1]:
        return True
    name = rule_name(words)
    if name.endswith(" HELP") and theirs[0][0] == ours[0][0] == b"*":
        return True  # texts of our own
    if theirs[0][0] in b"*%" and is_greeting(theirs[0]) and is_greeting(ours[0]):
        return greeting(theirs[0]) == greeting(ours[0])
    if name == "CONFIG GET" and theirs[0][0] == ours[0][0] and isinstance(theirs[0][1], list) and isinstance(ours[0][1], list):
        return settings(theirs[0]) == settings(ours[0], names_of(theirs[0]))
    if name in ("SORT", "SORT_RO") and keeps_equals(words):
        return unordered(theirs[0]) == unordered(ours[0])
    if name in TIMES:
        return same_times(theirs[0], ours[0], TIMES[name])
    rule = RULES.get(name) or RULES.get(name.split(" ")[0] if name.split(" ")[0] not in CONTAINERS else "")
    if rule is scanned_pairs and b"NOVALUES" in (word.upper() for word in words):
        rule = scanned
    if rule is None or b"-" in (theirs[0][0], ours[0][0]):
        return False
    if rule in (scanned, scanned_pairs) and words[1 if name == "SCAN" else 2] != b"0":
        return theirs[0][0] == ours[0][0]  # a cursor in the middle of a hash table
    if rule in (scanned, scanned_pairs) and not (is_whole_scan(theirs[0]) and is_whole_scan(ours[0])):
        return shape(theirs[0])[0] == shape(ours[0])[0] and not (is_ordered(words[1]) if name != "SCAN" and len(words) > 1 else False)
    if rule(theirs[0]) != rule(ours[0]):
        return False
    return not (name in ORDERED_WHILE_SMALL and len(words) > 1 and is_ordered(words[1]))


LEX = re.compile(rb"BYLEX|ZLEXCOUNT", re.I)


def is_open(words, theirs, ours, is_ordered=lambda key: False):
    """Whether two replies differ where Redis leaves open what comes, so that the states may differ from here on: a search by member in a sorted set of
    different scores, which follows the random levels of a skip list (a list pack is walked from its front, which must agree); an entry's id from the clock; an
    index beyond 32 bits of a list; classes of events that Redis 8.0 does not know."""
    name = rule_name(words)
    if name not in ("LSET", "CONFIG SET") and (theirs[0][0] != ours[0][0] or theirs[0][0] == b"-"):
        return False
    if any(LEX.search(word) for word in words):
        return not (len(words) > 1 and is_ordered(words[1]))
    if name == "CONFIG SET" and any(word.lower() == b"notify-keyspace-events" for word in words):
        return theirs[0][0] == b"-" and ours[0][0] == b"+"  # classes of events that are newer than Redis 8.0
    if name == "LSET" and len(words) > 2 and re.fullmatch(rb"-?\d{10,19}", words[2]):
        return True  # Redis cuts the index to 32 bits
    return name == "XADD" and any(word == b"*" for word in words[2:]) and theirs[0][0] == b"$"


def same_times(theirs, ours, slack):
    """Whether two times, or two lists of times, agree but for the moment at which they were asked. What is below zero has a meaning of its own."""
    if theirs[0] == ours[0] == b":":
        a, b = int(theirs[1]), int(ours[1])
        return a == b or min(a, b) >= 0 and abs(a - b) <= slack
    lists = theirs[0] == ours[0] == b"*" and isinstance(theirs[1], list) and isinstance(ours[1], list) and len(theirs[1]) == len(ours[1])
    return lists and all(same_times(a, b, slack) for a, b in zip(theirs[1], ours[1]))


def same_messages(theirs, ours):
    """Whether two lists of messages to one connection agree: which of several patterns or channels comes first is a hash table's matter."""
    return pushed(theirs) == pushed(ours)


def pushed(replies):
    others, names, counts = [], [], []
    for (kind, content), raw in replies:
        if isinstance(content, list) and len(content) == 3 and str(content[0][1]).endswith("unsubscribe'"):
            names.append((kind, content[0], content[1]))
            counts.append(content[2])
        elif is_greeting((kind, content)):
            others.append(repr(greeting((kind, content))).encode())
        else:
            # Redis tells a flush with the null of the connection that tracks, Gyre with that of the one that is told.
            others.append(raw.replace(b"invalidate\r\n$-1", b"invalidate\r\n_"))
    return sorted(others), sorted(names, key=repr), counts


def readable(reply):
    """A reply's bytes, short enough for a line."""
    text = repr(reply[1])[2:-1]
    return text if len(text) <= 300 else text[:300] + f"… ({len(reply[1])} bytes)"
