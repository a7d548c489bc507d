# SPDX-License-Identifier: Apache-2.0
"""Names that try to be more: paths, SQL, formats, controls; names that are too long or no text. They name nothing on disk,
and are refused or come back as they are. Addresses by SMTP: smtp/mail_errors.txt, rcpt_errors.txt in tests/wire."""

import json
import os
import subprocess
import threading

import pytest

from hostile import rest_of
from maildrops import assert_is, deliver, make_user
from pop3client import Pop3, session
from smtpclient import Smtp

PATHS = ["../../../../etc/passwd", "..", "/etc", "a/../b", "a/./b", "~root", "%s%n%x", "'; DROP TABLE mailbox; --", "$(id)",
         "a\\b", "x" * 200, "CON", "\u202e\u0645", "*", "%"]
NO_NAMES = ["", ".", "a.", ".a", "a..b", "a\nb", "a\x7fb", "\x85", "x" * 100000]


def files(server):
    return {os.path.relpath(os.path.join(at, name), server.directory)
            for at, _, names in os.walk(server.directory) for name in names} - {"data/posthouse.db-wal", "data/posthouse.db-shm"}


def mailbox(server, *words):
    return server.cli("--json", "mailbox", *words, check=False)


def test_mailboxes_are_rows_whatever_their_names(server, number):
    user = make_user(server, f"paths-{number}")
    before = files(server)
    made = [name for name in PATHS if mailbox(server, "create", user, name).returncode == 0]
    listed = [one["name"] for one in json.loads(mailbox(server, "list", user).stdout)]
    assert sorted(listed) == sorted(made + ["INBOX"])
    assert {"~root", "$(id)", "'; DROP TABLE mailbox; --", "%", "*"} <= set(made)
    assert files(server) == before
    assert mailbox(server, "delete", user, "%").returncode == 0
    assert [one["name"] for one in json.loads(mailbox(server, "list", user).stdout) if one["name"] not in listed or one["name"] == "%"] == []
    for name in made:
        if name != "%":
            assert mailbox(server, "delete", user, name).returncode == 0, name


@pytest.mark.parametrize("name", NO_NAMES, ids=range(len(NO_NAMES)))
def test_what_is_no_name_of_a_mailbox(server, number, name):
    user = make_user(server, f"no-names-{number}")
    result = mailbox(server, "create", user, name)
    assert result.returncode in (64, 65), result
    assert [one["name"] for one in json.loads(mailbox(server, "list", user).stdout)] == ["INBOX"]


def test_a_name_that_is_no_text(server, number):
    user = make_user(server, f"no-text-{number}")
    for octets in (b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"a\x80"):
        result = subprocess.run([server.binary, "--config", server.config_path, "mailbox", "create", user, octets],
                                capture_output=True, timeout=60)
        assert result.returncode in (64, 65), result


@pytest.mark.parametrize("local", ["../x", "a/../../b", "|id", "-rf", "%s%n", "'or'1'='1", "_", "*", "{}"])
def test_users_with_strange_names_have_mail_of_their_own(server, number, local):
    """All of these are atoms of RFC 5321, or near it: a user is refused, or works."""
    user = f"{local}{number}@example.org"
    result = server.cli("user", "add", "--password-stdin", "--", user, stdin=b"secret\n", check=False)
    if result.returncode != 0:
        assert result.returncode in (64, 65), result
        return
    before = files(server)
    message = b"Subject: x\r\n\r\nfor " + user.encode() + b"\r\n"
    deliver(server, user, message)
    with session(server, user, "secret") as client:
        assert_is(client.retrieve(1), message)
        client.ok("DELE 1")
    assert files(server) == before


NAMES = [b"x" * 3000 + b"@example.org", b"\xff\xfe@example.org", b"a@" + b"b." * 1500 + b"org", b"\xc3\xa4" * 700 + b"@example.org",
         b"a@[IPv6:" + b":" * 1000 + b"]", b"\"" + b"\\" * 1001 + b"\"@example.org", b"@" * 1000, b"a@xn--" + b"9" * 70 + b".example"]


@pytest.mark.parametrize("name", NAMES, ids=range(len(NAMES)))
def test_overlong_and_eight_bit_names_of_users(server, name):
    client = Pop3(server)
    client.send(b"USER " + name + b"\r\nPASS secret\r\nQUIT\r\n")
    lines = rest_of(client).split(b"\r\n")
    assert [line[:4] for line in lines] == [b"+OK ", b"-ERR", b"+OK ", b""]
    client.close()
    mail = Smtp(server, "lmtp").hello()
    for command in (b"MAIL FROM:<" + name + b"> SMTPUTF8\r\n", b"VRFY " + name + b"\r\n", b"RCPT TO:<" + name + b">\r\n"):
        mail.send(command)
        code, text = mail.reply()
        assert 500 <= code < 560 or command.startswith(b"VRFY") and code == 252, text
    mail.close()


def test_aliases_that_explode_and_that_turn_in_circles(server, number):
    """A group of groups of groups, each of which also leads back; a circle without anybody in it."""
    user = make_user(server, f"end-{number}")
    for level in range(1, 5):
        for at in range(3):
            server.alias_add(f"bomb-{number}-{level}@example.org", f"bomb-{number}-{level + 1}-{at}@example.org", "group")
            server.alias_add(f"bomb-{number}-{level + 1}-{at}@example.org", f"bomb-{number}-{level + 1}@example.org", "group")
    server.alias_add(f"bomb-{number}-5@example.org", user, "group")
    server.alias_add(f"circle-{number}-a@example.org", f"circle-{number}-b@example.org")
    server.alias_add(f"circle-{number}-b@example.org", f"circle-{number}-a@example.org")
    mail = Smtp(server, "lmtp").hello()
    mail.say("MAIL FROM:<sender@example.net>", 250)
    mail.say(f"RCPT TO:<bomb-{number}-1@example.org>", 250)
    mail.say(f"RCPT TO:<circle-{number}-a@example.org>", 550)
    mail.say("DATA", 354)
    mail.send(b"Subject: once\r\n\r\nx\r\n.\r\n")
    mail.expect(250)
    mail.quit()
    with session(server, user, "secret") as client:
        assert client.ok("STAT").split()[1] == b"1"


def test_the_same_messages_deleted_by_two_at_once(server, number):
    """By POP3's QUIT and by the administrator, of one copy: the other copy keeps the content that both share."""
    users = [make_user(server, f"both-{number}-{at}") for at in range(2)]
    messages = [b"Subject: %d\r\n\r\nshared\r\n" % at + b"z" * 5000 + b"\r\n" for at in range(40)]
    mail = Smtp(server, "lmtp").hello()
    for message in messages:
        mail.data(*users)
        mail.send(message + b".\r\n")
        mail.expect(250)
        mail.expect(250)
    mail.quit()
    first = Pop3(server).login(users[0], "secret")
    uids = [line.split()[1].decode() for line in first.multi("UIDL").splitlines()]
    first.send(b"".join(b"DELE %d\r\n" % at for at in range(1, 41)))
    for _ in messages:
        assert first.line().startswith(b"+OK")
    results = []
    administrators = [threading.Thread(target=lambda: results.append(
        server.cli("message", "delete", users[0], *uids, *uids[:5], check=False).returncode)) for _ in range(2)]
    for one in administrators:
        one.start()
    first.quit()
    for one in administrators:
        one.join()
    assert set(results) <= {0, 67}
    with session(server, users[0], "secret") as client:
        assert client.ok("STAT") == b"+OK 0 0"
    with session(server, users[1], "secret") as client:
        for at, message in enumerate(messages, 1):
            assert_is(client.retrieve(at), message)
