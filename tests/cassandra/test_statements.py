# SPDX-License-Identifier: Apache-2.0
"""The statements of each kind of keyspace as Cassandra itself has them: each is prepared when a server starts, and none writes what
none should."""

import json
import re


def prepared_of(session, keyspace):
    """The texts that Cassandra has prepared for the keyspace."""
    rows = session.execute("SELECT query_string FROM system.prepared_statements", timeout=60)
    return {row.query_string for row in rows if f" {keyspace}." in row.query_string}


def test_all_are_prepared_when_a_server_starts(variant, session):
    listed = json.loads(variant.server.cli("--json", "schema", "statements").stdout)
    wanted = {re.sub(r"\s+", " ", one["text"]) for one in listed if one["text"]}
    bare = {text.replace(f" {variant.keyspace}.", " ") for text in prepared_of(session, variant.keyspace)}
    assert len(bare) >= len({re.sub(r"[?][0-9]+[a-z]?", "?", text) for text in wanted})


def test_no_change_of_keywords_writes_all_of_them(variant, session):
    """A set that is written as a whole leaves a tombstone in every row, and takes away what others have added meanwhile."""
    changes = [text for text in prepared_of(session, variant.keyspace) if text.startswith("UPDATE") and "userFlags" in text]
    for text in changes:
        assert set(re.findall(r"userFlags = ([^,]+?)(?:,| WHERE)", text)) == {"userFlags + ?", "userFlags - ?"}, text
    assert changes or variant.is_shared
