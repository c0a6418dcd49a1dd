#!/usr/bin/env python3
"""Damages files byte by byte, and compares what our checkers and Redis's say of them (`make verdicts`).

usage: scripts/verdicts.py [--server PATH] [--port N] [--every N] [--show N]

A server makes a small dump and an append-only file of manifest, base and increment. Each byte of each file is changed in one bit, and each file is
cut at each length; then gyre-check-rdb or gyre-check-aof and its namesake of Redis 8.0.6 judge it. They must agree on whether it is sound. Leaves
with 1 if they do not, or if one of ours ends in another way than with 0 or 1.
"""
import argparse
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

from servers import Server, gyre_server, peer

COMMANDS = [("SET", "text", "hello"), ("RPUSH", "list", "a", "2", "3"), ("HSET", "hash", "f", "v", "g", "7"), ("ZADD", "zset", "1.5", "m"), ("XADD", "x", "1-1", "f", "v")]
LATER = [("SET", "text", "world"), ("APPEND", "text", "!"), ("MULTI",), ("INCR", "n"), ("RPUSH", "list", "4"), ("EXEC",), ("SADD", "set", "1", "2")]
MANIFEST = "appendonly.aof.manifest"


def make_files(given, folder):
    with Server("gyre", gyre_server(given.server), given.port, "--appendonly", "yes", "--appendfsync", "always", core=None) as server:
        client = server.client()
        for words in (*COMMANDS, ("BGREWRITEAOF",)):
            client.must(*words)
        while client.info("persistence", "aof_rewrite_in_progress") != "0":
            pass
        for words in (*LATER, ("SAVE",)):
            client.must(*words)
        shutil.copytree(Path(server.folder, "appendonlydir"), folder, dirs_exist_ok=True)
        shutil.copy(Path(server.folder, "dump.rdb"), folder)


def variants(content, every):
    """Damaged contents, each with a word for what was done and where."""
    for place in range(0, len(content), every):
        # Another bit each time, so that all kinds of change come about.
        changed = bytearray(content)
        changed[place] ^= 1 << place % 8
        yield "changed", place, bytes(changed)
        yield "cut", place, content[:place]


class Judges:
    def __init__(self, given):
        self.ours = gyre_server(given.server)
        self.theirs = {"rdb": peer("redis-check-rdb"), "aof": peer("redis-check-aof")}

    def ask(self, kind, path):
        """Whether each takes it for sound, and what each says."""
        ours = subprocess.run([f"gyre-check-{kind}", path], executable=self.ours, capture_output=True, timeout=60)
        theirs = subprocess.run([self.theirs[kind], path], capture_output=True, timeout=60)
        if ours.returncode not in (0, 1):
            raise SystemExit(f"gyre-check-{kind} ended with {ours.returncode}: {ours.stderr[-500:]!r}; its file is {path}")
        return [(run.returncode == 0, run.stdout.decode(errors="replace")) for run in (ours, theirs)]


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--server", help="our binary (default: target/release/gyre-server)")
    options.add_argument("--port", type=int, default=7880)
    options.add_argument("--every", type=int, default=1, help="only every so manieth byte")
    options.add_argument("--show", type=int, default=10, help="so many differences")
    given = options.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="gyre-verdicts-"))
    make_files(given, folder)
    judges, faults, counts = Judges(given), [], Counter()
    for path in sorted(folder.iterdir()):
        sound = path.read_bytes()
        kind, asked = ("rdb", path) if path.name == "dump.rdb" else ("aof", folder / MANIFEST)
        for what, place, content in variants(sound, given.every):
            path.write_bytes(content)
            ours, theirs = judges.ask(kind, str(asked))
            if ours[0] == theirs[0]:
                counts["agree, sound" if ours[0] else "agree, damaged"] += 1
            else:
                faults.append(f"{path.name}, {what} at {place}: ours says {'sound' if ours[0] else 'damaged'}\n    ours:   {ours[1].strip()[-200:]!r}\n    theirs: {theirs[1].strip()[-200:]!r}")
        path.write_bytes(sound)
    shutil.rmtree(folder, ignore_errors=True)
    for line in faults[:given.show]:
        print(line)
    print(f"verdicts: {', '.join(f'{count} {name}' for name, count in sorted(counts.items()))}, {len(faults)} differ", flush=True)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
