# SPDX-License-Identifier: Apache-2.0
"""`posthouse schema`: what it makes, what it finds, what it adds, seen from outside by the Python driver."""

import json
import os
import uuid

import pytest
from one_node import DATACENTER, DOMAIN, on_cassandra

from support.posthouse import Server

# As James 3.8 and 3.9 have them: (column, type); the key's columns first.
OF_JAMES = {
    "user": ["name text", "realname text", "passwd text", "algorithm text", "authorized_users set<text>", "delegated_users set<text>"],
    "domains": ["domain text"],
    "rrt": ["user text", "domain text", "mapping text"],
    "mappings_sources": ["mapping_type text", "mapping_value text", "source text"],
    "mailbox": ["id timeuuid", "mailboxbase frozen<mailboxbase>", "name text", "uidvalidity bigint"],
    "mailboxpathv3": ["namespace text", "user text", "mailboxname text", "mailboxid timeuuid", "uidvalidity bigint"],
    "messagecounter": ["mailboxid timeuuid", "nextuid bigint"],
    "modseq": ["mailboxid timeuuid", "nextmodseq bigint"],
    "mailboxcounters": ["mailboxid timeuuid", "count counter", "unseen counter"],
    "mailboxrecents": ["mailboxid timeuuid", "recent_mesage_uid bigint"],
    "firstunseen": ["mailboxid timeuuid", "uid bigint"],
    "messagedeleted": ["mailboxid timeuuid", "uid bigint"],
    "applicableflag": ["mailboxid timeuuid", "userflags set<text>"],
    "imapuidtable": ["messageid timeuuid", "mailboxid timeuuid", "uid bigint", "threadid timeuuid", "modseq bigint",
                     "flaganswered boolean", "flagdeleted boolean", "flagdraft boolean", "flagflagged boolean",
                     "flagrecent boolean", "flagseen boolean", "userflags set<text>", "internaldate timestamp",
                     "save_date timestamp", "bodystartoctet int", "fullcontentoctets bigint", "headercontent text"],
    "messageidtable": ["mailboxid timeuuid", "uid bigint", "messageid timeuuid", "threadid timeuuid", "modseq bigint",
                       "flagseen boolean", "userflags set<text>", "internaldate timestamp", "save_date timestamp",
                       "bodystartoctet int", "fullcontentoctets bigint", "headercontent text"],
    "messagev3": ["messageid timeuuid", "internaldate timestamp", "bodystartoctet int", "bodyoctets bigint",
                  "fullcontentoctets bigint", "bodycontent text", "headercontent text", "attachments list<frozen<attachments>>"],
    "pop3metadata": ["mailboxid timeuuid", "messageid timeuuid", "size bigint"],
    "blobs": ["id text", "position int"],
    "blobparts": ["id text", "chunknumber int", "data blob"],
    "aclv2": ["id timeuuid", "key text", "rights set<text>"],
    "annotation": ["mailboxid timeuuid", "key text", "value text"],
    "schemaversion": ["key timeuuid", "value int"],
}  # fmt: skip


@pytest.fixture
def new_server(node, session):
    """new_server(**settings of the section cassandra): a server that is not started, on a keyspace that is not there."""
    made = []

    def new(keyspace=None, **of_cassandra):
        keyspace = keyspace or f"test_{os.getpid()}_{uuid.uuid4().hex[:8]}"
        server = Server(on_cassandra(node, keyspace, **of_cassandra))
        server.keyspace = keyspace
        made.append(server)
        return server

    yield new
    for server in made:
        server.close()
        session.execute(f"DROP KEYSPACE IF EXISTS {server.keyspace}", timeout=120)


def create(server, *words):
    return server.cli("schema", "create", "--replication", f"{DATACENTER}=1", *words, timeout=300)


def columns(session, keyspace):
    """{table: [column and type]}, as Cassandra itself says."""
    rows = session.execute(
        "SELECT table_name, column_name, type FROM system_schema.columns WHERE keyspace_name = %s", [keyspace])
    tables = {}
    for row in rows:
        tables.setdefault(row.table_name, []).append(f"{row.column_name} {row.type}")
    return tables


def settings(session, keyspace):
    return {row.name: row.value for row in session.execute(f"SELECT name, value FROM {keyspace}.settings")}


def findings(server, code=65):
    result = server.cli("--json", "schema", "check", check=False)
    assert result.returncode == code, result
    return json.loads(result.stdout)


