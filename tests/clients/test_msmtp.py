# SPDX-License-Identifier: Apache-2.0
"""msmtp: submission with SCRAM-SHA-256, PLAIN and LOGIN, STARTTLS and TLS with the certificate checked, LMTP."""

import pytest

from support.account import SENDER, Account
from support.generator import Generator, edge_messages
from support.messages import well_formed_messages
from support.octets import complete, to_lf
from support.process import run


def msmtp(account, directory, message, protocol="submission", tls="starttls", auth="off", password=None, check=True, extra=""):
    """msmtp reads LF line ends from its standard input, as sendmail does."""
    host, port = account.server.address(protocol, "none" if protocol == "lmtp" else "implicit" if tls == "implicit" else "starttls")
    security = {"none": "tls off", "starttls": "tls on\ntls_starttls on", "implicit": "tls on\ntls_starttls off"}[tls]
    login = "" if auth == "off" else f"user {account.user}\npassword {password or account.password}\n"
    rc = directory / "msmtprc"
    rc.write_text(
        f"account default\nprotocol {'lmtp' if protocol == 'lmtp' else 'smtp'}\nhost localhost\nport {port}\n"
        f"from {SENDER if auth == 'off' else account.user}\ndomain client.example.net\n{security}\ntls_trust_file {account.server.authority.certificate}\n"
        # The message goes out as it is: nothing set, nothing removed.
        "set_from_header off\nset_date_header off\nset_msgid_header off\nremove_bcc_headers off\n"
        f"auth {auth}\n{login}{extra}")
    rc.chmod(0o600)
    return run("msmtp", f"--file={rc}", "--", account.user, stdin=to_lf(complete(message)), check=check)


@pytest.mark.parametrize("tls", ["none", "starttls", "implicit"])
@pytest.mark.parametrize("auth", ["scram-sha-256", "plain", "login"])
def test_submission(account, tmp_path, auth, tls):
    messages = [*Generator(71).messages(3), edge_messages()["dots"]]
    for message in messages:
        msmtp(account, tmp_path, message, tls=tls, auth=auth)
    account.assert_holds(*messages, submitted=True)


@pytest.mark.parametrize("auth", ["scram-sha-256", "plain", "login"])
def test_wrong_password(account, tmp_path, auth):
    result = msmtp(account, tmp_path, b"Subject: x\r\n\r\n", auth=auth, password="wrong", check=False)
    assert result.returncode == 77, result


@pytest.mark.parametrize("protocol", ["smtp", "lmtp"])
def test_without_login(account, tmp_path, protocol):
    messages = [*edge_messages().values(), *well_formed_messages().values(), *Generator(72).messages(10)]
    for message in messages:
        msmtp(account, tmp_path, message, protocol, "none")
    account.assert_holds(*messages)


def test_server_information(account, tmp_path):
    """msmtp's own reading of EHLO."""
    msmtp(account, tmp_path, b"Subject: x\r\n\r\n", "smtp")
    said = run("msmtp", f"--file={tmp_path}/msmtprc", "--serverinfo").stdout
    for word in (b"PIPELINING", b"SIZE", b"DSN"):
        assert word in said, said


def test_unknown_user(account, tmp_path):
    nobody = Account(account.server, "nobody-here@example.org", "x")
    result = msmtp(nobody, tmp_path, b"Subject: x\r\n\r\n", "smtp", "none", check=False)
    assert result.returncode in (65, 67) and b"550" in result.stderr, result


def test_a_certificate_of_another_authority_is_refused(account, tmp_path):
    result = msmtp(account, tmp_path, b"Subject: x\r\n\r\n", "smtp", check=False, extra="tls_trust_file system\n")
    assert result.returncode != 0 and b"certificate" in result.stderr, result
    assert account.count() == 0
