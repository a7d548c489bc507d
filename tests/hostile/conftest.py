# SPDX-License-Identifier: Apache-2.0
"""Fixtures for tests with hostile peers. Clients and servers are those of tests/wire."""

import itertools
import pathlib
import sys

import pytest

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "wire"))

from hostile import HOSTILE_SERVERS, Neighbour  # noqa: E402
from servers import SERVERS, Servers  # noqa: E402

SERVERS.update(HOSTILE_SERVERS)
numbers = itertools.count(1)


@pytest.fixture(scope="session")
def servers():
    made = Servers()
    yield made
    made.close()


@pytest.fixture
def number():
    """A number that no other test of the session has: for names of users."""
    return next(numbers)


@pytest.fixture
def server(servers):
    """Takes what tests throw at it; a well-behaved neighbour uses it meanwhile and is not disturbed."""
    server = servers("open")
    with Neighbour(server, f"neighbour-{next(numbers)}"):
        yield server
