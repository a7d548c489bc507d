# SPDX-License-Identifier: Apache-2.0
"""curl: SMTP, submission and SMTPS to send, POP3, STLS and POP3S to list, fetch and delete."""

import pytest

from support.account import SENDER
from support.generator import Generator, edge_messages
from support.messages import real_messages
from support.octets import as_delivered, assert_delivered, assert_same, without_trace
from support.process import run


def curl(*words, check=True, stdin=b""):
    return run("curl", "--silent", "--show-error", "--max-time", "100", *words, check=check, stdin=stdin)


def pop3_words(account, tls):
    """(url, options) of the account's maildrop. With `none` curl speaks plain text even if it could do better."""
    host, port = account.server.address("pop3", "implicit" if tls == "implicit" else "starttls")
    options = ["--user", f"{account.user}:{account.password}", "--cacert", account.server.authority.certificate]
    return f"{'pop3s' if tls == 'implicit' else 'pop3'}://{host}:{port}/", options + (
        ["--ssl-reqd"] if tls == "starttls" else [])


def pop3(account, *words, path="", tls="none", check=True):
    url, options = pop3_words(account, tls)
    return curl(*options, *words, url + path, check=check)


def send(account, message, directory, protocol="smtp", tls="none", login=False):
    host, port = account.server.address(protocol, "implicit" if tls == "implicit" else "starttls")
    path = directory / "message"
    path.write_bytes(message)
    curl("--mail-from", account.user if login else SENDER, "--mail-rcpt", account.user, "--upload-file", path,
         "--cacert", account.server.authority.certificate, *(["--ssl-reqd"] if tls == "starttls" else []),
         *(["--user", f"{account.user}:{account.password}"] if login else []),
         f"{'smtps' if tls == 'implicit' else 'smtp'}://{host}:{port}/client.example.net")


@pytest.mark.parametrize("tls", ["none", "starttls", "implicit"])
@pytest.mark.parametrize("protocol", ["smtp", "submission"])
def test_sends(account, tmp_path, protocol, tls):
    messages = list(edge_messages().values()) + Generator(11).messages(10)
    for message in messages:
        send(account, message, tmp_path, protocol, tls, login=protocol == "submission")
    account.assert_holds(*messages, submitted=protocol == "submission")


def test_sends_real_messages(account, tmp_path):
    messages = list(real_messages().values())
    for message in messages:
        send(account, message, tmp_path)
    account.assert_holds(*messages)


def test_sends_to_unknown_user_fails(account, tmp_path):
    message = tmp_path / "message"
    message.write_bytes(b"Subject: x\r\n\r\n")
    host, port = account.server.address("smtp")
    result = curl("--mail-from", SENDER, "--mail-rcpt", "nobody-here@example.org", "--upload-file", message,
                  f"smtp://{host}:{port}/", check=False)
    assert result.returncode == 55 and b"550" in result.stderr, result.stderr


@pytest.mark.parametrize("tls", ["none", "starttls", "implicit"])
def test_fetches_every_message(account, tls):
    messages = list(edge_messages().values()) + list(real_messages().values()) + Generator(12).messages(20)
    account.deliver(*messages)
    # One run of curl for all, on one connection.
    url, options = pop3_words(account, tls)
    numbers = range(1, len(messages) + 1)
    fetched = [pop3(account, path=str(number), tls=tls).stdout for number in numbers[:5]]
    assert_delivered(fetched, messages[:5])
    together = curl(*options, *[url + str(number) for number in numbers]).stdout
    assert_same(together, b"".join(account.fetch()))


@pytest.mark.parametrize("tls", ["none", "starttls", "implicit"])
def test_list_uidl_top_dele(account, tls):
    messages = Generator(13).messages(4)
    account.deliver(*messages)
    sizes = [len(data) for data in account.fetch()]
    listing = pop3(account, tls=tls).stdout
    assert listing == b"".join(b"%d %d\r\n" % pair for pair in enumerate(sizes, 1))
    uidl = account.uidl()
    unique = pop3(account, "--request", "UIDL", tls=tls).stdout
    assert unique == b"".join(b"%d %s\r\n" % (number, uid.encode()) for number, uid in enumerate(uidl, 1))
    header, _, body = as_delivered(messages[1]).partition(b"\r\n\r\n")
    top = pop3(account, "--request", "TOP 2 1", tls=tls).stdout
    assert_same(without_trace(top), header + b"\r\n\r\n" + body.split(b"\r\n")[0] + b"\r\n")
    pop3(account, "--request", "DELE 2", "--head", tls=tls)
    assert account.uidl() == [uidl[0], uidl[2], uidl[3]]
    pop3(account, "--request", "DELE", "--head", path="1", tls=tls)
    assert account.uidl() == [uidl[2], uidl[3]]


def test_wrong_password(account):
    url, options = pop3_words(account, "none")
    options[1] += "x"
    assert curl(*options, url, check=False).returncode == 67


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
def test_login_options(account, mechanism):
    account.deliver(b"Subject: x\r\n\r\nbody\r\n")
    if mechanism == "PLAIN":
        # SASL in POP3 (RFC 5034), with and without an initial response.
        assert pop3(account, "--login-options", "AUTH=PLAIN").stdout.startswith(b"1 ")
        assert pop3(account, "--login-options", "AUTH=PLAIN", "--sasl-ir").stdout.startswith(b"1 ")
    host, port = account.server.address("submission", "implicit")
    curl("--mail-from", account.user, "--mail-rcpt", account.user, "--upload-file", "-", "--crlf",
         "--cacert", account.server.authority.certificate, "--user", f"{account.user}:{account.password}",
         "--login-options", f"AUTH={mechanism}", f"smtps://{host}:{port}/", stdin=b"Subject: y\n\nbody\n")
    assert account.count() == 2


def test_large_message(account, tmp_path):
    message = Generator(14).of_size(20_000_000)
    send(account, message, tmp_path, tls="starttls")
    assert_delivered([pop3(account, path="1", tls="starttls").stdout], [message])
