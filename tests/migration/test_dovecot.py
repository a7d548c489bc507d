# SPDX-License-Identifier: Apache-2.0
"""From a real Dovecot into Posthouse, and back: clients that leave mail on the server fetch nothing again but what is new; what comes
back into Dovecot is what was there, UID by UID.

Dovecot stops before the import, and Posthouse takes its port: as clients see it, nothing happened."""

import threading
import time

import pytest

import thunderbird
from conftest import USER
from dovecot import PASSWORD, Dovecot
from support.account import Account
from support.generator import Generator
from support.messages import well_formed_messages
from support.octets import as_delivered, assert_same_set, to_crlf, without_trace
from test_fetchmail import Fetchmail
from test_getmail import Getmail

FLAGS = ["\\Seen", "\\Answered", "\\Flagged", "\\Draft", "\\Deleted", "$Forwarded", "work", "NonJunk"]


class Before:
    """What the client tests want of an account, of the one at Dovecot."""

    def __init__(self, dovecot, authority):
        self.server = self
        self.user = USER
        self.password = PASSWORD
        self.dovecot = dovecot
        self.authority = authority

    def address(self, protocol, _tls="starttls"):
        return "localhost" if protocol == "pop3" else "127.0.0.1", self.dovecot.ports.get(protocol, 9)

    def port(self, protocol, tls="starttls"):
        return self.address(protocol, tls)[1]


def fill(dovecot, messages):
    """Deliveries, flags, keywords, gaps in the UIDs, folders with odd names and other dates."""
    dovecot.deliver(USER, *messages)
    with dovecot.imap(USER) as client:
        client.select("INBOX")
        for number in range(1, len(messages) + 1):
            wanted = [flag for at, flag in enumerate(FLAGS) if flag != "\\Deleted" and number >> at & 1]
            if wanted:
                client.store(str(number), "+FLAGS", f"({' '.join(wanted)})")
        client.store("2,5", "+FLAGS", "(\\Deleted)")
        client.expunge()
        client.store("4", "+FLAGS", "(\\Deleted)")
        for folder in ("Work", "Work.Sub", "Entw&APw-rfe", "A&-B", "&U,BTF2XlZyyKng-.2026"):
            assert client.create(f'"{folder}"')[0] == "OK"
            for number, message in enumerate(messages[:3]):
                date = f'"{number + 1:2d}-Feb-2019 03:04:05 +0100"'
                assert client.append(f'"{folder}"', "(\\Seen work)" if number else "", date, message)[0] == "OK"
        client.create("Empty")


def corpus(seed, count):
    return [*list(well_formed_messages().values())[:10], *Generator(seed).messages(count)]


def move(dovecot, store, *words):
    """Returns the account at Posthouse, which serves where Dovecot did."""
    dovecot.stop()
    account = store.add()
    result = store.imports("--verify", *words, USER, dovecot.maildir(USER))
    assert result["problems"] == [], result
    total = result["total"]
    assert total["verified"] == total["imported"] == total["found"] > 0 and total["renumbered"] == 0, result
    store.start()
    return account


def test_uidls_and_octets_are_as_before(dovecot, store):
    fill(dovecot, corpus(1, 20))
    before = dovecot.uidl(USER), dovecot.fetch(USER)
    account = move(dovecot, store)
    assert account.uidl() == before[0]
    assert account.fetch() == before[1]


@pytest.mark.parametrize("uidl_format", ["%v.%u", "%g", "%f", "%u-%Xv"])
def test_uidls_of_other_formats(pop3_port, store, uidl_format):
    with Dovecot(pop3_port, f"pop3_uidl_format = {uidl_format}\n") as dovecot:
        fill(dovecot, corpus(2, 5))
        uidl = dovecot.uidl(USER)
        assert move(dovecot, store, "--uidl-format", uidl_format).uidl() == uidl


def test_uidls_that_dovecot_saved(pop3_port, store):
    """With pop3_save_uidl they are in dovecot-uidlist, and hold whatever the format is later."""
    with Dovecot(pop3_port, "pop3_uidl_format = %u-%v\npop3_save_uidl = yes\n") as dovecot:
        fill(dovecot, corpus(3, 5))
        uidl = dovecot.uidl(USER)
        assert " P" in (dovecot.maildir(USER) / "dovecot-uidlist").read_text()
        assert move(dovecot, store).uidl() == uidl


def test_fetchmail_fetches_only_the_new(dovecot, store, tmp_path):
    fill(dovecot, corpus(4, 20))
    fetchmail = Fetchmail(Before(dovecot, store.authority), tmp_path, "none", "keep", "no fetchall")
    assert fetchmail.run().returncode == 0
    fetched = fetchmail.store.messages()
    assert len(fetched) == len(dovecot.uidl(USER)) > 20
    account = move(dovecot, store)
    assert fetchmail.run().returncode == 1, "it fetched again what it has"
    assert len(fetchmail.store.messages()) == len(fetched)
    new = [as_delivered(message) for message in Generator(5).messages(3)]
    account.deliver(*new)
    assert fetchmail.run().returncode == 0
    fetched_since = [data for data in fetchmail.store.messages() if data not in fetched]
    assert_same_set([without_trace(to_crlf(data)) for data in fetched_since], new)


