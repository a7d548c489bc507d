# SPDX-License-Identifier: Apache-2.0
"""`posthouse remove-orphaned-content`, as an administrator gives it while the server serves. What it removes and what it leaves
alone is src/task/orphans_contract_test.c's matter, for its second look comes two minutes after the first."""

import uuid

import pytest
from one_node import DOMAIN

from support.account import Account
from support.posthouse import Server

MAIL = b"Subject: one\r\n\r\nbody\r\n"


@pytest.fixture
def make_server(make_keyspace):
    servers = []

    def make(**variant):
        server = Server(make_keyspace(**variant))
        servers.append(server)
        server.start()
        server.domain_add(DOMAIN)
        return server

    yield make
    for server in servers:
        server.close()


def sweep(server, *options):
    return server.cli("remove-orphaned-content", "--rate", "0", *options, check=False, timeout=120)


def test_mail_is_left_alone(make_server):
    server = make_server(profile="lwt-free")
    owner = Account(server, f"{uuid.uuid4().hex[:8]}@{DOMAIN}", "correct-horse-battery")
    server.user_add(owner.user, owner.password)
    owner.deliver(MAIL, MAIL)
    result = sweep(server, "--age", "1")
    assert result.returncode == 0, result.stderr
    assert "2 rows of messages, 4 pieces of content: 0 without a message, 0 removed" in result.stderr.decode()
    owner.assert_holds(MAIL, MAIL)
    result = sweep(server, "--age", "0")
    assert result.returncode == 65
    assert "--age" in result.stderr.decode()


def test_what_james_shares_is_for_james(make_server):
    result = sweep(make_server(profile="lwt-free", shared_with_james=True))
    assert result.returncode == 65
    assert "James" in result.stderr.decode()
