# SPDX-License-Identifier: Apache-2.0
"""Python's smtplib and poplib, and the whole corpora through every door: real messages, generated ones, odd ones."""

import collections
import contextlib
import poplib
import smtplib
import socket
import ssl
import threading

import pytest

from support.account import SENDER, retrieve
from support.generator import Generator, edge_messages
from support.messages import real_messages
from support.octets import as_delivered, assert_delivered, assert_same, split_trace, without_trace

CORPORA = {
    "real": lambda: list(real_messages().values()),
    "edge": lambda: list(edge_messages().values()),
    "generated": lambda: Generator(20261122).messages(60),
}


def context(server):
    return ssl.create_default_context(cafile=server.authority.certificate)


def smtp(server, protocol="smtp", tls="starttls"):
    host, port = server.address(protocol, tls)
    if tls == "implicit":
        return smtplib.SMTP_SSL(host, port, local_hostname="client.example.net", timeout=120, context=context(server))
    return smtplib.SMTP(host, port, local_hostname="client.example.net", timeout=120)


def send(client, account, messages):
    for message in messages:
        assert client.sendmail(SENDER, [account.user], message, mail_options=["BODY=8BITMIME"]) == {}


@pytest.mark.parametrize("corpus", CORPORA)
@pytest.mark.parametrize("door", ["smtp", "smtp-starttls", "smtps", "lmtp", "lmtp-unix"])
def test_every_message_through_every_door(server, account, corpus, door):
    messages = CORPORA[corpus]()
    if door == "lmtp":
        account.deliver(*messages)
    elif door == "lmtp-unix":
        with smtplib.LMTP(str(server.lmtp_path), local_hostname="client.example.net", timeout=120) as client:
            send(client, account, messages)
    else:
        with smtp(server, tls="implicit" if door == "smtps" else "starttls") as client:
            if door == "smtp-starttls":
                client.starttls(context=context(server))
            send(client, account, messages)
    account.assert_holds(*messages)


def test_trace_fields_name_the_envelope(server, account):
    with smtp(server) as client:
        send(client, account, [b"Subject: x\r\n\r\nbody\r\n"])
        assert client.sendmail("", [account.user], b"Subject: y\r\n\r\nbounce\r\n") == {}
    first, second = (split_trace(data)[0] for data in account.fetch())
    assert first[0] == b"Return-Path: <sender@example.net>\r\n"
    assert first[1] == b"Delivered-To: %s\r\n" % account.user.encode()
    assert b"client.example.net" in first[2] and b"mx.example.org" in first[2]
    assert second[0] == b"Return-Path: <>\r\n"


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
@pytest.mark.parametrize("mechanism", ["plain", "login"])
def test_submission_with_authentication(server, account, tls, mechanism):
    messages = list(edge_messages().values())
    with smtp(server, "submission", tls) as client:
        if tls == "starttls":
            client.starttls(context=context(server))
        client.ehlo()
        client.user, client.password = account.user, account.password
        code, _ = client.auth(mechanism, getattr(client, f"auth_{mechanism}"))
        assert code == 235
        for message in messages:
            assert client.sendmail(account.user, [account.user], message, mail_options=["BODY=8BITMIME"]) == {}
    account.assert_holds(*messages, submitted=True)


def test_submission_refuses_a_wrong_password(server, account):
    with smtp(server, "submission", "implicit") as client:
        with pytest.raises(smtplib.SMTPAuthenticationError):
            client.login(account.user, account.password + "x")
        assert client.mail(SENDER)[0] == 530


def test_submission_is_for_ones_own_address(server, account, make_account):
    other = make_account()
    with smtp(server, "submission", "implicit") as client:
        client.login(account.user, account.password)
        with pytest.raises(smtplib.SMTPSenderRefused) as refused:
            client.sendmail(other.user, [account.user], b"Subject: x\r\n\r\n")
        assert refused.value.smtp_code == 550


def test_over_ipv6(make_server, make_account):
    own = make_server(listeners=[{"protocol": protocol, "address": "[::1]:0", "tls": tls} for protocol, tls in (
        ("smtp", "starttls"), ("lmtp", "none"), ("pop3", "starttls"), ("pop3", "implicit"))])
    account = make_account(on=own)
    messages = Generator(6).messages(3)
    account.deliver(messages[0])
    with smtp(own) as client:
        client.starttls(context=context(own))
        send(client, account, messages[1:])
    account.assert_holds(*messages)


