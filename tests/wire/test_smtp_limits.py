# SPDX-License-Identifier: Apache-2.0
"""Messages that are large, many or slow; chunks that lie; connections that break: by SMTP and LMTP."""

import os
import socket
import time

import pytest

from maildrops import PASSWORD, assert_is, make_user
from pop3client import session
from smtpclient import Smtp
from support.generator import Generator
from support.octets import stuffed

IS_SANITIZED = os.environ.get("POSTHOUSE_BUILD", "release") != "release"
LISTENERS = ["smtp", "lmtp"]


@pytest.fixture
def server(servers):
    return servers("standard")


@pytest.fixture
def user(server, number):
    return make_user(server, f"limits-{number}")


def fetch(server, user):
    with session(server, user, PASSWORD) as client:
        count = int(client.ok("STAT").split()[1])
        return [client.retrieve(at) for at in range(1, count + 1)]


def spool_files(server):
    """Spool files that the server holds open; they have no name."""
    count = 0
    for entry in os.scandir(f"/proc/{server.process.pid}/fd"):
        try:
            count += "/spool/" in os.readlink(entry.path)
        except FileNotFoundError:
            pass
    return count


def wait_until(condition):
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


# ---- Large ----


@pytest.mark.parametrize("listener", LISTENERS)
def test_fifty_megabytes_by_data(server, user, listener):
    message = Generator(51).of_size(5_000_000 if IS_SANITIZED else 50_000_000)
    client = Smtp(server, listener).hello().data(user)
    client.send(stuffed(message))
    client.expect(250)
    client.quit()
    (stored,) = fetch(server, user)
    assert_is(stored, message)


@pytest.mark.parametrize("chunk", [1, 1000, 65536, 1 << 30])
def test_chunks_of_every_size(server, user, chunk):
    message = Generator(52).of_size(2000 if chunk == 1 else 5_000_000)
    client = Smtp(server).hello().envelope(user)
    pieces = [message[at:at + chunk] for at in range(0, len(message), chunk)]
    for number, piece in enumerate(pieces, 1):
        client.send(b"BDAT %d%s\r\n" % (len(piece), b" LAST" if number == len(pieces) else b"") + piece)
        client.expect(250)
    client.quit()
    (stored,) = fetch(server, user)
    assert_is(stored, message)


def test_chunks_all_in_one_segment(server, user):
    message = Generator(53).of_size(3000)
    client = Smtp(server).hello().envelope(user)
    client.send(b"".join(b"BDAT 1\r\n" + message[at:at + 1] for at in range(len(message))) + b"BDAT 0 LAST\r\nQUIT\r\n")
    for _ in range(len(message) + 1):
        client.expect(250)
    client.expect(221)
    (stored,) = fetch(server, user)
    assert_is(stored, message)


@pytest.mark.parametrize("listener", LISTENERS)
def test_too_large_is_read_to_its_end_and_refused(server, user, listener):
    client = Smtp(server, listener).hello().data(user)
    line = b"x" * 998 + b"\r\n"
    for _ in range(53):
        client.send(line * 1000)
    client.send(b".\r\nNOOP\r\n")
    client.expect(552)
    client.expect(250)
    assert spool_files(server) == 0
    client.quit()
    assert fetch(server, user) == []


def test_a_line_of_a_megabyte_comes_through(server, user):
    message = b"Subject: one line\r\n\r\n" + b"y" * 1_000_000 + b"\r\n"
    client = Smtp(server).hello().data(user)
    client.send(stuffed(message))
    client.expect(250)
    client.quit()
    (stored,) = fetch(server, user)
    assert_is(stored, message)


# ---- Chunks that lie ----


def test_a_chunk_that_promises_more_takes_what_follows(server, user):
    """The commands behind a chunk that is too short are its content; nothing is stored before the rest has come."""
    client = Smtp(server).hello().envelope(user)
    client.send(b"BDAT 30 LAST\r\nSubject: x\r\n\r\nQUIT\r\n")
    client.close()
    server.wait_for_event("session", {"remote": client.name})
    assert fetch(server, user) == []


