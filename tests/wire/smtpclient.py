# SPDX-License-Identifier: Apache-2.0
"""An SMTP and LMTP client that shows octets: for what a transcript cannot say."""

from support.octets import CRLF
from transcript import Connection

SENDER = "sender@example.net"


class Smtp:
    def __init__(self, server, listener="smtp", **options):
        self.wire = Connection(server.listener_address(listener), **options)
        self.is_lmtp = listener.startswith("lmtp")
        self.name = "%s:%d" % self.wire.socket.getsockname()[:2]  # as the log has it
        self.expect(220)

    def hello(self):
        self.say("LHLO client.example.net" if self.is_lmtp else "EHLO client.example.net", 250)
        return self

    def send(self, data):
        self.wire.send(data)

    def reply(self):
        """(code, text of its last line)."""
        while True:
            line = self.wire.read_line()
            assert line is not None, "the server closed the connection"
            if line[3:4] != b"-":
                return int(line[:3]), line[4:].decode()

    def expect(self, code):
        got, text = self.reply()
        assert got == code, f"wanted {code}: {got} {text}"
        return text

    def say(self, line, code):
        self.send(line.encode() + CRLF)
        return self.expect(code)

    def envelope(self, *users, sender=SENDER):
        """MAIL and RCPT, accepted."""
        self.send(b"".join(line.encode() + CRLF for line in [f"MAIL FROM:<{sender}>"] + [f"RCPT TO:<{user}>" for user in users]))
        for _ in range(1 + len(users)):
            self.expect(250)
        return self

    def data(self, *users):
        """Up to the 354."""
        self.envelope(*users)
        self.say("DATA", 354)
        return self

    def at_end(self):
        """The server has closed and said nothing more."""
        return self.wire.read_line() is None

    def quit(self):
        self.say("QUIT", 221)
        assert self.at_end()
        self.wire.close()

    def close(self):
        self.wire.close()
