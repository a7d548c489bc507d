# SPDX-License-Identifier: Apache-2.0
"""Damage to a store, done behind its back: rows that are changed with SQLite, octets that are changed in a segment."""

import contextlib
import sqlite3


@contextlib.contextmanager
def database(server):
    """The database, changed in one transaction in which no trigger fires."""
    connection = sqlite3.connect(server.data_dir / "posthouse.db", timeout=30, isolation_level=None)
    try:
        connection.execute("BEGIN IMMEDIATE")
        triggers = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for name, _ in triggers:
            connection.execute(f"DROP TRIGGER {name}")
        yield connection
        for _, sql in triggers:
            connection.execute(sql)
        connection.execute("COMMIT")
    finally:
        connection.close()


def change(server, *statements):
    with database(server) as connection:
        for statement in statements:
            assert connection.execute(statement).rowcount > 0, f"{statement} changed nothing"


def rows(server, statement):
    connection = sqlite3.connect(server.data_dir / "posthouse.db", timeout=30)
    try:
        return connection.execute(statement).fetchall()
    finally:
        connection.close()


def place_of(server, column, number):
    """(segment's path, offset, length) of the header or body of the message that came as number N, from 0."""
    found = rows(server, f"SELECT b.segment, b.offset, b.length FROM messageV3 v JOIN blobs b ON b.id = v.{column} "
                         f"ORDER BY v.messageId LIMIT 1 OFFSET {number}")
    segment, offset, length = found[0]
    return server.data_dir / "segments" / f"{segment:08}.seg", offset, length


def flip(path, offset):
    """One bit of a file."""
    with open(path, "r+b") as file:
        file.seek(offset)
        octet = file.read(1)[0]
        file.seek(offset)
        file.write(bytes([octet ^ 4]))
