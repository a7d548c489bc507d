# SPDX-License-Identifier: Apache-2.0
"""Fixtures of the move: `dovecot` is where users are, `store` a Posthouse without a server, where they go; start() serves it on the port
that Dovecot had."""

import json
import pathlib
import sys

import pytest

from support.account import Account
from support.posthouse import Server

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "clients"))

from dovecot import PASSWORD, Dovecot, free_port  # noqa: E402

USER = "alice@example.org"
SETTINGS = {"auth": {"argon2_memory_kib": 64, "argon2_passes": 1, "failures_before_delay": 10000, "failures": 10000,
                     "plaintext_networks": ["127.0.0.0/8"]}}


class Store(Server):
    def __init__(self, pop3_port=0, settings=None):
        super().__init__(settings={**SETTINGS, **(settings or {})}, listeners=[
            {"protocol": "pop3", "address": f"127.0.0.1:{pop3_port}", "tls": "starttls"},
            {"protocol": "lmtp", "address": "127.0.0.1:0", "tls": "none"},
            {"protocol": "submission", "address": "127.0.0.1:0", "tls": "starttls"},
        ])
        self.domain_add("example.org")

    def add(self, user=USER):
        self.user_add(user, PASSWORD)
        return Account(self, user, PASSWORD)

    def code(self, *words):
        """(exit code, standard error)."""
        result = self.cli(*words, check=False, timeout=300)
        return result.returncode, result.stderr.decode()

    def imports(self, *words, code=0):
        """The result of the one account of an import: {"mailboxes": [...], "total": {...}, "problems": [...]}."""
        result = self.cli("--json", "import", *words, check=False, timeout=300)
        assert result.returncode == code, result.stderr.decode()
        [account] = json.loads(result.stdout)["accounts"]
        return account

    def exports(self, *words):
        return json.loads(self.cli("--json", "export", *words, timeout=300).stdout)


@pytest.fixture
def pop3_port():
    return free_port()


@pytest.fixture
def dovecot(pop3_port):
    with Dovecot(pop3_port) as one:
        yield one


@pytest.fixture
def store(pop3_port):
    one = Store(pop3_port)
    yield one
    one.close()


@pytest.fixture(params=["offline", "online"])
def either(request, store):
    """The store, without a server and with one."""
    if request.param == "online":
        store.start()
    return store
