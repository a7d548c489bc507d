# SPDX-License-Identifier: Apache-2.0
"""mpop: pipelined POP3 with STLS or TLS, by each mechanism that it knows; UIDL memory; Maildir delivery."""

import pytest

from support.generator import Generator, edge_messages
from support.messages import real_messages
from support.octets import as_delivered, assert_same_set, to_crlf, without_trace
from support.process import run
from support.store import Maildir


class Mpop:
    def __init__(self, account, directory, tls="starttls", auth="user", keep=False, pipelining="auto"):
        self.maildir = Maildir(directory / "Maildir")
        self.rc = directory / "mpoprc"
        host, port = account.server.address("pop3", "implicit" if tls == "implicit" else "starttls")
        security = {"none": "tls off", "starttls": "tls on\ntls_starttls on", "implicit": "tls on\ntls_starttls off"}[tls]
        self.rc.write_text(
            f"account default\nhost localhost\nport {port}\nuser {account.user}\npassword {account.password}\n"
            f"auth {auth}\n{security}\ntls_trust_file {account.server.authority.certificate}\n"
            f"keep {'on' if keep else 'off'}\npipelining {pipelining}\nreceived_header off\n"
            f"uidls_file {directory}/uidls\ndelivery maildir {self.maildir.path}\n")
        self.rc.chmod(0o600)

    def run(self, *words, check=True):
        return run("mpop", f"--file={self.rc}", *words, check=check)

    def messages(self):
        return [without_trace(to_crlf(data)) for data in self.maildir.messages()]


@pytest.mark.parametrize("pipelining", ["off", "on", "auto"])
@pytest.mark.parametrize("tls", ["none", "starttls", "implicit"])
def test_fetches_all_and_deletes(account, tmp_path, tls, pipelining):
    messages = [as_delivered(data) for data in (*edge_messages().values(), *real_messages().values(), *Generator(41).messages(20))]
    account.deliver(*messages)
    mpop = Mpop(account, tmp_path, tls, pipelining=pipelining)
    mpop.run()
    assert_same_set(mpop.messages(), messages)
    assert account.count() == 0


@pytest.mark.parametrize("auth", ["user", "plain", "scram-sha-256"])
def test_each_mechanism(account, tmp_path, auth):
    messages = Generator(42).messages(2)
    account.deliver(*messages)
    mpop = Mpop(account, tmp_path, "starttls", auth)
    mpop.run()
    assert_same_set(mpop.messages(), [as_delivered(data) for data in messages])


@pytest.mark.parametrize("auth", ["user", "plain", "scram-sha-256"])
def test_wrong_password(account, tmp_path, auth):
    account.password += "x"
    assert Mpop(account, tmp_path, "starttls", auth).run(check=False).returncode == 77


def test_keeps_and_fetches_only_the_new(account, tmp_path):
    first, second = Generator(43).messages(5), Generator(44).messages(3)
    account.deliver(*first)
    mpop = Mpop(account, tmp_path, keep=True)
    mpop.run()
    mpop.run()
    assert_same_set(mpop.messages(), [as_delivered(data) for data in first])
    account.deliver(*second)
    mpop.run()
    assert_same_set(mpop.messages(), [as_delivered(data) for data in first + second])
    account.assert_holds(*first, *second)


def test_server_information(account, tmp_path):
    """mpop's own reading of CAPA."""
    said = Mpop(account, tmp_path).run("--serverinfo").stdout
    for word in (b"CAPA", b"PIPELINING", b"TOP", b"UIDL", b"USER", b"RESP-CODES", b"AUTH-RESP-CODE", b"PLAIN"):
        assert word in said, said
