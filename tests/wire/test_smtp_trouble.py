# SPDX-License-Identifier: Apache-2.0
"""What clients are told when the store is in trouble, and when the server stops: to come again, so that no mail is
lost; and nothing that was refused is stored."""

import base64
import shutil

import pytest

from maildrops import PASSWORD, make_user, without
from pop3client import session
from servers import WireServer
from smtpclient import Smtp

MESSAGE = b"Subject: x\r\n\r\nHello.\r\n.\r\n"


@pytest.fixture
def own():
    """A server to break."""
    with WireServer("standard") as server:
        server.domain_add("example.org")
        yield server


def count(server, user):
    with session(server, user, PASSWORD) as client:
        return int(client.ok("STAT").split()[1])


@pytest.mark.parametrize("listener", ["smtp", "lmtp"])
@pytest.mark.parametrize("table", ["messageV3", "imapUidTable", "messageIdTable", "pop3metadata", "blobs"])
def test_a_message_that_cannot_be_stored_is_stored_nowhere(own, listener, table):
    users = [make_user(own, "one"), make_user(own, "two")]
    client = Smtp(own, listener).hello().data(*users)
    with without(own, table):
        client.send(MESSAGE)
        for _ in users if client.is_lmtp else users[:1]:
            assert client.expect(451) == "4.3.0 Cannot store mail now, try again later"
    # The same session, once it can be stored: the client comes again.
    client.data(*users)
    client.send(MESSAGE)
    for _ in users if client.is_lmtp else users[:1]:
        client.expect(250)
    client.quit()
    assert [count(own, user) for user in users] == [1, 1]
    own.wait_for_event("trouble", {"protocol": listener})


def test_a_message_that_cannot_be_spooled(own):
    user = make_user(own, "spooled")
    client = Smtp(own).hello().data(user)
    shutil.rmtree(own.data_dir / "spool")
    client.send(b"\r\n" + b"x" * 1_000_000 + b"\r\n.\r\n")
    assert client.expect(451) == "4.3.0 Cannot store mail now, try again later"
    (own.data_dir / "spool").mkdir(mode=0o700)
    client.data(user)
    client.send(b"\r\n" + b"x" * 1_000_000 + b"\r\n.\r\n")
    client.expect(250)
    client.quit()
    assert count(own, user) == 1


def test_a_message_for_which_there_is_no_room():
    server = WireServer("standard")
    server.config["store"] = {**server.config.get("store", {}), "database_bytes_max": 128 * 1024}
    server.write_config()
    with server:
        server.domain_add("example.org")
        user = make_user(server, "full")
        client = Smtp(server).hello()
        stored = 0
        while True:
            client.data(user)
            client.send(MESSAGE)
            code, text = client.reply()
            if code != 250:
                break
            stored += 1
        assert code == 452
        assert text == "4.3.1 No room to store mail now, try again later"
        assert stored > 10
        server.wait_for_event("trouble", {"protocol": "smtp", "error": "busy"})
        # What was stored is there, and can be deleted; then there is room again.
        with session(server, user, PASSWORD) as reader:
            for number in range(1, stored + 1):
                reader.ok(f"DELE {number}")
        client.data(user)
        client.send(MESSAGE)
        client.expect(250)
        client.quit()


def test_addresses_and_logins_that_cannot_be_looked_up(own):
    user = make_user(own, "sought")
    login = "AUTH PLAIN " + base64.b64encode(f"\0{user}\0{PASSWORD}".encode()).decode()
    client, sender = Smtp(own).hello().envelope(), Smtp(own, "submission").hello()
    with without(own, "user"):
        assert client.say(f"RCPT TO:<{user}>", 451) == "4.3.0 Cannot look up addresses now, try again later"
        assert sender.say(login, 454) == "4.7.0 Cannot check passwords now, try again later"
    client.say(f"RCPT TO:<{user}>", 250)
    sender.say(login, 235)
    with without(own, "rrt"):
        assert sender.say("MAIL FROM:<other@example.org>", 451) == "4.3.0 Cannot look up addresses now, try again later"
    sender.say(f"MAIL FROM:<{user}>", 250)
    client.quit()
    sender.quit()


def test_a_stop_of_the_server_says_goodbye_and_stores_no_half_message(own):
    user = make_user(own, "stopped")
    idle, sending = Smtp(own).hello(), Smtp(own).hello().data(user)
    sending.send(b"Subject: half\r\n")
    own.stop()
    for client in (idle, sending):
        assert client.expect(421) == "4.3.2 The server is shutting down"
        assert client.at_end()
        client.close()
    own.start()
    assert count(own, user) == 0
