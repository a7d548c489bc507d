# SPDX-License-Identifier: Apache-2.0
"""Mailboxes, messages and deliver."""

import os
import re
import uuid

from support.octets import assert_delivered

from conftest import USER

MESSAGE = b"From: <a@example.org>\nSubject: Hello\n\nLine one\n.\nline three\n"


def message_ids(store, *words):
    return [item["id"] for item in store.json("message", "list", USER, *words)]


def show(store, message_id, *words):
    return store.cli("message", "show", USER, message_id, *words).stdout


def test_deliver_and_show(store):
    store.add_alice()
    assert store.json("message", "list", USER) == []
    answer = store.json("deliver", "-f", "sender@example.net", USER, stdin=MESSAGE)
    assert list(answer) == ["id"]
    [item] = store.json("message", "list", USER)
    assert sorted(item) == ["date", "id", "octets"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", item["date"])
    stored = show(store, item["id"])
    assert len(stored) == item["octets"]
    assert stored.startswith(b"Return-Path: <sender@example.net>\r\n")
    assert b"Delivered-To: " + USER.encode() + b"\r\n" in stored
    assert_delivered([stored], [MESSAGE.replace(b"\n", b"\r\n")])


def test_deliver_says_from_whom(store):
    store.add_alice()
    senders = ["root", "Bob@EXAMPLE.net", '"a b"@example.net', "", "<>"]
    for sender in senders:
        store.cli("deliver", "-f", sender, USER, stdin=MESSAGE)
    paths = [show(store, one).split(b"\r\n")[0].decode() for one in message_ids(store)]
    assert paths == [f"Return-Path: <{sender.strip('<>')}>" for sender in senders]


def test_deliver_lets_nothing_in_with_a_sender(store):
    """The sender stands in a header field."""
    store.add_alice()
    for sender in ["a@b.example>\r\nX-Evil: yes\r\nX: <", "a\nb", "x" * 65, "a@" + "b" * 10000, "<a@b.example>", "a b"]:
        assert store.error("deliver", "-f", sender, USER, stdin=MESSAGE) == (65, "invalid"), sender
    assert message_ids(store) == []


def test_deliver_takes_lf_and_crlf(store):
    store.add_alice()
    for message in (MESSAGE, MESSAGE.replace(b"\n", b"\r\n"), MESSAGE[:-1]):
        store.cli("deliver", USER, stdin=message)
    bodies = [show(store, one).split(b"\r\n\r\n", 1)[1] for one in message_ids(store)]
    assert bodies == [b"Line one\r\n.\r\nline three\r\n"] * 3


def test_deliver_a_large_message(store):
    store.add_alice()
    message = b"Subject: large\r\n\r\n" + b"".join(b"%076d\r\n" % number for number in range(100_000))
    store.cli("deliver", USER, stdin=message)
    [one] = message_ids(store)
    assert_delivered([show(store, one)], [message])


def test_deliver_to_all_or_none(store):
    store.add_alice()
    result = store.cli("deliver", USER, "nobody@example.org", stdin=MESSAGE, check=False)
    assert result.returncode == 67
    assert b"nobody@example.org" in result.stderr and b"nothing was delivered" in result.stderr
    assert message_ids(store) == []
    assert store.error("deliver", "x@elsewhere.example", stdin=MESSAGE) == (77, "denied")
    assert store.error("deliver", "not an address", stdin=MESSAGE) == (65, "invalid")
    assert store.error("deliver", USER, stdin=b"") == (65, "invalid")
    store.user_add("bob@example.org", "password")
    store.cli("deliver", USER, "bob@example.org", stdin=MESSAGE)
    assert len(message_ids(store)) == len(store.json("message", "list", "bob@example.org")) == 1


def test_deliver_refuses_what_is_too_large(store):
    store.add_alice()
    small = ["--set", "limits.message_bytes=2000000"]
    assert store.error("deliver", USER, *small, stdin=b"Subject: x\n\n" + b"x" * 4_000_000) == (65, "limit")


def test_deliver_goes_through_aliases(store):
    store.add_alice()
    store.alias_add("info@example.org", USER)
    store.cli("deliver", "-f", "", "INFO@example.org", USER, stdin=MESSAGE)
    [one] = message_ids(store)
    assert show(store, one).startswith(b"Return-Path: <>\r\n")


def test_delivered_mail_is_there_for_the_server(offline):
    offline.add_alice()
    offline.cli("deliver", USER, stdin=MESSAGE)
    offline.start()
    assert len(message_ids(offline)) == 1
    offline.cli("deliver", USER, stdin=MESSAGE)
    offline.stop()
    assert len(message_ids(offline)) == 2


def test_messages(store):
    store.add_alice()
    for _ in range(3):
        store.cli("deliver", USER, stdin=MESSAGE)
    first, second, third = message_ids(store)
    assert [line.split("\t")[0] for line in store.lines("message", "list", USER)] == [first, second, third]
    assert store.json("message", "delete", USER, first, third) == {"deleted": 2}
    assert message_ids(store) == [second]
    assert store.error("message", "delete", USER, first) == (67, "not found")
    assert store.error("message", "show", USER, first) == (67, "not found")
    assert store.error("message", "show", USER, str(uuid.uuid1())) == (67, "not found")
    assert store.error("message", "show", USER, "1") == (65, "invalid")
    assert store.error("message", "list", "nobody@example.org") == (67, "not found")
    assert store.error("message", "list", USER, "--mailbox", "Nowhere") == (67, "not found")


def test_mailboxes(store):
    store.add_alice()
    names = lambda: [item["name"] for item in store.json("mailbox", "list", USER)]  # noqa: E731
    store.cli("mailbox", "create", USER, "Archive")
    store.cli("mailbox", "create", USER, "Größe/2026")
    assert names()[0] == "INBOX"
    assert sorted(names()[1:]) == ["Archive", "Größe/2026"]
    assert store.error("mailbox", "create", USER, "Archive") == (73, "conflict")
    assert store.error("mailbox", "create", USER, "a\tb") == (65, "invalid")
    assert store.error("mailbox", "create", "nobody@example.org", "x") == (67, "not found")
    assert store.error("mailbox", "delete", USER, "Nowhere") == (67, "not found")
    assert store.error("mailbox", "delete", USER, "INBOX") == (77, "denied")
    assert message_ids(store, "--mailbox", "Archive") == []
    store.cli("mailbox", "delete", USER, "Archive")
    assert names()[1:] == ["Größe/2026"]


def test_mailboxes_are_counted(store):
    store.add_alice()
    store.cli("deliver", USER, stdin=MESSAGE)
    store.cli("deliver", USER, stdin=MESSAGE)
    [inbox] = [item for item in store.json("mailbox", "list", USER) if item["name"] == "INBOX"]
    assert inbox["messages"] == 2
    assert inbox["octets"] == sum(item["octets"] for item in store.json("message", "list", USER))


def test_a_removed_user_leaves_nothing(store):
    store.add_alice()
    store.cli("mailbox", "create", USER, "Archive")
    store.cli("deliver", USER, stdin=MESSAGE)
    store.user_remove(USER)
    assert store.code("message", "list", USER) == 67
    store.user_add(USER, "password")
    assert message_ids(store) == []
    assert [item["name"] for item in store.json("mailbox", "list", USER) if item["name"] != "INBOX"] == []


def test_arguments_must_be_utf8(store):
    store.add_alice()
    assert store.error("mailbox", "create", USER, os.fsdecode(b"\xff")) == (65, "invalid")
