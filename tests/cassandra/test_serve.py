# SPDX-License-Identifier: Apache-2.0
"""`posthouse serve` on Cassandra, by clients: any node serves any user, two nodes serve one maildrop, and a command works
beside them. The system calls that a server may not make end it here."""

import json
import poplib
import smtplib
import subprocess

import pytest
from one_node import DOMAIN

from support.account import Account
from support.posthouse import Server

PASSWORD = "correct-horse-battery"
SMALL = b"From: a@example.net\r\nSubject: small\r\n\r\n.a dot, and \xc3\xa4\r\n"
LARGE = b"From: a@example.net\r\nSubject: large\r\n\r\n" + b"".join(b"%06d %s\r\n" % (n, b"x" * 60) for n in range(8000))
SETTINGS = {"sandbox": {"seccomp": "kill"}, "auth": {
    "argon2_memory_kib": 64, "argon2_passes": 1, "failures_before_delay": 10000, "failures": 10000,
    "plaintext_networks": ["127.0.0.0/8"]}}  # fmt: skip


@pytest.fixture(scope="module")
def nodes(make_keyspace):
    """Two servers on one keyspace."""
    settings = {**SETTINGS, **make_keyspace()}
    with Server(settings) as one, Server(settings) as other:
        one.domain_add(DOMAIN)
        yield one, other


@pytest.fixture
def user(nodes, request):
    name = f"{request.node.originalname.replace('_', '-')[:50]}@{DOMAIN}"
    nodes[0].user_add(name, PASSWORD)
    yield name
    nodes[0].user_remove(name)


def on(server, user):
    return Account(server, user, PASSWORD)


def session_on(server, user):
    client = poplib.POP3(*server.address("pop3"), timeout=60)
    client.user(user)
    client.pass_(PASSWORD)
    return client


# ---- Mail in and out ----


def test_in_by_lmtp_and_out_by_pop3_of_another_node(nodes, user):
    on(nodes[0], user).deliver(SMALL, LARGE)
    on(nodes[1], user).assert_holds(SMALL, LARGE)


def test_in_by_smtp_and_by_the_command(nodes, user):
    host, port = nodes[1].address("smtp")
    with smtplib.SMTP(host, port, local_hostname="client.example.net", timeout=60) as client:
        assert client.sendmail("sender@example.net", [user], SMALL, mail_options=["BODY=8BITMIME"]) == {}
    nodes[0].deliver(LARGE, user)
    with on(nodes[0], user).pop3() as client:
        assert client.stat()[0] == 2


def test_curl_fetches_and_deletes(nodes, user, tmp_path):
    on(nodes[0], user).deliver(SMALL)
    host, port = nodes[1].address("pop3", "implicit")
    command = ["curl", "--silent", "--show-error", "--cacert", nodes[1].authority.certificate, "--user", f"{user}:{PASSWORD}",
               "--resolve", f"mx.example.org:{port}:{host}"]  # fmt: skip
    result = subprocess.run([*command, f"pop3s://mx.example.org:{port}/1"], capture_output=True, timeout=60, check=True)
    assert result.stdout.endswith(SMALL)
    subprocess.run([*command, "--head", "--request", "DELE 1", f"pop3s://mx.example.org:{port}/"], capture_output=True,
                   timeout=60, check=True)  # fmt: skip
    with on(nodes[0], user).pop3() as client:
        assert client.stat()[0] == 0


def test_uidls_are_the_same_on_every_node_and_never_change(nodes, user):
    on(nodes[0], user).deliver(SMALL, SMALL, SMALL)
    seen = on(nodes[0], user).uidl()
    assert on(nodes[1], user).uidl() == seen
    with on(nodes[1], user).pop3() as client:
        client.dele(2)
    assert on(nodes[0], user).uidl() == [seen[0], seen[2]]


def test_a_message_to_many_is_stored_for_each(nodes, user):
    others = [f"many{number}@{DOMAIN}" for number in range(5)]
    for name in others:
        nodes[0].user_add(name, PASSWORD)
    nodes[0].deliver(LARGE, user, *others)
    with on(nodes[1], user).pop3() as client:
        client.dele(1)
    for name in others:
        with on(nodes[1], name).pop3() as client:
            body = b"\r\n".join(client.retr(1)[1]) + b"\r\n"
            assert body.endswith(LARGE)
            client.dele(1)
        nodes[1].user_remove(name)


# ---- One maildrop, one session ----


@pytest.mark.parametrize("first, second", [(0, 1), (1, 0), (0, 0)])
def test_a_second_session_is_refused_on_every_node(nodes, user, first, second):
    held = session_on(nodes[first], user)
    with pytest.raises(poplib.error_proto, match=r"\[IN-USE\]"):
        session_on(nodes[second], user)
    assert held.stat()[0] == 0
    held.quit()
    session_on(nodes[second], user).quit()


def test_mail_that_comes_in_during_a_session_is_there_in_the_next(nodes, user):
    on(nodes[0], user).deliver(SMALL)
    held = session_on(nodes[0], user)
    on(nodes[1], user).deliver(LARGE)
    assert held.stat()[0] == 1
    held.dele(1)
    held.quit()
    on(nodes[1], user).assert_holds(LARGE)


