"""What the measuring and comparing scripts share: where the peers are, how a server is started and stopped, and a small RESP client.

Knows processes, sockets and bytes; nothing of what is measured. A server runs on one core and everything else on another, because
the figures that count are the server's own. Every server that was started is ended when its `with` block ends, by its own process id.
"""
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

HOME = Path(__file__).resolve().parent.parent
CACHE = Path(os.environ.get("GYRE_CACHE", HOME / ".cache"))
PEERS = CACHE / "peers"
GYRE = Path(os.environ.get("GYRE_SERVER", HOME / "target/release/gyre-server"))

# The servers of a comparison, by the names the tables use.
PEER_SERVERS = {"redis80": "redis-server", "redis86": "redis86-server", "valkey91": "valkey-server"}

SERVER_CORE, LOAD_CORE = 0, 1
START_SECONDS_MAX = 120


def peer(program):
    """The path of a peer's program, or a SystemExit that says how to get it."""
    path = PEERS / "bin" / program
    if not path.exists():
        raise SystemExit(f"{program} is not in {PEERS}/bin: run scripts/peers.sh first")
    return str(path)


def gyre_server(path=None):
    path = Path(path) if path else GYRE
    if not path.exists():
        raise SystemExit(f"{path} does not exist: run `make build` first")
    return str(path.resolve())


def encode(*words):
    """One command in RESP."""
    parts = [b"*%d\r\n" % len(words)]
    for word in words:
        if not isinstance(word, bytes):
            word = str(word).encode()
        parts.append(b"$%d\r\n%s\r\n" % (len(word), word))
    return b"".join(parts)


class Error(str):
    """An error reply; a value, so that a caller may compare it."""


class Client:
    """A blocking connection that sends RESP and reads whole replies (RESP2 and RESP3) as Python values."""

    def __init__(self, port, host="127.0.0.1", timeout=120.0):
        self.socket = socket.create_connection((host, port), timeout=timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.file = self.socket.makefile("rb", buffering=1 << 16)

    def close(self):
        self.file.close()
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def call(self, *words):
        self.send(encode(*words))
        return self.read()

    def must(self, *words):
        """A call whose error reply ends the program."""
        reply = self.call(*words)
        if isinstance(reply, Error):
            raise SystemExit(f"{words[:3]}: {reply}")
        return reply

    def read(self):
        line = self.file.readline()
        if not line.endswith(b"\r\n"):
            raise ConnectionError("the server closed the connection")
        kind, rest = line[:1], line[1:-2]
        if kind in b"+(,":
            return rest
        if kind == b"-":
            return Error(rest.decode("utf8", "replace"))
        if kind == b":":
            return int(rest)
        if kind in b"$=!":
            length = int(rest)
            return None if length < 0 else self.file.read(length + 2)[:-2]
        if kind in b"*~>":
            length = int(rest)
            return None if length < 0 else [self.read() for _ in range(length)]
        if kind == b"%":
            return [(self.read(), self.read()) for _ in range(int(rest))]
        if kind == b"_":
            return None
        if kind == b"#":
            return rest == b"t"
        raise ConnectionError(f"not a RESP reply: {line[:60]!r}")

    def feed(self, chunks):
        """Sends chunks of (bytes, number of commands), each answered by a line or a string, which are read whole and checked: what is left
        unread stays in the server's memory, and would be measured with the data."""
        for data, count in chunks:
            self.send(data)
            for _ in range(count):
                line = self.file.readline()
                if line[:1] == b"-":
                    raise SystemExit(f"error while loading data: {line[:200]!r}")
                if line[:1] == b"$" and line[1:2] != b"-":
                    self.file.read(int(line[1:]) + 2)

    def info(self, section, field):
        text = self.must("INFO", section).decode()
        found = re.search(rf"^{field}:(.*?)\r?$", text, re.M)
        return found.group(1) if found else None


class Server:
    """A server process in a folder of its own, on one core; `with Server(...) as server: server.client()`."""

    def __init__(self, name, command, port, *arguments, core=SERVER_CORE, folder=None):
        self.name, self.command, self.port, self.core = name, command, port, core
        self.arguments = [str(a) for a in arguments]
        self.folder = folder or tempfile.mkdtemp(prefix=f"gyre-{name}-")
        self.own_folder = folder is None
        self.process = None
        self.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()
        if self.own_folder:
            shutil.rmtree(self.folder, ignore_errors=True)

    def start(self):
        """Starts and waits until PING is answered; returns the seconds that took."""
        pin = ["taskset", "-c", str(self.core)] if self.core is not None and (os.cpu_count() or 1) > 1 else []
        began = time.monotonic()
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                [*pin, *str(self.command).split(), "--port", str(self.port), "--save", "", "--appendonly", "no", "--dir", self.folder,
                 "--daemonize", "no", *self.arguments], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        while True:
            try:
                client = Client(self.port)
                reply = client.call("PING")
                took = time.monotonic() - began
                if reply == b"PONG":
                    self.check_is_ours(client)
                    client.close()
                    return took
                client.close()
            except (OSError, ConnectionError):
                pass
            if self.process.poll() is not None:
                raise SystemExit(f"{self.name} ended at start:\n{self.log_tail()}")
            if time.monotonic() - began > START_SECONDS_MAX:
                self.end()
                raise SystemExit(f"{self.name} did not answer within {START_SECONDS_MAX} s:\n{self.log_tail()}")
            time.sleep(0.005)

    def check_is_ours(self, client):
        """A server that an earlier run left on the port would answer in the place of this one, and be measured for it."""
        answers = client.info("server", "process_id")
        if answers and int(answers) != self.process.pid:
            self.end()
            raise SystemExit(f"port {self.port} is taken: process {answers} answers there, not {self.name} ({self.process.pid})")

    def end(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()

    @property
    def log_path(self):
        return os.path.join(self.folder, "log")

    def log_tail(self):
        with open(self.log_path, errors="replace") as log:
            return "".join(log.readlines()[-15:])

    def client(self, **options):
        return Client(self.port, **options)

    def resident_bytes(self):
        with open(f"/proc/{self.process.pid}/status") as status:
            return int(re.search(r"VmRSS:\s+(\d+)", status.read()).group(1)) * 1024

    def cpu_ns(self):
        """CPU time of all the server's threads that live, in ns, from the scheduler's own accounts."""
        total = 0
        for thread in os.listdir(f"/proc/{self.process.pid}/task"):
            try:
                with open(f"/proc/{self.process.pid}/task/{thread}/schedstat") as account:
                    total += int(account.read().split()[0])
            except OSError:
                pass
        return total


def settle_on_load_core():
    """Moves this process, and what it will start, to the core that servers do not use."""
    if (os.cpu_count() or 1) > 1:
        os.sched_setaffinity(0, {LOAD_CORE})


def machine():
    """What the figures were measured on, in one line."""
    with open("/proc/cpuinfo") as info:
        model = re.search(r"^(?:model name|CPU implementer)\s*:\s*(.*)$", info.read(), re.M)
    with open("/proc/meminfo") as info:
        memory = int(re.search(r"MemTotal:\s+(\d+)", info.read()).group(1)) / 1024 / 1024
    release = os.uname().release
    return f"{os.cpu_count()} cores, {model.group(1) if model else os.uname().machine}, {memory:.0f} GiB, Linux {release}"