def test_a_chunk_that_promises_less_leaves_what_is_no_command(server, user):
    """The rest of its content is lines: one of them could be a command, which then comes out of turn."""
    client = Smtp(server).hello().envelope(user)
    client.send(b"BDAT 8\r\nSubject: x\r\n\r\nMAIL FROM:<evil@evil.example>\r\nBDAT 6 LAST\r\n x\r\n\r\n")
    assert [client.reply()[0] for _ in range(5)] == [250, 500, 500, 503, 250]
    client.quit()
    (stored,) = fetch(server, user)
    assert_is(stored, b"Subject: x\r\n\r\n")


@pytest.mark.parametrize("size", [b"18446744073709551615", b"18446744073709551616", b"9" * 400])
def test_a_chunk_without_end_is_forgotten_as_it_comes(server, user, size):
    client = Smtp(server).hello().envelope(user)
    client.send(b"BDAT " + size + b" LAST\r\n")
    client.send(b"x" * 60_000_000)
    wait_until(lambda: spool_files(server) == 0)
    client.close()
    assert fetch(server, user) == []


def test_without_last_nothing_is_stored(server, user):
    client = Smtp(server).hello().envelope(user)
    client.send(b"BDAT 14\r\nSubject: x\r\n\r\n")
    client.expect(250)
    client.quit()
    assert fetch(server, user) == []


# ---- Many ----


def test_as_many_recipients_as_rfc_5321_asks(server, number):
    users = [make_user(server, f"many-{number}-{at}") for at in range(100)]
    message = Generator(54).message()
    client = Smtp(server, "lmtp").hello().envelope(*users)
    client.say(f"RCPT TO:<{users[0]}>", 452)
    client.say("DATA", 354)
    client.send(stuffed(message))
    stored = {client.expect(250) for _ in users}
    assert len(stored) == 1
    client.quit()
    for user in users:
        (fetched,) = fetch(server, user)
        assert_is(fetched, message)


def test_a_thousand_messages_in_one_session(server, user):
    client = Smtp(server).hello()
    group = f"MAIL FROM:<sender@example.net>\r\nRCPT TO:<{user}>\r\nBDAT 6 LAST\r\nA: b\r\n".encode()
    client.send(group * 1000)
    for _ in range(1000):
        for _ in range(3):
            client.expect(250)
    client.quit()
    with session(server, user, PASSWORD) as pop3:
        assert pop3.ok("STAT").startswith(b"+OK 1000 ")


# ---- Broken off ----


@pytest.mark.parametrize("listener", LISTENERS)
@pytest.mark.parametrize("sent", [
    b"DATA\r\n",
    b"DATA\r\nSubject: half",
    b"DATA\r\nSubject: half\r\n\r\nbody\r\n",
    b"DATA\r\nSubject: half\r\n\r\nbody\r\n.",
    b"DATA\r\nSubject: half\r\n\r\nbody\r\n.\r",
    b"DATA\r\n" + b"Subject: large\r\n\r\n" + b"x" * 1_000_000,
    b"BDAT 100 LAST\r\nSubject: half\r\n",
    b"BDAT 14\r\nSubject: half",
], ids=["command", "header", "body", "dot", "dot-CR", "large", "chunk", "first-chunk"])
@pytest.mark.parametrize("how", ["close", "reset", "half-close"])
def test_a_connection_that_breaks_in_a_message_stores_nothing(server, user, listener, sent, how):
    client = Smtp(server, listener).hello().envelope(user)
    command, _, content = sent.partition(b"\r\n")
    client.send(command + b"\r\n")
    if command == b"DATA":
        client.expect(354)
    client.send(content)
    if how == "reset":
        client.wire.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    if how == "half-close":
        client.wire.socket.shutdown(socket.SHUT_WR)
        while client.wire.read_line() is not None:
            pass
    client.close()
    server.wait_for_event("session", {"remote": client.name})
    assert spool_files(server) == 0
    assert fetch(server, user) == []


def test_a_line_octet_by_octet_has_its_time_as_a_whole(servers):
    """Each octet holds off the connection's timeout; the command's own runs on."""
    server = servers("slow")
    client = Smtp(server)
    client.wire.socket.settimeout(0.2)
    while True:
        client.send(b"x")
        try:
            data = client.wire.socket.recv(1000)
            break
        except TimeoutError:
            continue
    assert data == b"421 4.4.2 Too slow, closing the connection\r\n"
    client.close()
