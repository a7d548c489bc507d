# SPDX-License-Identifier: Apache-2.0
"""getmail6: POP3 and POP3S, keeping and deleting, its own memory of UIDLs.

getmail takes each message apart and folds its header anew. So the octets that it must deliver are those that getmail's
own code makes of the message in the maildrop, and the maildrop is compared with what was sent.
"""

from getmailcore.message import Message
import pytest

from support.generator import Generator, edge_messages
from support.messages import real_messages
from support.octets import assert_delivered, assert_same_set
from support.process import run
from support.store import Store


class Getmail:
    def __init__(self, account, directory, tls, delete=False):
        self.store = Store(directory)
        self.rc = directory / "getmailrc"
        host, port = account.server.address("pop3", "implicit" if tls == "implicit" else "starttls")
        trust = f"ca_certs = {account.server.authority.certificate}\n" if tls == "implicit" else ""
        self.rc.write_text(
            f"[retriever]\ntype = SimplePOP3{'SSL' if tls == 'implicit' else ''}Retriever\nserver = localhost\n"
            f"port = {port}\nusername = {account.user}\npassword = {account.password}\n{trust}"
            # Its own Maildir delivery refuses to run as root, which tests may be.
            f"[destination]\ntype = MDA_external\npath = {self.store.program}\nallow_root_commands = true\nunixfrom = false\n"
            f"[options]\nverbose = 1\nread_all = false\ndelete = {str(delete).lower()}\n"
            "delivered_to = false\nreceived = false\n")
        self.directory = directory

    def run(self, check=True):
        return run("getmail", "--getmaildir", self.directory, "--rcfile", self.rc, check=check,
                   env={"HOME": str(self.directory)})


def as_getmail_writes(data):
    return Message(fromlines=data.split(b"\r\n")).flatten(delivered_to=False, received=False)


def corpus():
    return [*edge_messages().values(), *real_messages().values(), *Generator(31).messages(20)]


@pytest.mark.parametrize("tls", ["none", "implicit"])
def test_fetches_all_and_deletes(account, tmp_path, tls):
    messages = corpus()
    account.deliver(*messages)
    held = account.fetch()
    assert_delivered(held, messages)
    getmail = Getmail(account, tmp_path, tls, delete=True)
    getmail.run()
    assert_same_set(getmail.store.messages(), [as_getmail_writes(data) for data in held])
    assert account.count() == 0


def test_keeps_and_fetches_only_the_new(account, tmp_path):
    first, second = Generator(32).messages(5), Generator(33).messages(3)
    account.deliver(*first)
    getmail = Getmail(account, tmp_path, "implicit")
    getmail.run()
    assert_same_set(getmail.store.messages(), [as_getmail_writes(data) for data in account.fetch()])
    assert b"0 messages" in getmail.run().stdout
    account.deliver(*second)
    getmail.run()
    assert_same_set(getmail.store.messages(), [as_getmail_writes(data) for data in account.fetch()])
    account.assert_holds(*first, *second)


def test_wrong_password(account, tmp_path):
    account.password += "x"
    result = Getmail(account, tmp_path, "none").run(check=False)
    assert result.returncode != 0 and b"[AUTH]" in result.stderr, result
