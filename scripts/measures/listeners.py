"""Subscribers that read whatever comes, so that what a server spends on a message that many receive can be measured."""
import select
import socket
import threading
import time

CHANNEL, MESSAGE = "ch", "hello"
DELIVERY = f"*3\r\n$7\r\nmessage\r\n${len(CHANNEL)}\r\n{CHANNEL}\r\n${len(MESSAGE)}\r\n{MESSAGE}\r\n".encode()
PATIENCE_S = 60


class Listeners(threading.Thread):
    """So many subscribers of one channel, read by one thread; used with `with`."""

    def __init__(self, port, count):
        super().__init__(daemon=True)
        self.sockets, self.poll, self.received, self.is_over, self.lost = {}, select.epoll(), 0, False, 0
        for _ in range(count):
            one = socket.create_connection(("127.0.0.1", port))
            one.sendall(f"SUBSCRIBE {CHANNEL}\r\n".encode())
            confirmation = b""
            while not confirmation.endswith(b":1\r\n"):
                confirmation += one.recv(4096)
            self.sockets[one.fileno()] = one
            self.poll.register(one, select.EPOLLIN)

    def run(self):
        while not self.is_over:
            for descriptor, _ in self.poll.poll(0.1):
                count = len(self.sockets[descriptor].recv(1 << 18))
                self.received += count
                if not count:
                    self.lost += 1
                    self.poll.unregister(descriptor)

    def wait_for(self, deliveries):
        """Returns when so many messages were received since the last call; raises if they do not come."""
        end = time.monotonic() + PATIENCE_S
        while self.received < deliveries * len(DELIVERY):
            if self.lost or time.monotonic() > end:
                raise RuntimeError(f"{self.received // len(DELIVERY)} of {deliveries} messages were received, {self.lost} subscribers lost")
            time.sleep(0.002)
        self.received -= deliveries * len(DELIVERY)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.is_over = True
        self.join()
        for one in self.sockets.values():
            one.close()
