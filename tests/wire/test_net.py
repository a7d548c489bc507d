# SPDX-License-Identifier: Apache-2.0
"""Connections as such: TLS that goes wrong, silence, many at once. By way of POP3."""

import ssl
import time

import pytest

from maildrops import PASSWORD, deliver, make_user
from pop3client import Pop3, session
from servers import WireServer
from transcript import Connection


def tls_context(server, **versions):
    context = ssl.create_default_context(cafile=server.authority.certificate)
    for name, value in versions.items():
        setattr(context, name, value)
    return context


def ends(wire):
    """The server closes, whatever it said before."""
    try:
        while wire.receive():
            pass
    except (ConnectionResetError, ssl.SSLError):
        pass
    wire.close()
    return True


def still_serves(server):
    client = Pop3(server)
    client.quit()


@pytest.mark.parametrize("data", [
    b"USER somebody\r\nPASS something\r\n",
    b"\x16\x03\x01\x00\x05hello",
    b"\x80\x2e\x01\x00\x02" + bytes(100),
    b"\x16\x03\x01\xff\xff" + bytes(70000),
], ids=["plain commands", "half a record", "SSL 2", "a record too long"])
def test_what_is_no_handshake_ends_the_connection(servers, data):
    server = servers("quick-handshake")
    wire = Connection(server.listener_address("pop3s"))
    try:
        wire.send(data)
    except ConnectionError:
        pass
    assert ends(wire)
    still_serves(server)


@pytest.mark.parametrize("listener", ["pop3s", "pop3"])
def test_a_handshake_that_does_not_come_is_not_waited_for(servers, listener):
    server = servers("quick-handshake")
    wire = Connection(server.listener_address(listener))
    if listener == "pop3":
        wire.read_line()
        wire.send(b"STLS\r\n")
        assert wire.read_line() == b"+OK Begin TLS"
    assert ends(wire)


def test_a_proxy_header_that_does_not_come_is_not_waited_for(servers):
    server = servers("proxied")
    wire = Connection(server.listener_address("pop3-proxy"))
    wire.send(b"PROXY TCP4 192.0.2.1")
    assert ends(wire)


def test_a_proxy_header_in_pieces(servers):
    server = servers("proxied")
    for octets in (b"PROXY TCP4 192.0.2.1 192.0.2.99 4720 110\r\n",
                   b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0\x02\x05\xc0\0\x02\x63\x12\x70\0\x6e"):
        wire = Connection(server.listener_address("pop3-proxy"))
        for octet in octets:
            wire.send(bytes([octet]))
            time.sleep(0.001)
        assert wire.read_line().startswith(b"+OK")
        wire.send(b"QUIT\r\n")
        assert wire.read_line() == b"+OK Bye"
    server.wait_for_event("session", {"remote": "192.0.2.1:4720"})
    server.wait_for_event("session", {"remote": "192.0.2.5:4720"})


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
def test_old_versions_of_tls_are_refused(servers):
    server = servers("standard")
    for version in (ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1):
        context = tls_context(server, minimum_version=version, maximum_version=version)
        context.set_ciphers("ALL:@SECLEVEL=0")
        wire = Connection(server.listener_address("pop3s"))
        with pytest.raises(ssl.SSLError):
            wire.start_tls(context, "mx.example.org")
        wire.close()


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_both_versions_of_tls_carry_a_session(servers, number, version):
    server = servers("standard")
    user = make_user(server, f"tls-{number}")
    message = b"Subject: x\r\n\r\n" + b"".join(b"line %d\r\n" % line for line in range(60000))
    deliver(server, user, message)
    wire = Connection(server.listener_address("pop3s"))
    wire.start_tls(tls_context(server, minimum_version=version, maximum_version=version), "mx.example.org")
    client = Pop3.on(wire).login(user, PASSWORD)
    # Several records of commands at once, and answers of many records.
    client.send(b"RETR 1\r\nNOOP\r\n" * 10)
    for _ in range(10):
        assert client.line().startswith(b"+OK")
        assert client.body().endswith(b"line 59999\r\n")
        assert client.line() == b"+OK"
    client.quit()
    name = {ssl.TLSVersion.TLSv1_2: "TLSv1.2", ssl.TLSVersion.TLSv1_3: "TLSv1.3"}[version]
    server.wait_for_event("session", {"user": user, "tls": name})


def test_hundreds_of_idle_sessions_and_one_that_works(servers, number):
    server = servers("spacious")
    user = make_user(server, f"busy-{number}")
    deliver(server, user, b"Subject: x\r\n\r\nHello.\r\n")
    idle = [Pop3(server) for _ in range(600)]
    with session(server, user, PASSWORD) as client:
        assert client.retrieve(1).endswith(b"Hello.\r\n")
    for client in idle:
        client.send(b"CAPA\r\n")
    for client in idle:
        assert client.line().startswith(b"+OK") and client.body().endswith(b"IMPLEMENTATION Posthouse\r\n")
    for client in idle:
        client.close()


def test_certificates_are_read_again_upon_sighup():
    with WireServer("standard") as server:
        old, _ = served_certificate(server)
        server.authority.issue("mx.example.org")
        server.reload()
        deadline = time.monotonic() + 60
        while served_certificate(server)[0] == old:
            assert time.monotonic() < deadline, "the old certificate is still served"
            time.sleep(0.02)


def served_certificate(server):
    wire = Connection(server.listener_address("pop3s"))
    wire.start_tls(tls_context(server), "mx.example.org")
    certificate = wire.socket.getpeercert()
    wire.close()
    return certificate["serialNumber"], certificate
