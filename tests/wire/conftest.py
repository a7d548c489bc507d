# SPDX-License-Identifier: Apache-2.0
"""Fixtures for wire tests: `servers(name)` gives a running server of servers.py, shared by the whole session."""

import itertools

import pytest

from servers import Servers

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