def test_a_session_that_is_cut_off_deletes_nothing_and_lets_go(nodes, user):
    on(nodes[0], user).deliver(SMALL)
    held = session_on(nodes[0], user)
    held.dele(1)
    held.close()
    other = None
    while other is None:  # until the node has noticed
        try:
            other = session_on(nodes[1], user)
        except poplib.error_proto as refused:
            assert "[IN-USE]" in str(refused)
    assert other.stat()[0] == 1
    other.quit()


# ---- The administrator ----


def test_a_command_works_beside_servers_without_asking_them(nodes, user):
    """From a data directory in which no server runs."""
    beside = Server({**SETTINGS, **{key: nodes[0].config[key] for key in ("store", "cassandra")}})
    try:
        assert user in beside.cli("user", "list", DOMAIN).stdout.decode().split()
        beside.deliver(SMALL, user)
        beside.user_passwd(user, "another-password")
        assert b"INBOX" in beside.cli("mailbox", "list", user).stdout
    finally:
        beside.close()
    client = poplib.POP3(*nodes[1].address("pop3"), timeout=60)
    client.user(user)
    client.pass_("another-password")
    assert client.stat()[0] == 1
    client.quit()


def test_status_names_keyspace_profile_and_nodes(nodes):
    status = json.loads(nodes[0].cli("--json", "status").stdout)
    assert status["engine"] == "cassandra" and status["running"]
    cassandra = status["cassandra"]
    assert cassandra["keyspace"] == nodes[0].config["cassandra"]["keyspace"]
    assert cassandra["profile"] == "lwt-free" and not cassandra["shared_with_james"]
    assert [node["up"] for node in cassandra["nodes"]] == [True]
    assert cassandra["requests"] > 0 and cassandra["serial_timeouts"] == 0
    text = nodes[0].cli("status").stdout.decode()
    assert f"keyspace      {cassandra['keyspace']}, profile lwt-free\n" in text


@pytest.mark.parametrize("words", [["check"], ["backup", "/tmp/nowhere"], ["restore", "/tmp/nowhere"]])
def test_what_is_for_the_embedded_store_says_what_to_use(nodes, words):
    result = nodes[0].cli(*words, check=False)
    assert result.returncode == 65
    assert b"nodetool" in result.stderr and b"docs/cassandra.md" in result.stderr


def test_a_data_directory_has_one_server(nodes):
    result = nodes[0].cli("serve", check=False)
    assert result.returncode == 75
    assert b"another posthouse serves from here" in result.stderr


def test_nothing_of_it_was_conditional(nodes):
    for node in nodes:
        statements = json.loads(node.cli("--json", "status").stdout)["statements"]
        assert sum(one["conditional"] for one in statements.values()) == 0


# ---- Users of James ----


def test_a_user_of_james_logs_in_and_gets_a_better_hash(nodes, session):
    """As James 3.8 writes it: SHA-512/salted, for james@example.org and `secret`; by Python's hashlib."""
    keyspace = nodes[0].config["cassandra"]["keyspace"]
    session.execute(f"INSERT INTO {keyspace}.user (name, realname, passwd, algorithm) VALUES (%s, %s, %s, %s)",
                    [f"james@{DOMAIN}", f"james@{DOMAIN}", james_hash(f"james@{DOMAIN}", "secret"), "SHA-512/salted"])  # fmt: skip
    for node in nodes:
        client = poplib.POP3(*node.address("pop3"), timeout=60)
        client.user(f"james@{DOMAIN}")
        client.pass_("secret")
        client.quit()
    row = session.execute(f"SELECT passwd, algorithm FROM {keyspace}.user WHERE name = %s", [f"james@{DOMAIN}"]).one()
    assert row.algorithm == "argon2id" and row.passwd.startswith("$argon2id$")


def test_in_a_shared_keyspace_hashes_stay_as_james_reads_them(make_keyspace, session):
    settings = {**SETTINGS, **make_keyspace(shared_with_james=True)}
    keyspace = settings["cassandra"]["keyspace"]
    with Server(settings) as server:
        server.domain_add(DOMAIN)
        stored = james_hash(f"james@{DOMAIN}", "secret")
        session.execute(f"INSERT INTO {keyspace}.user (name, realname, passwd, algorithm) VALUES (%s, %s, %s, %s)",
                        [f"james@{DOMAIN}", f"james@{DOMAIN}", stored, "SHA-512/salted"])  # fmt: skip
        client = poplib.POP3(*server.address("pop3"), timeout=60)
        assert "SCRAM-SHA-256" not in client.capa().get("SASL", [])
        client.user(f"james@{DOMAIN}")
        client.pass_("secret")
        client.quit()
        row = session.execute(f"SELECT passwd, algorithm FROM {keyspace}.user WHERE name = %s", [f"james@{DOMAIN}"]).one()
        assert (row.passwd, row.algorithm) == (stored, "SHA-512/salted")
        server.user_add(f"new@{DOMAIN}", PASSWORD)
        row = session.execute(f"SELECT passwd, algorithm FROM {keyspace}.user WHERE name = %s", [f"new@{DOMAIN}"]).one()
        assert row.algorithm.startswith("PBKDF2-SHA512-")
        on(server, f"new@{DOMAIN}").deliver(SMALL)
        on(server, f"new@{DOMAIN}").assert_holds(SMALL)


def james_hash(user, password):
    import base64
    import hashlib

    text = base64.b64encode(hashlib.sha512((user + password).encode("latin-1")).digest()).decode()
    return text[:76] + "\r\n" + text[76:] + "\r\n"
