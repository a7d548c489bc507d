# SPDX-License-Identifier: Apache-2.0
"""What an operation may cost on Cassandra: statements, rounds one behind the other, and no conditional one in profile
lwt-free. Counted by Posthouse (`posthouse status`), and Paxos by Cassandra itself."""

import contextlib
import json
import poplib
import smtplib
import time
import types

import pytest

from support.generator import Generator

SMALL = b"From: a@example.org\r\nTo: b@example.org\r\nSubject: counted\r\n\r\n" + b"A line of the body.\r\n" * 90
LARGE = SMALL + b"Another line of the body, a longer one.\r\n" * 8000  # above 300 KiB: several chunks
# A delivery to one recipient, statements and rounds, by whether James shares the keyspace.
DELIVERY = {False: (6, 2), True: (10, 3)}
# The same of profile lwt, and how many of the statements need consensus.
DELIVERY_LWT = {False: (9, 7, 5), True: (14, 7, 5)}
LOGIN_TO_STAT_ROUNDS = 3
RETR = (3, 2)
QUIT_ROUNDS = 8


def figures(server):
    status = json.loads(server.cli("--json", "status").stdout)
    statements = status["statements"].values()
    return types.SimpleNamespace(
        names={name: one["count"] for name, one in status["statements"].items()},
        count=sum(one["count"] for one in statements),
        conditional=sum(one["conditional"] for one in statements), rounds=status["rounds"])  # fmt: skip


def paxos_tables(session, keyspace):
    """The tables of the keyspace that Cassandra has state of Paxos rounds for; others use the node meanwhile."""
    tables = {row.id: row.table_name for row in session.execute(
        "SELECT id, table_name FROM system_schema.tables WHERE keyspace_name = %s", (keyspace,))}  # fmt: skip
    return {tables[row.cf_id] for row in session.execute("SELECT cf_id FROM system.paxos", timeout=60) if row.cf_id in tables}


class Costs:
    """The cost of what was done inside a `with`, times how often."""

    def __init__(self, server):
        self.server = server

    @contextlib.contextmanager
    def of(self, times=1):
        # A look at the status costs nothing in the store; what others of the server do does, so it is given time to end.
        before = self.settled()
        cost = types.SimpleNamespace()
        yield cost
        after = self.settled()
        cost.count = (after.count - before.count) / times
        cost.rounds = (after.rounds - before.rounds) / times
        cost.conditional = (after.conditional - before.conditional) / times
        cost.names = {name: (count - before.names.get(name, 0)) / times for name, count in after.names.items()
                      if count > before.names.get(name, 0)}  # fmt: skip

    def settled(self):
        last = figures(self.server)
        while True:
            time.sleep(0.2)
            now = figures(self.server)
            if now.count == last.count:
                return now
            last = now


@pytest.fixture
def costs(variant):
    return Costs(variant.server)


def deliver(account, message, times):
    """On one connection, so that the recipient is asked for in a `with` only where it always is."""
    host, port = account.server.address("lmtp", "none")
    with smtplib.LMTP(host, port, local_hostname="client.example.org", timeout=60) as client:
        for _ in range(times):
            assert client.sendmail("sender@example.net", [account.user], message) == {}


def log_in(account):
    client = poplib.POP3(*account.server.address("pop3"), timeout=60)
    client.user(account.user)
    client.pass_(account.password)
    return client


def test_a_delivery_to_one_recipient(variant, owner, costs):
    deliver(owner, SMALL, 2)  # the maildrop is there, the recipient is known
    with costs.of(times=20) as cost:
        deliver(owner, SMALL, 20)
    if variant.profile == "lwt-free":
        statements, rounds = DELIVERY[variant.is_shared]
        assert cost.count <= statements, cost.names
        assert cost.rounds <= rounds, cost.names
        assert cost.conditional == 0
    else:
        statements, rounds, conditional = DELIVERY_LWT[variant.is_shared]
        assert cost.count <= statements, cost.names
        assert cost.rounds <= rounds, cost.names
        assert 1 <= cost.conditional <= conditional, "profile lwt shows nothing if it has no conditional statement"


def test_login_to_stat(variant, owner, costs):
    deliver(owner, SMALL, 20)
    log_in(owner).quit()  # its password was verified lately
    with costs.of() as cost:
        client = log_in(owner)
        assert client.stat()[0] == 20
    client.quit()
    assert cost.rounds <= LOGIN_TO_STAT_ROUNDS, cost.names
    if variant.profile == "lwt-free":
        assert cost.conditional == 0


def test_retr_of_a_small_message(variant, owner, costs):
    deliver(owner, SMALL, 10)
    client = log_in(owner)
    with costs.of(times=10) as cost:
        for number in range(1, 11):
            assert client.retr(number)[2] > len(SMALL)
    client.quit()
    if variant.profile == "lwt-free":
        statements, rounds = RETR
        assert cost.count <= statements, cost.names
        assert cost.rounds <= rounds, cost.names
        assert not [name for name in cost.names if name.startswith("message_get")], "messageV3 is not needed"
        assert cost.conditional == 0


@pytest.mark.parametrize("count", [1, 40])
def test_rounds_of_quit_do_not_grow_with_what_was_deleted(variant, owner, costs, count):
    deliver(owner, SMALL, count)
    client = log_in(owner)
    for number in range(1, count + 1):
        client.dele(number)
    with costs.of() as cost:
        client.quit()
    assert cost.rounds <= QUIT_ROUNDS, cost.names
    if variant.profile == "lwt-free":
        assert cost.conditional == 0
    assert owner.count() == 0


def test_a_life_of_a_maildrop_without_consensus(variant, owner, session):
    """Of lwt-free Cassandra itself has seen no Paxos round: not for the mailbox, its mail, or its end."""
    messages = [SMALL, LARGE, *Generator(5).messages(5)]
    owner.deliver(*messages)
    owner.assert_holds(*messages)
    with owner.pop3() as client:
        client.top(1, 0)
        client.uidl()
        for number in range(1, len(messages) + 1):
            client.dele(number)
    assert owner.count() == 0
    variant.server.user_passwd(owner.user, "another-battery")
    variant.server.user_remove(owner.user)
    touched = paxos_tables(session, variant.keyspace)
    if variant.profile == "lwt-free":
        assert touched == set()
    else:
        assert "imapuidtable" in touched
