#!/usr/bin/env python3
"""Fills in the replies of tests/examples/*.txt from a real Redis 8.0.6, so that what the tests expect is not an opinion.

usage: scripts/record_examples.py [--check] [--port N] [FILE ...]

A file is a list of blocks. `== NAME` begins the block of a command (`== NAME @8.6` of one as that version has it); each block meets empty databases on a connection of its own. `> words` is sent (quoting as
in redis-cli), and the line `= reply` behind it is the reply, byte for byte, with ⏎ for CR LF and \\xNN for what is not text. A line `~ glob` stands where
a reply cannot be foretold, and is kept; what only another server has stands in files that begin with that one's name, and is asked of it. What no server
of scripts/peers.sh has stands in `documented.txt`: behind each of its commands a line `< words` says what an older Redis can be asked that comes to the same by
the documentation of the command, and the reply is the one to that. `(closed)` ends a reply where the connection does. --check writes nothing and says which replies differ.
"""
import argparse
import re
import shlex
import sys
from fnmatch import fnmatchcase
from itertools import groupby
from pathlib import Path

from difference.wire import Gone, Wire
from servers import HOME, Server, encode, peer

EXAMPLES = HOME / "tests/examples"
ESCAPES = {"n": b"\n", "r": b"\r", "t": b"\t", "\\": b"\\", '"': b'"'}


def words_of(line):
    """The words of a line, with \\xNN and the like inside double quotes."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=False)
    lexer.whitespace_split, lexer.commenters, lexer.escape = True, "", ""
    return [re.sub(rb"\\(x[0-9a-f]{2}|.)", unescape, word.encode()) for word in lexer]


def unescape(match):
    what = match.group(1).decode()
    return bytes([int(what[1:], 16)]) if what[0] == "x" and len(what) == 3 else ESCAPES[what]


def shown(raw):
    """A reply as one line of text."""
    text = raw.decode("utf8", "backslashreplace").replace("\r\n", "⏎")
    return "".join(c if c.isprintable() else f"\\x{ord(c):02x}" if c != "\n" else "\\n" for c in text)


def ask(wire, line):
    wire.send(encode(*words_of(line)))
    try:
        reply = shown(wire.read()[1])
    except Gone:
        return "(closed)"
    return reply


def record(server, path, check):
    """Returns the file's text with its replies as they are, and how many differ from what stood there."""
    lines, out, wire, different = path.read_text().splitlines(), [], None, 0
    at = 0
    while at < len(lines):
        line = lines[at]
        at += 1
        if line.startswith("== "):
            if wire:
                wire.close()
            wire = Wire(server.port)
            wire.call("FLUSHALL")
            name = line[3:]
        out.append(line)
        if not line.startswith("> "):
            continue
        if at < len(lines) and lines[at].startswith("< "):
            out.append(lines[at])
            reply = ask(wire, lines[at][2:])
            at += 1
        else:
            reply = ask(wire, line[2:])
        stood = lines[at] if at < len(lines) and lines[at][:2] in ("= ", "~ ") else None
        at += stood is not None
        if stood and stood.startswith("~ "):
            pattern = stood[2:].replace("\\*", "[*]")
            if not fnmatchcase(reply, pattern):
                different += 1
                print(f"{path.name}: {name}: {line}\n  pattern {stood[2:]}\n  reply   {reply}")
            out.append(stood)
        else:
            if stood and stood[2:] != reply:
                different += 1
                print(f"{path.name}: {name}: {line}\n  stood   {stood[2:]}\n  reply   {reply}")
            out.append("= " + reply)
    return "\n".join(out) + "\n", different


def asked_of(path):
    """The server whose replies a file has."""
    return next((server for server in ("redis86-server", "valkey-server") if path.name.startswith(server.split("-")[0])), "redis-server")


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("files", nargs="*")
    options.add_argument("--check", action="store_true")
    options.add_argument("--server", help="another server to ask")
    options.add_argument("--port", type=int, default=7780)
    given = options.parse_args()
    different = 0
    paths = [Path(f) for f in given.files] or sorted(EXAMPLES.glob("*.txt"))
    for name, group in groupby(sorted(paths, key=asked_of), key=asked_of):
        with Server("reference", given.server or peer(name), given.port, "--enable-debug-command", "yes", core=None) as server:
            for path in group:
                text, count = record(server, path, given.check)
                different += count
                if not given.check:
                    path.write_text(text)
    print(f"{different} replies differ from what stood there")
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