def test_sizes_are_exact(account):
    account.deliver(*edge_messages().values())
    assert account.sizes() == [len(data) for data in account.fetch()]


def test_one_message_to_many_recipients(server, make_account):
    accounts = [make_account() for _ in range(5)]
    message = Generator(5).message()
    with smtp(server) as client:
        assert client.sendmail(SENDER, [account.user for account in accounts], message,
                               mail_options=["BODY=8BITMIME"]) == {}
    for account in accounts:
        account.assert_holds(message)
        delivered_to = split_trace(account.fetch()[0])[0][1]
        assert delivered_to == b"Delivered-To: %s\r\n" % account.user.encode()


def test_fifty_megabytes(account):
    message = Generator(50).of_size(50_000_000)
    account.deliver(message)
    account.assert_holds(message)


@pytest.mark.parametrize("tls", ["none", "stls", "implicit"])
@pytest.mark.parametrize("lines", [0, 1, 5, 1_000_000])
def test_top_gives_the_header_and_so_many_lines(server, account, tls, lines):
    messages = list(edge_messages().values()) + Generator(3).messages(10)
    account.deliver(*messages)
    host, port = server.address("pop3", "implicit" if tls == "implicit" else "starttls")
    if tls == "implicit":
        client = poplib.POP3_SSL(host, port, timeout=60, context=context(server))
    else:
        client = poplib.POP3(host, port, timeout=60)
    if tls == "stls":
        client.stls(context=context(server))
    client.user(account.user)
    client.pass_(account.password)
    for number, message in enumerate(messages, 1):
        header, blank, body = as_delivered(message).partition(b"\r\n\r\n")
        top = b"".join(body.splitlines(True)[:lines])
        got = without_trace(b"".join(line + b"\r\n" for line in client.top(number, lines)[1]))
        assert_same(got, header + blank + top)
    client.quit()


def test_dele_is_done_at_quit_and_never_by_a_lost_connection(account):
    messages = Generator(7).messages(6)
    account.deliver(*messages)
    uidl = account.uidl()
    client = poplib.POP3(*account.server.address("pop3"), timeout=60)
    client.user(account.user)
    client.pass_(account.password)
    client.dele(1)
    client.sock.shutdown(socket.SHUT_RDWR)
    client.close()
    assert account.uidl() == uidl
    with account.pop3() as client:
        client.dele(2)
        client.dele(5)
        client.dele(6)
        client.rset()
        client.dele(1)
        client.dele(4)
        assert client.stat()[0] == 4
        assert [line.split()[0] for line in client.list()[1]] == [b"2", b"3", b"5", b"6"]
        with pytest.raises(poplib.error_proto):
            client.retr(1)
    assert account.uidl() == [uidl[1], uidl[2], uidl[4], uidl[5]]
    account.assert_holds(messages[1], messages[2], messages[4], messages[5])


def test_messages_keep_their_order_and_uidl_over_a_restart(make_server, make_account):
    own = make_server()
    account = make_account(on=own)
    messages = Generator(8).messages(20)
    account.deliver(*messages)
    uidl = account.uidl()
    assert len(set(uidl)) == len(messages)
    own.restart()
    assert account.uidl() == uidl
    assert_delivered(account.fetch(), messages)


def test_what_was_acknowledged_survives_kill_9(make_server, make_account):
    """Killed in the midst of deliveries: all that was acknowledged is there, and what is there is whole."""
    own = make_server()
    account = make_account(on=own)
    corpora = [Generator(seed).messages(200) for seed in range(100, 104)]
    acknowledged = []
    many = threading.Event()

    def deliver(messages):
        with contextlib.suppress(OSError, smtplib.SMTPException), smtp(own) as client:
            for message in messages:
                send(client, account, [message])
                acknowledged.append(as_delivered(message))
                if len(acknowledged) >= 100:
                    many.set()

    senders = [threading.Thread(target=deliver, args=[messages]) for messages in corpora]
    for sender in senders:
        sender.start()
    assert many.wait(60)
    own.kill9()
    for sender in senders:
        sender.join()
    own.start()
    held = collections.Counter(without_trace(data) for data in account.fetch())
    assert not collections.Counter(acknowledged) - held
    assert not held - collections.Counter(as_delivered(message) for messages in corpora for message in messages)


def test_fetched_by_number(account):
    messages = Generator(10).messages(3)
    account.deliver(*messages)
    with account.pop3() as client:
        for number in (3, 1, 2):
            assert_same(without_trace(retrieve(client, number)), as_delivered(messages[number - 1]))
