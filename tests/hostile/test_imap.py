# SPDX-License-Identifier: Apache-2.0
"""What peers may do to IMAP: lines and literals without end, literals that lie, brackets without end. Short forms, and what is sent
ahead of TLS, are transcripts in tests/wire/imap."""

import socket

from hostile import bounded, pour, rest_of
from maildrops import make_user
from transcript import Connection

ENDLESS = 32 * 1024 * 1024
PIECE = b"x" * 65536


class Imap:
    def __init__(self, server, listener="imap-plain"):
        self.wire = Connection(server.listener_address(listener))
        assert self.wire.read_line().startswith(b"* OK")

    def send(self, data):
        self.wire.send(data)

    def command(self, octets):
        """The tagged line; its tag is `t`."""
        self.send(b"t " + octets + b"\r\n")
        return self.tagged()

    def tagged(self):
        while True:
            line = self.wire.read_line()
            assert line is not None, "the server closed the connection"
            if line.startswith(b"t "):
                return line

    def close(self):
        self.wire.close()


def logged_in(server, name):
    user = make_user(server, name)
    client = Imap(server)
    assert client.command(f"LOGIN {user} secret".encode()).startswith(b"t OK")
    return client


def test_a_line_without_end_ends_the_session(server):
    with bounded(server, 8):
        client = Imap(server)
        pour(client, PIECE, ENDLESS)
        assert rest_of(client) in (b"* BYE [TOOBIG] The command is too long\r\n", b"")
        client.close()


def test_literals_that_lie_cost_nothing(server, number):
    client = logged_in(server, f"liar-{number}")
    with bounded(server, 8):
        for size in (b"4294967295", b"18446744073709551615", b"99999999999999999999999", b"-1", b"1+0"):
            assert client.command(b"STATUS {" + size + b"}").startswith(b"t BAD")
        assert client.command(b"APPEND INBOX {9223372036854775807}").startswith(b"t NO [TOOBIG]")
        client.send(b"t STATUS {9999999+}\r\n")
        pour(client, PIECE, ENDLESS)
        assert rest_of(client) in (b"* BYE [TOOBIG] The literal is too large\r\n", b"")
    client.close()


def test_a_message_that_nobody_wants_is_dropped_as_it_comes(server, number):
    client = logged_in(server, f"unwanted-{number}")
    with bounded(server, 8):
        client.send(b"t APPEND nowhere {%d+}\r\n" % ENDLESS)
        assert pour(client, PIECE, ENDLESS) == ENDLESS
        client.send(b"\r\n")
        assert client.tagged().startswith(b"t NO [TRYCREATE]")
    assert client.command(b"NOOP") == b"t OK Done"
    client.close()


def test_a_message_that_breaks_off_is_not_there(server, number):
    client = logged_in(server, f"broken-{number}")
    user = f"broken-{number}"
    client.send(b"t APPEND INBOX {1000}\r\n")
    assert client.wire.read_line().startswith(b"+ ")
    client.send(b"x" * 999)
    client.close()
    again = Imap(server)
    assert again.command(f"LOGIN {user}@example.org secret".encode()).startswith(b"t OK")
    assert again.command(b"STATUS INBOX (MESSAGES)").startswith(b"t OK")
    assert again.command(b"EXAMINE INBOX").startswith(b"t OK")
    assert again.command(b"FETCH 1 FLAGS").startswith(b"t BAD")
    again.close()


def test_brackets_and_lists_without_end(server, number):
    client = logged_in(server, f"nested-{number}")
    assert client.command(b"SELECT INBOX").startswith(b"t OK")
    with bounded(server, 16):
        for octets in (b"SEARCH " + b"(" * 50000, b"SEARCH " + b"NOT " * 12000 + b"ALL", b"SEARCH " + b"OR ALL " * 8000 + b"ALL",
                       b"FETCH 1 BODY[" + b"1." * 25000 + b"1]", b"FETCH " + b"1," * 25000 + b"1 FLAGS",
                       b"FETCH 1 (" + b"FLAGS " * 9000 + b"FLAGS)", b"STORE 1 +FLAGS (" + b"k " * 20000 + b"k)",
                       b'LIST "" "' + b"*" * 50000 + b'a"', b"ENABLE" + b" X" * 20000):
            answer = client.command(octets)
            assert answer.startswith((b"t BAD", b"t OK")), answer
            client.send(b"u NOOP\r\n")
            assert client.wire.read_line() == b"u OK Done"
    client.close()


def test_octets_of_no_language(server):
    for octets in (b"\0" * 1000, bytes(range(256)) * 4, b"\xff" * 1000, b"\r" * 1000, b"{" * 1000, b'"' * 1000):
        client = Imap(server)
        client.send(octets + b"\r\n")
        client.wire.socket.shutdown(socket.SHUT_WR)
        assert all(line.startswith(b"* B") for line in rest_of(client).splitlines())
        client.close()
