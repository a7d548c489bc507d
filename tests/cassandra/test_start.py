# SPDX-License-Identifier: Apache-2.0
"""A server starts on the keyspace that it is configured for, and on no other; by TLS and with a password where asked for."""

import re
import subprocess

import pytest
from one_node import DATACENTER, DOMAIN, on_cassandra

from support.account import Account
from support.cassandra import Node
from support.certificates import Authority
from support.posthouse import Server

MESSAGE = b"Subject: over TLS\r\n\r\nA body.\r\n"


def refusal(settings):
    """What a server says that does not start."""
    server = Server(settings)
    try:
        result = subprocess.run([server.binary, "--config", server.config_path, "serve"], stdin=subprocess.DEVNULL,
                                capture_output=True, text=True, timeout=60)  # fmt: skip
        assert result.returncode != 0
        return result.stdout + result.stderr
    finally:
        server.remove()


def test_no_keyspace(node):
    text = refusal(on_cassandra(node, "nobody_made_this"))
    assert "nobody_made_this" in text


def test_another_profile_than_the_keyspace_remembers(make_keyspace):
    settings = make_keyspace(profile="lwt")
    settings["cassandra"]["profile"] = "lwt-free"
    text = refusal(settings)
    assert "lwt-free" in text and re.search(r"\blwt\b(?!-)", text)


def test_a_column_that_is_missing_is_named_with_the_statement_that_adds_it(make_keyspace, session):
    settings = make_keyspace()
    keyspace = settings["cassandra"]["keyspace"]
    session.execute(f"ALTER TABLE {keyspace}.messageidtable DROP fullcontentoctets", timeout=60)
    text = refusal(settings).lower()
    assert "messageidtable" in text and "fullcontentoctets" in text and "alter table" in text


@pytest.fixture
def guarded_settings(guarded, tmp_path):
    """Settings with a right password and the right authority."""
    node, authority = guarded
    password_file = tmp_path / "password"
    password_file.write_text("cassandra\n")
    return on_cassandra(node, "guarded", username="cassandra", password_file=str(password_file),
                        tls_ca_file=str(authority.certificate))  # fmt: skip


def test_tls_and_a_password(guarded_settings):
    server = Server(guarded_settings)
    try:
        server.cli("schema", "create", "--replication", f"{DATACENTER}=1", timeout=120)
        server.start()
        server.domain_add(DOMAIN)
        server.user_add(f"bob@{DOMAIN}", "correct-horse")
        bob = Account(server, f"bob@{DOMAIN}", "correct-horse")
        bob.deliver(MESSAGE)
        bob.assert_holds(MESSAGE)
    finally:
        server.close()


def test_a_wrong_password(guarded_settings, tmp_path):
    (tmp_path / "password").write_text("wrong\n")
    assert re.search(r"password|login|credential|denied", refusal(guarded_settings), re.I)


def test_an_authority_that_did_not_sign_the_nodes_certificate(guarded_settings, tmp_path):
    other = Authority(tmp_path / "other")
    guarded_settings["cassandra"]["tls_ca_file"] = str(other.certificate)
    assert re.search(r"certificate|TLS", refusal(guarded_settings), re.I)


def test_a_certificate_for_another_name(guarded, tmp_path):
    """Unless it is told not to look at names."""
    _, authority = guarded
    certificate = authority.issue("elsewhere.example.org", alternatives=("DNS:elsewhere.example.org",))
    node = Node(tmp_path / "elsewhere", heap_mib=384, tls=certificate)
    try:
        node.start()
        settings = on_cassandra(node, "elsewhere", tls_ca_file=str(authority.certificate))
        assert re.search(r"certificate|TLS", refusal(settings), re.I)
        settings["cassandra"]["tls_verify_host"] = False
        assert '"elsewhere"' in refusal(settings) or "keyspace elsewhere" in refusal(settings)
    finally:
        node.kill()
