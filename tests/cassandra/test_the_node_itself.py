# SPDX-License-Identifier: Apache-2.0
"""That a node of ours refuses what it is told to refuse: else a test of passwords or TLS would show nothing."""

import ssl

import pytest
from cassandra.auth import PlainTextAuthProvider
from cassandra.cluster import Cluster, NoHostAvailable


def connect(node, **options):
    return Cluster([node.address], port=node.port, protocol_version=5, connect_timeout=20, **options)


def trusting(authority):
    context = ssl.create_default_context(cafile=str(authority.certificate))
    context.check_hostname = False
    return context


def test_only_tls_with_the_right_password_gets_in(guarded):
    node, authority = guarded
    right = PlainTextAuthProvider("cassandra", "cassandra")
    client = connect(node, ssl_context=trusting(authority), auth_provider=right)
    try:
        assert client.connect().execute("LIST ROLES").one().role == "cassandra"
    finally:
        client.shutdown()
    for options in (
        {"auth_provider": right},  # no TLS
        {"ssl_context": trusting(authority), "auth_provider": PlainTextAuthProvider("cassandra", "wrong")},
        {"ssl_context": ssl.create_default_context(), "auth_provider": right},  # an authority that did not sign it
    ):
        client = connect(node, **options)
        with pytest.raises(NoHostAvailable):
            client.connect()
        client.shutdown()


def test_the_node_of_the_run_knows_its_datacenter(session):
    assert session.execute("SELECT data_center FROM system.local").one().data_center == "dc1"
