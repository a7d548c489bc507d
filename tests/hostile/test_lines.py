# SPDX-License-Identifier: Apache-2.0
"""Lines without end, and octets that are none of a line. Their short forms are transcripts: pop3/line_too_long.txt,
pop3/nul.txt, smtp/line_too_long.txt, smtp/octets.txt in tests/wire."""

import contextlib
import json
import socket

import pytest

from hostile import bounded, pour, rest_of
from maildrops import assert_is, deliver, make_user
from pop3client import Pop3, session
from smtpclient import Smtp

ENDLESS = 32 * 1024 * 1024
PIECE = b"x" * 65536


def test_a_pop3_line_without_end_ends_the_session(server):
    with bounded(server, 8):
        client = Pop3(server)
        pour(client, PIECE, ENDLESS)
        assert rest_of(client) in (b"-ERR Line too long, closing the connection\r\n", b"")
        client.close()


@pytest.mark.parametrize("listener", ["smtp", "submission", "lmtp"])
def test_an_smtp_line_without_end_is_passed_over(server, listener):
    with bounded(server, 8):
        client = Smtp(server, listener).hello()
        assert pour(client, PIECE, ENDLESS) == ENDLESS
        client.send(b"\r\n")
        client.expect(500)
        client.quit()


def test_an_answer_without_end_in_a_login(server):
    client = Smtp(server, "submission").hello()
    client.say("AUTH PLAIN", 334)
    with bounded(server, 8):
        pour(client, PIECE, ENDLESS)
        client.send(b"\r\n")
        client.expect(500)
        client.quit()


def test_an_administrators_line_without_end(server):
    with bounded(server, 8), socket.socket(socket.AF_UNIX) as admin:
        admin.settimeout(60)
        admin.connect(str(server.data_dir / "admin.sock"))
        stream = admin.makefile("rb")
        stream.readline()
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            for _ in range(ENDLESS // len(PIECE)):
                admin.sendall(PIECE)
        with contextlib.suppress(ConnectionResetError):
            assert json.loads(stream.read())["class"] == "invalid"


def test_lines_of_commands_without_end_are_answered_or_closed(server):
    """No command among millions: the error limit ends it."""
    with bounded(server, 8):
        for make in (lambda: Pop3(server), lambda: Smtp(server).hello()):
            client = make()
            pour(client, b"\r\n" * 30000, ENDLESS)
            assert b"oo many errors" in rest_of(client)[-200:]
            client.close()


@pytest.mark.parametrize("octets", [b"\0" * 1000, bytes(range(256)) * 4, b"\xff" * 1000, b"\r" * 1000], ids=["NUL", "all", "FF", "CR"])
@pytest.mark.parametrize("listener", ["pop3", "smtp", "submission", "lmtp"])
def test_octets_of_no_language(server, listener, octets):
    """Each is answered with an error or a close; nothing of it comes back."""
    client = Pop3(server) if listener == "pop3" else Smtp(server, listener)
    client.send(octets + b"\r\n")
    client.wire.socket.shutdown(socket.SHUT_WR)
    answer = rest_of(client)
    assert answer == b"" or all(line[:3] in (b"-ER", b"500", b"521", b"421") for line in answer.splitlines()), answer
    client.close()


def test_all_octets_in_a_message_come_back(server, number):
    user = make_user(server, f"octets-{number}")
    some = bytes(octet for octet in range(256) if octet not in b"\r\n")
    message = b"Subject: " + some + b"\r\n\0X: y\r\nX\0: y\r\n\r\n" + some + b"\r\n\0\r\n.\0\r\n"
    deliver(server, user, message)
    with session(server, user, "secret") as client:
        assert_is(client.retrieve(1), message)


def test_a_name_cannot_forge_the_log(server):
    """Names of senders, users and clients stand quoted in one line."""
    forged = 'x" event=ready pid=1 y="'
    client = Pop3(server)
    client.ok(f"USER {forged}")
    client.err("PASS x")
    client.ok("USER x\x1b[2Jx\u2028event=ready")
    client.err("PASS x")
    client.quit()
    mail = Smtp(server).hello()
    mail.send(b'MAIL FROM:<"a\\" event=ready"@b.example>\r\n')
    mail.expect(250)
    mail.quit()
    server.wait_for_event("login", {"user": forged})
    assert len(server.events("ready")) == 1
    assert all(32 <= octet < 127 for octet in server.log_path.read_bytes().replace(b"\n", b""))


def test_deep_and_odd_json(server):
    for line in [b"[" * 30000, b'{"operation":' * 5000, b'{"operation":"status","arguments":{},"octets":-1}',
                 b'{"operation":"status","arguments":{},"octets":9223372036854775807}',
                 b'{"operation":"status","arguments":{},"octets":18446744073709551616}',
                 b'{"operation":"status\\u0000","arguments":{}}', b'{"operation":"\xff","arguments":{}}', b"\0"]:
        with socket.socket(socket.AF_UNIX) as admin:
            admin.settimeout(60)
            admin.connect(str(server.data_dir / "admin.sock"))
            stream = admin.makefile("rb")
            stream.readline()
            admin.sendall(line + b"\n")
            answer = json.loads(stream.readline())
            assert answer["ok"] is False and answer["class"] == "invalid", line[:60]
            assert stream.read() == b""
