#!/usr/bin/env python3
"""Sends the same random commands to Redis 8.0.6 and to Gyre and compares what comes back, byte for byte (`make differential`).

usage: scripts/differential.py [--family NAME[,NAME]] [--seed N] [--seeds N[,N]] [--sequences N] [--seconds N] [--total N] [--length N] [--skip REGEX] [--findings N]
                               [--server PATH] [--reference PATH] [--port N] [--show] [--list]

Compared are replies (types and texts, RESP2 and RESP3), keyspace events in order, the count of changes, and at the end of each sequence every
key's type, encoding, deadline and digest. Small encoding limits, wrong types, wrong arity and edge values are part of what is sent. A sequence
that differs is shrunk and printed; findings that look alike are printed once. The family `static` asks for COMMAND INFO, COMMAND DOCS, help
texts, CONFIG GET and INFO's fields instead, where what is newer than Redis 8.0 shows: it runs when it is named, and tests hold the list of that. Leaves with 1 if anything differs.
"""
import argparse
import random
import re
import sys
import time

from difference import statics
from difference.families import BATCHES, FAMILIES, LATER, SESSIONS
from difference.protocol import fragment
from difference.run import Pair, signature
from difference.compare import readable, rule_name
from difference.shrink import shrink
from servers import gyre_server, peer

ORDERED = {b"SMEMBERS", b"HKEYS", b"HVALS", b"HGETALL", b"SSCAN", b"HSCAN", b"ZSCAN"}


def options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--family", default=",".join((*BATCHES, *SESSIONS)))
    parser.add_argument("--seed", type=int, default=1, help="the first seed; a sequence is made by its seed alone")
    parser.add_argument("--sequences", type=int, default=300, help="a family")
    parser.add_argument("--seeds", help="several first seeds, one run after the other (`1,100000`)")
    parser.add_argument("--total", type=float, help="seconds of each run, shared by its families")
    parser.add_argument("--seconds", type=float, help="a family, instead of a number of sequences")
    parser.add_argument("--length", type=int, default=40, help="steps a sequence")
    parser.add_argument("--skip", help="leave out commands that match this expression (`SINTERCARD|OBJECT FREQ`)")
    parser.add_argument("--findings", type=int, default=15, help="stop a family after so many findings")
    parser.add_argument("--server", help="our binary (default: target/release/gyre-server)")
    parser.add_argument("--reference", help="the reference (default: Redis 8.0.6 of scripts/peers.sh)")
    parser.add_argument("--port", type=int, default=7800, help="the first of two ports")
    parser.add_argument("--show", action="store_true", help="print each sequence before it is sent")
    parser.add_argument("--list", action="store_true", help="print the families and their commands")
    return parser.parse_args()


