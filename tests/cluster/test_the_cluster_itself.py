# SPDX-License-Identifier: Apache-2.0
"""That the instruments of this suite measure: the delay is there, a cut link is cut, Paxos leaves its traces."""

import time

import pytest
from cassandra import ConsistencyLevel, Unavailable, WriteTimeout

KEYSPACE = "instruments"


@pytest.fixture
def table(cluster):
    with cluster.session() as session:
        cluster.create_keyspace(session, KEYSPACE)
        session.execute(f"CREATE TABLE IF NOT EXISTS {KEYSPACE}.rows (id int PRIMARY KEY, value int)")
    return f"{KEYSPACE}.rows"


def prepared(session, text, level):
    statement = session.prepare(text)
    statement.consistency_level = level
    return statement


def median_ms(session, statement, count=40):
    times = []
    for number in range(count):
        start = time.monotonic()
        session.execute(statement, (number,))
        times.append((time.monotonic() - start) * 1000)
    return sorted(times)[count // 2]


def test_what_waits_for_the_other_datacenter_waits_for_the_delay_twice(cluster, table):
    with cluster.session() as session:
        statement = prepared(session, f"INSERT INTO {table} (id, value) VALUES (?, 1)", ConsistencyLevel.EACH_QUORUM)
        assert median_ms(session, statement) >= 2 * cluster.delay_ms


def test_over_a_cut_link_each_datacenter_writes_alone_and_healing_brings_them_together(cluster, table):
    text = f"INSERT INTO {table} (id, value) VALUES (?, 2)"
    with cluster.session("dc1") as one, cluster.session("dc2") as two:
        local = [prepared(session, text, ConsistencyLevel.LOCAL_QUORUM) for session in (one, two)]
        both = prepared(one, text, ConsistencyLevel.EACH_QUORUM)
        cluster.cut()
        one.execute(local[0], (1001,))
        two.execute(local[1], (1002,))
        with pytest.raises((WriteTimeout, Unavailable)):
            one.execute(both, (1003,))
        select = prepared(one, f"SELECT value FROM {table} WHERE id = ?", ConsistencyLevel.LOCAL_QUORUM)
        assert one.execute(select, (1002,)).one() is None
        cluster.heal()
        cluster.repeat(lambda: one.execute(both, (1003,)))
        at_all = prepared(one, f"SELECT value FROM {table} WHERE id = ?", ConsistencyLevel.ALL)
        assert [one.execute(at_all, (number,)).one().value for number in (1001, 1002, 1003)] == [2, 2, 2]


def test_a_conditional_statement_and_a_serial_read_are_seen_from_outside_and_nothing_else_is(cluster, table):
    with cluster.session() as session:
        before = cluster.paxos_writes()
        session.execute(f"INSERT INTO {table} (id, value) VALUES (2001, 1)")
        session.execute(f"SELECT value FROM {table} WHERE id = 2001")
        assert cluster.paxos_writes() == before
        statement = prepared(session, f"UPDATE {table} SET value = 2 WHERE id = 2001 IF value = 1", ConsistencyLevel.QUORUM)
        assert session.execute(statement).was_applied
        after = cluster.paxos_writes()
        assert after > before
        assert cluster.paxos_rows() > 0
        session.execute(prepared(session, f"SELECT value FROM {table} WHERE id = 2001", ConsistencyLevel.SERIAL))
        assert cluster.paxos_writes() > after


def test_a_killed_node_has_its_acknowledged_rows_and_its_tables_when_it_is_back(cluster, table):
    with cluster.session() as session:
        statement = prepared(session, f"INSERT INTO {table} (id, value) VALUES (?, 3)", ConsistencyLevel.ALL)
        for number in range(3000, 3100):
            session.execute(statement, (number,))
    node = cluster.nodes_of("dc2")[0]
    cluster.kill(node)
    cluster.restart(node)
    with cluster.session(node=node, level=ConsistencyLevel.ONE) as session:
        rows = session.execute(f"SELECT id FROM {table} WHERE id IN ({', '.join(map(str, range(3000, 3100)))})")
        assert len(rows.all()) == 100