# ---- create ----


def test_a_shared_keyspace_has_the_tables_of_james(new_server, session):
    server = new_server(shared_with_james=True, profile="lwt")
    create(server)
    there = columns(session, server.keyspace)
    for table, wanted in OF_JAMES.items():
        assert set(wanted) <= set(there[table]), table
    replication = session.execute(
        "SELECT replication FROM system_schema.keyspaces WHERE keyspace_name = %s", [server.keyspace]).one().replication
    assert dict(replication)[DATACENTER] == "1"
    assert dict(replication)["class"].endswith("NetworkTopologyStrategy")
    assert settings(session, server.keyspace) == {"profile": "lwt", "shared_with_james": "true"}


def test_a_keyspace_of_our_own_has_what_we_need_and_no_counters(new_server, session):
    server = new_server()
    create(server)
    there = columns(session, server.keyspace)
    assert "mailboxcounters" not in there and "mailboxrecents" not in there
    assert {"content", "contentrefs", "maildroplock", "settings"} <= set(there)
    assert "bodycontent text" in there["imapuidtable"] and "bodycontent text" in there["messageidtable"]
    assert settings(session, server.keyspace) == {"profile": "lwt-free", "shared_with_james": "false"}


def test_made_twice_is_made_once(new_server, session):
    server = new_server()
    create(server)
    before = columns(session, server.keyspace)
    again = create(server, "--json")
    assert json.loads(again.stdout) == []
    assert columns(session, server.keyspace) == before


@pytest.mark.parametrize("replication", [None, "", "dc1", "dc1=0", "dc1=x", "dc1=1,", "=1", "d'c=1", "dc1=101"])
def test_a_replication_that_is_none_is_wrong_usage(new_server, replication):
    words = ["schema", "create"] + ([] if replication is None else ["--replication", replication])
    result = new_server().cli(*words, check=False)
    assert result.returncode == 64
    assert b"dc1=3,dc2=3" in result.stderr


def test_a_datacenter_that_there_is_not_is_refused(new_server):
    server = new_server()
    result = server.cli("schema", "create", "--replication", "atlantis=1", check=False)
    assert result.returncode == 65
    assert b"atlantis" in result.stderr


# ---- check and upgrade ----


def test_a_complete_schema_passes(new_server):
    server = new_server()
    create(server)
    assert findings(server, code=0) == []


def test_no_keyspace(new_server):
    result = new_server().cli("schema", "check", check=False)
    assert result.returncode == 65
    assert b"schema create" in result.stderr


def test_what_is_missing_is_found_printed_and_added(new_server, session):
    server = new_server()
    create(server)
    session.execute(f"ALTER TABLE {server.keyspace}.imapuidtable DROP bodycontent", timeout=60)
    session.execute(f"DROP TABLE {server.keyspace}.maildroplock", timeout=60)
    found = findings(server)
    assert {one["text"] for one in found} == {"table imapUidTable: no column bodyContent", "no table maildroplock"}
    assert all(one["statement"].startswith(("ALTER TABLE ", "CREATE TABLE ")) for one in found)
    text = server.cli("schema", "check", check=False).stdout.decode()
    assert f"    ALTER TABLE {server.keyspace}.imapUidTable ADD bodyContent text;" in text.splitlines()

    done = json.loads(server.cli("--json", "schema", "upgrade").stdout)
    assert {one["text"] for one in done} == {one["text"] for one in found}
    assert findings(server, code=0) == []
    assert json.loads(server.cli("--json", "schema", "upgrade").stdout) == []
    server.start()
    server.domain_add(DOMAIN)


def test_the_statements_that_are_printed_do_what_upgrade_does(new_server, session):
    server = new_server()
    create(server)
    session.execute(f"ALTER TABLE {server.keyspace}.pop3metadata DROP uidl", timeout=60)
    session.execute(f"DROP TABLE {server.keyspace}.imported", timeout=60)
    for one in findings(server):
        session.execute(one["statement"], timeout=60)
    assert findings(server, code=0) == []


