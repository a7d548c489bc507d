# SPDX-License-Identifier: Apache-2.0
"""`posthouse fix-pop3-inconsistencies`: a maildrop and its messages are set at variance from outside, while the server
runs; the command finds what is wrong, mends it, and leaves alone what is on its way."""

import json
import threading
import uuid

import pytest
from one_node import DOMAIN

from support.account import Account
from support.posthouse import Server

MAIL = b"Subject: one\r\n\r\nbody\r\n"


@pytest.fixture(scope="module")
def variant(make_keyspace):
    """A server, and `keyspace`: which kind of keyspace it is, is the contract tests' matter."""
    settings = make_keyspace(profile="lwt-free")
    with Server(settings) as server:
        server.keyspace = settings["cassandra"]["keyspace"]
        server.domain_add(DOMAIN)
        yield server


@pytest.fixture
def owner(variant):
    account = Account(variant, f"{uuid.uuid4().hex[:8]}@{DOMAIN}", "correct-horse-battery")
    variant.user_add(account.user, account.password)
    return account


def fix(server, *options, status=0):
    result = server.cli("--json", "fix-pop3-inconsistencies", "--rate", "0", "--anew", *options, check=False, timeout=120)
    assert result.returncode == status, result.stderr
    return {(item["kind"], item["state"], item["message"]) for item in json.loads(result.stdout)}


def rows_of(session, keyspace, user):
    """(mailbox, [message]) of the INBOX, as pop3metadata has it."""
    path = session.execute(
        f"SELECT mailboxId FROM {keyspace}.mailboxPathV3 WHERE namespace = '#private' AND user = %s AND mailboxName = 'INBOX'",
        [user]).one()
    rows = session.execute(f"SELECT messageId FROM {keyspace}.pop3metadata WHERE mailboxId = %s", [path.mailboxid])
    return path.mailboxid, [row.messageid for row in rows]


def test_what_is_wrong_is_found_and_mended(variant, session, owner):
    owner.deliver(MAIL, MAIL, MAIL)
    mailbox, ids = rows_of(session, variant.keyspace, owner.user)
    assert len(ids) == 3
    nothing = uuid.uuid1()
    table = f"{variant.keyspace}.pop3metadata"
    session.execute(f"DELETE FROM {table} WHERE mailboxId = %s AND messageId = %s", [mailbox, ids[0]])
    session.execute(f"UPDATE {table} SET size = 1 WHERE mailboxId = %s AND messageId = %s", [mailbox, ids[1]])
    session.execute(f"INSERT INTO {table} (mailboxId, messageId, size) VALUES (%s, %s, 9)", [mailbox, nothing])
    wrong = {("maildrop-missing", str(ids[0])), ("maildrop-size", str(ids[1])), ("maildrop-stale", str(nothing))}

    dry = fix(variant, "--dry-run", status=65)
    assert dry == {(kind, "found", message) for kind, message in wrong}
    assert nothing in rows_of(session, variant.keyspace, owner.user)[1]

    assert fix(variant) == {(kind, "repaired", message) for kind, message in wrong}
    assert fix(variant) == set()
    assert sorted(rows_of(session, variant.keyspace, owner.user)[1]) == sorted(ids)
    owner.assert_holds(MAIL, MAIL, MAIL)


def test_mail_that_comes_and_goes_meanwhile_is_no_finding(variant, session):
    users = [Account(variant, f"busy{n}-{uuid.uuid4().hex[:6]}@{DOMAIN}", "correct-horse-battery") for n in range(3)]
    for user in users:
        variant.user_add(user.user, user.password)
    is_over = threading.Event()
    failures = []

    def come_and_go(user):
        try:
            while not is_over.is_set():
                user.deliver(MAIL, MAIL)
                with user.pop3() as client:
                    for number in range(1, client.stat()[0] + 1):
                        client.dele(number)
        except Exception as error:  # pylint: disable=broad-except
            failures.append(error)

    threads = [threading.Thread(target=come_and_go, args=[user]) for user in users]
    for thread in threads:
        thread.start()
    try:
        assert fix(variant) == set()
    finally:
        is_over.set()
        for thread in threads:
            thread.join()
    assert failures == []


def test_the_embedded_store_says_that_it_does_not_need_it():
    with Server() as server:
        result = server.cli("fix-pop3-inconsistencies", check=False)
    assert result.returncode == 65
    assert b"posthouse check --repair" in result.stderr
