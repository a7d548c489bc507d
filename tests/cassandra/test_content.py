# SPDX-License-Identifier: Apache-2.0
"""Content in the tables of a keyspace, as the Python driver sees it: ours in chunks, with James as James writes and reads
it; and gone when no message has it."""

import os
import time

import pytest
from one_node import DOMAIN

from support.account import Account
from support.posthouse import Server

PASSWORD = "correct-horse-battery"
HEADER = b"From: a@example.net\r\nSubject: content\r\n\r\n"
CHUNK = 100 * 1024
NOISE = HEADER + b"".join(b"%07d %s\r\n" % (n, os.urandom(24).hex().encode()) for n in range(5000))
TEXT = HEADER + b"the same line again and again\r\n" * 20000
SETTINGS = {"sandbox": {"seccomp": "kill"}, "auth": {
    "argon2_memory_kib": 64, "argon2_passes": 1, "failures_before_delay": 10000, "failures": 10000,
    "plaintext_networks": ["127.0.0.0/8"]}}  # fmt: skip


def serve(settings):
    return Server({**SETTINGS, **settings})


def add_user(server, name):
    server.user_add(f"{name}@{DOMAIN}", PASSWORD)
    return Account(server, f"{name}@{DOMAIN}", PASSWORD)


def delete_all(account):
    with account.pop3() as client:
        for number in range(1, client.stat()[0] + 1):
            client.dele(number)


def wait_until(session, count, query):
    """Removal of what was shared goes on behind QUIT."""
    deadline = time.monotonic() + 60
    while len(list(session.execute(query))) != count:
        assert time.monotonic() < deadline, list(session.execute(query))
        time.sleep(0.05)


@pytest.fixture(scope="module")
def own(make_keyspace):
    settings = make_keyspace()
    with serve(settings) as server:
        server.domain_add(DOMAIN)
        yield server, settings["cassandra"]["keyspace"]


@pytest.fixture(scope="module")
def shared(make_keyspace):
    settings = make_keyspace(shared_with_james=True)
    with serve(settings) as server:
        server.domain_add(DOMAIN)
        yield server, settings["cassandra"]["keyspace"]


# ---- Ours ----