def test_another_type_or_key_cannot_be_mended(new_server, session):
    server = new_server()
    create(server)
    session.execute(f"DROP TABLE {server.keyspace}.domains", timeout=60)
    session.execute(f"CREATE TABLE {server.keyspace}.domains (domain blob PRIMARY KEY)", timeout=60)
    session.execute(f"DROP TABLE {server.keyspace}.rrt", timeout=60)
    session.execute(
        f"CREATE TABLE {server.keyspace}.rrt (user text, domain text, mapping text, PRIMARY KEY (user, mapping, domain))", timeout=60)
    found = findings(server)
    assert {one["text"] for one in found} == {
        "table domains: domain is of type blob, not text",
        "table rrt: domain has another place in the key",
        "table rrt: mapping has another place in the key",
    }
    assert all(one["statement"] is None for one in found)
    result = server.cli("schema", "upgrade", check=False)
    assert result.returncode == 65


def test_a_keyspace_of_james_is_upgraded(new_server, session):
    """With tables of an older James: a type that is not frozen, columns that we added since missing."""
    server = new_server(shared_with_james=True, profile="lwt")
    keyspace = server.keyspace
    session.execute(
        f"CREATE KEYSPACE {keyspace} WITH replication = {{'class': 'NetworkTopologyStrategy', '{DATACENTER}': 1}}", timeout=60)
    session.execute(f"CREATE TYPE {keyspace}.mailboxbase (namespace text, user text)", timeout=60)
    session.execute(
        f"CREATE TABLE {keyspace}.mailbox (id timeuuid PRIMARY KEY, mailboxbase mailboxbase, name text, uidvalidity bigint)", timeout=60)
    session.execute(
        f"CREATE TABLE {keyspace}.pop3metadata (mailboxid timeuuid, messageid timeuuid, size bigint, PRIMARY KEY (mailboxid, messageid)) "
        "WITH gc_grace_seconds = 7200", timeout=60)
    result = server.cli("schema", "check", check=False)
    assert result.returncode == 65
    server.cli("schema", "upgrade")
    assert findings(server, code=0) == []
    there = columns(session, keyspace)
    assert "mailboxbase mailboxbase" in there["mailbox"]
    assert "uidl text" in there["pop3metadata"]
    # What the operator has set stays.
    grace = session.execute(
        "SELECT gc_grace_seconds FROM system_schema.tables WHERE keyspace_name = %s AND table_name = 'pop3metadata'", [keyspace])
    assert grace.one().gc_grace_seconds == 7200


# ---- Profiles ----


def test_lwt_becomes_lwt_free_where_that_is_asked_for_and_never_the_other_way(new_server, session):
    server = new_server(profile="lwt")
    create(server)
    server.config["cassandra"]["profile"] = "lwt-free"
    server.write_config()
    for words in (["schema", "check"], ["schema", "upgrade"], ["user", "list"]):
        result = server.cli(*words, check=False)
        assert result.returncode == 65, words
        assert b"of profile lwt, this node is configured for lwt-free" in result.stderr
    assert settings(session, server.keyspace)["profile"] == "lwt"
    server.cli("schema", "upgrade", "--profile", "lwt-free")
    assert settings(session, server.keyspace)["profile"] == "lwt-free"
    server.cli("schema", "check")
    result = server.cli("schema", "upgrade", "--profile", "lwt", check=False)
    assert result.returncode == 65
    assert b"random" in result.stderr


def test_a_server_does_not_start_where_james_is_unknown_to_it(new_server):
    server = new_server(shared_with_james=True)
    create(server)
    server.config["cassandra"]["shared_with_james"] = False
    server.write_config()
    result = server.cli("serve", check=False)
    assert result.returncode == 78
    assert b"shared_with_james" in result.stderr and b"event=start-failed" in result.stderr


# ---- statements ----


@pytest.mark.parametrize("shared", [False, True])
def test_the_profile_without_conditions_has_no_conditional_statement(new_server, shared):
    server = new_server(shared_with_james=shared)
    free = json.loads(server.cli("--json", "schema", "statements", "--profile", "lwt-free").stdout)
    assert not [one["name"] for one in free if one["conditional"] or " IF " in one["text"] or "SERIAL" in one["consistency"]]
    assert {one["consistency"] for one in free} <= {"LOCAL_QUORUM", "LOCAL_ONE", "EACH_QUORUM"}
    assert all(one["used"] and one["kind"] in ("read", "write") for one in free)
    lwt = json.loads(server.cli("--json", "schema", "statements", "--profile", "lwt").stdout)
    assert [one["name"] for one in lwt if one["conditional"]]
    assert all(" IF " in one["text"] for one in lwt if one["conditional"])


def test_wrong_profile(new_server):
    result = new_server().cli("schema", "statements", "--profile", "fast", check=False)
    assert result.returncode == 64
