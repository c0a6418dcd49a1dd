#!/usr/bin/env python3
"""Measures Gyre and its peers in turn, in one run, and says which goals are met (`make bench`).

usage: scripts/bench.py [--only REGEX] [--quick] [--subjects speed,memory,durability,expiry] [--peers redis80,redis86,valkey91] [--server PATH]
                        [--also NAME=COMMAND] [--rounds N] [--against FILE] [--json FILE] [--markdown] [--readme]

Servers run on the first core, everything else on the second. `speed` is server CPU per request as a ratio to the best peer of the same run,
median of the rounds with the spread; `memory` is resident bytes; `durability` is dumps, the append-only file and writing with it; `expiry` is lateness of events and the backlog under load.
--quick measures less of everything, to look at a change; its figures are not for publishing. --against takes the peers' figures from the JSON of
an earlier run, for the same purpose. --readme writes the tables between the marks in README.md.
"""
import argparse
import datetime
import json
import sys
from pathlib import Path

from measures import durability, expiry, memory, readme, row as rows_of, speed
from servers import PEER_SERVERS, Server, gyre_server, machine, peer, settle_on_load_core

OURS = "gyre"
# Which rows belong to a subject, by the subject they say.
SUBJECT_ROWS = {"speed": {"speed"}, "memory": {"memory"}, "durability": {"durability"}, "expiry": {"expiry"}}


def options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default=".", help="rows whose name matches this expression; also brings rows without a goal")
    parser.add_argument("--subjects", default="speed,memory,durability,expiry")
    parser.add_argument("--peers", default=",".join(PEER_SERVERS), help="which peers, or 'none'")
    parser.add_argument("--server", help="our binary (default: target/release/gyre-server)")
    parser.add_argument("--also", action="append", default=[], metavar="NAME=COMMAND", help="one more server")
    parser.add_argument("--rounds", type=int, help="rounds of the speed rows (default 9, quick 1)")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--against", help="JSON of an earlier run whose peers' figures stand in for this one's")
    parser.add_argument("--port", type=int, default=7900, help="first port to use")
    parser.add_argument("--json", help="write every sample here")
    parser.add_argument("--markdown", action="store_true", help="print the table as Markdown")
    parser.add_argument("--readme", action="store_true", help="put the Markdown table into README.md")
    return parser.parse_args()


def commands_of(given):
    """Name and command of every server to measure, ours first."""
    commands = {OURS: gyre_server(given.server)}
    if given.peers != "none":
        commands |= {name: peer(PEER_SERVERS[name]) for name in given.peers.split(",")}
    return commands | dict(entry.split("=", 1) for entry in given.also)


def report(row):
    """One line as soon as a row is measured."""
    ratio = row.ratio(OURS)
    print(f"{row.name:52s} " + "  ".join(f"{name} {row.figure(name)}" for name in row.samples)
          + (f"  ratio {ratio:.2f}" if ratio is not None else "") + (f"  goal {row.goal:g} {row.verdict(OURS)}" if row.goal is not None else ""),
          flush=True)
    for fault in row.faults:
        print(f"    {fault}", flush=True)


def borrow(rows, earlier):
    """Puts the peers' samples of an earlier run into rows that have none."""
    known = {row["name"]: row["samples"] for row in json.loads(Path(earlier).read_text())["rows"]}
    for row in rows:
        for name, samples in known.get(row.name, {}).items():
            if name != OURS:
                row.samples.setdefault(name, samples)


def measure(given, commands):
    rows = []
    subjects = given.subjects.split(",")
    if "speed" in subjects:
        servers = []
        try:
            for index, (name, command) in enumerate(commands.items()):
                servers.append(Server(name, command, given.port + index))
            rows += speed.run(servers, given.only, given.rounds or (1 if given.quick else 9), 0.25 if given.quick else 0.5, report)
        finally:
            for server in servers:
                server.__exit__()
    for name, subject in (("memory", memory), ("durability", durability), ("expiry", expiry)):
        if name in subjects:
            rows += subject.run(commands, given.only, given.port, given.quick, report)
    return rows


def heading(given, commands):
    when = datetime.date.today().isoformat()
    how = "`" + " ".join(["make bench"] + ([f'ARGS="{" ".join(sys.argv[1:])}"'] if sys.argv[1:] else [])) + "`"
    return f"Measured {when} on {machine()}, by {how}. Median (lowest–highest of the rounds)."


def main():
    given = options()
    commands = commands_of(given)
    settle_on_load_core()
    rows = measure(given, commands)
    if given.against:
        borrow(rows, given.against)
    servers = list(dict.fromkeys(name for row in rows for name in row.samples))
    print("\n" + heading(given, commands) + "\n")
    markdown = rows_of.as_markdown(rows, OURS, servers)
    print(markdown if given.markdown else rows_of.as_text(rows, OURS, servers))
    if given.json:
        content = {"heading": heading(given, commands), "rows": [row.as_json(OURS) for row in rows]}
        Path(given.json).write_text(json.dumps(content, indent=1))
    if given.readme:
        for subject in given.subjects.split(","):
            part = [row for row in rows if row.subject in SUBJECT_ROWS[subject]]
            readme.write(f"bench {subject}", heading(given, commands) + "\n\n" + rows_of.as_markdown(part, OURS, servers))
    missed = [row.name for row in rows if row.verdict(OURS) in ("MISSED", "FAILED")]
    print(f"\nbench: {sum(row.verdict(OURS) == 'met' for row in rows)} goals met, {len(missed)} missed" + (": " + ", ".join(missed) if missed else ""))
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
