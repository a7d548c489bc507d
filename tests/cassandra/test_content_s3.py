# SPDX-License-Identifier: Apache-2.0
"""Content in a real S3 service (tests/support/s3.py), messages in Cassandra: in, out and away; and what becomes of mail when
the service refuses, is gone, hangs, or has lost or damaged an object."""

import os
import poplib
import smtplib
import subprocess
import time

import pytest
from one_node import DOMAIN

from support.account import Account
from support.posthouse import BINARY, Server
from support.s3 import Service

PASSWORD = "correct-horse-battery"
HEADER = b"From: a@example.net\r\nSubject: one\r\n\r\n"
SMALL = HEADER + b".a dot, and \xc3\xa4\r\n"
LARGE = HEADER + b"".join(b"%07d %s\r\n" % (n, os.urandom(24).hex().encode()) for n in range(40000))
SETTINGS = {"sandbox": {"seccomp": "kill"}, "auth": {
    "argon2_memory_kib": 64, "argon2_passes": 1, "failures_before_delay": 10000, "failures": 10000,
    "plaintext_networks": ["127.0.0.0/8"]}}  # fmt: skip


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    with Service(tmp_path_factory.mktemp("s3")) as running:
        yield running


def settings_of(make_keyspace, service, prefix, **of_cassandra):
    made = make_keyspace(**of_cassandra)
    return {**SETTINGS, **made, "store": {**made["store"], "content": "s3"}, "s3": service.settings(prefix=f"{prefix}/")}


@pytest.fixture(scope="module")
def server(make_keyspace, service):
    with Server(settings_of(make_keyspace, service, "own")) as running:
        running.domain_add(DOMAIN)
        yield running


def add_user(server, name):
    server.user_add(f"{name}@{DOMAIN}", PASSWORD)
    return Account(server, f"{name}@{DOMAIN}", PASSWORD)


@pytest.fixture
def user(server, service, request):
    account = add_user(server, request.node.originalname.replace("_", "-")[5:55])
    yield account
    with account.pop3() as client:
        for number in range(1, client.stat()[0] + 1):
            client.dele(number)
    wait_for_objects(service, 0)


def wait_for_objects(service, count, prefix="own"):
    """Removal goes on behind QUIT."""
    deadline = time.monotonic() + 60
    while len(service.objects(prefix)) != count:
        assert time.monotonic() < deadline, service.objects(prefix)
        time.sleep(0.02)


def refusal(account, message=SMALL):
    """The reply to a delivery that is refused."""
    with pytest.raises(smtplib.SMTPDataError) as raised:
        account.deliver(message)
    return raised.value.smtp_code, raised.value.smtp_error.decode()


# ---- In, out, away ----


def test_the_contract_of_stores(node, service):
    """The suite that every store of content keeps, with this service and this node."""
    binary = BINARY.with_name("blob-blob_contract_test")
    env = {**os.environ, "POSTHOUSE_TEST_S3": service.endpoint, "POSTHOUSE_TEST_CASSANDRA": f"{node.address}:{node.port}"}
    result = subprocess.run([binary], env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=240)
    assert result.returncode == 0, result.stdout[-3000:] + result.stderr[-3000:]
    assert "# s3\n" in result.stdout


def test_in_out_and_away(server, service, user):
    user.deliver(SMALL, LARGE)
    assert len(service.objects("own")) == 4
    user.assert_holds(SMALL, LARGE)
    with user.pop3() as client:
        client.dele(1)
    wait_for_objects(service, 2)
    user.assert_holds(LARGE)


def test_objects_are_compressed(service, user):
    text = HEADER + b"the same line again and again\r\n" * 10000
    user.deliver(text)
    assert sum(path.stat().st_size for path in service.objects("own")) < len(text) / 4
    user.assert_holds(text)


def test_a_body_is_stored_once_for_all_who_get_it(server, service, user):
    others = [add_user(server, f"many{number}") for number in range(4)]
    server.deliver(LARGE, user.user, *(one.user for one in others))
    assert len(service.objects("own")) == 1 + 5
    for one in others:
        with one.pop3() as client:
            assert b"\r\n".join(client.retr(1)[1]).endswith(LARGE[-1000:].rstrip())
            client.dele(1)
    wait_for_objects(service, 2)
    with user.pop3() as client:
        assert b"\r\n".join(client.retr(1)[1]).endswith(LARGE[-1000:].rstrip())


