# SPDX-License-Identifier: Apache-2.0
"""A test's users and their mail, on Posthouse nodes in all datacenters: load runs, something happens to the cluster, and
in the end everything is read and judged."""

import itertools
import time

from cassandra import ConsistencyLevel

import history_checker
import mail_load
import tables
from history import History

DOMAIN = "example.org"
USERS = 5
CONVERGE_SECONDS = 120
SERVICE_SECONDS = 180  # a maildrop that was open on a node that died is in use for two minutes
SHOWN = 12  # violations of a failed test
numbers = itertools.count(1)


class Scenario:
    """`keyspace` is that of the Posthouse nodes `places`. History and users are its own."""

    def __init__(self, cluster, keyspace, places, directory):
        self.cluster = cluster
        self.keyspace = keyspace
        self.places = places
        self.history = History(directory / "history.jsonl")
        name = next(numbers)
        self.accounts = [mail_load.Account(f"user{name}.{index}@{DOMAIN}", "correct-horse") for index in range(USERS)]
        self.spare = mail_load.Account(f"spare{name}@{DOMAIN}", "correct-horse")  # of no client of the load
        for account in [*self.accounts, self.spare]:
            places[0].user_add(account.user, account.password)
        # A user that one datacenter made is in the other when its rows have come.
        for place in self.places:
            for account in [*self.accounts, self.spare]:
                assert mail_load.read_maildrop(place, account, CONVERGE_SECONDS) == []
        self.load = mail_load.Load(self.history, places, self.accounts, f"t{name}")
        self.paxos_before = self.paxos_writes()

    # ---- Names ----

    def place(self, name):
        return next(place for place in self.places if place.name == name)

    def nodes_in(self, *datacenters):
        return [place.name for place in self.places if place.datacenter in datacenters]

    # ---- While it runs ----

    def fault(self, name):
        return self.history.fault(name)

    def steady(self, seconds):
        time.sleep(seconds)
        assert not self.load.errors, self.load.errors

    def assert_served(self, nodes, since, until, deliveries=10, sessions=3):
        """Clients of those nodes noticed nothing in that time, and there were some."""
        told = mail_load.trouble(self.history, nodes, since, until)
        assert not told, f"{len(told)} clients of {nodes} were told\n" + "\n".join(told[:SHOWN] + self.reasons(nodes))
        done = mail_load.worked(self.history, nodes, since, until)
        assert done[0] >= deliveries and done[1] >= sessions, f"{done} deliveries and sessions at {nodes}"

    def reasons(self, nodes):
        """What the logs of those nodes say of trouble, since each was started."""
        logged = [(place.name, line) for place in self.places if place.name in nodes
                  for event in ("trouble", "store-write-failed") for line in place.events(event)]
        return [f"{line['time']} {name}: {line['event']}: {line.get('reason')}" for name, line in logged][-SHOWN:]

    def await_service(self, nodes, since, deliveries=3, sessions=3):
        """Under load: until clients of those nodes are served again after a fault, without a restart."""
        deadline = time.monotonic() + SERVICE_SECONDS
        done = (0, 0)
        while done[0] < deliveries or done[1] < sessions:
            assert time.monotonic() < deadline, f"{done} deliveries and sessions at {nodes}\n" + "\n".join(self.reasons(nodes))
            self.steady(0.5)
            done = mail_load.worked(self.history, nodes, since)

    # ---- Judgement ----

    def judge(self, is_repaired=False, deliveries=50):
        """Everything that clients were told is true in the end, in every datacenter, and in the tables. `is_repaired`: what
        replicas lack is brought to them first, as after the loss of a node."""
        self.history.fault("judgement")
        if is_repaired:
            with self.cluster.session(level=ConsistencyLevel.ALL, timeout=60) as session:
                tables.read_all_replicas(session, self.keyspace)
        self.converge()
        readings = mail_load.read_maildrops(self.places, self.accounts, CONVERGE_SECONDS)
        violations = history_checker.check(self.history.events, readings)
        for datacenter, maildrops in readings.items():
            with self.cluster.session(datacenter) as session:
                found = tables.read_tables(session, self.keyspace)
            violations += tables.check_tables(found, maildrops, self.history.events)
        counts = history_checker.summary(self.history.events)
        print(counts, {name: sum(map(len, one.values())) for name, one in readings.items()})
        assert not violations, f"{len(violations)} violations, {self.history.path}\n" + "\n".join(map(str, violations[:SHOWN]))
        assert counts["deliveries"].get("acknowledged", 0) >= deliveries, f"the load did not run: {counts}"
        self.assert_no_paxos()

    def forget_dead_sessions(self):
        """The maildrops that were open on a node that died are free after two minutes; this is for who cannot wait."""
        with self.cluster.session(timeout=60) as session:
            session.execute(f"TRUNCATE {self.keyspace}.maildroplock")

    def converge(self):
        """Until nodes have given each other what they kept, and all datacenters list the same."""
        deadline = time.monotonic() + CONVERGE_SECONDS
        while self.is_apart():
            if time.monotonic() > deadline:
                break  # the checker will say what is apart
            time.sleep(0.5)

    def is_apart(self):
        if self.cluster.rows("SELECT host_id FROM system_views.pending_hints"):
            return True
        first = {place.datacenter: place for place in reversed(self.places)}
        for account in self.accounts:
            listed = [mail_load.read_uidls(place, account) for place in first.values()]
            if None in listed or any(one != listed[0] for one in listed):
                return True
        return False

    # ---- Paxos ----

    def paxos_writes(self):
        """{(node, start of its process): how often it wrote the state of a Paxos round}."""
        query = "SELECT keyspace_name, table_name, count FROM system_views.local_write_latency"
        return {(node.address, node.process.pid): row.count for node, row in self.cluster.rows(query)
                if (row.keyspace_name, row.table_name) == ("system", "paxos")}

    def assert_no_paxos(self):
        for node, count in self.paxos_writes().items():
            assert count == self.paxos_before.get(node, 0), f"{node} took part in Paxos"
        for node in [node for node in self.cluster.nodes if node.process is not None]:
            with self.cluster.session(node=node, level=ConsistencyLevel.ONE) as session:
                assert tables.paxos_rows_of(session, self.keyspace) == 0, f"{node.address} has state of Paxos"
