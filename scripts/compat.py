#!/usr/bin/env python3
"""Runs the Tcl suite of Redis 8.0.6 on Gyre, file by file, and holds it against the list of known exceptions (`make compat`).

usage: scripts/compat.py [--server PATH] [--files REGEX] [--all] [--accurate] [--jobs N] [--port N] [--json FILE] [--try-exceptions] [--keep]

Each job works in a scratch copy of the suite in which the server and both checkers are links to the one binary under test; redis-cli and
redis-benchmark are Redis's own. A file fails if a test fails that `tests/compat/exceptions.txt` does not list, if a listed test passes or no
longer exists, if it ends before its last test, or if it outlasts its time. What a file leaves running is found by its folder and ended.

Leaves with 0 if every file is as listed, 1 if not, 3 or 4 if scripts/peers.sh could not bring the suite.
"""
import argparse
import concurrent.futures
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from servers import HOME, PEERS, gyre_server

SUITE = PEERS / "suite/8.0.6"
FILES = HOME / "tests/compat/files.txt"
EXCEPTIONS = HOME / "tests/compat/exceptions.txt"

# What a listed test may need: parts of Redis that an issue to come brings. Nothing else excuses a failure of the first kind.
FEATURES = {"aof", "replica", "cluster", "tls"}
TAG = "tag:"  # in the place of a test's name: all blocks of the file that carry this tag of the suite
LINE = "line:"  # in the place of a test's name: the file's lines that begin with this word, left out of the scratch copy

FILE_SECONDS = 300  # the most a file may take where files.txt gives no figure
ACCURATE_SECONDS = 1200  # the same with --accurate, which runs randomized tests for longer and on more data
FIRST_PORT, PORTS_A_JOB = 22000, 2000
ANSI = re.compile(r"\x1b\[[0-9;]*m")


class BadList(Exception):
    """exceptions.txt or files.txt does not say what it must."""


class Listed:
    """A line of exceptions.txt."""

    def __init__(self, line, number):
        self.skip = line.startswith("!")
        fields = [field.strip() for field in line.lstrip("! ").split(" :: ")]
        if len(fields) != 4 or not all(fields):
            raise BadList(f"exceptions.txt:{number}: not `file :: test name :: kind :: reason`")
        self.file, self.test, kind, self.reason = fields
        self.is_wide = self.test.startswith((TAG, LINE))
        self.kind, _, self.points_to = kind.partition(" ")
        feature = self.kind.removeprefix("needs:")
        if self.kind != "inner-layout" and (feature == self.kind or feature not in FEATURES):
            raise BadList(f"exceptions.txt:{number}: kind `{self.kind}` is neither needs:<{'|'.join(sorted(FEATURES))}> nor inner-layout")
        if not self.points_to:
            raise BadList(f"exceptions.txt:{number}: `{self.kind}` must name " + ("our test" if self.kind == "inner-layout" else "the issue"))


    def as_option(self):
        """What keeps the suite from running this test, or the blocks with this tag."""
        if self.test.startswith(LINE):
            return ()
        return ("--tags", "-" + self.test.removeprefix(TAG)) if self.test.startswith(TAG) else ("--skiptest", self.test)


def lines_of(path):
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if line.strip() and not line.startswith("#"):
            yield number, line


def read_exceptions():
    listed = [Listed(line, number) for number, line in lines_of(EXCEPTIONS)]
    ours = "\n".join(p.read_text() for root in ("src", "tests") for p in (HOME / root).rglob("*.rs"))
    for item in listed:
        if item.kind == "inner-layout" and not re.search(rf"fn {re.escape(item.points_to.split('::')[-1])}\b", ours):
            raise BadList(f"exceptions.txt: our test `{item.points_to}`, which answers for `{item.test}`, does not exist")
    return listed


def read_files(everything):
    """(file, most seconds) for each file to run."""
    if everything:
        folders = ("unit", "unit/type", "unit/cluster", "integration")
        return [(f"{folder}/{p.stem}", 1200) for folder in folders for p in sorted((SUITE / "tests" / folder).glob("*.tcl"))]
    files = []
    for _, line in lines_of(FILES):
        name, *seconds = line.split()
        files.append((name, int(seconds[0]) if seconds else FILE_SECONDS))
    return files


def scratch_copy(server):
    """A copy of the suite whose server and checkers are the binary under test."""
    folder = Path(tempfile.mkdtemp(prefix="gyre-compat-"))
    for name in ("tests", "utils"):
        shutil.copytree(SUITE / name, folder / name, symlinks=True)
    for name in ("runtest", "redis.conf", "sentinel.conf"):
        shutil.copy(SUITE / name, folder)
    shutil.copytree(SUITE / "src", folder / "src")
    for name in ("redis-server", "redis-check-rdb", "redis-check-aof"):
        with open(server, "rb") as binary:
            is_program = binary.read(4) == b"\x7fELF"
        if is_program:
            (folder / "src" / name).symlink_to(server)
        else:  # a starter script would lose the name it is called by
            (folder / "src" / name).write_text(f'#!/bin/sh\nexec {server} "$@"\n')
            (folder / "src" / name).chmod(0o755)
    for name in ("redis-cli", "redis-benchmark"):
        (folder / "src" / name).symlink_to(PEERS / "bin" / name)
    return folder


