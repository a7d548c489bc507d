# SPDX-License-Identifier: Apache-2.0
"""Logins by the hundred, and sessions that are left at every moment: what they had is given back. SCRAM, and a queue of
passwords that is full: test_pop3_scram.py and test_pop3_trouble.py in tests/wire."""

import base64
import contextlib
import random
import socket
import threading
import time

import pytest

from hostile import Neighbour, all_gone, bounded, descriptors, rest_of, status
from maildrops import deliver, make_user
from pop3client import Pop3
from smtpclient import Smtp

RESET = b"\1\0\0\0\0\0\0\0"  # SO_LINGER: on, no time: the close is a reset


def plain(user, password):
    return base64.b64encode(f"\0{user}\0{password}".encode())


def test_a_storm_of_logins_delays_logins_alone(servers, number):
    """A hundred at once, of nobody and with wrong passwords. Memory is that of the threads that hash; who is known,
    and all who are logged in, go on."""
    server = servers("guarded")
    user = make_user(server, f"inside-{number}")
    deliver(server, user, b"Subject: x\r\n\r\nx\r\n")
    inside = Pop3(server, source="127.0.8.8").login(user, "secret")
    with Neighbour(server, f"neighbour-g-{number}"), bounded(server, 2 * 19 + 32):
        storm = []
        for at in range(100):
            client = Pop3(server, source=f"127.0.2.{1 + at % 100}")
            client.send(b"AUTH PLAIN %s\r\n" % plain(f"nobody-{at}@example.org" if at % 2 else user, "wrong"))
            storm.append(client)
        assert inside.retrieve(1).endswith(b"x\r\n")
        answers = {client.line() for client in storm}
        assert answers <= {b"-ERR [AUTH] Wrong user name or password", b"-ERR [SYS/TEMP] Cannot check passwords now, try again later"}
        for client in storm:
            client.close()
    inside.quit()


def moments(rng, user):
    """(listener, what is sent, in pieces between which the server's answer is awaited)."""
    password = rng.choice(["secret", "secret", "wrong"])
    login = b"USER %s\r\nPASS %s\r\n" % (user.encode(), password.encode())
    message = b"Subject: x\r\n\r\n" + b"y" * rng.randrange(200000) + b"\r\n"
    envelope = b"MAIL FROM:<a@b.example>\r\nRCPT TO:<%s>\r\n" % user.encode()
    return rng.choice([
        ("pop3", [login]),
        ("pop3", [login + b"LIST\r\nUIDL\r\nRETR 1\r\nTOP 1 1\r\nDELE 1\r\nQUIT\r\n"]),
        ("pop3", [b"AUTH PLAIN %s\r\nDELE 1\r\nQUIT\r\n" % plain(user, password)]),
        ("pop3", [b"AUTH SCRAM-SHA-256 %s\r\n" % base64.b64encode(b"n,,n=%s,r=abc" % user.encode())]),
        ("pop3", [b"STLS\r\n", b"\x16\x03\x01\x00"]),
        ("pop3s", [b"\x16\x03\x01\x02\x00\x01"]),
        ("submission", [b"EHLO a\r\n", b"AUTH LOGIN\r\n"]),
        ("submission", [b"EHLO a\r\n", b"AUTH PLAIN %s\r\nMAIL FROM:<%s>\r\n" % (plain(user, password), user.encode())]),
        ("lmtp", [b"LHLO a\r\n", envelope + b"DATA\r\n", message]),
        ("lmtp", [b"LHLO a\r\n", envelope + b"DATA\r\n", message + b".\r\n"]),
        ("smtp", [b"EHLO a\r\n", envelope + b"BDAT %d LAST\r\n" % len(message) + message]),
        ("smtp", [b"EHLO a\r\n", envelope + b"BDAT %d LAST\r\n" % len(message) + message + b"QUIT\r\n"]),
    ])


def leave_somewhere(server, rng, users):
    """One session, left in its midst: by close, by reset, with the reading side open or not."""
    listener, pieces = moments(rng, rng.choice(users))
    with socket.create_connection(server.listener_address(listener)) as one, contextlib.suppress(OSError):
        one.settimeout(60)
        for piece in pieces[:-1]:
            one.sendall(piece)
            one.recv(4096)
        one.sendall(pieces[-1])
        one.settimeout(0.1)  # there may be nothing to wait for
        how = rng.random()
        if how < 0.3:
            time.sleep(rng.random() * 0.02)
        elif how < 0.5:
            one.shutdown(socket.SHUT_WR)
            one.recv(100)
        elif how < 0.6:
            one.recv(100)
        if rng.random() < 0.5:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)


