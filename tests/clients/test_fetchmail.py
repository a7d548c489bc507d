# SPDX-License-Identifier: Apache-2.0
"""fetchmail: keep and no keep, UIDL, STLS and POP3S with the certificate checked; handing over to a program, and back into
the server by LMTP. fetchmail writes LF line ends to a program; nothing else may change."""

import pytest

from support.generator import Generator, edge_messages
from support.messages import well_formed_messages
from support.octets import as_delivered, assert_same_set, split_fields, to_crlf, without_trace
from support.process import run
from support.store import Store

# fetchmail adds the blank line that a header without body lacks.
MENDED = {"no-blank-line"}


class Fetchmail:
    def __init__(self, account, directory, tls, *options, deliver="store"):
        """`options` are words of a fetchmailrc; mail goes into one file each below `directory`."""
        self.directory = directory
        self.store = Store(directory)
        self.rc = directory / "fetchmailrc"
        host, port = account.server.address("pop3", "implicit" if tls == "implicit" else "starttls")
        target = f'mda "{self.store.program}"' if deliver == "store" else deliver
        security = {"none": 'sslproto ""', "starttls": 'sslproto "TLS1.2+"', "implicit": "ssl"}[tls]
        trust = f'sslcertck sslcertfile "{account.server.authority.certificate}"' if tls != "none" else ""
        # `invisible` and `no rewrite`: no Received field and no edited addresses from fetchmail itself.
        self.rc.write_text(
            f'set no bouncemail\nset invisible\nset idfile "{directory}/ids"\nset pidfile "{directory}/pid"\n'
            f'poll localhost service {port} protocol pop3 auth password uidl\n'
            f'  user "{account.user}" password "{account.password}" is root here\n'
            f'  {security} {trust} no rewrite no mimedecode pass8bits fetchall\n'
            f'  {" ".join(options)} {target}\n')
        self.rc.chmod(0o600)

    def run(self, *words, check=True):
        """0 is mail fetched, 1 is no mail there."""
        result = run("fetchmail", "-f", self.rc, "--nosyslog", "--nodetach", *words, check=False,
                     env={"FETCHMAILHOME": str(self.directory), "HOME": str(self.directory)})
        assert not check or result.returncode in (0, 1), (result.returncode, result.stdout, result.stderr)
        return result

    def messages(self):
        return [without_trace(to_crlf(data)) for data in self.store.messages()]


def corpus():
    edge = {name: data for name, data in edge_messages().items() if name not in MENDED}
    return [as_delivered(data) for data in (*edge.values(), *well_formed_messages().values(), *Generator(21).messages(20))]


@pytest.mark.parametrize("tls", ["none", "starttls", "implicit"])
def test_fetches_all_and_deletes(account, tmp_path, tls):
    messages = corpus()
    account.deliver(*messages)
    fetchmail = Fetchmail(account, tmp_path, tls, "no keep")
    assert fetchmail.run().returncode == 0
    assert_same_set(fetchmail.messages(), messages)
    assert account.count() == 0
    assert fetchmail.run().returncode == 1


def test_keep_fetches_only_the_new(account, tmp_path):
    first, second = Generator(22).messages(5), Generator(23).messages(3)
    account.deliver(*first)
    fetchmail = Fetchmail(account, tmp_path, "starttls", "keep", "no fetchall")
    assert fetchmail.run().returncode == 0
    assert_same_set(fetchmail.messages(), [as_delivered(data) for data in first])
    assert fetchmail.run().returncode == 1
    account.deliver(*second)
    assert fetchmail.run().returncode == 0
    assert_same_set(fetchmail.messages(), [as_delivered(data) for data in first + second])
    account.assert_holds(*first, *second)


def test_check_only(account, tmp_path):
    account.deliver(*Generator(24).messages(3))
    result = Fetchmail(account, tmp_path, "none", "keep").run("--check")
    assert result.returncode == 0 and b"3 messages for" in result.stdout, result


def test_wrong_password(account, tmp_path):
    account.password += "x"
    assert Fetchmail(account, tmp_path, "none", "keep").run(check=False).returncode == 3


def test_a_certificate_of_another_authority_is_refused(account, tmp_path):
    fetchmail = Fetchmail(account, tmp_path, "implicit", "keep")
    fetchmail.rc.write_text(fetchmail.rc.read_text().replace(str(account.server.authority.certificate), "/dev/null"))
    account.deliver(*Generator(25).messages(1))
    assert fetchmail.run(check=False).returncode not in (0, 1)
    assert fetchmail.messages() == []


def test_back_into_the_server_by_lmtp(account, make_account, tmp_path):
    """From one user's maildrop by POP3 into another's by LMTP: dots and 8-bit text pass both ways."""
    other = make_account()
    messages = corpus()
    account.deliver(*messages)
    path = account.server.lmtp_path
    fetchmail = Fetchmail(account, tmp_path, "starttls", "no keep", f'smtpname "{other.user}" lmtp smtphost "{path}"', deliver="")
    assert fetchmail.run().returncode == 0
    # Of the first delivery's three trace fields fetchmail makes the Return-Path its MAIL FROM.
    assert_same_set([split_fields(without_trace(data), 2)[1] for data in other.fetch()], messages)
    assert account.count() == 0
