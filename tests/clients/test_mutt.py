# SPDX-License-Identifier: Apache-2.0
"""mutt, on a terminal: fetching mail from POP3, and reading a maildrop in place (TOP for the list, RETR for a message,
DELE and QUIT at the end)."""

import os

import pexpect
import pytest

from support.generator import Generator, edge_messages
from support.messages import real_messages
from support.octets import as_delivered, assert_same_set, to_crlf, without_trace
from support.process import program
from support.store import Maildir, Store


class Mutt:
    def __init__(self, account, directory, tls):
        self.directory = directory
        self.spool = Maildir(directory / "spool")
        self.rc = directory / "muttrc"
        self.scheme = "pops" if tls == "implicit" else "pop"
        self.port = account.server.port("pop3", "implicit" if tls == "implicit" else "starttls")
        self.rc.write_text(
            f'set pop_host="{self.scheme}://localhost:{self.port}" pop_user="{account.user}" pop_pass="{account.password}"\n'
            f'set ssl_starttls={"yes" if tls == "starttls" else "no"} ssl_force_tls={"no" if tls == "none" else "yes"}\n'
            f'set ssl_ca_certificates_file="{account.server.authority.certificate}"\n'
            f'set spoolfile="{self.spool.path}" folder="{directory}" mbox_type=Maildir tmpdir="{directory}"\n'
            'set pop_reconnect=no pop_checkinterval=0 quit=yes delete=yes move=no confirmappend=no confirmcreate=no\n'
            'set wait_key=no beep=no record="" sleep_time=0\nunset mark_old\n')

    def run(self, keys, *words, settings=""):
        """Types `keys` (as mutt's push reads them) and waits until mutt has ended."""
        terminal = pexpect.spawn(
            program("mutt"), ["-n", "-F", str(self.rc), "-e", settings or "set my_x=1", "-e", f'push "{keys}"', *words],
            env=dict(os.environ, TERM="xterm", LC_ALL="C.UTF-8", HOME=str(self.directory)), dimensions=(40, 120), timeout=120)
        try:
            terminal.expect(pexpect.EOF)
        except pexpect.TIMEOUT:
            raise AssertionError(f"mutt hangs:\n{terminal.before!r}") from None
        finally:
            terminal.close(force=True)
        assert terminal.exitstatus == 0, terminal.before
        return terminal.before

    def fetched(self):
        return [without_trace(to_crlf(data)) for data in self.spool.messages()]


def corpus(seed):
    return [as_delivered(data) for data in (*edge_messages().values(), *real_messages().values(), *Generator(seed).messages(10))]


@pytest.mark.parametrize("tls", ["none", "starttls", "implicit"])
def test_fetches_all_and_deletes(account, tmp_path, tls):
    messages = corpus(51)
    account.deliver(*messages)
    mutt = Mutt(account, tmp_path, tls)
    mutt.run("<fetch-mail><quit>", settings="set pop_delete=yes")
    assert_same_set(mutt.fetched(), messages)
    assert account.count() == 0


def test_fetches_and_keeps(account, tmp_path):
    messages = corpus(52)
    account.deliver(*messages)
    mutt = Mutt(account, tmp_path, "starttls")
    mutt.run("<fetch-mail><quit>", settings="set pop_delete=no")
    assert_same_set(mutt.fetched(), messages)
    account.assert_holds(*messages)


@pytest.mark.parametrize("tls", ["none", "starttls", "implicit"])
def test_reads_the_maildrop_in_place_and_deletes_one(account, tmp_path, tls):
    messages = [as_delivered(data) for data in Generator(53).messages(6)]
    account.deliver(*messages)
    mutt = Mutt(account, tmp_path, tls)
    store = Store(tmp_path)
    url = f"{mutt.scheme}://localhost:{mutt.port}"
    mutt.run(f"<tag-pattern>.<enter><tag-prefix><pipe-message>{store.program}<enter>"
             "<untag-pattern>.<enter>3<enter><delete-message><sync-mailbox><quit>", "-f", url, settings="set sort=mailbox-order pipe_split=yes pipe_sep='' pipe_decode=no")
    assert_same_set([without_trace(to_crlf(data)) for data in store.messages()], messages)
    account.assert_holds(*messages[:2], *messages[3:])
