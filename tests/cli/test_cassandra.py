# SPDX-License-Identifier: Apache-2.0
"""The configuration for Cassandra, and what is said where no Cassandra answers: none of this needs a node."""

import json
import socket

import pytest

from conftest import Store


@pytest.fixture
def nobody():
    """A port of this machine on which nothing answers."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


@pytest.fixture
def away(nobody):
    """A store in a Cassandra that is not there."""
    one = Store(settings={
        "store": {"engine": "cassandra"},
        "cassandra": {"contact_points": [f"127.0.0.1:{nobody}"], "local_datacenter": "dc1", "connect_timeout_ms": 500},
    })  # fmt: skip
    yield one
    one.close()


def refused(store, *settings):
    """What check-config says, with these settings."""
    words = [word for setting in settings for word in ("--set", setting)]
    result = store.cli("check-config", *words, check=False)
    assert result.returncode == 78
    return result.stderr.decode()


def test_the_defaults(away):
    assert away.code("check-config") == 0
    settings = away.json("check-config")
    assert settings["cassandra.profile"] == "lwt-free"
    assert settings["cassandra.keyspace"] == "posthouse"
    assert settings["cassandra.shared_with_james"] == "false"
    assert settings["cassandra.request_timeout_ms"] == "5000"


def test_what_the_engine_needs(offline):
    text = refused(offline, "store.engine=cassandra")
    assert "cassandra.contact_points: expected a value because of store.engine: cassandra" in text
    assert "cassandra.local_datacenter: expected a value because of store.engine: cassandra" in text


def test_what_goes_together(away):
    assert "cassandra.password_file" in refused(away, "cassandra.username=mail")
    assert "cassandra.username" in refused(away, "cassandra.password_file=/etc/hostname")
    assert "cassandra.tls_ca_file" in refused(
        away, "cassandra.tls_certificate_file=/etc/hostname", "cassandra.tls_key_file=/etc/hostname")


def test_files_are_read(away, tmp_path):
    missing = tmp_path / "missing"
    empty = tmp_path / "empty"
    empty.write_text("\nsecond line\n")
    good = tmp_path / "good"
    good.write_text("correct-horse\n")
    assert str(missing) in refused(away, "cassandra.username=mail", f"cassandra.password_file={missing}")
    assert f"{empty}: the first line is empty" in refused(away, "cassandra.username=mail", f"cassandra.password_file={empty}")
    assert str(missing) in refused(away, f"cassandra.tls_ca_file={missing}")
    result = away.cli("check-config", "--set", "cassandra.username=mail", "--set", f"cassandra.password_file={good}")
    assert b"correct-horse" not in result.stdout + result.stderr


def test_where_no_node_answers(away, nobody):
    assert away.error("user", "list") == (69, "unavailable")
    assert away.error("schema", "check") == (69, "unavailable")
    # Whoever hands over mail keeps it.
    assert away.error("deliver", "alice@example.org", stdin=b"Subject: x\n\nx\n") == (75, "unavailable")
    result = away.cli("serve", check=False)
    assert result.returncode == 69
    text = result.stderr.decode()
    assert "event=start-failed" in text and f"127.0.0.1:{nobody}" in text


def test_status_without_a_server(away):
    result = away.cli("--json", "status", check=False)
    assert result.returncode == 69
    status = json.loads(result.stdout)
    assert status["engine"] == "cassandra" and not status["running"]


def test_statements_are_told_without_a_node(away):
    free = away.json("schema", "statements")
    assert {"name", "statement", "kind", "role", "conditional", "consistency", "used", "text"} == set(free[0])
    assert not [one for one in free if one["conditional"]]
    lines = away.lines("schema", "statements")
    assert len(lines) == 2 * len(free)
