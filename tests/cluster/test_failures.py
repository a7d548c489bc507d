# SPDX-License-Identifier: Apache-2.0
"""Nodes, links, datacenters and clocks that fail under load, profile `lwt-free`.

In each test clients deliver and fetch at every Posthouse node throughout. Those of a datacenter that lives notice nothing;
and in the end the checker (history_checker.py) finds what all of them were told true, in every datacenter and in the tables,
and no node of Cassandra has taken part in Paxos."""

import threading

import crowd
import pytest
from cluster_server import ClusterServer
from conftest import IS_LONG

from support.account import Account

CROWD = 100  # clients of SMTP, and of POP3
MESSAGE = b"Subject: there\r\n\r\nthrough it all\r\n"
HASH_THREADS = 2  # of Posthouse; each has a login in hand beside those that wait
STALL = 14  # seconds
BEFORE = 4  # seconds of load before the fault


def seconds(short, long):
    return long if IS_LONG else short


def living(cluster, lame):
    """Datacenters in which a quorum of nodes is left when that one is not there."""
    return [place.name for place in cluster.datacenters
            if sum(node is not lame for node in cluster.nodes_of(place.name)) > cluster.nodes_each // 2]


def test_the_load_alone(scenario):
    """The measure of the others: without a fault nobody is told anything but yes."""
    since = scenario.fault("none")
    with scenario.load:
        scenario.steady(seconds(4, 20))
    scenario.assert_served(scenario.nodes_in("dc1", "dc2"), since, float("inf"))
    scenario.judge()


def test_a_cassandra_node_is_killed(scenario, cluster):
    victim = cluster.nodes_of("dc2")[-1]
    nodes = scenario.nodes_in(*living(cluster, victim))
    with scenario.load:
        scenario.steady(BEFORE)
        since = scenario.fault("node killed")
        cluster.kill(victim)
        scenario.steady(seconds(10, 30))
        cluster.restart(victim)
        until = scenario.fault("node answers again")
        cluster.settle()
        scenario.await_service(scenario.nodes_in("dc2"), scenario.fault("cluster whole"))
    scenario.assert_served(nodes, since, until)
    scenario.judge(is_repaired=True)


def test_a_cassandra_node_is_paused(scenario, cluster):
    """It takes requests and answers none: nobody is told that it is gone."""
    victim = cluster.nodes_of("dc2")[-1]
    nodes = scenario.nodes_in(*living(cluster, victim))
    with scenario.load:
        scenario.steady(BEFORE)
        since = scenario.fault("node paused")
        cluster.pause(victim)
        scenario.steady(seconds(10, 30))
        cluster.resume(victim)
        until = scenario.fault("node resumed")
        cluster.settle()
        scenario.await_service(scenario.nodes_in("dc2"), scenario.fault("cluster whole"))
    scenario.assert_served(nodes, since, until)
    scenario.judge()


def test_the_link_between_datacenters_is_cut(scenario, cluster):
    with scenario.load:
        scenario.steady(BEFORE)
        since = scenario.fault("link cut")
        cluster.cut()
        scenario.steady(seconds(12, 60))
        cluster.heal()
        scenario.fault("link healed")
        # What was delivered over there arrives now, in any order, under the eyes of readers.
        scenario.steady(seconds(12, 30))
    for datacenter in ("dc1", "dc2"):
        scenario.assert_served(scenario.nodes_in(datacenter), since, float("inf"))
    scenario.judge()


@pytest.mark.long
def test_a_whole_datacenter_is_stopped(scenario, cluster):
    with scenario.load:
        scenario.steady(BEFORE)
        since = scenario.fault("datacenter stopped")
        cluster.stop_datacenter("dc2")
        scenario.steady(30)
        until = scenario.fault("datacenter starts")
        cluster.start_datacenter("dc2")
        scenario.await_service(scenario.nodes_in("dc2"), scenario.fault("cluster whole"))
    scenario.assert_served(scenario.nodes_in("dc1"), since, until)
    scenario.judge(is_repaired=True)


def test_a_posthouse_node_is_killed(scenario):
    """SIGKILL, again and again. Its clients get no answer; the neighbour in its datacenter serves all users."""
    victim = scenario.place("dc1-b")
    with scenario.load:
        scenario.steady(BEFORE)
        since = scenario.fault("first kill")
        for _ in range(seconds(3, 10)):
            victim.kill9()
            scenario.steady(0.5)
            victim.start()
            back = scenario.fault("started")
            scenario.steady(2)
        scenario.await_service(["dc1-b"], back)
    scenario.assert_served(scenario.nodes_in("dc2") + ["dc1-a"], since, float("inf"))
    if not IS_LONG:
        scenario.forget_dead_sessions()
    scenario.judge()


@pytest.mark.long
def test_everything_is_restarted_one_after_the_other(scenario, cluster):
    """As for a new version. Who is connected to a Posthouse node that stops is told so, or cut off; nobody else notices."""
    with scenario.load:
        scenario.steady(BEFORE)
        since = scenario.fault("first restart")
        for node in cluster.nodes_of("dc1"):
            node.nodetool("drain")
            node.stop()
            cluster.restart(node)
            cluster.settle()
        until = scenario.fault("Cassandra was restarted")
        for place in scenario.places:
            if place.datacenter == "dc1":
                place.restart()
        scenario.await_service(scenario.nodes_in("dc1"), scenario.fault("all restarted"))
    scenario.assert_served(scenario.nodes_in("dc1"), since, until)
    scenario.assert_served(scenario.nodes_in("dc2"), since, float("inf"))
    scenario.judge()


def test_clocks_are_five_seconds_apart(scenario):
    """In each datacenter one Posthouse node is ahead, so that mail that one took is deleted by another whose clock has
    not come so far."""
    ahead = [scenario.place("dc1-b"), scenario.place("dc2-b")]
    for place in ahead:
        place.restart_with_clock(5)
    try:
        since = scenario.fault("clocks apart")
        with scenario.load:
            scenario.steady(seconds(10, 30))
        scenario.assert_served(scenario.nodes_in("dc1", "dc2"), since, float("inf"))
        scenario.judge()
    finally:
        for place in ahead:
            place.restart_with_clock(0)


@pytest.mark.long
def test_cassandra_stalls_for_less_than_the_deadline(scenario, cluster):
    """Whoever came meanwhile waits, and is told yes: no connection is given up before the requests on it."""
    place = ClusterServer(cluster, "dc1", 3, scenario.keyspace, request_timeout_ms=1000 * (STALL + 30))
    with place.start():
        scenario.fault("all nodes paused")
        for node in cluster.nodes:
            cluster.pause(node)
        waking = threading.Timer(STALL, lambda: [cluster.resume(node) for node in cluster.nodes])
        waking.start()
        smtp, pop3 = crowd.besiege(place, scenario.accounts, len(scenario.accounts))
        waking.join()
    assert [told for told in smtp + pop3 if told.command != "the end"] == []


@pytest.mark.parametrize("how", ["paused", pytest.param("killed", marks=pytest.mark.long)])
def test_cassandra_cannot_be_reached(scenario, cluster, small_place, how):
    """Everybody is told to come again, within the deadline; of a crowd all but a few at once; and when Cassandra is back,
    so is Posthouse, without a restart."""
    with scenario.load:
        scenario.steady(BEFORE)
        account = Account(small_place, scenario.spare.user, scenario.spare.password)
        account.deliver(MESSAGE)
        logged_in = crowd.Client(small_place.address("pop3"))
        crowd.play(logged_in, crowd.login(scenario.spare))
        threads = small_place.threads()
        scenario.fault(f"all nodes {how}")
        for node in cluster.nodes:
            cluster.pause(node) if how == "paused" else cluster.kill(node)
        try:
            smtp, pop3 = crowd.besiege(small_place, scenario.accounts, CROWD)
            most_threads = small_place.threads()
            pop3.append(crowd.play(logged_in, ["RETR 1"]))
        finally:
            for node in cluster.nodes:
                cluster.resume(node) if how == "paused" else node.begin()
        logged_in.close()
        cluster.settle()
        back = scenario.fault("cluster whole")
        for datacenter in ("dc1", "dc2"):
            scenario.await_service(scenario.nodes_in(datacenter), back)
    for told, wanted in [(told, crowd.SMTP_LATER) for told in smtp] + [(told, crowd.POP3_LATER) for told in pop3]:
        assert wanted.match(told.answer), told
        # A command may make two requests, one after the other; a busy machine needs some time too.
        assert told.seconds < 3 * small_place.deadline_seconds, told
    waited = [told for told in smtp + pop3 if told.seconds > small_place.deadline_seconds / 2]
    assert len(waited) < small_place.waiting_at_most + HASH_THREADS, f"{len(waited)} of {2 * CROWD} clients waited"
    assert most_threads < threads + small_place.waiting_at_most, f"{threads} threads became {most_threads}"
    account.assert_holds(MESSAGE)
    scenario.judge(is_repaired=how == "killed")
