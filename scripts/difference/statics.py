"""What the servers say about themselves, compared once: command tables, help texts, directives, the fields of INFO, and every command's arity."""
import re

from .compare import DIRECTIVES_OF_THE_MACHINE, readable
from .wire import Wire

CONTAINERS = ("ACL", "CLIENT", "CONFIG", "COMMAND", "DEBUG", "LATENCY", "MEMORY", "OBJECT", "PUBSUB", "SLOWLOG")
# Commands of parts that issues to come bring; their absence is no finding here.
ABSENT = re.compile(rb"^-ERR unknown command")
# Commands that would end, block or change the servers if sent bare.
NOT_BARE = {b"shutdown", b"monitor", b"quit", b"reset", b"psync", b"sync", b"failover", b"debug", b"save", b"bgsave", b"bgrewriteaof", b"flushall",
            b"flushdb", b"time", b"randomkey", b"info", b"lolwut", b"role", b"command", b"lastsave", b"exec", b"multi", b"hello"}


# What COMMAND DOCS says in the server's own words, and names that only label an argument.
OWN_WORDS = {b"summary", b"complexity", b"history", b"replaced_by", b"name", b"display_text"}


def in_name_order(tree):
    """A COMMAND INFO or DOCS reply with subcommands sorted (Redis keeps them in a hash table) and without texts of the server's own."""
    kind, content = tree
    if not isinstance(content, list):
        return tree
    items = [in_name_order(item) for item in content]
    names = items[::2]
    is_argument, is_command = (b"$", b"type") in names, (b"$", b"summary") in names
    if len(items) % 2 == 0 and (is_argument or is_command):
        own = [(b"$", name) for name in (*OWN_WORDS, *((b"since",) if is_argument else ()))]
        items = [part for pair in zip(names, items[1::2]) if pair[0] not in own for part in pair]
    for at, item in enumerate(items):
        if at and items[at - 1] == (b"$", b"subcommands"):
            flat = item[1]
            items[at] = (item[0], [part for pair in sorted(zip(flat[::2], flat[1::2]), key=repr) for part in pair])
    if len(items) == 10 and items[1][0] == b":":  # the ten fields of COMMAND INFO
        items[9] = (items[9][0], sorted(items[9][1], key=repr))
    return kind, items


def first_difference(theirs, ours, path=()):
    """Where two trees part: (path of the names on the way, what is there, what is here), or None."""
    if theirs == ours:
        return None
    if not (isinstance(theirs[1], list) and isinstance(ours[1], list)) or theirs[0] != ours[0]:
        return path, theirs, ours
    for at, (a, b) in enumerate(zip(theirs[1], ours[1])):
        name = theirs[1][at - 1][1] if at and theirs[1][at - 1][0] in b"$+" else (a[1][0][1] if isinstance(a[1], list) and a[1] else at)
        deeper = first_difference(a, b, (*path, name if isinstance(name, (bytes, int)) else at))
        if deeper:
            return deeper
    return path, (b"#", b"%d elements" % len(theirs[1])), (b"#", b"%d elements" % len(ours[1]))


# Fields of INFO that tell of Redis's own build, or of ours.
OWN_FIELDS = {"atomicvar_api", "gcc_version", "gyre_version", "module"}


def run(pair):
    """Prints what differs; returns how many things do."""
    wires = [side.wires[0] for side in pair.sides]
    found = 0

    def ask(*words):
        pair.commands_sent += 1
        return [wire.call(*words) for wire in wires]

    def report(title, theirs, ours):
        nonlocal found
        found += 1
        print(f"\nstatic #{found} {title}\n  Redis    {theirs}\n  Gyre     {ours}", flush=True)

    for protocol in (2, 3):
        ask("HELLO", protocol)
        names = [sorted(item[1] for item in reply[0][1]) for reply in ask("COMMAND", "LIST")]
        if protocol == 2:
            print(f"static: Gyre has {len(set(names[1]) & set(names[0]))} of {len(names[0])} commands"
                  + (f"; its own: {b' '.join(set(names[1]) - set(names[0])).decode()}" if set(names[1]) - set(names[0]) else ""), flush=True)
        for name in sorted(set(names[0]) & set(names[1])):
            for kind in ("INFO", "DOCS") if protocol == 2 else ("INFO",):
                theirs, ours = ask("COMMAND", kind, name)
                parted = first_difference(in_name_order(theirs[0]), in_name_order(ours[0]))
                if parted:
                    path, there, here = parted
                    at = " / ".join(step.decode() if isinstance(step, bytes) else str(step) for step in path)
                    report(f"COMMAND {kind} {name.decode()} (RESP{protocol}) at {at}", str(there)[:300], str(here)[:300])
    ask("HELLO", 2)
    for name in sorted(set(names[0]) & set(names[1]) - NOT_BARE):
        for words in ([name], [name, "x"], [name, *["x"] * 12]):
            if len(words) == 1 or name not in (b"blpop", b"brpop", b"subscribe", b"psubscribe", b"ssubscribe", b"unsubscribe", b"punsubscribe", b"sunsubscribe"):
                theirs, ours = ask(*words)
                if theirs[1] != ours[1] and name not in (b"keys", b"client", b"pubsub"):
                    report(" ".join(w.decode() if isinstance(w, bytes) else w for w in words), readable(theirs), readable(ours))
    for name in CONTAINERS:
        theirs, ours = ask(name, "HELP")
        if theirs[0][0] != ours[0][0]:
            report(f"{name} HELP", readable(theirs), readable(ours))
    theirs, ours = (dict(zip(items[::2], items[1::2])) for items in ([i[1] for i in reply[0][1]] for reply in ask("CONFIG", "GET", "*")))
    for name in sorted(set(theirs) | set(ours)):
        if theirs.get(name) != ours.get(name) and name not in DIRECTIVES_OF_THE_MACHINE:
            report(f"CONFIG GET {name.decode()}", theirs.get(name, b"(absent)").decode(), ours.get(name, b"(absent)").decode())
    for section in ("server", "clients", "memory", "persistence", "threads", "stats", "replication", "cpu", "modules", "commandstats", "errorstats",
                    "latencystats", "cluster", "keyspace", "keysizes"):
        fields = [re.findall(r"^(#.*|[^:\r\n]+)(?=:|\r)", reply[0][1].decode("latin1"), re.M) for reply in ask("INFO", section)]
        lacking, extra = ([field for field in there if field not in [*here, *OWN_FIELDS]] for there, here in (fields, fields[::-1]))
        if section not in ("commandstats", "errorstats", "latencystats") and (lacking or extra):
            report(f"INFO {section}", f"only there: {' '.join(lacking)}", f"only there: {' '.join(extra)}")
    for wire in wires:
        wire.close()
    for side in pair.sides:
        side.wires = [Wire(side.port)]
    print(f"static: {found} findings", flush=True)
    return found
