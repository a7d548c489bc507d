# SPDX-License-Identifier: Apache-2.0
"""What docs/cassandra.md tells operators to do, done as it says while clients deliver and fetch, on clusters of its own: a
datacenter added and the old one drained, a repair after hints were lost, a backup and its restoration. The checker judges
what clients were told, as in test_failures.py."""

import shutil

import mail_load
import pytest
from cluster_server import ClusterServer
from conftest import DELAY_MS, KEYSPACE, PATIENCE
from scenario import DOMAIN, Scenario

from support.cluster import Cluster

pytestmark = pytest.mark.long
BEFORE = 4  # seconds of load before something is done, and after
OF_CLUSTER = {"datacenters": 2, "nodes": 1, "delay_ms": DELAY_MS, "has_nodetool": True, "is_durable": True,
              "commitlog": "group", "patience": PATIENCE, "heap_mib": 512}  # fmt: skip
SNAPSHOT = "before-the-fire"


def server_in(cluster, datacenter):
    return ClusterServer(cluster, datacenter, 0, KEYSPACE, request_timeout_ms=5000 * PATIENCE)


def make_keyspace(server, replication):
    server.cli("schema", "create", "--replication", replication, timeout=600)


def maildrops(scenario, place):
    return mail_load.read_maildrops([place], scenario.accounts, 120)[place.datacenter]


def test_a_datacenter_is_added_and_the_old_one_is_drained(tmp_path):
    with Cluster(**OF_CLUSTER, later=["dc2"]) as cluster:
        old, new = server_in(cluster, "dc1"), server_in(cluster, "dc2")
        try:
            make_keyspace(old, "dc1=1")
            old.start().domain_add(DOMAIN)
            scenario = Scenario(cluster, KEYSPACE, [old], tmp_path)
            with scenario.load:
                scenario.steady(BEFORE)
                cluster.start_datacenter("dc2")
                with cluster.session() as session:
                    cluster.replicate(session, KEYSPACE)
                for node in cluster.nodes_of("dc2"):
                    node.nodetool("rebuild", "--", "dc1")
                new.start()
                scenario.places.append(new)
                with mail_load.Load(scenario.history, [new], scenario.accounts, "new"):
                    scenario.await_service([new.name], scenario.fault("served by both"))
            scenario.judge()

            old.stop()
            scenario.places.remove(old)
            for node in cluster.nodes_of("dc1"):
                node.nodetool("repair", "--full", KEYSPACE)
            with cluster.session("dc2") as session:
                for name in cluster.keyspaces(session):
                    session.execute(f"ALTER KEYSPACE {name} WITH replication = {{'class': 'NetworkTopologyStrategy', 'dc2': 1}}")
            for node in cluster.nodes_of("dc1"):
                node.nodetool("decommission", "--force")
                node.leave()
            with mail_load.Load(scenario.history, [new], scenario.accounts, "alone"):
                scenario.await_service([new.name], scenario.fault("one datacenter is left"))
            scenario.judge()
        finally:
            old.close()
            new.close()


def test_a_node_that_missed_much_is_repaired_and_a_backup_is_restored(tmp_path):
    kept = tmp_path / "kept"
    with Cluster(**OF_CLUSTER, settings="hinted_handoff_enabled: false\n") as cluster:
        one, two = server_in(cluster, "dc1"), server_in(cluster, "dc2")
        try:
            make_keyspace(one, "dc1=1,dc2=1")
            one.start().domain_add(DOMAIN)
            two.start()
            scenario = Scenario(cluster, KEYSPACE, [one, two], tmp_path)
            [victim] = cluster.nodes_of("dc2")
            with scenario.load:
                scenario.await_service([one.name, two.name], scenario.fault("begin"))
                cluster.kill(victim)
                scenario.await_service([one.name], scenario.fault("a node is gone"), deliveries=20, sessions=5)
            cluster.restart(victim)
            cluster.settle()
            assert scenario.is_apart(), "nothing was missed, so nothing can be repaired"
            for node in cluster.nodes:
                node.nodetool("repair", "--full", "-pr", KEYSPACE)
            scenario.judge(deliveries=20)

            expected = maildrops(scenario, one)
            [node] = cluster.nodes_of("dc1")
            node.nodetool("snapshot", "-t", SNAPSHOT, KEYSPACE)
            for snapshot in (node.directory / "data" / "data" / KEYSPACE).glob(f"*/snapshots/{SNAPSHOT}"):
                shutil.copytree(snapshot, kept / snapshot.parents[1].name.split("-")[0])
        finally:
            one.close()
            two.close()

    with Cluster(**OF_CLUSTER) as cluster:
        one, two = server_in(cluster, "dc1"), server_in(cluster, "dc2")
        try:
            make_keyspace(one, "dc1=1,dc2=1")
            [node] = cluster.nodes_of("dc1")
            for directory in sorted(kept.iterdir()):
                if list(directory.glob("*-Data.db")):
                    node.nodetool("import", KEYSPACE, directory.name, directory)
            node.nodetool("repair", "--full", KEYSPACE)
            one.start()
            two.start()
            one.cli("fix-pop3-inconsistencies", timeout=300)
            for place in (one, two):
                assert maildrops(scenario, place) == expected, place.name
        finally:
            one.close()
            two.close()
