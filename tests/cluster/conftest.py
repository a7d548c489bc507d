# SPDX-License-Identifier: Apache-2.0
"""Datacenters of Apache Cassandra for a whole run: two with one node each, or with three (POSTHOUSE_TEST_LONG, as
`make test-cluster` has it). Tests marked `long` run only then. Each test begins with all nodes running and the link whole."""

import os

import pytest
from cluster_server import ClusterServer
from scenario import DOMAIN, Scenario

from support.cluster import Cluster

IS_LONG = "POSTHOUSE_TEST_LONG" in os.environ
NODES = 3 if IS_LONG else 1
DELAY_MS = 1
# Six nodes on a few processors take their time, which is not what these tests are about.
PATIENCE = 3 if IS_LONG else 1
REQUEST_TIMEOUT_MS = 5000 * PATIENCE
KEYSPACE = "mail"


def pytest_configure(config):
    config.addinivalue_line("markers", "long: takes minutes; run by `make test-cluster`")


def pytest_collection_modifyitems(config, items):
    if not IS_LONG:
        late = [item for item in items if item.get_closest_marker("long")]
        if late:
            config.hook.pytest_deselected(items=late)
            items[:] = [item for item in items if item not in late]
    # Those with clusters of their own come before the one that stays: addresses are the same.
    items.sort(key=lambda item: item.path.name != "test_operations.py")


@pytest.fixture(scope="session")
def running_cluster():
    # `group`: what is acknowledged outlives the process.
    with Cluster(datacenters=2, nodes=NODES, delay_ms=DELAY_MS, commitlog="group", is_durable=True,
                 patience=PATIENCE, has_nodetool=IS_LONG, settings="hints_flush_period: 1000ms\n") as cluster:
        yield cluster


@pytest.fixture
def cluster(running_cluster):
    yield running_cluster
    # Whatever the test did to it is undone before the next.
    running_cluster.heal()
    dead = [node for node in running_cluster.nodes if node.process is None]
    for node in running_cluster.nodes:
        if node in dead:
            node.begin()
        else:
            node.resume()
    running_cluster.settle()


@pytest.fixture(scope="session")
def keyspace(running_cluster):
    """Made by Posthouse, for profile lwt-free."""
    server = ClusterServer(running_cluster, "dc1", 7, KEYSPACE)
    try:
        replication = ",".join(f"{datacenter.name}={min(3, NODES)}" for datacenter in running_cluster.datacenters)
        server.cli("schema", "create", "--replication", replication, timeout=600)
    finally:
        server.remove()
    return KEYSPACE


@pytest.fixture(scope="session")
def posthouses(running_cluster, keyspace):
    """Two nodes in each datacenter."""
    places = [ClusterServer(running_cluster, datacenter.name, index, keyspace, request_timeout_ms=REQUEST_TIMEOUT_MS)
              for datacenter in running_cluster.datacenters for index in range(2)]  # fmt: skip
    try:
        for place in places:
            place.start()
        places[0].domain_add(DOMAIN)
        yield places
    finally:
        for place in places:
            place.close()


@pytest.fixture
def scenario(cluster, keyspace, posthouses, tmp_path):
    made = Scenario(cluster, keyspace, posthouses, tmp_path)
    yield made
    made.history.close()
    for place in posthouses:
        if place.process is None:
            place.start()


@pytest.fixture
def small_place(cluster, keyspace, posthouses):
    """A node that lets little wait, and not for long."""
    place = ClusterServer(cluster, "dc1", 2, keyspace, hash_queue=20, request_timeout_ms=3000, requests_max=8,
                          requests_waiting_max=24)
    with place.start():
        yield place
