# SPDX-License-Identifier: Apache-2.0
"""Datacenters of Apache Cassandra for a whole run: two with one node each, or with three (POSTHOUSE_TEST_LONG, as
`make test-cluster` has it). Tests marked `long` run only then. Each test begins with all nodes running and the link whole."""

import os

import pytest

from support.cluster import Cluster

IS_LONG = "POSTHOUSE_TEST_LONG" in os.environ
NODES = 3 if IS_LONG else 1
DELAY_MS = 1


def pytest_configure(config):
    config.addinivalue_line("markers", "long: takes minutes; run by `make test-cluster`")


def pytest_collection_modifyitems(config, items):
    if not IS_LONG:
        late = [item for item in items if item.get_closest_marker("long")]
        if late:
            config.hook.pytest_deselected(late)
            items[:] = [item for item in items if item not in late]


@pytest.fixture(scope="session")
def running_cluster():
    # `group`: what is acknowledged outlives the process.
    with Cluster(datacenters=2, nodes=NODES, delay_ms=DELAY_MS, commitlog="group", is_durable=True) as cluster:
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