def test_a_connection_that_breaks_in_the_middle_of_retr_costs_nothing(server, user):
    user.deliver(LARGE)
    client = poplib.POP3(*server.address("pop3"), timeout=60)
    client.user(user.user)
    client.pass_(PASSWORD)
    client._putcmd("RETR 1")  # pylint: disable=protected-access
    assert client.file.readline().startswith(b"+OK")
    client.sock.close()
    client.file.close()
    held = True
    while held:
        try:
            user.assert_holds(LARGE)
            held = False
        except poplib.error_proto as refused:
            assert "[IN-USE]" in str(refused)


# ---- Trouble ----


@pytest.mark.parametrize("lines, said", [
    ("posthouse\nwrong\n", "SignatureDoesNotMatch"),
    ("nobody\nsecret-of-tests\n", "403"),
    ("posthouse\n", "expected the access key and the secret key"),
])  # fmt: skip
def test_a_key_that_is_refused_stops_the_start(server, service, tmp_path, lines, said):
    key = tmp_path / "key"
    key.write_text(lines)
    other = Server({**{name: server.config[name] for name in ("auth", "store", "cassandra", "sandbox")},
                    "s3": service.settings(key_file=str(key))})  # fmt: skip
    try:
        result = other.cli("serve", check=False)
        assert result.returncode != 0
        assert said in result.stderr.decode(), result.stderr
    finally:
        other.close()


def test_while_the_service_is_gone_mail_waits_and_nothing_is_lost(server, service, user):
    user.deliver(SMALL)
    service.stop()
    try:
        code, text = refusal(user)
        assert code == 451 and text.startswith("4."), text
        with user.pop3() as client:
            assert client.stat()[0] == 1
            with pytest.raises(poplib.error_proto, match=r"\[SYS/TEMP\]"):
                client.retr(1)
            assert client.stat()[0] == 1
    finally:
        service.start()
    user.deliver(LARGE)
    user.assert_holds(SMALL, LARGE)


def test_a_service_that_hangs_is_not_waited_for(server, service, user):
    user.deliver(SMALL)
    service.pause()
    try:
        code, text = refusal(user, LARGE)
        assert code == 451 and text.startswith("4."), text
        with user.pop3() as client:
            with pytest.raises(poplib.error_proto, match=r"\[SYS/TEMP\]"):
                client.retr(1)
    finally:
        service.go_on()
    user.assert_holds(SMALL)
    # What the service took in after it was given up on is removed again.
    wait_for_objects(service, 2)


@pytest.mark.parametrize("damage", ["lost", "cut", "flipped"])
def test_of_damaged_content_the_client_gets_an_error_and_all_else_is_served(server, service, damage):
    account = add_user(server, f"damage-{damage}")
    before = set(service.objects("own"))
    account.deliver(SMALL)
    broken = set(service.objects("own")) - before
    account.deliver(LARGE)
    for path in broken:
        octets = path.read_bytes()
        if damage == "lost":
            path.unlink()
        elif damage == "cut":
            path.write_bytes(octets[:-3])
        else:
            path.write_bytes(octets[:-3] + bytes([octets[-3] ^ 1]) + octets[-2:])
    with account.pop3() as client:
        with pytest.raises(poplib.error_proto, match="-ERR"):
            client.retr(1)
        assert b"\r\n".join(client.retr(2)[1]).endswith(LARGE[-1000:].rstrip())
        client.dele(1)
        client.dele(2)
    wait_for_objects(service, 0)


def test_a_server_starts_while_the_service_is_gone(make_keyspace, service):
    settings = settings_of(make_keyspace, service, "later")
    service.stop()
    try:
        with Server(settings) as server:
            assert server.events("content-store-unreachable")
            server.domain_add(DOMAIN)
            account = add_user(server, "early")
            assert refusal(account)[0] == 451
            service.start()
            account.deliver(SMALL)
            account.assert_holds(SMALL)
    finally:
        if service.process is None:
            service.start()


# ---- With James ----


def test_objects_are_plain_where_james_reads_them(make_keyspace, service):
    with Server(settings_of(make_keyspace, service, "james", shared_with_james=True)) as server:
        server.domain_add(DOMAIN)
        account = add_user(server, "shared")
        account.deliver(SMALL)
        contents = [path.read_bytes() for path in service.objects("james")]
        assert len(contents) == 2
        assert SMALL[len(HEADER):] in contents
        assert any(content.endswith(HEADER) for content in contents)
        account.assert_holds(SMALL)
        with account.pop3() as client:
            client.dele(1)
        wait_for_objects(service, 0, "james")
