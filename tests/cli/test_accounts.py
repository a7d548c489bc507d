# SPDX-License-Identifier: Apache-2.0
"""Domains, users, aliases: what the commands do, say and return."""

import poplib

import pytest

from conftest import PASSWORD, USER


def test_domains(store):
    assert store.lines("domain", "list") == []
    assert store.json("domain", "list") == []
    store.domain_add("example.org")
    store.domain_add("Example.NET")
    assert sorted(store.lines("domain", "list")) == ["example.net", "example.org"]
    assert sorted(item["domain"] for item in store.json("domain", "list")) == ["example.net", "example.org"]
    assert store.error("domain", "add", "EXAMPLE.org") == (73, "conflict")
    assert store.error("domain", "add", "not a domain") == (65, "invalid")
    store.cli("domain", "remove", "example.net")
    assert store.lines("domain", "list") == ["example.org"]
    assert store.error("domain", "remove", "example.net") == (67, "not found")


def test_a_domain_with_users_stays(store):
    store.add_alice()
    assert store.error("domain", "remove", "example.org") == (75, "busy")
    store.user_remove(USER)
    store.cli("domain", "remove", "example.org")


def test_users(store):
    store.add_alice()
    store.domain_add("example.net")
    store.user_add("Bob@Example.Net", PASSWORD)
    assert sorted(store.lines("user", "list")) == [USER, "bob@example.net"]
    assert store.lines("user", "list", "example.net") == ["bob@example.net"]
    assert store.json("user", "list", "example.org") == [{"user": USER}]
    assert store.error("user", "list", "nowhere.example") == (67, "not found")
    password = PASSWORD.encode() + b"\n"
    assert store.error("user", "add", USER, "--password-stdin", stdin=password) == (73, "conflict")
    assert store.error("user", "add", "x@nowhere.example", "--password-stdin", stdin=password) == (67, "not found")
    assert store.error("user", "add", "no-address", "--password-stdin", stdin=password) == (65, "invalid")
    assert store.error("user", "remove", "nobody@example.org") == (67, "not found")
    store.user_remove(USER)
    assert store.lines("user", "list", "example.org") == []
    assert store.error("user", "verify", USER, "--password-stdin", stdin=password) == (67, "not found")


def test_passwords(store):
    store.add_alice()
    verify = ["user", "verify", USER, "--password-stdin"]
    assert store.code(*verify, stdin=PASSWORD.encode()) == 0
    assert store.code(*verify, stdin=PASSWORD.encode() + b"\r\nmore") == 0
    assert store.error(*verify, stdin=b"wrong\n") == (77, "denied")
    assert store.error(*verify, stdin=b"\n") == (65, "invalid")
    assert store.error(*verify, stdin=b"x" * 5000) == (65, "invalid")
    store.user_passwd(USER, "päss wörd")
    assert store.code(*verify, stdin=PASSWORD.encode()) == 77
    assert store.code(*verify, stdin="päss wörd\n".encode()) == 0
    assert store.error("user", "passwd", "nobody@example.org", "--password-stdin", stdin=b"x\n") == (67, "not found")


def test_a_new_password_holds_at_once(online):
    """A server remembers who logged in; a change makes it forget."""
    online.add_alice()

    def login(password):
        client = poplib.POP3(*online.address("pop3"), timeout=60)
        try:
            client.user(USER)
            client.pass_(password)
            client.quit()
            return True
        except poplib.error_proto:
            return False
        finally:
            client.close()

    assert login(PASSWORD)
    online.user_passwd(USER, "another one")
    assert not login(PASSWORD)
    assert login("another one")
    online.user_remove(USER)
    assert not login("another one")


def test_aliases(store):
    store.add_alice()
    store.alias_add("info@example.org", USER)
    store.alias_add("team@example.org", USER, "group")
    store.alias_add("@example.org", USER)
    assert sorted(store.lines("alias", "list")) == [
        f"@example.org\t{USER}\talias", f"info@example.org\t{USER}\talias", f"team@example.org\t{USER}\tgroup"]
    assert store.json("alias", "list", "team@example.org") == [
        {"address": "team@example.org", "target": USER, "type": "group"}]
    assert store.error("alias", "add", "info@example.org", USER) == (73, "conflict")
    assert store.error("alias", "add", "x@example.org", USER, "--type", "magic") == (65, "invalid")
    assert store.error("alias", "add", "x@example.org", "someone@elsewhere.example") == (77, "denied")
    store.cli("alias", "remove", "team@example.org", USER, "--type", "group")
    assert store.error("alias", "remove", "team@example.org", USER, "--type", "group") == (67, "not found")
    assert store.lines("alias", "list", "team@example.org") == []


@pytest.mark.parametrize("count", [3000])
def test_a_long_list_comes_whole(online, count):
    online.add_alice()
    wanted = sorted(f"address-{number:05}@example.org" for number in range(count))
    # One command each would take minutes: the admin socket takes one request after another.
    with online.admin() as admin:
        for address in wanted:
            admin.ask("alias add", {"address": address, "target": USER})
    assert sorted(item["address"] for item in online.json("alias", "list")) == wanted
    assert sorted(line.split("\t")[0] for line in online.lines("alias", "list")) == wanted
