# SPDX-License-Identifier: Apache-2.0
"""AUTH SCRAM-SHA-256 (RFC 7677) by a client written from the RFC: what both sides prove depends on random nonces, so no
transcript can say it."""

import base64
import hashlib
import hmac
import re

import pytest

from pop3client import Pop3


def b64(data):
    return base64.b64encode(data).decode()


class Scram:
    """The client's side of one exchange."""

    def __init__(self, user, password, nonce="rOprNGfwEbeRWgbNEkqO"):
        self.password = password.encode()
        self.bare = f"n={user.replace('=', '=3D').replace(',', '=2C')},r={nonce}"
        self.nonce = nonce
        self.wanted = None

    def first(self):
        return "n,," + self.bare

    def final(self, challenge, nonce=None):
        fields = dict(part.split("=", 1) for part in challenge.split(","))
        assert fields["r"].startswith(self.nonce) and len(fields["r"]) > len(self.nonce)
        assert int(fields["i"]) >= 4096
        salted = hashlib.pbkdf2_hmac("sha256", self.password, base64.b64decode(fields["s"]), int(fields["i"]))
        client_key = hmac.digest(salted, b"Client Key", "sha256")
        without_proof = f"c={b64(b'n,,')},r={nonce or fields['r']}"
        message = f"{self.bare},{challenge},{without_proof}".encode()
        signature = hmac.digest(hashlib.sha256(client_key).digest(), message, "sha256")
        proof = bytes(a ^ b for a, b in zip(client_key, signature))
        self.wanted = "v=" + b64(hmac.digest(hmac.digest(salted, b"Server Key", "sha256"), message, "sha256"))
        return f"{without_proof},p={b64(proof)}"


def challenge_of(line):
    assert line.startswith(b"+ "), line
    return base64.b64decode(line[2:], validate=True).decode()


@pytest.fixture
def account(servers, number):
    server = servers("strict")
    user = f"scram-{number}@example.org"
    server.user_add(user, "pencil")
    return server, user


@pytest.mark.parametrize("is_initial", [True, False], ids=["initial-response", "empty-challenge"])
def test_both_sides_prove_themselves(account, is_initial):
    server, user = account
    client, scram = Pop3(server), Scram(user, "pencil")
    if is_initial:
        line = client.command("AUTH SCRAM-SHA-256 " + b64(scram.first().encode()))
    else:
        assert client.command("AUTH SCRAM-SHA-256") == b"+ "
        line = client.command(b64(scram.first().encode()))
    line = client.command(b64(scram.final(challenge_of(line)).encode()))
    assert challenge_of(line) == scram.wanted, "the server's proof"
    client.ok("")
    assert client.ok("STAT") == b"+OK 0 0"
    client.quit()


def test_a_wrong_password_and_an_unknown_user_look_the_same(account):
    server, user = account
    client = Pop3(server)
    answers = []
    for name, password in ((user, "pencils"), ("nobody@example.org", "pencil")):
        scram = Scram(name, password)
        challenge = challenge_of(client.command("AUTH SCRAM-SHA-256 " + b64(scram.first().encode())))
        answers.append((re.sub("(?<==)[^,]*", "", challenge), client.err(b64(scram.final(challenge).encode()))))
    assert answers[0] == answers[1] == ("r=,s=,i=", b"-ERR [AUTH] Wrong user name or password")
    client.quit()


def test_an_unknown_users_salt_stays_the_same(account):
    server, _ = account
    client = Pop3(server)
    salts = set()
    for nonce in ("aaaaaaaaaa", "bbbbbbbbbb"):
        scram = Scram("nobody@example.org", "pencil", nonce)
        challenge = challenge_of(client.command("AUTH SCRAM-SHA-256 " + b64(scram.first().encode())))
        salts.add(re.search(",s=([^,]*),", challenge)[1])
        client.err("*")
    assert len(salts) == 1, "a salt that changes tells that the user does not exist"
    client.quit()


@pytest.mark.parametrize("message", ["", "n,,", "n,,n=,r=x", "x,,n=a@b,r=x", "n,,m=ext,n=a@b,r=x", "p=tls-unique,,n=a@b,r=x"])
def test_malformed_first_messages(account, message):
    server, _ = account
    client = Pop3(server)
    assert client.command("AUTH SCRAM-SHA-256") == b"+ "
    assert client.err(b64(message.encode())) == b"-ERR Malformed authentication exchange"
    client.quit()


def test_another_nonce_is_refused(account):
    server, user = account
    client, scram = Pop3(server), Scram(user, "pencil")
    challenge = challenge_of(client.command("AUTH SCRAM-SHA-256 " + b64(scram.first().encode())))
    client.err(b64(scram.final(challenge, nonce=scram.nonce + "x").encode()))
    assert client.err("STAT") == b"-ERR Log in first"
    client.quit()


def test_the_exchange_may_be_cancelled(account):
    server, user = account
    client, scram = Pop3(server), Scram(user, "pencil")
    client.command("AUTH SCRAM-SHA-256 " + b64(scram.first().encode()))
    assert client.err("*") == b"-ERR Authentication cancelled"
    client.quit()
