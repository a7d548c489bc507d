# SPDX-License-Identifier: Apache-2.0
"""AUTH SCRAM-SHA-256 by submission (RFC 4954, RFC 7677): no transcript can say what random nonces prove. And many
clients at once, who log in and send."""

import base64
import concurrent.futures

import pytest

from maildrops import PASSWORD, make_user
from pop3client import session
from smtpclient import Smtp
from test_pop3_scram import Scram, b64


@pytest.fixture
def user(servers, number):
    return make_user(servers("standard"), f"scram-{number}")


def challenge(client):
    return base64.b64decode(client.expect(334), validate=True).decode()


def exchange(client, scram, code, nonce=None):
    """Up to the server's own proof, if CODE is 334."""
    client.send(f"AUTH SCRAM-SHA-256 {b64(scram.first().encode())}\r\n".encode())
    client.send(b64(scram.final(challenge(client), nonce).encode()).encode() + b"\r\n")
    if code != 334:
        client.expect(code)
        return None
    return challenge(client)


def test_both_sides_prove_themselves(servers, user):
    client = Smtp(servers("standard"), "submission").hello()
    scram = Scram(user, PASSWORD)
    assert exchange(client, scram, 334) == scram.wanted, "the server's proof"
    client.say("", 235)
    client.say(f"MAIL FROM:<{user}>", 250)
    client.quit()


def test_without_the_password_nothing_is_proved(servers, user):
    client = Smtp(servers("standard"), "submission").hello()
    exchange(client, Scram(user, "wrong"), 535)
    exchange(client, Scram("nobody@example.org", PASSWORD), 535)
    client.say(f"MAIL FROM:<{user}>", 530)
    # The session may try again.
    scram = Scram(user, PASSWORD)
    assert exchange(client, scram, 334) == scram.wanted
    client.say("", 235)
    client.quit()


def test_an_exchange_may_be_given_up_in_its_middle(servers, user):
    client = Smtp(servers("standard"), "submission").hello()
    client.send(f"AUTH SCRAM-SHA-256 {b64(Scram(user, PASSWORD).first().encode())}\r\n".encode())
    challenge(client)
    client.say("*", 501)
    client.send(f"AUTH SCRAM-SHA-256 {b64(Scram(user, PASSWORD).first().encode())}\r\n".encode())
    challenge(client)
    client.close()


def test_many_clients_at_once(servers, user):
    server = servers("standard")
    messages, clients = 10, 24
    login = base64.b64encode(f"\0{user}\0{PASSWORD}".encode()).decode()

    def send(number):
        client = Smtp(server, ("smtp", "submission", "lmtp")[number % 3]).hello()
        if number % 3 == 1:
            client.say(f"AUTH PLAIN {login}", 235)
        for at in range(messages):
            client.envelope(user, sender=user)
            client.say("DATA", 354)
            client.send(f"Subject: {number} {at}\r\n\r\nHello.\r\n.\r\n".encode())
            client.expect(250)
        client.quit()
        return number

    with concurrent.futures.ThreadPoolExecutor(clients) as pool:
        assert sorted(pool.map(send, range(clients))) == list(range(clients))
    with session(server, user, PASSWORD) as pop3:
        assert int(pop3.ok("STAT").split()[1]) == messages * clients
        subjects = {line for number in range(1, messages * clients + 1)
                    for line in pop3.multi(f"TOP {number} 0").split(b"\r\n") if line.startswith(b"Subject:")}
    assert len(subjects) == messages * clients