def test_a_large_body_is_chunks_and_the_first_says_the_size(own, session):
    server, keyspace = own
    account = add_user(server, "large")
    account.deliver(NOISE)
    rows = list(session.execute(f"SELECT id, chunk, size, data FROM {keyspace}.content"))
    blobs = {}
    for row in rows:
        blobs.setdefault(row.id, {})[row.chunk] = row
    assert len(blobs) == 2
    body = max(blobs.values(), key=len)
    size = len(NOISE) - len(HEADER)
    assert sorted(body) == list(range((size + CHUNK - 1) // CHUNK))
    assert body[0].size == size and all(body[n].size is None for n in body if n > 0)
    assert all(len(row.data) <= CHUNK for row in rows)
    account.assert_holds(NOISE)
    delete_all(account)
    wait_until(session, 0, f"SELECT id FROM {keyspace}.content")


def test_what_can_be_compressed_is(own, session):
    server, keyspace = own
    account = add_user(server, "text")
    account.deliver(TEXT)
    assert sum(len(row.data) for row in session.execute(f"SELECT data FROM {keyspace}.content")) < len(TEXT) / 10
    account.assert_holds(TEXT)
    delete_all(account)
    wait_until(session, 0, f"SELECT id FROM {keyspace}.content")


def test_a_shared_body_stays_until_the_last_has_given_it_up(own, session):
    server, keyspace = own
    accounts = [add_user(server, f"one{number}") for number in range(4)]
    server.deliver(NOISE, *(account.user for account in accounts))
    assert len({row.id for row in session.execute(f"SELECT id FROM {keyspace}.content")}) == 5
    names = {row.bodycontent for row in session.execute(f"SELECT bodyContent FROM {keyspace}.imapUidTable")}
    assert len(names) == 1 and names.pop().endswith("+4")
    for number, account in enumerate(accounts):
        with account.pop3() as client:
            assert b"\r\n".join(client.retr(1)[1]).endswith(NOISE[-1000:].rstrip())
            client.dele(1)
        if number < 3:
            wait_until(session, number + 1, f"SELECT messageId FROM {keyspace}.contentrefs")
    wait_until(session, 0, f"SELECT id FROM {keyspace}.content")
    wait_until(session, 0, f"SELECT id FROM {keyspace}.contentrefs")


# ---- With James ----


def read_as_james(session, keyspace, name):
    """The number of chunks from blobs, then each of them from blobParts."""
    position = session.execute(f"SELECT position FROM {keyspace}.blobs WHERE id = %s", [name]).one().position
    parts = [session.execute(f"SELECT data FROM {keyspace}.blobParts WHERE id = %s AND chunkNumber = %s", [name, n]).one().data
             for n in range(position)]  # fmt: skip
    return b"".join(parts)


def write_as_james(session, keyspace, name, content, chunk=CHUNK):
    parts = [content[at:at + chunk] for at in range(0, len(content), chunk)]
    for number, part in enumerate(parts):
        session.execute(f"INSERT INTO {keyspace}.blobParts (id, chunkNumber, data) VALUES (%s, %s, %s)", [name, number, part])
    session.execute(f"INSERT INTO {keyspace}.blobs (id, position) VALUES (%s, %s)", [name, len(parts)])


@pytest.mark.parametrize("message", [TEXT, NOISE, HEADER, HEADER + b"x\r\n"], ids=["text", "noise", "empty", "short"])
def test_james_reads_what_we_wrote_and_nothing_stays(shared, session, message):
    server, keyspace = shared
    account = add_user(server, f"james{len(message)}")
    account.deliver(message)
    row = session.execute(f"SELECT * FROM {keyspace}.messageV3").one()
    header = read_as_james(session, keyspace, row.headercontent)
    body = read_as_james(session, keyspace, row.bodycontent)
    assert len(header) == row.bodystartoctet and len(header) + len(body) == row.fullcontentoctets
    assert header.endswith(HEADER) and body == message[len(HEADER):]
    account.assert_holds(message)
    delete_all(account)
    for table in ("messageV3", "blobs", "blobParts"):
        wait_until(session, 0, f"SELECT * FROM {keyspace}.{table}")


@pytest.mark.parametrize("chunk", [CHUNK, 30000, 1 << 20])
def test_we_read_what_james_wrote_and_leave_it_there(shared, session, chunk):
    """Names are hashes, chunks of any size that James was told; imapUidTable has no bodyContent there."""
    server, keyspace = shared
    account = add_user(server, f"theirs{chunk}")
    account.deliver(NOISE)
    row = session.execute(f"SELECT * FROM {keyspace}.messageV3").one()
    place = session.execute(f"SELECT * FROM {keyspace}.imapUidTable WHERE messageId = %s", [row.messageid]).one()
    header, body = (read_as_james(session, keyspace, name) for name in (row.headercontent, row.bodycontent))
    names = [f"1_628_jBCfDvPCI4-{chunk}-header", f"1_628_jBCfDvPCI4-{chunk}-body"]
    write_as_james(session, keyspace, names[0], header, chunk)
    write_as_james(session, keyspace, names[1], body, chunk)
    session.execute(f"UPDATE {keyspace}.messageV3 SET headerContent = %s, bodyContent = %s WHERE messageId = %s",
                    [*names, row.messageid])  # fmt: skip
    session.execute(f"UPDATE {keyspace}.imapUidTable SET headerContent = %s, bodyContent = null WHERE messageId = %s "
                    "AND mailboxId = %s AND uid = %s", [names[0], place.messageid, place.mailboxid, place.uid])  # fmt: skip
    account.assert_holds(NOISE)
    with account.pop3() as client:
        assert client.top(1, 0)[1][-2:] == [b"Subject: content", b""]
    delete_all(account)
    assert read_as_james(session, keyspace, names[1]) == body
    for table in ("messageV3", "blobs", "blobParts"):
        session.execute(f"TRUNCATE {keyspace}.{table}")
