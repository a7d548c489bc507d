# SPDX-License-Identifier: Apache-2.0
"""Accounts with mail for wire tests, and a hand in the server's own tables for states that no protocol leads to."""

import contextlib
import smtplib
import sqlite3

from support.octets import complete, without_trace

PASSWORD = "secret"


def make_user(server, name):
    user = f"{name}@example.org"
    server.user_add(user, PASSWORD)
    return user


def deliver(server, user, *messages):
    host, port = server.listener_address("lmtp")
    with smtplib.LMTP(host, port, local_hostname="client.example.net", timeout=120) as client:
        for message in messages:
            assert client.sendmail("sender@example.net", [user], message, mail_options=["BODY=8BITMIME"]) == {}


def assert_is(fetched, message):
    """FETCHED, with its trace fields, is MESSAGE as it was sent."""
    assert without_trace(fetched) == complete(message)


@contextlib.contextmanager
def database(server):
    connection = sqlite3.connect(server.data_dir / "posthouse.db", timeout=60, isolation_level=None)
    try:
        yield connection
    finally:
        connection.close()


@contextlib.contextmanager
def without(server, table):
    """The table is away: what needs it fails, everything else goes on."""
    with database(server) as db:
        db.execute(f"ALTER TABLE {table} RENAME TO away")
        try:
            yield
        finally:
            db.execute(f"ALTER TABLE away RENAME TO {table}")


def inbox_of(db, user):
    return db.execute("SELECT mailboxId FROM mailboxPathV3 WHERE user = ? AND mailboxName = 'INBOX'", (user,)).fetchone()[0]


def fill_listing(server, user, count):
    """COUNT rows in the maildrop's listing, without messages behind them: [(uid, size)]. The maildrop was empty."""
    deliver(server, user, b"Subject: where\r\n\r\n")
    with database(server) as db:
        mailbox = inbox_of(db, user)
        db.execute("BEGIN IMMEDIATE")
        db.execute("DELETE FROM pop3metadata WHERE mailboxId = ?", (mailbox,))
        rows = [(mailbox, b"\x11\xef" + number.to_bytes(14, "big"), 1000 + number) for number in range(count)]
        db.executemany("INSERT INTO pop3metadata (mailboxId, messageId, size) VALUES (?, ?, ?)", rows)
        db.execute("COMMIT")
    return [(uid_of(key), size) for _, key, size in rows]


def uid_of(sortable):
    """The text of a TimeUUID that the store keeps with its high time bits first (base/uuid.h)."""
    text = sortable.hex()
    time, tail = text[:16], text[16:]
    # Sortable: version, time_hi, time_mid, time_low as one number from its high end; UUID: time_low first.
    return f"{time[8:]}-{time[4:8]}-{time[:4]}-{tail[:4]}-{tail[4:]}"
