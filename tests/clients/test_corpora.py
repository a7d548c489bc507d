# SPDX-License-Identifier: Apache-2.0
"""The corpora are what they promise: legal on the wire, the same from the same seed, of many kinds."""

import re

import pytest

from support.generator import LANGUAGES, Generator, edge_messages
from support.messages import real_messages, well_formed_messages
from support.octets import as_delivered, complete, stuffed


def everything():
    return [*edge_messages().values(), *real_messages().values(), *Generator(1).messages(300)]


def test_every_message_may_go_over_smtp():
    for message in everything():
        rest = message.replace(b"\r\n", b"")
        assert b"\r" not in rest and b"\n" not in rest and b"\0" not in rest
        assert max(map(len, message.split(b"\r\n"))) <= 998


def test_the_same_seed_gives_the_same_octets():
    assert Generator(7).messages(50) == Generator(7).messages(50)
    assert Generator(7).messages(5) != Generator(8).messages(5)


@pytest.mark.parametrize("octets", [1_000, 1_001, 1_077, 1_078, 1_079, 65_536, 1_000_000, 50_000_000])
def test_of_size_is_exact(octets):
    assert len(Generator(octets).of_size(octets)) == octets


def test_generated_mail_is_of_many_kinds():
    text = b"".join(Generator(1).messages(300))
    for charset, _ in LANGUAGES:
        assert f"charset={charset}".encode() in text.lower().replace(b'"', b""), charset
    for kind in (b"multipart/mixed", b"multipart/alternative", b"multipart/related", b"multipart/report", b"multipart/signed",
                 b"message/rfc822", b"message/delivery-status", b"text/calendar", b"List-Id:", b"*0*=utf-8''", b"*=utf-8''",
                 b"?B?", b"?Q?", b"Encoding: 8bit", b"Encoding: base64", b"Encoding: quoted-printable"):
        assert kind in text, kind
    assert re.search(rb"\r\n\.\r\n", text) and re.search(rb"\r\n\.[^\r]", text) and b"\r\nFrom " in text


def test_real_messages_are_many_and_most_are_well_formed():
    assert len(real_messages()) >= 40
    assert set(well_formed_messages()) < set(real_messages())


def test_as_delivered():
    assert as_delivered(b"Return-Path: <a@b>\r\n (x)\r\nA: 1\r\nreturn-path : <>\r\n\r\nReturn-Path: <stays>") == (
        b"A: 1\r\n\r\nReturn-Path: <stays>\r\n")
    assert as_delivered(b"Subject: no blank line\r\n") == b"Subject: no blank line\r\n"
    assert as_delivered(b"\r\nReturn-Path: <in the body>\r\n") == b"\r\nReturn-Path: <in the body>\r\n"


def test_stuffing():
    assert stuffed(b".a\r\n..\r\n.\r\nb.\r\n") == b"..a\r\n...\r\n..\r\nb.\r\n.\r\n"
    assert complete(b"no end") == b"no end\r\n"
