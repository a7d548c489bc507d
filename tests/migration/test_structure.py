# SPDX-License-Identifier: Apache-2.0
"""A client that moves from Dovecot to Posthouse sees the same ENVELOPE and BODYSTRUCTURE of every message: of real ones, and of generated
ones whose multiparts are nested and broken."""

import imaplib

import pytest

from conftest import SETTINGS, USER
from dovecot import PASSWORD, Dovecot
from structures import messages
from support.imap import parse
from support.messages import real_messages
from support.posthouse import Server

SEED = 21
COUNT = 100
# Where the two differ, and may: a type without a subtype, parameters in pieces (Dovecot joins them), a charset that is encoded
# (Dovecot adds another).
LEFT_OUT = (b"Content-Type: text;", b"*0", b"*1", b"charset*=")


def comparable(words):
    """Without what servers write each in their own way: the case, how a fold reads, a domain that is not there."""
    if isinstance(words, list):
        return [comparable(word) for word in words]
    if not isinstance(words, bytes):
        return words
    word = words.lower().replace(b"\t", b" ")
    return b"" if word in (b"missing_domain", b"missing_mailbox") else word


def fetch(client, all_messages):
    """[(envelope, structure)] of messages that are put into a new mailbox."""
    assert client.create("structures")[0] == "OK"
    for message in all_messages:
        assert client.append("structures", None, None, message)[0] == "OK"
    assert client.select("structures")[0] == "OK"
    found = []
    for number in range(1, len(all_messages) + 1):
        ok, answer = client.fetch(str(number), "(ENVELOPE BODYSTRUCTURE)")
        assert ok == "OK"
        octets = b"".join(part[0] + b"\r\n" + part[1] if isinstance(part, tuple) else part for part in answer)
        [_, items], _ = parse(octets, 0)
        named = dict(zip(items[0::2], items[1::2]))
        found.append((comparable(named[b"ENVELOPE"]), comparable(named[b"BODYSTRUCTURE"])))
    return found


@pytest.fixture
def clients():
    with Dovecot() as dovecot, Server(settings=SETTINGS, listeners=[
            {"protocol": "imap", "address": "127.0.0.1:0", "tls": "none"}]) as server:
        server.domain_add("example.org")
        server.user_add(USER, PASSWORD)
        with dovecot.imap(USER) as theirs, imaplib.IMAP4("127.0.0.1", server.port("imap", "none"), timeout=60) as ours:
            ours.login(USER, PASSWORD)
            yield ours, theirs


def test_structures_are_those_that_dovecot_sees(clients):
    ours, theirs = clients
    real = [message for message in real_messages().values() if not any(word in message for word in LEFT_OUT)]
    assert len(real) > 30
    wanted = real + messages(SEED, COUNT)
    for message, our, their in zip(wanted, fetch(ours, wanted), fetch(theirs, wanted)):
        assert our == their, message.decode("latin-1")
