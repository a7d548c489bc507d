# SPDX-License-Identifier: Apache-2.0
"""Clusters of Apache Cassandra in several datacenters, on one machine.

Each datacenter is a network namespace, and so is the place from which the tests look on:

    namespace of the test          10.77.D.254, a pair of devices into each datacenter, no delay
    datacenter D (dc1, dc2, ...)   10.77.D.1, .2 and on: nodes of Cassandra, CQL on port 9042
                                   10.77.D.100 and on: for Posthouse
    between datacenters            tests/support/relay.c: every packet arrives `delay_ms` later, or none while it is cut

`Cluster.start` moves the calling thread, and with it the threads and processes it starts later, into a namespace of its own.
The namespaces have no names: they are gone, with their devices, when the last process in them is, and every process
here ends with the thread that started it. So nothing is left behind whatever happens. Needs root, or
`unshare --user --map-root-user --net`.
"""

import ctypes
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time

from cassandra import ConsistencyLevel
from cassandra.cluster import EXEC_PROFILE_DEFAULT, ExecutionProfile
from cassandra.cluster import Cluster as Client
from cassandra.policies import DCAwareRoundRobinPolicy, RetryPolicy, WhiteListRoundRobinPolicy
from cassandra.query import SimpleStatement

from support.cassandra import CQL_PORT, STORAGE_PORT, Node
from support.process import WITH_US

RELAY_SOURCE = pathlib.Path(__file__).resolve().parent / "relay.c"
NETWORK = "10.77"
OBSERVER = 254  # last octet of the test's own address in each datacenter
FIRST_GUEST, GUESTS = 100, 8
FIRST_JMX_PORT = 7200  # of 127.0.0.1 in each datacenter
CLONE_NEWNET = 0x40000000
SETTLE_SECONDS = 240  # of each step; a machine that does other work too takes longer
PROBE_KEYSPACE = "cluster_probe"

state = {"has_namespace": False, "clusters": 0}


def enter_namespace():
    """A network namespace of our own for this thread and whatever it starts."""
    if not state["has_namespace"]:
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.unshare(CLONE_NEWNET) != 0:
            number = ctypes.get_errno()
            raise PermissionError(number, f"a cluster needs network namespaces, so root: {os.strerror(number)}")
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
        state["has_namespace"] = True


class Datacenter:
    """A namespace, held by a process that sleeps."""

    def __init__(self, number):
        self.number = number
        self.name = f"dc{number}"
        self.network = f"{NETWORK}.{number}"
        self.holder = subprocess.Popen([*WITH_US, "unshare", "--net", "sleep", "infinity"], stdin=subprocess.DEVNULL)
        self.namespace = f"/proc/{self.holder.pid}/ns/net"
        self.device = f"dc{number}-{state['clusters']}"
        self.is_begun = False

    def command(self, *words):
        """That command inside the datacenter."""
        return ["nsenter", f"--net={self.namespace}", *map(str, words)]

    def ip(self, *words):
        subprocess.run(self.command("ip", *words), check=True)

    def connect(self, node_count):
        ours = os.stat("/proc/thread-self/ns/net").st_ino
        while os.stat(self.namespace).st_ino == ours:  # the holder has not unshared yet
            time.sleep(0.005)
        outside = ["ip", "link", "add", self.device, "mtu", "60000", "type", "veth", "peer", "name", "lan", "mtu", "60000"]
        subprocess.run([*outside, "netns", str(self.holder.pid)], check=True)
        self.is_begun = True
        subprocess.run(["ip", "address", "add", f"{self.network}.{OBSERVER}/24", "dev", self.device], check=True)
        subprocess.run(["ip", "link", "set", self.device, "up"], check=True)
        self.ip("link", "set", "lo", "up")
        for last in [*range(1, node_count + 1), *range(FIRST_GUEST, FIRST_GUEST + GUESTS)]:
            self.ip("address", "add", f"{self.network}.{last}/24", "dev", "lan")
        self.ip("link", "set", "lan", "up")

    def route(self, others):
        self.ip("link", "set", "wan", "mtu", "60000", "txqueuelen", "10000", "up")
        for other in others:
            self.ip("route", "add", f"{other.network}.0/24", "dev", "wan", "src", f"{self.network}.1")

    def guest(self, index):
        """The address of the Posthouse of that number, from 0."""
        return f"{self.network}.{FIRST_GUEST + index}"

    def close(self):
        if self.is_begun:
            subprocess.run(["ip", "link", "delete", self.device], check=False, stderr=subprocess.DEVNULL)
        self.holder.kill()
        self.holder.wait()


