# SPDX-License-Identifier: Apache-2.0
"""IMAP by Python's imaplib, curl, fetchmail and mbsync: what is delivered is fetched octet for octet, what is appended too, and a
two-way sync loses nothing."""

import contextlib
import imaplib
import mailbox
import ssl

import pytest

from support.generator import Generator, edge_messages
from support.messages import well_formed_messages
from support.octets import as_delivered, assert_same, assert_same_set, to_crlf, without_trace
from support.process import run
from support.store import Store

imaplib._MAXLINE = 1 << 24  # pylint: disable=protected-access


def corpus():
    return [as_delivered(data) for data in (*well_formed_messages().values(), *Generator(31).messages(20))]


@contextlib.contextmanager
def imap(account, tls="starttls"):
    """A logged-in imaplib session; ends with LOGOUT."""
    trust = ssl.create_default_context(cafile=account.server.authority.certificate)
    host, port = account.server.address("imap", "implicit" if tls == "implicit" else "starttls")
    client = imaplib.IMAP4_SSL(host, port, ssl_context=trust) if tls == "implicit" else imaplib.IMAP4(host, port)
    try:
        if tls == "starttls":
            client.starttls(trust)
        client.login(account.user, account.password)
        yield client
    finally:
        client.logout()


def ok(answer):
    status, data = answer
    assert status == "OK", answer
    return data


def bodies(client):
    """BODY[] of all messages of the selected mailbox, by number."""
    return [item[1] for item in ok(client.fetch("1:*", "(BODY.PEEK[])")) if isinstance(item, tuple)]


@pytest.mark.parametrize("tls", ["none", "starttls", "implicit"])
def test_imaplib_fetches_what_pop3_gives(account, tls):
    messages = corpus() + [as_delivered(data) for data in edge_messages().values()]
    account.deliver(*messages)
    with imap(account, tls) as client:
        assert ok(client.select()) == [str(len(messages)).encode()]
        fetched = bodies(client)
    for mine, theirs in zip(fetched, account.fetch(), strict=True):
        assert_same(mine, theirs)


def test_imaplib_appends_and_fetches(account):
    messages = corpus()
    with imap(account) as client:
        ok(client.create("Saved"))
        for message in messages:
            ok(client.append("Saved", r"(\Seen $Kept)", None, message))
        ok(client.select("Saved"))
        for mine, theirs in zip(bodies(client), messages, strict=True):
            assert_same(mine, imaplib.MapCRLF.sub(imaplib.CRLF, theirs))
        assert ok(client.search(None, "SEEN", "KEYWORD", "$Kept")) == [
            b" ".join(str(number).encode() for number in range(1, len(messages) + 1))]


@pytest.mark.parametrize("scheme", ["imap", "imaps"])
def test_curl_lists_and_fetches(account, scheme):
    messages = corpus()
    account.deliver(*messages)
    host, port = account.server.address("imap", "implicit" if scheme == "imaps" else "starttls")
    words = ["curl", "--silent", "--show-error", "--max-time", "100", "--ssl-reqd", "--user", f"{account.user}:{account.password}",
             "--cacert", account.server.authority.certificate]
    assert b"INBOX" in run(*words, f"{scheme}://{host}:{port}/").stdout
    for number in (1, len(messages)):
        fetched = run(*words, f"{scheme}://{host}:{port}/INBOX;MAILINDEX={number}").stdout
        assert_same(without_trace(fetched), messages[number - 1])


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
def test_fetchmail_fetches_all_and_deletes(account, tmp_path, tls):
    messages = corpus()
    account.deliver(*messages)
    store = Store(tmp_path)
    host, port = account.server.address("imap", tls)
    rc = tmp_path / "fetchmailrc"
    security = {"starttls": 'sslproto "TLS1.2+"', "implicit": "ssl"}[tls]
    rc.write_text(
        f'set no bouncemail\nset invisible\nset idfile "{tmp_path}/ids"\nset pidfile "{tmp_path}/pid"\n'
        f'poll localhost service {port} protocol imap auth password\n'
        f'  user "{account.user}" password "{account.password}" is root here\n'
        f'  {security} sslcertck sslcertfile "{account.server.authority.certificate}" no rewrite no mimedecode pass8bits fetchall\n'
        f'  no keep mda "{store.program}"\n')
    rc.chmod(0o600)
    run("fetchmail", "-f", rc, "--nosyslog", "--nodetach", env={"FETCHMAILHOME": str(tmp_path), "HOME": str(tmp_path)})
    assert_same_set([without_trace(to_crlf(data)) for data in store.messages()], messages)
    assert account.count() == 0


class Mbsync:
    """mbsync between the account and a Maildir++ below `directory`."""

    def __init__(self, account, directory):
        self.directory = directory
        (directory / "mail").mkdir()
        (directory / "state").mkdir()
        host, port = account.server.address("imap", "implicit")
        self.rc = directory / "mbsyncrc"
        self.rc.write_text(
            f"IMAPAccount it\nHost localhost\nPort {port}\nUser {account.user}\nPass {account.password}\n"
            f"SSLType IMAPS\nCertificateFile {account.server.authority.certificate}\nAuthMechs LOGIN\n\n"
            f"IMAPStore far\nAccount it\n\n"
            f"MaildirStore near\nPath {directory}/mail/\nInbox {directory}/mail/INBOX\nSubFolders Verbatim\n\n"
            f"Channel all\nFar :far:\nNear :near:\nPatterns *\nCreate Both\nRemove Both\nExpunge Both\nSyncState {directory}/state/\n")
        self.rc.chmod(0o600)

    def run(self):
        run("mbsync", "-c", self.rc, "all", env={"HOME": str(self.directory)})

    def box(self, name="INBOX"):
        return mailbox.Maildir(self.directory / "mail" / name, factory=None, create=True)

    def messages(self, name="INBOX"):
        """Without the field that mbsync adds to what it has copied."""
        found = [message.as_bytes() for message in self.box(name)]
        return [b"\n".join(line for line in data.split(b"\n") if not line.startswith(b"X-TUID: ")) for data in found]


def test_mbsync_both_ways(account, tmp_path):
    messages = [b"Subject: %d\r\n\r\nThis is %d.\r\n" % (number, number) for number in range(12)]
    account.deliver(*messages)
    mbsync = Mbsync(account, tmp_path)
    mbsync.run()
    assert_same_set([without_trace(to_crlf(data)) for data in mbsync.messages()], messages)

    inbox = mbsync.box()
    keys = sorted(inbox.keys())
    seen = inbox[keys[0]]
    seen.set_subdir("cur")
    seen.add_flag("SF")
    inbox[keys[0]] = seen
    inbox.discard(keys[1])
    inbox.add(b"Subject: from here\n\nA draft.\n")
    with imap(account) as client:
        ok(client.create("Far.Off"))
        ok(client.append("Far.Off", None, None, b"Subject: from there\r\n\r\nAnother.\r\n"))
        ok(client.select())
        ok(client.store("12", "+FLAGS", r"(\Answered)"))
    mbsync.run()
    mbsync.run()
    with imap(account) as client:
        assert ok(client.select()) == [b"12"]
        assert len(ok(client.search(None, "SEEN", "FLAGGED"))[0].split()) == 1
        assert len(ok(client.search(None, "SUBJECT", '"from here"'))[0].split()) == 1
    assert len(mbsync.messages()) == 12
    assert sum("R" in message.get_flags() for message in mbsync.box()) == 1
