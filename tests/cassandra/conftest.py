# SPDX-License-Identifier: Apache-2.0
"""One node of Apache Cassandra: that of the test run (POSTHOUSE_TEST_CASSANDRA=ADDRESS:PORT), or one of our own; and
Posthouse on it, in keyspaces that are made and dropped."""

import itertools
import os
import time
import types

import pytest
from cassandra import ConsistencyLevel
from one_node import DATACENTER, DOMAIN, on_cassandra

from support.account import Account
from support.cassandra import Node
from support.certificates import Authority
from support.cluster import open_session
from support.posthouse import Server

numbers = itertools.count(1)


@pytest.fixture(scope="session")
def node(tmp_path_factory):
    """`address` and `port` of a node."""
    place = os.environ.get("POSTHOUSE_TEST_CASSANDRA")
    if place:
        address, port = place.rsplit(":", 1)
        yield types.SimpleNamespace(address=address, port=int(port))
        return
    own = Node(tmp_path_factory.mktemp("cassandra"))
    try:
        yield own.start()
    finally:
        own.kill()


@pytest.fixture(scope="session")
def shared_session(node):
    with open_session([node.address], node.port, DATACENTER, level=ConsistencyLevel.ONE) as session:
        yield session


@pytest.fixture
def session(shared_session):
    """Of the Python driver, to look at tables from outside."""
    return shared_session


@pytest.fixture(scope="session")
def make_keyspace(node, shared_session):
    """make_keyspace(**settings of the section cassandra) -> settings of a server on a new keyspace, made by Posthouse."""
    made = []

    def make(**of_cassandra):
        name = f"test_{os.getpid()}_{next(numbers)}"
        made.append(name)
        settings = on_cassandra(node, name, **of_cassandra)
        server = Server(settings)
        try:
            server.cli("schema", "create", "--replication", f"{DATACENTER}=1", timeout=300)
        finally:
            server.remove()
        return settings

    yield make
    for name in made:
        shared_session.execute(f"DROP KEYSPACE IF EXISTS {name}", timeout=120)


@pytest.fixture(scope="session", params=["lwt-free own", "lwt-free shared", "lwt own", "lwt shared"])
def variant(request, make_keyspace):
    """A server on each kind of keyspace: `server`, `profile`, `is_shared` with James, `keyspace`."""
    profile, kind = request.param.split()
    settings = make_keyspace(profile=profile, shared_with_james=kind == "shared")
    with Server(settings) as server:
        server.domain_add(DOMAIN)
        yield types.SimpleNamespace(
            server=server, profile=profile, is_shared=kind == "shared", keyspace=settings["cassandra"]["keyspace"])


@pytest.fixture
def owner(variant):
    """A new user of that server."""
    account = Account(variant.server, f"user{next(numbers)}@{DOMAIN}", "correct-horse-battery")
    variant.server.user_add(account.user, account.password)
    return account


@pytest.fixture(scope="session")
def guarded(tmp_path_factory):
    """(node, authority): a node of its own, with CQL by TLS alone, and only with a password."""
    directory = tmp_path_factory.mktemp("guarded")
    authority = Authority(directory / "tls")
    node = Node(directory / "node", heap_mib=384, has_passwords=True, tls=authority.issue("cassandra.example.org"))
    try:
        node.start()
        # It answers CQL before its first role is made.
        deadline = time.monotonic() + 120
        while "Created default superuser role" not in node.log.read_text(errors="replace"):
            assert time.monotonic() < deadline, node.log.read_text(errors="replace")[-4000:]
            time.sleep(0.2)
        yield node, authority
    finally:
        node.kill()
