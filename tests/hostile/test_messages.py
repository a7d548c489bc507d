# SPDX-License-Identifier: Apache-2.0
"""Messages made to hurt whoever reads them: too many fields, parts and levels, dots and line ends in every place. Ends of
a message that are none: test_smtp_smuggling.py in tests/wire."""

import itertools

import pytest

from hostile import bounded
from maildrops import assert_is, deliver, make_user
from pop3client import session
from smtpclient import Smtp

FIELD = b"X: y\r\n"
HEADER_MAX = 1048576  # limits.header_bytes


@pytest.fixture
def user(server, number):
    return make_user(server, f"strange-{number}")


def fetch_all(server, user):
    with session(server, user, "secret") as client:
        count = int(client.ok("STAT").split()[1])
        return [client.retrieve(at) for at in range(1, count + 1)]


@pytest.mark.parametrize("listener", ["smtp", "lmtp"])
@pytest.mark.parametrize("end", [b"\r\nbody\r\n", b""], ids=["body", "no-empty-line"])
def test_a_million_fields_are_refused(server, user, listener, end):
    with bounded(server, 16):
        client = Smtp(server, listener).hello().data(user)
        for _ in range(100):
            client.send(FIELD * 10000)
        client.send(end + b".\r\n")
        client.expect(552)
        client.quit()
    assert fetch_all(server, user) == []


