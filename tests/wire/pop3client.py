# SPDX-License-Identifier: Apache-2.0
"""A POP3 client that shows octets: for what a transcript cannot say."""

import contextlib
import re

from support.octets import CRLF
from transcript import Connection


class Pop3:
    def __init__(self, server, listener="pop3", **options):
        self.start(Connection(server.listener_address(listener), **options))

    @classmethod
    def on(cls, wire):
        """On a connection that somebody made ready."""
        client = cls.__new__(cls)
        client.start(wire)
        return client

    def start(self, wire):
        self.wire = wire
        self.greeting = self.line()
        assert self.greeting.startswith(b"+OK"), self.greeting

    def send(self, data):
        self.wire.send(data)

    def line(self):
        line = self.wire.read_line()
        assert line is not None, "the server closed the connection"
        return line

    def command(self, text):
        """The status line."""
        self.send(text.encode() + CRLF)
        return self.line()

    def ok(self, text):
        line = self.command(text)
        assert line.startswith(b"+OK"), f"{text.split()[0]}: {line!r}"
        return line

    def err(self, text):
        line = self.command(text)
        assert line.startswith(b"-ERR"), f"{text.split()[0]}: {line!r}"
        return line

    def login(self, user, password):
        self.ok(f"USER {user}")
        self.ok(f"PASS {password}")
        return self

    def body(self):
        """What stands up to the final dot, unstuffed, with its CRLFs."""
        end, looked = CRLF + b"." + CRLF, 0
        # The end of the status line counts as the end of the line before.
        data = bytearray(CRLF + self.wire.received)
        while (at := data.find(end, looked)) < 0:
            looked = max(0, len(data) - len(end))
            self.wire.received = b""
            assert self.wire.receive(), f"the end did not come, only ...{bytes(data[-200:])!r}"
            data += self.wire.received
        self.wire.received = bytes(data[at + len(end):])
        return re.sub(rb"(?m)^\.", b"", bytes(data[2:at + 2]))

    def multi(self, text):
        self.ok(text)
        return self.body()

    def retrieve(self, number):
        return self.multi(f"RETR {number}")

    def at_end(self):
        """The server has closed and said nothing more."""
        return self.wire.read_line() is None

    def quit(self):
        self.ok("QUIT")
        assert self.at_end()
        self.wire.close()

    def close(self):
        self.wire.close()


@contextlib.contextmanager
def session(server, user, password, **options):
    """A logged-in session that ends with QUIT, if the test gets there."""
    client = Pop3(server, **options)
    try:
        client.login(user, password)
        yield client
        client.quit()
    finally:
        client.close()
