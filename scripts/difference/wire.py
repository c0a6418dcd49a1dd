"""Connections that keep what they read: replies as trees that remember their RESP type, and the raw bytes they came from."""
import socket

from servers import encode

READ_SECONDS = 5.0


class Gone(Exception):
    """The server closed the connection, or did not answer in time."""


class Unfinished(Exception):
    """The bytes so far are not a whole reply."""


def parse(data, at):
    """The reply that begins at `at`, as (type, content), and where it ends. Aggregates hold a list; a map holds a flat list."""
    end = data.find(b"\r\n", at)
    if end < 0:
        raise Unfinished
    kind, rest, at = data[at:at + 1], data[at + 1:end], end + 2
    if kind in b"$=!" and rest[:1] != b"-":
        length = int(rest)
        if len(data) < at + length + 2:
            raise Unfinished
        return (kind, data[at:at + length]), at + length + 2
    if kind in b"*~>%|" and rest[:1] != b"-":
        items = []
        for _ in range(int(rest) * (2 if kind in b"%|" else 1)):
            item, at = parse(data, at)
            items.append(item)
        return (kind, items), at
    if kind in b"+-:_,#($*=!~>%|":
        return (kind, rest), at
    raise Gone(f"not RESP: {data[max(0, end - 60):end + 40]!r}")


class Wire:
    """One connection to one server."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=READ_SECONDS)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.data, self.at, self.closed = b"", 0, False

    def close(self):
        self.socket.close()

    def send(self, data):
        try:
            self.socket.sendall(data)
        except OSError:
            self.closed = True

    def receive(self):
        try:
            more = self.socket.recv(1 << 18)
        except TimeoutError:
            raise Gone("no reply in time") from None
        except OSError:
            more = b""
        if not more:
            self.closed = True
            raise Gone("connection closed")
        self.data, self.at = self.data[self.at:] + more, 0

    def read(self):
        """One whole reply: (tree, raw bytes)."""
        while True:
            try:
                tree, end = parse(self.data, self.at)
            except Unfinished:
                self.receive()
                continue
            raw, self.at = self.data[self.at:end], end
            return tree, raw

    def call(self, *words):
        self.send(encode(*words))
        return self.read()

    def drain(self):
        """What has arrived, without waiting: a list of (tree, raw); a closed connection adds a mark, once."""
        got = []
        self.socket.setblocking(False)
        try:
            while not self.closed:
                more = self.socket.recv(1 << 18)
                if not more:
                    self.closed = True
                    break
                self.data, self.at = self.data[self.at:] + more, 0
        except BlockingIOError:
            pass
        except OSError:
            self.closed = True
        self.socket.settimeout(READ_SECONDS)
        while self.at < len(self.data):
            try:
                tree, end = parse(self.data, self.at)
            except Unfinished:
                if self.closed:
                    got.append(((b"?", self.data[self.at:]), self.data[self.at:]))
                    self.at = len(self.data)
                break
            except Gone:
                got.append(((b"?", self.data[self.at:]), self.data[self.at:]))
                self.at = len(self.data)
                break
            got.append((tree, self.data[self.at:end]))
            self.at = end
        if self.closed and not getattr(self, "told", False):
            self.told = True
            got.append(((b"closed", b""), b"<closed>"))
        return got
