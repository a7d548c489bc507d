# SPDX-License-Identifier: Apache-2.0
"""Peers that say nothing, or take for ever to say it, or do not listen. One line octet by octet by SMTP, and readers of a
long listing and of one large message: test_smtp_limits.py and test_pop3_large.py in tests/wire."""

import contextlib
import resource
import select
import socket
import time

import pytest

from hostile import Neighbour, all_gone, bounded, descriptors, rest_of, status, wait_until
from maildrops import deliver, make_user
from pop3client import Pop3
from smtpclient import Smtp

SILENT = 10000


@pytest.fixture
def hurried(servers, number):
    server = servers("hurried")
    with Neighbour(server, f"neighbour-h-{number}"):
        yield server


def drip(wire, octets, pause=0.05):
    """Sends octet by octet until the server closes; False if OCTETS ended first."""
    for octet in octets:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            wire.socket.send(bytes([octet]))
        readable, _, _ = select.select([wire.socket], [], [], pause)
        if readable and not reads_on(wire):
            return True
    return False


def is_gone(wire):
    """Reads what has come; True if the server has closed."""
    while select.select([wire.socket], [], [], 0)[0]:
        if not reads_on(wire):
            return True
    return False


def reads_on(wire):
    try:
        return wire.receive()
    except ConnectionResetError:
        return False


@pytest.mark.parametrize("octets", [b"x" * 4000, b"CAPA\r\n" * 600, b"USER x\r\n" * 500, b"\r\n" * 40 + b"x" * 3900],
                         ids=["line", "capa", "user", "errors"])
def test_a_stranger_does_not_keep_a_pop3_connection(hurried, octets):
    client = Pop3(hurried)
    assert drip(client.wire, octets)
    client.close()


def test_nor_by_a_login_octet_by_octet(hurried):
    client = Pop3(hurried)
    client.send(b"AUTH PLAIN\r\n")
    assert drip(client.wire, b"A" * 4000)
    client.close()


def test_a_command_octet_by_octet_by_somebody_who_is_logged_in(hurried, number):
    user = make_user(hurried, f"slow-{number}")
    client = Pop3(hurried).login(user, "secret")
    assert drip(client.wire, b"R" * 4000)
    client.close()


def test_nor_an_smtp_connection_by_harmless_commands(hurried):
    """Each comes whole and in time, and there are not too many of them: their sum is what takes too long."""
    commands = [b"NOOP\r\n", b"HELP\r\n", b"RSET\r\n", b"MAIL FROM:<a@b.example>\r\nRSET\r\n"]
    clients = [(Smtp(hurried, listener).hello(), line)
               for listener in ("smtp", "submission", "lmtp") for line in commands]
    held = list(clients)
    for _ in range(12):
        for client, line in held:
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                client.wire.socket.send(line)
        time.sleep(0.7)
        held = [(client, line) for client, line in held if not is_gone(client.wire)]
    assert not held
    for client, _ in clients:
        assert b"\r\n421 4.4.2 " in client.wire.received
        client.close()


@pytest.mark.parametrize("octets", [b"Subject: x\r\n\r\n" + b"x" * 4000, b".\r" * 2000], ids=["text", "dots"])
@pytest.mark.parametrize("listener", ["smtp", "lmtp"])
def test_a_message_octet_by_octet_has_its_time_as_a_whole(hurried, number, listener, octets):
    client = Smtp(hurried, listener).hello().data(make_user(hurried, f"slow-{listener}-{number}"))
    assert drip(client.wire, octets)
    assert client.wire.received.startswith(b"421 4.4.2 ")
    client.close()


def test_a_handshake_octet_by_octet_has_its_time_as_a_whole(hurried):
    hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500)
    host, port = hurried.listener_address("pop3s")
    with socket.create_connection((host, port)) as client:
        client.settimeout(60)
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            for octet in hello:
                client.send(bytes([octet]))
                readable, _, _ = select.select([client], [], [], 0.05)
                if readable:
                    assert client.recv(100) in (b"", b"\x15\x03\x01\x00\x02\x02\x46")
                    break
            else:
                pytest.fail("the handshake was waited for")