def test_getmail_fetches_only_the_new(dovecot, store, make_account, tmp_path):
    fill(dovecot, corpus(6, 10))
    other = make_account()
    getmail = Getmail(Before(dovecot, store.authority), other, tmp_path, "none")
    getmail.run()
    fetched = other.count()
    assert fetched == len(dovecot.uidl(USER)) > 10
    account = move(dovecot, store)
    assert b"0 messages" in getmail.run().stdout
    assert other.count() == fetched
    account.deliver(*Generator(7).messages(2))
    getmail.run()
    assert other.count() == fetched + 2


def test_thunderbird_fetches_only_the_new(dovecot, store):
    """Leave on server: its popstate.dat has the UIDLs of what it has."""
    fill(dovecot, corpus(8, 10))
    with thunderbird.profile_of(Before(dovecot, store.authority), "none", leave_on_server=True) as profile:
        with thunderbird.Thunderbird(profile) as client:
            client.store_password()
            client.get_messages()
            fetched = client.count()
        assert fetched == len(dovecot.uidl(USER)) > 10
        [popstate] = profile.path.rglob("popstate.dat")
        assert all(uidl in popstate.read_text() for uidl in dovecot.uidl(USER))
        account = move(dovecot, store)
        account.deliver(*Generator(9).messages(3))
        profile.set(login_at_startup=True)
        with thunderbird.Thunderbird(profile) as client:
            client.wait_for_count(fetched + 3)
            client.get_messages()
            assert client.count() == fetched + 3, "it fetched again what it has"
        assert account.count() == fetched + 3, "it deleted on the server"


@pytest.mark.parametrize("layout", ["maildir++", "fs"])
def test_there_and_back_again(pop3_port, store, tmp_path, layout):
    """UIDVALIDITY, UIDNEXT, UIDs, flags, keywords, dates, octets of all folders, and UIDLs: equal."""
    with Dovecot(pop3_port, f"mail_location = maildir:~/Maildir:LAYOUT={layout}\n") as dovecot:
        fill(dovecot, corpus(10, 15))
        assert (dovecot.maildir(USER) / "Work" / "Sub" / "cur").is_dir() == (layout == "fs")
        uidl, state = dovecot.uidl(USER), dovecot.state(USER)
        move(dovecot, store)
    store.exports(USER, tmp_path / "out")
    with Dovecot() as again:
        again.adopt(USER, tmp_path / "out")
        assert again.uidl(USER) == uidl
        back = again.state(USER)
        assert set(back) == set(state)
        for name, (validity, uid_next, messages) in state.items():
            assert back[name][0] == validity, name
            assert back[name][1] == uid_next, name
            assert back[name][2] == messages, name


def test_mail_that_arrives_between_two_imports(dovecot, store):
    """The usual way: import while the old server still serves, stop it, import what came meanwhile."""
    fill(dovecot, corpus(11, 5))
    account = store.add()
    first = store.imports(USER, dovecot.maildir(USER))["total"]
    dovecot.deliver(USER, *Generator(12).messages(4))
    with dovecot.imap(USER) as client:
        client.select("INBOX")
        client.store("1:3", "+FLAGS", "(\\Seen)")
    uidl = dovecot.uidl(USER)
    dovecot.stop()
    second = store.imports("--verify", USER, dovecot.maildir(USER))["total"]
    assert (second["present"], second["imported"], second["renumbered"]) == (first["found"], 4, 0)
    store.start()
    assert account.uidl() == uidl


def test_it_imports_while_dovecot_works(dovecot, store):
    """Files are renamed under its feet: nothing is lost and nothing is there twice."""
    dovecot.deliver(USER, *Generator(13).messages(60))
    stop = threading.Event()

    def toggle():
        with dovecot.imap(USER) as client:
            client.select("INBOX")
            sign = "+"
            while not stop.is_set():
                client.store("1:60", f"{sign}FLAGS", "(\\Flagged work)")
                sign = "-" if sign == "+" else "+"
                time.sleep(0.001)

    thread = threading.Thread(target=toggle)
    thread.start()
    try:
        store.add()
        counts = [store.imports(USER, dovecot.maildir(USER))["total"] for _ in range(4)]
    finally:
        stop.set()
        thread.join(60)
    assert counts[0]["imported"] == 60 and [one["imported"] for one in counts[1:]] == [0, 0, 0], counts
    uidl = dovecot.uidl(USER)
    dovecot.stop()
    store.start()
    assert Account(store, USER, PASSWORD).uidl() == uidl
