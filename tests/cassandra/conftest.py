# SPDX-License-Identifier: Apache-2.0
"""One node of Apache Cassandra: that of the test run (POSTHOUSE_TEST_CASSANDRA=ADDRESS:PORT), or one of our own."""

import os
import types

import pytest

from support.cassandra import Node
from support.cluster import open_session

DATACENTER = "dc1"


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


@pytest.fixture
def session(node):
    """Of the Python driver, to look at tables from outside."""
    with open_session([node.address], node.port, DATACENTER) as session:
        yield session
