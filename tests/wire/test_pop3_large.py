# SPDX-License-Identifier: Apache-2.0
"""Large maildrops, large messages, clients that read slowly or not at all, many commands at once."""

import os
import random
import socket
import time

import pytest

from maildrops import PASSWORD, assert_is, deliver, fill_listing, make_user
from pop3client import Pop3, session
from support.generator import Generator

COUNT = 100_000
IS_SANITIZED = os.environ.get("POSTHOUSE_BUILD", "release") != "release"


def resident_kib(server):
    for line in open(f"/proc/{server.process.pid}/status", encoding="ascii"):
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    raise AssertionError("no VmRSS")


@pytest.fixture(scope="module")
def large(servers):
    """(server, user, [(uid, size)]) of a maildrop with 100,000 messages."""
    server = servers("standard")
    user = make_user(server, "large")
    return server, user, fill_listing(server, user, COUNT)


def test_a_hundred_thousand_messages_are_listed(large):
    server, user, rows = large
    with session(server, user, PASSWORD) as client:
        total = sum(size for _, size in rows)
        assert client.ok("STAT") == b"+OK %d %d" % (COUNT, total)
        listing = client.multi("LIST")
        assert listing == b"".join(b"%d %d\r\n" % (number, size) for number, (_, size) in enumerate(rows, 1))
        listing = client.multi("UIDL")
        assert listing == b"".join(b"%d %s\r\n" % (number, uid.encode()) for number, (uid, _) in enumerate(rows, 1))
        assert client.ok(f"UIDL {COUNT}") == b"+OK %d %s" % (COUNT, rows[-1][0].encode())
        assert client.err(f"UIDL {COUNT + 1}") == b"-ERR No such message"


def test_marks_in_a_large_maildrop(large):
    server, user, rows = large
    marked = sorted(random.Random(1939).sample(range(1, COUNT + 1), 5000))
    client = Pop3(server).login(user, PASSWORD)
    client.send(b"".join(b"DELE %d\r\n" % number for number in marked))
    for _ in marked:
        assert client.line() == b"+OK Message deleted"
    left = sorted(set(range(1, COUNT + 1)) - set(marked))
    assert client.ok("STAT") == b"+OK %d %d" % (len(left), sum(rows[number - 1][1] for number in left))
    assert client.multi("LIST") == b"".join(b"%d %d\r\n" % (number, rows[number - 1][1]) for number in left)
    client.ok("RSET")
    assert client.ok("STAT").startswith(b"+OK %d " % COUNT)
    client.quit()


def small_window(server):
    """A connection whose kernel takes little at a time."""
    return Pop3(server, receive_buffer=4096)


def test_a_client_that_does_not_read_a_listing_holds_up_nobody(large, number):
    server, user, rows = large
    other = make_user(server, f"other-{number}")
    deliver(server, other, b"Subject: other\r\n\r\nHello.\r\n")
    slow = small_window(server).login(user, PASSWORD)
    slow.send(b"UIDL\r\nLIST\r\nUIDL\r\n")
    for _ in range(20):
        with session(server, other, PASSWORD) as client:
            assert client.retrieve(1).endswith(b"Hello.\r\n")
    uidl = b"".join(b"%d %s\r\n" % (number, uid.encode()) for number, (uid, _) in enumerate(rows, 1))
    sizes = b"".join(b"%d %d\r\n" % (number, size) for number, (_, size) in enumerate(rows, 1))
    for wanted in (uidl, sizes, uidl):
        assert slow.line().startswith(b"+OK")
        assert slow.body() == wanted
    slow.quit()


def test_a_message_that_is_not_read_is_not_held_in_memory(servers, number):
    server = servers("standard")
    user = make_user(server, f"slow-{number}")
    message = Generator(number).of_size(16_000_000)
    deliver(server, user, message)
    clients = []
    for _ in range(8):
        # One maildrop each: a maildrop is for one session.
        copy = make_user(server, f"slow-{number}-{len(clients)}")
        deliver(server, copy, message)
        clients.append(small_window(server).login(copy, PASSWORD))
    before = resident_kib(server)
    for client in clients:
        client.send(b"RETR 1\r\n")
        assert client.line().startswith(b"+OK")
    with session(server, user, PASSWORD) as client:
        assert_is(client.retrieve(1), message)
    if not IS_SANITIZED:
        # Sanitizers keep freed memory back. Eight messages would be 128 MB.
        assert resident_kib(server) - before < 32 * 1024
    assert_is(clients[0].body(), message)
    clients[0].quit()
    for client in clients[1:]:
        client.close()


def test_thousands_of_pipelined_commands_are_answered_in_order(servers, number):
    server = servers("standard")
    user = make_user(server, f"pipeline-{number}")
    messages = Generator(number).messages(20)
    deliver(server, user, *messages)
    chosen = random.Random(number)
    client = Pop3(server).login(user, PASSWORD)
    sizes = [int(line.split()[1]) for line in client.multi("LIST").splitlines()]
    wanted, commands = [], []
    for _ in range(8000):
        at = chosen.randrange(20)
        kind = chosen.choices(["NOOP", "STAT", "LIST", "FROB", "RETR"], [30, 30, 30, 0, 1])[0]
        if kind == "RETR":
            commands.append(f"RETR {at + 1}")
            wanted.append(("body", at))
        elif kind == "LIST":
            commands.append(f"LIST {at + 1}")
            wanted.append(("line", b"+OK %d %d" % (at + 1, sizes[at])))
        else:
            commands.append(kind)
            wanted.append(("line", b"+OK" if kind == "NOOP" else b"+OK 20 %d" % sum(sizes)))
    data = "".join(command + "\r\n" for command in commands).encode()
    # All of it is on its way before anything is read: neither side may wait for the other.
    client.wire.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4 << 20)
    client.send(data)
    for kind, value in wanted:
        line = client.line()
        if kind == "line":
            assert line == value
        else:
            assert line == b"+OK %d octets" % sizes[value]
            assert_is(client.body(), messages[value])
    client.quit()


def test_octet_by_octet(servers, number):
    server = servers("standard")
    user = make_user(server, f"typist-{number}")
    deliver(server, user, b"Subject: typed\r\n\r\n.dot\r\n")
    client = Pop3(server)
    for octet in f"USER {user}\r\nPASS {PASSWORD}\r\nRETR 1\r\nQUIT\r\n".encode():
        client.send(bytes([octet]))
        time.sleep(0.001)
    assert client.line().startswith(b"+OK")
    assert client.line().startswith(b"+OK")
    assert client.line().startswith(b"+OK")
    assert client.body().endswith(b"\r\n\r\n.dot\r\n")
    assert client.line() == b"+OK Bye"
    assert client.at_end()


def test_a_connection_lost_in_the_middle_of_retr(servers, number):
    server = servers("standard")
    user = make_user(server, f"lost-{number}")
    message = Generator(number).of_size(5_000_000)
    deliver(server, user, message)
    client = small_window(server).login(user, PASSWORD)
    client.send(b"DELE 1\r\nRSET\r\nRETR 1\r\nDELE 1\r\nQUIT\r\n")
    client.line()
    client.close()
    server.wait_for_event("session", {"user": user, "deleted": "0"})
    with session(server, user, PASSWORD) as again:
        assert_is(again.retrieve(1), message)
