# SPDX-License-Identifier: Apache-2.0
"""Fixtures for tests of the command line: `offline` is a store without a server, `online` one with a server; `store` is each of
the two in turn, because every command must do the same either way."""

import json
import socket

import pytest

from support.posthouse import Server

USER = "alice@example.org"
PASSWORD = "correct-horse-battery"


class Store(Server):
    """A server's directory, with words for what these tests do all the time."""

    def code(self, *words, stdin=b""):
        return self.cli(*words, stdin=stdin, check=False).returncode

    def lines(self, *words):
        return self.cli(*words).stdout.decode().splitlines()

    def json(self, *words, stdin=b""):
        return json.loads(self.cli("--json", *words, stdin=stdin).stdout)

    def error(self, *words, stdin=b""):
        """(exit code, class) of a command that fails."""
        result = self.cli("--json", *words, stdin=stdin, check=False)
        assert result.stdout in (b"", b"[]\n")
        return result.returncode, json.loads(result.stderr)["error"]["class"]

    def admin(self):
        return Admin(self.data_dir / "admin.sock")

    def add_alice(self):
        self.domain_add("example.org")
        self.user_add(USER, PASSWORD)
        return self


class Admin:
    """A connection to the admin socket, for what the command line would not say."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(60)
        self.socket.connect(str(path))
        self.stream = self.socket.makefile("rb")
        assert list(json.loads(self.stream.readline())) == ["posthouse"]

    def raw(self, octets):
        """Sends; the last line of the answer."""
        self.socket.sendall(octets)
        answer = json.loads(self.stream.readline())
        while "item" in answer:
            answer = json.loads(self.stream.readline())
        return answer

    def ask(self, operation, arguments):
        return self.raw(json.dumps({"operation": operation, "arguments": arguments}).encode() + b"\n")

    def at_end(self):
        return self.stream.read() == b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stream.close()
        self.socket.close()


# Hashing as cheap as it may be: these tests add many users.
SETTINGS = {"auth": {"argon2_memory_kib": 64, "argon2_passes": 1, "failures_before_delay": 10000, "failures": 10000}}


@pytest.fixture
def offline():
    one = Store(settings=SETTINGS)
    yield one
    one.close()


@pytest.fixture
def online():
    with Store(settings=SETTINGS) as one:
        yield one


@pytest.fixture(params=["offline", "online"])
def store(request):
    return request.getfixturevalue(request.param)