def leave_many(server, seed, users, count):
    rng = random.Random(seed)
    for _ in range(count):
        leave_somewhere(server, rng, users)


def run_side_by_side(target, arguments):
    threads = [threading.Thread(target=target, args=one) for one in arguments]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_sessions_left_at_every_moment_leave_nothing(server, number):
    """Neither a lock of a maildrop nor a descriptor nor memory, after the caches and pools have grown to their size."""
    users = [make_user(server, f"left-{number}-{at}") for at in range(4)]
    for user in users:
        deliver(server, user, b"Subject: first\r\n\r\nx\r\n")
    before = descriptors(server)
    run_side_by_side(leave_many, [(server, seed, users, 60) for seed in range(8)])
    all_gone(server, before + 6)
    rss = status(server, "RssAnon")
    run_side_by_side(leave_many, [(server, 100 + seed, users, 150) for seed in range(8)])
    all_gone(server, before + 6)
    assert status(server, "RssAnon") - rss < 8 * 1024
    for user in users:
        Pop3(server).login(user, "secret").quit()


def test_thousands_of_logins_and_deliveries_cost_no_memory(server, number):
    users = [make_user(server, f"often-{number}-{at}") for at in range(8)]

    def work(user, rounds):
        mail = Smtp(server, "lmtp").hello()
        for _ in range(rounds):
            mail.data(user)
            mail.send(b"Subject: x\r\n\r\nx\r\n.\r\n")
            mail.expect(250)
            client = Pop3(server)
            client.send(b"USER %s\r\nPASS secret\r\nDELE 1\r\nQUIT\r\n" % user.encode())
            assert rest_of(client).endswith(b"+OK Bye\r\n")
            client.close()
        mail.quit()

    run_side_by_side(work, [(user, 40) for user in users])
    before, rss = descriptors(server), status(server, "RssAnon")
    run_side_by_side(work, [(user, 300) for user in users])
    all_gone(server, before + 6)
    assert status(server, "RssAnon") - rss < 8 * 1024


def test_a_stop_waits_for_no_late_answer(servers, number):
    """Answers that are a minute away: they are given, and the server ends."""
    from servers import SERVERS, WireServer

    SERVERS["punishing"] = ({"auth": {"failure_delay_ms": 60000, "failures_before_delay": 0, "failures": 1000}}, {})
    server = WireServer("punishing")
    try:
        server.start()
        server.domain_add("example.org")
        user = make_user(server, "late")
        for _ in range(12):  # a quarter of a second doubles to the maximum
            client = Pop3(server)
            client.ok(f"USER {user}")
            client.send(b"PASS wrong\r\n")
            time.sleep(0.05)
        began = time.monotonic()
        server.stop()
        assert time.monotonic() - began < 30
    finally:
        server.close()


def login_line(listener):
    return {"pop3": b"STLS\r\n", "smtp": b"STARTTLS\r\n", "submission": b"STARTTLS\r\n", "lmtp-tls": b"STARTTLS\r\n"}[listener]


@pytest.mark.parametrize("listener", ["pop3", "smtp", "submission", "lmtp-tls"])
@pytest.mark.parametrize("injected", [b"NOOP\r\n", b"NO", b"EHLO evil.example\r\nMAIL FROM:<evil@evil.example>\r\n", b"x" * 2000],
                         ids=["command", "half-a-command", "transaction", "much"])
def test_nothing_in_clear_is_heard_after_tls(server, listener, injected):
    """Not in the segment of STARTTLS either, and not half a command that the first line inside TLS would complete. More:
    smtp/starttls_injection.txt and pop3/stls_forgets.txt in tests/wire."""
    client = Pop3(server) if listener == "pop3" else Smtp(server, listener)
    client.send(login_line(listener) + injected)
    answer = client.wire.read_line()
    assert answer in (b"+OK Begin TLS", b"220 2.0.0 Start TLS")
    assert client.wire.received == b""
    client.wire.start_tls(tls_context(server), "mx.example.org")
    client.send(b"OP\r\nQUIT\r\n")
    lines = rest_of(client).split(b"\r\n")
    assert [line[:3] for line in lines] in ([b"-ER", b"+OK", b""], [b"500", b"221", b""])
    client.close()


def tls_context(server):
    import ssl

    return ssl.create_default_context(cafile=server.authority.certificate)