def leave_out(folder, exceptions):
    """Takes the lines that exceptions name (`line:word`) out of a scratch copy: calls that would end their file whether or not their test runs."""
    for item in exceptions:
        if item.test.startswith(LINE):
            path = folder / "tests" / f"{item.file}.tcl"
            word = re.escape(item.test.removeprefix(LINE))
            path.write_text(re.sub(rf"^\s*{word}\s.*$", "", path.read_text(), flags=re.M))


def end_leftovers(folder):
    """Ends what still works in the scratch copy: servers that outlived their file, daemonised ones too."""
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                if os.readlink(f"/proc/{entry}/cwd").startswith(str(folder)):
                    os.kill(int(entry), signal.SIGKILL)
            except OSError:
                pass


def run_suite(folder, port, file, seconds, *options):
    """Runs one file in its own process group; returns its cleaned output and, if it did not end well, why."""
    command = ["./runtest", "--single", file, "--clients", "1", "--durable", "--baseport", str(port),
               "--portcount", str(PORTS_A_JOB), "--timeout", str(seconds), *options]
    process = subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                               start_new_session=True)
    trouble = None
    try:
        output, _ = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        output, _ = process.communicate()
        trouble = f"did not end within {seconds} s"
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    end_leftovers(folder)
    text = ANSI.sub("", output.decode("utf8", "replace"))
    exception = re.search(r"^\[exception\]: (.*(?:\n.*)?)", text, re.M)
    if exception:
        trouble = "died: " + exception.group(1).replace("\n", " ")
    elif not trouble and "The End" not in text:
        trouble = "ended early: " + text[-300:].replace("\n", " ")
    elif re.search(r"^\[TIMEOUT\]", text, re.M):
        trouble = "stood still"
    return text, trouble


def parse(text):
    """Sorted outcomes of one run: names that passed, failed (with their message), were skipped, were ignored by the suite itself."""
    failed = []
    for block in re.findall(r"^\[err\]: (.*(?:\n(?!\[|===|\s*The End).*){0,6})", text, re.M):
        name = re.match(r"(.*?) in tests/\S+\.tcl", block)
        first, _, rest = block.partition("\n")
        # What fails outside a test, under --durable, comes without a name.
        failed.append((name.group(1).strip(), rest.strip()) if name else ("(outside a test)", block.strip()))
    return {
        "passed": [name.strip() for name in re.findall(r"^\[ok\]: (.*) \(\d+ ms\)$", text, re.M)],
        "failed": failed,
        "skipped": [name.strip() for name in re.findall(r"^\[skip\]: (.*)$", text, re.M)],
        "ignored": [name.strip() for name in re.findall(r"^\[ignore\]: (.*)$", text, re.M)],
    }


def judge(outcome, trouble, listed):
    """What is wrong with a file's run, each fault a line; an empty list is a pass."""
    faults = [trouble] if trouble else []
    known = {item.test for item in listed if not item.skip}
    for name, message in outcome["failed"]:
        if name not in known:
            faults.append(f"failed: {name}" + (f" | {message[:300]}" if message else ""))
    failed = {name for name, _ in outcome["failed"]}
    for name in known & set(outcome["passed"]) - failed:
        faults.append(f"listed as an exception, but passes: {name}")
    seen = failed | set(outcome["passed"]) | set(outcome["skipped"]) | {name.split(":")[0] for name in outcome["ignored"]}
    if not trouble:
        faults += [f"listed as an exception, but not in the file: {item.test}" for item in listed if item.test not in seen and not item.is_wide]
    return faults


class Jobs:
    """The scratch copies, one a job, handed to whichever thread runs next."""

    def __init__(self, server, count, first_port, exceptions):
        self.free = [(first_port + number * (PORTS_A_JOB + 1000), scratch_copy(server)) for number in range(count)]
        self.folders = [folder for _, folder in self.free]
        for folder in self.folders:
            leave_out(folder, exceptions)
        self.lock = threading.Lock()

    def run(self, file, seconds, *options):
        with self.lock:
            job = self.free.pop()
        try:
            return run_suite(job[1], job[0], file, seconds, *options)
        finally:
            with self.lock:
                self.free.append(job)

    def close(self, keep):
        for folder in self.folders:
            end_leftovers(folder)
            if keep:
                print(f"kept {folder}")
            else:
                shutil.rmtree(folder, ignore_errors=True)