def test_a_client_that_takes_an_answer_octet_by_octet(hurried, number):
    """What it is sent lies in the kernel; the rest is not waited for."""
    user = make_user(hurried, f"sips-{number}")
    deliver(hurried, user, b"Subject: long\r\n\r\n" + b"line of text\r\n" * 600000)
    client = Pop3(hurried, receive_buffer=4096).login(user, "secret")
    client.send(b"RETR 1\r\n")
    sips = iter(lambda: client.wire.socket.recv(1), b"")
    with contextlib.suppress(ConnectionResetError):
        while not any(line.get("user") == user for line in hurried.events("session")):
            next(sips)
            time.sleep(0.02)
    hurried.wait_for_event("session", {"user": user, "reason": "output"})
    client.close()
    again = Pop3(hurried).login(user, "secret")
    again.quit()


def test_clients_that_never_read(server):
    """As much as one high-water mark and one read for each, and not what they ask for."""
    clients = [Pop3(server, receive_buffer=4096) for _ in range(100)]
    before = descriptors(server)
    with bounded(server, 48):
        for client in clients:
            client.wire.socket.setblocking(False)
        for _ in range(200):
            for client in clients:
                with contextlib.suppress(BlockingIOError):
                    client.wire.socket.send(b"CAPA\r\n" * 2000)
    for client in clients:
        client.close()
    all_gone(server, before)


def test_an_answer_that_nobody_reads_ends_the_session(hurried, number):
    clients = [Pop3(hurried, receive_buffer=4096) for _ in range(20)]
    before = descriptors(hurried)
    for client in clients:
        client.wire.socket.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while True:
                client.wire.socket.send(b"CAPA\r\n" * 5000)
    wait_until(lambda: descriptors(hurried) <= before - len(clients), "the server waits for readers")
    for client in clients:
        client.close()


def test_ten_thousand_silent_connections(server, number):
    """Each costs little; who has something to say is answered as if he were alone."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = SILENT + 500
    assert hard >= wanted, f"the hard limit of descriptors is {hard}"
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    before, rss_before = descriptors(server), status(server, "VmRSS")
    silent = []
    try:
        for at in range(SILENT):
            listener = ("pop3", "smtp", "lmtp", "pop3s")[at % 4]
            one = socket.socket()
            silent.append(one)
            one.settimeout(60)
            # 127.0.1.1 and on: ports of one address would run out, and limits go by address.
            one.bind((f"127.0.{1 + at // 2500}.{1 + at % 250}", 0))
            one.connect(server.listener_address(listener))
        wait_until(lambda: descriptors(server) >= before + SILENT, "not all connections were taken")
        each = (status(server, "VmRSS") - rss_before) * 1024 // SILENT
        # 7,500 plain ones and 2,500 that never began their handshake.
        assert each <= 6144, f"{each} octets for a silent connection"
        user = make_user(server, f"among-{number}")
        deliver(server, user, b"Subject: among\r\n\r\nx\r\n")
        client = Pop3(server, source="127.0.9.9").login(user, "secret")
        assert client.retrieve(1).endswith(b"x\r\n")
        client.quit()
    finally:
        for one in silent:
            one.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    all_gone(server, before + 4)


def test_connections_that_come_and_go(server):
    """Reset at once, half-closed, closed in the greeting: 3,000 times."""
    before = descriptors(server)
    with bounded(server, 8):
        for at in range(3000):
            listener = ("pop3", "smtp", "lmtp", "pop3s", "submissions")[at % 5]
            with socket.create_connection(server.listener_address(listener)) as one:
                if at % 3 == 0:
                    one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                elif at % 3 == 1:
                    one.shutdown(socket.SHUT_WR)
        all_gone(server, before + 4)


def test_early_words_to_a_closing_session(server):
    """The last line comes though there is much that nobody reads any more."""
    client = Smtp(server).hello()
    client.send(b"QUIT\r\n" + b"x" * 1000000)
    assert rest_of(client) == b"221 2.0.0 Closing the connection\r\n"
    client.close()
