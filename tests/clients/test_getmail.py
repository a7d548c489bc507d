# SPDX-License-Identifier: Apache-2.0
"""getmail6: POP3 and POP3S, keeping and deleting, its own memory of UIDLs, delivery by LMTP into the server again.

getmail takes each message apart and folds its header anew. So the octets that must arrive are those that its own code
makes of the message in the maildrop, and the maildrop is compared with what was sent. (Its other ways to deliver wait
for a child process and miss the signal of one that is quicker than they are.)
"""

import re
import smtplib

import pytest

from getmailcore.message import Message
from support.account import SENDER
from support.generator import Generator, edge_messages
from support.messages import real_messages
from support.octets import assert_delivered
from support.process import run


class Getmail:
    """Fetches from `account` and delivers to `other`."""

    def __init__(self, account, other, directory, tls, delete=False):
        self.directory = directory
        self.rc = directory / "getmailrc"
        port = account.server.port("pop3", "implicit" if tls == "implicit" else "starttls")
        lmtp_host, lmtp_port = other.server.address("lmtp", "none")
        trust = f"ca_certs = {account.server.authority.certificate}\n" if tls == "implicit" else ""
        self.rc.write_text(
            f"[retriever]\ntype = SimplePOP3{'SSL' if tls == 'implicit' else ''}Retriever\nserver = localhost\n"
            f"port = {port}\nusername = {account.user}\npassword = {account.password}\n{trust}"
            f"[destination]\ntype = MDA_lmtp\nhost = {lmtp_host}\nport = {lmtp_port}\noverride = {other.user}\n"
            f"[options]\nverbose = 1\nread_all = false\ndelete = {str(delete).lower()}\n")

    def run(self, check=True):
        return run("getmail", "--getmaildir", self.directory, "--rcfile", self.rc, check=check,
                   env={"HOME": str(self.directory)})


def as_getmail_sends(data):
    """What getmail makes of a message: its parser, then smtplib's send_message, which it calls."""
    sent = []
    client = smtplib.LMTP()
    client.ehlo_or_helo_if_needed = lambda: None
    client.sendmail = lambda sender, recipient, octets, *_: sent.append(octets)
    client.send_message(Message(fromlines=data.split(b"\r\n")).content(), SENDER, "someone@example.org")
    return sent[0]


def corpus():
    """Without the messages in which Python's email package makes a bare CR or LF of some other octet."""
    messages = [*edge_messages().values(), *real_messages().values(), *Generator(31).messages(20)]
    return [message for message in messages if not re.search(rb"(?<!\r)\n|\r(?!\n)", as_getmail_sends(message))]


@pytest.mark.parametrize("tls", ["none", "implicit"])
def test_fetches_all_and_deletes(account, make_account, tmp_path, tls):
    other = make_account()
    messages = corpus()
    account.deliver(*messages)
    held = account.fetch()
    assert_delivered(held, messages)
    Getmail(account, other, tmp_path, tls, delete=True).run()
    assert_delivered(other.fetch(), [as_getmail_sends(data) for data in held])
    assert account.count() == 0


def test_keeps_and_fetches_only_the_new(account, make_account, tmp_path):
    other = make_account()
    first, second = Generator(32).messages(5), Generator(33).messages(3)
    account.deliver(*first)
    getmail = Getmail(account, other, tmp_path, "implicit")
    getmail.run()
    assert_delivered(other.fetch(), [as_getmail_sends(data) for data in account.fetch()])
    assert b"0 messages" in getmail.run().stdout
    account.deliver(*second)
    getmail.run()
    assert_delivered(other.fetch(), [as_getmail_sends(data) for data in account.fetch()])
    account.assert_holds(*first, *second)


def test_wrong_password(account, make_account, tmp_path):
    account.password += "x"
    result = Getmail(account, make_account(), tmp_path, "none").run(check=False)
    assert result.returncode != 0 and b"[AUTH]" in result.stderr, result
