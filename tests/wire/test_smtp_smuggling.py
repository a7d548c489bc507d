# SPDX-License-Identifier: Apache-2.0
"""Ends of a message and of a line that are none. Other servers took some of them for one, and so let a message bring a
second one along, with an envelope of its own (SMTP smuggling, 2023)."""

import socket

import pytest

from maildrops import PASSWORD, make_user
from pop3client import session
from smtpclient import Smtp
from support.octets import without_trace

FALSE_ENDS = {
    "LF.LF": b"\n.\n",
    "LF.CRLF": b"\n.\r\n",
    "CRLF.LF": b"\r\n.\n",
    "LF.CR": b"\n.\r",
    "CR.CR": b"\r.\r",
    "CR.LF": b"\r.\n",
    "CR.CRLF": b"\r.\r\n",
    "CRLF.CR": b"\r\n.\r",
    "CRLF.CRCRLF": b"\r\n.\r\r\n",
    "CRLF.NUL-CRLF": b"\r\n.\0\r\n",
    "CRLF-NUL.CRLF": b"\r\n\0.\r\n",
    "CRCRLF.CRLF-split": b"\r\r\n.\n\r\n",
    "CRLF.blank-CRLF": b"\r\n. \r\n",
    "CRLF.backspace-CRLF": b"\r\n.\x08\r\n",
}
SMUGGLED = (b"MAIL FROM:<evil@evil.example>\r\nRCPT TO:<%s>\r\nDATA\r\n"
            b"Subject: smuggled\r\n\r\nsmuggled\r\n")


@pytest.fixture
def user(servers, number):
    return make_user(servers("standard"), f"smuggled-{number}")


def messages(server, user):
    with session(server, user, PASSWORD) as client:
        count = int(client.ok("STAT").split()[1])
        return [client.retrieve(at) for at in range(1, count + 1)]


@pytest.mark.parametrize("name", FALSE_ENDS)
@pytest.mark.parametrize("in_pieces", [False, True], ids=["at-once", "octet-by-octet"])
def test_what_is_no_end_smuggles_nothing(servers, user, name, in_pieces):
    server, end = servers("standard"), FALSE_ENDS[name]
    content = b"Subject: outer\r\n\r\nouter" + end + SMUGGLED % user.encode()
    client = Smtp(server).hello().data(user)
    if in_pieces:
        client.wire.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for octet in content + b".\r\n":
            client.send(bytes([octet]))
    else:
        client.send(content + b".\r\n")
    bare = b"\n" in content.replace(b"\r\n", b"") or b"\r" in content.replace(b"\r\n", b"")
    client.expect(550 if bare else 250)
    # One reply and no more: the next is that of NOOP.
    assert client.say("NOOP", 250) == "2.0.0 OK"
    client.quit()
    stored = messages(server, user)
    assert len(stored) == (0 if bare else 1)
    if not bare:
        # It came as it was sent, but for the dot that the sender has to double and did not.
        assert without_trace(stored[0]) == content.replace(b"\r\n.", b"\r\n")


@pytest.mark.parametrize("name", FALSE_ENDS)
def test_nor_on_a_server_that_takes_bare_newlines(servers, number, name):
    server, end = servers("lenient"), FALSE_ENDS[name]
    user = make_user(server, f"smuggled-{number}")
    content = b"Subject: outer\r\n\r\nouter" + end + SMUGGLED % user.encode()
    client = Smtp(server).hello().data(user)
    client.send(content + b".\r\n")
    client.expect(250)
    client.quit()
    stored = messages(server, user)
    assert len(stored) == 1
    assert b"Return-Path: <sender@example.net>" in stored[0]


@pytest.mark.parametrize("line", [
    b"NOOP\nMAIL FROM:<evil@evil.example>\r\n",
    b"NOOP\n\r\n",
    b"\nNOOP\r\n",
    b"NOOP" + b"x" * 2000 + b"\nMAIL FROM:<evil@evil.example>\r\n",
])
def test_a_line_feed_alone_ends_the_session(servers, line):
    client = Smtp(servers("standard")).hello()
    client.send(line)
    client.expect(521)
    assert client.at_end()
    client.close()


def test_carriage_returns_end_no_command(servers, user):
    client = Smtp(servers("standard")).hello()
    client.send(b"MAIL FROM:<sender@example.net>\rRCPT TO:<%s>\r\n" % user.encode())
    client.expect(500)
    assert client.say(f"RCPT TO:<{user}>", 503) == "5.5.1 Send MAIL first"
    client.quit()