class Cluster:
    """`datacenters` times `nodes` nodes. Use as a context manager, or call start() and stop()."""

    def __init__(self, datacenters=2, nodes=1, delay_ms=1.0, later=(), has_nodetool=False, **of_node):
        """`later`: datacenters whose nodes are not begun yet; start_datacenter does. `has_nodetool`: Node.nodetool works.
        `of_node`: heap_mib, commitlog, is_durable, is_measured, patience, settings, as of support.cassandra.Node."""
        self.datacenter_count = datacenters
        self.nodes_each = nodes
        self.delay_ms = delay_ms
        self.later = later
        self.has_nodetool = has_nodetool
        self.of_node = {"heap_mib": 384, **of_node}
        self.datacenters = []
        self.nodes = []
        self.relay = None
        self.directory = None

    # ---- Life ----

    def start(self):
        try:
            self.build()
            return self
        except BaseException:
            self.stop()
            raise

    def build(self):
        enter_namespace()
        state["clusters"] += 1
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="posthouse-cluster-"))
        numbers = range(1, self.datacenter_count + 1)
        for number in numbers:
            self.datacenters.append(Datacenter(number))
            self.datacenters[-1].connect(self.nodes_each)
        if self.datacenter_count > 1:
            self.start_relay()
        # Tokens in equal steps, datacenters in turn. The first node is the seed; the others come when it is there.
        step = 2**64 // (self.datacenter_count * self.nodes_each)
        for index in range(self.nodes_each):
            for number, datacenter in enumerate(self.datacenters):
                position = index * self.datacenter_count + number
                self.nodes.append(Node(
                    self.directory / f"node-{datacenter.number}-{index + 1}", f"{datacenter.network}.{index + 1}", CQL_PORT,
                    STORAGE_PORT, datacenter.name, seeds=f"{self.datacenters[0].network}.1:{STORAGE_PORT}",
                    token=-(2**63) + position * step, prefix=datacenter.command(),
                    jmx_port=FIRST_JMX_PORT + index if self.has_nodetool else None, **self.of_node))  # fmt: skip
        self.nodes[0].begin().wait()
        for node in self.nodes[1:]:
            if node.datacenter not in self.later:
                node.begin()
        self.settle()

    def start_relay(self):
        binary = self.directory / "relay"
        subprocess.run(["gcc", "-O2", "-D_GNU_SOURCE", RELAY_SOURCE, "-o", binary], check=True)
        files = [datacenter.namespace for datacenter in self.datacenters]
        self.relay = subprocess.Popen(
            [*WITH_US, binary, str(int(self.delay_ms * 1000)), *files], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        if self.relay.stdout.readline() != b"ready\n":
            raise RuntimeError(f"the relay between datacenters ended with {self.relay.wait()}")
        for datacenter in self.datacenters:
            datacenter.route([other for other in self.datacenters if other is not datacenter])

    def settle(self, nodes=None):
        """Until each node that runs answers, and sees all of those that run alive and with one schema."""
        nodes = [node for node in (nodes or self.nodes) if node.process is not None]
        for node in nodes:
            node.wait()
        whole = len(nodes) == sum(node.is_begun for node in self.nodes)
        self.repeat(lambda: self.make_probe(nodes[0].datacenter))
        level = ConsistencyLevel.ALL if whole else ConsistencyLevel.LOCAL_QUORUM
        for node in nodes:
            self.repeat(lambda: self.probe(node, level))

    def make_probe(self, datacenter):
        """Fails while a datacenter is unknown, or nodes have not agreed on the schema."""
        with self.session(datacenter) as session:
            self.create_keyspace(session, PROBE_KEYSPACE)
            if self.later:
                self.replicate(session, PROBE_KEYSPACE)
            session.execute(f"CREATE TABLE IF NOT EXISTS {PROBE_KEYSPACE}.probe (id int PRIMARY KEY)")

    def probe(self, node, level):
        with self.session(node=node, level=level) as session:
            session.execute(f"INSERT INTO {PROBE_KEYSPACE}.probe (id) VALUES (1)")

    @staticmethod
    def repeat(action):
        deadline = time.monotonic() + SETTLE_SECONDS
        while True:
            try:
                return action()
            except Exception:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.2)

    def stop(self):
        """At once: the data go with the directory."""
        for node in self.nodes:
            node.kill()
        if self.relay is not None:
            self.relay.kill()
            self.relay.wait()
            self.relay.stdout.close()
        for datacenter in self.datacenters:
            datacenter.close()
        if self.directory is not None and "POSTHOUSE_KEEP" not in os.environ:
            shutil.rmtree(self.directory, ignore_errors=True)
        self.nodes, self.datacenters, self.relay, self.directory = [], [], None, None

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    # ---- What happens to it ----

    def datacenter(self, name):
        return next(datacenter for datacenter in self.datacenters if datacenter.name == name)

    def nodes_of(self, name):
        return [node for node in self.nodes if node.datacenter == name]

    def kill(self, node):
        node.kill()

    def restart(self, node):
        """A node that was killed or stopped, with the data it has. Needs is_durable for its schema."""
        node.begin().wait()

    def pause(self, node):
        node.pause()

    def resume(self, node):
        node.resume()

    def stop_datacenter(self, name):
        for node in self.nodes_of(name):
            node.kill()

    def start_datacenter(self, name):
        for node in self.nodes_of(name):
            node.begin()
        self.settle()

    def cut(self):
        """No packet passes between datacenters any more."""
        self.relay.send_signal(signal.SIGUSR1)

    def heal(self):
        self.relay.send_signal(signal.SIGUSR2)

    def popen(self, datacenter, *words, **of_popen):
        """A process in that datacenter, for example a Posthouse; it ends with this thread."""
        of_popen = {"stdin": subprocess.DEVNULL, "start_new_session": True, **of_popen}
        return subprocess.Popen([*WITH_US, *self.datacenter(datacenter).command(*words)], **of_popen)

    # ---- Looking at it ----

    def contact_points(self, datacenter):
        """As the configuration of Posthouse wants them."""
        return [f"{node.address}:{node.port}" for node in self.nodes_of(datacenter)]

    def replication(self):
        """In every datacenter that has nodes by now."""
        begun = [dc for dc in self.datacenters if any(node.is_begun for node in self.nodes_of(dc.name))]
        return {"class": "NetworkTopologyStrategy", **{dc.name: min(3, self.nodes_each) for dc in begun}}

    def create_keyspace(self, session, name):
        session.execute(f"CREATE KEYSPACE IF NOT EXISTS {name} WITH replication = {self.replication()}")

    @staticmethod
    def keyspaces(session):
        """Those that say in which datacenters they are."""
        rows = session.execute("SELECT keyspace_name, replication FROM system_schema.keyspaces")
        return [row.keyspace_name for row in rows if "NetworkTopologyStrategy" in row.replication["class"]]

    def replicate(self, session, name):
        """As many copies in each datacenter as create_keyspace gives it now."""
        session.execute(f"ALTER KEYSPACE {name} WITH replication = {self.replication()}")

    def session(self, datacenter="dc1", node=None, level=ConsistencyLevel.LOCAL_QUORUM, timeout=30):
        """A `with` gives a session of the Python driver: in a datacenter, or on one node alone."""
        addresses = [node.address] if node else [one.address for one in self.nodes_of(datacenter) if one.process]
        return open_session(addresses, CQL_PORT, node.datacenter if node else datacenter, node is not None, level, timeout)

    def rows(self, query, nodes=None):
        """[(node, row)]: the answer of each node that runs, for tables of its own such as system_views."""
        found = []
        for node in nodes or self.nodes:
            if node.process is not None:
                with self.session(node=node, level=ConsistencyLevel.ONE) as session:
                    found += [(node, row) for row in session.execute(SimpleStatement(query, fetch_size=1000))]
        return found

    def paxos_writes(self):
        """How often a node wrote the state of a Paxos round, over all: 0 if there never was a conditional statement or a
        read at SERIAL."""
        query = "SELECT keyspace_name, table_name, count FROM system_views.local_write_latency"
        return sum(row.count for _, row in self.rows(query) if (row.keyspace_name, row.table_name) == ("system", "paxos"))

    def paxos_rows(self):
        return sum(row.count for _, row in self.rows("SELECT count(*) FROM system.paxos"))

    def cpu_seconds(self):
        return sum(node.cpu_seconds() for node in self.nodes)

    def memory_mib(self):
        return sum(node.memory_mib() for node in self.nodes if node.process is not None)


class Session:
    """The session of a driver, closed at the end of a `with`."""

    def __init__(self, client):
        self.client = client

    def __enter__(self):
        try:
            return self.client.connect()
        except BaseException:
            self.client.shutdown()
            raise

    def __exit__(self, *_):
        self.client.shutdown()


def open_session(addresses, port, datacenter, is_alone=False, level=ConsistencyLevel.LOCAL_QUORUM, timeout=30):
    policy = WhiteListRoundRobinPolicy(addresses) if is_alone else DCAwareRoundRobinPolicy(local_dc=datacenter)
    profile = ExecutionProfile(
        load_balancing_policy=policy, consistency_level=level, request_timeout=timeout, retry_policy=RetryPolicy())
    return Session(Client(
        addresses, port=port, protocol_version=5, execution_profiles={EXEC_PROFILE_DEFAULT: profile}, connect_timeout=30,
        control_connection_timeout=30))  # fmt: skip