def run_files(jobs, files, exceptions, count, *options):
    """Runs every file, with these options of the suite, and prints a line for each; returns the results by file."""
    def one(entry):
        file, seconds = entry
        listed = [item for item in exceptions if item.file == file]
        skips = [word for item in listed if item.skip for word in item.as_option()]
        began = time.monotonic()
        text, trouble = jobs.run(file, seconds, *skips, *options)
        outcome = parse(text)
        outcome.update(seconds=round(time.monotonic() - began, 1), trouble=trouble, faults=judge(outcome, trouble, listed))
        if trouble:
            outcome["tail"] = text[-2000:]
        return file, outcome

    results = {}
    with concurrent.futures.ThreadPoolExecutor(count) as pool:
        for done in concurrent.futures.as_completed([pool.submit(one, entry) for entry in files]):
            file, outcome = done.result()
            results[file] = outcome
            listed = len(outcome["failed"]) - sum(fault.startswith("failed") for fault in outcome["faults"])
            print(f"{'FAIL' if outcome['faults'] else 'ok':4s} {file:42s} passed {len(outcome['passed']):4d}  failed {len(outcome['failed']):3d}"
                  f" (listed {listed})  skipped {len(outcome['skipped'])}  ignored {len(outcome['ignored'])}  {outcome['seconds']:6.1f} s", flush=True)
            for fault in outcome["faults"]:
                print(f"       {fault[:400]}", flush=True)
    return results


def try_exceptions(jobs, exceptions, chosen, count):
    """Runs each skipped exception on its own and says which pass now."""
    wanted = [item for item in exceptions if item.skip and not item.is_wide and re.search(chosen, item.file)]

    def one(item):
        text, _ = jobs.run(item.file, FILE_SECONDS, "--only", item.test)
        return item, item.test in parse(text)["passed"]

    passing = []
    with concurrent.futures.ThreadPoolExecutor(count) as pool:
        for item, passes in pool.map(one, wanted):
            print(f"{'PASSES' if passes else 'fails':6s} {item.file} :: {item.test}", flush=True)
            passing += [item] if passes else []
    print(f"{len(wanted)} skipped exceptions tried, {len(passing)} pass now and must leave the list")
    return 1 if passing else 0


def summary(results, exceptions):
    total = {key: sum(len(r[key]) for r in results.values()) for key in ("passed", "failed", "skipped", "ignored")}
    faults = sum(len(r["faults"]) for r in results.values())
    bad = [file for file, r in results.items() if r["faults"]]
    kinds = [item.kind for item in exceptions if item.file in results]
    inner = kinds.count("inner-layout")
    print(f"\n{len(results)} files, {len(bad)} of them not as they must be{': ' + ' '.join(bad) if bad else ''}")
    print(f"exceptions listed: {len(kinds)} ({len(kinds) - inner} need a part to come, {inner} look at an inner layout);"
          f" {total['skipped']} tests not run as listed, {total['ignored']} left out by the suite itself (large memory)")
    print(f"compat: {total['passed']} passed, {total['failed']} failed, {faults} faults")


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--server", help="the binary under test (default: target/release/gyre-server)")
    options.add_argument("--files", default=".", help="only files whose name matches this expression")
    options.add_argument("--all", action="store_true", help="every file of the suite, not only those of tests/compat/files.txt")
    options.add_argument("--accurate", action="store_true", help="run randomized tests with more rounds and larger data, as the suite's own --accurate")
    options.add_argument("--jobs", type=int, default=2, help="files at a time (default 2)")
    options.add_argument("--port", type=int, default=FIRST_PORT, help=f"first port of the servers (default {FIRST_PORT}; each job takes {PORTS_A_JOB + 1000})")
    options.add_argument("--json", help="write the results here")
    options.add_argument("--try-exceptions", action="store_true", help="run the skipped exceptions singly and report those that pass")
    options.add_argument("--keep", action="store_true", help="keep the scratch copies, with the servers' logs")
    given = options.parse_args()

    server = gyre_server(given.server)
    brought = subprocess.run([HOME / "scripts/peers.sh", "suite"])
    if brought.returncode:
        return brought.returncode
    try:
        exceptions = read_exceptions()
    except BadList as fault:
        print(fault)
        return 1
    jobs = Jobs(server, given.jobs, given.port, exceptions)
    try:
        if given.try_exceptions:
            return try_exceptions(jobs, exceptions, given.files, given.jobs)
        files = [entry for entry in read_files(given.all) if re.search(given.files, entry[0])]
        if given.accurate:
            files = [(file, max(seconds, ACCURATE_SECONDS)) for file, seconds in files]
        results = run_files(jobs, files, exceptions, given.jobs, *(["--accurate"] if given.accurate else []))
        summary(results, exceptions)
        if given.json:
            Path(given.json).write_text(json.dumps(results, indent=1))
        return 1 if any(r["faults"] for r in results.values()) else 0
    finally:
        jobs.close(given.keep)


if __name__ == "__main__":
    sys.exit(main())
