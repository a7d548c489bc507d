# SPDX-License-Identifier: Apache-2.0
"""Fixtures for tests against the real server: `server` runs for a whole session, `account` is a new user on it,
`make_server` gives a test a server of its own, to stop, kill or configure as it likes."""

import itertools

import pytest

from support.account import Account
from support.posthouse import Server

DOMAIN = "example.org"
numbers = itertools.count(1)


@pytest.fixture(scope="session")
def server():
    with Server() as running:
        running.domain_add(DOMAIN)
        yield running


@pytest.fixture
def make_server():
    """make_server(**arguments of Server), started, with the domain added."""
    made = []

    def make(**arguments):
        one = Server(**arguments)
        made.append(one)
        one.start()
        one.domain_add(DOMAIN)
        return one

    yield make
    for one in made:
        one.close()


@pytest.fixture
def make_account(server):
    """make_account(): a new user of the shared server; removed after the test."""
    made = []

    def make(password="correct-horse-battery", on=server):
        account = Account(on, f"user{next(numbers)}@{DOMAIN}", password)
        on.user_add(account.user, account.password)
        if on is server:
            made.append(account)
        return account

    yield make
    for account in made:
        server.user_remove(account.user)


@pytest.fixture
def account(make_account):
    return make_account()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item):
    """A failed test shows the end of its server's log."""
    outcome = yield
    report = outcome.get_result()
    if report.failed:
        for value in getattr(item, "funcargs", {}).values():
            if isinstance(value, Server):
                report.sections.append(("log of the server", value.log_tail()))
