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
from support.certificates import Authority
from support.posthouse import BINARY, Server
from support.s3 import BUCKET, Service
from support.tls_front import TlsFront

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


def refused_start(server, **of_s3):
    """What `posthouse serve` says before it ends, as that server but for the section s3."""
    other = Server({**{name: server.config[name] for name in ("auth", "store", "cassandra", "sandbox")}, "s3": of_s3})
    try:
        result = other.cli("serve", check=False)
        assert result.returncode != 0
        return result.stderr.decode()
    finally:
        other.close()


@pytest.mark.parametrize("lines, said", [
    ("posthouse\nwrong\n", "SignatureDoesNotMatch"),
    ("nobody\nsecret-of-tests\n", "403"),
])  # fmt: skip
def test_a_key_that_is_refused_stops_the_start(server, service, tmp_path, lines, said):
    key = tmp_path / "key"
    key.write_text(lines)
    text = refused_start(server, **service.settings(key_file=str(key)))
    assert said in text and f"bucket mail at {service.endpoint}" in text


def test_half_a_key_stops_the_start(server, service, tmp_path):
    key = tmp_path / "key"
    key.write_text("posthouse\n")
    assert "expected the access key and the secret key" in refused_start(server, **service.settings(key_file=str(key)))


def test_a_bucket_that_is_not_there_stops_the_start(server, service):
    text = refused_start(server, **service.settings(bucket="mial"))
    assert "NoSuchBucket" in text and f"bucket mial at {service.endpoint}" in text


def reasons(server):
    return [line["reason"] for line in server.events("trouble")]


def test_while_the_bucket_is_gone_mail_waits_and_the_log_says_why(server, service, user):
    user.deliver(SMALL)
    bucket, aside = service.root / BUCKET, service.root / "aside"
    bucket.rename(aside)
    try:
        with user.pop3() as client:
            with pytest.raises(poplib.error_proto, match=r"\[SYS/TEMP\]"):
                client.retr(1)
        assert any("NoSuchBucket" in reason and f"bucket mail at {service.endpoint}" in reason for reason in reasons(server))
    finally:
        aside.rename(bucket)
    user.assert_holds(SMALL)


def test_what_could_not_be_removed_from_a_missing_bucket_is_named(server, service):
    account = add_user(server, "left-behind")
    account.deliver(SMALL)
    left = service.objects("own")
    bucket, aside = service.root / BUCKET, service.root / "aside"
    bucket.rename(aside)
    try:
        with account.pop3() as client:
            client.dele(1)
        deadline = time.monotonic() + 60
        while not {path.name for path in left} <= {line["blob"] for line in server.events("content-left")}:
            assert time.monotonic() < deadline, server.events("content-left")
            time.sleep(0.02)
        assert "NoSuchBucket" in server.events("content-left")[-1]["reason"]
    finally:
        aside.rename(bucket)
    assert service.objects("own") == left
    for path in left:
        path.unlink()


def test_while_the_key_is_refused_mail_waits_and_the_log_says_why(server, service, user):
    user.deliver(SMALL)
    service.stop()
    service.start(secret="another")
    try:
        code, text = refusal(user)
        assert code == 451 and text.startswith("4."), text
        assert any("PUT" in reason and "SignatureDoesNotMatch" in reason for reason in reasons(server))
        with user.pop3() as client:
            with pytest.raises(poplib.error_proto, match=r"\[SYS/TEMP\]"):
                client.retr(1)
    finally:
        service.stop()
        service.start()
    user.deliver(LARGE)
    user.assert_holds(SMALL, LARGE)


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


# ---- By TLS ----


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def front(service, authority):
    with TlsFront(*authority.issue("s3.example.org", ("IP:127.0.0.1",)), service.port) as running:
        yield running


def test_content_by_tls_with_an_authority_of_ones_own(make_keyspace, service, front, authority):
    settings = settings_of(make_keyspace, service, "tls")
    settings["s3"] |= {"endpoint": f"https://127.0.0.1:{front.port}", "tls_ca_file": str(authority.certificate)}
    with Server(settings) as server:
        server.domain_add(DOMAIN)
        account = add_user(server, "guarded")
        account.deliver(SMALL, LARGE)
        assert len(service.objects("tls")) == 4
        account.assert_holds(SMALL, LARGE)


def test_another_authority_stops_the_start(server, service, front, tmp_path):
    other = Authority(tmp_path / "other")
    endpoint = f"https://127.0.0.1:{front.port}"
    for files in ({"tls_ca_file": str(other.certificate)}, {}):
        text = refused_start(server, **service.settings(endpoint=endpoint, **files))
        assert f"bucket mail at {endpoint}" in text and "certificate" in text, text


def test_a_certificate_of_another_name_stops_the_start(server, service, authority):
    with TlsFront(*authority.issue("elsewhere.example.org", ("DNS:elsewhere.example.org",)), service.port) as front:
        for host in ("127.0.0.1", "localhost"):
            endpoint = f"https://{host}:{front.port}"
            text = refused_start(server, **service.settings(endpoint=endpoint, tls_ca_file=str(authority.certificate)))
            assert f"bucket mail at {endpoint}" in text and "no alternative certificate subject name matches" in text, text


def test_a_file_that_is_no_authority_stops_the_start(server, service, front, tmp_path):
    empty = tmp_path / "empty"
    empty.write_text("no certificate\n")
    for path in (tmp_path / "none", empty):
        text = refused_start(server, **service.settings(endpoint=f"https://127.0.0.1:{front.port}", tls_ca_file=str(path)))
        assert f"error setting certificate file: {path}" in text, text


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
