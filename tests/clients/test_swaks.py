# SPDX-License-Identifier: Apache-2.0
"""swaks: SMTP, submission with PLAIN and LOGIN under STARTTLS and TLS, LMTP over TCP and over the unix socket."""

import pytest

from support.account import SENDER
from support.generator import Generator, edge_messages
from support.octets import stuffed
from support.process import run


def swaks(account, directory, *words, message=b"Subject: x\r\n\r\nbody\r\n", check=True):
    """Sends exactly these octets: swaks is told to leave DATA alone, so the dots are doubled here."""
    path = directory / "data"
    path.write_bytes(stuffed(message))
    return run("swaks", "--from", SENDER, "--to", account.user, "--helo", "client.example.net", "--timeout", "60",
               "--no-data-fixup", "--data", f"@{path}", "--suppress-data", *words, check=check)


def at(account, protocol, tls="starttls"):
    host, port = account.server.address(protocol, tls)
    return ["--server", host, "--port", port]


def login(account, mechanism):
    return ["--from", account.user, "--auth", mechanism, "--auth-user", account.user, "--auth-password", account.password]


def verified(account, *words):
    return [*words, "--tls-verify", "--tls-ca-path", account.server.authority.certificate]


def corpus():
    return [*edge_messages().values(), *Generator(61).messages(5)]


@pytest.mark.parametrize("way", ["smtp", "starttls", "smtps", "lmtp", "lmtp-unix"])
def test_delivers(account, tmp_path, way):
    messages = corpus()
    words = {
        "smtp": lambda: at(account, "smtp"),
        "starttls": lambda: at(account, "smtp") + verified(account, "--tls"),
        "smtps": lambda: at(account, "smtp", "implicit") + verified(account, "--tls-on-connect"),
        "lmtp": lambda: ["--protocol", "LMTP"] + at(account, "lmtp", "none"),
        "lmtp-unix": lambda: ["--protocol", "LMTP", "--socket", account.server.lmtp_path],
    }[way]()
    for message in messages:
        swaks(account, tmp_path, *words, message=message)
    account.assert_holds(*messages)


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
def test_submission(account, tmp_path, mechanism, tls):
    words = verified(account, "--tls" if tls == "starttls" else "--tls-on-connect") + login(account, mechanism)
    messages = Generator(62).messages(2)
    for message in messages:
        swaks(account, tmp_path, *at(account, "submission", tls), *words, message=message)
    account.assert_holds(*messages, submitted=True)


def test_wrong_password(account, tmp_path):
    account.password += "x"
    words = verified(account, "--tls") + login(account, "PLAIN")
    # 28 is swaks's own code for a login that failed.
    assert swaks(account, tmp_path, *at(account, "submission"), *words, check=False).returncode == 28


def test_pipelined(account, tmp_path):
    messages = Generator(63).messages(3)
    for message in messages:
        swaks(account, tmp_path, *at(account, "smtp"), "--pipeline", message=message)
    account.assert_holds(*messages)


def test_relaying_is_refused(account, tmp_path):
    result = swaks(account, tmp_path, *at(account, "smtp"), "--to", "someone@elsewhere.example", check=False)
    # 24 is swaks's code for no recipient accepted.
    assert result.returncode == 24 and b"550" in result.stdout, result


def test_several_recipients_by_lmtp(account, make_account, tmp_path):
    others = [make_account() for _ in range(3)]
    message = Generator(64).message()
    everyone = ",".join(one.user for one in [account, *others])
    result = swaks(account, tmp_path, "--protocol", "LMTP", *at(account, "lmtp", "none"), "--to", everyone, message=message)
    assert result.returncode == 0
    for one in [account, *others]:
        one.assert_holds(message)


def test_proxy_protocol(make_server, make_account, tmp_path):
    own = make_server(
        settings={"proxy_protocol": {"networks": ["127.0.0.1/32"]}},
        listeners=[{"protocol": "smtp", "address": "127.0.0.1:0", "tls": "starttls", "proxy_protocol": True},
                   {"protocol": "pop3", "address": "127.0.0.1:0", "tls": "starttls"}])
    account = make_account(on=own)
    messages = Generator(65).messages(2)
    for version, message in zip(("1", "2"), messages):
        swaks(account, tmp_path, *at(account, "smtp"), "--proxy-version", version, "--proxy-family",
              "TCP4" if version == "1" else "AF_INET", "--proxy-protocol", "STREAM", "--proxy-source", "192.0.2.7",
              "--proxy-source-port", "4321", "--proxy-dest", "192.0.2.9", "--proxy-dest-port", "25", message=message)
    account.assert_holds(*messages)
    for data in account.fetch():
        assert b"192.0.2.7" in data.split(b"\r\n\r\n")[0]