class Maker:
    """Makes sequences of a family from seeds, without the commands that are left out or turned out to be missing."""

    def __init__(self, family, length, skip):
        self.family, self.length, self.skip = family, length, skip
        self.missing = set()

    def allows(self, template):
        return template.name not in self.missing and not (self.skip and re.match(rf"(?:{self.skip})(?:\s|$)", template.text, re.I))

    def sequence(self, seed):
        """(steps, RESP version, index of the settings)."""
        dice = random.Random(f"{self.family} {seed}")
        protocol, settings = dice.choice((2, 2, 3)), dice.choice((0, 1, 1, 2, 3))
        if self.family == "protocol":
            return [(0, fragment(dice)) for _ in range(dice.randint(1, 6))], protocol, settings
        templates = [t for t in FAMILIES[self.family] if self.allows(t)]
        weights = [t.weight for t in templates]
        steps = []
        for _ in range(dice.randint(self.length // 4 + 1, self.length)):
            words = dice.choices(templates, weights)[0].sentence(dice, self.family)
            steps.append((dice.choice((0, 0, 0, 1, 2)), words) if self.family in SESSIONS else self.step(words))
        return steps, protocol, settings

    @staticmethod
    def step(words):
        name = words[0].upper()
        if name in ORDERED and len(words) > 1:
            return [[b"OBJECT", b"ENCODING", words[1]], words]  # tells whether the order of the reply is promised
        if name == b"SPOP" and len(words) > 1:
            return [words, [b"DEL", words[1]]]  # what was popped is drawn at random: level what is left
        return [words]


def quoted(word):
    text = repr(word)[2:-1].replace("\\'", "'").replace('"', '\\"')
    text = text if len(text) < 600 else f"{text[:60]}…({len(word)} bytes)"
    return text if re.fullmatch(r"[\w.:@*+\-\[\](){},/]+", text) else f'"{text}"'


def written(step):
    if isinstance(step, tuple):
        connection, words = step
        return f"{connection}> " + (" ".join(map(quoted, words)) if isinstance(words, list) else repr(words)[1:])
    return " ; ".join(" ".join(map(quoted, words)) for words in step)


def show(number, family, seed, steps, protocol, settings, difference):
    print(f"\n#{number} {family} seed {seed}, RESP{protocol}, settings {settings}: {difference.kind}"
          + (f" of {rule_name(difference.words)}" if difference.words else ""))
    for step in steps:
        print("    " + written(step))
    if difference.words:
        print("  at       " + " ".join(map(quoted, difference.words)))
    print(f"  Redis    {readable(difference.theirs)}\n  Gyre     {readable(difference.ours)}", flush=True)


def run_family(pair, family, given):
    """Runs a family's sequences; returns the number of distinct findings."""
    if family == "static":
        return statics.run(pair)
    maker = Maker(family, given.length, given.skip)
    run = pair.run_session if family in SESSIONS else pair.run_batch
    known, findings, done, began = set(), 0, 0, time.monotonic()
    seed = given.seed
    while findings < given.findings:
        if (time.monotonic() - began > given.seconds) if given.seconds else (done >= given.sequences):
            break
        steps, protocol, settings = maker.sequence(seed)
        if given.show:
            print(f"-- {family} {seed}\n" + "\n".join(map(written, steps)), flush=True)
        differences = pair.guarded(run, steps, protocol, settings)
        done, seed = done + 1, seed + 1
        if not differences:
            continue
        first = differences[0]
        unknown = re.match(rb"-ERR unknown command '([^']*)'", first.ours[1])
        if unknown and first.kind == "reply" and not first.theirs[1].startswith(b"-ERR unknown command"):
            name = first.words[0].decode("latin1").upper()
            if name not in maker.missing:
                maker.missing.add(name)
                print(f"  {family}: Gyre does not know {name}; left out from here", flush=True)
            continue
        key = signature(first)
        if key in known:
            continue
        known.add(key)
        findings += 1

        def fails(candidate):
            again = pair.guarded(run, candidate, protocol, settings)
            return bool(again) and signature(again[0])[:2] == key[:2]

        if first.at is not None:
            steps = steps[:first.at + 1]
        small = shrink(steps, fails) if fails(steps) else steps
        again = pair.guarded(run, small, protocol, settings)
        known |= {signature(d) for d in again[:1]}
        show(findings, family, seed - 1, small, protocol, settings, again[0] if again else first)
    print(f"{family}: {done} sequences, {findings} findings" + (f", not known to Gyre: {' '.join(sorted(maker.missing))}" if maker.missing else ""),
          flush=True)
    return findings


def main():
    given = options()
    if given.list:
        for family, templates in FAMILIES.items():
            print(f"{family}: {' '.join(dict.fromkeys(t.name for t in templates))}" + (" (when named)" if family in LATER else ""))
        return 0
    pair = Pair(given.reference or peer("redis-server"), gyre_server(given.server), given.port)
    try:
        families = given.family.split(",")
        if given.total:
            given.seconds = given.total / max(1, len([f for f in families if f != "static"]))
        findings = 0
        for seed in given.seeds.split(",") if given.seeds else [given.seed]:
            given.seed = int(seed)
            print(f"-- from seed {seed}", flush=True)
            findings += sum(run_family(pair, family, given) for family in families)
    finally:
        pair.close()
    print(f"\ndifferential: {pair.commands_sent} commands compared, {findings} findings")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