@pytest.mark.parametrize("field", [FIELD, b"Delivered-To: x@y.example\r\n", b"Return-Path: <x@y.example>\r\n", b"X:\r\n", b" folded\r\n"])
def test_as_many_fields_as_the_header_holds(server, user, field):
    """Fields that delivery looks at, and others."""
    message = b"Subject: many\r\n" + field * ((HEADER_MAX - 1000) // len(field)) + b"\r\nbody\r\n"
    with bounded(server, 24):
        deliver(server, user, message)
        [fetched] = fetch_all(server, user)
    kept = message if not field.startswith(b"Return-Path") else b"Subject: many\r\n\r\nbody\r\n"
    assert_is(fetched, kept)


def test_a_header_without_line_ends(server, user):
    message = b"Subject: " + b"x" * 900000 + b"\r\n\r\nbody\r\n"
    with bounded(server, 16):
        deliver(server, user, message)
    assert_is(fetch_all(server, user)[0], message)


def parts(count):
    yield b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"
    for number in range(count):
        yield b"--b\r\nContent-Type: text/plain; name=%d\r\n\r\npart\r\n" % number
    yield b"--b--\r\n"


def levels(depth):
    for level in range(depth):
        yield b"Content-Type: multipart/mixed; boundary=%d\r\n\r\n--%d\r\n" % (level, level)
    yield b"\r\nat the bottom\r\n"


def messages_within(depth):
    for _ in range(depth):
        yield b"Content-Type: message/rfc822\r\n\r\n"
    yield b"Subject: inmost\r\n\r\nbody\r\n"


@pytest.mark.parametrize("message", [parts(10000), levels(10000), messages_within(10000)], ids=["parts", "levels", "messages"])
def test_ten_thousand_parts_and_levels(server, user, message):
    message = b"Subject: deep\r\n" + b"".join(message)
    with bounded(server, 16):
        deliver(server, user, message)
        [fetched] = fetch_all(server, user)
    assert_is(fetched, message)


def corners():
    """Every text of up to five of these."""
    for length in range(1, 6):
        for pieces in itertools.product([b".", b"\r\n", b"x", b"\0"], repeat=length):
            yield b"".join(pieces)


def test_dots_and_line_ends_in_every_corner(server, user):
    """By DATA, whose dots are stuffed, and by BDAT, whose are not, as a message of its own and behind a header."""
    messages = [text for text in corners() if text.endswith(b"\r\n")]
    client = Smtp(server, "lmtp").hello()
    stored = []
    for message in messages:
        client.data(user)
        client.send(message.replace(b"\r\n.", b"\r\n..").replace(b".", b"..", message.startswith(b".")) + b".\r\n")
        client.expect(250)
        stored.append(message)
    for text in corners():
        message = b"A: b\r\n\r\n" + text
        client.envelope(user)
        client.send(b"BDAT 9\r\n" + message[:9] + b"BDAT %d LAST\r\n" % len(message[9:]) + message[9:])
        client.expect(250)
        client.expect(250)
        stored.append(message)
    client.quit()
    fetched = fetch_all(server, user)
    assert len(fetched) == len(stored)
    for got, message in zip(fetched, stored):
        assert_is(got, message)


def test_twenty_thousand_chunks_of_one_octet(server, user):
    message = b"Subject: crumbs\r\n\r\n" + b"y" * 20000 + b"\r\n"
    client = Smtp(server, "lmtp").hello().envelope(user)
    with bounded(server, 8):
        for start in range(0, len(message), 1000):
            piece = message[start:start + 1000]
            client.send(b"".join(b"BDAT 1\r\n" + piece[at:at + 1] for at in range(len(piece))))
            for _ in piece:
                client.expect(250)
        client.say("BDAT 0 LAST", 250)
    client.quit()
    assert_is(fetch_all(server, user)[0], message)


def test_chunks_of_nothing_are_not_taken_for_ever(server, user):
    client = Smtp(server).hello().envelope(user)
    codes = []
    while not codes or codes[-1] == 250:
        client.send(b"BDAT 0\r\n")
        codes.append(client.reply()[0])
    assert codes[-1] == 421
    assert client.at_end()
    client.close()


@pytest.mark.parametrize("listener", ["smtp", "lmtp"])
def test_recipients_without_end_fill_no_memory(server, user, listener):
    """Refused or too many: what a look-up took is given back."""
    client = Smtp(server, listener).hello()
    client.say("MAIL FROM:<sender@example.net>", 250)
    wanted = 550 if listener == "lmtp" else 452
    if listener == "smtp":
        for number in range(100):
            client.say(f"RCPT TO:<{user}>", 250)
    with bounded(server, 4):
        for start in range(0, 20000, 500):
            client.send(b"".join(b"RCPT TO:<nobody-%d@example.org>\r\n" % number for number in range(start, start + 500)))
            for _ in range(500):
                client.expect(wanted)
    client.quit()


def test_a_declared_size_is_no_promise(server, user):
    """SIZE=10, and then a megabyte; the other way round too."""
    client = Smtp(server).hello()
    for size, octets in ((10, 1000000), (1000000, 10)):
        message = b"Subject: size\r\n\r\n" + b"z" * octets + b"\r\n"
        client.say(f"MAIL FROM:<sender@example.net> SIZE={size}", 250)
        client.say(f"RCPT TO:<{user}>", 250)
        client.say("DATA", 354)
        client.send(message + b".\r\n")
        client.expect(250)
    client.quit()
    assert sorted(map(len, fetch_all(server, user)))[1] > 1000000


NUMBERS = ["18446744073709551615", "18446744073709551616", "99999999999999999999", "4294967297", "9223372036854775808",
           "0", "-1", "+1", "1.0", "0x1", "1e3", "1" * 300, "\u0661", " ", "1;1"]


@pytest.mark.parametrize("number_text", NUMBERS)
def test_numbers_that_wrap_around(server, user, number_text):
    deliver(server, user, b"Subject: the one\r\n\r\nx\r\n")
    with session(server, user, "secret") as client:
        for command in ("LIST", "UIDL", "RETR", "DELE", "TOP"):
            argument = number_text + (" 1" if command == "TOP" else "")
            if number_text != " " or command in ("RETR", "DELE", "TOP"):
                client.err(f"{command} {argument}")
        assert client.ok("STAT").split()[1] == b"1"
    mail = Smtp(server).hello()
    mail.send(f"MAIL FROM:<sender@example.net> SIZE={number_text}\r\n".encode())
    wanted = {"0": 250, "4294967297": 552, "18446744073709551615": 552, "18446744073709551616": 552,
              "99999999999999999999": 552, "9223372036854775808": 552}.get(number_text, 501)
    code, text = mail.reply()
    assert code == wanted or (code, number_text) == (555, "1;1"), text
    mail.close()


def test_top_of_more_lines_than_there_can_be(server, user):
    deliver(server, user, b"Subject: the one\r\n\r\nx\r\n")
    with session(server, user, "secret") as client:
        assert client.multi("TOP 1 18446744073709551615") == client.retrieve(1)
        client.err("TOP 1 18446744073709551616")
        client.err("TOP 1 -1")
